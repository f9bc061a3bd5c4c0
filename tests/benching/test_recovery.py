"""What the bench of recovery measures, small: so that a patient does not grow heavy unnoticed."""

import tracemalloc
from functools import cache

import msgspec
import pytest

from models.detectors.watched import Held, Watched
from streams.benching import recovery
from streams.engine.forms import Page
from streams.engine.pages import pack_dirty, restored
from streams.engine.ruled import Rules
from streams.engine.state import PATIENTS_PER_PAGE

PATIENTS = 1600
BYTES_MAX = 4096
"""Of memory for a patient with six vitals, a profile, two conditions and two drugs."""


@cache
def pages_of_many() -> dict[bytes, bytes]:
    made = [msgspec.msgpack.decode(page, type=Page) for page in recovery._made_pages()]
    return dict(recovery._pages(made, 0, *recovery._at_home(PATIENTS, 1)))


def test_a_patient_that_comes_back_takes_no_more_memory_than_promised() -> None:
    pages = dict(pages_of_many())
    raw = sum(map(len, pages.values()))
    tracemalloc.start()
    try:
        state = restored(pages, 0, drain=True)
        kept, _ = tracemalloc.get_traced_memory()  # the raw pages were made before: they are not in it
    finally:
        tracemalloc.stop()
    assert state.patient_count == PATIENTS
    assert raw / PATIENTS / 2 < kept / PATIENTS <= BYTES_MAX, f"{kept / PATIENTS:.0f} bytes a patient"


def test_a_recovery_takes_the_room_it_needs_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables that grow piece by piece end with a quarter of them empty, which the system counts as used."""
    monkeypatch.setattr("streams.engine.pages.PLACED_AT_ONCE", 7)
    state = restored(dict(pages_of_many()), 0)
    assert len(state.patients) == len(state.row_of) == len(state.weeks.budgets) == PATIENTS
    assert len(state.rows) == len(state.links.table) == len(state.weeks.table) == state.row_count
    pool = max(state.rings.pools, key=lambda one: len(one.reached))
    assert len(pool.reached) > PATIENTS
    assert len(pool.table) <= 1.02 * len(pool.reached)


def test_many_pages_put_back_together_are_as_if_put_back_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pages, packed = pages_of_many(), []
    for at_once in (1, 7, 64):
        monkeypatch.setattr("streams.engine.pages.PLACED_AT_ONCE", at_once)
        state = restored(pages, 0)
        state.touch(range(PATIENTS))
        packed.append(pack_dirty(state, 0).pages)
    assert packed[0] == packed[1] == packed[2]
    assert len(packed[0]) > PATIENTS // PATIENTS_PER_PAGE


def test_memory_of_rules_rests_as_bytes_only_while_nothing_runs() -> None:
    rules = Rules()
    rules.of(0).open["fluid"] = {"rule": Held(2, 5, 7)}
    rules.of(1)
    packed = rules.packed(range(2))
    again = Rules()
    again.unpack(0, packed)
    for one in (rules, again):
        assert one.running([0, 1]) == [0]
        assert one.known(1) == Watched()
        assert one.known(0) == Watched(open={"fluid": {"rule": Held(2, 5, 7)}})
        assert one.known(2) is None
        assert one.packed(range(2)) == packed
