"""What is well again has to stay so for a while, before its alert ends."""

from alerts.policy import PolicySettings
from alerts.policy.settings import MINUTE_US
from models.times import rfc3339
from tests.alerts.scripts import Life, us


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
