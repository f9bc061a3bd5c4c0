"""The loop that schedules run on: time jumps, processes die and stand still at any await, a seed decides the rest."""

import asyncio
import random
from typing import Any

import pytest

from tests.simulation.loop import Process, Stuck, VirtualLoop


def loop_of(seed: int = 0) -> VirtualLoop:
    return VirtualLoop(random.Random(seed))  # type: ignore[abstract]


def test_a_year_passes_at_once() -> None:
    loop = loop_of()
    loop.run_until_complete(asyncio.sleep(365 * 86_400))
    assert loop.time() == 365 * 86_400


def test_a_process_that_is_killed_cleans_nothing_up() -> None:
    loop, victim, done = loop_of(), Process("victim"), []

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            done.append("cleaned up")

    async def story() -> None:
        loop.spawn(victim, work())
        await asyncio.sleep(5)
        loop.kill(victim)
        await asyncio.sleep(10)

    loop.run_until_complete(story())
    assert done == []
    loop.close()


def test_what_a_killed_process_started_dies_with_it() -> None:
    loop, victim, done = loop_of(), Process("victim"), []

    async def child() -> None:
        await asyncio.sleep(10)
        done.append("child")

    async def parent() -> None:
        asyncio.get_running_loop().call_later(10, done.append, "timer")
        await asyncio.gather(child(), asyncio.create_task(child()))

    async def story() -> None:
        loop.spawn(victim, parent())
        await asyncio.sleep(5)
        loop.kill(victim)
        await asyncio.sleep(10)

    loop.run_until_complete(story())
    assert done == []


def test_a_process_that_was_paused_finds_its_timers_overdue_when_it_wakes_up() -> None:
    loop, sleeper = loop_of(), Process("sleeper")
    seen: list[float] = []

    async def work() -> None:
        for _ in range(3):
            await asyncio.sleep(2)
            seen.append(loop.time())

    async def story() -> None:
        loop.spawn(sleeper, work())
        await asyncio.sleep(3)
        loop.pause(sleeper)
        await asyncio.sleep(7)
        loop.resume(sleeper)
        await asyncio.sleep(10)

    loop.run_until_complete(story())
    assert seen == [2, 10, 12]


def order(seed: int) -> list[str]:
    """Who came when: two processes, each with three tasks started in order."""
    loop, came = loop_of(seed), []

    async def note(name: str) -> None:
        came.append(name)

    async def story() -> None:
        for process in (Process("a"), Process("b")):
            for n in range(3):
                loop.spawn(process, note(f"{process.name}{n}"))
        await asyncio.sleep(1)

    loop.run_until_complete(story())
    return came


def test_processes_mix_by_the_seed_and_each_keeps_its_own_order() -> None:
    seen = {tuple(order(seed)) for seed in range(30)}
    assert len(seen) > 5
    for came in seen:
        assert [name for name in came if name[0] == "a"] == ["a0", "a1", "a2"]
    assert order(7) == order(7)


def test_waiting_for_what_never_comes_is_an_error_and_not_a_hang() -> None:
    loop = loop_of()

    async def story() -> Any:
        await asyncio.Event().wait()

    with pytest.raises(Stuck):
        loop.run_until_complete(story())
