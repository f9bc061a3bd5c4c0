"""Chromium, headless, with everything off that speaks to other hosts: one for all tests of this process, which costs
each of them a second of a core less. Each page has a context of its own, and nothing in it of those before."""

import asyncio
import contextlib
import os
import shutil
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from playwright.async_api import Browser, Page, Playwright, async_playwright, expect

from tests.brokers import HOST, free_ports
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
WITHIN_S = 60.0
SEEN_WITHIN_MS = 30_000
"""How long what is expected of a page may take: Playwright's own five seconds are short on a busy machine."""
Result = TypeVar("Result")
expect.set_options(timeout=SEEN_WITHIN_MS)


def chromium() -> str:
    """The browser's path; skips the test when there is none."""
    found = os.environ.get(VARIABLE) or shutil.which("chromium") or shutil.which("google-chrome")
    require("browser", found, f"no Chromium: install it or name it in {VARIABLE}")
    return str(found)


class Running:
    """Chromium until `end`, in a thread with an event loop of its own: that of a test ends with the test."""

    def __init__(self, path: str) -> None:
        self._port = free_ports(1)[0]
        self.address = f"http://{HOST}:{self._port}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chromium", daemon=True)
        self._thread.start()
        self._playwright, self._browser = self._done(self._launched(path))

    @property
    def alive(self) -> bool:
        return self._browser.is_connected()

    def _done(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WITHIN_S)

    async def _launched(self, path: str) -> tuple[Playwright, Browser]:
        playwright = await async_playwright().start()
        arguments = [*ARGUMENTS, f"--remote-debugging-port={self._port}"]
        return playwright, await playwright.chromium.launch(
            executable_path=path, args=arguments, headless=True, timeout=1000 * WITHIN_S
        )

    async def _closed(self) -> None:
        await self._browser.close()
        await self._playwright.stop()

    def end(self) -> None:
        self._done(self._closed())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WITHIN_S)
        self._loop.close()


_running: list[Running] = []
_connected: WeakKeyDictionary[asyncio.AbstractEventLoop, Browser] = WeakKeyDictionary()


def running(path: str) -> Running:
    """The one of this process; another when that has crashed, as the test has shown in which it did."""
    if _running and not _running[0].alive:
        end()
    if not _running:
        _running.append(Running(path))
    return _running[0]


def end() -> None:
    """No more tests will come."""
    while _running:
        _running.pop().end()


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[Browser]:
    """A connection to the browser of this process, for the test that goes on. A second page of it shares the
    connection: two would each look after the pages of the other as well."""
    loop = asyncio.get_running_loop()
    if loop in _connected:
        yield _connected[loop]
        return
    address = (await asyncio.to_thread(running, chromium())).address
    async with async_playwright() as playwright:
        _connected[loop] = await playwright.chromium.connect_over_cdp(address, timeout=1000 * WITHIN_S)
        try:
            yield _connected[loop]
        finally:
            await _connected.pop(loop).close()


REFUSED = tuple(f"the server responded with a status of {status}" for status in (401, 404, 409, 422))
AWAY = ("net::ERR_CONNECTION_REFUSED", "net::ERR_INCOMPLETE_CHUNKED_ENCODING", "net::ERR_CONNECTION_RESET")


@contextlib.asynccontextmanager
async def page(refusals: bool = False, lost: bool = False, **options: Any) -> AsyncIterator[Page]:
    """A page whose errors and refused contents fail the test. refusals: the desk will refuse something, as is right;
    lost: it will not answer for a while."""
    expected = [*(REFUSED if refusals else ()), *(AWAY if lost else ())]
    settings = {
        "viewport": {"width": 1440, "height": 900},
        "timezone_id": "Europe/London",
        "locale": "en-GB",
        **options,
    }
    async with connected() as browser:
        opened = await browser.new_page(**settings)
        problems: list[str] = []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        try:
            yield opened
            assert [one for one in problems if not any(words in one for words in expected)] == []
        finally:
            await opened.close()
