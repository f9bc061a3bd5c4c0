"""The life cycle of an episode, cell by cell, and its id."""

from itertools import product
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.episodes import (
    EVERYBODY,
    PUBLIC,
    TRANSITIONS,
    UNANSWERED,
    Episode,
    NotAllowed,
    Phase,
    What,
    advance,
    alert_id,
    begins_next,
    day_of,
    eased,
    ended_by_hand,
    find,
    may_repeat,
    next_due_us,
    next_wake_us,
)
from alerts.events import EventName, State
from models.findings import SEVERITIES
from models.times import US_PER_S
from tests.alerts.scripts import DAY_MIN, Life, us
from tests.alerts.test_escalation import nobody_answers

PHASES: tuple[Phase, ...] = get_args(Phase)
WHATS: tuple[What, ...] = get_args(What)
ORDER = ("pending", "open", "escalated", "acknowledged", "snoozed", "resolved", "expired", "retrospective")
WALL: dict[str, list[str]] = {
    # what happens: pending  open       escalated  acknowledged snoozed  resolved   expired    retrospective
    "open":        ["O opened", "-",     "-",       "-",         "-",       "-",       "-",       "-"],
    "raise":       ["-",     "-",        "-",       "-",         "-",       "O reopened", "O reopened", "-"],
    "worse":       ["-",     "O updated", "E updated", "O updated", "O updated", "-",  "-",       "-"],
    "recall":      ["P opened", "-",     "-",       "P updated", "-",       "P reopened", "P reopened", "P updated"],
    "earlier":     ["-",     "O updated", "E updated", "A updated", "S updated", "-",  "-",       "P updated"],
    "again":       ["-",     "O updated", "E updated", "-",      "-",       "-",       "-",       "-"],
    "join":        ["-", "O updated", "E updated", "A updated", "S updated", "-", "-", "-"],
    "clear":       ["-"] + ["R resolved"] * 4 + ["-"] * 3,
    "acknowledge": ["-", "A acknowledged", "A acknowledged", "-", "A acknowledged", "-", "-", "A acknowledged"],
    "assign":      ["-", "O assigned", "E assigned", "A assigned", "S assigned", "-", "-", "P assigned"],
    "resolve":     ["-"] + ["R resolved"] * 4 + ["-", "-", "R resolved"],
    "new_normal":  ["-"] + ["R resolved"] * 4 + ["-", "-", "R resolved"],
    "comment":     ["-"] + [f"{p} updated" for p in "OEASRXP"],
    "snooze":      ["-"] + ["S snoozed"] * 3 + ["-"] * 4,
    "wake":        ["-"] * 4 + ["O updated"] + ["-"] * 3,
    "tell":        ["-", "O updated", "E updated"] + ["-"] * 5,
    "escalate":    ["-", "E escalated", "E escalated"] + ["-"] * 5,
    "hand_over":   ["-", "O updated", "O updated", "-", "O updated", "-", "-", "-"],
    "rise":        ["-", "O updated", "E updated"] + ["-"] * 5,
    "forget":      ["-"] + ["X expired"] * 4 + ["-", "-", "X expired"],
}  # fmt: skip
"""The same table as a person would write it on a wall. P: retrospective (the past), X: expired."""
LETTERS: dict[str, Phase] = {
    "O": "open", "E": "escalated", "A": "acknowledged", "S": "snoozed", "R": "resolved", "X": "expired",
    "P": "retrospective",
}  # fmt: skip


def wanted(what: str, phase: Phase) -> tuple[Phase, str] | None:
    cell = WALL[what][ORDER.index(phase)]
    return None if cell == "-" else (LETTERS[cell[0]], cell[2:])


def episode(phase: Phase, severity: str = "urgent") -> Episode:
    life = Life()
    life.raised(0)
    (made,) = life.episodes
    made.state, made.rank = phase, SEVERITIES.index(severity)
    return made


def test_the_wall_has_every_cell() -> None:
    assert set(WALL) == set(WHATS)
    assert set(ORDER) == set(PHASES)
    assert {len(row) for row in WALL.values()} == {len(PHASES)}
    cells = {(phase, what): wanted(what, phase) for what in WHATS for phase in PHASES}
    assert {cell: step for cell, step in cells.items() if step} == TRANSITIONS


@pytest.mark.parametrize(("what", "phase"), list(product(WHATS, PHASES)))
def test_every_cell_moves_as_the_table_says_or_raises_and_changes_nothing(what: What, phase: Phase) -> None:
    one = episode(phase)
    before, step = msgspec.structs.asdict(one), wanted(what, phase)
    if step is None:
        with pytest.raises(NotAllowed, match=f"{what} is not possible while the alert is {phase}"):
            advance(one, what)
        assert msgspec.structs.asdict(one) == before
    else:
        assert (one.state, advance(one, what)) == (phase, step[1])
        assert msgspec.structs.asdict(one) == before | {"state": step[0], "sequence": before["sequence"] + 1}


@pytest.mark.parametrize("phase", ["open", "escalated", "acknowledged"])
def test_an_emergency_cannot_be_snoozed(phase: Phase) -> None:
    one = episode(phase, "emergency")
    before = msgspec.structs.asdict(one)
    with pytest.raises(NotAllowed, match="emergency"):
        advance(one, "snooze")
    assert msgspec.structs.asdict(one) == before


def test_what_is_about_the_past_cannot_be_snoozed() -> None:
    one = episode("acknowledged")
    one.retrospective = True
    with pytest.raises(NotAllowed, match="past"):
        advance(one, "snooze")


def test_an_open_episode_about_the_past_from_an_older_page_is_retrospective() -> None:
    old = msgspec.structs.asdict(episode("open")) | {"retrospective": True, "evidence": []}
    kept = {name: old[name] for name in old if name not in ("rung", "due_us", "told", "spent_us", "team", "held")}
    kept["rule"] = {"id": "x", "version": "1", "source": "DESIGN"}
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(kept), type=Episode)
    assert (read.state, next_due_us(read)) == ("retrospective", None)


def test_what_everybody_was_asked_about_in_an_older_page_is_at_the_end_of_its_chain() -> None:
    def read(**was: object) -> int:
        kept = msgspec.structs.asdict(episode("escalated")) | {"evidence": [], "rung": 3, "due_us": None} | was
        kept["rule"] = {"id": "x", "version": "1", "source": "DESIGN"}
        return msgspec.msgpack.decode(msgspec.msgpack.encode(kept), type=Episode).rung

    assert read() == EVERYBODY
    assert [read(due_us=1), read(state="resolved"), read(problem=UNANSWERED), read(rung=0)] == [3, 3, 3, 0]


def test_an_emergency_of_an_older_page_is_told_when_it_comes_back_though_a_rule_of_a_condition_goes_on() -> None:
    life = Life()
    life.raised(0, "condition", "urgent")
    life.raised(5, "limit", "emergency")
    life.acted(10, "acknowledge")
    life.episodes[0].ranks = {}
    eased(life.episodes, "spo2.low", "limit", SEVERITIES.index("urgent"))
    assert life.raised(60, "limit", "emergency") == [("updated", "open")]
    assert life.told[-1].notify == "worse"


def test_every_event_of_the_contract_can_happen() -> None:
    assert {event for _, event in TRANSITIONS.values()} == set(get_args(EventName))


def test_every_phase_has_a_name_outside() -> None:
    assert set(PUBLIC) == set(PHASES)
    assert set(PUBLIC.values()) == set(get_args(State))


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
    assert alert_id("p-17", "heart_rate.high", 0, True) == "a-68d4d42e8cbc01e9"
    assert alert_id("p-17", "heart_rate.high", 0, False, 2) == "a-af6d23ab115d196b"


def test_an_alert_and_an_alarm_have_the_ids_of_their_patient_and_problem() -> None:
    life = nobody_answers("emergency")
    wanted = [("spo2.low", 0), (UNANSWERED, 15)]
    assert [e.alert_id for e in life.episodes] == [alert_id("p-1", name, us(at), False) for name, at in wanted]


def test_a_finding_belongs_to_the_episode_of_its_problem_however_long_it_is_open() -> None:
    life = Life()
    life.raised(0)
    life.raised(0, problem="heart_rate.high")
    spo2, heart = life.episodes
    assert find(life.episodes, "spo2.low", False, us(90 * DAY_MIN)) is spo2
    assert find(life.episodes, "heart_rate.high", False, us(0)) is heart
    assert find(life.episodes, "spo2.high", False, us(0)) is None
    assert find(life.episodes, "spo2.low", True, us(0)) is None


def test_what_stands_for_all_before_it_is_no_home_for_what_comes_long_after() -> None:
    life = Life()
    life.raised(0)
    life.cleared(1)
    (one,) = life.episodes
    one.stands_for_older = True
    assert find([one], "spo2.low", False, us(-90 * DAY_MIN)) is one
    assert find([one], "spo2.low", False, us(90 * DAY_MIN)) is None


@pytest.mark.parametrize(
    ("fields", "repeats"),
    [
        ({}, True), ({"state": "escalated"}, True), ({"state": "acknowledged"}, False), ({"state": "snoozed"}, False),
        ({"event_us": us(1)}, False), ({"event_us": us(1), "problem": "spo2.high"}, True),
        ({"event_us": us(1), "retrospective": True}, True), ({"event_us": us(1), "state": "resolved"}, True),
        ({"event_us": us(1), "sources": ["deviation"]}, True),
        ({"event_us": us(1), "sources": ["deviation", "limit"]}, False),
    ],
)  # fmt: skip
def test_a_limit_is_told_again_a_day_later_or_if_nobody_was_told_of_it(fields: Any, repeats: bool) -> None:
    """Not while somebody has it. What is over, about the past, or seen by other detectors only told nobody of it."""
    one = msgspec.structs.replace(episode("open"), **fields)
    assert may_repeat([one], "spo2.low", us(DAY_MIN)) is repeats
    assert may_repeat([], "spo2.low", us(DAY_MIN))


def test_of_two_alerts_about_a_limit_the_one_that_was_told_a_day_ago_is_enough() -> None:
    told = msgspec.structs.replace(episode("open"), event_us=us(1))
    assert may_repeat([told, episode("open")], "spo2.low", us(DAY_MIN))


def test_an_earlier_reading_is_the_beginning_of_the_next_episode_of_its_problem_within_a_day() -> None:
    def began(minutes: float, **fields: Any) -> Episode:
        return msgspec.structs.replace(episode("open"), onset_us=us(minutes), **fields)

    following, later, past = began(60), began(90), began(50, retrospective=True)
    others = [began(30, problem="spo2.high"), began(40, state="resolved"), began(0), past, later, following]
    assert begins_next(others, "spo2.low", False, us(0)) is following
    assert begins_next(others, "spo2.low", True, us(0)) is past
    assert begins_next([following], "spo2.low", False, us(60 - DAY_MIN)) is following
    assert begins_next([following], "spo2.low", False, us(60 - DAY_MIN) - 1) is None


def test_the_next_wake_is_the_first_of_the_snoozes() -> None:
    life = Life()
    assert next_wake_us(life.episodes) is None
    for n, minutes in enumerate([90, 30, 60]):
        life.raised(0, problem=f"glucose.{n}")
        life.snoozed(1, minutes)
    assert next_wake_us(life.episodes) == us(31)
    life.acted(2, "acknowledge", life.episodes[1].alert_id)
    assert next_wake_us(life.episodes) == us(61)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, True), ({"problem": "spo2.high"}, False), ({"state": "open"}, False), ({"state": "snoozed"}, False),
        ({"state": "expired"}, False), ({"held": "its sensor is off"}, False), ({"retrospective": True}, False),
    ],
)  # fmt: skip
def test_what_a_person_ended_and_is_seen_all_the_same_comes_back_a_day_later(fields: Any, found: bool) -> None:
    """Not what is open, nobody's to watch any more, held back by its cause, or about the past."""
    life = Life()
    life.raised(0)
    life.acted(30, "resolve")
    (ended,) = [msgspec.structs.replace(one, **fields) for one in life.episodes]
    assert ended_by_hand([ended], "spo2.low", us(30 + DAY_MIN)) == (ended if found else None)
    assert ended_by_hand([ended], "spo2.low", us(30 + DAY_MIN) - 1) is None


def test_the_latest_alert_about_a_problem_says_whether_a_person_ended_it() -> None:
    life = Life()
    life.raised(0)
    life.acted(30, "resolve")
    life.raised(3 * DAY_MIN)
    assert len(life.episodes) == 2
    assert ended_by_hand(life.episodes, "spo2.low", us(4 * DAY_MIN)) is None
    life.acted(3 * DAY_MIN + 1, "resolve")
    assert ended_by_hand(life.episodes, "spo2.low", us(5 * DAY_MIN)) is life.episodes[1]
