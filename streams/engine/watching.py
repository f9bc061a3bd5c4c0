"""What is in the hand while one patient's links are gone through, and how it comes out of the table and back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from models.detectors import device_clock, silence
from models.detectors.device_clock import MINUTE_S, Hand
from models.detectors.silence import NEVER_S, Pace
from models.readings import VitalSummary
from models.times import US_PER_S, rfc3339
from models.vitals import VITALS
from streams.engine.links import LINK
from streams.engine.newcomers import Turn
from streams.engine.signals import Notice

LEAST_S: list[int] = silence.settings().least_s.tolist()
FLOOR_S: list[int] = silence.settings().floor_s.tolist()
PERIOD_S, PACE_S, LATE_S = silence.settings().period_s, device_clock.settings().pace_s, device_clock.settings().late_s
"""Read once: `Link.passes` is on the way of many readings."""


class Told(IntEnum):
    """What people know of a link's silence. VITAL_ENDED, DEVICE_ENDED: a person resolved what they were told, although
    it lasts."""

    NOTHING = 0
    WAITING = 1
    VITAL = 2
    DEVICE = 3
    REPLACED = 4
    WITHDRAWN = 5
    INHIBITED = 6
    VITAL_ENDED = 7
    DEVICE_ENDED = 8


ENDED = {Told.VITAL: Told.VITAL_ENDED, Told.DEVICE: Told.DEVICE_ENDED}
UNTOLD = (Told.NOTHING, Told.WAITING, *ENDED.values())
SETTLED = (Told.VITAL, Told.DEVICE, Told.REPLACED, Told.WITHDRAWN)


@dataclass(slots=True, eq=False)
class Link:
    """A link in the hand. place: in the table, below 0 for one that is not in it yet; due_s: when to look at it, None
    if that has to be found out anew."""

    place: int
    row: int
    device: int
    name: str
    source: int
    pace: Pace
    hand: Hand
    due_s: int | None = NEVER_S
    told: int = Told.NOTHING
    stale: bool = False

    @property
    def sooner_s(self) -> int:
        """A time before which it need not be looked at, whatever arrives until then."""
        floor_s = self.pace.last_s + FLOOR_S[self.pace.vital]
        return floor_s if self.due_s is None else NEVER_S if self.due_s == NEVER_S else min(self.due_s, floor_s)

    def passes(self, at_s: int, event_s: int) -> bool:
        """Take an arrival with which nothing happens; False, and nothing is changed, if something may."""
        pace, hand, last_s = self.pace, self.hand, self.pace.last_s
        if self.told or self.stale or hand.run or at_s - last_s > LEAST_S[pace.vital]:
            return False
        if at_s // PERIOD_S != last_s // PERIOD_S:
            return False
        if at_s // MINUTE_S != last_s // MINUTE_S:
            step = event_s - hand.event_s
            if step == 0 or step < -PACE_S or at_s - event_s > LATE_S[pace.vital]:
                return False
            hand.mark_s, hand.event_s = at_s, event_s
        pace.last_s, self.due_s = at_s, None
        return True


@dataclass(frozen=True, slots=True)
class Arrival:
    """A reading that was decided, or one that was refused because of its time (row below 0)."""

    position: int
    clock_us: int
    event_us: int
    row: int
    vital: int
    device: int
    name: str
    source: int


@dataclass(slots=True)
class Arrivals:
    """The readings of one patient that concern a vigil, in log order: lists of the same length. at_s, event_s: as links
    keep them; row: below 0 for one refused because of its time; whole: one of them with everything."""

    position: list[int]
    at_s: list[int]
    event_s: list[int]
    row: list[int]
    device: list[int]
    whole: Callable[[int], Arrival]


@dataclass(slots=True)
class Watched:
    """What watching brings: notices, summaries with their places, devices that came and went, and how many links there
    was no room for."""

    notices: list[Notice] = field(default_factory=list)
    summaries: list[tuple[tuple[int, int, int, int], VitalSummary]] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    unwatched: int = 0


@dataclass(slots=True)
class Around:
    """What a vigil asks others. part: of the local day at a time [us]; withdrawn: whether a device has been handed back
    by a time [us]; quiet: whether a source is known to be quiet at an offset; told_again: whether people hear again of
    a problem of a device that lasts, at a time [us]."""

    part: Callable[[int], int]
    withdrawn: Callable[[str, int], bool]
    quiet: Callable[[int, int], bool]
    told_again: Callable[[str, str, int], bool]


def seconds(us: int) -> int:
    """A time as links keep it: whole seconds between 1970 and 2106."""
    return min(max(us // US_PER_S, 0), silence.LATEST_S)


def loaded(table: npt.NDArray[np.void], row: int, place: int, name: str) -> Link:
    """A link of the table, in the hand."""
    one = table[place]
    pace, clock = one["pace"], one["clock"]
    hand = Hand(*(int(clock[field]) for field in ("mark_s", "event_s", "lag_s", "run", "fault", "age")))
    figures = int(pace["first_s"]), int(pace["last_s"]), pace["longest_s"].tolist(), int(pace["vital"])
    stands = int(pace["due_s"]), int(pace["told"]), bool(pace["stale"])
    known = Pace(*figures, int(pace["habit"]))
    return Link(place, row, int(one["device"]), name, int(one["source"]), known, hand, *stands)


def packed(slot: int, link: Link) -> npt.NDArray[np.void]:
    """The same for the table, (1,)."""
    one = np.zeros(1, LINK)
    one["slot"], one["device"], one["source"] = slot, link.device, link.source
    pace, hand, due_s = link.pace, link.hand, NEVER_S if link.due_s is None else link.due_s
    one["pace"] = pace.first_s, pace.last_s, due_s, pace.longest_s, pace.vital, pace.habit, link.told, link.stale
    lag_s = min(max(hand.lag_s, -(2**31)), 2**31 - 1)
    one["clock"] = hand.mark_s, hand.event_s, lag_s, hand.run, hand.fault, hand.age
    return one


def called(device: str) -> str:
    """A device in the name of a problem."""
    return device or "unnamed"


def empty(patient: str, vital: int, start_us: int, state: str) -> VitalSummary:
    """A summary that says only how things stand: nothing was measured."""
    return VitalSummary(
        patient=patient, vital=VITALS[vital].name, start=rfc3339(start_us), period_s=float(VITALS[vital].window_s), n=0,
        mean=None, min=None, max=None, expected=None, low=None, high=None,
        state="withheld" if state == "withheld" else "unknown",
    )  # fmt: skip
