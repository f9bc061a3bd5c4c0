"""Any patient of one's teams can be opened, with or without alerts; and what the burden page counts can be gone to."""

import json
import re
import time
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

from alerts.desk.members import Role
from alerts.desk.patients import PatientProfile
from models.findings import Rule
from tests.channels import topics
from tests.channels.events import alert
from tests.desk import content
from tests.desk.browser import page
from tests.desk.morning import Morning, named
from tests.desk.running import sign_in
from tests.desk.test_access import findings
from tests.desk.test_store import summary
from tests.desk.ward import Ward

CALM, OTHERS, NOBODYS = "p-calm", "p-else", "p-none"


@pytest.fixture
def ward(ward: Ward) -> Ward:
    teams = {CALM: "cardiology", OTHERS: "lungs", NOBODYS: None}
    ward.store.put_profiles([PatientProfile(name, 1, team, "{}") for name, team in teams.items()])
    ward.store.put_summaries([summary(number, patient=name) for name in teams for number in range(3)])
    return ward


async def signed_in(ward: Ward, client: httpx.AsyncClient, role: Role) -> None:
    ward.accounts.put("Somebody", "who-1", role, ["cardiology"], None, replace=True)
    await sign_in(client, ward.accounts.link("who-1", time.time()))


@pytest.mark.parametrize("role", ["viewer", "nurse", "lead"])
async def test_a_patient_without_any_alert_is_opened_and_the_look_is_in_the_audit(
    ward: Ward, client: httpx.AsyncClient, role: Role
) -> None:
    await signed_in(ward, client, role)
    found = (await client.get("/api/patients", params={"begins": "p-c"})).json()["patients"]
    assert found == [{"patient": CALM, "care_team": "cardiology"}]
    whole = (await client.get(f"/api/patients/{CALM}")).json()
    assert (whole["patient"], whole["care_team"], whole["alerts"], whole["actions"]) == (CALM, "cardiology", [], [])
    (chart,) = (await client.get(f"/api/patients/{CALM}/vitals")).json()["vitals"]
    assert [(one["mean"], one["low"], one["high"]) for one in chart["windows"]] == [(70.0, 60.0, 78.0)] * 3
    (standing,) = (await client.get(f"/api/patients/{CALM}/states")).json()["vitals"]
    assert standing["vital"] == "heart_rate"
    assert [event["detail"]["begins"] for event in ward.audited("desk.searched")] == ["p-c"]
    (look,) = ward.audited("desk.saw_patient")
    assert (look["by"], look["detail"]["patient"]) == ("who-1", CALM)


async def test_a_patient_is_found_by_an_alert_alone_by_those_whose_alert_it_is(
    ward: Ward, client: httpx.AsyncClient
) -> None:
    """Nobody has published a profile: the alert is all that is known."""
    told = {"p-s2": "cardiology", "p-s1": "cardiology", "p-s3": "lungs"}
    for patient, team in told.items():
        ward.store.put_events([alert(f"a-{n}-{patient}", patient=patient, care_team=team) for n in range(2)])
    await signed_in(ward, client, "nurse")
    found = (await client.get("/api/patients", params={"begins": "p-s"})).json()["patients"]
    assert found == [{"patient": one, "care_team": "cardiology"} for one in ("p-s1", "p-s2")]
    assert (await client.get("/api/patients/p-s1")).status_code == 200


async def test_before_anything_is_asked_the_first_patients_of_ones_teams_are_listed(
    ward: Ward, client: httpx.AsyncClient
) -> None:
    """Those with a profile: whoever has alerts only has to be asked for."""
    names = [f"q-{n:03}" for n in range(30)]
    ward.store.put_profiles([PatientProfile(name, 1, "cardiology", "{}") for name in reversed(names)])
    ward.store.put_events([alert("a-strange", patient="a-strange", care_team="cardiology")])
    await signed_in(ward, client, "nurse")
    found = [one["patient"] for one in (await client.get("/api/patients")).json()["patients"]]
    assert found == sorted([CALM, "p-1", *names])[:20]
    assert OTHERS not in found


@pytest.mark.parametrize(("role", "sees"), [("viewer", False), ("nurse", False), ("lead", True)])
async def test_a_patient_without_alerts_of_another_team_stays_closed_and_one_of_no_team_is_for_leads(
    ward: Ward, client: httpx.AsyncClient, role: Role, sees: bool
) -> None:
    await signed_in(ward, client, role)
    for end in ("", "/vitals", "/states", "/reach?vital=heart_rate"):
        assert (await client.get(f"/api/patients/{OTHERS}{end}")).status_code == 404
        assert (await client.get(f"/api/patients/{NOBODYS}{end}")).status_code == (200 if sees else 404)
    found = (await client.get("/api/patients", params={"begins": "p-"})).json()["patients"]
    assert OTHERS not in str(found)
    assert (NOBODYS in str(found)) == sees
    refused = [event["detail"]["patient"] for event in ward.audited("desk.refused")]
    assert refused.count(OTHERS) == 4
    assert OTHERS not in str(ward.audited("desk.saw_patient"))


async def test_the_alerts_of_a_rule_are_a_filter_and_the_burden_names_the_list_that_holds_most(
    ward: Ward, client: httpx.AsyncClient
) -> None:
    await signed_in(ward, client, "lead")
    noisy: dict[str, Any] = {
        "patient": "p-1",
        "rule": Rule(id="noisy", version="1", source="DESIGN"),
        "care_team": "cardiology",
    }
    done: dict[str, Any] = {"event": "resolved", "state": "resolved", "by": "nurse-1", **noisy}
    ward.store.put_events([alert(f"n-{n}", **done) for n in range(3)])
    ward.store.put_events([alert("n-9", **noisy)])
    listed = (await client.get("/api/alerts", params={"rule": "noisy"})).json()["alerts"]
    assert [one["alert_id"] for one in listed if one["view"] == "open"] == ["n-9"]
    assert len(listed) == 4
    burden = (await client.get("/api/cost", params={"days": 7})).json()
    rules = {one["rule"]: (one["alerts"], one["list"]) for one in burden["top_rules"]}
    assert rules == {"noisy": (4, "resolved"), "acute_deviation": (1, "open")}
    for rule, (_, view) in rules.items():
        there = await client.get("/api/alerts", params={"rule": rule, "view": view})
        assert there.json()["alerts"], "a way leads somewhere"


async def profile(morning: Morning, patient: str) -> None:
    body = {"patient": patient, "version": 1, "care_team": "cardiology-home", "consent": {"monitoring": True}}
    await topics.put(morning.bootstrap, f"{morning.prefix}profiles", [json.dumps(body).encode()])


@pytest.mark.browser
async def test_a_patient_of_whom_nothing_is_told_is_looked_up_and_read_against_the_band(morning: Morning) -> None:
    await profile(morning, content.HEART)
    async with page(refusals=True) as opened:
        await morning.enter(opened)
        await opened.get_by_role("button", name="Patients", exact=True).click()
        field = opened.get_by_label("Number of the patient")
        await expect(opened.locator(".found").get_by_role("button", name=content.HEART, exact=True)).to_be_visible()
        await field.fill("nobody")
        await expect(opened.locator("#report").get_by_role("status")).to_have_text(
            "No patient of your teams has a number that begins so."
        )
        await field.fill(content.HEART[:4])
        assert await findings(opened) == []
        await opened.get_by_role("button", name=content.HEART, exact=True).click()
        await expect(opened.locator(".detail-title")).to_have_text(f"Patient {content.HEART}")
        await expect(opened.locator(".chart canvas")).to_have_count(5)
        await expect(opened.locator(".news2")).to_contain_text(re.compile(r"NEWS2 \d+ to \d+ of 20, .* ago"))
        await expect(opened.locator(".news2")).to_contain_text("not known: whether oxygen is given, pressure")
        await expect(opened.locator("#detail")).to_contain_text("None: nothing was told of this patient.")
        await expect(opened.locator("#detail")).to_be_focused()
        assert await findings(opened) == []
        await morning.put(content.heart_alert())
        episode = opened.get_by_role("region", name="Episodes").get_by_role("button")
        await episode.click()
        await expect(opened.locator(".detail-title")).to_have_text(content.heart_alert().title)


@pytest.mark.browser
async def test_the_burden_page_leads_to_what_it_counts(morning: Morning) -> None:
    await morning.put(*content.worklist())
    async with page(refusals=True) as opened:
        await morning.enter(opened)
        await opened.get_by_role("button", name="Alert burden").click()
        await opened.get_by_role("button", name="spo2_floor: its alerts").click()
        await expect(opened.locator("#alerts .title")).to_have_text(["Oxygen saturation below 86 %"])
        await expect(opened.locator("#filter-rule")).to_have_value("spo2_floor")
        await opened.get_by_role("button", name="Alert burden").click()
        await opened.get_by_role("button", name="Advisory: the open alerts").click()
        await expect(opened.locator("#alerts .title")).to_have_count(2)
        await opened.get_by_role("button", name="Alert burden").click()
        assert await findings(opened) == []
        await opened.get_by_role("button", name="1: late now, urgent").click()
        await expect(opened.locator("#alerts .title")).to_have_text(["Weight up 2.6 kg in four days"])
        await opened.get_by_role("button", name="Alert burden").click()
        await opened.get_by_role("button", name="p-0952: the patient").click()
        await expect(opened.locator(".detail-title")).to_have_text("Patient p-0952")


@pytest.mark.browser
async def test_problems_of_one_incident_are_said_on_the_row_and_lead_to_each_other(morning: Morning) -> None:
    first = content.heart_alert()
    title = '<img src=x onerror="window.pwned=1">'
    await morning.put(first)
    async with page(refusals=True) as opened:
        await morning.enter(opened)
        await named(opened, first.title).click()
        await expect(opened.locator(".incident")).to_have_count(0)
        await morning.put(alert("a-other", patient=content.HEART, title=title, incident=first.alert_id))
        words = f"One of 2 problems in this incident. Also: {title}"
        await expect(opened.locator("#detail .incident")).to_have_text(words)
        row = opened.locator("#alerts li", has=opened.get_by_role("button", name=first.title, exact=True))
        await expect(row.locator(".incident")).to_have_text(words)
        assert await findings(opened) == []
        others = opened.get_by_role("region", name="Other problems in this incident")
        await others.get_by_role("button", name=title, exact=True).click()
        await expect(opened.locator(".detail-title")).to_have_text(title)
        await expect(others.get_by_role("button")).to_have_text(first.title)
        await opened.get_by_role("button", name="Hand-over").click()
        waiting = opened.get_by_role("region", name="Open: waits for an answer")
        told = waiting.locator(".row", has=opened.get_by_role("button", name=first.title, exact=True))
        await expect(told.locator(".incident")).to_have_text(words)
        assert await findings(opened) == []
        assert await opened.evaluate("window.pwned") is None
