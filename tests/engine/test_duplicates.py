"""The same reading again is found, exactly as far back as it is promised, whatever the batches."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.times import LONG_AGO
from streams.engine.duplicates import find_duplicates
from streams.engine.pages import pack_dirty, restored
from streams.engine.rings import ALWAYS, HOURS, IDLE_LEAST, IDLE_SHARE, MOST
from streams.engine.state import PartitionState
from tests.models.splits import cuts

START = 1_767_600_000_000_000
PATIENTS, VITALS = 3, 2
EDGE = ALWAYS
"""A repeat this many readings later is found; one later it is not, unless it came within hours."""
HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class One:
    """One reading: content stands for (device, vital, at, value)."""

    patient: int
    vital: int
    at: int
    id: int
    value: int
    hour: int = 0

    @property
    def content(self) -> tuple[int, int, int]:
        return self.vital, self.at, self.value


def fresh_state() -> PartitionState:
    state = PartitionState()
    for k in range(PATIENTS):
        state.add_patient(f"p-{k}")
    return state


def run(state: PartitionState, readings: Sequence[One]) -> list[tuple[bool, int]]:
    """Whether each is a repeat, and the newest time of its row before."""
    slot = np.array([r.patient for r in readings], np.int64)
    vital, at = np.array([r.vital for r in readings], np.int64), np.array([r.at for r in readings], np.int64)
    row = state.rows_for(slot, vital, at)
    arrived = START + HOUR_US * np.array([r.hour for r in readings], np.int64)
    ids = np.array([r.id for r in readings], np.uint64)
    contents = np.array([hash(r.content) % 2**63 for r in readings], np.uint64)
    again, newest = find_duplicates(state, slot, row, at, arrived, ids, contents)
    return list(zip(again.tolist(), newest.tolist(), strict=True))


def by_hand(readings: Sequence[One]) -> list[tuple[bool, int]]:
    seen: dict[int, deque[tuple[One, int]]] = {k: deque(maxlen=MOST) for k in range(PATIENTS)}
    newest: dict[tuple[int, int], int] = {}
    found = []
    for r in readings:
        mine = seen[r.patient]
        hour = max(r.hour, mine[-1][1] if mine else 0)
        near = [one for k, (one, then) in enumerate(mine) if len(mine) - k <= ALWAYS or hour - then <= HOURS]
        again = any(r.id == other.id or r.content == other.content for other in near)
        before = newest.get((r.patient, r.vital), LONG_AGO)
        found.append((again, before))
        mine.append((r, hour))
        newest[r.patient, r.vital] = max(before, r.at)
    return found


@st.composite
def logs(draw: st.DrawFn) -> list[One]:
    """Readings of a few patients with repeats of either kind, many of them at the edge of what is remembered."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    readings: list[One] = []
    weights = [0.8, 0.15, 0.05] if draw(st.booleans()) else [0.34, 0.33, 0.33]
    an_hour = draw(st.sampled_from([1, 5, 20, 60, 10_000]))
    for k in range(draw(st.integers(1, 1500 if an_hour > 50 else 450))):
        patient = int(rng.choice(PATIENTS, p=weights))
        mine = [r for r in readings if r.patient == patient]
        edges = [EDGE - 1, EDGE, EDGE + 1, EDGE + 2, 24 * an_hour - 1, 25 * an_hour, MOST - 1, MOST, MOST + 1]
        back = int(rng.choice([1, 2, 7, *edges, int(rng.integers(1, len(mine) + 2))]))
        at = START + k - int(rng.choice([0, 0, 0, 50]))
        hour = k // an_hour + int(rng.choice([0, 0, 0, 0, -3]))
        new = One(patient, int(rng.integers(VITALS)), at, 10_000 + k, int(rng.integers(4)), max(hour, 0))
        if back <= len(mine) and rng.random() < 0.4:
            old = mine[-back]
            new = replace(new, id=old.id) if rng.random() < 0.5 else replace(old, id=new.id, hour=new.hour)
        readings.append(new)
    return readings


@settings(max_examples=25, deadline=None)
@given(logs(), st.data())
def test_repeats_are_those_of_a_plain_list_in_batches_of_any_size(readings: list[One], data: st.DataObject) -> None:
    want = by_hand(readings)
    assert run(fresh_state(), readings) == want
    state, got = fresh_state(), []
    for part in data.draw(cuts(len(readings))):
        got += run(state, readings[part])
    assert got == want


@settings(max_examples=25, deadline=None)
@given(logs(), st.data())
def test_what_is_remembered_survives_a_restart(readings: list[One], data: st.DataObject) -> None:
    """Rings are packed without what is out of the window, and come back as large as they need to be."""
    state, got = fresh_state(), []
    for part in data.draw(cuts(len(readings))):
        got += run(state, readings[part])
        state.touch(range(PATIENTS))
        state = restored(pack_dirty(state, 0).pages, 0)
    assert got == by_hand(readings)


def series(count: int, first: int = 0, hours: int = 0) -> list[One]:
    """Readings one after the other, the last of them `hours` after the first."""
    every = [One(0, 0, START + k, k + 1, k) for k in range(first, first + count)]
    return [replace(one, hour=k * hours // max(1, count - 1)) for k, one in enumerate(every)]


@pytest.mark.parametrize("batches", ["one", "two", "single"])
@pytest.mark.parametrize("kind", ["id", "content"])
@pytest.mark.parametrize(
    ("between", "hours", "found"),
    [
        (0, 0, True), (0, 900, True), (EDGE - 1, 900, True), (EDGE, 900, False), (EDGE + 1, 900, False),
        (EDGE, HOURS, True), (EDGE, HOURS + 1, False), (500, HOURS, True), (500, HOURS + 1, False),
        (MOST - 1, HOURS, True), (MOST, HOURS, False), (MOST, 0, False), (MOST + 1, 0, False),
    ],
)  # fmt: skip
def test_a_repeat_is_found_among_the_last_readings_and_decided_again_beyond(
    between: int, hours: int, found: bool, kind: str, batches: str
) -> None:
    first, *others = series(between + 1)
    again = replace(first, at=START + 10**6, value=-1) if kind == "id" else replace(first, id=10**9)
    others = [replace(one, hour=hours * (k > 0)) for k, one in enumerate(others)]
    log = [first, *others, replace(again, hour=hours)]
    single = [slice(k, k + 1) for k in range(len(log))] if len(log) < 200 else [slice(0, 150), slice(150, len(log))]
    parts = {"one": [slice(0, None)], "two": [slice(0, -1), slice(-1, None)], "single": single}[batches]
    state = fresh_state()
    assert [hit for part in parts for hit, _ in run(state, log[part])] == [False] * (between + 1) + [found]


def test_somebody_who_measures_seldom_keeps_little() -> None:
    """Ten readings a day for a month: the ring stays at the last 32. Two a minute: it grows to the most, not more."""
    for count, hours, size in ((300, 30 * 24, ALWAYS), (3000, 25, MOST)):
        state = fresh_state()
        log = series(count, hours=hours)
        for k in range(0, count, 10):
            run(state, log[k : k + 10])
        assert int(state.patients["held"][0]) == size


def test_what_is_kept_of_somebody_who_is_forgotten_is_given_back() -> None:
    state, slot = fresh_state(), 0
    for _ in range(5):
        run(state, [replace(one, patient=slot) for one in series(300)])
        state.forget(slot, 0)
        slot = state.add_patient("p-0")
    assert [pool.used for pool in state.rings.pools] == [0] * len(state.rings.pools)


def test_rings_that_patients_have_outgrown_are_given_back() -> None:
    """Half of them send on, and their rings grow: what they leave is no larger than what the others hold of each size.
    What everybody sent is still known."""
    state, many, rounds = PartitionState(), 400, 40
    for k in range(many):
        state.add_patient(f"p-{k}")
    log = [[One(k, 0, START + turn, 1 + k + turn * many, turn) for k in range(many // (1 + turn % 2))]
           for turn in range(rounds)]  # fmt: skip
    assert not any(hit for some in log for hit, _ in run(state, some))
    assert [pool.used for pool in state.rings.pools[:4]] == [0, 0, many // 2, many // 2]
    assert all(len(pool.table) <= 2 + IDLE_LEAST + (1 + IDLE_SHARE) * pool.used for pool in state.rings.pools)
    assert all(hit for some in log[-ALWAYS // 2 :] for hit, _ in run(state, some))


def test_the_same_id_of_another_patient_is_another_reading() -> None:
    one = One(0, 0, START, 1, 5)
    assert [again for again, _ in run(fresh_state(), [one, replace(one, patient=1), one])] == [False, False, True]


def test_a_repeat_is_remembered_like_any_reading() -> None:
    """What a device sends again and again stays known for as long as it goes on."""
    state, (first, *others) = fresh_state(), series(EDGE)
    assert run(state, [first, *others, first])[-1][0]
    assert run(state, [*series(EDGE - 1, first=10**6), first])[-1][0]


def test_an_id_whose_hash_is_zero_is_not_taken_for_an_empty_place() -> None:
    state = fresh_state()
    zero = One(0, 0, START, 0, 0)
    assert [again for again, _ in run(state, [zero, zero])] == [False, True]


def test_nothing_asked_nothing_found() -> None:
    assert run(fresh_state(), []) == []
