"""Safety floors on raw samples: who is near a limit is judged, in log order; everyone else costs a comparison."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from models.detectors import floors
from models.detectors.crossings import NO_CROSSINGS, Crossings, Judged, judge
from models.detectors.floors import Floors
from models.pool import NOWHERE
from models.segments import Bools, Ints, grouped
from models.times import US_PER_S
from models.vitals import BY_NAME, VITALS
from models.windows import HORIZON_US, LATENESS_US
from streams.engine.samples import Samples, late_at_before
from streams.engine.state import PartitionState

SPO2 = BY_NAME["spo2"].index


@dataclass(frozen=True, slots=True)
class RawJudgement:
    """broken (n,): the sample is beyond a floor that cannot be the patient's habit; line (n,): its limit set in
    `floors`; crossings, whose `reading` is the index of a sample."""

    broken: Bools
    line: Ints
    crossings: Crossings
    floors: Floors


def judge_raw(state: PartitionState, samples: Samples) -> RawJudgement:
    """Judge samples against the floors, patients' own targets included."""
    book, line = _lines(state, samples)
    broken, applies = np.zeros(len(samples), bool), np.zeros(len(samples), bool)
    near = np.flatnonzero(floors.near(book, line, samples.value))
    if len(near):
        broken[near] = floors.abnormal(book, line[near], samples.value[near])
        applies[near] = floors.applicable(book, line[near], samples.value[near], samples.resting[near])
    live = samples.clock - samples.at <= HORIZON_US[samples.vital]
    lanes = _lanes(state, samples, applies, live, book.spot_gap_us)
    near = np.flatnonzero(applies)
    if len(near):
        rest = samples.resting[near]
        applies[near] = floors.applicable(book, line[near], samples.value[near], rest, lanes.spot[near])
    judged = _worth_judging(state, samples.row, applies)
    if not len(judged):
        return RawJudgement(broken, line, NO_CROSSINGS, book)
    place = lanes.lane, lanes.apart, lanes.spot, live, lanes.same, samples.device
    everyone = Judged(samples.row, line, samples.value, samples.at, samples.resting, *place)
    one = everyone.take(judged)
    crossings = _crossings(state, book, one, applies[judged])
    return RawJudgement(broken, line, crossings.of(judged), book)


def _crossings(state: PartitionState, book: Floors, one: Judged, applies: Bools) -> Crossings:
    """Judge samples by what their rows remember. A row has a place for it while a run or a problem is open there."""
    rows, _, segment = grouped(one.row)
    places = state.rows["floor"][rows].astype(np.int64)
    new = places == NOWHERE
    places[new] = state.floors.take(int(new.sum()))
    crossings = judge(book, state.floors.table, replace(one, row=places[segment]), applies)
    idle = state.floors.table["busy"][places] == 0
    state.floors.give(places[idle])
    state.rows["floor"][rows] = np.where(idle, NOWHERE, places)
    return replace(crossings, row=one.row[crossings.reading])


class _Lanes(NamedTuple):
    """Of each sample (n,): lane; whether it stands apart from others of its lane, alone in time, or in one second with
    the one before."""

    lane: Ints
    apart: Bools
    spot: Bools
    same: Bools


def _lanes(state: PartitionState, samples: Samples, applies: Bools, live: Bools, spot_gap_us: int) -> _Lanes:
    """Which samples are judged as late ones, and how each lies to those before it.

    A sample beyond a floor that is out of order by no more than the lateness belongs to the run it would have begun or
    continued: its onset must not depend on the order. One inside the limits does not end a run that began after it.
    One measurement that two apps relay, perhaps one of them in whole seconds, is one: it does not confirm itself.
    """
    behind = samples.newest - samples.at
    late = ~live | ((behind > 0) & ~(applies & (behind <= LATENESS_US[samples.vital])))
    since = -behind
    if late.any():
        since = np.where(late, samples.at - late_at_before(state, samples.row, samples.at, late), since)
    apart = since > spot_gap_us
    spot = apart & (~late | ~live | (behind > spot_gap_us))
    return _Lanes(late.astype(np.int64), apart, spot, np.abs(since) < US_PER_S)


def _worth_judging(state: PartitionState, row: Ints, applies: Bools) -> Ints:
    """Indices of the samples of rows that break a rule somewhere in this batch, or have a run or a problem open."""
    wanted = applies | (state.rows["floor"][row] != NOWHERE)
    if not wanted.any():
        return np.empty(0, np.int64)
    rows = np.zeros(state.row_count, bool)
    rows[row[wanted]] = True
    return np.flatnonzero(rows[row])


def _lines(state: PartitionState, samples: Samples) -> tuple[Floors, Ints]:
    """The limit set of each sample: its vital's, or one with the target that a clinician set for the patient."""
    book, line = floors.population_floors(), samples.vital
    own = np.flatnonzero((line == SPO2) & ~np.isnan(state.patients["spo2_low"][samples.slot]))
    if not len(own):
        return book, line
    targets, which = np.unique(state.patients["spo2_low"][samples.slot[own]], return_inverse=True)
    line = line.copy()
    line[own] = len(VITALS) + which
    return floors.with_targets(book, SPO2, targets), line
