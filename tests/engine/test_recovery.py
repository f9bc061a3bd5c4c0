"""The bench of recovery restores what a worker would: patients with profiles and six vitals each."""

import msgspec
import numpy as np
import pytest

from streams.benching import recovery
from streams.engine.forms import Page
from streams.engine.log import home_of
from streams.engine.pages import restored


@pytest.fixture(scope="module")
def made() -> list[Page]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recovery, "MADE", 32)
        return [msgspec.msgpack.decode(page, type=Page) for page in recovery._made_pages()]


def test_patients_of_the_bench_are_whole(made: list[Page]) -> None:
    *_, names = recovery._at_home(150, 3)
    state = restored(dict(recovery._pages(made, 2, names)), 2)
    assert list(state.slot_of) == names
    assert {home_of(name.encode(), 3) for name in names} == {2}, "where their readings would come"
    slots = np.array(list(state.slot_of.values()))
    assert ((state.row_of[slots] >= 0).sum(axis=1) == len(recovery.CODES)).all()
    assert (state.rows["slot"][state.row_of[slots].max(axis=1)] == slots).all()
    assert (state.patients["accepted"][slots] == recovery.ROUNDS * len(recovery.CODES)).all()
    profiles = [state.profile(slot) for slot in slots.tolist()]
    assert all(profile is not None and profile.conditions for profile in profiles)


def test_a_drained_page_is_gone_when_the_state_is_there(made: list[Page]) -> None:
    """Raw pages and state of a million patients are never in memory together."""
    pages = dict(recovery._pages(made, 0, *recovery._at_home(64, 1)))
    kept = dict(pages)
    assert restored(pages, 0).patient_count == restored(kept, 0, drain=True).patient_count == 64
    assert len(pages) == 2 + 4
    assert not any(key.rpartition(b"/")[2].isdigit() for key in kept)
