"""What is known of a patient, in a real browser: in words for a nurse, and what stands in a profile is only text."""

import json
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.channels import topics
from tests.desk import content
from tests.desk.browser import page
from tests.desk.morning import Morning, named
from tests.desk.pictures import keep
from tests.desk.test_access import findings
from tests.desk.test_page import HOSTILE

pytestmark = pytest.mark.browser

PROFILE: dict[str, Any] = {
    "patient": content.HEART,
    "version": 1,
    "birth_date": "1950-04-02",
    "sex": "female",
    "timezone": "Europe/London",
    "care_team": "cardiology-home",
    "conditions": [{"code": "heart_failure", "since": "2024-03-01"}],
    "medications": [{"code": "metoprolol", "start": "2026-01-17"}],
    "genomics": [{"gene": "CYP2D6", "phenotype": "poor_metaboliser", "confirmed": True}],
    "trajectories": [{"condition": "heart_failure", "anchor": "discharge", "date": "2026-01-12"}],
    "targets": [{"vital": "spo2", "low": 88, "high": 92, "author": "dr-4", "reason": "hypercapnia risk"}],
    "devices": [{"device": "urn:dev:watch-9", "since": "2025-12-20"}],
    "consent": {"monitoring": True, "genomics": True, "withheld_vitals": ["steps"]},
}


async def about(morning: Morning, opened: Page, **changed: Any) -> Locator:
    """The part of the page on which the patient of the morning's urgent alert is described."""
    await topics.put(morning.bootstrap, f"{morning.prefix}profiles", [json.dumps(PROFILE | changed).encode()])
    await morning.put(*content.worklist())
    await morning.enter(opened)
    await named(opened, content.heart_alert().title).click()
    await expect(opened.locator(".chart canvas")).to_have_count(5)
    shown = opened.get_by_role("region", name="About the patient")
    await expect(shown).to_be_visible()
    return shown


def line(shown: Locator, what: str) -> Locator:
    """The words behind one of the terms."""
    return shown.locator("dt", has_text=what).locator("xpath=following-sibling::dd[1]")


async def test_profile_phase_modifiers_and_what_is_watched_stand_in_words(morning: Morning) -> None:
    async with page(viewport={"width": 1440, "height": 1400}) as opened:
        shown = await about(morning, opened)
        for what, words in (
            ("Age", "75 years"),
            ("Conditions", "heart failure"),
            ("Medication", "metoprolol"),
            ("Genetics", "CYP2D6 poor metaboliser"),
            ("Targets set", "Oxygen saturation 88 to 92 % (dr-4)"),
            ("Devices", "urn:dev:watch-9"),
        ):
            await expect(line(shown, what)).to_have_text(words)
        await expect(line(shown, "Consent")).to_contain_text("monitoring, without ")
        await expect(shown.locator(".phase")).to_contain_text("discharge")
        moves = shown.get_by_text("CYP2D6 poor metaboliser (heart rate, resting heart rate)", exact=True)
        await expect(moves).to_be_visible()
        left = "one => one.getBoundingClientRect().left"
        assert await moves.evaluate(left) == await line(shown, "Age").evaluate(left), "under the others, not beside"
        await expect(line(shown, "Watched closely")).to_have_text(
            "CYP2D6 poor metaboliser on metoprolol: heart rate below 50 /min (advisory), "
            "heart rate below 45 /min (urgent), for 12 more days"
        )
        evidence = opened.get_by_role("region", name="Evidence table")
        beyond = await evidence.evaluate("one => one.scrollWidth - one.clientWidth")
        assert beyond <= 0, "its last column is not in sight"
        assert await findings(opened) == []
        await shown.scroll_into_view_if_needed()
        await keep(opened, "profile")


async def test_script_in_the_fields_of_a_profile_is_text(morning: Morning) -> None:
    code = {"system": "<script>", "code": "<img src=x>"}
    hostile = {
        "conditions": [{"code": code}, {"code": "<b>x</b>"}],
        "medications": [{"code": "<script>window.pwned=1</script>"}],
        "genomics": [{"gene": "<i>G</i>", "phenotype": "<svg/onload=window.pwned=1>", "confirmed": True}],
        "targets": [{"vital": "spo2", "low": 88, "author": "<b>dr</b>", "reason": HOSTILE[:60]}],
        "devices": [{"device": "<img/src=x/onerror=window.pwned=1>", "since": "2025-12-20"}],
    }
    async with page() as opened:
        shown = await about(morning, opened, **hostile)
        for what, words in (
            ("Conditions", "<img src=x> (not known here, without effect), <b>x</b> (not known here, without effect)"),
            ("Medication", "<script>window.pwned=1</script>"),
            ("Genetics", "<i>G</i> <svg/onload=window.pwned=1>"),
            ("Targets set", "Oxygen saturation from 88 % (<b>dr</b>)"),
            ("Devices", "<img/src=x/onerror=window.pwned=1>"),
        ):
            await expect(line(shown, what)).to_have_text(words)
        assert await opened.evaluate("window.pwned") is None
        assert (
            await opened.locator("body img, body script, .about-lines b, .about-lines i, .about-lines svg").count() == 0
        )
