"""A known cause mutes its effects, never a limit that protects: what is held back, and when it is told after all."""

from typing import Any, Literal

import msgspec
import pytest

from alerts import ledger
from alerts.episodes import NotAllowed
from alerts.policy import inhibit
from models.findings import SEVERITIES, Kind
from models.times import rfc3339
from tests.alerts.scripts import DAY_MIN, Life, us
from tests.alerts.test_policy import life, said


class TestInhibit:
    def test_a_sensor_that_is_off_mutes_its_own_vital_only_and_no_limit_and_nothing_urgent(self) -> None:
        one = life()
        one.raised(0, "sensor", "advisory", problem="spo2.sensor")
        assert one.raised(1, "deviation", "advisory", problem="spo2.low") == []
        assert one.raised(2, "deviation", "advisory", problem="heart_rate.high") == [("opened", "open")]
        assert one.raised(3, "limit", "urgent", problem="spo2.high") == [("opened", "open")]
        assert one.raised(4, "deviation", "urgent", problem="spo2.low") == [("opened", "open")]

    def test_a_limit_is_not_muted_however_little_it_means(self) -> None:
        one = life()
        one.raised(0, "sensor", "advisory", problem="spo2.sensor")
        assert one.raised(1, "limit", "advisory", problem="spo2.low") == [("opened", "open")]

    @pytest.mark.parametrize("kind", ["deviation", "drift", "change_index", "early_warning"])
    def test_only_a_sensor_that_is_off_now_mutes_what_the_own_band_says(self, kind: Kind) -> None:
        one = life()
        one.raised(0, "limit", "advisory", problem="spo2.high")
        one.raised(1, "sensor", "advisory", problem="spo2.sensor", onset=-3 * DAY_MIN, retrospective=True)
        assert one.raised(2, kind, "advisory", problem="spo2.low") == [("opened", "open")]
        other = life()
        other.raised(0, "sensor", "advisory", problem="spo2.sensor")
        assert other.raised(1, kind, "advisory", problem="spo2.low") == []

    def test_a_limit_speaks_of_what_the_sensor_had_held_back(self) -> None:
        one = life()
        one.raised(0, "sensor", "advisory", problem="spo2.sensor")
        one.raised(1, "deviation", "advisory", problem="spo2.low")
        assert one.raised(2, "limit", "advisory", problem="spo2.low") == [("opened", "open")]
        assert (one.told[-1].kind, one.told[-1].notify) == ("limit", "first")

    def test_what_is_still_there_when_the_sensor_is_well_again_opens_then(self) -> None:
        one = life()
        one.raised(0, "sensor", "advisory", problem="spo2.sensor")
        one.raised(1, "deviation", "advisory", problem="spo2.low")
        assert one.cleared(9, "sensor", problem="spo2.sensor") == [("resolved", "resolved"), ("opened", "open")]
        assert (one.told[-1].sequence, said(one.told[-1], "inhibit")) == (1, "released")

    def test_that_it_began_earlier_is_told_with_it_and_not_before(self) -> None:
        one = life()
        one.raised(0, "sensor", "advisory", problem="spo2.sensor")
        one.raised(1, "deviation", "advisory", problem="spo2.low")
        assert one.raised(2, "deviation", "advisory", problem="spo2.low", onset=-10) == []
        assert one.earlier(3, -20) == []
        one.cleared(9, "sensor", problem="spo2.sensor")
        assert (one.told[-1].event, one.told[-1].onset_at) == ("opened", rfc3339(us(-20)))

    def test_what_has_passed_meanwhile_was_never_told(self) -> None:
        one = life()
        one.raised(0, "sensor", "advisory", problem="spo2.sensor")
        one.raised(1, "deviation", "advisory", problem="spo2.low")
        assert one.cleared(5, "deviation", problem="spo2.low") == []
        assert one.cleared(9, "sensor", problem="spo2.sensor") == [("resolved", "resolved")]
        assert len(one.episodes) == 1

    def test_nobody_can_act_on_what_is_pending(self) -> None:
        one = life()
        one.raised(0, "sensor", "advisory", problem="spo2.sensor")
        one.raised(1, "deviation", "advisory", problem="spo2.low")
        with pytest.raises(NotAllowed, match="has no alert"):
            one.acted(2, "acknowledge")

    def test_what_was_foretold_is_old_news_while_it_is_there(self) -> None:
        one = life()
        one.raised(0, "limit", "urgent", problem="glucose.low")
        assert one.raised(1, "condition", "urgent", problem="glucose.low_ahead") == []

    def test_what_is_foretold_is_told_unless_people_know_that_it_is_there(self) -> None:
        """Not for another problem, nor for one of last week, nor for one that is itself held back."""
        one = life()
        one.raised(0, "limit", "urgent", problem="heart_rate.high")
        one.raised(1, "limit", "urgent", problem="glucose.low", onset=-7 * DAY_MIN, retrospective=True)
        one.raised(2, "sensor", "advisory", problem="glucose.sensor")
        assert one.raised(3, "deviation", "advisory", problem="glucose.low") == []
        assert one.raised(4, "condition", "urgent", problem="glucose.low_ahead") == [("opened", "open")]
        assert one.told[-1].notify == "first"

    def test_what_was_foretold_once_more_is_old_news_too(self) -> None:
        one = life()
        one.raised(0, "condition", "urgent", problem="glucose.low_ahead")
        one.cleared(5, "condition", problem="glucose.low_ahead")
        one.raised(6, "limit", "urgent", problem="glucose.low")
        assert one.raised(7, "condition", "urgent", problem="glucose.low_ahead") == []
        assert one.cleared(9, "condition", problem="glucose.low_ahead") == []
        assert one.cleared(20, problem="glucose.low") == [("resolved", "resolved")], "it has passed, and was never told"

    def returned(self, *more: tuple[str, str]) -> Life:
        """Low oxygen has ended, and is there again while its sensor is off."""
        one = life()
        one.raised(0, "deviation", "advisory", problem="spo2.low")
        one.cleared(5, "deviation", problem="spo2.low")
        one.raised(6, "sensor", "advisory", problem="spo2.sensor")
        assert one.raised(7, "deviation", "advisory", problem="spo2.low") == []
        return one

    def test_what_returns_while_its_sensor_is_off_is_muted_as_what_is_new_is(self) -> None:
        one = self.returned()
        assert one.acted(8, "comment", one.told[0].alert_id, reason="off?") == [("updated", "resolved")]
        assert one.raised(8, "deviation", "advisory", problem="spo2.low") == []
        assert one.cleared(9, "sensor", problem="spo2.sensor") == [("resolved", "resolved"), ("reopened", "open")]
        again = one.told[-1]
        assert (again.alert_id, again.onset_at) == (one.told[0].alert_id, rfc3339(us(8)))
        assert (said(again, "inhibit"), again.reason) == ("released", "returned")
        assert one.acted(10, "acknowledge", again.alert_id) == [("acknowledged", "acknowledged")]

    def test_a_remark_does_not_forget_that_it_is_there(self) -> None:
        one = self.returned()
        one.acted(8, "comment", one.told[0].alert_id, reason="off?")
        assert one.cleared(9, "sensor", problem="spo2.sensor")[1:] == [("reopened", "open")]

    @pytest.mark.parametrize("ends", ["passed", "worse", "forgotten"])
    def test_what_returned_meanwhile_and_how_that_ends(self, ends: str) -> None:
        one = self.returned()
        if ends == "passed":
            assert one.cleared(8, "deviation", problem="spo2.low") == []
        elif ends == "worse":
            assert one.raised(8, "deviation", "urgent", problem="spo2.low") == [("reopened", "open")]
        else:
            assert one.forgotten(8) == [("expired", "resolved")]
            return
        assert one.cleared(9, "sensor", problem="spo2.sensor") == [("resolved", "resolved")]

    def test_what_returned_meanwhile_is_one_episode_however_long_the_sensor_is_off(self) -> None:
        one = self.returned()
        assert one.raised(3 * DAY_MIN, "deviation", "advisory", problem="spo2.low") == []
        assert one.cleared(3 * DAY_MIN + 1, "sensor", problem="spo2.sensor")[1:] == [("reopened", "open")]
        assert [e.problem for e in one.episodes] == ["spo2.low", "spo2.sensor"]

    def test_a_sensor_that_is_off_again_takes_back_nothing_that_was_told(self) -> None:
        one = life()
        one.raised(0, "sensor", "advisory", problem="spo2.sensor")
        one.raised(1, "deviation", "advisory", problem="spo2.low")
        assert one.cleared(2, "sensor", problem="spo2.sensor")[1:] == [("opened", "open")]
        assert one.raised(3, "sensor", "advisory", problem="spo2.sensor") == [("reopened", "open")]
        assert one.cleared(4, "deviation", problem="spo2.low") == [("resolved", "resolved")]
        assert one.raised(5, "deviation", "advisory", problem="spo2.low") == []


INFO, ADVISORY, URGENT, EMERGENCY = range(len(SEVERITIES))
BOTH = ["deviation", "limit"]


@pytest.mark.parametrize(
    ("kind", "rank", "fields", "protects"),
    [
        ("limit", URGENT, {}, True), ("limit", URGENT, {"state": "snoozed"}, True), ("condition", URGENT, {}, True),
        ("limit", EMERGENCY, {}, True), ("limit", URGENT, {"rank": ADVISORY}, True),
        ("deviation", URGENT, {}, False), ("limit", ADVISORY, {}, False), ("limit", URGENT, {"state": "open"}, False),
        ("limit", ADVISORY, {"rank": ADVISORY}, False), ("limit", URGENT, {"rank": EMERGENCY}, False),
        ("limit", URGENT, {"retrospective": True}, False), ("limit", URGENT, {"sources": ["limit"]}, False),
        ("limit", URGENT, {"sources": BOTH, "ranks": {"limit": ADVISORY}}, True),
        ("limit", URGENT, {"sources": BOTH, "ranks": {"limit": URGENT}}, False),
        ("limit", URGENT, {"sources": BOTH, "ranks": {}}, False),
        ("condition", URGENT, {"sources": BOTH, "ranks": {"limit": ADVISORY}}, True),
        ("limit", INFO, {"state": "pending", "held": "its sensor is off"}, True),
        ("deviation", INFO, {"state": "pending", "held": "its sensor is off"}, False),
        ("limit", INFO, {"state": "pending", "held": "its sensor is off", "kind": "condition"}, False),
    ],
)  # fmt: skip
def test_a_limit_speaks_of_what_only_the_own_band_had_told(
    kind: Kind, rank: int, fields: dict[str, Any], protects: bool
) -> None:
    """Of an urgent deviation that somebody has; `fields` say what is otherwise."""
    one = life()
    one.raised(0, "deviation")
    known = msgspec.structs.replace(one.episodes[0], **{"state": "acknowledged"} | fields)
    assert inhibit.protects(known, kind, rank) is protects


TOGETHER, DRIFT = "change_index", "heart_rate.high"


class TestOneIllness:
    """Several vitals together are getting worse, and one of them says so by itself: it is told once."""

    def drifting(self) -> Life:
        """The heart rate has drifted for a day when several vitals say the same together."""
        one = life()
        one.raised(0, "drift", "advisory", problem=DRIFT)
        assert self.joins(one, DAY_MIN) == [("updated", "open")]
        return one

    def joins(self, one: Life, at: float) -> list[tuple[str, str]]:
        return one.raised(at, "change_index", "advisory", problem=TOGETHER, same_as=[DRIFT, "spo2.low"])

    def test_what_joins_an_alert_stands_on_its_record_and_no_message_is_about_it(self) -> None:
        one = self.drifting()
        joined = one.told[-1]
        assert (joined.problem, joined.notify, joined.sequence) == (DRIFT, None, 2)
        assert joined.reason == "the same change in another way: Oxygen saturation below 88 %"
        assert said(joined, "notify") == "quiet"

    def test_one_vital_after_several_together_joins_them(self) -> None:
        one = life()
        self.joins(one, 0)
        assert one.raised(DAY_MIN, "deviation", "advisory", problem=DRIFT, same_as=[TOGETHER]) == [("updated", "open")]
        assert one.told[-1].problem == TOGETHER

    def test_an_illness_that_goes_as_it_came_is_one_alert(self) -> None:
        one = self.drifting()
        assert one.cleared(3 * DAY_MIN, "drift", problem=DRIFT) == [("resolved", "resolved")]
        assert one.tick(4 * DAY_MIN) == []
        assert one.cleared(5 * DAY_MIN, "change_index", problem=TOGETHER) == []
        assert one.tick(30 * DAY_MIN) == []

    def test_what_still_stands_a_week_after_the_first_is_well_again_is_told(self) -> None:
        one = self.drifting()
        one.cleared(3 * DAY_MIN, "drift", problem=DRIFT)
        assert one.tick(10 * DAY_MIN - 1) == []
        assert one.tick(10 * DAY_MIN) == [("opened", "open")]
        assert (one.told[-1].problem, one.told[-1].notify) == (TOGETHER, "first")

    def test_a_week_is_counted_anew_when_the_first_is_there_again(self) -> None:
        one = self.drifting()
        one.cleared(3 * DAY_MIN, "drift", problem=DRIFT)
        one.raised(3.5 * DAY_MIN, "drift", "advisory", problem=DRIFT)
        assert ("opened", "open") not in one.tick(12 * DAY_MIN)
        one.cleared(13 * DAY_MIN, "drift", problem=DRIFT)
        assert one.tick(20 * DAY_MIN - 1) == []
        assert one.tick(20 * DAY_MIN) == [("opened", "open")]

    @pytest.mark.parametrize("what", ["resolve", "new_normal"])
    def test_what_still_stands_when_a_person_ends_the_first_is_told_at_once(
        self, what: Literal["resolve", "new_normal"]
    ) -> None:
        one = self.drifting()
        ended = one.acted(2 * DAY_MIN, what, one.told[0].alert_id, reason="seen")
        assert ended == [("resolved", "resolved"), ("opened", "open")]
        assert one.told[-1].notify == "first"

    def test_who_ends_another_alert_has_not_seen_this_one(self) -> None:
        one = life()
        one.raised(0, "drift", "advisory", problem="body_weight.high")
        one.raised(600, "drift", "advisory", problem=DRIFT)
        self.joins(one, DAY_MIN)
        assert one.acted(2 * DAY_MIN, "resolve", one.told[0].alert_id) == [("resolved", "resolved")]

    def test_what_is_urgent_joins_nothing(self) -> None:
        one = life()
        one.raised(0, "drift", "advisory", problem=DRIFT)
        assert one.raised(DAY_MIN, "change_index", "urgent", problem=TOGETHER, same_as=[DRIFT]) == [("opened", "open")]

    def test_what_has_joined_and_becomes_urgent_is_told(self) -> None:
        one = life()
        self.joins(one, 0)
        one.raised(DAY_MIN, "deviation", "advisory", problem=DRIFT, same_as=[TOGETHER])
        assert one.raised(DAY_MIN + 60, "deviation", "urgent", problem=DRIFT, same_as=[TOGETHER]) == [
            ("opened", "open")
        ]
        assert (one.told[-1].severity, one.told[-1].notify) == ("urgent", "first")

    def test_a_limit_speaks_of_what_has_joined(self) -> None:
        one = life()
        self.joins(one, 0)
        one.raised(DAY_MIN, "deviation", "advisory", problem=DRIFT, same_as=[TOGETHER])
        assert one.raised(DAY_MIN + 60, "limit", "advisory", problem=DRIFT) == [("opened", "open")]

    def test_a_second_organ_system_within_hours_is_as_urgent_as_ever_beside_what_has_joined(self) -> None:
        one = self.drifting()
        assert one.raised(DAY_MIN + 60, "deviation", "advisory", problem="spo2.low") == [("opened", "open")]
        assert (one.told[-1].severity, one.told[-1].incident) == ("urgent", one.told[0].alert_id)

    @pytest.mark.parametrize(
        ("kind", "problem", "after_min"),
        [("limit", DRIFT, DAY_MIN), ("drift", "body_weight.low", DAY_MIN), ("drift", DRIFT, 7 * DAY_MIN + 1)],
    )
    def test_only_the_same_change_within_a_week_is_joined(self, kind: Kind, problem: str, after_min: float) -> None:
        one = life()
        one.raised(0, kind, "advisory", problem=problem)
        assert self.joins(one, after_min) == [("opened", "open")]

    def test_what_has_ended_is_joined_by_nothing(self) -> None:
        one = life()
        one.raised(0, "drift", "advisory", problem=DRIFT)
        one.cleared(60, "drift", problem=DRIFT)
        assert self.joins(one, DAY_MIN) == [("opened", "open")]

    def test_what_returns_joins_too_and_is_told_when_the_first_is_withdrawn(self) -> None:
        one = life()
        self.joins(one, 0)
        one.cleared(60, "change_index", problem=TOGETHER)
        one.raised(120, "drift", "advisory", problem=DRIFT)
        assert self.joins(one, 180) == [("updated", "open")]
        first = next(e for e in one.episodes if e.problem == DRIFT)
        told = ledger.on_forgotten(one.episodes, [first], one.when(240), "consent was withdrawn")
        assert [(event.event, event.problem) for event in told] == [("expired", DRIFT), ("reopened", TOGETHER)]
