"""An asyncio event loop in virtual time, and processes on it that can be paused and killed at any await.

Time stands still while anything can run, and then jumps to the next timer. Which of the processes runs first is a
seeded choice. A process is whatever runs with its name in the context: to kill it is never to run any of that again
(no `finally`, no `except CancelledError`: as SIGKILL), to pause it is to keep it for later (as SIGSTOP).
"""

import asyncio
import contextlib
import heapq
import random
from asyncio import Handle, TimerHandle
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import Any


class Process:
    """A process of the simulated world. Its own things are found by `PROCESS` in the context of a callback."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.paused = False
        self.held: list[Handle] = []


PROCESS: ContextVar[Process | None] = ContextVar("PROCESS", default=None)
WORLD = Context()
"""The context of what no process can take with it: the broker, the network, the devices."""


class Stuck(Exception):
    """Nothing is ready, no timer runs, and what we wait for has not come."""


class VirtualLoop(asyncio.AbstractEventLoop):
    """Runs callbacks in virtual time. `broken`: exceptions that no task caught."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._now = 0.0
        self._ready: deque[Handle] = deque()
        self._timers: list[tuple[float, int, Handle]] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._count = 0
        self._closed = False
        self.broken: list[dict[str, Any]] = []

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Handle:  # type: ignore[override]
        handle = Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        handle = TimerHandle(when, callback, args, self, context)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, handle))
        return handle

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Context | None = None
    ) -> "asyncio.Task[Any]":
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.append(task)
        return task

    def spawn(self, process: Process | None, coro: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Start a task of a process; None: of the world."""
        context = WORLD.copy()
        context.run(PROCESS.set, process)
        return self.create_task(coro, context=context)

    def pause(self, process: Process) -> None:
        process.paused = True

    def resume(self, process: Process) -> None:
        process.paused = False
        self._ready.extend(process.held)
        process.held = []

    def kill(self, process: Process) -> None:
        process.dead = True
        process.held = []

    def run_until_complete(self, coro: Coroutine[Any, Any, Any]) -> Any:  # type: ignore[override]
        asyncio._set_running_loop(self)
        try:
            task = self.spawn(None, coro)
            while not task.done():
                self._turn()
            return task.result()
        finally:
            asyncio._set_running_loop(None)

    def _turn(self) -> None:
        """Everything that is ready now, in a seeded order; or, if nothing is, on to the next timer."""
        if not self._ready:
            if not self._timers:
                raise Stuck(f"nothing can ever happen again, at {self._now:.3f} s")
            self._now = max(self._now, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._now:
            self._ready.append(heapq.heappop(self._timers)[2])
        turn = self._shuffled()
        for handle in turn:
            if not handle.cancelled():
                self._run(handle)

    def _shuffled(self) -> list[Handle]:
        """What is ready now. Processes run side by side: their callbacks mix in a seeded order; within one process
        asyncio's promise is kept, first come first served."""
        turn = list(self._ready)
        self._ready.clear()
        owners = [handle._context.get(PROCESS) for handle in turn]  # type: ignore[attr-defined]
        if len(turn) < 2 or owners.count(owners[0]) == len(owners):
            return turn
        queues: dict[Process | None, deque[Handle]] = {}
        for owner, handle in zip(owners, turn, strict=True):
            queues.setdefault(owner, deque()).append(handle)
        self._rng.shuffle(owners)
        return [queues[owner].popleft() for owner in owners]

    def _run(self, handle: Handle) -> None:
        process = handle._context.get(PROCESS)  # type: ignore[attr-defined]
        if process is not None and process.dead:
            return
        if process is not None and process.paused:
            process.held.append(handle)
            return
        handle._run()

    def close(self) -> None:
        """End what never ended (killed processes), now and not when memory is collected."""
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with contextlib.suppress(RuntimeError):  # an await in a `finally`: there is nothing to wait for
                    task.get_coro().close()
            elif not task.cancelled():
                task.exception()  # seen: who had to know was told at the time
        self._tasks, self._timers, self._closed = [], [], True
        self._ready.clear()

    def is_running(self) -> bool:
        return not self._closed

    def is_closed(self) -> bool:
        return self._closed

    def get_debug(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.broken.append(context)

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """asyncio tells every loop; a cancelled timer is passed over when its time comes."""
