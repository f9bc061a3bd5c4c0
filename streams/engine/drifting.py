"""What slow changes have to say: the drift of a vital, and several vitals together (see `weeks`).

Whether people are told is up to the patient's own limit (`models.budget`): what it withholds is a finding with its
reason, and told when it lasts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alerts.explain import (
    accounted,
    drifted,
    drifted_at_once,
    drifted_by_night,
    drifted_title,
    lasting,
    together,
    withheld,
)
from models import budget
from models.detectors import change_index, drift
from models.expectation import describe
from models.findings import Kind, Rule
from models.phrases import joined as joined_words
from models.segments import Bools, Ints, lasts, rounds, starts
from models.times import US_PER_DAY
from models.vitals import VITALS
from streams.engine.scales import band_from_working, from_working
from streams.engine.signals import Band, Signal
from streams.engine.state import PartitionState
from streams.engine.weeks import Judged, joined

Floats = npt.NDArray[np.float64]
BAND_SD = 2.5
"""Half of the band that is shown with a day, in SD of a day: what a single day seldom leaves."""


def signals_of(state: PartitionState, parts: list[Judged]) -> list[Signal]:
    """Drifts and change indices that begin or end with these weeks, and those that are withheld, in log order."""
    if not parts:
        return []
    weeks, found = joined(parts), list[Signal]()
    group = np.cumsum(starts(weeks.position) | starts(weeks.clock) | starts(weeks.slot)) - 1
    known = ~np.isnan(weeks.away) | weeks.jumped | (weeks.over != 0)
    for turn in rounds(weeks.slot[lasts(group)]):
        came = np.isin(group, turn)
        _note(state, weeks, np.flatnonzero(came))
        if len(new := np.flatnonzero(came & known)):
            found += _told(state, weeks, new, new[lasts(group[new])])
    return found


def _told(state: PartitionState, weeks: Judged, new: Ints, last: Ints) -> list[Signal]:
    """Of patients, each once, after the weeks `new` became known; last: the last of them of each patient."""
    per_month, weekly = state.policy.advisories_per_month, state.weeks
    slot, judged = weeks.slot[last], drift.settings().judged
    found, there, measured = _together(state, weeks, last)
    in_order = np.argsort(slot)
    of = in_order[np.searchsorted(slot[in_order], weeks.slot[new])]
    one = weekly.budgets[slot]
    budget.look(one, weeks.day[last], (there & judged).sum(axis=1), (measured & judged).sum(axis=1))
    usual, own = budget.usual(one, per_month), budget.limits(one, per_month)
    signals = _drifts(state, weeks, new, of, usual, own)
    signals += _indices(state, weeks, last, one, found, usual, own)
    well = judged[weeks.vital[new]] & ~np.isnan(weeks.away[new]) & ~weeks.ill[new] & ~weeks.firm[new]
    well &= ~budget.standing(one["together"])[of]
    budget.learn(one, of[well], weeks.away[new[well]])
    weekly.budgets[slot] = one
    return signals


def _indices(
    state: PartitionState, weeks: Judged, last: Ints, one: npt.NDArray[np.void], found: change_index.Index,
    usual: Floats, own: Floats,
) -> list[Signal]:  # fmt: skip
    """What the indices of patients say; of each there is one, however few the vitals, so that its limit is that of ten.

    one (n,): their budgets, updated in place; the others as of `_told`."""
    wait, size = one["together"].copy(), change_index.as_drift(found.value)
    more = np.maximum(budget.of_ten() - usual, 0.0)
    over, raised = change_index.judge(budget.standing(wait), found)
    limit, day = own + more, weeks.day[last]
    told = budget.judge(wait, day, over.astype(np.int64), raised.astype(np.int64), size, limit, usual + more)
    one["together"] = wait
    return [
        _index(state, weeks, int(last[k]), found.part[k], float(found.value[k]), says)
        for k in np.flatnonzero((told.over != 0) | told.tells | told.notes).tolist()
        for says in _sayings(told, k, limit[k], budget.settings().lasts_days)
    ]


def _drifts(state: PartitionState, weeks: Judged, new: Ints, of: Ints, usual: Floats, own: Floats) -> list[Signal]:
    """The drifts of the vitals whose weeks `new` became known; of: place of each one's patient in the limits."""
    signals, kept = list[Signal](), drift.settings().judged[weeks.vital[new]]
    new, of = new[kept], of[kept]
    for turn in rounds(weeks.row[new]):
        i, k = new[turn], of[turn]
        wait, away = state.weeks.waits[weeks.row[i]], weeks.size[i]
        mild = drift.milder(weeks.vital[i], away)
        mine = np.where(weeks.jumped[i], usual[k], own[k])  # that weeks are wide says nothing of how far days jump
        mine += np.where(mild, drift.settings().milder_sd, 0.0)
        lasts = np.where(mild, drift.settings().milder_days, budget.settings().lasts_days)
        told = budget.judge(wait, weeks.day[i], weeks.over[i], weeks.raised[i], away, mine, usual[k], lasts)
        state.weeks.waits[weeks.row[i]] = wait
        for j in np.flatnonzero((told.over != 0) | told.tells | told.notes).tolist():
            signals += [_drift(weeks, int(i[j]), says) for says in _sayings(told, j, mine[j], lasts[j])]
    return signals


@dataclass(frozen=True, slots=True)
class _Says:
    """sign: of the change; raised: it comes up, or is over; withheld: why nobody is told; because: why people are told
    although it does not reach the patient's own limit."""

    sign: int
    raised: bool
    withheld: str | None = None
    because: str | None = None


def _sayings(told: budget.Told, k: int, own: float, days: int) -> list[_Says]:
    """What there is to say of one change: what is over before what comes up. days: after which what lasts is told."""
    over, sign = int(told.over[k]), int(told.sign[k])
    says = [_Says(over, raised=False)] if over else []
    if told.notes[k]:
        says.append(_Says(sign, raised=True, withheld=withheld(own, days)))
    if told.tells[k]:
        says.append(_Says(sign, raised=True, because=lasting(own, days) if told.lasts[k] else None))
    return says


def _note(state: PartitionState, weeks: Judged, new: Ints) -> None:
    """Keep what the weeks `new` say; the last one of a row stays."""
    table = state.weeks.table
    table["week"][weeks.row[new]], table["week_day"][weeks.row[new]] = weeks.away[new], weeks.day[new]


def _together(state: PartitionState, weeks: Judged, last: Ints) -> tuple[change_index.Index, Bools, Bools]:
    """Indices of patients, each once; of which vitals there is a fresh week; and which are measured, (n, V) each."""
    table, slot, day = state.weeks.table, weeks.slot[last], weeks.day[last]
    rows = state.row_of[slot].astype(np.int64)
    at, week = table["week_day"][rows].astype(np.int64), table["week"][rows].astype(np.float64)
    noted, age = (rows >= 0) & (at > 0), day[:, None] - at
    there = noted & ~np.isnan(week) & (age <= change_index.settings().fresh_days)
    return change_index.index(week, there), there, noted & (age <= budget.MEASURED_DAYS)


def _drift(weeks: Judged, i: int, says: _Says) -> Signal:
    """A drift raised, withheld or over."""
    vital, days, s = int(weeks.vital[i]), int(weeks.since_days[i]) if says.raised else 0, drift.settings()
    say, at_opens = _how(weeks, i)
    score = float(weeks.size[i]) * at_opens / s.opens
    value, band = _band(vital, weeks.figure[i], weeks.expected[i], weeks.sd[i], score, int(weeks.learned[i]))
    told = _Told("drift", s.rank, s.rule, (vital,))
    said = say(VITALS[vital].name, value, band.expected, days, band.score, band.baseline_days)
    named = drifted_title(VITALS[vital].name, says.sign > 0)
    return _signal(weeks, i, told, vital, says.sign > 0, says, value, band, days, None, named, said)


def _how(weeks: Judged, i: int) -> tuple[Callable[[str, float, float, int, float, float], str], float]:
    """What lies far away: the words for it, and how far away [SD] says as much as a week at `opens`."""
    s = drift.settings()
    if weeks.jumped[i]:
        return drifted_at_once, s.jump
    return (drifted_by_night, s.two_nights) if weeks.two[i] else (drifted, s.opens)


def _index(state: PartitionState, weeks: Judged, i: int, part: Floats, value: float, says: _Says) -> Signal:
    """A change index raised, withheld or over, with what brings it; its evidence is the vital of which a week has just
    come."""
    s, vitals, vital = change_index.settings(), change_index.contributors(part).tolist(), int(weeks.vital[i])
    parts = [(VITALS[v].name, bool(s.worse[v] > 0), float(part[v])) for v in vitals]
    shown, band = _band(vital, weeks.figure[i], weeks.expected[i], weeks.sd[i], value, int(weeks.learned[i]))
    told = _Told("change_index", s.rank, s.rule, tuple(vitals))
    expected = state.expectation(int(weeks.slot[i]), int(weeks.start[i]))
    modifiers = [(VITALS[v].name, describe(expected, v)) for v in vitals]
    said, named = joined_words(filter(None, [together(value, parts), accounted(modifiers)])), change_index.TITLE
    high = bool(weeks.figure[i] >= weeks.expected[i])
    return _signal(weeks, i, told, vital, high, says, shown, band, 0, change_index.PROBLEM, named, said)


@dataclass(frozen=True, slots=True)
class _Told:
    kind: Kind
    rank: int
    rule: Rule
    vitals: tuple[int, ...]


def _signal(
    weeks: Judged, i: int, told: _Told, vital: int, high: bool, says: _Says, value: float, band: Band, days: int,
    problem: str | None, title: str, said: str,
) -> Signal:  # fmt: skip
    start, clock = int(weeks.start[i]), int(weeks.clock[i])
    return Signal(
        position=int(weeks.position[i]), slot=int(weeks.slot[i]), vital=vital, high=high, raised=says.raised,
        kind=told.kind, rank=told.rank, rule=told.rule, limit=None, onset_us=start - days * US_PER_DAY, event_us=start,
        arrived_us=clock, decided_us=clock, value=value, quality=float(weeks.quality[i]), band=band,
        retrospective=False, problem=problem, title=title, said=_whole(said, says), vitals=told.vitals,
        usual=says.withheld is not None, reason=says.withheld,
    )  # fmt: skip


def _whole(said: str, says: _Says) -> str | None:
    """The words of the alert; none of one that is over."""
    if not says.raised:
        return None
    return joined_words([said, says.because]) if says.because else said


def _band(vital: int, figure: float, expected: float, sd: float, score: float, days: int) -> tuple[float, Band]:
    """The figure, and the patient's own band of a day, in canonical units."""
    reach, of = BAND_SD * sd, np.full(2, vital)
    value, usual = from_working(np.array([figure, expected], np.float64), of).tolist()
    low, high = band_from_working(np.array([expected - reach]), np.array([expected + reach]), of[:1])
    return value, Band(
        expected=usual, low=float(low[0]), high=float(high[0]), score=float(score), baseline_days=float(days),
        own_weight=1.0, known=True,
    )  # fmt: skip
