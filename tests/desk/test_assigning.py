"""To whom an alert can be given: to somebody who would see it and may answer, and to no name that nobody has."""

import time
from pathlib import Path

import httpx
import pytest

from alerts.desk import create_app
from alerts.desk.audit import Audit
from alerts.desk.hub import Hub
from alerts.desk.members import Member
from alerts.desk.staff import Staff
from alerts.teams import read_directory
from streams.assembly import desk_config
from streams.configuration.environment import load_settings
from tests.channels.events import alert
from tests.desk.databases import Databases
from tests.desk.ward import Ward
from tests.teams import team, written

TEAMS = written(
    {"hook": "http://127.0.0.1:1/x"},
    {"tess": ["hook"], "eve": ["hook"], "gone": ["hook"]},
    '[members.phil]\nname = "Phil, by telephone"\nreach = ["hook"]\nstand_in = "tess"\n',
    team("cardiology", ["phil", "gone"], ["phil"]),
    team("lungs", ["eve"]),
    team("ops", ["tess"]),
)
NOBODY = "Nobody of cardiology has this sign-in name."


@pytest.fixture
def ward(ward: Ward) -> Ward:
    """The asking nurse-1 is of cardiology; bob and vera too, zoe of lungs; gone is disabled."""
    people = {"bob": "nurse", "vera": "viewer", "gone": "nurse"}
    for who, role in people.items():
        ward.accounts.put(who, who, role, ["cardiology"], None, replace=False)  # type: ignore[arg-type]
    ward.accounts.put("zoe", "zoe", "nurse", ["lungs"], None, replace=False)
    Staff(ward.accounts, Audit(ward.accounts.engine)).disable(
        Member("ada", "Ada", "admin", frozenset()), "gone", time.time()
    )
    return ward


async def given(ward: Ward, to: str, alert_id: str = "a-1") -> tuple[int, str]:
    """Status and sentence of an attempt."""
    async with ward.client() as made:
        await ward.signed_in(made)
        answer = await made.post(f"/api/alerts/{alert_id}/actions", json={"type": "assign", "to": to})
        return answer.status_code, answer.json().get("error", "")


@pytest.mark.parametrize("to", ["bob", "nurse-1"])
async def test_an_alert_is_given_to_a_colleague_or_to_oneself(ward: Ward, to: str) -> None:
    assert await given(ward, to) == (202, "")
    assert [(one.type, one.to) for one in ward.log.actions] == [("assign", to)]


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("bobb", f"{NOBODY} It can be assigned to bob."),
        ("Bob", f"{NOBODY} It can be assigned to bob."),
        ("zoe", f"{NOBODY} It can be assigned to bob."),
        ("vera", "They may only look, so nobody would answer. The alert is as it was."),
        ("gone", "Their account is disabled, so they would not see it. The alert is as it was."),
    ],
)
async def test_a_name_by_which_nobody_would_answer_is_refused_in_words(ward: Ward, to: str, said: str) -> None:
    assert await given(ward, to) == (422, said)
    assert ward.log.actions == []
    (refused,) = ward.audited("desk.refused")
    assert (refused["by"], refused["detail"]["why"], refused["detail"]["alert_id"]) == (
        "nurse-1",
        "no_colleague",
        "a-1",
    )
    assert ward.audited("desk.acted") == []


async def test_where_the_desk_knows_of_nobody_else_any_name_is_taken(databases: Databases) -> None:
    """It is somebody whom it does not know: there is no name that could have been meant."""
    ward = Ward(databases)
    assert (await given(ward, "bob"))[0] == 202
    ward.close()


@pytest.mark.parametrize(("to", "code"), [("phil", 202), ("tess", 202), ("eve", 422), ("gone", 422), ("bob", 202)])
async def test_whom_the_file_of_care_teams_names_needs_no_account(ward: Ward, to: str, code: int) -> None:
    """Phil is on the chain, and Tess stands in for him; Eve is of another team; that somebody is disabled counts."""
    ward.app = create_app(
        ward.store, ward.log, Hub(), ward.accounts, Audit(ward.accounts.engine), directory=read_directory(TEAMS)
    )
    status, said = await given(ward, to)
    assert status == code
    if to == "eve":
        assert said == f"{NOBODY} It can be assigned to bob, phil, tess."


async def test_ops_is_given_what_belongs_to_no_team_of_the_file(databases: Databases) -> None:
    ward = Ward(databases)
    ward.store.put_events([alert("a-3", patient="p-3", care_team="cardiology")])
    text = TEAMS.replace("[teams.cardiology]", "[teams.another]")
    ward.app = create_app(
        ward.store, ward.log, Hub(), ward.accounts, Audit(ward.accounts.engine), directory=read_directory(text)
    )
    assert [(await given(ward, to))[0] for to in ("tess", "phil")] == [202, 422]
    ward.close()


async def test_acknowledging_needs_no_colleague(ward: Ward, client: httpx.AsyncClient) -> None:
    await ward.signed_in(client)
    assert (await client.post("/api/alerts/a-1/actions", json={"type": "acknowledge"})).status_code == 202


def test_a_file_of_care_teams_that_is_wrong_does_not_keep_the_desk_from_starting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "teams.toml"
    file.write_text(TEAMS)
    settings = load_settings(teams_file=file, data_folder=tmp_path)
    found = desk_config(settings).directory
    assert found is not None
    assert set(found.teams) == {"cardiology", "lungs", "ops"}
    file.write_text(TEAMS.replace("[members.eve]", "[members.ewe]"))
    assert desk_config(settings).directory is None
    assert "eve is not a member" in caplog.text
