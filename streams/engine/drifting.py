"""What slow changes have to say: the drift of a vital, and several vitals together (see `weeks`)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alerts.explain import drifted, drifted_title, together
from models.detectors import change_index, drift
from models.findings import Kind, Rule
from models.segments import Ints, rounds, starts
from models.times import US_PER_DAY
from models.vitals import VITALS
from streams.engine.scales import from_working
from streams.engine.signals import Band, Signal
from streams.engine.state import PartitionState
from streams.engine.weeks import Judged, joined

Floats = npt.NDArray[np.float64]
BAND_SD = 2.5
"""Half of the band that is shown with a day, in SD of a day: what a single day seldom leaves."""


def signals_of(state: PartitionState, parts: list[Judged]) -> list[Signal]:
    """Drifts and change indices that begin or end with these weeks, in log order."""
    if not parts:
        return []
    weeks, found = joined(parts), list[Signal]()
    told = drift.settings().judged[weeks.vital]
    for column, raised in ((weeks.over, False), (weeks.raised, True)):
        found += [_drift(weeks, i, int(column[i]), raised) for i in np.flatnonzero((column != 0) & told).tolist()]
    group = np.cumsum(starts(weeks.position) | starts(weeks.clock) | starts(weeks.slot)) - 1
    last = np.append(np.flatnonzero(starts(group))[1:] - 1, len(group) - 1)
    for turn in rounds(weeks.slot[last]):
        found += _together(state, weeks, np.flatnonzero(np.isin(group, turn)), last[turn])
    return found


def _together(state: PartitionState, weeks: Judged, new: Ints, last: Ints) -> list[Signal]:
    """Indices of patients, each once, after the weeks `new` became known; last: the last of them of each patient."""
    table, slot, day = state.weeks.table, weeks.slot[last], weeks.day[last]
    table["week"][weeks.row[new]], table["week_day"][weeks.row[new]] = weeks.away[new], weeks.day[new]
    rows = state.row_of[slot].astype(np.int64)
    at, known = table["week_day"][rows].astype(np.int64), rows >= 0
    there = known & (at > 0) & (day[:, None] - at <= change_index.settings().fresh_days)
    found = change_index.index(table["week"][rows].astype(np.float64), there)
    over, raised = change_index.judge(state.weeks.open[slot] > 0, found)
    state.weeks.open[slot[over]], state.weeks.open[slot[raised]] = 0, 1
    signals = list[Signal]()
    for k in np.flatnonzero(over | raised).tolist():
        signals.append(_index(weeks, int(last[k]), found.part[k], float(found.value[k]), bool(raised[k])))
    return signals


def _drift(weeks: Judged, i: int, sign: int, raised: bool) -> Signal:
    """A drift raised or over."""
    vital, days, s = int(weeks.vital[i]), int(weeks.since_days[i]) if raised else 0, drift.settings()
    value, band = _band(vital, weeks.figure[i], weeks.expected[i], weeks.sd[i], weeks.away[i], int(weeks.learned[i]))
    told = _Told("drift", s.rank, s.rule, (vital,))
    said = drifted(VITALS[vital].name, value, band.expected, days, band.score, band.baseline_days) if raised else None
    named = drifted_title(VITALS[vital].name, sign > 0)
    return _signal(weeks, i, told, vital, sign > 0, raised, value, band, days, None, named, said)


def _index(weeks: Judged, i: int, part: Floats, value: float, raised: bool) -> Signal:
    """A change index raised or over, with what brings it; its evidence is the vital of which a week has just come."""
    s, vitals, vital = change_index.settings(), change_index.contributors(part).tolist(), int(weeks.vital[i])
    parts = [(VITALS[v].name, bool(s.worse[v] > 0), float(part[v])) for v in vitals]
    shown, band = _band(vital, weeks.figure[i], weeks.expected[i], weeks.sd[i], value, int(weeks.learned[i]))
    told = _Told("change_index", s.rank, s.rule, tuple(vitals))
    said, named = together(value, parts) if raised else None, change_index.TITLE
    high = bool(weeks.figure[i] >= weeks.expected[i])
    return _signal(weeks, i, told, vital, high, raised, shown, band, 0, change_index.PROBLEM, named, said)


@dataclass(frozen=True, slots=True)
class _Told:
    kind: Kind
    rank: int
    rule: Rule
    vitals: tuple[int, ...]


def _signal(
    weeks: Judged, i: int, told: _Told, vital: int, high: bool, raised: bool, value: float, band: Band, days: int,
    problem: str | None, title: str, said: str | None,
) -> Signal:  # fmt: skip
    start, clock = int(weeks.start[i]), int(weeks.clock[i])
    return Signal(
        position=int(weeks.position[i]), slot=int(weeks.slot[i]), vital=vital, high=high, raised=raised, kind=told.kind,
        rank=told.rank, rule=told.rule, limit=None, onset_us=start - days * US_PER_DAY, event_us=start,
        arrived_us=clock, decided_us=clock, value=value, quality=float("nan"), band=band, retrospective=False,
        problem=problem, title=title, said=said, vitals=told.vitals,
    )  # fmt: skip


def _band(vital: int, figure: float, expected: float, sd: float, score: float, days: int) -> tuple[float, Band]:
    """The figure, and the patient's own band of a day, in canonical units."""
    levels = np.array([figure, expected, expected - BAND_SD * sd, expected + BAND_SD * sd], np.float64)
    value, usual, low, high = from_working(levels, np.full(4, vital)).tolist()
    return value, Band(
        expected=usual, low=low, high=high, score=float(score), baseline_days=float(days), own_weight=1.0, known=True
    )
