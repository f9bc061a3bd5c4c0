"""Acknowledging by the link in a message: once, by whoever was asked, and by nothing that only looks."""

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from alerts import links
from alerts.desk import NotPublished, create_app
from alerts.desk.audit import Audit
from alerts.desk.hub import Hub
from alerts.desk.members import Member
from alerts.desk.patients import PatientProfile
from alerts.desk.staff import Staff
from alerts.events import Action
from streams.kafka.embedded import EmbeddedBroker
from tests.channels import topics
from tests.channels.waiting import until
from tests.desk.browser import page
from tests.desk.databases import Databases, in_folder
from tests.desk.running import desk
from tests.desk.test_api import HOST
from tests.desk.ward import Ward

KEY = links.key_of(b"a deployment of the tests")


@pytest.fixture
def ward(ward: Ward) -> Ward:
    ward.app = create_app(ward.store, ward.log, Hub(), ward.accounts, Audit(ward.accounts.engine), link_key=KEY)
    return ward


def token(now_s: float | None = None, team: str | None = "cardiology") -> str:
    return links.issue(KEY, "a-1", "p-1", "ann", time.time() if now_s is None else now_s, team=team)


async def test_a_link_acknowledges_once_in_the_name_of_whoever_was_asked(ward: Ward, client: httpx.AsyncClient) -> None:
    path = f"/a/{token()}"
    assert (await client.post(path)).status_code == 202
    (action,) = ward.log.actions
    assert (action.alert_id, action.patient, action.by, action.type) == ("a-1", "p-1", "ann", "acknowledge")
    again = await client.post(path)
    assert (again.status_code, len(ward.log.actions)) == (409, 1)
    assert [(one["by"], one["detail"]["why"]) for one in ward.audited("desk.refused")] == [("ann", "link_used")]
    assert [one["by"] for one in ward.audited("desk.acted")] == ["ann"]


async def test_opening_a_link_does_nothing_and_shows_nothing(ward: Ward, client: httpx.AsyncClient) -> None:
    shown = await client.get(f"/a/{token()}")
    assert (shown.status_code, ward.log.actions) == (200, [])
    assert not {"p-1", "a-1", "ann"} & set(shown.text.split())


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: token()[:-2] + "AA", "link_forged"),
        (lambda: links.issue(links.key_of(b"another"), "a-1", "p-1", "ann", time.time(), team=None), "link_forged"),
        (lambda: token(time.time() - links.VALID_S - 1), "link_expired"),
        (lambda: "x" * 2000, "link_forged"),
    ],
    ids=["damaged", "another key", "expired", "too long"],
)
async def test_what_does_not_hold_is_refused_and_audited(
    ward: Ward, client: httpx.AsyncClient, made: Callable[[], str], why: str
) -> None:
    assert (await client.post(f"/a/{made()}")).status_code == 403
    assert ward.log.actions == []
    assert [one["detail"]["why"] for one in ward.audited("desk.refused")] == [why]


async def test_a_link_whose_action_was_not_taken_can_be_used_again(databases: Databases) -> None:
    ward, taken = Ward(databases), list[Action]()

    async def away(action: Action) -> None:
        taken.append(action)
        if len(taken) == 1:
            raise NotPublished("the stream is away")

    ward.app = create_app(ward.store, away, Hub(), ward.accounts, Audit(ward.accounts.engine), link_key=KEY)
    path = f"/a/{token()}"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(ward.app), base_url=HOST) as client:
        assert [(await client.post(path)).status_code for _ in range(3)] == [503, 202, 409]
    assert taken[0].action_id == taken[1].action_id
    ward.close()


async def test_who_is_disabled_cannot_answer_and_the_link_holds_again_when_they_are_not(
    ward: Ward, client: httpx.AsyncClient
) -> None:
    ward.accounts.put("Ann", "ann", "nurse", ["cardiology"], None, replace=False)
    staff, path = Staff(ward.accounts, Audit(ward.accounts.engine)), f"/a/{token()}"
    admin = Member("ada", "Ada", "admin", frozenset())
    staff.disable(admin, "ann", time.time())
    answer = await client.post(path)
    assert (answer.status_code, ward.log.actions) == (403, [])
    assert "disabled" in answer.json()["error"]
    assert ward.audited("desk.refused")[0]["detail"]["why"] == "link_disabled"
    staff.enable(admin, "ann")
    assert (await client.post(path)).status_code == 202


async def test_who_may_only_look_at_the_desk_answers_what_the_chain_asked_of_them(
    ward: Ward, client: httpx.AsyncClient
) -> None:
    """Who has no account answers by the link; an account to look with must not take that away from an alert."""
    ward.accounts.put("Ann", "ann", "viewer", ["cardiology"], None, replace=False)
    path = f"/a/{token()}"
    assert (await client.post(path)).status_code == 202
    (action,) = ward.log.actions
    assert (action.alert_id, action.by, action.type) == ("a-1", "ann", "acknowledge")
    (acted,) = ward.audited("desk.acted")
    assert (acted["by"], acted["detail"]["link"], acted["detail"]["role"]) == ("ann", True, "viewer")
    assert ((await client.post(path)).status_code, len(ward.log.actions)) == (409, 1)


@pytest.mark.parametrize("known", [False, True], ids=["by phone only", "with an account"])
async def test_who_was_asked_about_a_patient_of_another_team_now_cannot_answer(
    ward: Ward, client: httpx.AsyncClient, known: bool
) -> None:
    if known:
        ward.accounts.put("Ann", "ann", "nurse", ["cardiology"], None, replace=False)
    ward.store.put_profiles([PatientProfile("p-1", 2, "lungs", "{}")])
    path = f"/a/{token()}"
    answer = await client.post(path)
    assert (answer.status_code, ward.log.actions) == (403, [])
    assert "another team" in answer.json()["error"]
    assert ward.audited("desk.refused")[0]["detail"]["why"] == "link_moved"
    assert "lungs" not in answer.text, "whose patient it is now is not theirs to know"
    ward.store.put_profiles([PatientProfile("p-1", 3, "cardiology", "{}")])
    assert (await client.post(path)).status_code == 202, "the patient is back, and nothing was used up"


async def test_who_answers_for_both_teams_answers_all_the_same(ward: Ward, client: httpx.AsyncClient) -> None:
    ward.accounts.put("Ann", "ann", "nurse", ["cardiology", "lungs"], None, replace=False)
    ward.store.put_profiles([PatientProfile("p-1", 2, "lungs", "{}")])
    assert (await client.post(f"/a/{token()}")).status_code == 202


async def test_a_desk_that_does_not_know_the_patient_yet_keeps_nobody_from_answering(
    ward: Ward, client: httpx.AsyncClient
) -> None:
    made = links.issue(KEY, "a-9", "p-9", "ann", time.time(), team="cardiology")
    assert (await client.post(f"/a/{made}")).status_code == 202


@pytest.mark.browser
async def test_the_page_of_a_link_in_a_browser(embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> None:
    bootstrap = embedded_broker.address
    await topics.made(bootstrap, prefix)
    async with (
        desk(bootstrap, prefix, in_folder(tmp_path), link_key=KEY) as url,
        page() as opened,
        topics.watched(bootstrap, f"{prefix}actions") as actions,
    ):
        await opened.goto(f"{url}/a/{token()}")
        await opened.get_by_role("button", name="Acknowledge").click()
        await expect(opened.get_by_role("status")).to_contain_text("Recorded")
        await until(lambda: len(actions) == 1)
        assert (actions[0]["by"], actions[0]["type"]) == ("ann", "acknowledge")
