"""Whether a message was sent, and why not, is seen on the desk: what is put off or held back is put off in sight."""

import re
from typing import Any

import pytest
from playwright.async_api import expect

from alerts.events import AlertEvent, Answer
from tests.desk import content
from tests.desk.browser import page
from tests.desk.morning import Morning, named
from tests.desk.pictures import keep

pytestmark = pytest.mark.browser

SHARE = "4 advisories of this patient were told within a day: the message waits until {}"
ASKED = "cardiology-home, rung 1 of 3, to be answered by {}"
RECORDED = "2026-01-05T13:00:00Z"
"""As the policy writes it, which programs read too."""
SAID = re.compile(r"Mon,? 5 Jan 2026,? \d\d:00 \S+")


def advisory(sequence: int, **changed: Any) -> AlertEvent:
    return content.heart_alert(sequence, alert_id="a-later", severity="advisory", title="Heart rate high", **changed)


async def test_a_message_that_waits_for_its_turn_is_seen_waiting_and_each_step_says_who_was_told(
    morning: Morning,
) -> None:
    waits = [Answer(stage, "deferred", SHARE.format(RECORDED)) for stage in ("budget", "notify")]
    asked = [Answer("route", "team", ASKED.format(RECORDED)), Answer("notify", "told", "first")]
    by_hand = [Answer("notify", "quiet", "done by the team, which sees it on the desk")]
    async with page() as opened:
        await morning.enter(opened)
        await morning.put(advisory(1, until=content.at(hours=-2), policy=waits))
        await named(opened, "Heart rate high").click()
        await expect(opened.locator("#alerts .alert", has_text="No message before")).to_have_count(1)
        steps = opened.get_by_role("region", name="History").locator("li")
        await expect(steps).to_have_text([re.compile("No message: " + SHARE.format(SAID.pattern))])
        await keep(opened, "message-waits")
        await morning.put(advisory(2, notify="first", policy=asked))
        await expect(steps.first).to_have_text(re.compile("Message to " + ASKED.format(SAID.pattern)))
        await expect(opened.locator("#alerts .alert", has_text="No message before")).to_have_count(0)
        await morning.put(advisory(3, event="acknowledged", state="acknowledged", by="nurse-1", policy=by_hand))
        await expect(steps.first).to_contain_text("nurse-1")
        await expect(steps.first).not_to_contain_text("essage")
        urgent = {"by": "nurse-1", "notify": "taken", "policy": [Answer("notify", "told", "taken")]}
        await morning.put(advisory(4, event="acknowledged", state="acknowledged", **urgent))
        await expect(steps.first).to_contain_text("Message to those who were asked")
