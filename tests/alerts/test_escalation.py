"""Stories of escalation, scripted in time: who is asked, by when, and what becomes of it when nobody answers."""

import pytest

from alerts.policy import PolicySettings
from alerts.policy.settings import MINUTE_US
from models.findings import Severity
from models.times import rfc3339
from tests.alerts.scripts import DAY_MIN, Life, us

POLICY = PolicySettings(calm_us=0)


def life() -> Life:
    return Life(policy=POLICY)


@pytest.mark.parametrize(("severity", "minutes"), [("emergency", 5), ("urgent", 60), ("advisory", 1440)])
def test_each_rung_has_the_time_of_the_severity_and_then_everybody_is_alarmed(severity: Severity, minutes: int) -> None:
    one = life()
    one.raised(0, severity=severity)
    assert (one.told[0].rung, one.told[0].deadline) == (0, rfc3339(us(minutes)))
    for rung in (1, 2):
        assert one.tick(rung * minutes - 0.1) == []
        assert one.tick(rung * minutes) == [("escalated", "open")]
        assert (one.told[-1].rung, one.told[-1].notify) == (rung, "escalated")
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


def test_what_is_acknowledged_stays_so_and_asks_nobody() -> None:
    one = life()
    one.raised(0, severity="emergency")
    one.acted(4, "acknowledge")
    assert one.tick(9 * DAY_MIN) == []
    assert one.told[-1].deadline is None


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


class TestCalm:
    POLICY = PolicySettings(calm_us=15 * MINUTE_US)

    def life(self) -> Life:
        one = Life(policy=self.POLICY)
        one.raised(0)
        return one

    def test_an_end_is_believed_after_a_while(self) -> None:
        one = self.life()
        assert one.cleared(20) == []
        assert one.tick(34.9) == []
        assert one.tick(35) == [("resolved", "resolved")]
        assert one.told[-1].reason == "back to normal for this patient, and for 15 minutes since"
        assert (one.told[-1].event_at, one.told[-1].evidence[0].value) == (rfc3339(us(20)), 97.0)

    def test_a_return_before_that_is_no_news(self) -> None:
        one = self.life()
        one.cleared(20)
        assert one.raised(30) == []
        assert one.tick(40) == []
        assert one.episodes[0].evidence[0].value == 82.0
        one.cleared(50)
        assert one.tick(65) == [("resolved", "resolved")]

    def test_worse_is_told_at_once(self) -> None:
        one = self.life()
        one.cleared(20)
        assert one.raised(30, severity="emergency") == [("updated", "open")]
        assert one.tick(35) == [("escalated", "open")]

    def test_the_time_to_answer_goes_on_when_it_returns(self) -> None:
        one = self.life()
        one.cleared(50)
        assert one.tick(60) == [], "it is well just now"
        one.raised(62)
        assert one.tick(63) == [("escalated", "open")]

    def test_what_somebody_does_meanwhile_counts(self) -> None:
        one = self.life()
        one.cleared(20)
        assert one.acted(21, "acknowledge") == [("acknowledged", "acknowledged")]
        assert one.tick(35) == [("resolved", "resolved")]
