"""The page in quiet hours, in a real browser: it is dark, and wakes nobody for what can wait."""

import pytest
from playwright.async_api import Locator, expect

from tests.channels.events import alert
from tests.channels.waiting import until_answer
from tests.desk import content
from tests.desk.browser import page
from tests.desk.morning import Morning, named

pytestmark = pytest.mark.browser

PAINTED = """canvas => {
    const [r, g, b] = getComputedStyle(document.documentElement).getPropertyValue('--line').trim()
      .match(/[0-9a-f]{2}/gi).map((two) => parseInt(two, 16));
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let found = 0;
    for (let at = 0; at < data.length; at += 4) found += data[at] === r && data[at + 1] === g && data[at + 2] === b;
    return found;
}"""
"""How many points of a chart have the colour that its line has on the page as it is now."""


async def test_charts_take_on_the_colours_of_quiet_hours_and_of_the_day(morning: Morning) -> None:
    """A line of the day cannot be seen on the night's ground."""
    await morning.put(*content.worklist())
    async with page(color_scheme="light") as opened:
        await morning.enter(opened)
        await named(opened, content.heart_alert().title).click()
        chart = opened.locator(".chart canvas").first
        await expect(opened.locator(".chart canvas")).to_have_count(5)
        seen = [await until_painted(chart)]
        for _ in ("night", "day"):
            await opened.get_by_role("button", name="Quiet hours").click()
            seen.append(await until_painted(chart))
        assert min(seen) > 50, seen


async def until_painted(chart: Locator) -> int:
    """So many points of the line's colour, once there are any. TimeoutError if none come."""
    found = 0

    async def painted() -> bool:
        nonlocal found
        found = int(await chart.evaluate(PAINTED))
        return found > 0

    await until_answer(painted)
    return found


async def test_in_quiet_hours_the_page_is_dark_and_what_can_wait_waits(morning: Morning) -> None:
    await morning.put(*content.worklist())
    async with page() as opened:
        await morning.enter(opened)
        await expect(opened.locator("#alerts .title")).to_have_count(5)
        await opened.get_by_role("button", name="Quiet hours").click()
        await expect(opened.locator("#alerts .title")).to_have_count(3)
        await expect(opened.locator("#list-note")).to_have_text("2 that can wait are kept for the morning")
        assert await opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 23, 26)"
        await opened.keyboard.press("4")
        await expect(opened.locator("#empty")).to_have_text("Nothing on this list that cannot wait.")
        await expect(opened.locator("#list-note")).to_have_text("1 that can wait is kept for the morning")
        await opened.keyboard.press("1")
        quiet = alert("a-quiet", patient="p-1", title="Heart rate high at night", decided_at=content.at(minutes=1))
        await morning.put(quiet)
        await expect(named(opened, quiet.title)).to_be_visible()
        assert await opened.locator("#say").inner_text() == "", "what is no emergency is shown, and wakes nobody"
        await morning.put(alert("a-loud", patient="p-2", severity="emergency", title="Oxygen far too low"))
        await expect(opened.locator("#shout")).to_have_text("New emergency alert: Oxygen far too low, patient p-2")
