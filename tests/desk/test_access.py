"""Everybody can use the page: no finding of axe that is serious or critical, in any place, scheme and width."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from alerts import links
from streams.kafka.embedded import EmbeddedBroker
from tests.channels import topics
from tests.desk import content
from tests.desk.browser import page
from tests.desk.databases import in_folder
from tests.desk.morning import Morning, named
from tests.desk.pictures import keep
from tests.desk.running import desk

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "vendor" / "axe" / "axe.min.js").read_text()
KEY = links.key_of(b"a deployment of the tests")
GRAVE = ("serious", "critical")
RUN = """async () => {
    for (const one of document.getAnimations()) one.finish();
    const {violations} = await axe.run(document, {resultTypes: ['violations']});
    return violations.map(({id, impact, help, nodes}) =>
      ({id, impact, help, where: nodes.map((one) => `${one.target.join(' ')}: ${one.failureSummary}`)}));
}"""
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 360, "height": 740}


async def findings(opened: Page) -> list[dict[str, Any]]:
    """What axe finds on the page as it is now, of the kinds that shut somebody out."""
    await opened.evaluate(AXE)
    return [one for one in await opened.evaluate(RUN) if one["impact"] in GRAVE]


async def places(morning: Morning, opened: Page) -> AsyncIterator[str]:
    """Go through every place of the page, and say where we are."""
    await opened.goto(morning.url)
    await expect(opened.get_by_label("Password")).to_be_visible()
    yield "door"
    await morning.enter(opened)
    await expect(opened.locator("#alerts .title")).to_have_count(5)
    yield "worklist"
    await named(opened, content.heart_alert().title).click()
    await expect(opened.locator(".chart canvas")).to_have_count(5)
    yield "patient"
    for button in ("Acknowledge", "Snooze", "Assign", "Resolve"):
        await opened.locator("#detail").get_by_role("button", name=f"{button}: ").click()
        await expect(opened.get_by_role("dialog")).to_be_visible()
        yield f"dialog: {button}"
        await opened.get_by_role("button", name="Cancel").click()
    await opened.keyboard.press("Escape")
    for button, heading in (("Patients", "Patients"), ("Hand-over", "Hand-over"), ("Alert burden", "Alert burden")):
        await opened.get_by_role("button", name=button, exact=True).click()
        await expect(opened.locator("#report h2")).to_have_text(heading)
        yield button
    await opened.get_by_role("button", name="Worklist", exact=True).click()
    await opened.get_by_role("button", name="Quiet hours").click()
    await expect(opened.locator("#alerts .title")).to_have_count(3)
    yield "quiet hours"
    await opened.keyboard.press("4")
    await expect(opened.locator("#empty")).to_be_visible()
    yield "an empty list"


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nobody_is_shut_out(morning: Morning, scheme: str, viewport: dict[str, int]) -> None:
    await morning.put(*content.worklist())
    found = {}
    async with page(
        refusals=True, viewport=viewport, color_scheme=scheme, reduced_motion="reduce", has_touch=viewport is PHONE
    ) as opened:
        async for place in places(morning, opened):
            if grave := await findings(opened):
                found[place] = grave
            await keep(opened, place, scheme, viewport["width"])
    assert found == {}


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nobody_is_shut_out_of_the_answer_to_a_message(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path, scheme: str, viewport: dict[str, int]
) -> None:
    await topics.made(embedded_broker.address, prefix)
    kept = in_folder(tmp_path)
    async with (
        desk(embedded_broker.address, prefix, kept, link_key=KEY) as url,
        page(viewport=viewport, color_scheme=scheme) as opened,
    ):
        await opened.goto(f"{url}/a/{links.issue(KEY, 'a-1', 'p-1', 'ann', time.time(), team=None)}")
        await expect(opened.get_by_role("heading", name="Acknowledge an alert")).to_be_visible()
        found = {"before": await findings(opened)}
        await opened.keyboard.press("Tab")
        await opened.keyboard.press("Enter")
        await expect(opened.get_by_role("status")).to_contain_text("Recorded")
        found["after"] = await findings(opened)
        await keep(opened, "answer", scheme, viewport["width"])
        assert found == {"before": [], "after": []}


async def test_a_field_without_a_name_would_be_found(morning: Morning) -> None:
    async with page(refusals=True) as opened:
        await opened.goto(morning.url)
        await expect(opened.get_by_label("Password")).to_be_visible()
        await opened.evaluate("document.querySelector('label[for=sign-in-password]').remove()")
        assert [one["id"] for one in await findings(opened)] == ["label"]
