"""What each role may, and whose patients it sees: the table at the head of `alerts.desk.members`."""

import pytest

from alerts.desk.members import EVERY_TEAM, ROLES, Member, Role, teams_of

HEART, LUNGS = "cardiology", "pneumology"


def member(role: Role, *teams: str) -> Member:
    return Member("who-1", "Who", role, frozenset(teams))


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("viewer", (False, False, False)), ("nurse", (True, False, False)), ("lead", (True, True, False)),
        ("admin", (True, True, True)),
    ],
)  # fmt: skip
def test_each_role_may_act_lead_and_admit_as_the_table_says(role: Role, may: tuple[bool, bool, bool]) -> None:
    one = member(role, HEART)
    assert (one.may_act, one.may_lead, one.may_admit) == may


@pytest.mark.parametrize(
    ("one", "sees"),
    [
        (member("viewer", HEART), [HEART]), (member("nurse", HEART), [HEART]), (member("nurse"), []),
        (member("nurse", HEART, LUNGS), [HEART, LUNGS]), (member("lead", HEART), [HEART, None]),
        (member("lead"), [None]), (member("admin"), [HEART, LUNGS, None]),
        (member("admin", HEART), [HEART, LUNGS, None]),
    ],
)  # fmt: skip
def test_each_sees_the_patients_of_their_teams_and_who_leads_those_of_none(one: Member, sees: list[str | None]) -> None:
    assert [team for team in (HEART, LUNGS, None) if one.scope.sees(team)] == sees


@pytest.mark.parametrize("role", ROLES)
def test_who_is_of_every_team_sees_each(role: Role) -> None:
    assert all(member(role, EVERY_TEAM).scope.sees(team) for team in (HEART, LUNGS))


@pytest.mark.parametrize(
    ("name", "good"),
    [("a", True), ("x" * 128, True), ("x" * 129, False), ("", False), ("a\nb", False), ("Ward 7", True)],
)
def test_a_team_has_a_name_that_can_be_read(name: str, good: bool) -> None:
    if good:
        assert teams_of([name, HEART]) == {name, HEART}
    else:
        with pytest.raises(ValueError, match="1 to 128 printable"):
            teams_of([name, HEART])
