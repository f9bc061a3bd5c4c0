"""Signing in on the page, in a real browser."""

import contextlib

import pytest
from playwright.async_api import expect

from tests.desk import content
from tests.desk.browser import page
from tests.desk.morning import Morning
from tests.desk.running import PASSWORD, accounts_at, link

pytestmark = pytest.mark.browser


async def test_a_nurse_signs_in_by_password_and_a_wrong_one_is_told_in_words(morning: Morning) -> None:
    with contextlib.closing(accounts_at(morning.kept)) as accounts:
        accounts.put("Nora", "nora", "nurse", ["*"], PASSWORD, replace=False)
    async with page(refusals=True) as opened:
        await opened.goto(morning.url)
        await opened.get_by_label("Name").fill("nora")
        await opened.get_by_label("Password").fill("not the password")
        await opened.keyboard.press("Enter")
        await expect(opened.locator("#sign-in-problem")).to_contain_text("do not belong together")
        await opened.get_by_label("Password").fill(PASSWORD)
        await opened.keyboard.press("Enter")
        await expect(opened.locator("#me")).to_have_text("Nora · nurse")
        await expect(opened.get_by_text("Nothing waits for an answer.")).to_be_visible()
        await opened.get_by_role("button", name="Sign out").click()
        await expect(opened.get_by_label("Password")).to_be_visible()


async def test_a_link_pasted_into_an_open_tab_signs_that_person_in(morning: Morning) -> None:
    async with page(refusals=True) as opened:
        await opened.goto(morning.url)
        await expect(opened.get_by_label("Password")).to_be_visible()
        for who in ("nurse-1", "nurse-2"):
            await opened.evaluate("address => { location.href = address; }", link(morning.kept, who))
            await expect(opened.locator("#me")).to_have_text(f"{who} · lead")
            await expect(opened).to_have_url(f"{morning.url}/")


async def test_who_is_in_no_team_or_in_a_misspelt_one_is_not_told_of_a_calm_shift(morning: Morning) -> None:
    await morning.put(content.heart_alert())
    async with page() as opened:
        await morning.enter(opened, "nurse-new", role="nurse", teams=())
        empty = opened.locator("#empty")
        await expect(empty).to_contain_text("You are in no team yet, and see no patient.")
        await expect(empty).not_to_contain_text("Nothing waits")
    async with page() as opened:
        await morning.enter(opened, "nurse-3", role="nurse", teams=("cardiology-hom",))
        await expect(opened.locator("#empty")).to_contain_text("Of patients of cardiology-hom.")
