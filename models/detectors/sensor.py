"""Readings that say more about the sensor than about the patient: `evidence/sensors.yaml` says which, and why.

Row by row (a vital of a patient), reading by reading in the order of event time. Nearly all readings need no more than
a comparison with the one before; a row in which anything is odd is gone through one by one (`Watch`), and both ways
end in the same state. Readings of another device than the one before begin anew, and a reading older than the one
before is not judged. Nothing here touches a limit: see the evidence.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from math import inf, nan
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.findings import SEVERITIES, Rule
from models.segments import Bools, Ints, starts
from models.vitals import BY_NAME, VITALS

Floats = npt.NDArray[np.float64]
HEART_RATE = BY_NAME["heart_rate"].index
MINUTE_S = 60
MOST = 60_000
"""Readings of a run that are counted."""


class Fault(IntEnum):
    """What is wrong with a reading."""

    NONE = 0
    FLAT = 1
    EDGE = 2
    JUMP = 3
    BELOW = 4
    CADENCE = 5


class Told(IntEnum):
    """Whether people know of a row's fault. PAST: it is on the record only, because all that was at fault came late."""

    NOT = 0
    LIVE = 1
    PAST = 2


STATE = np.dtype(
    [("device", "u8"), ("at_s", "u4"), ("since_s", "u4"), ("value", "f4"), ("n", "u2"), ("busy", "u1")], align=True
)
"""One row. The reading before: device (hash), at_s [s since 1970], value; n, since_s: of its run of equal values; busy:
there is more to know, a record of WATCH."""
WATCH = np.dtype(
    [
        ("good", "f4"), ("suspect", "f4"), ("good_s", "u4"), ("suspect_s", "u4"), ("match_s", "u4"), ("bad_s", "u4"),
        ("match_n", "u2"), ("bad_n", "u2"), ("ok_n", "u2"), ("told", "u1"), ("kind", "u1"),
    ],
    align=True,
)  # fmt: skip
"""Of a row in which something is odd. good, good_s: last good reading; suspect, suspect_s: one that jumped (0: none);
match_n, match_s: run at the rate of steps; bad_n, bad_s, ok_n: faulty readings, since when, and good ones since; told:
whether people know (`Told`), by a fault of this kind."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one vital; NaN, or a count that nobody reaches, where there is no such rule. Times in s."""

    flat_n: int
    flat_s: int
    gap_s: int
    edge_low: float
    edge_high: float
    edge_n: int
    edge_s: int
    jump_least: float
    jump_per_s: float
    jump_gap_s: int
    below: float
    below_rest: bool
    told_n: int
    told_s: int
    over_n: int


@cache
def limits() -> tuple[Limits, ...]:
    """The limits in use, by vital."""
    known = load("sensors")["vitals"]
    return tuple(_limits(known.get(vital.name, {})) for vital in VITALS)


def _limits(one: dict[str, Any]) -> Limits:
    """The limits of one vital."""
    flat, edge, jump, below, told = (one.get(name, {}) for name in ("flat", "edge", "jump", "below", "told"))
    low, high = edge.get("at", (nan, nan))
    return Limits(
        flat_n=flat.get("n", MOST + 1), flat_s=flat.get("min", 0) * MINUTE_S,
        gap_s=flat.get("gap_min", edge.get("gap_min", 0)) * MINUTE_S, edge_low=low, edge_high=high,
        edge_n=edge.get("n", MOST + 1), edge_s=edge.get("min", 0) * MINUTE_S,
        jump_least=jump.get("least", inf), jump_per_s=jump.get("per_min", 0) / MINUTE_S,
        jump_gap_s=jump.get("gap_min", 0) * MINUTE_S, below=below.get("value", nan),
        below_rest=below.get("rest", False), told_n=told.get("n", MOST + 1), told_s=told.get("h", 0) * 3600,
        over_n=told.get("over", 1),
    )  # fmt: skip


@cache
def watched() -> Bools:
    """Of which vitals anything is judged, (V,)."""
    return np.array([vital.name in load("sensors")["vitals"] for vital in VITALS])


@cache
def limit(name: str) -> npt.NDArray[Any]:
    """One of the limits by vital, (V,)."""
    return np.array([getattr(one, name) for one in limits()])


@dataclass(frozen=True, slots=True)
class Cadence:
    """When a heart rate is taken for the rate of steps."""

    within: float
    least: float
    n: int
    s: int
    fresh_s: int


@cache
def cadence() -> Cadence:
    """The settings in use."""
    c = load("sensors")["vitals"]["heart_rate"]["cadence"]
    return Cadence(c["within"], c["steps_per_min"], c["n"], c["min"] * MINUTE_S, c["fresh_s"])


@cache
def rule() -> Rule:
    """What speaks."""
    meta = load("sensors")["meta"]
    return Rule("sensor_fault", meta["version"], meta["src"][0])


@cache
def rank() -> int:
    """Severity of the technical alert."""
    return SEVERITIES.index(load("sensors")["severity"])


def is_unknown(n: Ints, faulty: Ints) -> Bools:
    """Windows (k,) of n readings of which so many are at fault that nothing is known."""
    unknown: Bools = (faulty > 0) & (faulty >= load("sensors")["share"] * n)
    return unknown


@dataclass(frozen=True, slots=True)
class Readings:
    """Columns (n,), each row's in log order: row (sorted), vital, at_s, value, device, resting; steps: the patient's
    rate of steps at that time [/min], NaN if unknown, None if of all."""

    row: Ints
    vital: Ints
    at_s: Ints
    value: Floats
    device: npt.NDArray[np.uint64]
    resting: Bools
    steps: Floats | None


def quiet(states: npt.NDArray[np.void], one: Readings) -> tuple[Ints, Ints, Bools]:
    """Take the readings of rows in which nothing is odd. Returns the rows (k,), where the readings of each begin, and
    which rows (k,) were left alone: they must be gone through. states: dtype STATE, by row; values as kept (f4)."""
    begin = np.flatnonzero(starts(one.row))
    rows = one.row[begin]
    old, count = states[rows], np.diff(np.append(begin, len(one.row)))
    n, since_s, odd = _runs(one, begin, count, old)
    left = (old["busy"] > 0) | np.logical_or.reduceat(odd, begin) if len(begin) else np.zeros(0, bool)
    easy = np.flatnonzero(~left)
    ends = (begin + count - 1)[easy]
    for name, figures in zip(_KEPT, (one.device, one.at_s, since_s, one.value, n), strict=True):
        states[name][rows[easy]] = figures[ends]
    return rows, begin, left


_KEPT = ("device", "at_s", "since_s", "value", "n")


def _runs(one: Readings, begin: Ints, count: Ints, old: npt.NDArray[np.void]) -> tuple[Ints, Ints, Bools]:
    """Of each reading (n,): the length of its run of equal values, since when it goes [s], and whether it is odd, that
    is, may not be taken without a closer look. begin, count, old (k,): as of `quiet`. Few readings come near a limit:
    the limits that a comparison leaves out are looked up for those alone."""
    value, new = one.value, np.zeros(len(one.row), bool)
    new[begin] = old["n"] == 0
    before, step_s = _before(value, begin, old["value"]), one.at_s - _before(one.at_s, begin, old["at_s"])
    odd = (step_s < 0) | (one.device != _before(one.device, begin, old["device"]))
    odd[new] = False
    far = np.flatnonzero((np.abs(value - before) > limit("jump_least")[one.vital]) & ~new)
    v = one.vital[far]
    moved = np.abs(value[far] - before[far]) > limit("jump_per_s")[v] * step_s[far]
    odd[far] |= moved & (step_s[far] <= limit("jump_gap_s")[v])
    odd |= value < limit("below")[one.vital]
    if one.steps is not None:
        odd |= (one.vital == HEART_RATE) & (np.abs(value - one.steps) <= cadence().within)
    n, since_s = _stood(one, begin, count, old, (value == before) & ~new, step_s)
    run = np.flatnonzero(n >= _least_run())
    v, at_edge = one.vital[run], value[run]
    ends = (at_edge <= limit("edge_low")[v]) | (at_edge >= limit("edge_high")[v])
    odd[run] |= (n[run] >= limit("flat_n")[v]) | (ends & (n[run] >= limit("edge_n")[v]))
    return n, since_s, odd


def _stood(
    one: Readings, begin: Ints, count: Ints, old: npt.NDArray[np.void], same: Bools, step_s: Ints
) -> tuple[Ints, Ints]:
    """Length of each reading's run, and since when it goes. same (n,): its value is that of the one before."""
    equal = np.flatnonzero(same)
    same[equal] = step_s[equal] <= limit("gap_s")[one.vital[equal]]
    if not same.any():
        return np.ones(len(same), np.int64), one.at_s
    place = np.arange(len(same))
    last, first = np.maximum.accumulate(np.where(same, -1, place)), np.repeat(begin, count)
    inside = last >= first
    n = np.where(inside, place - last + 1, np.repeat(old["n"].astype(np.int64), count) + place - first + 1)
    return np.minimum(n, MOST), np.where(inside, one.at_s[last], np.repeat(old["since_s"], count))


@cache
def _least_run() -> int:
    """A shorter run of equal values is nowhere a fault."""
    return min(min(one.flat_n, one.edge_n) for one in limits())


def _before(figures: npt.NDArray[Any], begin: Ints, carry: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The one before each (n,) in its row; of the first, what the row carries in (k,)."""
    before = np.empty_like(figures)
    before[1:] = figures[:-1]
    before[begin] = carry
    return before


@dataclass(slots=True)
class Watch:
    """One row, reading by reading. Fields as of STATE and WATCH; of: the limits of its vital."""

    vital: int
    of: Limits
    device: int = 0
    at_s: int = 0
    since_s: int = 0
    value: float = 0.0
    n: int = 0
    busy: int = 0
    good: float = 0.0
    suspect: float = 0.0
    good_s: int = 0
    suspect_s: int = 0
    match_s: int = 0
    bad_s: int = 0
    match_n: int = 0
    bad_n: int = 0
    ok_n: int = 0
    told: int = 0
    kind: int = 0

    @classmethod
    def of_row(cls, vital: int, state: np.void, watch: np.void | None) -> Self:
        """A row as it stands; watch: of one that is busy."""
        one = cls(vital, limits()[vital], *state.tolist(), *(() if watch is None else watch.tolist()))
        if one.n and watch is None:
            one.good, one.good_s = one.value, one.at_s
        return one

    def take(
        self, at_s: int, value: float, device: int, resting: bool, steps: float, late: bool = False
    ) -> tuple[Fault, bool | None]:
        """The next reading: its fault, and whether something is raised (True) or over (False). late: it is about the
        past, so that what it raises is for the record; the first faulty reading of now is raised again, as of now."""
        over = None
        if device != self.device:
            over = False if self.told == Told.LIVE else None
            self._anew(device)
        if at_s < self.at_s:
            return Fault.NONE, over
        self._run(at_s, value)
        fault = self._matches(at_s, value, steps) or self._jumps(at_s, value) or self._stands(value)
        if fault is Fault.NONE and value < self.of.below and (resting or not self.of.below_rest):
            fault = Fault.BELOW
        told = self._tell(at_s, fault, late)
        self.busy = int(bool(self.suspect_s or self.match_n or self.bad_n))
        return fault, told if over is None else over

    def _anew(self, device: int) -> None:
        """Another device: nothing that was known holds of it."""
        self.device, self.at_s, self.n, self.good_s, self.suspect_s = device, 0, 0, 0, 0
        self.match_n = self.bad_n = self.ok_n = self.told = 0

    def _run(self, at_s: int, value: float) -> None:
        """The run of equal values."""
        if self.n and value == self.value and at_s - self.at_s <= self.of.gap_s:
            self.n = min(self.n + 1, MOST)
        else:
            self.n, self.since_s = 1, at_s
        self.value, self.at_s = value, at_s

    def _stands(self, value: float) -> Fault:
        """Whether the value stands still, perhaps at an end of the device's range."""
        of, stood_s = self.of, self.at_s - self.since_s
        ends = value <= of.edge_low or value >= of.edge_high
        if ends and self.n >= of.edge_n and stood_s >= of.edge_s:
            return Fault.EDGE
        return Fault.FLAT if self.n >= of.flat_n and stood_s >= of.flat_s else Fault.NONE

    def _matches(self, at_s: int, value: float, steps: float) -> Fault:
        """Whether the heart rate has followed the rate of steps for some minutes."""
        c = cadence()
        if self.vital != HEART_RATE or not abs(value - steps) <= c.within:
            self.match_n = 0
            return Fault.NONE
        if not self.match_n:
            self.match_s = at_s
        self.match_n = min(self.match_n + 1, MOST)
        return Fault.CADENCE if self.match_n >= c.n and at_s - self.match_s >= c.s else Fault.NONE

    def _jumps(self, at_s: int, value: float) -> Fault:
        """Whether the reading is further from the last good one than a body moves. A second one there is the level."""
        if not self.good_s or not self._far(at_s, value, self.good_s, self.good):
            self.good, self.good_s, self.suspect_s = value, at_s, 0
            return Fault.NONE
        near = at_s - self.suspect_s <= self.of.jump_gap_s and not self._far(at_s, value, self.suspect_s, self.suspect)
        if self.suspect_s and near:
            self.good, self.good_s, self.suspect_s = value, at_s, 0
            return Fault.NONE
        self.suspect, self.suspect_s = value, at_s
        return Fault.JUMP

    def _far(self, at_s: int, value: float, from_s: int, there: float) -> bool:
        of, passed_s = self.of, at_s - from_s
        return passed_s <= of.jump_gap_s and abs(value - there) > max(of.jump_least, of.jump_per_s * passed_s)

    def _tell(self, at_s: int, fault: Fault, late: bool) -> bool | None:
        """Count faulty readings, and good ones after them. True: people must know; False: it is over."""
        if fault:
            self.bad_s = self.bad_s if self.bad_n else at_s
            self.bad_n, self.ok_n = min(self.bad_n + 1, MOST), 0
            known = self.told == Told.LIVE or (self.told == Told.PAST and late)
            if known or self.bad_n < self.of.told_n or at_s - self.bad_s < self.of.told_s:
                return None
            self.told, self.kind = Told.PAST if late else Told.LIVE, int(fault)
            return True
        if self.bad_n:
            self.ok_n += 1
            if self.ok_n >= self.of.over_n:
                told, self.told, self.bad_n, self.ok_n = self.told, 0, 0, 0
                return False if told == Told.LIVE else None
        return None

    def state(self) -> tuple[float, ...]:
        """As STATE has it."""
        return self.device, self.at_s, self.since_s, self.value, self.n, self.busy

    def watch(self) -> tuple[float, ...]:
        """As WATCH has it; what no longer means anything is 0, so that the same state is the same bytes."""
        self.good *= bool(self.good_s)
        self.suspect *= bool(self.suspect_s)
        self.match_s *= bool(self.match_n)
        self.bad_s *= bool(self.bad_n)
        self.kind *= bool(self.told)
        return tuple(getattr(self, name) for name in WATCH.names or ())
