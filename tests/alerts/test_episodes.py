"""The life cycle of an episode, cell by cell, and its id."""

from itertools import product
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.episodes import TRANSITIONS, Episode, NotAllowed, What, advance, alert_id, day_of, find, next_wake_us
from alerts.events import EventName, State
from models.findings import SEVERITIES
from models.times import US_PER_S
from tests.alerts.scripts import DAY_MIN, Life, us

STATES: tuple[State, ...] = get_args(State)
WHATS: tuple[What, ...] = get_args(What)
WANTED: dict[tuple[str, str], tuple[str, str] | None] = {
    # what happens:  open                      acknowledged               snoozed                     resolved
    **dict(zip(product(["raise"], STATES), [None, None, None, ("open", "reopened")], strict=True)),
    **dict(zip(product(["worse"], STATES), [("open", "updated")] * 3 + [None], strict=True)),
    **dict(zip(product(["earlier"], STATES),
               [("open", "updated"), ("acknowledged", "updated"), ("snoozed", "updated"), None], strict=True)),
    **dict(zip(product(["again"], STATES), [("open", "updated"), None, None, None], strict=True)),
    **dict(zip(product(["clear"], STATES), [("resolved", "resolved")] * 3 + [None], strict=True)),
    **dict(zip(product(["acknowledge"], STATES),
               [("acknowledged", "acknowledged"), None, ("acknowledged", "acknowledged"), None], strict=True)),
    **dict(zip(product(["assign"], STATES),
               [("open", "assigned"), ("acknowledged", "assigned"), ("snoozed", "assigned"), None], strict=True)),
    **dict(zip(product(["resolve"], STATES), [("resolved", "resolved")] * 3 + [None], strict=True)),
    **dict(zip(product(["new_normal"], STATES), [("resolved", "resolved")] * 3 + [None], strict=True)),
    **dict(zip(product(["comment"], STATES), [(state, "updated") for state in STATES], strict=True)),
    **dict(zip(product(["snooze"], STATES), [("snoozed", "snoozed")] * 2 + [None, None], strict=True)),
    **dict(zip(product(["wake"], STATES), [None, None, ("open", "updated"), None], strict=True)),
    **dict(zip(product(["forget"], STATES), [("resolved", "expired")] * 3 + [None], strict=True)),
}  # fmt: skip
"""The same table as a person would write it on a wall, by what happens; None is not allowed."""


def episode(state: State, severity: str = "urgent") -> Episode:
    life = Life()
    life.raised(0)
    (made,) = life.episodes
    made.state, made.rank = state, SEVERITIES.index(severity)
    return made


def test_the_wall_has_every_cell() -> None:
    assert set(WANTED) == {(what, state) for what in WHATS for state in STATES}
    assert {(state, what): step for (what, state), step in WANTED.items() if step} == TRANSITIONS


@pytest.mark.parametrize(("what", "state"), list(product(WHATS, STATES)))
def test_every_cell_moves_as_the_table_says_or_raises_and_changes_nothing(what: What, state: State) -> None:
    one = episode(state)
    before = msgspec.structs.asdict(one)
    wanted = WANTED[what, state]
    if wanted is None:
        with pytest.raises(NotAllowed, match=f"{what} is not possible while the alert is {state}"):
            advance(one, what)
        assert msgspec.structs.asdict(one) == before
    else:
        assert (one.state, advance(one, what)) == (state, wanted[1])
        assert msgspec.structs.asdict(one) == before | {"state": wanted[0], "sequence": before["sequence"] + 1}


@pytest.mark.parametrize("state", ["open", "acknowledged"])
def test_an_emergency_cannot_be_snoozed(state: State) -> None:
    one = episode(state, "emergency")
    before = msgspec.structs.asdict(one)
    with pytest.raises(NotAllowed, match="emergency"):
        advance(one, "snooze")
    assert msgspec.structs.asdict(one) == before


def test_every_event_of_the_contract_can_happen_but_escalation() -> None:
    told = {event for _, event in TRANSITIONS.values()} | {"opened"}
    assert told == set(get_args(EventName)) - {"escalated"}


ids = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=6)
keys = st.tuples(ids, st.sampled_from(["spo2.low", "heart_rate.high"]), st.integers(0, 2**53), st.booleans())


@given(keys, keys)
def test_an_id_follows_from_patient_problem_and_day_of_onset_alone(
    one: tuple[str, str, int, bool], other: tuple[str, str, int, bool]
) -> None:
    assert alert_id(*one) == alert_id(*one)
    same = all((one[0] == other[0], one[1] == other[1], one[3] == other[3], day_of(one[2]) == day_of(other[2])))
    assert (alert_id(*one) == alert_id(*other)) is same
    assert alert_id(*one).startswith("a-")


def test_a_night_is_one_day_for_an_id_and_begins_at_noon() -> None:
    noon = us(4 * 60)
    assert day_of(noon - 1) + 1 == day_of(noon) == day_of(noon + 24 * 3600 * US_PER_S - 1)


def test_who_was_forgotten_has_other_ids_when_they_come_back() -> None:
    ids = {alert_id("p-17", "heart_rate.high", 0, False, life) for life in range(3)}
    assert len(ids) == 3
    assert alert_id("p-17", "heart_rate.high", 0, False) in ids


def test_ids_do_not_change_between_versions() -> None:
    assert alert_id("p-17", "heart_rate.high", 0, False) == "a-bbb947e3cea23fae"
    assert alert_id("p-17", "heart_rate.high", 0, True) != alert_id("p-17", "heart_rate.high", 0, False)


def test_a_finding_belongs_to_the_episode_of_its_problem_however_long_it_is_open() -> None:
    life = Life()
    life.raised(0)
    life.raised(0, problem="heart_rate.high")
    spo2, heart = life.episodes
    assert find(life.episodes, "spo2.low", False, us(90 * DAY_MIN)) is spo2
    assert find(life.episodes, "heart_rate.high", False, us(0)) is heart
    assert find(life.episodes, "spo2.high", False, us(0)) is None
    assert find(life.episodes, "spo2.low", True, us(0)) is None


def test_the_next_wake_is_the_first_of_the_snoozes() -> None:
    life = Life()
    assert next_wake_us(life.episodes) is None
    for n, minutes in enumerate([90, 30, 60]):
        life.raised(0, problem=f"glucose.{n}")
        life.snoozed(1, minutes)
    assert next_wake_us(life.episodes) == us(31)
    life.acted(2, "acknowledge", life.episodes[1].alert_id)
    assert next_wake_us(life.episodes) == us(61)
