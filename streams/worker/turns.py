"""Long work on the event loop, in pieces: between them heartbeats, the pages for ops and everybody else get a turn."""

import asyncio
from collections.abc import Callable, Generator
from typing import TypeVar

from streams import limits

Result = TypeVar("Result")


async def taking_turns(work: Generator[None, None, Result], goes_on: Callable[[], bool]) -> Result | None:
    """The result of the work; None when it need not go on, which is asked after each turn of the others."""
    loop = asyncio.get_running_loop()
    since = loop.time()
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result
        if loop.time() - since >= limits.HELD_S:
            await asyncio.sleep(0)
            if not goes_on():
                return None
            since = loop.time()
