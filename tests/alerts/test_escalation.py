"""Stories of escalation, scripted in time: who is asked, by when, and what becomes of it when nobody answers."""

from dataclasses import replace

import pytest

from alerts.episodes import UNARMED
from alerts.events import ActionType
from alerts.policy import PolicySettings
from models.findings import Severity
from models.times import rfc3339
from tests.alerts.scripts import DAY_MIN, Life, us

POLICY = PolicySettings(calm_us=0)


def life() -> Life:
    return Life(policy=POLICY)


def nobody_answers(severity: Severity) -> Life:
    """An alert at 0 that each of three was asked about in turn."""
    one, minutes = life(), {"emergency": 5, "urgent": 60, "advisory": 1440}[severity]
    one.raised(0, severity=severity)
    for rung in (1, 2, 3):
        one.tick(rung * minutes)
    assert (one.told[-1].kind, one.told[-1].event) == ("delivery", "opened")
    return one


@pytest.mark.parametrize(("severity", "minutes"), [("emergency", 5), ("urgent", 60), ("advisory", 1440)])
def test_each_rung_has_the_time_of_the_severity_and_then_everybody_is_alarmed(severity: Severity, minutes: int) -> None:
    one = life()
    one.raised(0, severity=severity)
    assert (one.told[0].rung, one.told[0].deadline) == (0, rfc3339(us(minutes)))
    for rung in (1, 2):
        assert one.tick(rung * minutes - 0.1) == []
        assert one.tick(rung * minutes) == [("escalated", "open")]
        assert (one.told[-1].rung, one.told[-1].notify) == (rung, "escalated")
        assert f"team-1, rung {rung + 1} of 3, to be answered by" in one.told[-1].policy[-2].reason
        assert one.told[-1].deadline == rfc3339(us((rung + 1) * minutes))
    assert one.tick(3 * minutes) == [("opened", "open")]
    alarm = one.told[-1]
    assert (alarm.kind, alarm.category, alarm.severity, alarm.rung) == ("delivery", "technical", severity, 3)
    assert alarm.notify == "first"
    assert "Oxygen saturation below 88 %" in alarm.title
    assert "everybody" in alarm.policy[-2].reason


def test_the_alarm_is_repeated_until_somebody_answers_and_ends_then() -> None:
    one = life()
    one.raised(0, severity="emergency")
    for at in (5, 10, 15):
        one.tick(at)
    assert one.tick(74) == []
    assert one.tick(75) == [("escalated", "open")]
    assert one.tick(194) == []
    assert one.tick(195) == [("escalated", "open")]
    assert one.acted(200, "acknowledge", one.told[0].alert_id) == [
        ("acknowledged", "acknowledged"), ("resolved", "resolved"),
    ]  # fmt: skip
    assert one.tick(9 * DAY_MIN) == []


def test_a_patient_whom_nobody_answers_for_is_not_told_of_for_ever_by_the_hour() -> None:
    one = life()
    one.raised(0, severity="urgent")
    for hour in range(1, 60 * 24):
        one.tick(60.0 * hour)
    reminders = [event for event in one.told if event.kind == "delivery" and event.event == "escalated"]
    assert 40 <= len(reminders) <= 60 * 24 / 32 + 6
    quiet = life()
    quiet.raised(0, severity="advisory")
    for day in range(1, 60):
        quiet.tick(day * DAY_MIN)
    assert [event.event for event in quiet.told if event.kind == "delivery"] == ["opened"]


def test_one_alarm_speaks_for_all_alerts_of_a_patient_that_nobody_answers() -> None:
    one = life()
    one.raised(0, severity="emergency")
    one.raised(7, severity="emergency", problem="glucose.low")
    for at in range(1, 23):
        one.tick(at)
    alarms = [event for event in one.told if event.kind == "delivery"]
    assert [(event.event, event.notify) for event in alarms] == [("opened", "first"), ("updated", "worse")]
    assert alarms[-1].title.endswith("and 1 more")
    one.acted(23, "acknowledge", one.told[0].alert_id)
    assert one.told[-1].event == "acknowledged", "the other one is still left"
    one.acted(24, "resolve", next(e.alert_id for e in one.episodes if e.problem == "glucose.low"))
    assert [e.state for e in one.episodes] == ["acknowledged", "resolved", "resolved"]


def test_everybody_hears_of_each_alert_that_nobody_answers_also_of_a_third_that_is_no_worse() -> None:
    one = life()
    for at, problem in ((0, "spo2.low"), (7, "glucose.low"), (14, "heart_rate.high")):
        one.raised(at, severity="emergency", problem=problem)
        one.tick(at)
    for at in range(1, 30):
        one.tick(at)
    alarms = [event for event in one.told if event.kind == "delivery"]
    assert [event.notify for event in alarms] == ["first", "worse", "worse"]
    assert alarms[-1].title.endswith("and 2 more")


def test_the_end_of_a_second_advisorys_chain_is_told_also_within_a_day_of_the_firsts() -> None:
    one = life()
    one.raised(0, severity="advisory")
    one.raised(700, severity="advisory", problem="glucose.low")
    for day in (1, 2, 3):
        one.tick(day * DAY_MIN)
        one.tick(day * DAY_MIN + 600)
        one.tick(day * DAY_MIN + 700 - (day == 3))
    one.acted(3 * DAY_MIN + 699, "acknowledge", one.told[0].alert_id)
    assert one.tick(3 * DAY_MIN + 700) == [("reopened", "open")]
    alarm = one.told[-1]
    assert (alarm.kind, alarm.severity, alarm.notify) == ("delivery", "advisory", "returned")
    assert alarm.policy[-2].reason == "everybody of team-1, and ops"


def test_the_end_of_an_advisorys_chain_waits_for_no_share_of_the_day() -> None:
    one = Life(policy=replace(POLICY, advisories_per_day=1))
    one.raised(0, severity="advisory")
    for day in (1, 2):
        one.tick(day * DAY_MIN)
    one.raised(3 * DAY_MIN - 30, severity="advisory", problem="body_weight.high")
    assert one.told[-1].notify == "first"
    assert one.tick(3 * DAY_MIN) == [("opened", "open")]
    assert (one.told[-1].kind, one.told[-1].notify, one.told[-1].until) == ("delivery", "first", None)


def test_an_alert_of_before_of_which_nobody_has_said_by_when_is_asked_about_from_the_next_tick_on() -> None:
    one = life()
    one.raised(0)
    one.episodes[0].due_us = UNARMED
    assert one.tick(10) == []
    assert one.tick(69) == []
    assert one.tick(70) == [("escalated", "open")]


def test_of_such_an_alert_no_time_is_said_before_there_is_one() -> None:
    one = life()
    one.raised(0)
    one.raised(0, severity="info", problem="glucose.low")
    for episode in one.episodes:
        episode.due_us = UNARMED
    one.acted(1, "comment", one.told[0].alert_id, reason="rings")
    assert (one.told[-1].deadline, one.told[-1].policy[0].reason) == (None, "team-1, rung 1 of 3")
    one.tick(10)
    assert [e.due_us for e in one.episodes] == [us(70), None], "mere information asks nobody"


def test_what_returns_is_asked_about_from_the_first_rung_and_told_again_when_it_gets_worse() -> None:
    one = life()
    one.raised(0)
    one.tick(60)
    one.raised(61, severity="emergency")
    one.tick(66)
    one.cleared(67)
    assert one.raised(70) == [("reopened", "open")]
    again = one.told[-1]
    assert (again.severity, again.rung, again.notify, again.deadline) == ("urgent", 0, "returned", rfc3339(us(130)))
    assert one.raised(71, severity="emergency") == [("updated", "open")]
    assert (one.told[-1].rung, one.told[-1].notify, one.told[-1].deadline) == (0, "worse", rfc3339(us(76)))


def test_what_is_acknowledged_stays_so_and_asks_nobody() -> None:
    one = life()
    one.raised(0, severity="emergency")
    one.acted(4, "acknowledge")
    assert one.tick(9 * DAY_MIN) == []
    assert one.told[-1].deadline is None


class TestWhoHasIt:
    """Whoever was asked about something urgent is told once who has taken it. `asked_since` says since which step."""

    @pytest.mark.parametrize("answer", ["acknowledge", "snooze"])
    def test_it_is_told_once_to_whom_was_asked(self, answer: str) -> None:
        one = life()
        one.raised(0)
        one.tick(60)
        one.snoozed(61, 30) if answer == "snooze" else one.acted(61, "acknowledge")
        assert (one.told[-1].notify, one.told[-1].asked_since) == ("taken", 1)
        if answer == "snooze":
            one.acted(62, "acknowledge")
            assert (one.told[-1].notify, one.told[-1].asked_since) == (None, 0), "they know already"
        one.acted(63, "resolve")
        assert (one.told[-1].notify, one.told[-1].asked_since) == ("resolved", 0), "nobody waits to hear that any more"

    def test_what_waited_when_it_ended_says_since_when(self) -> None:
        one = life()
        one.raised(0)
        one.acted(1, "resolve")
        assert (one.told[-1].notify, one.told[-1].asked_since) == ("resolved", 1)

    def test_it_is_about_those_who_were_asked_this_time(self) -> None:
        one = life()
        one.raised(0)
        one.acted(1, "acknowledge")
        one.raised(2, severity="emergency")
        one.tick(7)
        one.acted(8, "acknowledge")
        assert (one.told[-1].notify, one.told[-1].asked_since) == ("taken", 3)
        one.acted(9, "resolve")
        one.raised(20, severity="emergency")
        one.handed_over(21, "team-2")
        one.acted(22, "acknowledge")
        assert (one.told[-1].notify, one.told[-1].asked_since) == ("taken", 8), "no longer of the former team"

    def test_nobody_is_told_who_has_what_may_wait_or_what_they_never_heard_of(self) -> None:
        one = life()
        one.raised(0, severity="advisory")
        one.acted(1, "acknowledge")
        assert (one.told[-1].notify, one.told[-1].policy[-1].answer) == (None, "quiet")
        one = life()
        one.raised(0, problem="systolic_bp.high")
        one.raised(1, problem="diastolic_bp.high")
        one.acted(2, "acknowledge")
        assert (one.told[-1].problem, one.told[-1].notify) == ("diastolic_bp.high", None)

    def test_an_alarm_that_nobody_had_answered_is_taken_too(self) -> None:
        one = nobody_answers("emergency")
        one.acted(16, "acknowledge", one.told[-1].alert_id)
        assert (one.told[-3].kind, one.told[-3].notify) == ("delivery", "taken")

    def test_who_has_the_alarm_has_not_what_is_asked_about_anew(self) -> None:
        one = nobody_answers("urgent")
        one.raised(181, severity="emergency")
        one.acted(182, "acknowledge", one.episodes[1].alert_id)
        assert [e.state for e in one.episodes] == ["escalated", "acknowledged"]

    @pytest.mark.parametrize("words", ["comment", "assign"])
    def test_words_about_an_alarm_are_no_answer_to_what_nobody_had_answered(self, words: ActionType) -> None:
        one = nobody_answers("emergency")
        one.acted(16, words, one.told[-1].alert_id, to="nurse-3", reason="who has them?")
        assert [e.state for e in one.episodes] == ["escalated", "open"]


def test_what_is_said_of_an_alert_does_not_put_off_the_time_to_answer() -> None:
    """That it began earlier, who has it, a remark: none of it is an answer."""
    one = life()
    one.raised(0)
    one.earlier(10, -30)
    one.acted(20, "comment", reason="rings")
    one.acted(30, "assign", to="nurse-3")
    assert [event.deadline for event in one.told] == [rfc3339(us(60))] * 4
    assert one.tick(60) == [("escalated", "open")]


def test_that_a_limit_is_broken_once_more_does_not_put_it_off_either() -> None:
    one = life()
    one.raised(0, severity="advisory")
    one.tick(DAY_MIN)
    assert one.again(DAY_MIN + 60, "advisory") == [("updated", "open")]
    assert one.told[-1].deadline == rfc3339(us(2 * DAY_MIN))
    assert one.tick(2 * DAY_MIN) == [("escalated", "open")]


def test_worse_keeps_the_rung_and_shortens_the_time() -> None:
    one = life()
    one.raised(0)
    one.tick(60)
    one.raised(61, severity="emergency")
    assert (one.told[-1].event, one.told[-1].rung, one.told[-1].notify) == ("updated", 1, "worse")
    assert one.told[-1].deadline == rfc3339(us(66))
    one.tick(66)
    assert (one.told[-1].event, one.told[-1].rung) == ("escalated", 2)


def test_after_a_snooze_the_first_rung_is_asked_again() -> None:
    one = life()
    one.raised(0)
    one.tick(60)
    one.snoozed(61, 30)
    assert (one.told[-1].until, one.told[-1].deadline) == (rfc3339(us(91)), None)
    assert one.tick(91) == [("updated", "open")]
    assert (one.told[-1].notify, one.told[-1].rung, one.told[-1].deadline) == ("woken", 0, rfc3339(us(151)))


def test_another_team_is_told_what_waits_from_its_first_rung_and_no_snooze_of_the_former_binds_it() -> None:
    one = life()
    for n, problem in enumerate(["spo2.low", "glucose.low", "heart_rate.high"]):
        one.raised(0, problem=problem)
        if n == 1:
            one.acted(1, "acknowledge")
    one.snoozed(2, 600)
    one.tick(60)
    assert one.handed_over(70, "team-1") == []
    assert one.handed_over(80, "team-2") == [("updated", "open")] * 2
    assert {(e.care_team, e.rung, e.notify) for e in one.told[-2:]} == {("team-2", 0, "handed_over")}
    assert one.episodes[1].state == "acknowledged"


def test_another_team_has_its_whole_chain_also_when_nobody_of_the_former_has_answered() -> None:
    one = life()
    one.raised(0, severity="emergency")
    for at in (5, 10, 15):
        one.tick(at)
    assert one.handed_over(20, "team-2") == [("updated", "open"), ("resolved", "resolved")]
    told = one.told[-2]
    assert (told.rung, told.notify, told.deadline) == (0, "handed_over", rfc3339(us(25)))
    assert "team-2, rung 1 of 3" in told.policy[-2].reason
    assert [one.tick(at)[0][0] for at in (25, 30, 35)] == ["escalated", "escalated", "reopened"]
    assert (one.told[-1].kind, one.told[-1].care_team) == ("delivery", "team-2")


def test_the_past_and_mere_information_ask_nobody() -> None:
    one = life()
    one.raised(0, onset=-3 * DAY_MIN, retrospective=True, severity="emergency")
    one.raised(0, severity="info", problem="glucose.low")
    assert one.tick(9 * DAY_MIN) == []
    assert [(event.deadline, event.notify) for event in one.told] == [(None, None)] * 2
