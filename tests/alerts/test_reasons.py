"""Why a step was taken stands on its event, in words that a nurse understands, and how an end is remembered."""

from dataclasses import replace

import pytest

from alerts import ledger
from alerts.episodes import HAS_COME
from alerts.events import ActionType
from alerts.policy import PolicySettings
from alerts.raised import Cleared, Raised
from models.findings import Rule
from models.times import rfc3339
from tests.alerts.scripts import DAY_MIN, Life, evidence, us
from tests.alerts.test_escalation import nobody_answers
from tests.alerts.test_inhibit import DRIFT, TOGETHER
from tests.alerts.test_policy import life


def escalated() -> Life:
    one = life()
    one.raised(0)
    one.tick(60)
    return one


def worse() -> Life:
    one = life()
    one.raised(0)
    one.raised(1, severity="emergency")
    return one


def handed_over(team: str | None) -> Life:
    one = life()
    one.raised(0)
    one.handed_over(1, team)
    return one


def withdrawn() -> Life:
    one = life()
    one.raised(0)
    one.forgotten(1)
    return one


def risen() -> Life:
    one = life()
    one.raised(0, "deviation", "advisory", problem="heart_rate.high")
    one.raised(1, "deviation", "advisory", problem="respiratory_rate.high")
    return one


def left_alone() -> Life:
    """Told with another alert, which is over."""
    one = life()
    one.raised(0, problem="systolic_bp.high")
    one.raised(1, problem="diastolic_bp.high")
    one.cleared(2, problem="systolic_bp.high")
    return one


def released() -> Life:
    """Held back while its sensor was off, and never told before."""
    one = life()
    one.raised(0, "sensor", "advisory", problem="spo2.sensor")
    one.raised(1, "deviation", "advisory")
    one.cleared(9, "sensor", problem="spo2.sensor")
    return one


def woken() -> Life:
    one = life()
    one.raised(0)
    one.snoozed(1, 60)
    one.tick(61)
    return one


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (escalated(), "not answered by 5 January 2026 at 09:00 UTC"), (worse(), "now emergency"),
        (handed_over("team-2"), "team-2 answers now"), (handed_over(None), "nobody answers now"),
        (withdrawn(), "the profile was withdrawn"), (risen(), "now urgent"),
        (left_alone(), "the alert that it was told with is over"), (released(), None), (woken(), "the snooze is over"),
    ],
    ids=lambda one: None if isinstance(one, Life) else str(one),
)  # fmt: skip
def test_a_step_that_nobody_took_says_why(one: Life, reason: str | None) -> None:
    assert one.told[-1].reason == reason


@pytest.mark.parametrize(
    ("one", "stage", "answer", "reason"),
    [
        (woken(), "snooze", "over", "it was snoozed by nurse-2 until 5 January 2026 at 09:01 UTC"),
        (risen(), "group", "raised", "circulation and respiration in one incident: now urgent"),
        (left_alone(), "notify", "told", "first"),
        (released(), "inhibit", "released",
         "it was held back while there is: Oxygen saturation below 88 %; that is over, and this is not"),
        (handed_over("team-2"), "route", "team", "team-2, rung 1 of 3, to be answered by 2026-01-05T09:01:00Z"),
        (handed_over(None), "route", "team", "ops, rung 1 of 3, to be answered by 2026-01-05T09:01:00Z"),
    ],
)  # fmt: skip
def test_each_stage_of_the_policy_says_what_it_decided_and_why(one: Life, stage: str, answer: str, reason: str) -> None:
    assert (answer, reason) in [(said.answer, said.reason) for said in one.told[-1].policy if said.stage == stage]


@pytest.mark.parametrize(
    ("ends", "answer", "reason"),
    [
        ("ask", "snoozed", "until the time that was asked for, by whoever answers for it"),
        ("worse", "ended", "emergency is worse than what was snoozed by nurse-2 until 5 January 2026 at 18:01 UTC"),
        ("hand_over", "ended", "another team had snoozed it: nurse-2 until 5 January 2026 at 18:01 UTC"),
        ("clear", None, None), ("comment", None, None),
    ],
)  # fmt: skip
def test_what_a_snooze_has_to_do_with_a_step(ends: str, answer: str | None, reason: str | None) -> None:
    one = life()
    one.raised(0)
    one.snoozed(1, 600)
    match ends:
        case "worse":
            one.raised(2, severity="emergency")
        case "hand_over":
            one.handed_over(2, "team-2")
        case "clear":
            one.cleared(2)
        case "comment":
            one.acted(2, "comment", reason="asleep")
    said = [(said.answer, said.reason) for said in one.told[-1].policy if said.stage == "snooze"]
    assert said == ([] if answer is None else [(answer, reason)])


def test_what_was_foretold_and_has_come_ends_without_a_message() -> None:
    one = life()
    one.raised(0, "condition", "urgent", problem="glucose.low_ahead")
    come = Cleared("glucose.low_ahead", "condition", us(5), None, reason=HAS_COME)
    (ended,) = ledger.on_cleared(one.episodes, come, one.when(5))
    assert (ended.event, ended.reason, ended.notify) == ("resolved", HAS_COME, None)
    assert ended.policy[-1].reason == "what was foretold has come: the alert about it is told instead"


def test_the_words_of_an_alert_without_a_measurement_are_of_what_was_seen_last() -> None:
    one = Life(policy=PolicySettings())
    first = Raised(
        problem="silence.scale", vital="", title="No data", kind="silence", rank=1, rule=Rule("silence", "1", "DESIGN"),
        onset_us=us(0), event_us=us(0), retrospective=False, evidence=None, population=False, said="for 3 hours",
    )  # fmt: skip
    told = ledger.on_raised(one.episodes, first, one.when(0))
    told += ledger.on_raised(one.episodes, replace(first, rank=2, said="for 9 hours"), one.when(1))
    told += ledger.on_cleared(one.episodes, Cleared("silence.scale", "silence", us(2), None), one.when(2))
    assert [event.explanation for event in told] == ["for 3 hours", "for 9 hours", "for 9 hours"]


class TestHowItEnded:
    @pytest.mark.parametrize("what", ["resolve", "new_normal"])
    def test_what_a_person_has_ended_is_over_again_when_the_one_detector_that_sees_it_again_is_well(
        self, what: ActionType
    ) -> None:
        one = life()
        one.raised(0, "deviation")
        one.acted(1, what, reason="seen")
        assert one.raised(10, "limit") == [("reopened", "open")]
        assert one.cleared(20, "limit") == [("resolved", "resolved")]

    def test_its_readings_end_it_when_they_were_measured_and_a_person_when_it_is_done(self) -> None:
        one = Life()
        one.raised(0)
        ledger.on_cleared(one.episodes, Cleared("spo2.low", "limit", us(20), evidence(20)), one.when(60))
        assert one.episodes[0].resolved_us == us(20)
        other = Life(policy=PolicySettings())
        other.raised(0)
        other.cleared(20)
        other.acted(25, "resolve")
        assert other.episodes[0].resolved_us == us(25)

    def test_a_device_that_is_back_is_believed_at_once(self) -> None:
        one = Life(policy=PolicySettings())
        one.raised(0)
        back = Cleared("spo2.low", "limit", us(5), None, reason="the device is another one")
        assert [event.event for event in ledger.on_cleared(one.episodes, back, one.when(5))] == ["resolved"]

    def test_what_is_held_back_goes_with_whoever_is_no_longer_watched(self) -> None:
        one = life()
        one.raised(0, "sensor", "advisory", problem="spo2.sensor")
        one.raised(1, "deviation", "advisory")
        assert one.forgotten(2) == [("expired", "resolved")]
        assert [e.problem for e in one.episodes] == ["spo2.sensor"]


class TestJoined:
    def test_what_gets_worse_when_the_alert_it_had_joined_has_just_ended_waits_its_week(self) -> None:
        one = life()
        one.raised(0, "drift", "advisory", problem=DRIFT)
        one.raised(60, "change_index", "info", problem=TOGETHER, same_as=[DRIFT])
        one.cleared(120, "drift", problem=DRIFT)
        assert one.raised(180, "change_index", "advisory", problem=TOGETHER, same_as=[DRIFT]) == []
        assert one.tick(8 * DAY_MIN) == [("opened", "open")]

    def test_what_joins_an_alert_of_an_incident_is_of_that_incident(self) -> None:
        one = life()
        one.raised(0, "deviation", "advisory", problem="spo2.low")
        one.raised(1, "deviation", "advisory", problem=DRIFT)
        one.raised(DAY_MIN, "change_index", "advisory", problem=TOGETHER, same_as=[DRIFT])
        assert [e.incident for e in one.episodes] == [None, one.told[0].alert_id, one.told[0].alert_id]


class TestTheAlarm:
    def test_another_alert_as_severe_brings_the_reminders_no_nearer_and_a_worse_one_does(self) -> None:
        one = nobody_answers("urgent")
        one.raised(181, problem="glucose.low")
        for at in (240, 241, 301, 361, 362):
            one.tick(at)
        assert one.told[-1].deadline == rfc3339(us(361 + 4 * 60)), "four hours, after two reminders"
        one.raised(400, severity="emergency", problem="heart_rate.high")
        for at in (405, 410, 415):
            one.tick(at)
        assert one.told[-1].deadline == rfc3339(us(415 + 60))

    def test_it_has_stood_since_it_was_told_of_first(self) -> None:
        one = nobody_answers("emergency")
        one.raised(16, severity="emergency", problem="glucose.low")
        for at in (21, 26, 31):
            one.tick(at)
        alarms = [event for event in one.told if event.kind == "delivery"]
        assert [event.event for event in alarms] == ["opened", "updated"]
        assert alarms[0].onset_at == alarms[1].onset_at

    def test_within_a_day_of_its_last_end_it_is_the_same_alarm(self) -> None:
        one = nobody_answers("emergency")
        one.acted(16, "acknowledge", one.told[0].alert_id)
        for began, answered, problem in ((20, 1235, "glucose.low"), (2435, 2460, "heart_rate.high")):
            one.raised(began, severity="emergency", problem=problem)
            for at in (began + 5, began + 10, began + 15):
                one.tick(at)
            assert one.told[-1].event == "reopened"
            one.acted(answered, "acknowledge", next(e.alert_id for e in one.episodes if e.problem == problem))

    def test_what_is_asked_about_anew_is_told_of_when_its_time_is_over_whatever_was_told_meanwhile(self) -> None:
        one = life()
        one.raised(0)
        one.raised(2, problem="glucose.low")
        for hour in (60, 62, 120, 122, 180):
            one.tick(hour)
        one.raised(181, severity="emergency")
        assert one.tick(182) == [("updated", "open")], "now the other one has had its time"
        assert one.tick(186) == [("updated", "open")]
        assert (one.told[-1].kind, one.told[-1].notify) == ("delivery", "worse")

    def test_its_title_is_that_of_the_worst_and_how_many_more_there_are(self) -> None:
        one = life()
        for at, severity, problem in ((0, "urgent", "spo2.low"), (170, "emergency", "glucose.low")):
            one.raised(at, severity=severity, problem=problem)  # type: ignore[arg-type]
            one.episodes[-1].title = problem
        for at in (60, 120, 175, 180, 185):
            one.tick(at)
        titles = [event.title for event in one.told if event.kind == "delivery"]
        assert titles == ["Nobody has answered: spo2.low", "Nobody has answered: glucose.low and 1 more"]
