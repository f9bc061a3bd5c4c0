"""The same reading again is found, exactly as far back as it is promised, whatever the batches."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.engine.duplicates import find_duplicates
from streams.engine.state import DUPLICATE_WINDOW, LONG_AGO, PartitionState
from tests.models.splits import cuts

START = 1_767_600_000_000_000
PATIENTS, VITALS = 3, 2
EDGE = DUPLICATE_WINDOW
"""A repeat this many readings later is found; one later it is not."""


@dataclass(frozen=True)
class One:
    """One reading: content stands for (device, vital, at, value)."""

    patient: int
    vital: int
    at: int
    id: int
    value: int

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
    ids = np.array([r.id for r in readings], np.uint64)
    contents = np.array([hash(r.content) % 2**63 for r in readings], np.uint64)
    again, newest = find_duplicates(state, slot, row, at, ids, contents)
    return list(zip(again.tolist(), newest.tolist(), strict=True))


def by_hand(readings: Sequence[One]) -> list[tuple[bool, int]]:
    seen: dict[int, deque[One]] = {k: deque(maxlen=DUPLICATE_WINDOW) for k in range(PATIENTS)}
    newest: dict[tuple[int, int], int] = {}
    found = []
    for r in readings:
        again = any(r.id == other.id or r.content == other.content for other in seen[r.patient])
        before = newest.get((r.patient, r.vital), LONG_AGO)
        found.append((again, before))
        seen[r.patient].append(r)
        newest[r.patient, r.vital] = max(before, r.at)
    return found


@st.composite
def logs(draw: st.DrawFn) -> list[One]:
    """Readings of a few patients with repeats of either kind, many of them at the edge of what is remembered."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    readings: list[One] = []
    weights = [0.8, 0.15, 0.05] if draw(st.booleans()) else [0.34, 0.33, 0.33]
    for k in range(draw(st.integers(1, 450))):
        patient = int(rng.choice(PATIENTS, p=weights))
        mine = [r for r in readings if r.patient == patient]
        back = int(rng.choice([1, 2, 7, EDGE - 1, EDGE, EDGE + 1, EDGE + 2, 2 * EDGE]))
        at = START + k - int(rng.choice([0, 0, 0, 50]))
        new = One(patient, int(rng.integers(VITALS)), at, 10_000 + k, int(rng.integers(4)))
        if back <= len(mine) and rng.random() < 0.4:
            old = mine[-back]
            new = replace(new, id=old.id) if rng.random() < 0.5 else replace(old, id=new.id)
        readings.append(new)
    return readings


@settings(max_examples=25)
@given(logs(), st.data())
def test_repeats_are_those_of_a_plain_list_in_batches_of_any_size(readings: list[One], data: st.DataObject) -> None:
    want = by_hand(readings)
    assert run(fresh_state(), readings) == want
    state, got = fresh_state(), []
    for part in data.draw(cuts(len(readings))):
        got += run(state, readings[part])
    assert got == want


def series(count: int, first: int = 0) -> list[One]:
    return [One(0, 0, START + k, k + 1, k) for k in range(first, first + count)]


@pytest.mark.parametrize("batches", ["one", "two", "single"])
@pytest.mark.parametrize("kind", ["id", "content"])
@pytest.mark.parametrize(("between", "found"), [(0, True), (EDGE - 1, True), (EDGE, False), (EDGE + 1, False)])
def test_a_repeat_is_found_among_the_last_readings_and_decided_again_beyond(
    between: int, found: bool, kind: str, batches: str
) -> None:
    first, *others = series(between + 1)
    again = replace(first, at=START + 10**6, value=-1) if kind == "id" else replace(first, id=10**9)
    log = [first, *others, again]
    parts = {"one": [log], "two": [log[:-1], log[-1:]], "single": [[r] for r in log]}[batches]
    state = fresh_state()
    assert [hit for part in parts for hit, _ in run(state, part)] == [False] * (between + 1) + [found]


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
