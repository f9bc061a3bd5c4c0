"""Device clocks that stand still, run backwards or have been set back, told apart from devices that sync late.

Once a minute of arrivals, a reading of each link is compared with the one before. A device that syncs late brings old
readings in a burst, far faster than time passes, and is up to date at its end. A clock that was set back falls behind
at once and then stays behind, at the pace of arrivals. (A clock that is ahead is refused as a clock fault.) What cannot
be told apart: a gap that is made up for at exactly the pace of time, with nothing from now in between.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.findings import SEVERITIES, Rule
from models.segments import Bools, Ints, lasts, previous, segments_of

MINUTE_S = 60
FINE, STUCK, BEHIND = range(3)
MOST_COUNTED = 250

STATE = np.dtype([("mark_s", "u4"), ("event_s", "u4"), ("lag_s", "i4"), ("run", "u1"), ("fault", "u1")], align=True)
"""One link. mark_s, event_s: arrival and event time of the last reading compared [s]; fault: of the run; run: readings
in a row with it; lag_s: how far event times were behind arrivals before the run, 0 while there is none (readings with
which nothing happens are not gone through, so nothing else may depend on them)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """steps: length of a run that is told; refused: readings from the future in a row that are; rank: severity."""

    steps: int
    behind_s: int
    pace_s: int
    refused: int
    rank: int
    rule: Rule


@cache
def settings() -> Settings:
    """The settings in use (`evidence/cadence.yaml`)."""
    document = load("cadence")
    clock = document["clock"]
    rule = Rule("device_clock", document["meta"]["version"], document["meta"]["src"][0])
    numbers = clock["steps"], clock["behind_s"], clock["pace_s"], clock["refused"]
    return Settings(*numbers, SEVERITIES.index(clock["severity"]), rule)


@dataclass(frozen=True, slots=True)
class Compared:
    """The readings of a stretch that are compared, by link: links (k,), odd (k,): must be gone through one by one;
    mark_s, event_s (k,): of the last one compared, as of STATE."""

    links: Ints
    odd: Bools
    mark_s: Ints
    event_s: Ints


def compare(
    states: npt.NDArray[np.void], link: Ints, at_s: Ints, event_s: Ints, last_s: npt.NDArray[np.uint32]
) -> Compared:
    """Compare readings with those before, without changing the links.

    states: dtype STATE; link (n,): sorted; at_s, event_s (n,): arrival and event time; last_s: the
    arrival before, by link.
    """
    links, segment = segments_of(link)
    before = previous(segment, at_s, last_s[links].astype(np.int64))
    picked = np.flatnonzero(at_s // MINUTE_S != before // MINUTE_S)
    old = states[links]
    odd = old["run"] > 0
    mark_s, marked = old["mark_s"].astype(np.int64), old["event_s"].astype(np.int64)
    if not len(picked):
        return Compared(links, odd, mark_s, marked)
    mine, place = segments_of(segment[picked])
    step = event_s[picked] - previous(place, event_s[picked], marked[mine])
    odd[mine[place[(step == 0) | (step < -settings().pace_s)]]] = True
    ends = lasts(place)
    mark_s[mine], marked[mine] = at_s[picked][ends], event_s[picked][ends]
    return Compared(links, odd, mark_s, marked)


@dataclass(slots=True)
class Hand:
    """One link's clock, for what must be gone through one by one. Fields as of STATE."""

    mark_s: int
    event_s: int
    lag_s: int
    run: int
    fault: int

    @property
    def wrong(self) -> bool:
        """Whether the run is long enough to be told."""
        return self.run >= settings().steps

    def compare(self, before_s: int, at_s: int, event_s: int) -> None:
        """One more reading; before_s: the link's arrival before."""
        if at_s // MINUTE_S == before_s // MINUTE_S:
            if self.run and not self._as_wrong(at_s, event_s):  # one right reading shows that the clock is right
                self.run, self.fault, self.lag_s = 0, FINE, 0
            return
        if self.run and self._goes_on(at_s, event_s):
            self.run = min(self.run + 1, MOST_COUNTED)
        else:
            self._begin(event_s)
        self.mark_s, self.event_s = at_s, event_s

    def _as_wrong(self, at_s: int, event_s: int) -> bool:
        """Whether this reading may come from the clock that is in doubt."""
        if self.fault == STUCK:
            return event_s == self.event_s
        return at_s - event_s >= self.lag_s + settings().behind_s

    def _goes_on(self, at_s: int, event_s: int) -> bool:
        step = event_s - self.event_s
        at_pace = step <= 0 or abs(step - (at_s - self.mark_s)) <= settings().pace_s
        return self._as_wrong(at_s, event_s) and (at_pace or self.wrong)

    def _begin(self, event_s: int) -> None:
        """Whether a run begins with this reading."""
        step = event_s - self.event_s
        self.fault = STUCK if step == 0 else BEHIND if step < -settings().pace_s else FINE
        self.run = int(self.fault != FINE)
        self.lag_s = self.mark_s - self.event_s if self.run else 0
