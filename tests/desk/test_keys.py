"""What a key does, it does to what is seen: one key and Enter acknowledge, and must never reach another patient."""

import contextlib

import pytest
from playwright.async_api import expect

from tests.channels.events import alert
from tests.desk import content
from tests.desk.browser import page
from tests.desk.morning import Morning, named
from tests.desk.running import accounts_at

pytestmark = pytest.mark.browser

OTHER = "Temperature high for this patient"


async def test_beside_a_patient_without_an_alert_no_key_reaches_the_alert_of_another(morning: Morning) -> None:
    await morning.put(content.heart_alert())
    async with page() as opened:
        await morning.enter(opened)
        await opened.get_by_role("button", name="Patients", exact=True).click()
        await opened.get_by_label("Number of the patient").fill(content.HEART)
        await opened.get_by_role("button", name=content.HEART, exact=True).click()
        await expect(opened.locator("#detail")).to_be_focused()
        await opened.keyboard.press("a")
        await expect(opened.get_by_role("dialog")).to_have_count(0)
        await opened.keyboard.press("j")
        await opened.keyboard.press("a")
        await expect(opened.locator("#act-title")).to_have_text(f"Acknowledge: {content.heart_alert().title}")


async def test_in_a_narrow_window_a_key_that_goes_on_shows_what_it_goes_to(morning: Morning) -> None:
    """As on a laptop whose page is enlarged: the list is not seen beside the alert."""
    await morning.put(content.heart_alert(), alert("a-other", patient="p-9", title=OTHER))
    async with page(viewport={"width": 800, "height": 700}) as opened:
        await morning.enter(opened)
        await named(opened, OTHER).click()
        await expect(opened.locator(".detail-title")).to_have_text(OTHER)
        await opened.keyboard.press("j")
        await expect(opened.locator(".detail-title")).to_have_text(content.heart_alert().title)
        await opened.keyboard.press("a")
        await expect(opened.locator("#act-title")).to_have_text(f"Acknowledge: {content.heart_alert().title}")


async def test_nothing_that_was_said_of_a_patient_stays_for_who_signs_in_next(morning: Morning) -> None:
    async with page(refusals=True) as opened:
        await morning.enter(opened)
        await morning.put(content.heart_alert())
        await named(opened, content.heart_alert().title).click()
        await expect(opened.locator("#say")).to_contain_text(content.HEART)
        await opened.keyboard.press("a")
        await opened.keyboard.press("Enter")
        await expect(opened.locator("#alerts .pending")).to_be_visible()
        await morning.put(content.heart_alert(2, event="acknowledged", state="acknowledged", by="nurse-2"))
        await expect(opened.locator("#told")).to_contain_text(content.HEART)
        with contextlib.closing(accounts_at(morning.kept)) as accounts:
            accounts.put("nurse-1", "nurse-1", "lead", ["*"], None, replace=True)
        await expect(opened.get_by_role("heading", name="Sign in to the desk")).to_be_visible()
        await expect(opened.locator("#told")).not_to_be_visible()
        assert content.HEART not in await opened.content()
