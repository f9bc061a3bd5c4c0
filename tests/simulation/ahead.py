"""Schedules that run beside the other tests, in a process that gives way to them.

The suite waits for brokers and browsers half of its time, and needs one processor itself: a thousand schedules, ten
minutes of two processors, cost next to nothing on the others. Whoever measures time closes the gate meanwhile.
"""

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.synchronize import Event

OTHERS_FIRST = 19
Check = Callable[[int], list[str]]
_gate: list[Event] = []


class Ahead:
    """One process that runs `check` on seeds, in their order, until somebody wants them."""

    def __init__(self, check: Check, seeds: Iterable[int]) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._open = spawn.Event()
        self._open.set()
        self._pool = ProcessPoolExecutor(1, spawn, initializer=_give_way, initargs=(self._open,))
        self._found = {seed: self._pool.submit(_when_open, check, seed) for seed in seeds}

    def take(self, seed: int) -> "Future[list[str]] | None":
        """What comes of a seed that was begun; None for one that was not: it is the caller's from now on."""
        found = self._found.get(seed)
        return None if found is None or found.cancel() else found

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """For the block, no further schedule is begun."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def close(self) -> None:
        """Nothing more is wanted."""
        self._open.set()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _give_way(gate: Event) -> None:
    os.nice(OTHERS_FIRST)
    _gate.append(gate)


def _when_open(check: Check, seed: int) -> list[str]:
    _gate[0].wait()
    return check(seed)
