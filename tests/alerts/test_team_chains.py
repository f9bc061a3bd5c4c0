"""Teams with answer times and rungs of their own: what holds for whom, and when one hands over to another."""

from dataclasses import replace

import pytest

from alerts.episodes import EVERYBODY
from alerts.policy import Chain, PolicySettings
from alerts.policy.settings import MINUTE_US
from alerts.unanswered import SETTLED
from models.findings import SEVERITIES, Severity
from models.times import rfc3339
from tests.alerts.scripts import Life, us

QUICK = Chain((None, 700 * MINUTE_US, 20 * MINUTE_US, 2 * MINUTE_US), 2)
LONG = Chain((None, 2000 * MINUTE_US, 90 * MINUTE_US, 8 * MINUTE_US), 4)
POLICY = PolicySettings(calm_us=0, teams={"stroke-unit": QUICK, "home": LONG, "ops": QUICK})


def life(team: str | None) -> Life:
    return Life(policy=POLICY, team=team)


@pytest.mark.parametrize(("team", "chain"), [
    ("stroke-unit", QUICK), ("home", LONG), ("cardiology", POLICY.general), (None, QUICK), ("", QUICK),
])  # fmt: skip
@pytest.mark.parametrize("severity", ["emergency", "urgent", "advisory"])
def test_each_team_is_asked_by_its_own_chain_for_each_severity(
    team: str | None, chain: Chain, severity: Severity
) -> None:
    one = life(team)
    minutes = (chain.answer_within_us[SEVERITIES.index(severity)] or 0) / MINUTE_US
    one.raised(0, severity=severity)
    for rung in range(chain.rungs - 1):
        assert one.told[-1].deadline == rfc3339(us((rung + 1) * minutes))
        assert f", rung {rung + 1} of {chain.rungs}, to be answered by" in one.told[-1].policy[-2].reason
        assert one.tick((rung + 1) * minutes - 0.1) == []
        assert one.tick((rung + 1) * minutes) == [("escalated", "open")]
    assert one.tick(chain.rungs * minutes) == [("opened", "open")]
    assert (one.told[-1].kind, one.told[-1].rung) == ("delivery", chain.rungs)
    assert f"Each of the {chain.rungs} on the chain of {team or 'ops'}" in one.told[-1].explanation


def test_mere_information_asks_nobody_of_any_team() -> None:
    for team in ("stroke-unit", "home", "cardiology"):
        one = life(team)
        one.raised(0, severity="info")
        assert (one.told[0].deadline, one.tick(100_000)) == (None, [])


def test_a_team_with_times_of_its_own_asks_nobody_where_nobody_has_to_answer() -> None:
    one = Life(policy=POLICY.unescalated, team="ops")
    one.raised(0, severity="emergency")
    assert (one.told[0].deadline, one.tick(100_000)) == (None, [])


def test_a_patient_who_goes_from_a_long_chain_to_a_quick_one_and_back() -> None:
    one = life("home")
    one.raised(0, severity="emergency")
    assert [one.tick(at) for at in (8, 16)] == [[("escalated", "open")]] * 2
    assert one.handed_over(17, "stroke-unit") == [("updated", "open")]
    assert (one.told[-1].rung, one.told[-1].deadline) == (0, rfc3339(us(19)))
    assert [one.tick(at) for at in (18.9, 19, 20.9)] == [[], [("escalated", "open")], []]
    assert one.tick(21) == [("opened", "open")], "nobody of two has answered"
    assert one.handed_over(22, "home") == [("updated", "open"), ("resolved", "resolved")]
    assert (one.told[-2].rung, one.told[-2].deadline, one.told[-1].reason) == (0, rfc3339(us(30)), SETTLED)
    assert [one.tick(at) for at in (30, 38, 46)] == [[("escalated", "open")]] * 3
    assert one.tick(54) == [("reopened", "open")], "nobody of four"
    assert [episode.rung for episode in one.episodes] == [EVERYBODY, LONG.rungs]


def test_what_was_answered_before_is_asked_by_the_chain_of_the_team_that_has_it_when_it_gets_worse() -> None:
    one = life("home")
    one.raised(0)
    one.acted(1, "acknowledge")
    one.handed_over(2, "stroke-unit")
    assert one.raised(3, severity="emergency") == [("updated", "open")]
    assert one.told[-1].deadline == rfc3339(us(5))


def test_a_changed_setting_holds_from_the_next_step_on() -> None:
    one = life("home")
    one.raised(0, severity="emergency")
    one.policy = replace(POLICY, teams={"home": QUICK})
    assert one.tick(7.9) == [], "who was asked has the time that was given"
    assert one.tick(8) == [("escalated", "open")]
    assert one.told[-1].deadline == rfc3339(us(10))
    assert one.tick(10) == [("opened", "open")]


@pytest.mark.parametrize("wrong", [
    ((None, 1, 1), 3), ((None, 0, 1, 1), 3), ((None, 1, 1, 1), 0), ((None, 1, 1, 1), 10),
])  # fmt: skip
def test_a_chain_that_cannot_be_is_refused(wrong: tuple[tuple[int | None, ...], int]) -> None:
    with pytest.raises(ValueError):
        Chain(*wrong)


def test_an_alarm_ends_when_its_own_is_answered_though_another_alert_is_still_on_its_way_up() -> None:
    one = life("home")
    one.raised(0, severity="emergency")
    one.raised(7.5, severity="emergency", problem="glucose.low")
    for at in (8, 15.5, 16, 23.5, 24, 31.5, 32):
        one.tick(at)
    assert [(e.problem, e.rung) for e in one.episodes[:2]] == [("spo2.low", EVERYBODY), ("glucose.low", LONG.rungs - 1)]
    assert one.acted(33, "acknowledge", one.told[0].alert_id)[1:] == [("resolved", "resolved")]
    assert one.tick(39.5) == [("reopened", "open")], "nobody of four has answered about the other one"
