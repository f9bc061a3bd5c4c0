"""The policy, stage by stage: what is told, what waits, what is held back, and why."""

from itertools import pairwise, permutations

import pytest

from alerts.events import ActionType, AlertEvent
from alerts.policy import PIPELINE, PolicySettings
from models.findings import SEVERITIES, Severity
from models.times import rfc3339
from tests.alerts.scripts import DAY_MIN, Life, us

POLICY = PolicySettings(calm_us=0, advisories_per_day=2)


TWICE = [("first", "urgent")] * 2


def life() -> Life:
    return Life(policy=POLICY)


def said(event: AlertEvent, stage: str) -> str | None:
    return next((one.answer for one in event.policy if one.stage == stage), None)


def test_the_stages_stand_in_the_order_in_which_they_are_read() -> None:
    wanted = ["group", "inhibit", "snooze", "outage", "budget", "route", "notify"]
    assert [stage.__name__ for stage in PIPELINE] == wanted


def test_every_event_carries_what_the_stages_said_in_their_order() -> None:
    one = life()
    one.raised(0)
    one.acted(1, "acknowledge")
    one.cleared(9)
    order = [stage.__name__ for stage in PIPELINE]
    for event in one.told:
        places = [order.index(answer.stage) for answer in event.policy]
        assert all(a < b for a, b in pairwise(places))
        assert all(answer.reason for answer in event.policy)
    assert [event.notify for event in one.told] == ["first", "taken", "resolved"]


class TestGroup:
    def test_a_second_organ_system_makes_an_advisory_urgent_in_one_incident(self) -> None:
        one = life()
        one.raised(0, "deviation", "advisory", problem="heart_rate.high")
        one.raised(60, "deviation", "advisory", problem="respiratory_rate.high")
        first, second, risen = one.told
        assert (first.severity, second.severity) == ("advisory", "urgent")
        assert (first.incident, second.incident) == (None, first.alert_id)
        assert said(second, "group") == "raised"
        assert second.notify == "first"
        assert (risen.alert_id, risen.event, risen.severity) == (first.alert_id, "updated", "urgent")
        assert (risen.notify, risen.deadline) == (None, second.deadline), "the one message is about both"
        assert said(risen, "notify") == "quiet"
        assert risen.incident is None

    @pytest.mark.parametrize("order", list(permutations(("heart_rate.high", "body_weight.high", "spo2.low"))))
    def test_a_third_system_is_as_severe_as_its_incident_in_whatever_order_they_come(
        self, order: tuple[str, ...]
    ) -> None:
        one = life()
        for at, problem in enumerate(order):
            one.raised(at, "deviation", "advisory", problem=problem)
        assert {e.problem: SEVERITIES[e.rank] for e in one.episodes} == dict.fromkeys(order, "urgent")
        assert [(e.notify, e.severity) for e in one.told if e.notify] == [("first", "advisory"), *TWICE]

    @pytest.mark.parametrize("answer", ["acknowledge", "snooze"])
    def test_what_somebody_has_taken_up_stays_so_and_the_news_is_told(self, answer: str) -> None:
        one = life()
        one.raised(0, "deviation", "advisory", problem="heart_rate.high")
        one.snoozed(1, 600) if answer == "snooze" else one.acted(1, "acknowledge")
        one.raised(2, "deviation", "advisory", problem="respiratory_rate.high")
        assert [SEVERITIES[e.rank] for e in one.episodes] == ["advisory", "urgent"]
        assert one.told[-1].notify == "first"

    def test_what_has_just_ended_does_not_rise_any_more(self) -> None:
        one = Life(policy=PolicySettings())
        one.raised(0, "deviation", "advisory", problem="heart_rate.high")
        one.cleared(1, "deviation", problem="heart_rate.high")
        one.raised(2, "deviation", "advisory", problem="respiratory_rate.high")
        assert [SEVERITIES[e.rank] for e in one.episodes] == ["advisory", "urgent"]

    def test_the_message_of_a_risen_alert_does_not_wait_for_its_turn(self) -> None:
        one = Life(policy=PolicySettings(calm_us=0, advisories_per_day=1))
        one.raised(0, "deviation", "advisory", problem="qtc.high")
        one.raised(420, "deviation", "advisory", problem="body_weight.high")
        assert one.told[-1].until is not None
        one.raised(421, "deviation", "advisory", problem="respiratory_rate.high")
        assert [(e.problem, e.notify, e.until) for e in one.told[-2:]] == [
            ("respiratory_rate.high", "first", None), ("body_weight.high", "worse", None),
        ]  # fmt: skip

    def test_what_has_risen_and_is_urgent_by_itself_counts_as_urgent(self) -> None:
        one = life()
        one.raised(0, "deviation", "advisory", problem="heart_rate.high")
        one.raised(1, "deviation", "advisory", problem="respiratory_rate.high")
        one.raised(2, "limit", "urgent", problem="heart_rate.high")
        one.raised(3, "limit", "urgent", problem="respiratory_rate.high")
        one.raised(4, "deviation", "advisory", problem="body_weight.high")
        assert one.told[-1].severity == "advisory", "beside what is urgent by itself nothing is counted"

    def test_what_is_urgent_stays_so_by_itself_whatever_less_is_found_of_it(self) -> None:
        one = life()
        one.raised(0, "limit", "urgent", problem="heart_rate.high")
        assert one.raised(1, "deviation", "advisory", problem="heart_rate.high") == []
        one.raised(2, "deviation", "advisory", problem="respiratory_rate.high")
        assert one.told[-1].severity == "advisory"

    @pytest.mark.parametrize(
        ("severity", "other"), [("urgent", "advisory"), ("urgent", "urgent"), ("emergency", "advisory")]
    )
    def test_counting_never_makes_an_emergency(self, severity: str, other: str) -> None:
        one = life()
        one.raised(0, "limit", severity, problem="spo2.low")  # type: ignore[arg-type]
        one.raised(1, "limit", other, problem="glucose.low")  # type: ignore[arg-type]
        assert [event.severity for event in one.told] == [severity, other]

    @pytest.mark.parametrize("order", [("advisory", "info"), ("info", "advisory"), ("info", "info")])
    def test_mere_information_raises_nobody(self, order: tuple[Severity, Severity]) -> None:
        one = life()
        for at, severity, problem in zip((0, 1), order, ("heart_rate.high", "steps.low"), strict=True):
            one.raised(at, "deviation", severity, problem=problem)
        assert tuple(event.severity for event in one.told) == order
        assert one.told[1].incident == one.told[0].alert_id, "it is shown with the others all the same"

    def test_mere_information_hides_no_second_system(self) -> None:
        one = life()
        one.raised(0, "deviation", "info", problem="steps.low")
        one.raised(1, "deviation", "advisory", problem="heart_rate.high")
        one.raised(2, "deviation", "advisory", problem="respiratory_rate.high")
        assert [event.severity for event in one.told] == ["info", "advisory", "urgent", "urgent"]

    def test_what_is_about_the_past_raises_nobody_also_when_somebody_has_seen_it(self) -> None:
        one = life()
        one.raised(0, "deviation", "advisory", problem="heart_rate.high", onset=-180, retrospective=True)
        one.acted(1, "acknowledge")
        one.raised(2, "deviation", "advisory", problem="respiratory_rate.high")
        assert (one.told[-1].severity, one.told[-1].incident) == ("advisory", None)

    def test_what_began_longer_ago_is_another_incident(self) -> None:
        one = life()
        one.raised(0, "deviation", "advisory", problem="heart_rate.high")
        one.raised(361, "deviation", "advisory", problem="respiratory_rate.high")
        assert one.told[-1].incident is None
        assert one.told[-1].severity == "advisory"

    def test_more_of_the_same_system_is_told_with_what_waits_and_escalates_all_the_same(self) -> None:
        one = life()
        one.raised(0, "limit", "advisory", problem="systolic_bp.high")
        one.raised(1, "limit", "advisory", problem="diastolic_bp.high")
        assert (one.told[-1].event, one.told[-1].notify, one.told[-1].severity) == ("opened", None, "advisory")
        one.acted(2, "acknowledge", one.told[0].alert_id)
        assert one.tick(1441) == [("escalated", "open")]
        assert one.told[-1].notify == "escalated"

    def test_a_second_emergency_of_one_system_is_told_at_once(self) -> None:
        one = life()
        one.raised(0, "limit", "emergency", problem="systolic_bp.high")
        one.raised(1, "limit", "emergency", problem="heart_rate.high")
        second = one.told[-1]
        assert (second.notify, second.incident, second.severity) == ("first", one.told[0].alert_id, "emergency")

    def test_what_is_urgent_and_was_told_with_another_one_is_told_by_itself_when_that_ends(self) -> None:
        one = Life(policy=PolicySettings())
        for at, problem in enumerate(("systolic_bp.high", "diastolic_bp.high", "heart_rate.high")):
            one.raised(at, "limit", "urgent", problem=problem)
        assert [event.notify for event in one.told] == ["first", None, None]
        one.cleared(10, problem="systolic_bp.high")
        assert one.tick(24) == []
        assert one.tick(25) == [("resolved", "resolved"), ("updated", "open"), ("updated", "open")]
        assert [event.notify for event in one.told[-3:]] == ["resolved", "first", "first"]
        assert one.told[-1].deadline == rfc3339(us(62)), "its time to answer goes on"
        assert one.tick(26) == [], "once"

    def test_that_it_is_well_just_then_keeps_it_until_it_is_not(self) -> None:
        one = Life(policy=PolicySettings())
        one.raised(0, "limit", "urgent", problem="systolic_bp.high")
        one.raised(1, "limit", "urgent", problem="diastolic_bp.high")
        one.cleared(10, problem="systolic_bp.high")
        one.cleared(20, problem="diastolic_bp.high")
        assert one.tick(25) == [("resolved", "resolved")]
        assert one.raised(30, "limit", "urgent", problem="diastolic_bp.high") == [("updated", "open")]
        assert one.told[-1].notify == "first"

    def test_what_rose_with_another_one_is_told_to_be_urgent_when_that_ends(self) -> None:
        one = life()
        one.raised(0, "deviation", "advisory", problem="heart_rate.high")
        one.raised(60, "deviation", "advisory", problem="respiratory_rate.high")
        one.cleared(70, "deviation", problem="respiratory_rate.high")
        assert [(e.problem, e.notify, e.severity) for e in one.told[-2:]] == [
            ("respiratory_rate.high", "resolved", "urgent"), ("heart_rate.high", "first", "urgent"),
        ]  # fmt: skip

    @pytest.mark.parametrize("answer", ["resolve", "new_normal"])
    def test_whoever_ends_the_one_is_not_told_of_the_other_by_a_message(self, answer: ActionType) -> None:
        one = life()
        one.raised(0, "limit", "urgent", problem="systolic_bp.high")
        one.raised(1, "limit", "urgent", problem="diastolic_bp.high")
        assert one.acted(5, answer, one.told[0].alert_id) == [("resolved", "resolved")]
        assert one.tick(60) == []
        assert one.tick(61) == [("escalated", "open")], "but of course when nobody answers"

    def test_one_that_was_told_by_itself_is_not_told_again_when_another_ends(self) -> None:
        one = life()
        one.raised(0, "limit", "urgent", problem="systolic_bp.high")
        one.raised(1, "limit", "urgent", problem="diastolic_bp.high")
        one.raised(2, "limit", "emergency", problem="diastolic_bp.high")
        assert one.told[-1].notify == "worse"
        assert one.cleared(3, problem="systolic_bp.high") == [("resolved", "resolved")]

    def test_it_is_told_when_nobody_looks_any_more_and_when_it_is_more_severe(self) -> None:
        one = life()
        one.raised(0, "limit", "advisory", problem="systolic_bp.high")
        one.acted(1, "acknowledge")
        one.raised(2, "limit", "advisory", problem="diastolic_bp.high")
        assert one.told[-1].notify == "first"
        one.raised(3, "limit", "urgent", problem="heart_rate.high")
        assert one.told[-1].notify == "first"

    def test_a_device_belongs_to_no_incident(self) -> None:
        one = life()
        one.raised(0, "deviation", "advisory", problem="heart_rate.high")
        one.raised(1, "silence", "advisory", problem="silence.scale")
        assert one.told[-1].incident is None


def test_what_is_worse_or_returns_is_described_as_it_is_now() -> None:
    one = life()
    one.raised(0)
    one.raised(10, "deviation", "emergency")
    one.cleared(20, "deviation")
    one.cleared(20)
    one.raised(30)
    assert [(event.kind, event.evidence[0].at) for event in one.told] == [
        ("limit", rfc3339(us(0))), ("deviation", rfc3339(us(10))), ("deviation", rfc3339(us(20))),
        ("limit", rfc3339(us(30))),
    ]  # fmt: skip


class TestWhyThereIsNoMessage:
    """Each step that nobody is told of says why."""

    def why(self, one: Life) -> str:
        event = one.told[-1]
        assert event.notify is None
        assert event.policy[-1].stage == "notify"
        return event.policy[-1].reason

    def test_it_is_about_the_past(self) -> None:
        one = life()
        one.raised(0, onset=-DAY_MIN, retrospective=True)
        assert self.why(one) == "it is about the past: it is on the worklist, and is not paged as if it were now"

    def test_it_is_mere_information_and_so_is_its_end(self) -> None:
        one = life()
        one.raised(0, severity="info")
        assert self.why(one) == "it is mere information"
        one.cleared(1)
        assert self.why(one) == "nobody was told that it began"

    @pytest.mark.parametrize("step", ["acknowledge", "comment"])
    def test_the_team_has_done_it(self, step: ActionType) -> None:
        one = life()
        one.raised(0, severity="advisory")
        one.acted(1, step)
        assert self.why(one) == "done by the team, which sees it on the desk"

    def test_it_came_back_within_a_day(self) -> None:
        one = life()
        one.raised(0, severity="advisory")
        one.cleared(10)
        one.raised(20, severity="advisory")
        assert self.why(one) == "an advisory that comes back within a day is on the worklist, and is not told again"

    def test_it_is_told_with_another_one(self) -> None:
        one = life()
        one.raised(0, problem="systolic_bp.high")
        one.raised(1, problem="diastolic_bp.high")
        assert self.why(one) == "told with Oxygen saturation below 88 %, which waits for an answer"


WRONG: list[dict[str, object]] = [
    {"rungs": 0}, {"rungs": 10}, {"calm_us": -1}, {"advisories_per_day": 0}, {"answer_within_us": (None, 1, 1)},
    {"answer_within_us": (None, 0, 1, 1)}, {"advisories_per_month": 0.0199}, {"advisories_per_month": 4.01},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_a_policy_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        PolicySettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("bound", [{"rungs": 1}, {"rungs": 9}, {"calm_us": 0}, {"advisories_per_day": 1},
                                   {"advisories_per_month": 0.02}, {"advisories_per_month": 4.0},
                                   {"answer_within_us": (None, 1, 1, 1)}])  # fmt: skip
def test_a_policy_may_lie_on_its_bounds(bound: dict[str, object]) -> None:
    assert PolicySettings(**bound) != PolicySettings()  # type: ignore[arg-type]
