"""Chromium, headless, with everything off that speaks to other hosts."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

from playwright.async_api import Page, async_playwright

from tests.requirements import require

VARIABLE = "HOMEBEAT_TEST_CHROMIUM"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str:
    """The browser's path; skips the test when there is none."""
    found = os.environ.get(VARIABLE) or shutil.which("chromium") or shutil.which("google-chrome")
    require("browser", found, f"no Chromium: install it or name it in {VARIABLE}")
    return str(found)


REFUSED = tuple(f"the server responded with a status of {status}" for status in (401, 404, 409))
AWAY = ("net::ERR_CONNECTION_REFUSED", "net::ERR_INCOMPLETE_CHUNKED_ENCODING", "net::ERR_CONNECTION_RESET")


@contextlib.asynccontextmanager
async def page(refusals: bool = False, lost: bool = False, **options: Any) -> AsyncIterator[Page]:
    """A page whose errors and refused contents fail the test. refusals: the desk will refuse something, as is right;
    lost: it will not answer for a while."""
    path = chromium()
    expected = [*(REFUSED if refusals else ()), *(AWAY if lost else ())]
    settings = {
        "viewport": {"width": 1440, "height": 900},
        "timezone_id": "Europe/London",
        "locale": "en-GB",
        **options,
    }
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS, headless=True)
        opened = await browser.new_page(**settings)
        problems: list[str] = []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        try:
            yield opened
            assert [one for one in problems if not any(words in one for words in expected)] == []
        finally:
            await browser.close()
