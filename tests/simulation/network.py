"""What lies between processes and the broker: requests that take time, get lost, or whose answers get lost."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tests.simulation.loop import WORLD, Process, VirtualLoop

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Weather:
    """How the network behaves in one schedule. Times in s; chances 0..1 of one request.

    slow_s: some requests take up to that long, and may arrive after what was sent later by others.
    """

    latency_s: float = 0.01
    slow: float = 0.02
    slow_s: float = 5.0
    request_lost: float = 0.01
    answer_lost: float = 0.01
    timeout_s: float = 2.0


CALM = Weather(slow=0.0, request_lost=0.0, answer_lost=0.0)


class Unanswered(Exception):
    """The request timed out. Whether the broker did what was asked is not known."""


class Network:
    """Carries requests. `cut_until` of a process: nothing passes between it and the broker before that time."""

    def __init__(self, loop: VirtualLoop, rng: random.Random, weather: Weather) -> None:
        self._loop, self._rng = loop, rng
        self.weather = weather
        self._cut_until: dict[str, float] = {}

    def cut(self, process: Process, seconds: float) -> None:
        self._cut_until[process.name] = self._loop.time() + seconds

    async def reached(self, process: Process) -> None:
        """Wait until the network is there."""
        while (seconds := self._cut_until.get(process.name, 0.0) - self._loop.time()) > 0:
            await asyncio.sleep(seconds)

    async def request(self, process: Process, act: Callable[[], Answer]) -> Answer:
        """Have the broker do something. Raises Unanswered, and what `act` raises.

        It is done in the world: a request that has left a process arrives even if the process dies meanwhile.
        """
        answer: asyncio.Future[Answer] = self._loop.create_future()
        if not self._lost(self.weather.request_lost):
            heard = not self._lost(self.weather.answer_lost)
            self._loop.call_later(
                self._way(process), self._arrived, process, act, answer if heard else None, context=WORLD
            )
        try:
            async with asyncio.timeout(self.weather.timeout_s):
                return await answer
        except TimeoutError:
            raise Unanswered from None

    def _arrived(self, process: Process, act: Callable[[], Answer], heard: "asyncio.Future[Answer] | None") -> None:
        """The broker does it; its answer, or its refusal, goes back."""
        done: asyncio.Future[Answer] = self._loop.create_future()
        try:
            done.set_result(act())
        except Exception as refused:  # noqa: BLE001 - the broker's refusal is the answer
            done.set_exception(refused)
            done.exception()
        if heard is not None:
            self._loop.call_later(self._way(process), _tell, heard, done, context=WORLD)

    def _lost(self, chance: float) -> bool:
        return chance > 0 and self._rng.random() < chance

    def _way(self, process: Process) -> float:
        """How long one way takes; at least until the end of a cut."""
        if self._lost(self.weather.slow):
            way = self._rng.uniform(0, self.weather.slow_s)
        else:
            way = self._rng.uniform(0.1, 2.0) * self.weather.latency_s
        return max(way, self._cut_until.get(process.name, 0.0) - self._loop.time() + way)


def _tell(heard: "asyncio.Future[Answer]", done: "asyncio.Future[Answer]") -> None:
    """Pass the broker's answer on, if anybody still waits for it."""
    if heard.done():
        return
    refused = done.exception()
    if refused is not None:
        heard.set_exception(refused)
    else:
        heard.set_result(done.result())
