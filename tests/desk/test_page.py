"""The page in a real browser, over a real desk and broker: what a nurse sees, hears and does."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.async_api import expect

from alerts.desk.worklist import standing, urgency
from tests.channels import topics
from tests.channels.events import alert
from tests.channels.waiting import until
from tests.desk import content
from tests.desk.browser import page
from tests.desk.morning import BANNER, Morning, named
from tests.desk.pictures import keep
from tests.desk.running import link

pytestmark = pytest.mark.browser

HOSTILE = '"><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>{{7*7}}\u202e'
ROOT = "document.documentElement"
PICTURE = Path(__file__).parents[2] / "deploy" / "desk.png"
SUMMARY = re.compile(r"Heart rate: \d+ windows, \d+ outside .*, 24 not known, 2 stretches without knowledge\. Newest ")


async def test_an_alert_appears_by_itself_and_is_acknowledged_by_keyboard(morning: Morning) -> None:
    async with page() as opened, topics.watched(morning.bootstrap, f"{morning.prefix}actions") as actions:
        await morning.enter(opened)
        await expect(opened.get_by_text("Nothing waits for an answer.")).to_be_visible()
        await expect(opened.locator("#link")).to_have_text("Live")
        event = content.heart_alert()
        await morning.put(event)
        await expect(named(opened, event.title)).to_be_visible()
        await expect(opened.locator("#say")).to_have_text(f"New urgent alert: {event.title}, patient p-0417")
        await expect(opened).to_have_title("(1) homebeat desk")
        for key in ("j", "a"):
            await opened.keyboard.press(key)
        await expect(opened.get_by_role("dialog")).to_be_visible()
        await opened.keyboard.type("calling now")
        await opened.keyboard.press("Enter")
        await until(lambda: len(actions) == 1)
        assert {name: actions[0][name] for name in ("alert_id", "patient", "type", "by", "reason")} == {
            "alert_id": event.alert_id,
            "patient": "p-0417",
            "type": "acknowledge",
            "by": "nurse-1",
            "reason": "calling now",
        }
        await expect(opened.locator("#alerts").get_by_text("waiting for the log")).to_be_visible()
        await morning.put(content.heart_alert(2, event="acknowledged", state="acknowledged", by="nurse-1"))
        await expect(named(opened, event.title)).to_have_count(0)
        await opened.keyboard.press("2")
        await expect(named(opened, event.title)).to_be_visible()
        await expect(opened.locator("#alerts .state")).to_have_text("Acknowledged by nurse-1")


async def test_resolving_needs_a_reason(morning: Morning) -> None:
    await morning.put(content.heart_alert())
    async with page() as opened, topics.watched(morning.bootstrap, f"{morning.prefix}actions") as actions:
        await morning.enter(opened)
        await named(opened, content.heart_alert().title).click()
        await opened.keyboard.press("r")
        await opened.keyboard.press("Enter")
        await expect(opened.locator("#act-problem")).to_contain_text("Please say why")
        assert actions == []
        await opened.get_by_role("button", name="Patient called, well", exact=True).click()
        await opened.keyboard.press("Enter")
        await until(lambda: len(actions) == 1)
        assert (actions[0]["type"], actions[0]["reason"]) == ("resolve", "Patient called, well")


async def test_the_chart_is_drawn_and_does_not_make_the_unknown_look_normal(morning: Morning) -> None:
    await morning.put(content.heart_alert())
    async with page() as opened:
        await morning.enter(opened)
        await named(opened, content.heart_alert().title).click()
        canvas = opened.locator(".chart canvas").first
        await expect(canvas).to_be_visible()
        colours = await canvas.evaluate(
            """async (canvas) => {
                 await new Promise(requestAnimationFrame);
                 const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
                 const seen = new Set();
                 for (let i = 0; i < data.length; i += 4) if (data[i + 3]) seen.add(data.slice(i, i + 4).join());
                 return seen.size; }"""
        )
        assert colours > 20
        plot = opened.get_by_role("img", name="Heart rate:")
        await expect(plot).to_have_attribute("aria-label", SUMMARY)
        spans = await opened.evaluate(
            """async () => {
                 const {unknownSpans} = await import('/static/chart.js');
                 const window = (startS, state) => ({startS, endS: startS + 10, state});
                 const windows = [window(0, 'normal'), window(10, 'unknown'), window(20, 'withheld'),
                                  window(30, 'deviating'), null, window(100, 'normal')];
                 return unknownSpans(windows, 25, 0, 200); }"""
        )
        assert spans == [[10, 30], [40, 100], [110, 200]]
        spans = await opened.evaluate(
            """async () => {
                 const {unknownSpans} = await import('/static/chart.js');
                 const window = (startS, state, n) => ({startS, endS: startS + 10, state, n});
                 const windows = [window(0, 'normal', 5), window(30, 'unknown', 0), window(60, 'normal', 5),
                                  window(80, 'withheld', 0)];
                 return unknownSpans(windows, 1000, 0, 200); }"""
        )
        assert spans == [[30, 60], [80, 200]], "after a window without readings nothing is known until the next"


async def test_each_vital_is_shown_in_words_with_its_age_and_the_unknown_never_as_normal(morning: Morning) -> None:
    silent = content.silence_alert()
    withheld = content.empty("skin_temperature", "withheld", minutes=5)
    await topics.put(
        morning.bootstrap, f"{morning.prefix}vitals", [content.empty("spo2", "unknown", minutes=5), withheld]
    )
    await morning.put(silent)
    async with page() as opened:
        await morning.enter(opened)
        await named(opened, silent.title).click()
        shown = opened.get_by_role("region", name="How each vital stands").get_by_role("listitem")
        await expect(shown.filter(has_text="Skin temperature")).to_have_text("Skin temperatureWithheld by the patient")
        await expect(shown.filter(has_text="Oxygen saturation")).to_contain_text("Not known")
        await expect(shown.filter(has_text="Oxygen saturation")).to_contain_text(re.compile(r"last \d+ %, 15 min ago"))
        await expect(shown.filter(has_text="Heart rate")).to_contain_text("Outside own band")
        await expect(shown.filter(has_text="Weight")).to_contain_text("Normal for this patient")
        normal = await shown.filter(has_text="Weight").evaluate("one => getComputedStyle(one).borderTopStyle")
        for vital in ("Oxygen saturation", "Skin temperature"):
            style = await shown.filter(has_text=vital).evaluate("one => getComputedStyle(one).borderTopStyle")
            assert style != normal
        await expect(opened.locator(".explanation")).to_contain_text("worn and charged")
        await expect(opened.locator(".chart canvas").first).to_be_visible()


NO_BAND: dict[str, Any] = {"expected": None, "low": None, "high": None, "score": None}


@pytest.mark.parametrize(
    ("title", "measured", "row", "shown"),
    [
        ("Level of consciousness: New confusion or worse", ("consciousness", 2.0, "1"), "Consciousness",
         "Responds to voice"),
        ("Oxygen saturation below 80 %", ("spo2", 79.6, "%"), "Oxygen saturation", "79.6 %"),
    ],
    ids=["a level by its name", "a value just beyond a limit not on its other side"],
)  # fmt: skip
async def test_what_was_measured_is_shown_as(
    morning: Morning, title: str, measured: tuple[str, float, str], row: str, shown: str
) -> None:
    vital, value, unit = measured
    found = replace(content.heart_alert().evidence[0], vital=vital, value=value, unit=unit, **NO_BAND)
    await morning.put(alert("an-alert", 1, title=title, evidence=[found]))
    async with page() as opened:
        await morning.enter(opened)
        await expect(opened.locator("#alerts .reading .value")).to_have_text(shown.removesuffix(" %"))
        await named(opened, title).click()
        await expect(opened.get_by_role("row", name=row)).to_contain_text(shown)


async def test_hostile_text_is_shown_as_text(morning: Morning) -> None:
    hostile = alert(
        "a-1",
        patient='p-<b>&"x/../y',
        care_team=HOSTILE,
        title=HOSTILE,
        explanation=HOSTILE,
        evidence=[content.evidence(HOSTILE, 1.0, HOSTILE, 1.0, 0.0, 2.0, modifiers=[HOSTILE])],
        reason=HOSTILE,
        by=HOSTILE,
    )
    async with page() as opened:
        await morning.enter(opened)
        await expect(opened.locator("#link")).to_have_text("Live")
        await morning.put(hostile)
        title = opened.locator("#alerts .title")
        await expect(title).to_have_text(HOSTILE)
        await title.click()
        await expect(opened.locator(".detail-title")).to_have_text(HOSTILE)
        for where in ("History", "Episodes"):
            await expect(opened.get_by_role("region", name=where).locator(".said").first).to_contain_text(HOSTILE)
        await opened.keyboard.press("r")
        await expect(opened.locator("#act-title")).to_contain_text(HOSTILE)
        assert await opened.evaluate("window.pwned") is None
        assert await opened.locator("body img").count() == 0
        assert await opened.locator("body script").count() == 0


async def test_the_page_and_the_desk_agree_on_the_order(morning: Morning) -> None:
    await morning.put(*content.worklist())
    ids = {one.alert_id for one in content.worklist()}
    all_of_them = [standing(one for one in content.worklist() if one.alert_id == name) for name in ids]
    waiting = [one for one in all_of_them if one.view == "open"]
    async with page() as opened:
        await morning.enter(opened)
        await expect(opened.locator("#alerts .title")).to_have_text(
            [one.latest.title for one in sorted(waiting, key=urgency)]
        )
        await expect(opened.locator("#alerts .due.late")).to_have_count(1)


async def test_severity_is_never_told_by_colour_alone(morning: Morning) -> None:
    await morning.put(*content.worklist(), alert("a-info", severity="info"))
    async with page() as opened:
        await morning.enter(opened)
        tags = opened.locator("#alerts .severity")
        await expect(tags).to_have_count(6)
        told = set()
        for tag in await tags.all():
            shape = await tag.locator("svg > *").first.evaluate("(shape) => shape.tagName + shape.getAttribute('d')")
            told.add((await tag.inner_text(), shape))
        assert {word for word, _ in told} == {"Emergency", "Urgent", "Advisory", "Info"}
        assert len({shape for _, shape in told}) == 4


async def test_a_phone_shows_one_thing_at_a_time_and_nothing_is_cut_off(morning: Morning) -> None:
    await morning.put(*content.worklist())
    async with page(viewport={"width": 360, "height": 740}, has_touch=True) as opened:
        await morning.enter(opened)
        title = named(opened, content.heart_alert().title)
        await title.tap()
        await expect(opened.locator(".chart canvas").first).to_be_visible()
        await expect(title).not_to_be_visible()
        await opened.wait_for_function(f"{ROOT}.scrollWidth === {ROOT}.clientWidth")
        await opened.get_by_role("button", name="‹ Worklist").tap()
        await expect(title).to_be_visible()


async def test_nothing_is_asked_of_another_host(morning: Morning) -> None:
    await morning.put(*content.worklist())
    async with page() as opened:
        asked: list[str] = []
        opened.on("request", lambda request: asked.append(request.url))
        await morning.enter(opened)
        await named(opened, content.heart_alert().title).click()
        await expect(opened.locator(".chart canvas").first).to_be_visible()
        assert [url for url in asked if not url.startswith(f"{morning.url}/")] == []


async def test_the_banner_and_the_time_of_the_log_are_said(morning: Morning) -> None:
    await morning.put(*content.worklist())
    async with page() as opened:
        await morning.enter(opened)
        await expect(opened.get_by_text(BANNER)).to_be_visible()
        await expect(opened.locator("#log-time")).to_have_text("Mon, 19 Jan 2026, 08:03 GMT")


@pytest.mark.parametrize(
    ("button", "fields", "wanted"),
    [
        ("Snooze", {"Reason": "treatment begun"}, {"type": "snooze", "reason": "treatment begun"}),
        ("New normal", {"Reason": "new drug"}, {"type": "new_normal", "reason": "new drug"}),
        ("Assign", {"To whom": "nurse-2"}, {"type": "assign", "to": "nurse-2"}),
    ],
)
async def test_what_a_nurse_may_do_stands_on_a_button(
    morning: Morning, button: str, fields: dict[str, str], wanted: dict[str, str]
) -> None:
    await morning.put(content.heart_alert())
    link(morning.kept, "nurse-2")
    async with page() as opened, topics.watched(morning.bootstrap, f"{morning.prefix}actions") as actions:
        await morning.enter(opened)
        await named(opened, content.heart_alert().title).click()
        await opened.locator("#detail").get_by_role("button", name=f"{button}: ").click()
        for label, text in fields.items():
            await opened.get_by_role("dialog").get_by_label(label).fill(text)
        await opened.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()
        await until(lambda: len(actions) == 1)
        assert {name: actions[0][name] for name in wanted} == wanted
        assert (actions[0]["until"] is not None) == (button == "Snooze")


async def test_a_mistyped_colleague_is_said_in_the_dialog_which_stays_for_another_try(morning: Morning) -> None:
    await morning.put(content.heart_alert())
    link(morning.kept, "nurse-2")
    async with page(refusals=True) as opened, topics.watched(morning.bootstrap, f"{morning.prefix}actions") as actions:
        await morning.enter(opened)
        await named(opened, content.heart_alert().title).click()
        await opened.locator("#detail").get_by_role("button", name="Assign: ").click()
        dialog = opened.get_by_role("dialog")
        for whom in ("nusre-2", "nurse-2"):
            await dialog.get_by_label("To whom").fill(whom)
            await dialog.get_by_role("button", name="Assign", exact=True).click()
            if whom == "nusre-2":
                await expect(dialog.get_by_role("alert")).to_contain_text("can be assigned to nurse-2")
        await until(lambda: len(actions) == 1)
        assert actions[0]["to"] == "nurse-2"


async def test_the_next_shift_sees_what_is_open_snoozed_in_hand_and_done(morning: Morning) -> None:
    await morning.put(*content.worklist())
    rests: dict[str, Any] = {"event": "snoozed", "state": "snoozed", "by": "nurse-3", "until": "2026-01-19T11:30:00Z"}
    opened_at: dict[str, Any] = {"patient": "p-2300", "decided_at": content.at(minutes=30)}
    await morning.put(alert("a-rests", **opened_at), alert("a-rests", 2, reason="Patient asleep", **opened_at, **rests))
    async with page() as opened:
        await morning.enter(opened)
        await opened.get_by_role("button", name="Hand-over").click()
        report = opened.locator("#report")
        waiting = report.get_by_role("region", name="Open: waits for an answer").locator(".title")
        await expect(waiting).to_have_count(5)
        await expect(report.get_by_role("region", name="In hand")).to_contain_text("nurse-2")
        snoozed = report.get_by_role("region", name="Snoozed").locator(".row")
        await expect(snoozed).to_contain_text("until 11:30, by nurse-3: Patient asleep")
        await expect(report.get_by_role("region", name="Done in this shift")).to_contain_text("Patient called, well")
        await waiting.first.click()
        await expect(opened.locator(".detail-title")).to_have_text("Oxygen saturation below 86 %")


async def test_two_nurses_see_what_the_other_has_taken_on(morning: Morning) -> None:
    await morning.put(content.heart_alert())
    async with page() as one, page() as other:
        await morning.enter(one)
        await morning.enter(other, "nurse-2")
        for opened in (one, other):
            await expect(named(opened, content.heart_alert().title)).to_be_visible()
        await morning.put(content.heart_alert(2, event="acknowledged", state="acknowledged", by="nurse-2"))
        for opened in (one, other):
            await expect(named(opened, content.heart_alert().title)).to_have_count(0)
        await one.keyboard.press("2")
        await expect(one.locator("#alerts .owner")).to_contain_text("with nurse-2")


async def test_a_lead_sees_what_alerts_cost(morning: Morning) -> None:
    await morning.put(*content.worklist())
    async with page() as opened:
        await morning.enter(opened)
        await opened.get_by_role("button", name="Alert burden").click()
        await expect(opened.locator(".tile")).to_have_count(4)
        await expect(opened.get_by_role("region", name="By severity").first).to_contain_text("Emergency")


async def test_the_picture_of_the_readme_is_of_the_real_page(morning: Morning) -> None:
    await morning.put(*content.worklist())
    async with page(viewport={"width": 1440, "height": 960}) as opened:
        await morning.enter(opened)
        await named(opened, content.heart_alert().title).click()
        await expect(opened.locator(".chart canvas")).to_have_count(5)
        await opened.evaluate("document.fonts.ready")
        await opened.mouse.move(1439, 959)
        drawn = await keep(opened, "readme")
    assert drawn.stat().st_size > 50_000
    if os.environ.get("HOMEBEAT_TEST_PICTURE") == "1":  # draws the one of the README anew
        shutil.copy(drawn, PICTURE)
