"""An action about which nobody decides is never left looking done: the page says so, and asks to look again."""

import pytest
from playwright.async_api import expect

from tests.channels.events import alert
from tests.desk import content
from tests.desk.browser import page
from tests.desk.morning import Morning, named

pytestmark = pytest.mark.browser

GIVEN_UP_MS = 21_000


async def test_what_nobody_has_decided_about_is_said_and_can_be_done_again(morning: Morning) -> None:
    """No worker runs here."""
    first = content.heart_alert()
    await morning.put(first, *(alert(f"a-{n}", severity="advisory", patient=f"p-{n}") for n in range(2)))
    async with page() as opened:
        await opened.clock.install()
        await morning.enter(opened)
        await named(opened, first.title).first.click()
        await opened.keyboard.press("a")
        await opened.keyboard.press("Enter")
        await expect(opened.locator("#alerts .pending")).to_have_count(1)
        await opened.clock.fast_forward(GIVEN_UP_MS)
        said = opened.locator("#told")
        await expect(said).to_contain_text("Not confirmed yet: ")
        await expect(said).to_contain_text("It may not be recorded: look again")
        await expect(opened.locator("#alerts .pending")).to_have_count(0)
        await opened.get_by_role("button", name="Understood").click()
        await opened.get_by_role("button", name="Choose the 2 below urgent").click()
        await opened.get_by_role("button", name="Acknowledge 2 together").click()
        await opened.keyboard.type("seen")
        await opened.keyboard.press("Enter")
        await expect(opened.locator("#alerts .pending")).to_have_count(2)
        await opened.clock.fast_forward(GIVEN_UP_MS)
        await expect(said).to_contain_text("Not confirmed yet: 2 alerts.")
