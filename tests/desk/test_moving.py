"""A patient goes to another team: off the open pages of the old one, onto those of the new; nobody else hears of it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from alerts.desk.patients import PatientProfile
from alerts.desk.store import Store
from streams.kafka.embedded import EmbeddedBroker, free_port
from tests.brokers import HOST
from tests.channels import topics
from tests.channels.events import alert
from tests.channels.waiting import WITHIN_S
from tests.desk import content
from tests.desk.browser import page
from tests.desk.databases import Databases, in_folder
from tests.desk.morning import Morning, named
from tests.desk.running import client, desk, link
from tests.desk.test_connection import BACK_WITHIN_MS

CARDIO, LUNGS, CANCER = "cardiology-home", "respiratory-home", "oncology-home"


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    made = Store(databases.cache)
    yield made
    made.close()


def profile(patient: str, version: int, team: str | None) -> PatientProfile:
    return PatientProfile(patient, version, team, "{}")


async def moved(morning: Morning, patient: str, version: int, team: str) -> None:
    """A new version of a profile on its topic."""
    body = {"patient": patient, "version": version, "care_team": team, "consent": {"monitoring": True}}
    await topics.put(morning.bootstrap, f"{morning.prefix}profiles", [json.dumps(body).encode()])


def test_who_has_moved_is_told_with_the_teams_they_come_from(store: Store) -> None:
    store.put_events([alert("a-1", patient="p-1", care_team="old"), alert("a-2", patient="p-2", care_team="old")])
    first = store.put_profiles([profile("p-1", 1, "new"), profile("p-2", 1, "old"), profile("p-3", 1, "old")])
    assert (first.alerts, first.former) == (["a-1"], {"p-1": {"old"}}), (
        "an alert may know another team than the profile"
    )
    again = store.put_profiles([profile("p-1", 1, "new"), profile("p-2", 1, "old"), profile("p-3", 1, "old")])
    assert (again.patients, again.alerts, again.former) == (["p-1", "p-2", "p-3"], [], {})
    later = store.put_profiles([profile("p-2", 2, None), profile("p-3", 2, "new"), profile("p-1", 0, "old")])
    assert (later.alerts, later.former) == (["a-2"], {"p-2": {"old"}, "p-3": {"old"}}), "an older version moves nobody"
    assert {one.latest.alert_id: one.team for one in store.standings(["a-1", "a-2"])} == {"a-1": "new", "a-2": None}


@pytest.fixture
async def ward(embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> AsyncIterator[Morning]:
    await topics.made(embedded_broker.address, prefix)
    kept = in_folder(tmp_path)
    async with desk(embedded_broker.address, prefix, kept) as url:
        yield Morning(url, kept, embedded_broker.address, prefix)


async def heard(morning: Morning, who: str, *teams: str, until: str) -> str:
    """Everything the stream says to somebody, up to a word."""
    token = link(morning.kept, who, "nurse", teams)
    async with client(morning.url, morning.kept) as made:
        made.cookies.clear()
        answer = await made.post("/api/sign-in/link", json={"token": token.partition("=")[2]})
        assert answer.status_code == 200
        said = ""
        async with asyncio.timeout(WITHIN_S), made.stream("GET", "/events") as stream:
            async for line in stream.aiter_lines():
                said += line + "\n"
                if until in said:
                    return said
    raise AssertionError("the stream ended")


async def test_each_team_hears_of_a_move_what_it_may_know(ward: Morning) -> None:
    await ward.put(alert("a-1", patient="p-1", care_team=CARDIO))
    for patient, team in (("p-1", CARDIO), ("p-2", CARDIO), ("p-9", CANCER)):
        await moved(ward, patient, 1, team)
    async with client(ward.url, ward.kept) as lead:
        while len((await lead.get("/api/patients?begins=p-")).json()["patients"]) < 3:
            await asyncio.sleep(0)
    words = {"old": '"gone": ["p-1", "p-2"]', "new": '"alert_id": "a-1"', "third": '"p-9"'}
    teams = {"old": CARDIO, "new": LUNGS, "third": CANCER}
    listening = {who: asyncio.create_task(heard(ward, who, teams[who], until=words[who])) for who in words}
    async with client(ward.url, ward.kept) as lead:
        while "homebeat_desk_pages 3.0" not in (await lead.get("/metrics")).text:
            await asyncio.sleep(0)
    bodies: list[dict[str, Any]] = [
        {"patient": name, "version": 2, "care_team": LUNGS, "consent": {"monitoring": True}} for name in ("p-1", "p-2")
    ]
    other = {"patient": "p-9", "version": 2, "care_team": CANCER, "consent": {"monitoring": True}}
    records = [json.dumps(body).encode() for body in (*bodies, other)]
    await topics.put(ward.bootstrap, f"{ward.prefix}profiles", records)
    said = {who: await task for who, task in listening.items()}
    assert '"gone": ["a-1"]' in said["old"]
    assert "Heart rate" not in said["old"], "of what is gone no more than the name is said"
    assert re.search(r'"team": "respiratory-home"', said["new"])
    assert not re.search(r"p-1|p-2|a-1", said["third"])


@pytest.mark.browser
async def test_open_screens_let_go_of_a_patient_and_those_of_the_new_team_show_them(morning: Morning) -> None:
    event = content.heart_alert()
    await moved(morning, content.HEART, 1, CARDIO)
    await morning.put(*content.worklist())
    async with page(refusals=True) as old, page() as new, page() as both:
        await morning.enter(old, "nurse-1", role="nurse", teams=(CARDIO,))
        await morning.enter(new, "nurse-2", role="nurse", teams=(LUNGS,))
        await morning.enter(both, "lead-1", role="lead", teams=(CARDIO, LUNGS))
        await named(old, event.title).click()
        await expect(old.locator(".chart canvas")).to_have_count(5)
        await old.keyboard.press("s")
        await expect(named(new, event.title)).to_have_count(0)
        await expect(both.locator("#alerts li", has_text=content.HEART)).to_contain_text(CARDIO)

        await moved(morning, content.HEART, 2, LUNGS)
        gone = f"{content.HEART} is no longer a patient of your teams."
        await expect(old.locator("#act-problem")).to_have_text(
            "This patient is another team's now. Nothing needs to be sent."
        )
        await expect(old.locator("#act-send")).to_be_disabled()
        await old.keyboard.press("Escape")
        await expect(old.locator("#detail")).to_contain_text(f"{gone} This page is closed.")
        await expect(old.locator("#say")).to_have_text(gone)
        await expect(named(old, event.title)).to_have_count(0)
        await expect(old.locator(".chart")).to_have_count(0)
        await expect(named(new, event.title)).to_be_visible()
        await expect(new.locator("#say")).to_have_text(f"New urgent alert: {event.title}, patient {content.HEART}")
        await expect(both.locator("#alerts li", has_text=content.HEART)).to_contain_text(LUNGS)
        assert await old.evaluate(f"fetch('/api/patients/{content.HEART}').then((answer) => answer.status)") == 404


@pytest.mark.browser
async def test_the_hand_over_lets_go_too(morning: Morning) -> None:
    await moved(morning, content.HEART, 1, CARDIO)
    await morning.put(*content.worklist())
    async with page() as opened:
        await morning.enter(opened, "nurse-1", role="nurse", teams=(CARDIO,))
        await opened.get_by_role("button", name="Hand-over").click()
        await opened.get_by_role("button", name="24 h").click()
        await expect(opened.locator("#report .row", has_text=content.HEART)).to_have_count(1)
        await moved(morning, content.HEART, 2, LUNGS)
        await expect(opened.locator("#report .row", has_text=content.HEART)).to_have_count(0)
        await expect(opened.get_by_role("button", name="24 h")).to_have_attribute("aria-pressed", "true")


@pytest.mark.browser
async def test_a_move_that_a_page_has_missed_is_found_out_when_the_desk_is_back(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    await topics.made(embedded_broker.address, prefix)
    kept, port, title = in_folder(tmp_path), free_port(HOST), content.heart_alert().title
    phone = {"width": 360, "height": 740}
    async with page(refusals=True, lost=True, viewport=phone, has_touch=True) as opened:
        async with desk(embedded_broker.address, prefix, kept, port=port) as url:
            morning = Morning(url, kept, embedded_broker.address, prefix)
            await moved(morning, content.HEART, 1, CARDIO)
            await morning.put(content.heart_alert())
            await morning.enter(opened, "nurse-1", role="nurse", teams=(CARDIO,))
            await named(opened, title).tap()
            await expect(opened.locator(".detail-title")).to_have_text(title)
        await moved(morning, content.HEART, 2, LUNGS)
        async with desk(embedded_broker.address, prefix, kept, port=port):
            await expect(opened.locator("#detail")).to_contain_text("This page is closed.", timeout=BACK_WITHIN_MS)
            await opened.get_by_role("button", name="‹ Worklist").tap()
            await expect(opened.get_by_text("Nothing waits for an answer.")).to_be_visible()
