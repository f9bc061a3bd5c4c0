"""A desk on a made-up morning, over a real broker, and how somebody enters it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page, expect

from tests.channels import topics
from tests.desk import content
from tests.desk.databases import Databases
from tests.desk.running import desk, link

BANNER = "Software under validation, not for clinical use. The patients on this page are made up"


@dataclass
class Morning:
    """A desk with its topics; `put` publishes alerts as the worker would."""

    url: str
    kept: Databases
    bootstrap: str
    prefix: str

    async def enter(self, opened: Page, who: str = "nurse-1", **changed: Any) -> None:
        """Sign somebody in by a one-time link."""
        await opened.goto(self.url + link(self.kept, who, **changed))
        await expect(opened.locator("#link")).to_have_text("Live")

    async def put(self, *events: Any) -> None:
        await topics.put(self.bootstrap, f"{self.prefix}alerts", events)


@asynccontextmanager
async def morning_at(bootstrap: str, prefix: str, kept: Databases, **changed: Any) -> AsyncIterator[Morning]:
    """A desk over topics of its own; changed: of its configuration."""
    await topics.made(bootstrap, prefix)
    await topics.put(bootstrap, f"{prefix}vitals", content.vitals())
    async with desk(bootstrap, prefix, kept, **changed) as url:
        yield Morning(url, kept, bootstrap, prefix)


def named(opened: Page, title: str) -> Any:
    return opened.locator("#alerts").get_by_role("button", name=title, exact=True)
