"""The admins' page in a real browser: somebody is invited, comes in by the link, and is kept out again."""

import contextlib
import re
import time
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from alerts.desk import live
from alerts.desk.audit import Audit
from alerts.desk.members import Member
from alerts.desk.staff import Staff
from tests.desk import content
from tests.desk.browser import page
from tests.desk.morning import Morning
from tests.desk.pictures import keep
from tests.desk.running import PASSWORD, accounts_at
from tests.desk.test_access import PHONE, WIDE, findings

pytestmark = pytest.mark.browser

HOSTILE = '"><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>{{7*7}}'
BOSS = "mara.koch"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages hear of what is told to them, and of nothing by the next beat."""
    monkeypatch.setattr(live, "BEAT_S", 3600.0)


def crowd(morning: Morning) -> None:
    """A ward's accounts, as they are after a while."""
    rows: list[tuple[str, str, Any, list[str], str | None]] = [
        ("Mara Koch", BOSS, "admin", [], PASSWORD),
        ("Ann Lee", "ann.lee", "lead", ["cardiology-home"], PASSWORD),
        ("Björn Åkesson", "bjorn", "nurse", ["cardiology-home", "respiratory-home"], PASSWORD),
        ("Chioma Okafor", "c.okafor", "nurse", ["oncology-home"], None),
        ("Dr. Émile van der Berg-Castellanos", "emile", "viewer", ["*"], PASSWORD),
        ("Faruk Demir", "f.demir", "nurse", [], None),
        ("Gwen Price", "gwen", "nurse", ["respiratory-home"], PASSWORD),
    ]
    with contextlib.closing(accounts_at(morning.kept)) as accounts:
        for name, who, role, teams, password in rows:
            accounts.put(name, who, role, teams, password, replace=False)
        now_s = time.time()
        for who, hours in (("ann.lee", 0.05), ("bjorn", 2.2), ("emile", 30.0), ("gwen", 900.0)):
            accounts.begin(who, now_s - 3600 * hours)
        boss = Member(BOSS, "Mara", "admin", frozenset())
        Staff(accounts, Audit(accounts.engine)).disable(boss, "gwen", now_s - 3600 * 340)


async def as_admin(morning: Morning, opened: Page) -> None:
    """The first admin of a desk, on the page of people."""
    await morning.enter(opened, BOSS, role="admin")
    await opened.get_by_role("button", name="People", exact=True).click()
    await expect(opened.locator("#report h2")).to_have_text("People")


def row(opened: Page, name: str) -> Locator:
    return opened.locator(".person").filter(has_text=name)


async def invite(opened: Page, name: str, who: str, role: str, *teams: str) -> str:
    """Invite somebody; the link that is shown."""
    await opened.get_by_role("button", name="Invite somebody").click()
    asked = opened.get_by_role("dialog")
    await asked.get_by_role("textbox", name="Name", exact=True).fill(name)
    await asked.get_by_label("Sign-in name").fill(who)
    await asked.get_by_role("radio", name=role).check()
    for team in teams:
        await asked.get_by_label("Another team (optional)").fill(team)
    await asked.get_by_role("button", name="Invite").click()
    await expect(asked.get_by_role("heading")).to_have_text(f"Hand this link to {name}")
    return await asked.get_by_label("Sign-in link").input_value()


async def test_somebody_is_invited_comes_in_by_the_link_and_is_kept_out_again(morning: Morning, at_once: None) -> None:
    await morning.put(*content.worklist())
    async with page() as admin, page(refusals=True) as ann:
        await as_admin(morning, admin)
        link = await invite(admin, "Ann Lee", "ann.lee", "Nurse", "oncology-home")
        await admin.get_by_role("button", name="Done").click()
        await expect(admin.locator("#say")).to_have_text("Ann Lee is invited.")
        await expect(admin.get_by_role("button", name="Invite somebody")).to_be_focused()
        assert link not in await admin.content(), "it is shown once"
        await expect(row(admin, "ann.lee")).to_contain_text("Has never signed in")

        await ann.goto(link)
        await expect(ann.locator("#me")).to_have_text("Ann Lee · nurse")
        await expect(ann.locator("#alerts .title")).to_have_count(1)
        await expect(ann.get_by_role("button", name="People", exact=True)).to_be_hidden()
        await admin.get_by_role("button", name="People", exact=True).click()
        await expect(row(admin, "ann.lee")).to_contain_text("Here now")

        await admin.get_by_role("button", name="Disable: Ann Lee").click()
        await admin.get_by_role("dialog").get_by_role("button", name="Disable").click()
        await expect(ann.locator("#sign-in-problem")).to_have_text("Please sign in again.")
        assert "p-0952" not in await ann.content(), "nobody is signed in, nothing is left"
        await expect(admin.get_by_role("region", name="Disabled")).to_contain_text("Ann Lee")
        await expect(admin.get_by_role("button", name="Enable: Ann Lee")).to_be_focused()
        await ann.goto("about:blank")
        await ann.goto(link)
        await expect(ann.locator("#sign-in-problem")).to_contain_text("used already")

        await admin.keyboard.press("Enter")
        await admin.get_by_role("dialog").get_by_role("button", name="Enable").click()
        await admin.get_by_role("button", name="New link: Ann Lee").click()
        await admin.get_by_role("button", name="Make the link").click()
        await ann.goto(await admin.get_by_label("Sign-in link").input_value())
        await expect(ann.locator("#me")).to_have_text("Ann Lee · nurse")


async def test_a_change_is_on_the_open_page_of_whom_it_is_about_at_once(morning: Morning, at_once: None) -> None:
    await morning.put(*content.worklist())
    async with page() as admin, page() as ann:
        await as_admin(morning, admin)
        await morning.enter(ann, "ann.lee", role="nurse", teams=("oncology-home",))
        await expect(ann.locator("#alerts .title")).to_have_count(1)
        await admin.get_by_role("button", name="People", exact=True).click()
        await admin.get_by_role("button", name="Change: ann.lee").click()
        asked = admin.get_by_role("dialog")
        await asked.get_by_role("textbox", name="Name", exact=True).fill("Ann Lee-Park")
        await asked.get_by_role("radio", name="Lead").check()
        await asked.get_by_role("checkbox", name="Every team").check()
        await admin.keyboard.press("Enter")
        await expect(row(admin, "Ann Lee-Park")).to_contain_text("every team")
        await expect(ann.locator("#me")).to_have_text("Ann Lee-Park · lead")
        await expect(ann.locator("#alerts .title")).to_have_count(5)
        await expect(ann.get_by_role("button", name="Alert burden")).to_be_visible()


async def test_an_admin_cannot_disable_or_demote_themself(morning: Morning) -> None:
    async with page() as admin:
        await as_admin(morning, admin)
        await expect(row(admin, BOSS)).to_contain_text("You")
        await expect(admin.get_by_role("button", name=f"Disable: {BOSS}")).to_have_count(0)
        await admin.get_by_role("button", name=f"Change: {BOSS}").click()
        for role in await admin.get_by_role("dialog").get_by_role("radio").all():
            await expect(role).to_be_disabled()
        await admin.get_by_role("textbox", name="Name", exact=True).fill("Mara Koch")
        await admin.keyboard.press("Enter")
        await expect(admin.locator("#me")).to_have_text("Mara Koch · admin")
        await admin.get_by_role("button", name="Sign out elsewhere: Mara Koch").click()
        await admin.get_by_role("dialog").get_by_role("button", name="Sign out").click()
        await expect(admin.locator("#say")).to_have_text("Mara Koch is signed out.")
        await expect(admin.locator("#report h2")).to_have_text("People")


async def test_by_keyboard_alone_and_a_refusal_is_said(morning: Morning) -> None:
    async with page(refusals=True) as admin:
        await as_admin(morning, admin)
        for key in ("Tab", "Enter"):
            await admin.keyboard.press(key)
        await expect(admin.get_by_role("textbox", name="Name", exact=True)).to_be_focused()
        await admin.keyboard.press("Enter")
        await expect(admin.locator("#person-problem")).to_have_text("What is their name?")
        await admin.keyboard.type("Nora")
        await admin.keyboard.press("Tab")
        await admin.keyboard.type("two words")
        await admin.keyboard.press("Enter")
        await expect(admin.locator("#person-problem")).to_contain_text("without spaces")
        await admin.keyboard.press("ControlOrMeta+a")
        await admin.keyboard.type(BOSS)
        await admin.keyboard.press("Enter")
        await expect(admin.locator("#person-problem")).to_have_text("This sign-in name is taken already.")
        await admin.get_by_label("Sign-in name").fill("nora")
        await admin.keyboard.press("Tab")
        for key in ("ArrowRight", "Enter"):
            await admin.keyboard.press(key)
        await expect(admin.get_by_label("Sign-in link")).to_be_focused()
        await admin.keyboard.press("Escape")
        await expect(row(admin, "nora")).to_contain_text("Lead")


async def test_everybody_chooses_their_password_behind_their_name(morning: Morning) -> None:
    async with page(refusals=True) as opened:
        await morning.enter(opened, "nora", role="nurse")
        await opened.locator("#me").click()
        await expect(opened.get_by_label("Password until now")).to_be_focused()
        await opened.get_by_label("New password").fill("too short")
        await opened.keyboard.press("Enter")
        await expect(opened.locator("#person-problem")).to_contain_text("12 characters or more")
        await opened.get_by_label("New password").fill(PASSWORD)
        assert await findings(opened) == []
        assert await opened.get_by_role("dialog").evaluate("one => one.scrollWidth - one.clientWidth") == 0
        await keep(opened, "password")
        await opened.keyboard.press("Enter")
        await expect(opened.locator("#say")).to_have_text("Your password is set.")
        await opened.get_by_role("button", name="Sign out").click()
        await opened.get_by_label("Name").fill("nora")
        await opened.get_by_label("Password").fill(PASSWORD)
        await opened.keyboard.press("Enter")
        await expect(opened.locator("#me")).to_have_text("nora · nurse")


async def test_script_in_the_fields_of_an_account_is_text(morning: Morning) -> None:
    async with page() as admin, page() as other:
        await as_admin(morning, admin)
        link = await invite(admin, HOSTILE, "<b>&/x'", "Nurse", HOSTILE)
        await admin.get_by_role("button", name="Done").click()
        shown = row(admin, "<b>&/x'")
        await expect(shown.locator("strong")).to_have_text(HOSTILE)
        await expect(shown.locator(".teams")).to_have_text(HOSTILE)
        await other.goto(link)
        await expect(other.locator("#me")).to_have_text(f"{HOSTILE} · nurse")
        await shown.get_by_role("button", name=re.compile("^Change: ")).click()
        await expect(admin.locator("#person-title")).to_contain_text(HOSTILE)
        await expect(admin.get_by_role("checkbox", name=HOSTILE)).to_be_checked()
        await admin.keyboard.press("Escape")
        await shown.get_by_role("button", name=re.compile("^Disable: ")).click()
        await admin.get_by_role("dialog").get_by_role("button", name="Disable").click()
        await expect(other.locator("#sign-in-problem")).to_have_text("Please sign in again.")
        for opened in (admin, other):
            assert await opened.evaluate("window.pwned") is None
            assert await opened.locator("body img, body script").count() == 0


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nobody_is_shut_out_of_the_page_of_people(
    morning: Morning, scheme: str, viewport: dict[str, int]
) -> None:
    crowd(morning)
    await morning.put(*content.worklist())
    found: dict[str, Any] = {}

    async def look(opened: Page, place: str) -> None:
        if grave := await findings(opened):
            found[place] = grave
        await keep(opened, "people", place, scheme, viewport["width"])

    async with page(viewport=viewport, color_scheme=scheme, reduced_motion="reduce") as admin:
        await as_admin(morning, admin)
        await expect(admin.locator(".person")).to_have_count(7)
        await look(admin, "list")
        assert await admin.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, "nothing is cut off"
        await admin.get_by_role("button", name="Change: Björn Åkesson").click()
        await look(admin, "change")
        await admin.keyboard.press("Escape")
        await admin.get_by_role("button", name="Disable: Faruk Demir").click()
        await look(admin, "disable")
        await admin.keyboard.press("Escape")
        await admin.get_by_role("button", name="New link: Chioma Okafor").click()
        await admin.get_by_role("button", name="Make the link").click()
        await expect(admin.get_by_label("Sign-in link")).to_be_focused()
        await look(admin, "link")
    assert found == {}
