"""From a reading to the nurses and back: a worker, a desk and two browsers on one log, nobody instead of another."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from streams.kafka.embedded import EmbeddedBroker
from tests.desk.browser import page
from tests.desk.databases import in_folder
from tests.desk.morning import Morning, named
from tests.desk.running import desk, link
from tests.worker.live import Deployment, deployment, until

pytestmark = pytest.mark.browser

TEAM = "cardiology-home"


@dataclass
class Round:
    """A worker with its topics, and the desk over them."""

    here: Deployment
    desk: Morning

    async def falls_ill(self, patient: str) -> str:
        """A patient whose oxygen is far too low; the title of the alert."""

        def told() -> str:
            self.here.enrol(patient, care_team=TEAM)
            self.here.read(patient, code="spo2", value=78.0, quality=0.9)
            return str(self.here.told(patient)["title"])

        return await asyncio.to_thread(told)

    async def events(self, patient: str, event: str) -> list[dict[str, Any]]:
        """What the log says of a patient's alert, once such an event is there."""

        def found() -> list[dict[str, Any]]:
            self.here.told(patient, event)
            return self.here.alerts(patient)

        return await asyncio.to_thread(found)


@pytest.fixture
async def ward_round(embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> AsyncIterator[Round]:
    with deployment(embedded_broker, prefix, tmp_path) as here:
        await asyncio.to_thread(here.start)
        kept = in_folder(tmp_path)
        async with desk(embedded_broker.address, prefix, kept) as url:
            yield Round(here, Morning(url, kept, embedded_broker.address, prefix))


async def asks(opened: Page, title: str, button: str, **fields: str) -> None:
    """Open an alert and the dialog of a button, and fill it in, up to the last press."""
    await named(opened, title).click()
    await opened.locator("#detail").get_by_role("button", name=f"{button}: ").click()
    for label, words in fields.items():
        await opened.get_by_role("dialog").get_by_label(label.replace("_", " ")).fill(words)


async def press(opened: Page, button: str) -> None:
    await opened.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()


async def test_of_two_nurses_who_acknowledge_at_once_one_has_it_and_the_other_is_told(ward_round: Round) -> None:
    async with page() as one, page() as other:
        pages = {"nurse-1": one, "nurse-2": other}
        for who, opened in pages.items():
            await ward_round.desk.enter(opened, who, role="nurse", teams=(TEAM,))
        title = await ward_round.falls_ill("p-1")
        for opened in pages.values():
            await asks(opened, title, "Acknowledge")
        await press_together(*pages.values())
        (first, second) = await winner_first(ward_round, pages)
        await expect(pages[second].locator("#told")).to_contain_text(f"{first} has it already: {title}, patient p-1")
        await expect(pages[first].locator("#told")).to_be_hidden()
        for opened in pages.values():
            await expect(named(opened, title)).to_have_count(0)
            await opened.keyboard.press("2")
            await expect(opened.locator("#alerts .owner")).to_contain_text(f"with {first}")
            await expect(opened.locator("#alerts .title")).to_have_count(1)
        await pages[second].get_by_role("button", name="Understood").click()
        await expect(pages[second].locator("#told")).to_be_hidden()


async def press_together(*pages: Page) -> None:
    """What one of them sends leaves only when all have pressed: else the page of the other may know of it before."""
    all_of_them = asyncio.Barrier(len(pages))

    async def meet(route: Route) -> None:
        await all_of_them.wait()
        await route.continue_()

    for opened in pages:
        await opened.route("**/actions", meet)
    await asyncio.gather(*(opened.locator("#act-send").click() for opened in pages))


async def winner_first(ward_round: Round, pages: dict[str, Page]) -> list[str]:
    """Who has it by the log: it took up one of two actions, and answered the other on `rejects`."""
    events = await ward_round.events("p-1", "acknowledged")
    (taken,) = [one for one in events if one["event"] == "acknowledged"]
    rejects = ward_round.here.topic("rejects")
    (refused,) = await asyncio.to_thread(until, rejects.values, "the second action on rejects")
    assert (refused["reason"], refused["key"]) == ("bad_action", "p-1")
    assert Counter(one["event"] for one in ward_round.here.alerts("p-1"))["acknowledged"] == 1
    return sorted(pages, key=lambda who: who != taken["by"])


async def test_who_still_writes_when_a_colleague_was_faster_is_told_in_the_dialog(ward_round: Round) -> None:
    async with page() as one, page() as other:
        await ward_round.desk.enter(one, "nurse-1")
        await ward_round.desk.enter(other, "nurse-2")
        title = await ward_round.falls_ill("p-2")
        for opened in (one, other):
            await asks(opened, title, "Acknowledge")
        await press(one, "Acknowledge")
        await expect(other.locator("#act-problem")).to_have_text("nurse-1 has it already. Nothing needs to be sent.")
        await expect(other.locator("#act-send")).to_be_disabled()
        await other.locator("#act-reason").press("Enter")
        await other.get_by_role("button", name="Cancel").click()
        assert ward_round.here.topic("rejects").values() == []


async def test_a_shift_by_click_assign_resolve_a_new_normal_and_the_hand_over(ward_round: Round) -> None:
    link(ward_round.desk.kept, "nurse-2")
    async with page() as opened:
        await ward_round.desk.enter(opened, "nurse-1")
        titles = {patient: await ward_round.falls_ill(patient) for patient in ("p-3", "p-4", "p-5")}
        title = titles["p-3"]
        assert set(titles.values()) == {title}
        await expect(opened.locator("#alerts .title")).to_have_count(3)

        await of(opened, "p-3", "Assign", To_whom="nurse-2")
        await expect(opened.locator("#alerts li", has_text="p-3").locator(".owner")).to_contain_text("with nurse-2")
        await of(opened, "p-4", "Resolve", Reason="Patient called, well")
        await of(opened, "p-5", "New normal", Reason="home oxygen since today")
        await expect(opened.locator("#alerts .title")).to_have_count(1)
        assert [one["reason"] for one in await ward_round.events("p-4", "resolved")][-1] == "Patient called, well"
        assert "home oxygen" in [one["reason"] for one in await ward_round.events("p-5", "resolved")][-1]

        await opened.get_by_role("button", name="Hand-over").click()
        report = opened.locator("#report")
        done = report.get_by_role("region", name="Done in this shift")
        await expect(done.locator(".row")).to_have_count(2)
        await expect(done.locator(".row", has_text="p-4")).to_contain_text("by nurse-1")
        await report.locator(".row", has_text="p-3").get_by_role("button").click()
        await expect(opened.locator(".detail-title")).to_have_text(title)
        await expect(opened.locator("#detail .history").first).to_contain_text("by nurse-1")


async def of(opened: Page, patient: str, button: str, **fields: str) -> None:
    """One action on the alert of a patient, from the list to the last press, and its effect on the log."""
    await opened.locator("#alerts li", has_text=patient).locator(".title").click()
    await expect(opened.locator("#detail .who")).to_contain_text(patient)
    await opened.locator("#detail").get_by_role("button", name=f"{button}: ").click()
    for label, words in fields.items():
        await opened.get_by_role("dialog").get_by_label(label.replace("_", " ")).fill(words)
    await press(opened, button)
    await expect(opened.get_by_role("dialog")).to_be_hidden()
    await expect(opened.locator("#alerts .pending")).to_have_count(0)
