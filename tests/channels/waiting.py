"""Waiting for a condition, with a bound: the only way tests here let time pass."""

import asyncio
from collections.abc import Awaitable, Callable

WITHIN_S = 60.0
PAUSE_S = 0.02


async def until(holds: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    """Return when it holds. TimeoutError when it does not within the bound."""
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(PAUSE_S)


async def until_answer(holds: Callable[[], Awaitable[bool]], within_s: float = WITHIN_S) -> None:
    """The same, for what has to be asked for."""
    async with asyncio.timeout(within_s):
        while not await holds():
            await asyncio.sleep(PAUSE_S)
