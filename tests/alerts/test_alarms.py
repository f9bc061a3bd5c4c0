"""Alarms that nobody answers: how long one stands, when it is told again, and what ends it."""

from dataclasses import replace

import pytest

from alerts.episodes import EVERYBODY
from alerts.policy.settings import MINUTE_US
from alerts.unanswered import SETTLED, WITH_IT
from models.findings import Severity
from models.times import rfc3339
from tests.alerts.scripts import DAY_MIN, Life, us
from tests.alerts.test_escalation import POLICY, life, nobody_answers


def test_an_alarm_whose_alert_ends_by_itself_does_not_say_that_somebody_answered() -> None:
    one = nobody_answers("emergency")
    assert one.cleared(16) == [("resolved", "resolved"), ("resolved", "resolved")]
    alarm = next(event for event in reversed(one.told) if event.kind == "delivery")
    assert (alarm.event, alarm.by) == ("resolved", None)
    assert "is over" in (alarm.reason or "")


@pytest.mark.parametrize("rungs", [2, 5, 9])
def test_other_rungs_do_not_end_an_alarm_that_stands(rungs: int) -> None:
    one = nobody_answers("emergency")
    one.policy = replace(POLICY, rungs=rungs)
    assert one.tick(16) == []
    assert one.acted(17, "comment", one.told[0].alert_id, reason="no answer on the phone") == [("updated", "open")]
    assert one.acted(18, "acknowledge", one.told[0].alert_id)[1:] == [("resolved", "resolved")]
    assert one.told[-1].reason == SETTLED


def test_fewer_rungs_do_not_alarm_before_who_was_asked_had_the_time_to_answer() -> None:
    one = life()
    one.raised(0, severity="emergency")
    one.tick(5)
    one.policy = replace(POLICY, rungs=1)
    assert one.acted(6, "comment", reason="rings") == [("updated", "open")]
    assert (one.told[-1].deadline, one.tick(9.9)) == (rfc3339(us(10)), [])
    assert one.tick(10) == [("opened", "open")]


def test_worse_after_the_end_of_the_chain_asks_everybody_anew_and_then_alarms_once_more() -> None:
    one = nobody_answers("urgent")
    assert one.raised(200, severity="emergency") == [("updated", "open")], "the alarm stands: nobody has answered"
    told = one.told[-1]
    assert (told.rung, told.notify, told.deadline) == (EVERYBODY, "worse", rfc3339(us(205)))
    assert told.policy[-2].reason.startswith("everybody of team-1, and ops, to be answered by")
    assert one.tick(204.9) == []
    assert one.tick(205) == [("updated", "open")]
    alarm = one.told[-1]
    assert (alarm.kind, alarm.severity, alarm.notify) == ("delivery", "emergency", "worse")
    assert alarm.reason == "nobody has answered: Oxygen saturation below 88 %"
    assert one.acted(206, "acknowledge", told.alert_id)[1:] == [("resolved", "resolved")]
    assert one.tick(9 * DAY_MIN) == []


def test_an_alarm_that_became_more_severe_is_repeated_from_an_hour_on_again() -> None:
    one = nobody_answers("urgent")
    for hour in range(4, 100):
        one.tick(60.0 * hour)
    one.raised(6001, severity="emergency")
    one.tick(6006)
    assert (one.told[-1].kind, one.told[-1].deadline) == ("delivery", rfc3339(us(6066)))
    assert one.tick(6066) == [("escalated", "open")]


def test_an_alarm_that_is_there_again_is_repeated_from_an_hour_on_again() -> None:
    one = nobody_answers("emergency")
    for hour in range(1, 20):
        one.tick(15 + 60.0 * hour)
    one.acted(1200, "acknowledge", one.told[0].alert_id)
    one.raised(1210, severity="emergency", problem="glucose.low")
    for at in (1215, 1220, 1225):
        one.tick(at)
    assert (one.told[-1].kind, one.told[-1].event) == ("delivery", "reopened")
    assert (one.told[-1].onset_at, one.told[-1].deadline) == (rfc3339(us(1225)), rfc3339(us(1285)))


def test_answered_before_that_time_is_over_the_alarm_ends() -> None:
    one = nobody_answers("urgent")
    one.raised(200, severity="emergency")
    assert one.acted(201, "acknowledge", one.told[0].alert_id)[1:] == [("resolved", "resolved")]
    assert one.tick(9 * DAY_MIN) == []


def test_what_its_incident_makes_worse_after_the_end_of_its_chain_is_asked_about_anew() -> None:
    one = Life(policy=replace(POLICY, rungs=1, answer_within_us=(None, *(5 * MINUTE_US,) * 3)))
    one.raised(0, severity="advisory", problem="heart_rate.high")
    assert one.tick(5) == [("opened", "open")]
    assert one.raised(10, severity="advisory", kind="deviation") == [("opened", "open"), ("updated", "open")]
    risen = one.told[-1]
    assert (risen.problem, risen.severity, risen.rung) == ("heart_rate.high", "urgent", EVERYBODY)
    assert (risen.notify, risen.deadline) == (None, rfc3339(us(15)))
    assert one.tick(15) == [("updated", "open")]
    assert (one.told[-1].kind, one.told[-1].severity, one.told[-1].notify) == ("delivery", "urgent", "worse")


def test_worse_beside_another_one_that_nobody_answers_is_alarmed_about_again_and_answered_ends_nothing_yet() -> None:
    one = nobody_answers("urgent")
    one.raised(181, severity="emergency", problem="glucose.low")
    for at in (186, 191, 196):
        one.tick(at)
    assert (one.told[-1].event, one.told[-1].severity) == ("updated", "emergency")
    one.raised(200, severity="emergency")
    assert one.tick(205) == [("updated", "open")]
    assert (one.told[-1].kind, one.told[-1].title.endswith("and 1 more")) == ("delivery", True)
    assert one.acted(207, "acknowledge", one.told[0].alert_id) == [("acknowledged", "acknowledged")]
    one.acted(208, "resolve", next(e.alert_id for e in one.episodes if e.problem == "glucose.low"))
    assert one.told[-1].reason == SETTLED


@pytest.mark.parametrize("severity", ["advisory", "urgent", "emergency"])
def test_who_has_the_alarm_has_what_nobody_had_answered(severity: Severity) -> None:
    """Else the alarm would be quiet, and the alert below would still be nobody's."""
    one = nobody_answers(severity)
    first, alarm = one.told[0], one.told[-1]
    assert one.acted(4 * DAY_MIN, "acknowledge", alarm.alert_id) == [
        ("acknowledged", "acknowledged"), ("acknowledged", "acknowledged"), ("resolved", "resolved"),
    ]  # fmt: skip
    took, has, over = one.told[-3:]
    assert [event.alert_id for event in (took, has, over)] == [alarm.alert_id, first.alert_id, alarm.alert_id]
    assert (has.by, has.reason, over.reason) == (took.by, WITH_IT, SETTLED)
    assert [event.notify for event in (has, over)] == [None, None], "one message says who has it"
    assert one.tick(9 * DAY_MIN) == []


def test_who_has_the_alarm_does_not_have_what_it_has_not_told_of() -> None:
    one = nobody_answers("urgent")
    one.raised(181, severity="emergency", problem="glucose.low")
    one.acted(182, "acknowledge", next(e.alert_id for e in one.episodes if e.is_alarm))
    assert {e.problem: e.state for e in one.episodes if not e.is_alarm} == {
        "spo2.low": "acknowledged", "glucose.low": "open",
    }  # fmt: skip
    assert one.tick(186) == [("escalated", "open")]
