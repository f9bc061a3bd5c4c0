"""A Faust worker in this process whose agent does only what a test tells it, and the topics it reads."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, cast

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from faust import Stream
from faust.types import EventT, StreamT

from streams.kafka.chunks import Bounds
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.membership import Membership
from streams.kafka.topics import partition_counts
from streams.kafka.transport import ChunkConsumer, Receipt, chunk_topic, faust_settings, install, receipt
from tests.brokers import Broker

WITHIN_S = 30.0
GAP_S = 4.0
FAUST_FOLDER = f"{tempfile.gettempdir()}/homebeat-tests-faust"
"""Faust makes folders here and keeps nothing in them; without this it would make them in the working directory."""
PAUSE_S = 0.02
QUICK_GROUP = {"broker_session_timeout": 3.0, "broker_heartbeat_interval": 0.2, "broker_rebalance_timeout": 6.0}
"""The embedded broker lets the first member of a group wait for half its session timeout. Much shorter, and a member is
given up on a busy machine: its chunks come again, where a test counts on having each once."""


async def until(condition: Callable[[], bool], what: str, within_s: float = WITHIN_S) -> None:
    """Wait for the condition, and fail with `what` when it does not come true in time."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        await asyncio.sleep(PAUSE_S)


async def create_topic(address: str, name: str, partitions: int, **configs: str) -> None:
    """Make it, and return when the broker knows of it: Kafka's controller answers before that."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        topic_configs = {key.replace("_", "."): value for key, value in configs.items()}
        answer = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=topic_configs)])
        assert answer.to_object()["topic_errors"][0]["error_code"] == 0, answer
        await eventually(lambda: partition_counts(admin, [name]), {name: partitions})
    finally:
        await admin.close()


@asynccontextmanager
async def producer(address: str, **options: Any) -> AsyncIterator[AIOKafkaProducer]:
    made = AIOKafkaProducer(bootstrap_servers=address, max_request_size=32 * 1024 * 1024, **options)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def topic_of(address: str, prefix: str, partitions: int = 1, *, filled: int = 0, **configs: str) -> str:
    """A new topic of readings, with so many numbers on each of its partitions."""
    topic = prefix + "readings"
    await create_topic(address, topic, partitions, **configs)
    for partition in range(partitions if filled else 0):
        await send(address, topic, partition, numbers(0, filled))
    return topic


async def send(
    address: str, topic: str, partition: int, values: Iterable[bytes], key: bytes | None = None, **options: Any
) -> None:
    """Write the values to one partition, in order."""
    async with producer(address, linger_ms=5, **options) as sender:
        for value in values:
            await sender.send(topic, value, key=key, partition=partition)
        await sender.flush()


def numbers(start: int, stop: int) -> list[bytes]:
    return [b"%d" % number for number in range(start, stop)]


async def committed(address: str, group: str, topic: str, partition: int = 0) -> int | None:
    """What the broker holds as the group's offset."""
    async with _reader(address, group) as reader:
        offset: int | None = await reader.committed(TopicPartition(topic, partition))
        return offset


async def log_end(address: str, topic: str, partition: int = 0) -> int:
    async with _reader(address, None) as reader:
        tp = TopicPartition(topic, partition)
        end: int = (await reader.end_offsets([tp]))[tp]
        return end


@asynccontextmanager
async def _reader(address: str, group: str | None) -> AsyncIterator[AIOKafkaConsumer]:
    reader = AIOKafkaConsumer(bootstrap_servers=address, group_id=group, enable_auto_commit=False)
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()


def expect_gap(request: pytest.FixtureRequest, broker: Broker, reason: str) -> float:
    """A known gap of the embedded broker: the test must fail there, and tells us when it no longer does. How long to
    wait for what it cannot do [s]: not long where it must not come."""
    if isinstance(broker, EmbeddedBroker):
        request.applymarker(pytest.mark.xfail(strict=True, reason=reason))
        return GAP_S
    return WITHIN_S


class Got:
    """One chunk as the agent got it."""

    def __init__(self, event: EventT[Any]) -> None:
        self.records = cast(list[ConsumerRecord], event.value)
        self.partition: int = event.message.partition
        self.receipt: Receipt = receipt(event)

    @property
    def offsets(self) -> list[int]:
        return [record.offset for record in self.records]

    @property
    def values(self) -> list[bytes]:
        return [record.value for record in self.records]


class Worker:
    """Started and stopped by `async with`. Its agent takes a chunk, waits for `gate`, and acks if `acks` says so.

    `chunks` is all it got, in order; `stock` the values of the topic that is not in chunks, if one is named. With a
    `name` it is the same member of the group as the one before it of that name.
    """

    def __init__(
        self, address: str, topic: str, *, group: str = "", acks: bool = True, bounds: Bounds | None = None,
        stock_topic: str | None = None, name: str = "", **settings: Any,
    ) -> None:  # fmt: skip
        self.membership = Membership(name)
        self.address, self.topic, self.group, self.acks = address, topic, group or topic, acks
        self.chunks: list[Got] = []
        self.stock: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()
        options = {**faust_settings(bounds), **QUICK_GROUP, "broker_commit_interval": 0.2, **settings}
        options |= self.membership.settings()
        self.app = faust.App(
            self.group, broker=f"kafka://{address}", store="memory://", web_enabled=False, topic_partitions=4,
            topic_replication_factor=1, topic_disable_leader=True, datadir=FAUST_FOLDER, **options,
        )  # fmt: skip
        install(self.app, {topic}, bounds, self.membership)
        self.app.agent(chunk_topic(self.app, topic), name="take")(self._take)
        if stock_topic:
            self.app.agent(self.app.topic(stock_topic, value_type=bytes, value_serializer="raw"))(self._take_stock)
        self.app.finalize()

    async def _take(self, stream: StreamT[Any]) -> None:
        async for event in cast(Stream[Any], stream).noack().events():
            got = Got(event)
            self.chunks.append(got)
            await self.gate.wait()
            if self.acks:
                got.receipt.ack()

    async def _take_stock(self, stream: StreamT[bytes]) -> None:
        async for value in stream:
            self.stock.append(value)

    async def __aenter__(self) -> Self:
        await self.app.start()
        await until(lambda: self.consumer is not None and not self.app.rebalancing, "the worker joined its group")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, wrong: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.app.stop()

    @property
    def consumer(self) -> ChunkConsumer:
        return cast(ChunkConsumer, self.app.consumer)

    @property
    def generation(self) -> int:
        """How often the group had shared out partitions when it joined, or joined again."""
        generation: int = cast(Any, self.consumer)._thread._ensure_consumer()._coordinator.generation
        return generation

    @property
    def partitions(self) -> set[int]:
        """Those of the topic that it holds now."""
        return {tp.partition for tp in self.consumer.assignment() if tp.topic == self.topic}

    def of(self, partition: int) -> list[Got]:
        return [got for got in self.chunks if got.partition == partition]

    def offsets(self, partition: int = 0) -> list[int]:
        """Every offset it got of the partition, in order, repeats included."""
        return [offset for got in self.of(partition) for offset in got.offsets]

    def applied(self, partition: int = 0) -> list[int]:
        """The offsets that a page with an applied offset would count: those past everything it saw before."""
        counted: list[int] = []
        for offset in self.offsets(partition):
            if not counted or offset > counted[-1]:
                counted.append(offset)
        return counted

    async def committed(self, partition: int = 0) -> int | None:
        return await committed(self.address, self.group, self.topic, partition)

    async def commits(self, offset: int, partition: int = 0) -> None:
        """Wait until the group's committed offset is exactly this."""
        await eventually(lambda: self.committed(partition), offset)


async def eventually(read: Callable[[], Awaitable[Any]], wanted: Any, within_s: float = WITHIN_S) -> None:
    """Wait until reading gives what is wanted."""
    end = time.monotonic() + within_s
    while (found := await read()) != wanted:
        if time.monotonic() > end:
            raise AssertionError(f"not within {within_s:g} s: {wanted!r}, still {found!r}")
        await asyncio.sleep(PAUSE_S)
