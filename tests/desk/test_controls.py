"""What narrows the worklist, and what acts on several of its alerts at once, in a real browser."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.channels import topics
from tests.channels.events import alert
from tests.channels.waiting import until
from tests.desk import content
from tests.desk.browser import page
from tests.desk.morning import Morning, named

pytestmark = pytest.mark.browser

MINE = {"patient": "p-2500", "severity": "urgent", "title": "Glucose low for this patient"}
ALL = {"p-2203", "p-1180", "p-0417", "p-2500", "p-0952", "p-3340"}


def assigned() -> list[Any]:
    """An open alert that was assigned to the first nurse."""
    given = {"event": "assigned", "by": "nurse-2", "reason": "to nurse-1"}
    return [
        alert("a-mine", 1, decided_at=content.at(minutes=30), **MINE),
        alert("a-mine", 2, decided_at=content.at(minutes=25), **given, **MINE),
    ]


async def shown(opened: Page, patients: set[str]) -> None:
    """The list comes to hold these patients and no others."""
    await expect(opened.locator("#alerts .patient")).to_have_count(len(patients))
    assert set(await opened.locator("#alerts .patient").all_inner_texts()) == patients


async def test_each_filter_shows_what_matches_and_nothing_else(morning: Morning) -> None:
    await morning.put(*content.worklist(), *assigned())
    async with page() as opened:
        await morning.enter(opened)
        await shown(opened, ALL)
        for label, option, left in (
            ("Severity", "Advisory", {"p-0952", "p-3340"}),
            ("Team", "oncology-home", {"p-0952"}),
            ("Owner", "Mine", {"p-2500"}),
            ("Owner", "Nobody's", ALL - {"p-2500"}),
        ):
            await opened.get_by_label(label, exact=True).select_option(option)
            await shown(opened, left)
            await opened.get_by_role("button", name="Clear filters").click()
            await shown(opened, ALL)
        await opened.get_by_label("Overdue").check()
        await shown(opened, {"p-1180"})
        await opened.get_by_label("Overdue").uncheck()
        await opened.locator("#worklist").focus()
        await opened.keyboard.press("/")
        await opened.keyboard.type("p-0")
        await shown(opened, {"p-0417", "p-0952"})
        await expect(opened.locator("#list-note")).to_have_text("4 more are hidden by the filters")


async def test_filters_are_kept_in_the_address_and_hold_for_news(morning: Morning) -> None:
    await morning.put(*content.worklist())
    async with page() as opened:
        await morning.enter(opened)
        await opened.get_by_label("Severity", exact=True).select_option("Emergency")
        await opened.get_by_label("Patient, as the number begins").fill("p-22")
        await expect(opened).to_have_url(f"{morning.url}/?severity=emergency&patient=p-22")
        await opened.reload()
        await shown(opened, {"p-2203"})
        await morning.put(*(alert(f"a-{name}", severity="emergency", patient=name) for name in ("p-2299", "p-7")))
        await shown(opened, {"p-2203", "p-2299"})
        await opened.get_by_label("Patient, as the number begins").fill("nobody")
        await expect(opened.locator("#empty")).to_have_text("Nothing on this list matches the filters.")
        await expect(opened.locator("#list-note")).to_have_text("7 more are hidden by the filters")


async def test_a_filter_that_does_not_exist_hides_nothing(morning: Morning) -> None:
    await morning.put(*content.worklist())
    async with page() as opened:
        await morning.enter(opened)
        await opened.goto(f"{morning.url}/?severity=grave&whose=yours&overdue=maybe")
        await shown(opened, ALL - {"p-2500"})
        await expect(opened.get_by_label("Severity", exact=True)).to_have_value("")


async def test_advisories_are_acknowledged_together_for_one_reason(morning: Morning) -> None:
    await morning.put(*content.worklist())
    async with page() as opened, topics.watched(morning.bootstrap, f"{morning.prefix}actions") as actions:
        await morning.enter(opened)
        await shown(opened, ALL - {"p-2500"})
        boxes = opened.locator("#alerts").get_by_role("checkbox")
        await expect(boxes).to_have_count(2)
        await expect(opened.locator("#alerts .urgent, #alerts .emergency").get_by_role("checkbox")).to_have_count(0)
        for box in await boxes.all():
            await box.focus()
            await opened.keyboard.press("Space")
        await opened.get_by_role("button", name="Acknowledge 2 together").press("Enter")
        await opened.keyboard.press("Enter")
        await expect(opened.locator("#act-problem")).to_contain_text("Please say why")
        assert actions == []
        await opened.keyboard.type("seen at the round")
        await opened.keyboard.press("Enter")
        await until(lambda: len(actions) == 2)
        told = {(one["alert_id"], one["type"], one["by"], one["reason"]) for one in actions}
        assert told == {(name, "acknowledge", "nurse-1", "seen at the round") for name in ("a-71e00b5c", "a-0c44f7d9")}
        await expect(opened.locator("#alerts .pending")).to_have_count(2)
        answer = {"event": "acknowledged", "state": "acknowledged", "severity": "advisory", "by": "nurse-1"}
        await morning.put(*(alert(one["alert_id"], 2, patient=one["patient"], **answer) for one in actions))
        await shown(opened, {"p-2203", "p-1180", "p-0417"})
        await opened.keyboard.press("2")
        await expect(opened.locator("#alerts .state", has_text="Acknowledged by nurse-1")).to_have_count(2)


async def test_what_becomes_urgent_or_is_no_longer_seen_is_not_chosen_any_more(morning: Morning) -> None:
    await morning.put(*content.worklist())
    async with page() as opened:
        await morning.enter(opened)
        await opened.get_by_role("button", name="Choose the 2 below urgent").click()
        await expect(opened.get_by_role("button", name="Acknowledge 2 together")).to_be_visible()
        worse = {"event": "escalated", "severity": "urgent", "patient": "p-0952", "title": "Resting heart rate worse"}
        await morning.put(alert("a-71e00b5c", 2, **worse))
        await expect(named(opened, "Resting heart rate worse")).to_be_visible()
        await expect(opened.get_by_role("button", name="Acknowledge 1 together")).to_be_visible()
        await opened.get_by_label("Severity", exact=True).select_option("Urgent")
        await expect(opened.locator("#bulk")).to_be_hidden()
        await opened.get_by_role("button", name="Clear filters").click()
        await expect(opened.get_by_role("button", name="Choose the 1 below urgent")).to_be_visible()


async def test_who_may_only_look_can_choose_nothing(morning: Morning) -> None:
    await morning.put(*content.worklist())
    async with page() as opened:
        await morning.enter(opened, "looker", role="viewer")
        await shown(opened, ALL - {"p-2500"})
        await expect(opened.locator("#bulk")).to_be_hidden()
        await expect(opened.locator("#alerts").get_by_role("checkbox")).to_have_count(0)


async def test_the_team_of_an_alert_is_whose_patient_it_is_now_for_the_page_as_for_the_api(morning: Morning) -> None:
    profile = b'{"patient": "p-0952", "version": 2, "care_team": "palliative-home", "consent": {"monitoring": true}}'
    await topics.put(morning.bootstrap, f"{morning.prefix}profiles", [profile])
    await morning.put(*content.worklist())
    async with page() as opened:
        await morning.enter(opened)
        await shown(opened, ALL - {"p-2500"})
        await expect(opened.locator("#alerts li", has_text="p-0952").locator(".who")).to_contain_text("palliative-home")
        offered = await opened.get_by_label("Team", exact=True).locator("option").all_inner_texts()
        assert ("palliative-home" in offered, "oncology-home" in offered) == (True, False)
        await opened.get_by_label("Team", exact=True).select_option("palliative-home")
        await shown(opened, {"p-0952"})
        await expect(opened.locator("#list-note")).to_have_text("4 more are hidden by the filters")
        await opened.reload()
        await shown(opened, {"p-0952"})


async def test_each_key_that_a_button_promises_opens_what_the_button_does(morning: Morning) -> None:
    await morning.put(content.heart_alert(), content.silence_alert())
    async with page() as opened:
        await morning.enter(opened)
        await named(opened, content.heart_alert().title).click()
        buttons = opened.locator("#detail .acts button")
        await expect(buttons).to_have_text(["Acknowledge", "Resolve", "Snooze", "Assign", "New normal"])
        for button in await buttons.all():
            await opened.keyboard.press(str(await button.get_attribute("aria-keyshortcuts")))
            await expect(opened.locator("#act-title")).to_contain_text(f"{await button.text_content()}: ")
            await opened.get_by_role("button", name="Cancel").click()
        await named(opened, content.silence_alert().title).click()
        await opened.keyboard.press("n")
        await expect(opened.get_by_role("dialog")).to_be_hidden()
