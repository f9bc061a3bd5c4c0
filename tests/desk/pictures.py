"""Pictures of the page that the tests leave behind, for people to look at: homebeat-data/test-pictures."""

import os
from pathlib import Path
from typing import Any

from playwright.async_api import Page

FOLDER = Path(os.environ.get("HOMEBEAT_TEST_PICTURES") or Path(__file__).parents[2] / "homebeat-data/test-pictures")


async def keep(opened: Page, *words: object, **options: Any) -> Path:
    """A picture of what is seen now, named by the words; options: of `Page.screenshot`."""
    name = "-".join(str(word).replace(": ", "-").replace(" ", "-").lower() for word in words)
    path = FOLDER / f"{name}.png"
    await opened.screenshot(path=path, animations="disabled", **options)
    return path
