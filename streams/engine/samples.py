"""Decided readings as samples: a series becomes one sample for each of its values."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.segments import Bools, Ints, lasts, previous, running_max, segments_of, starts
from models.times import US_PER_S
from models.vitals import BY_NAME
from streams.engine.intake import Accepted
from streams.engine.state import PartitionState

Floats = npt.NDArray[np.float64]

STEPS = BY_NAME["steps"].index
REST_US = load("vitals")["vitals"]["heart_rate"]["rest_window_rule"]["steps_zero_min"] * 60 * US_PER_S
"""Time without a step before a heart rate is one at rest (BOGU2021)."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Columns (n,) in log order. index: record; row, slot, vital; at, clock [us]; newest: newest event time of the row
    before; value in canonical units; resting: not known to move; quality: NaN if not said; device: hash of its name;
    oxygen: 1 while it is given, 0 on air, -1 where nobody says."""

    index: Ints
    row: Ints
    slot: Ints
    vital: Ints
    at: Ints
    clock: Ints
    newest: Ints
    value: Floats
    resting: Bools
    quality: Floats
    device: npt.NDArray[np.uint64]
    oxygen: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.index)


def samples_of(state: PartitionState, accepted: Accepted, clock: Ints) -> Samples:
    """The samples of the decided readings; clock (n,): the patient's clock at each accepted reading."""
    source = accepted.decided
    at, value, newest = accepted.at[source], accepted.value[source], accepted.newest[source]
    if accepted.series:
        source, at, value, newest = _expanded(accepted, source)
    slot, vital, moving = accepted.slot[source], accepted.vital[source], accepted.moving[source]
    resting = ~_moving(state, slot, at, moving | ((vital == STEPS) & (value > 0)), moving)
    columns = accepted.index[source], accepted.row[source], slot, vital, at, clock[source], newest, value
    of_reading = accepted.quality[source], accepted.device[source], accepted.oxygen[source]
    return Samples(*columns, resting, *of_reading)


def _expanded(accepted: Accepted, source: Ints) -> tuple[Ints, Ints, Floats, Ints]:
    """Source reading, time, value and newest time before of each sample; missing samples are left out."""
    series = [j for j in source.tolist() if j in accepted.series]
    there = [np.flatnonzero(~np.isnan(accepted.series[j])) for j in series]
    count, period = np.ones(len(source), np.int64), np.zeros(len(accepted.at), np.int64)
    count[np.isin(source, series)] = [len(places) for places in there]
    period[series] = [accepted.period_us[j] for j in series]
    inside, source = np.repeat(np.isin(source, series), count), np.repeat(source, count)
    place, value = np.zeros(len(source), np.int64), accepted.value[source]
    if series:
        place[inside] = np.concatenate(there)
        value[inside] = np.concatenate([accepted.series[j][places] for j, places in zip(series, there, strict=True)])
    at, newest = accepted.at[source] + place * period[source], accepted.newest[source]
    follows = np.flatnonzero(~starts(source))
    newest[follows] = np.maximum(newest[follows], at[follows - 1])
    return source, at, value, newest


def _moving(state: PartitionState, slot: Ints, at: Ints, moves: Bools, says_so: Bools) -> Bools:
    """Whether the patient was moving: the reading says so, or a step was counted shortly before."""
    if not len(slot):
        return says_so
    order = np.argsort(slot, kind="stable")
    slots, segment = segments_of(slot[order])
    carry = state.patients["active_at"][slots]
    seen = running_max(segment, np.where(moves[order], at[order], np.iinfo(np.int64).min), carry)
    state.patients["active_at"][slots] = seen[lasts(segment)]
    since = np.empty(len(slot), np.int64)
    since[order] = at[order] - seen
    moving: Bools = says_so | ((since >= 0) & (since <= REST_US))
    return moving


def late_at_before(state: PartitionState, row: Ints, at: Ints, late: Bools) -> Ints:
    """Event time of the late sample before each, in its row. Moves the rows' `late_at`."""
    order = np.argsort(row, kind="stable")
    rows, segment = segments_of(row[order])
    where = np.maximum.accumulate(np.where(late[order] | starts(segment), np.arange(len(row)), 0))
    latest = np.where(late[order][where], at[order][where], state.rows["late_at"][rows][segment])
    before = np.empty(len(row), np.int64)
    before[order] = previous(segment, latest, state.rows["late_at"][rows])
    state.rows["late_at"][rows] = latest[lasts(segment)]
    return before
