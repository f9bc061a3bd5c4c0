"""How a server of ours starts and stops: one place for signals, so that every process leaves cleanly and says 0.

The first SIGINT or SIGTERM asks: the event is set, and the server finishes what it holds. A second one, or
`STOP_WITHIN_S` without an end, cancels it. Kubernetes sends SIGKILL after 30 s, so we give up before that.
"""

import asyncio
import contextlib
import ctypes
import gc
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

from streams.errors import Failed
from streams.limits import KIB, MIB

log = logging.getLogger(__name__)

STOP_WITHIN_S = 25.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)

Server = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event is set, then winds up and returns."""


def run_async(main: Server, stop_within_s: float = STOP_WITHIN_S) -> None:
    """Run one server in a new event loop until a signal asks it to stop, or it ends by itself.

    Returns when it wound up in time; raises what it raised, or Failed when it had to be cut off.
    """
    asyncio.run(until_stopped(main, stop_within_s))


async def until_stopped(main: Server, stop_within_s: float = STOP_WITHIN_S) -> None:
    """The same inside a running loop: `main` gets an event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    serving = asyncio.ensure_future(main(stop))
    with _signals_to(stop, serving):
        asking = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({serving, asking}, return_when=asyncio.FIRST_COMPLETED)
            await _wound_up(serving, stop_within_s)
        finally:
            await _cancelled(asking)
            await _cancelled(serving)


async def done_before(stop: asyncio.Event, work: Coroutine[Any, Any, object]) -> bool:
    """Do some work that matters only if the server goes on: False when it is asked to stop first, and the work is cut
    off. Raises what the work raises."""
    doing, asking = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({doing, asking}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            return False
        doing.result()
        return True
    finally:
        await _cancelled(asking)
        await _cancelled(doing)


async def _wound_up(serving: "asyncio.Future[None]", within_s: float) -> None:
    done, _ = await asyncio.wait({serving}, timeout=within_s)
    if not done:
        raise Failed(f"did not stop within {within_s:g} s of being asked, and was cut off")
    if serving.cancelled():
        raise Failed("was told twice to stop, and was cut off")
    serving.result()


async def _cancelled(task: "asyncio.Future[Any]") -> None:
    task.cancel()
    await asyncio.wait({task})


@contextlib.contextmanager
def _signals_to(stop: asyncio.Event, serving: "asyncio.Future[None]") -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def asked(name: str) -> None:
        if stop.is_set():
            serving.cancel()
        else:
            log.info("%s: stopping", name)
            stop.set()

    for number in SIGNALS:
        loop.add_signal_handler(number, asked, number.name)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


BULK_THRESHOLDS = (200_000, 20, 100)
"""Objects made (net of freed) before Python looks for cycles. Its default of 700 looks through hundreds of thousands of
records that hold none, again and again: half of the processor time of a fetch. Cycles are still found, later."""


@contextlib.contextmanager
def bulk_collector() -> Iterator[None]:
    """While many records are in memory: look for garbage cycles less often, and never in what is there already. Where
    somebody around us has set that aside, it stays so: to do it again would be another look through all of it."""
    before, set_aside = gc.get_threshold(), gc.get_freeze_count() > 0
    if not set_aside:
        gc.collect()
        gc.freeze()
    gc.set_threshold(*BULK_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if not set_aside:
            gc.unfreeze()


PATIENTS_MANY = 1000
"""From so many on, what their recovery needed is worth a quarter of a second to give back."""


def give_back_memory(patients: int) -> None:
    """Give back to the system what a recovery needed: the allocator keeps it otherwise, half as much again as the state
    of that many patients. Where the C library has no such call (it is glibc's), only the garbage is collected."""
    if patients < PATIENTS_MANY:
        return
    gc.collect()
    trim_heap()


def trim_heap() -> None:
    """Give back to the system what lies free in the heap, also between blocks that are used."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


MMAP_THRESHOLD, TRIM_THRESHOLD = (-3, 128 * KIB), (-1, 16 * MIB)
"""Parameters of glibc's `mallopt` (numbers of malloc.h) and their values in bytes: its own defaults for blocks that are
given back whole, which it raises to 32 MiB by itself as such blocks are freed; and how much stays free at the end."""


def steady_heap() -> None:
    """Let large blocks go back to the system whenever they are freed.

    A checkpoint packs tens of MiB in blocks of some hundred KiB. Among small ones that live longer they leave holes: at
    37,000 readings a second the heap grew from 119 to 143 MiB in six minutes, and lay at 68 with this, the throughput
    being the same (0.53 and 0.49 of the plain fetch against 0.53 and 0.47).
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        for number, value in (MMAP_THRESHOLD, TRIM_THRESHOLD):
            library.mallopt(number, value)
