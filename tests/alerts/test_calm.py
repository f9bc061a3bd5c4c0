"""What is well again has to stay so for a while, before its alert ends."""

import pytest

from alerts.episodes import EVERYBODY
from alerts.policy import PolicySettings
from alerts.policy.settings import MINUTE_US
from models.findings import Severity
from models.times import rfc3339
from tests.alerts.scripts import DAY_MIN, Life, us


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

    def test_a_device_that_is_back_is_back(self) -> None:
        one = Life(policy=self.POLICY)
        one.raised(0, "silence", "advisory", problem="silence.scale")
        assert one.cleared(20, "silence", problem="silence.scale") == [("resolved", "resolved")]

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


class TestHovering:
    """An urgent problem about its limit: beyond it, well for a while, beyond it again."""

    POLICY = PolicySettings(calm_us=15 * MINUTE_US)

    def hovering(self, *well_min: float, problem: str = "spo2.low", severity: Severity = "urgent") -> Life:
        """Taken up whenever it is told; beyond its limit for half an hour, then well for so long, and beyond it again.
        The clock is left at the end of the last of these times, when it is beyond again."""
        one, self.at = Life(policy=self.POLICY), 0.0
        self.told = [self.beyond(one, problem, severity)]
        for minutes in well_min:
            self.at += 30
            one.cleared(self.at, problem=problem)
            for at in range(0, int(minutes), 5):
                one.tick(self.at + at)
            self.at += minutes
            self.told.append(self.beyond(one, problem, severity))
        return one

    def beyond(self, one: Life, problem: str = "spo2.low", severity: Severity = "urgent") -> bool:
        told = bool(one.raised(self.at, severity=severity, problem=problem))
        if told:
            one.acted(self.at + 1, "acknowledge")
        return told

    def test_it_is_told_again_three_times_a_day_and_not_whenever_it_comes_back(self) -> None:
        self.hovering(20, 20, 20, 20, 20, 20, 20, 20)
        assert self.told == [True, True] + [False] * 7, "well for 20 minutes"
        self.hovering(50, 50, 50, 70, 70)
        assert self.told == [True, True, False, False, False, False], "an hour is asked for, then four"
        self.hovering(70, 70, 250, 250, 500)
        assert self.told == [True, True, True, True, False, True], "and eight, no more"

    def test_why_it_took_so_long_to_end_is_said(self) -> None:
        one = self.hovering(20, 250)
        ends = [event.reason for event in one.told if event.event == "resolved"]
        assert ends == [
            "back to normal for this patient, and for 15 minutes since",
            "back to normal for this patient, and for 1 hour since: it had come back once within a day",
        ]

    def test_a_return_of_the_day_before_no_longer_counts(self) -> None:
        one = self.hovering(20)
        one.cleared(self.at + 30)
        assert one.tick(self.at + 90) == [("resolved", "resolved")]
        assert one.raised(self.at + DAY_MIN + 30) == [("reopened", "open")]
        one.acted(self.at + DAY_MIN + 31, "acknowledge")
        one.cleared(self.at + DAY_MIN + 60)
        assert one.tick(self.at + DAY_MIN + 119) == []
        assert one.tick(self.at + DAY_MIN + 120) == [("resolved", "resolved")]

    def test_more_severe_is_told_at_once(self) -> None:
        one = self.hovering(20, 20, 20)
        assert self.told[-1] is False
        one.cleared(self.at + 5)
        assert one.raised(self.at + 10, severity="emergency") == [("updated", "open")]
        assert one.told[-1].notify == "worse"

    @pytest.mark.parametrize(("value", "told"), [(80.0, []), (79.0, [("updated", "open")])])
    def test_clearly_further_beyond_the_limit_is_told_at_once(self, value: float, told: list[tuple[str, str]]) -> None:
        one = self.hovering(20, 20, 20)
        one.cleared(self.at + 5)
        assert one.raised(self.at + 30, value=value) == told, "82 % was told; three points lower is another matter"
        if told:
            assert one.told[-1].notify == "worse"
            assert one.told[-1].reason == "further beyond the limit: 79 %, after 82 %"

    def test_so_is_what_goes_further_after_a_return_that_was_not_told(self) -> None:
        one = self.hovering(20, 20, 20)
        assert one.again(self.at + 10, value=80.0) == []
        assert one.again(self.at + 20, value=78.0) == [("updated", "open")]
        assert one.again(self.at + 30, value=74.0) == [], "somebody is asked already"
        one.acted(self.at + 40, "acknowledge")
        assert one.again(self.at + 50, value=72.0) == [], "who has taken it up has seen 74 %"
        assert one.again(self.at + 60, value=71.0) == [("updated", "open")]

    def test_a_snooze_ends_with_what_is_clearly_further(self) -> None:
        one = Life(policy=self.POLICY)
        one.raised(0)
        one.snoozed(5, 240)
        assert one.again(20, value=80.0) == []
        assert one.again(30, value=79.0) == [("updated", "open")]
        said = next(answer for answer in one.told[-1].policy if answer.stage == "snooze")
        assert said.reason.startswith("it is further beyond the limit than what nurse-2 had snoozed until")

    def test_an_emergency_is_never_held(self) -> None:
        self.hovering(*[20.0] * 6, severity="emergency")
        assert self.told == [True] * 7

    @pytest.mark.parametrize("problem", ["glucose.low", "consciousness.high", "postop.shock"])
    def test_nor_is_what_asks_for_something_each_time(self, problem: str) -> None:
        self.hovering(*[20.0] * 6, problem=problem)
        assert self.told == [True] * 7

    def test_nor_is_what_nobody_has_answered_though_everybody_was_asked(self) -> None:
        one = self.hovering(20)
        one.acted(self.at + 2, "comment", reason="seen")
        one.episodes[0].state = "open"
        one.episodes[0].rung = EVERYBODY
        one.cleared(self.at + 30)
        assert one.tick(self.at + 45) == [("resolved", "resolved")]

    def test_an_answer_that_is_asked_for_is_waited_for_no_longer(self) -> None:
        """Nobody has taken it up: what comes back before it has ended is asked about as if it had never been well."""
        one = Life(policy=self.POLICY)
        one.raised(0)
        one.cleared(20)
        one.tick(36)
        one.raised(40)
        one.cleared(50)
        assert one.tick(90) == []
        assert one.raised(95) == []
        assert one.tick(100) == [("escalated", "open")], "60 minutes after it was told at 40"
