"""Stories of episodes, scripted in time: minutes from the first finding."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from alerts import episodes
from alerts.episodes import BEGAN_EARLIER, EPISODES_KEPT, REPEAT, NotAllowed
from alerts.events import Action, ActionType
from models.times import rfc3339
from tests.alerts.scripts import DAY_MIN, Life, us


def test_a_problem_opens_is_acknowledged_and_resolves() -> None:
    life = Life()
    assert life.raised(0) == [("opened", "open")]
    assert life.acted(3, "acknowledge") == [("acknowledged", "acknowledged")]
    assert life.cleared(40) == [("resolved", "resolved")]
    opened, acknowledged, resolved = life.told
    assert (opened.severity, opened.category, opened.kind, opened.problem) == (
        "urgent",
        "clinical",
        "limit",
        "spo2.low",
    )
    assert (opened.by, acknowledged.by, resolved.by) == (None, "nurse-2", None)
    assert [event.decided_at for event in life.told] == [rfc3339(us(at)) for at in (0, 3, 40)]
    assert {event.onset_at for event in life.told} == {rfc3339(us(0))}
    assert [event.sequence for event in life.told] == [1, 2, 3]
    assert (resolved.event_at, resolved.evidence[0].value) == (rfc3339(us(40)), 97.0)


def test_what_is_known_is_not_told_again() -> None:
    life = Life()
    life.raised(0)
    assert life.raised(5) == []
    assert life.raised(9, severity="advisory") == []
    life.acted(10, "acknowledge")
    assert life.raised(11) == []
    life.snoozed(12, 60)
    assert life.raised(13) == []
    assert life.sequences() == {life.episodes[0].alert_id: [1, 2, 3]}


def test_a_limit_still_broken_a_day_later_is_told_once_a_day() -> None:
    life = Life()
    life.raised(0)
    assert life.again(DAY_MIN - 1) == []
    assert life.again(DAY_MIN) == [("updated", "open")]
    assert (life.told[-1].reason, life.told[-1].event_at) == (REPEAT, rfc3339(us(DAY_MIN)))
    assert (life.told[-1].evidence[0].value, life.told[-1].onset_at) == (81.0, rfc3339(us(0)))
    assert life.again(2 * DAY_MIN - 1) == []
    assert life.again(2 * DAY_MIN) == [("updated", "open")]


def test_what_has_become_milder_is_told_again_as_what_it_is() -> None:
    """89 % is not "still beyond" the limit of 88 that the title names."""
    life = Life()
    life.raised(0)
    assert life.again(DAY_MIN, "advisory", value=89.0, title="Oxygen saturation at or below 92 %") == [
        ("updated", "open")
    ]
    assert life.told[-1].reason == "repeat: still beyond a limit: Oxygen saturation at or below 92 %"
    assert (life.told[-1].title, life.told[-1].severity) == ("Oxygen saturation below 88 %", "urgent")


def test_what_somebody_has_taken_up_is_not_told_again() -> None:
    """Acknowledged alarms that come back are what teams suffer from; a snooze that is over lets it speak again."""
    life = Life()
    life.raised(0)
    life.acted(5, "acknowledge")
    assert life.again(2 * DAY_MIN) == []
    life.snoozed(2 * DAY_MIN, 60)
    assert life.again(2 * DAY_MIN + 30) == []
    life.tick(2 * DAY_MIN + 60)
    assert life.again(2 * DAY_MIN + 61) == [("updated", "open")]


def test_a_limit_that_nobody_was_told_of_is_raised_when_it_is_broken_again() -> None:
    life = Life()
    assert life.again(0) == [("opened", "open")]
    life.cleared(5)
    assert life.again(9) == [("reopened", "open")]
    other = Life()
    other.raised(0, "deviation")
    assert other.again(2 * DAY_MIN) == [], "the deviation is known: the limit joins its episode, and tells nobody"
    assert other.episodes[0].sources == ["deviation", "limit"]


def test_limit_and_deviation_of_one_problem_are_one_episode_that_ends_with_both() -> None:
    life = Life()
    life.raised(0, "limit")
    assert life.raised(5, "deviation") == []
    assert life.cleared(20, "limit") == []
    assert life.cleared(30, "limit") == []
    assert life.cleared(50, "deviation") == [("resolved", "resolved")]
    assert len(life.episodes) == 1


def test_a_detector_that_saw_nothing_clears_nothing() -> None:
    life = Life()
    assert life.cleared(0) == []
    life.raised(1, "limit")
    assert life.cleared(2, "deviation") == []
    assert life.cleared(3, problem="spo2.high") == []
    assert life.told[-1].event == "opened"


@pytest.mark.parametrize("before", ["open", "acknowledge", "snooze"])
def test_worse_is_told_once_in_every_state_and_opens_again(before: str) -> None:
    life = Life()
    life.raised(0, severity="advisory")
    if before == "acknowledge":
        life.acted(1, "acknowledge")
    if before == "snooze":
        life.snoozed(1, 600)
    assert life.raised(5, severity="emergency") == [("updated", "open")]
    assert life.raised(6, severity="emergency") == []
    assert life.raised(7, severity="urgent") == []
    assert (life.told[-1].severity, life.told[-1].reason) == ("emergency", "now emergency")
    assert life.tick(700) == []


def test_a_return_within_a_day_is_the_same_episode_and_later_a_new_one() -> None:
    life = Life()
    life.raised(0)
    life.cleared(60)
    assert life.raised(60 + DAY_MIN) == [("reopened", "open")]
    life.cleared(100 + DAY_MIN)
    assert life.raised(101 + 2 * DAY_MIN) == [("opened", "open")]
    assert sorted(life.sequences().values()) == [[1], [1, 2, 3, 4]]
    assert life.told[2].reason == "returned"


def test_what_returns_began_when_it_did_so_and_is_one_incident_with_what_begins_then() -> None:
    life = Life()
    life.raised(0, problem="heart_rate.high")
    life.cleared(60, problem="heart_rate.high")
    assert life.raised(420, problem="heart_rate.high", onset=400) == [("reopened", "open")]
    assert life.told[-1].onset_at == rfc3339(us(400))
    life.raised(600, problem="systolic_bp.high")
    assert life.told[-1].incident == life.told[0].alert_id
    assert life.raised(601, "deviation", problem="heart_rate.high", onset=390) == [("updated", "open")]
    assert life.told[-1].onset_at == rfc3339(us(390)), "another detector saw this beginning earlier"


def test_a_return_within_a_day_of_what_a_person_resolved_is_the_same_episode() -> None:
    """However long it had been open: the day counts from the end, not from the last thing told."""
    life = Life()
    life.raised(0)
    life.acted(9 * DAY_MIN, "resolve")
    assert life.raised(9 * DAY_MIN + 30) == [("reopened", "open")]
    assert life.cleared(9 * DAY_MIN + 60) == [("resolved", "resolved")]


@pytest.mark.parametrize("type", ["resolve", "new_normal"])
def test_what_a_person_resolved_waits_for_no_detector(type: Any) -> None:
    life = Life()
    life.raised(0, "limit")
    life.raised(1, "deviation")
    assert life.acted(2, type) == [("resolved", "resolved")]
    assert life.cleared(3, "limit") == []
    assert life.raised(4, "deviation") == [("reopened", "open")]
    assert life.cleared(9, "deviation") == [("resolved", "resolved")]


def test_late_findings_are_an_episode_of_their_own_about_the_past() -> None:
    life = Life()
    life.raised(0)
    assert life.raised(5, onset=-3 * DAY_MIN, retrospective=True) == [("opened", "open")]
    assert life.told[-1].retrospective
    assert life.raised(6, onset=-3 * DAY_MIN + 5, retrospective=True) == []
    assert life.raised(6, onset=-3 * DAY_MIN + 5, retrospective=True, severity="emergency") == [("updated", "open")]
    assert life.cleared(9) == [("resolved", "resolved")]
    assert [event.retrospective for event in life.told] == [False, True, True, False]


def test_what_is_well_again_now_says_nothing_of_the_past() -> None:
    life = Life()
    life.raised(0, onset=-3 * DAY_MIN, retrospective=True)
    life.raised(1)
    assert life.cleared(5) == [("resolved", "resolved")]
    assert [episode.state for episode in life.episodes] == ["retrospective", "resolved"]


def test_what_another_detector_sees_later_does_not_make_it_begin_later() -> None:
    life = Life()
    life.raised(0)
    life.raised(5, "deviation")
    life.raised(6, "deviation", severity="emergency")
    assert life.told[-1].onset_at == rfc3339(us(0))


def test_backfill_does_not_reopen_what_a_person_has_seen() -> None:
    life = Life()
    life.raised(0, onset=-3 * DAY_MIN, retrospective=True)
    life.acted(5, "resolve")
    assert life.raised(6, onset=-3 * DAY_MIN, retrospective=True) == []
    assert life.raised(7, onset=-3 * DAY_MIN, retrospective=True, severity="emergency") == [("reopened", "open")]


def test_an_onset_that_turns_out_to_be_earlier_is_put_right_and_nothing_else() -> None:
    life = Life()
    life.raised(10)
    assert life.earlier(11, 9.5) == [("updated", "open")]
    life.acted(12, "acknowledge")
    assert life.earlier(13, 9) == [("updated", "acknowledged")]
    life.snoozed(14, 60)
    assert life.earlier(15, 8) == [("updated", "snoozed")]
    assert life.earlier(16, 8) == life.earlier(16, 8.5) == life.earlier(16, 8 - DAY_MIN - 1) == []
    life.acted(17, "resolve")
    assert life.earlier(18, 7) == [], "a person has looked at it"
    assert [event.onset_at for event in life.told] == [rfc3339(us(m)) for m in (10, 9.5, 9.5, 9, 9, 8, 8)]
    assert {event.reason for event in life.told if event.event == "updated"} == {BEGAN_EARLIER}
    assert {event.severity for event in life.told} == {"urgent"}


def test_what_two_detectors_see_began_when_the_first_of_it_did_whoever_spoke_first() -> None:
    onsets = set()
    for first, second in ((("limit", 10), ("deviation", -35)), (("deviation", -35), ("limit", 10))):
        life = Life()
        for kind, onset in (first, second):
            life.raised(12, kind, onset=onset)  # type: ignore[arg-type]
        onsets.add((life.told[-1].onset_at, life.told[-1].alert_id))
    assert len(onsets) == 1


past = st.lists(
    st.tuples(st.integers(0, 12 * 24 * 60), st.sampled_from(["advisory", "urgent", "emergency"])),
    min_size=1,
    max_size=30,
)


@settings(deadline=None)
@given(past, st.data())
def test_history_in_any_order_ends_in_the_same_episodes(raises: list[tuple[int, Any]], data: st.DataObject) -> None:
    ends = []
    for order in (raises, data.draw(st.permutations(raises))):
        life = Life()
        for onset, severity in order:
            life.raised(99 * DAY_MIN, severity=severity, onset=onset, retrospective=True)
        ends.append({(e.alert_id, e.onset_us, e.rank, e.state) for e in life.episodes})
    assert ends[0] == ends[1]


FEWER_KEPT = 12


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 25), st.sampled_from(["spo2.low", "spo2.high", "glucose.low"]), st.booleans()),
        min_size=FEWER_KEPT, max_size=3 * FEWER_KEPT,
    ), st.integers(0, 3),
)  # fmt: skip
def test_no_id_is_opened_twice_however_many_episodes_there_have_been(
    raises: list[tuple[int, str, bool]], half_days: int
) -> None:
    """A history of weeks, newest first or in any order, and live ones between them; with fewer kept than in earnest, it
    is shorter as well."""
    life, now = Life(), 200 * DAY_MIN
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(episodes, "EPISODES_KEPT", FEWER_KEPT)
        for day, problem, retrospective in raises:
            now += half_days * DAY_MIN / 2
            onset = day * DAY_MIN if retrospective else now
            life.raised(now, problem=problem, onset=onset, retrospective=retrospective)
            life.cleared(now + 20, problem=problem)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in life.sequences().values())
    assert len(life.episodes) <= FEWER_KEPT


def test_of_a_long_history_the_last_episode_of_a_problem_stands_for_all_before() -> None:
    life = Life()
    days = EPISODES_KEPT + 5
    for day in range(days, 0, -1):
        life.raised(900 * DAY_MIN, onset=day * DAY_MIN, retrospective=True)
    assert len(life.episodes) == EPISODES_KEPT
    assert [e.onset_us for e in life.episodes if e.stands_for_older] == [us(DAY_MIN)]
    assert life.told[-1].event == "updated"


def test_no_step_of_any_life_has_the_number_of_another() -> None:
    life = Life()
    for round_ in range(4):
        life.raised(0, onset=-50 * DAY_MIN, retrospective=True)
        life.acted(round_ * DAY_MIN, "resolve")
        life.raised(round_ * DAY_MIN, onset=-50 * DAY_MIN, retrospective=True, severity="emergency")
        if life.episodes[0].state != "resolved":
            life.acted(round_ * DAY_MIN, "resolve")
        life.episodes[0].rank = 1
    for numbers in life.sequences().values():
        assert numbers == list(range(1, len(numbers) + 1))


def test_an_action_on_no_alert_of_the_patient_is_not_allowed() -> None:
    life = Life()
    life.raised(0)
    with pytest.raises(NotAllowed, match="p-1 has no alert a-other"):
        life.acted(1, "acknowledge", "a-other")


@pytest.mark.parametrize("type", ["acknowledge", "comment", "resolve", "new_normal"])
def test_what_somebody_says_stays_with_what_they_do(type: ActionType) -> None:
    life = Life()
    life.raised(0)
    life.acted(1, type, reason="rings, and nobody answers")
    assert (life.told[-1].by, life.told[-1].reason) == ("nurse-2", "rings, and nobody answers")


def test_assigning_says_to_whom() -> None:
    life = Life()
    life.raised(0)
    with pytest.raises(NotAllowed, match="needs `to`"):
        life.acted(1, "assign")
    assert life.acted(1, "assign", to="nurse-7") == [("assigned", "open")]
    life.acted(2, "assign", to="dr-4", reason="please call")
    assert [event.reason for event in life.told[-2:]] == ["to nurse-7", "to dr-4: please call"]


def test_a_patient_who_leaves_takes_the_open_alerts_along() -> None:
    life = Life()
    for n, problem in enumerate(["spo2.low", "glucose.low", "glucose.high", "heart_rate.high"]):
        life.raised(n, problem=problem)
    life.acted(5, "acknowledge", life.episodes[0].alert_id)
    life.acted(5, "resolve", life.episodes[1].alert_id)
    assert life.forgotten(6) == [("expired", "resolved")] * 3
    assert life.forgotten(7) == []


def test_old_episodes_make_room_and_open_ones_never_do() -> None:
    life = Life()
    life.raised(0, problem="spo2.low")
    for n in range(EPISODES_KEPT + 20):
        life.raised((n + 1) * 2 * DAY_MIN, problem="glucose.low")
        life.cleared((n + 1) * 2 * DAY_MIN + 9, problem="glucose.low")
    assert len(life.episodes) == EPISODES_KEPT
    assert life.cleared(999 * DAY_MIN, problem="spo2.low") == [("resolved", "resolved")]


@pytest.mark.parametrize(
    "wrong",
    [{"extra": 1}, {"type": "delete"}, {"by": "nurse 2"}, {"alert_id": ""}, {"action_id": "a" * 129},
     {"patient": "p-1\n"}, {"until": "tomorrow"}, {"until": "2026-01-05T08:00:00"}, {"at": None},
     {"reason": "r" * 2001}, {"to": "a b"}],
)  # fmt: skip
def test_an_action_of_the_wrong_shape_is_none(wrong: dict[str, Any]) -> None:
    good = {"action_id": "x", "alert_id": "a-1", "patient": "p-1", "at": rfc3339(us(0)), "by": "nurse-2",
            "type": "acknowledge"}  # fmt: skip
    assert Action.model_validate(good).type == "acknowledge"
    with pytest.raises(ValidationError):
        Action.model_validate(good | wrong)
