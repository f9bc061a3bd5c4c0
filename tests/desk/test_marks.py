"""Episodes, and what people did about them, on the time line of the charts."""

import re

import pytest
from playwright.async_api import expect

from tests.channels.events import alert
from tests.desk import content
from tests.desk.browser import page
from tests.desk.morning import Morning, named
from tests.desk.pictures import keep

pytestmark = pytest.mark.browser

AMBER, RED = "[180, 83, 9]", "[179, 22, 58]"
FOOT = """async (canvas) => {
    await new Promise(requestAnimationFrame);
    const {width, height} = canvas;
    const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
    const seen = {};
    for (let i = 0; i < data.length; i += 4) {
      const colour = JSON.stringify([...data.slice(i, i + 3)].map(Number)).replaceAll(',', ', ');
      if (data[i + 3] === 255) seen[colour] = (seen[colour] ?? 0) + 1;
    }
    return seen; }"""


async def test_the_chart_shows_episodes_and_actions_where_they_were(morning: Morning) -> None:
    past = {"patient": content.HEART, "severity": "emergency", "title": "Heart rate far too high"}
    begun = {"onset_at": content.at(days=4), "evidence": content.heart_alert().evidence}
    await morning.put(
        alert("a-past", 1, decided_at=content.at(days=4), **past, **begun),
        alert("a-past", 2, event="acknowledged", state="acknowledged", by="nurse-2",
              decided_at=content.at(days=3, hours=20), **past, **begun),
        alert("a-past", 3, event="resolved", state="resolved", by="nurse-2", reason="Patient called, well",
              decided_at=content.at(days=3), **past, **begun),
        content.heart_alert(),
    )  # fmt: skip
    async with page() as opened:
        await morning.enter(opened)
        await named(opened, content.heart_alert().title).click()
        chart = opened.get_by_role("img", name="Heart rate:")
        told = re.compile(r"On the time line: 2 episodes, 2 actions\.$")
        await expect(chart).to_have_attribute("aria-label", told)
        await expect(opened.get_by_role("img", name="Skin temperature:")).not_to_have_attribute("aria-label", told)
        seen = await opened.locator(".chart canvas").first.evaluate(FOOT)
        assert seen[RED] > 200, "the emergency of four days ago, for a day"
        assert seen[AMBER] > 50, "what is urgent now"
        box = await chart.locator(".u-over").bounding_box()
        assert box is not None
        await opened.mouse.move(box["x"] + box["width"] * (1 - 3.83 / 7), box["y"] + box["height"] / 2)
        caption = opened.locator(".chart .caption").first
        await expect(caption).to_contain_text("Emergency: Heart rate far too high · Acknowledged by nurse-2")
        await keep(opened, "marks")
