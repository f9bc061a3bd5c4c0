"""Alerts in another language on the desk: shown in it, and marked so that a screen reader speaks them rightly."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.async_api import expect

from streams.kafka.embedded import EmbeddedBroker
from tests.desk import content
from tests.desk.browser import page
from tests.desk.databases import in_folder
from tests.desk.morning import Morning, morning_at, named

pytestmark = pytest.mark.browser

TITLE = "Herzfrequenz für diese Person zu hoch"
SAID = "Gemessen: 118 /min am 19. Januar 2026, 07:40 Uhr (UTC). Kein Grenzwert, der für alle gilt, ist verletzt."


@pytest.fixture
async def german(embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> AsyncIterator[Morning]:
    async with morning_at(embedded_broker.address, prefix, in_folder(tmp_path), language="de") as made:
        yield made


async def test_german_alerts_are_shown_and_marked_as_german(german: Morning) -> None:
    event = content.heart_alert()
    first = replace(event.evidence[0], modifiers=["Metoprolol: 11 /min niedriger"])
    await german.put(replace(event, title=TITLE, explanation=SAID, evidence=[first]))
    async with page(locale="de-DE") as opened:
        await german.enter(opened)
        await expect(named(opened, TITLE)).to_have_attribute("lang", "de")
        await german.put(replace(event, alert_id="a-2", title=f"{TITLE}!", explanation=SAID))
        await expect(opened.locator("#say span[lang=de]")).to_have_text(f"{TITLE}!")
        await expect(opened.locator("#alerts .why[lang=de]").first).to_have_text(SAID)
        await named(opened, TITLE).click()
        await expect(opened.locator(".detail-title[lang=de]")).to_have_text(TITLE)
        await expect(opened.locator(".explanation[lang=de]")).to_have_text(SAID)
        await expect(opened.locator("td[lang=de]")).to_have_text("Metoprolol: 11 /min niedriger")
        await expect(opened.locator("html")).to_have_attribute("lang", "en")


async def test_english_alerts_need_no_mark(morning: Morning) -> None:
    await morning.put(content.heart_alert())
    async with page() as opened:
        await morning.enter(opened)
        await named(opened, content.heart_alert().title).click()
        await expect(opened.locator(".explanation")).to_be_visible()
        await expect(opened.locator("body [lang]")).to_have_count(0)
