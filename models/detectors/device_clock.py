"""Device clocks that stand still, run backwards, have been set back or were never right, told apart from devices that
sync late.

Once a minute of arrivals, a reading of each link is compared with the one before. A device that syncs late brings old
readings in a burst, far faster than time passes, and is up to date at its end. A clock that was set back falls behind
at once and then stays behind, at the pace of arrivals. (A clock that is ahead is refused as a clock fault.) What cannot
be told apart: a gap that is made up for at exactly the pace of time, with nothing from now in between.

A clock that was behind from the first reading on shows no step. What shows it is that the newest of what comes is never
newer: the least age, from one quarter of an hour with arrivals to the next, is always the same, while late syncs are of
any age. Two things have one age for another reason, and do not count: what is measured and sent on one schedule, and
the figures of an hour or a day that are stamped with its beginning. Whether a clock is behind or a connection always
takes so long, nobody can tell from the times; either way the readings are too old to be told as of now.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.findings import SEVERITIES, Rule
from models.segments import Bools, Ints, lasts, previous, segments_of, starts
from models.vitals import VITALS

MINUTE_S = 60
FINE, STUCK, BEHIND, LATE = range(4)
MOST_COUNTED = 250
MOST_LAG_S = 2**31 - 1
NEVER_S = 2**40
MET, COUNTS, SPARSE = 1, 2, 4
"""Of a quarter of an hour in which readings come late: one was of the usual age; that counts; and is held to it more
closely, for it came after so long a pause that its age may be chance."""

STATE = np.dtype(
    [("mark_s", "u4"), ("event_s", "u4"), ("lag_s", "i4"), ("run", "u1"), ("fault", "u1"), ("age", "u1")], align=True
)
"""One link. mark_s, event_s: arrival and event time of the last reading compared [s]; fault: of the run; run: readings
in a row with it, of LATE quarters of an hour; lag_s: how far event times were behind arrivals before the run, 0 while
there is none (readings with which nothing happens are not gone through, so nothing else may depend on them), of LATE
their least age within it; age: of LATE, what is known of the quarter of an hour, in what was a hole."""


@dataclass(frozen=True, slots=True)
class Settings:
    """steps: length of a run that is told; refused: readings from the future in a row that are; rank: severity;
    late_s: by vital, the age from which readings count as late (NEVER_S: never); quarter_s: of LATE."""

    steps: int
    behind_s: int
    pace_s: int
    refused: int
    rank: int
    rule: Rule
    late_s: tuple[int, ...]
    quarter_s: int


@cache
def settings() -> Settings:
    """The settings in use (`evidence/cadence.yaml`)."""
    document = load("cadence")
    clock = document["clock"]
    rule = Rule("device_clock", document["meta"]["version"], document["meta"]["src"][0])
    numbers = clock["steps"], clock["behind_s"], clock["pace_s"], clock["refused"]
    judged = {name: g["live_horizon_s"] for g in document["groups"] if g["id"] in clock["late"] for name in g["vitals"]}
    late_s = tuple(judged.get(vital.name, NEVER_S) for vital in VITALS)
    return Settings(*numbers, SEVERITIES.index(clock["severity"]), rule, late_s, clock["quarter_s"])


@cache
def late_after() -> Ints:
    """The age from which readings count as late, by vital (V,) [s]."""
    return np.array(settings().late_s, np.int64)


@dataclass(frozen=True, slots=True)
class Compared:
    """The readings of a stretch that are compared, by link: links (k,), odd (k,): must be gone through one by one;
    mark_s, event_s (k,): of the last one compared, as of STATE."""

    links: Ints
    odd: Bools
    mark_s: Ints
    event_s: Ints


def compare(
    states: npt.NDArray[np.void], link: Ints, at_s: Ints, event_s: Ints, last_s: npt.NDArray[np.uint32],
    vital: npt.NDArray[np.uint8],
) -> Compared:  # fmt: skip
    """Compare readings with those before, without changing the links.

    states: dtype STATE; link (n,): sorted; at_s, event_s (n,): arrival and event time; last_s, vital: the
    arrival before and the vital, by link.
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
    odd[segment[_begins_late(at_s - event_s - late_after()[vital[links]][segment], segment, picked)]] = True
    ends = lasts(place)
    mark_s[mine], marked[mine] = at_s[picked][ends], event_s[picked][ends]
    return Compared(links, odd, mark_s, marked)


def _begins_late(over_s: Ints, segment: Ints, picked: Ints) -> Ints:
    """Which of the readings that are compared are late, and followed by none within the minute that is not.

    over_s (n,): how much older each reading is than counts as late; segment (n,): its link."""
    late = picked[over_s[picked] > 0]
    if not len(late):
        return late
    edges = np.union1d(picked, np.flatnonzero(starts(segment)))
    least = np.minimum.reduceat(over_s, edges)
    found: Ints = late[least[np.searchsorted(edges, late)] > 0]
    return found


@dataclass(slots=True)
class Hand:
    """One link's clock, for what must be gone through one by one. Fields as of STATE."""

    mark_s: int
    event_s: int
    lag_s: int
    run: int
    fault: int
    age: int = 0

    @property
    def wrong(self) -> bool:
        """Whether the run is long enough to be told."""
        return self.run >= settings().steps

    def compare(self, before_s: int, at_s: int, event_s: int, late_s: int) -> None:
        """One more reading; before_s: the link's arrival before; late_s: the age from which it counts as late."""
        compared = at_s // MINUTE_S != before_s // MINUTE_S
        if self.run and self.fault == LATE and not (compared and event_s == self.event_s and not self.wrong):
            self._late(before_s, at_s, at_s - event_s, late_s)
        elif not compared:
            if self.run and not self._as_wrong(at_s, event_s):  # one right reading shows that the clock is right
                self.run, self.fault, self.lag_s = 0, FINE, 0
        elif self.run and self.fault != LATE and self._goes_on(at_s, event_s):
            self.run = min(self.run + 1, MOST_COUNTED)
        else:
            self._begin(event_s)
            if not self.run and at_s - event_s > late_s:
                self._begin_late(at_s - event_s)
        if compared:
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
        self.age = 0

    def _begin_late(self, lag_s: int) -> None:
        self.fault, self.run, self.lag_s, self.age = LATE, 1, min(lag_s, MOST_LAG_S), MET

    def _late(self, before_s: int, at_s: int, lag_s: int, late_s: int) -> None:
        """One more reading of a link whose readings are late; lag_s: its age. Once that is told, whatever is late goes
        on with it: a clock drifts, and changes with the seasons."""
        if lag_s <= late_s:
            self.run, self.fault, self.lag_s, self.age = 0, FINE, 0, 0
            return
        if self.wrong:
            return
        s = settings()
        if at_s // s.quarter_s != before_s // s.quarter_s:
            if not self.age & MET:
                self._begin_late(lag_s)
                return
            self.age = self._next_quarter(at_s - before_s)
        give_s = s.pace_s if self.age & SPARSE else s.behind_s
        if lag_s < self.lag_s - s.pace_s:
            self._begin_late(lag_s)
        elif lag_s <= self.lag_s + give_s and not self.age & MET:
            self.run += bool(self.age & COUNTS)
            self.age |= MET

    def _next_quarter(self, pause_s: int) -> int:
        """What is known of a quarter of an hour with its first reading, after a pause. Several readings on their way at
        any time show that their age is no chance; so does a pause that is on no schedule."""
        if 2 * pause_s <= self.lag_s:
            return COUNTS
        s = settings()
        beside_s = (pause_s + s.pace_s) % s.quarter_s
        return SPARSE | (COUNTS if beside_s > 2 * s.pace_s else 0)
