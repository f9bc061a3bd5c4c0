"""Whether the desk's databases take what is written: tried again and again, before a nurse has to find out.

One that only reads (a disk that is full, a PostgreSQL after a fail-over, a file that somebody else has locked) still
answers every question about what was, and would go on looking well while alerts that come are not on the page.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from sqlalchemy import Connection, Table, delete, insert
from sqlalchemy.exc import SQLAlchemyError

from alerts.desk.config import DeskError
from alerts.desk.database import cause

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
LOOK_WITHIN_S = 15.0
"""Longer than a writer waits for its turn in either database, so that the database's own words are what is said."""
Write = Callable[[], None]
"""Writes something (blocking, run in a thread). Raises what the database raises."""


def beat(connection: Connection, table: Table) -> None:
    """Write what was not there before. There is no key: two desks that share the table are not in each other's way."""
    connection.execute(delete(table))
    connection.execute(insert(table).values(at_s=time.time()))


class Keeping:
    """As of the last look. writes: what is tried, by the words for it."""

    def __init__(self, writes: Mapping[str, Write]) -> None:
        self._writes = writes
        self._wrong: dict[str, str] = {}

    @property
    def why_not(self) -> str:
        """A sentence; empty when everything is kept."""
        return "; ".join(f"{what} takes nothing ({why})" for what, why in self._wrong.items())

    @property
    def up(self) -> dict[str, bool]:
        """For Prometheus, by the words for it."""
        return {what: what not in self._wrong for what in self._writes}

    async def run(self) -> None:
        """Until cancelled. Each by itself: the one that hangs must not hide what the other says."""
        await asyncio.gather(*(self._follow(what, write) for what, write in self._writes.items()))

    async def _follow(self, what: str, write: Write) -> None:
        while True:
            trying = asyncio.create_task(asyncio.to_thread(_tried, write))
            done, _ = await asyncio.wait({trying}, timeout=LOOK_WITHIN_S)
            self._note(what, trying.result() if done else f"no answer within {LOOK_WITHIN_S:g} s")
            self._note(what, await trying)  # never two at once: they would only pile up
            await asyncio.sleep(LOOK_EVERY_S)

    def _note(self, what: str, why: str) -> None:
        """Said once in the log when it changes."""
        before = self._wrong.pop(what, "")
        if why:
            self._wrong[what] = why
        if why and not before:
            log.error(
                "%s TAKES NOTHING (%s): what comes is not shown until it does; going on by itself then", what, why
            )
        elif before and not why:
            log.warning("%s takes what is written again", what)


def _tried(write: Write) -> str:
    """What is wrong, empty if nothing."""
    try:
        write()
    except (SQLAlchemyError, DeskError) as error:
        return cause(error)
    return ""
