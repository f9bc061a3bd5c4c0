"""A patient's clock against a walk over the log, one record and one tick at a time."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.times import LONG_AGO
from streams.engine.clock import NEVER, Clocks, Ticks, first_reached, run_clocks
from streams.engine.log import LogSlice
from streams.engine.state import PartitionState
from tests.models.splits import cuts

START = 1_767_600_000
PATIENTS = 3
Tick = tuple[int, int]
"""Time, and the record it comes before."""


@dataclass(frozen=True)
class Log:
    """Records as (patient, arrival), and the ticks between them."""

    records: list[tuple[int, int]]
    ticks: list[Tick] = field(default_factory=list)


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """Arrivals that mostly rise (Kafka's timestamps need not), ticks that mostly do, several at one place."""
    times = st.integers(0, 40)
    records = draw(st.lists(st.tuples(st.integers(0, PATIENTS - 1), times), max_size=20))
    if draw(st.booleans()):
        records = [(p, t) for (p, _), t in zip(records, sorted(t for _, t in records), strict=True)]
    places = sorted(draw(st.lists(st.integers(0, len(records)), max_size=8)))
    at = draw(st.lists(times, min_size=len(places), max_size=len(places)))
    if draw(st.booleans()):
        at.sort()
    ticks = [(START + t, place) for t, place in zip(at, places, strict=True)]
    return Log([(p, START + t) for p, t in records], ticks)


def fresh_state() -> PartitionState:
    state = PartitionState()
    for k in range(PATIENTS):
        state.add_patient(f"p-{k}")
    return state


def run(state: PartitionState, log: Log, part: slice | None = None) -> tuple[Clocks, list[int]]:
    """Clocks over a part of the log; a tick belongs to the part of the record it comes before."""
    part = part or slice(0, len(log.records))
    last = part.stop == len(log.records)
    mine = [t for t in log.ticks if part.start <= t[1] < part.stop or (last and t[1] == part.stop)]
    arrived = np.array([at for _, at in log.records], np.int64)
    n = len(arrived)
    slice_ = LogSlice("readings", 0, np.arange(n), arrived, [b""] * n, [b""] * n)
    slot = np.array([p for p, _ in log.records[part]], np.int64)
    ticks = Ticks(np.array([t for t, _ in mine], np.int64), np.array([b for _, b in mine], np.int64))
    clocks, at_record = run_clocks(state, slice_, slot, np.arange(part.start, part.stop), ticks)
    return clocks, at_record.tolist()


class Walk:
    """The log as it goes by: a tick moves everyone, a record its own patient."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.clock = [LONG_AGO] * PATIENTS
        self.at_record: list[int] = []
        self.moments: list[list[tuple[int, int]]] = [[] for _ in range(PATIENTS)]
        """(position, clock) of each patient, whenever something moved or could have."""
        for i in range(len(log.records) + 1):
            for at in [t for t, before in log.ticks if before == i]:
                self._pass(2 * i, range(PATIENTS), at)
            if i < len(log.records):
                patient, at = log.records[i]
                self._pass(2 * i + 1, [patient], at)
                self.at_record.append(self.clock[patient])

    def _pass(self, position: int, who: "range | list[int]", at: int) -> None:
        for k in who:
            self.clock[k] = max(self.clock[k], at)
            self.moments[k].append((position, self.clock[k]))

    def first(self, patient: int, at: int) -> tuple[int, int]:
        return next(((p, c) for p, c in self.moments[patient] if c >= at), (int(NEVER), int(NEVER)))


@given(logs(), st.data())
def test_clocks_are_those_of_the_walk_in_batches_of_any_size(log: Log, data: st.DataObject) -> None:
    walk = Walk(log)
    assert run(fresh_state(), log)[1] == walk.at_record
    state, got = fresh_state(), []
    for part in data.draw(cuts(len(log.records))):
        got += run(state, log, part)[1]
    assert got == walk.at_record


asked = st.lists(st.tuples(st.integers(0, PATIENTS - 1), st.integers(START, START + 42)), max_size=12)


@given(logs(), asked)
def test_a_time_is_first_reached_where_the_walk_reaches_it(log: Log, asked: list[tuple[int, int]]) -> None:
    clocks, _ = run(fresh_state(), log)
    slot, at = np.array([k for k, _ in asked], np.int64), np.array([t for _, t in asked], np.int64)
    position, clock = first_reached(clocks, slot, at)
    walk = Walk(log)
    assert list(zip(position.tolist(), clock.tolist(), strict=True)) == [walk.first(k, t) for k, t in asked]


@given(logs(), asked, st.data())
def test_in_parts_a_time_is_reached_once_and_at_the_same_place(
    log: Log, asked: list[tuple[int, int]], data: st.DataObject
) -> None:
    state, walk = fresh_state(), Walk(log)
    waiting = list(dict.fromkeys(asked))
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for part in data.draw(cuts(len(log.records))):
        clocks, _ = run(state, log, part)
        slot, at = np.array([k for k, _ in waiting], np.int64), np.array([t for _, t in waiting], np.int64)
        position, clock = first_reached(clocks, slot, at)
        reached = {w: (p, c) for w, p, c in zip(waiting, position.tolist(), clock.tolist(), strict=True) if p != NEVER}
        found |= reached
        waiting = [w for w in waiting if w not in reached]
    assert found == {(k, t): walk.first(k, t) for k, t in asked if walk.first(k, t)[0] != NEVER}


@given(logs(), st.integers(0, PATIENTS - 1))
def test_other_patients_records_never_move_a_clock(log: Log, patient: int) -> None:
    """Nor can the number of partitions matter: alone with the ticks, the patient's clock is the same."""
    place = [i for i, (p, _) in enumerate(log.records) if p == patient]
    alone = Log([log.records[i] for i in place], [(t, int(np.searchsorted(place, before))) for t, before in log.ticks])
    _, together = run(fresh_state(), log)
    assert [together[i] for i in place] == run(fresh_state(), alone)[1]


@given(logs())
def test_clocks_never_run_backwards(log: Log) -> None:
    state = fresh_state()
    run(state, log)
    before = state.patients["clock"][:PATIENTS].copy(), state.tick_us
    clocks, at_record = run(state, Log([(p, t - 100) for p, t in log.records], [(t - 100, b) for t, b in log.ticks]))
    assert (state.patients["clock"][:PATIENTS] >= before[0]).all()
    assert state.tick_us == before[1]
    assert all(at >= before[0][p] for (p, _), at in zip(log.records, at_record, strict=True))
    assert (np.diff(clocks.ticks) >= 0).all()


def test_a_tick_and_a_record_at_one_place_are_told_apart() -> None:
    """The tick comes first: what it closes is decided before the record is looked at."""
    clocks, _ = run(fresh_state(), Log([(0, START + 5)], [(START + 5, 0)]))
    position, clock = first_reached(clocks, np.array([0, 1]), np.array([START + 5, START + 5]))
    assert position.tolist() == [0, 0]
    assert clock.tolist() == [START + 5, START + 5]


def test_readings_of_one_record_share_its_clock() -> None:
    """A panel gives several readings at one place of the log."""
    state, n = fresh_state(), 2
    slice_ = LogSlice("readings", 0, np.arange(n), np.array([START, START + 9]), [b""] * n, [b""] * n)
    none = np.empty(0, np.int64)
    clocks, at = run_clocks(state, slice_, np.array([0, 0, 1]), np.array([0, 0, 1]), Ticks(none, none))
    assert at.tolist() == [START, START, START + 9]
    assert first_reached(clocks, np.array([0]), np.array([START]))[0].tolist() == [1]
