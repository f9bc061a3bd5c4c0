"""What the detectors say inside the step, before it becomes findings and episodes."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models import baseline
from models.detectors.moment import Value
from models.findings import Kind, Rule
from models.times import US_PER_S

REPEAT_GRID_US = 60 * US_PER_S
"""Of a stream that goes on beyond its limit, the first sample of a minute is enough to ask whether to tell again."""
Order = tuple[int, int, int, int, bool, bool]


@dataclass(frozen=True, slots=True)
class Band:
    """The patient's own band for one moment, in canonical units, and how far the value is from it."""

    expected: float
    low: float
    high: float
    score: float
    baseline_days: float
    own_weight: float
    known: bool


@dataclass(frozen=True, slots=True)
class Signal:
    """A problem raised or cleared, at a position of the slice. Times in us. earlier: nothing but that it began before
    what was seen first; again: its limit was open already; eased: worse limits are over, and this one is left; usual:
    it is how this patient is, and nobody is told. reason: for that, or for an alert to end that no reading ends.
    problem, title, said: of what has its own words; vitals: that it is about, if not the one; beside: what else was
    measured that it is about."""

    position: int
    slot: int
    vital: int
    high: bool
    raised: bool
    kind: Kind
    rank: int
    rule: Rule | None
    limit: str | None
    onset_us: int
    event_us: int
    arrived_us: int
    decided_us: int
    value: float
    quality: float
    band: Band | None
    retrospective: bool
    earlier: bool = False
    again: bool = False
    eased: bool = False
    usual: bool = False
    problem: str | None = None
    title: str | None = None
    said: str | None = None
    vitals: tuple[int, ...] = ()
    reason: str | None = None
    beside: tuple[Value, ...] = ()

    @property
    def order(self) -> Order:
        """Log order; at the same position by tick, patient and vital, what is cleared before what is raised."""
        return self.position, _tick(self), self.slot, self.vital, self.raised, self.kind == "limit"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A limit that is open is broken once more. Mostly nobody needs to know, so the signal is made only when asked."""

    position: int
    slot: int
    vital: int
    high: bool
    kind: Kind
    rank: int
    value: float
    event_us: int
    whole: Callable[[], Signal]

    @property
    def order(self) -> Order:
        """As of Signal."""
        return self.position, 0, self.slot, self.vital, True, True


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something about a device, raised or over, at a position of the slice. Times in us.

    vital: for the order; vitals: that it concerns; of_vital: the episode is about that vital, not about a device;
    reason: why its alert ends, or is there again where it had ended; inhibited: recorded, and nobody is told;
    retrospective: it was so in the past; lasts: nothing new, but a person may have ended its alert.
    """

    position: int
    slot: int
    vital: int
    raised: bool
    kind: Kind
    problem: str
    onset_us: int
    decided_us: int
    of_vital: bool = False
    vitals: list[int] = field(default_factory=list)
    rank: int = 0
    rule: Rule | None = None
    title: str = ""
    said: str | None = None
    reason: str = ""
    inhibited: bool = False
    earlier: bool = False
    retrospective: bool = False
    lasts: bool = False

    @property
    def order(self) -> Order:
        """As of Signal."""
        return self.position, _tick(self), self.slot, self.vital, self.raised, False


def _tick(one: "Signal | Notice") -> int:
    """The tick at which it was decided: several may stand before one record, and share its position. 0 at a record."""
    return 0 if one.position % 2 else one.decided_us


@dataclass(slots=True)
class Snapshot:
    """A row's baseline after the window closed at `position` (-1: as it was when the slice began)."""

    position: int
    base: npt.NDArray[np.void]
    prior: baseline.Prior
