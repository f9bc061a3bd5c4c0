"""Which episodes of a patient are forgotten when there are too many, held against the rule by hand."""

from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import episodes
from alerts.episodes import Episode, make_room
from tests.alerts.scripts import Life

KEPT = 5
"""Fewer than in earnest: what matters is which goes, and a few tell as much as many."""
OVER = ("resolved", "expired")
Made = tuple[str, bool, int, str, bool]
many = st.lists(
    st.tuples(
        st.sampled_from(["spo2.low", "glucose.low"]), st.booleans(), st.integers(0, 6),
        st.sampled_from(["open", "acknowledged", "snoozed", "resolved", "resolved", "expired"]), st.booleans(),
    ),
    min_size=1, max_size=10, unique_by=lambda made: made[:3],
)  # fmt: skip


@cache
def alert() -> Episode:
    life = Life()
    life.raised(0)
    return life.episodes[0]


def episode(made: Made) -> Episode:
    problem, retrospective, day, state, held = made
    return msgspec.structs.replace(
        alert(), alert_id=repr(made[:3]), problem=problem, retrospective=retrospective, day=day, state=state,
        held="its sensor is off" if held else None,
    )  # fmt: skip


def left_by_hand(known: list[Made]) -> tuple[list[Made], set[Made]]:
    """What is left, and which of it stand for those that went before."""
    left, stand = [*known], set[Made]()
    while len(left) >= KEPT:
        groups = [[one for one in left if one[:2] == key] for key in dict.fromkeys(one[:2] for one in left)]
        rows = [sorted(group, key=lambda one: one[2]) for group in groups if len(group) > 1]
        may_go = [row for row in rows if row[0][1] or (row[0][3] in OVER and not row[0][4])]
        if not may_go:
            break
        row = next(row for row in may_go if row[0][2] == min(other[0][2] for other in may_go))
        left.remove(row[0])
        stand.add(row[1])
    return left, stand


@given(many)
def test_the_earliest_that_is_over_goes_and_the_next_of_its_problem_stands_for_it(known: list[Made]) -> None:
    """Never the last of a problem, nor what is open, or held back: nobody would ever be told of it."""
    kept = [episode(one) for one in known]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(episodes, "EPISODES_KEPT", KEPT)
        make_room(kept)
    left, stand = left_by_hand(known)
    assert [one.alert_id for one in kept] == [repr(one[:3]) for one in left]
    assert {one.alert_id for one in kept if one.stands_for_older} == {repr(one[:3]) for one in stand if one in left}
