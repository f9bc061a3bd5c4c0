"""Whom a rung asks, in every form that a rung may have, and quiet hours against the clock of the wall."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alerts.teams import Directory, ask, read_directory
from alerts.teams import given as given_to
from alerts.teams.asked import quiet_until
from alerts.teams.cover import of_team
from alerts.teams.settings import QuietHours, Team
from models.findings import SEVERITIES, Severity
from tests.alerts.test_teams import DIRECTORY, FILE

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
AWAY = datetime(2026, 1, 11, 12, tzinfo=UTC)
"""Ann is not there."""


def with_chain(chain: str, file: str = FILE) -> Directory:
    return read_directory(file.replace('["calls", "role:lead", "everybody"]', chain))


@pytest.mark.parametrize(
    ("chain", "who", "why"),
    [
        ('["calls"]', ["ann"], "cardiology, rung 1 of 1: on call by calls"),
        ('["role:nurse"]', ["ann", "bob"], "cardiology, rung 1 of 1: every nurse"),
        ('["everybody", "calls"]', ["ann", "bob", "cas"], "cardiology, rung 1 of 2: everybody"),
        ('["bob"]', ["bob"], "cardiology, rung 1 of 1: named: bob"),
        ('["dee"]', ["dee"], "cardiology, rung 1 of 1: named: dee"),
    ],
)  # fmt: skip
def test_each_form_of_a_rung_asks_whom_it_names(chain: str, who: list[str], why: str) -> None:
    asked = ask(with_chain(chain), "cardiology", 0, "urgent", NOON)
    assert ([one.member for one in asked.people], asked.why) == (who, why)


def test_a_rung_that_nobody_stands_on_asks_everybody_and_says_so() -> None:
    file = FILE.replace("{begin = 08:00:00, end = 20:00:00, members", "{begin = 08:00:00, end = 09:00:00, members")
    asked = ask(read_directory(file), "cardiology", 0, "urgent", NOON)
    assert [one.member for one in asked.people] == ["ann", "bob", "cas"]
    assert asked.why == "cardiology, rung 1 of 3: on call by calls, nobody, so everybody"


@pytest.mark.parametrize(("team", "said"), [("surgery", "surgery"), (None, "no team")])
def test_for_a_team_that_is_not_known_ops_answers_and_the_record_says_so(team: str | None, said: str) -> None:
    asked = ask(DIRECTORY, team, 0, "urgent", NOON)
    assert ([one.member for one in asked.people], asked.why) == (
        ["dee"], f"{said} is not known: ops, rung 1 of 1: named: dee",
    )  # fmt: skip
    assert of_team(DIRECTORY, team) == {"dee"}


def test_without_ops_the_end_of_a_chain_asks_the_team_and_an_unknown_team_has_nobody_of_its_own() -> None:
    alone = read_directory(FILE.replace("[teams.ops]", "[teams.other]"))
    assert [one.member for one in ask(alone, "cardiology", 3, "urgent", NOON).people] == ["ann", "bob", "cas"]
    assert of_team(alone, "surgery") == of_team(alone, None) == frozenset()
    assert [one.member for one in given_to(alone, "surgery", "cas", "advisory", NOON).people] == ["cas"]


def test_everybody_of_a_team_may_answer_for_it_and_whoever_is_on_its_chain() -> None:
    assert of_team(with_chain('["dee"]'), "cardiology") == {"ann", "bob", "cas", "dee"}


@pytest.mark.parametrize("team", ["surgery", None])
def test_what_was_given_to_somebody_waits_for_the_quiet_hours_of_ops_where_ops_answers(team: str | None) -> None:
    file = FILE.replace("[teams.ops]", "[teams.ops]\nquiet_hours = {begin = 11:00:00, end = 13:00:00}")
    until = given_to(read_directory(file), team, "dee", "advisory", NOON).not_before
    assert until == NOON + timedelta(hours=1)


def test_two_who_stand_in_for_each_other_and_are_both_away_are_asked_themselves() -> None:
    gone = "away = [{begin = 2026-01-10T00:00:00Z, end = 2026-01-12T00:00:00Z}]\n"
    both = read_directory(FILE.replace('name = "Bob"\n', f'name = "Bob"\nstand_in = "cas"\n{gone}').replace(
        'name = "Cas"\n', f'name = "Cas"\nstand_in = "bob"\n{gone}'))  # fmt: skip
    asked = ask(both, "cardiology", 2, "urgent", AWAY)
    assert [(one.member, one.instead_of) for one in asked.people] == [("ann", None), ("bob", None), ("cas", None)]


hours = st.sampled_from([time(0), time(6, 30), time(7), time(12), time(14), time(22), time(23, 59)])
TEAMS = {
    zone: Team(members=("ann",), chain=("ann",), timezone=zone) for zone in ("UTC", "Europe/London", "Asia/Kolkata")
}
instants = st.integers(0, 9 * 48).map(lambda halves: datetime(2026, 3, 26, tzinfo=UTC) + timedelta(hours=halves / 2))
"""Nine days, with the night on which clocks change."""


@given(st.sampled_from(sorted(TEAMS)), hours, hours, instants, st.sampled_from(SEVERITIES))
@example("UTC", time(12), time(14), NOON, "advisory")
@example("UTC", time(12), time(14), NOON + timedelta(hours=2), "advisory")
@example("UTC", time(22), time(7), NOON + timedelta(hours=10), "advisory")
@example("UTC", time(22), time(7), NOON + timedelta(hours=19), "info")
@example("UTC", time(7), time(7), NOON, "advisory")
def test_quiet_hours_are_those_of_the_clock_on_the_wall(
    zone: str, begin: time, end: time, at: datetime, severity: Severity
) -> None:
    team = TEAMS[zone].model_copy(update={"quiet_hours": QuietHours(begin=begin, end=end)})
    wall = at.astimezone(team.zone).replace(tzinfo=None)
    over = None
    for day in (wall.date() - timedelta(days=1), wall.date()):
        ends = datetime.combine(day + timedelta(days=end <= begin), end)
        if severity in ("advisory", "info") and datetime.combine(day, begin) <= wall < ends:
            over = ends
    until = quiet_until(team, severity, at)
    assert (None if until is None else until.replace(tzinfo=None)) == over
    assert until is None or until > at


def test_a_team_without_quiet_hours_is_told_at_any_time() -> None:
    assert quiet_until(DIRECTORY.teams["ops"], "advisory", NOON) is None
