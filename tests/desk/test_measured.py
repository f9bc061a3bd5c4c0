"""The chart of an alert shows what the alert is about: a reading alarms before its window is over."""

import re
from typing import Any

import pytest
from playwright.async_api import expect

from alerts.events import AlertEvent
from tests.channels.events import alert
from tests.desk import content
from tests.desk.browser import page
from tests.desk.morning import Morning, named

pytestmark = pytest.mark.browser

TITLE = "Oxygen saturation below 80 %"
AT = content.at(minutes=1)
REACH = """async (evidence) => {
  const {VitalChart} = await import('/static/chart.js');
  const view = {sinceS: 0, untilS: 4e9, nowS: 4e9, onsetS: null, evidence};
  return new VitalChart({vital: 'spo2', unit: '%', gap_s: null, windows: []}, view, 100).reach(); }"""

CAPTION = """async (means) => {
  const {VitalChart} = await import('/static/chart.js');
  const view = {sinceS: 0, untilS: 1e4, nowS: 1e4, onsetS: null, evidence: []};
  const known = {low: 90, high: 98, expected: 94, state: 'normal'};
  const none = {low: null, high: null, expected: null, state: 'unknown'};
  const windows = means.map((mean, n) => ({
    start: new Date(9e5 * n).toISOString(), period_s: 900, mean, ...(mean === null ? none : known),
  }));
  return new VitalChart({vital: 'spo2', unit: '%', gap_s: null, windows}, view, 100).caption.textContent; }"""


def emergency(patient: str) -> AlertEvent:
    found = content.evidence("spo2", 71.0, "%", 95.0, 93.0, 97.0, at=AT)
    fields: dict[str, Any] = {"onset_at": AT, "event_at": AT, "decided_at": content.at(), "severity": "emergency"}
    return alert("a-low", patient=patient, title=TITLE, problem="spo2.low", evidence=[found], **fields)


@pytest.mark.parametrize(
    ("patient", "caption"),
    [
        (content.HEART, r"In the alert: 71 % at 08:04 · newest window: 07:45 · .* · own band .*"),
        ("p-new", r"In the alert: 71 % at 08:04 · no window is over yet"),
    ],
    ids=["whose newest window is a calm one", "of whom there is no window"],
)
async def test_what_alarms_is_said_before_its_window_is_over(morning: Morning, patient: str, caption: str) -> None:
    await morning.put(emergency(patient))
    async with page() as opened:
        await morning.enter(opened)
        await named(opened, TITLE).click()
        chart = opened.locator(".chart").first
        await expect(chart.locator(".caption")).to_have_text(re.compile(caption))
        plot = opened.get_by_role("img", name="Oxygen saturation:")
        await expect(plot).to_have_attribute("aria-label", re.compile(r"In the alert: 71 % at 08:04\."))
        if patient == content.HEART:
            stands = opened.get_by_role("region", name="How each vital stands").get_by_role("listitem")
            mine = stands.filter(has_text="Oxygen saturation")
            await expect(mine).to_have_text(
                re.compile(r"^Oxygen saturationIn the alert: 71 %, 1 min agolast 9\d %, 5 min ago$")
            )
        evidence = [{"vital": "spo2", "value": 71, "at": AT}, {"vital": "heart_rate", "value": 30, "at": AT}]
        reach = await opened.evaluate(REACH, evidence)
        assert 60 < reach["min"] < 71 < reach["max"] < 80, "it is within sight, and of this vital only"


@pytest.mark.parametrize(
    ("means", "words"),
    [
        ([95, 94, None, None], r"Last measured: \d\d:15 · 94\.0 % · not known now"),
        ([None, None], "Nothing was measured in this time"),
        ([95, 94], r"Newest: \d\d:15 · 94\.0 % · own band 90\.0–98\.0 · within own band"),
    ],
    ids=["nothing since", "nothing at all", "now"],
)
async def test_what_was_measured_last_is_said_where_nothing_is_known_now(
    morning: Morning, means: list[float | None], words: str
) -> None:
    async with page() as opened:
        await morning.enter(opened)
        assert re.fullmatch(words, await opened.evaluate(CAPTION, means))
