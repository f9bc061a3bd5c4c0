"""The budget of messages about advisories, by patient and day: what waits, and what is no news within a day."""

from alerts.episodes import Episode
from alerts.policy import PolicySettings
from models.times import rfc3339
from tests.alerts.scripts import DAY_MIN, Life, us
from tests.alerts.test_policy import life, said


class TestBudget:
    PROBLEMS = ("spo2.low", "body_weight.high", "steps.low", "qtc.high")

    def life(self) -> Life:
        """Advisories 7 hours apart: no incident."""
        one = life()
        for n, problem in enumerate(self.PROBLEMS[:3]):
            one.raised(n * 420, "limit", "advisory", problem=problem)
        return one

    def test_beyond_the_days_share_a_message_waits_and_is_seen_waiting(self) -> None:
        one = self.life()
        assert [event.notify for event in one.told] == ["first", "first", None]
        waits = one.told[-1]
        assert (waits.event, said(waits, "budget"), waits.until) == ("opened", "deferred", rfc3339(us(DAY_MIN)))
        assert one.tick(DAY_MIN - 1) == []
        assert ("updated", "open") in one.tick(DAY_MIN)
        assert (one.told[-1].alert_id, one.told[-1].notify) == (waits.alert_id, "first")
        assert one.told[-1].deadline == rfc3339(us(2 * DAY_MIN)), "the time to answer begins with the message"

    def test_a_message_that_waits_is_told_in_time_though_the_alert_has_been_escalated(self) -> None:
        """Nobody answered for a day, and the limit is broken again on a day whose messages are spent."""
        one = life()
        one.raised(0, "limit", "advisory", problem="spo2.low")
        one.tick(DAY_MIN)
        assert one.told[-1].event == "escalated"
        for n, problem in enumerate(self.PROBLEMS[1:3]):
            one.raised(DAY_MIN + 420 * n + 1, "deviation", "advisory", problem=problem)
        assert one.again(DAY_MIN + 840, "advisory") == [("updated", "open")]
        waits = one.told[-1]
        assert (said(waits, "budget"), waits.notify) == ("deferred", None)
        one.tick(2 * DAY_MIN + 421)
        later = [event for event in one.told if event.alert_id == waits.alert_id and event.sequence > waits.sequence]
        assert ("its message has waited for its turn", "first") in [(event.reason, event.notify) for event in later]

    def test_nothing_urgent_waits_or_is_counted(self) -> None:
        one = self.life()
        one.raised(1260, "limit", "urgent", problem="qtc.high")
        assert one.told[-1].notify == "first"

    def test_what_becomes_urgent_waits_no_longer(self) -> None:
        one = self.life()
        one.raised(900, "limit", "urgent", problem="steps.low")
        assert (one.told[-1].event, one.told[-1].notify, one.told[-1].until) == ("updated", "worse", None)

    def test_what_waits_is_told_once_to_another_team_that_takes_the_patient_over(self) -> None:
        one = self.life()
        one.handed_over(900, "team-2")
        told = one.told[-1]
        assert (told.problem, told.notify, told.until, told.care_team) == ("steps.low", "handed_over", None, "team-2")
        one.tick(DAY_MIN)
        one.tick(900 + DAY_MIN - 1)
        assert [e for e in one.told if e.alert_id == told.alert_id][-1] is told, "not a second time when its turn comes"

    def test_each_message_says_the_how_manieth_of_the_day_it_is(self) -> None:
        reasons = [answer.reason for event in self.life().told for answer in event.policy if answer.stage == "budget"]
        assert reasons == [
            "1 of 2 advisories of this patient within a day", "2 of 2 advisories of this patient within a day",
            "2 advisories of this patient were told within a day: the message waits until 2026-01-06T08:00:00Z",
        ]  # fmt: skip

    def test_a_day_later_there_is_room_again(self) -> None:
        one = self.life()
        one.cleared(900, problem="steps.low")
        one.raised(DAY_MIN, "limit", "advisory", problem="qtc.high")
        assert (one.told[-1].notify, one.told[-1].until) == ("first", None)

    def test_what_comes_back_on_another_day_waits_for_its_turn_too(self) -> None:
        one = life()
        one.raised(0, "limit", "advisory", problem="spo2.low")
        one.raised(420, "limit", "advisory", problem="body_weight.high")
        one.cleared(500, problem="spo2.low")
        one.raised(DAY_MIN + 1, "limit", "advisory", problem="steps.low")
        assert one.raised(DAY_MIN + 400, "limit", "advisory", problem="spo2.low") == [("reopened", "open")]
        assert (one.told[-1].notify, one.told[-1].until) == (None, rfc3339(us(420 + DAY_MIN)))

    def test_what_is_told_with_another_one_waits_for_no_turn(self) -> None:
        one = life()
        one.raised(0, "limit", "advisory", problem="systolic_bp.high")
        one.raised(400, "limit", "advisory", problem="body_weight.high")
        one.raised(401, "limit", "advisory", problem="diastolic_bp.high", onset=10)
        assert said(one.told[-1], "group") == "joined"
        assert (one.told[-1].notify, one.told[-1].until, said(one.told[-1], "budget")) == (None, None, None)

    def test_what_nobody_was_told_of_ends_without_a_message(self) -> None:
        one = self.life()
        one.cleared(900, problem="steps.low")
        assert (one.told[-1].event, one.told[-1].notify) == ("resolved", None)
        assert ("updated", "open") not in one.tick(DAY_MIN)


def test_an_advisory_that_comes_back_within_a_day_is_on_the_list_and_not_told_again() -> None:
    one = life()
    one.raised(0, severity="advisory")
    one.cleared(10)
    assert one.raised(20, severity="advisory") == [("reopened", "open")]
    assert one.told[-1].notify is None
    one.cleared(30)
    assert one.raised(40, severity="urgent") == [("reopened", "open")]
    assert one.told[-1].notify == "returned", "what is urgent always is"


def test_an_advisory_that_comes_back_on_another_day_is_told_again() -> None:
    one = life()
    one.raised(0, severity="advisory")
    one.cleared(DAY_MIN - 1)
    assert one.raised(DAY_MIN, severity="advisory") == [("reopened", "open")]
    assert one.told[-1].notify == "returned"


def test_only_the_return_of_an_advisory_is_no_news_within_a_day() -> None:
    one = life()
    one.raised(0, severity="advisory")
    one.snoozed(1, 60)
    one.tick(61)
    one.handed_over(70, "team-2")
    one.cleared(80)
    assert [event.notify for event in one.told] == ["first", None, "woken", "handed_over", "resolved"]


def test_spent_messages_are_remembered_within_a_bound() -> None:
    one = Life(policy=PolicySettings(calm_us=0, advisories_per_day=1000))
    one.raised(0, severity="advisory")
    for day in range(1, 40):
        one.again(day * DAY_MIN)
    (episode,) = one.episodes
    assert isinstance(episode, Episode)
    assert len(episode.spent_us) <= 16
