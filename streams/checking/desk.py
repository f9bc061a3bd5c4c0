"""What `homebeat check` finds of the databases that the desk stands on. Nothing is made or changed there."""

import os
from collections.abc import Iterator
from pathlib import Path

from streams.checking.result import Check
from streams.configuration.settings import PREFIX, Settings


def databases(settings: Settings) -> Iterator[Check]:
    """Those of the desk that it could not use from here. Blocks."""
    for name, url in {"desk_database_url": settings.desk_database, "desk_accounts_url": settings.desk_accounts}.items():
        if name == "desk_accounts_url" and url == settings.desk_database:
            continue
        given = getattr(settings, name) is not None
        variable = PREFIX + (name if given else "data_folder").upper()
        wrong = _unwritable(url, variable) if url.startswith("sqlite") else _unanswered(url, variable)
        if wrong is not None:
            called = "desk" if name == "desk_database_url" else "desk accounts"
            yield Check(called, "bad" if given else "warn", wrong, f"until then no desk starts here: mend {variable}")


def _unwritable(url: str, what: str) -> str | None:
    from alerts.desk.database import address

    file = Path(address(url, what).database or "").absolute()
    there = next(place for place in (file, *file.parents) if place.exists())
    fits = there.is_file() if there == file else there.is_dir()
    return None if fits and os.access(there, os.W_OK) else f"{file} cannot be written"


def _unanswered(url: str, what: str) -> str | None:
    from alerts.desk.config import DeskError
    from alerts.desk.glance import ask

    try:
        ask(url, what)
    except DeskError as wrong:
        return str(wrong)
    return None
