"""Times on the page on the nights on which clocks change: of two hours of one name it is said which is meant."""

import pytest
from playwright.async_api import expect

from tests.channels.events import alert
from tests.desk.browser import page
from tests.desk.morning import Morning

pytestmark = pytest.mark.browser

TIMES = """async (instants) => {
  const {time} = await import('/static/words.js');
  const nowS = Date.parse('2026-10-25T03:00:00Z') / 1000;
  return instants.map((one) => time(Date.parse(one) / 1000, nowS)); }"""


async def test_an_hour_that_there_is_twice_is_told_with_its_zone(morning: Morning) -> None:
    first, second = "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"
    done = {"event": "resolved", "state": "resolved", "by": "nurse-1", "reason": "well"}
    await morning.put(
        alert("a-1", onset_at=first, decided_at=first),
        alert("a-1", 2, onset_at=first, decided_at=second, **done),
        alert("a-2", onset_at=second, decided_at="2026-10-25T03:00:00Z"),
    )
    async with page() as opened:
        await morning.enter(opened)
        await expect(opened.locator("#alerts .when")).to_contain_text("Since 01:30 GMT")
        await opened.get_by_role("button", name="Hand-over").click()
        ended = opened.get_by_role("region", name="Done in this shift")
        await expect(ended).to_contain_text("since 01:30 BST")
        await expect(ended).to_contain_text("by nurse-1 at 01:30 GMT")
        other = ["2026-10-24T22:30:00Z", "2026-10-25T02:45:00Z", "2026-10-20T00:30:00Z", "2026-03-29T01:10:00Z"]
        told = await opened.evaluate(TIMES, other)
        assert told == ["23:30", "02:45", "Tue 20 Oct, 01:30", "Sun 29 Mar, 02:10 BST"]
