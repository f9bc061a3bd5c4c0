"""Replays a readings file into Kafka in fast time: profiles first, then readings and ticks, paced evenly.

The only clock here says how fast to publish. Every record carries its simulated arrival as its Kafka time stamp, so
what is decided does not depend on the pace. A broker that drops records by age must be told to keep the simulated
months: the embedded one keeps all; on Apache Kafka the topics need `retention.ms` = -1, and as long as the simulated
time lies in the future also a larger `message.timestamp.after.max.ms`.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from aiokafka import AIOKafkaProducer

from models.times import rfc3339
from streams import control
from streams.demo import BundledData
from streams.demo.schedule import TICK_S, Arrival, arrivals, read_lines, span_us, with_ticks

MAX_IN_FLIGHT = 5_000
"""Records not yet acknowledged: bounds memory, and how much a stop has to wait for."""

LINGER_MS = 20
BATCH_BYTES = 256 * 1024
AHEAD_S = 0.02
"""Publish at most this much early [s]: to sleep before each record would cost more than to send it."""

PROGRESS_S = 0.5
STOP_S = 3.0
"""A producer that cannot flush within this after a stop (the broker is gone) is abandoned."""


@dataclass(frozen=True)
class FeedResult:
    """What has been published so far. Times are simulated arrivals (RFC 3339), None before the first reading.

    `ticks` counts instants, each of which went to every partition; `complete`: the whole file went out.
    """

    profiles: int = 0
    readings: int = 0
    ticks: int = 0
    simulated_from: str | None = None
    simulated_to: str | None = None
    complete: bool = False


async def feed(
    bootstrap: str,
    prefix: str,
    secret: bytes,
    data: BundledData,
    *,
    seconds: float,
    stop: asyncio.Event,
    ready: Awaitable[object] | None = None,
    on_progress: Callable[[FeedResult], None] | None = None,
    tick_s: int = TICK_S,
) -> FeedResult:
    """Publish the profiles, wait for `ready`, then publish readings and ticks over about `seconds` (0: at full speed).

    prefix: of the topics, with its dot; secret: signs the ticks. Returns soon after `stop` is set, with what was
    published until then. Raises aiokafka's KafkaError when the broker refuses or is away for longer than the
    producer retries, ValueError for a file that holds no readings, and whatever `ready` raises.
    """
    first_us, last_us = await asyncio.to_thread(span_us, data.readings)
    async with _producer(bootstrap) as producer:
        out = _Feed(producer, f"{prefix}readings", secret, stop, on_progress or _silent)
        await out.publish_profiles(f"{prefix}profiles", data, first_us)
        if await _ready_before_stop(ready, stop):
            pace = _Pace(first_us, seconds / max(1, last_us - first_us))
            await out.publish(with_ticks(arrivals(read_lines(data.readings)), tick_s), pace)
        return out.result


class _Pace:
    """Simulated time runs evenly from its first instant on; `scale` is seconds of real time per simulated us."""

    def __init__(self, first_us: int, scale: float) -> None:
        self._first_us, self._scale = first_us, scale
        self._clock = asyncio.get_running_loop().time
        self._started = self._clock()

    def ahead_s(self, at_us: int) -> float:
        """How long until this simulated instant is due; negative when late."""
        return self._started + (at_us - self._first_us) * self._scale - self._clock()


class _Feed:
    """The publishing of one file: what is in flight, and what has been published."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        secret: bytes,
        stop: asyncio.Event,
        on_progress: Callable[[FeedResult], None],
    ) -> None:
        self.result = FeedResult()
        self._producer, self._topic, self._secret = producer, topic, secret
        self._stop, self._on_progress = stop, on_progress
        self._in_flight: deque[asyncio.Future[Any]] = deque()
        self._told_at = 0.0

    async def publish_profiles(self, topic: str, data: BundledData, at_us: int) -> None:
        """All profiles, acknowledged by the broker; known from the start of simulated time."""
        for line in read_lines(data.profiles):
            await self._send(topic, json.loads(line)["patient"].encode(), line, at_us)
            self.result = replace(self.result, profiles=self.result.profiles + 1)
        await self._settle(0)
        self._on_progress(self.result)

    async def publish(self, records: Iterator[Arrival], pace: _Pace) -> None:
        """Readings and ticks as they become due, until the end or a stop; then wait for what is in flight."""
        partitions = sorted(await self._producer.partitions_for(self._topic))
        for record in records:
            await self._until_due(record.at_us, pace)
            if self._stop.is_set():
                break
            await (self._reading(record) if record.value is not None else self._tick(record.at_us, partitions))
        else:
            self.result = replace(self.result, complete=True)
        await self._settle(0)
        self._on_progress(self.result)

    async def _until_due(self, at_us: int, pace: _Pace) -> None:
        while True:
            self._tell()
            ahead_s = pace.ahead_s(at_us)
            if ahead_s <= AHEAD_S or self._stop.is_set():
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), min(ahead_s, PROGRESS_S))

    def _tell(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told_at >= PROGRESS_S:
            self._told_at = now
            self._on_progress(self.result)

    async def _reading(self, record: Arrival) -> None:
        await self._send(self._topic, record.key, record.value, record.at_us)
        at = rfc3339(record.at_us)
        since = self.result.simulated_from or at
        self.result = replace(self.result, readings=self.result.readings + 1, simulated_from=since, simulated_to=at)

    async def _tick(self, at_us: int, partitions: list[int]) -> None:
        key, value, headers = control.signed(control.tick(at_us), self._secret)
        for partition in partitions:
            await self._send(self._topic, key, value, at_us, partition=partition, headers=headers)
        self.result = replace(self.result, ticks=self.result.ticks + 1)

    async def _send(self, topic: str, key: bytes | None, value: bytes | None, at_us: int, **where: Any) -> None:
        sent = await self._producer.send(topic, key=key, value=value, timestamp_ms=at_us // 1000, **where)
        self._in_flight.append(sent)
        await self._settle(MAX_IN_FLIGHT)

    async def _settle(self, at_most: int) -> None:
        """Wait, oldest first, until no more than `at_most` are in flight; a refused record raises here."""
        while len(self._in_flight) > at_most:
            await self._in_flight.popleft()


@contextlib.asynccontextmanager
async def _producer(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",  # not idempotent: the embedded broker gives no producer ids; a repeated reading is a duplicate
        linger_ms=LINGER_MS,
        max_batch_size=BATCH_BYTES,
    )
    try:
        await producer.start()
        yield producer
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await producer.stop()


async def _ready_before_stop(ready: Awaitable[object] | None, stop: asyncio.Event) -> bool:
    """Whether `ready` came true while nobody stopped the feed. What is left of `ready` is cancelled."""
    if ready is None:
        return not stop.is_set()
    waits = [asyncio.ensure_future(ready), asyncio.ensure_future(stop.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if waits[0].done():
            waits[0].result()
        return not stop.is_set()
    finally:
        for wait in waits:
            wait.cancel()


def _silent(_: FeedResult) -> None:
    """Progress that nobody asked for."""
