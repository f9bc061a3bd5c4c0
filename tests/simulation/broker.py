"""The logs of the simulated Kafka, and its producer: what aiokafka's does, as far as Publisher can see it."""

import asyncio
import hashlib
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaTimeoutError
from aiokafka.partitioner import murmur2

from streams.worker.publisher import Sent
from tests.simulation.loop import Process, VirtualLoop
from tests.simulation.network import Network, Unanswered

Stored: TypeAlias = "ConsumerRecord[bytes | None, bytes | None]"
Headers = Sequence[tuple[str, bytes]]


class Broker:
    """Append-only logs by topic and partition. `digest` changes with everything that is ever appended."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self.logs: dict[tuple[str, int], list[Stored]] = {}
        self.watchers: list[Callable[[Stored], None]] = []
        self._appended: list[Stored] = []

    def log(self, topic: str, partition: int) -> list[Stored]:
        return self.logs.setdefault((topic, partition), [])

    def topic(self, name: str) -> list[Stored]:
        """Everything on a topic, partition after partition."""
        return [record for partition in range(self.partitions) for record in self.log(name, partition)]

    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers, timestamp_ms: int
    ) -> int:
        """One record; its offset."""
        log = self.log(topic, partition)
        record = ConsumerRecord(
            topic, partition, len(log), timestamp_ms, 0, key, value, None, -1 if key is None else len(key),
            -1 if value is None else len(value), tuple(headers),
        )  # fmt: skip
        log.append(record)
        self._appended.append(record)
        for watcher in self.watchers:
            watcher(record)
        return len(log) - 1

    def home_of(self, key: bytes) -> int:
        """Kafka's default partitioner."""
        return int(murmur2(key) & 0x7FFFFFFF) % self.partitions

    def digest(self) -> str:
        """Of all that lies here, in the order in which it came. Made when it is asked for: most runs need none."""
        found = hashlib.sha256()
        for one in self._appended:
            found.update(repr((one.topic, one.partition, one.key, one.value, one.timestamp)).encode())
        return found.hexdigest()


class Written(NamedTuple):
    """What the broker says of a record: aiokafka's RecordMetadata, as far as we read it."""

    offset: int


class _Record(NamedTuple):
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int


class _Waiting(NamedTuple):
    """What goes in one request: a record, or a batch of them."""

    records: Sequence[_Record]
    sent: Sent


class Batch:
    """aiokafka's BatchBuilder, with room for few records."""

    ROOM = 3

    def __init__(self) -> None:
        self.records: list[_Record] = []

    def append(self, *, timestamp: int, key: bytes | None, value: bytes | None, headers: Headers) -> object | None:
        """None when there is no room."""
        if len(self.records) == self.ROOM:
            return None
        self.records.append(_Record(key, value, headers, timestamp))
        return self

    def close(self) -> None:
        """Nothing is added by anybody else."""


class Producer:
    """aiokafka's producer without idempotence, as Publisher uses it.

    In order for each partition, one request at a time; a request that nobody answered is sent again, so records may be
    on the log twice; after `ATTEMPTS` the send fails, whether or not the records are there.
    """

    BATCHES = (1, 1, 1, 2, 20)
    ATTEMPTS = 4

    def __init__(
        self, loop: VirtualLoop, broker: Broker, network: Network, process: Process, rng: random.Random,
        now_ms: Callable[[], int],
    ) -> None:  # fmt: skip
        self._loop, self._broker, self._network, self._process = loop, broker, network, process
        self._rng, self._now_ms = rng, now_ms
        self._waiting: dict[tuple[str, int], deque[_Waiting]] = {}

    async def send(
        self, topic: str, value: bytes | None = None, key: bytes | None = None, partition: int | None = None,
        timestamp_ms: int | None = None, headers: Headers | None = None,
    ) -> Sent:  # fmt: skip
        """As AIOKafkaProducer.send: waits for room, gives a future that is done when the broker has the record."""
        if partition is None:
            partition = self._rng.randrange(self._broker.partitions) if key is None else self._broker.home_of(key)
        stamp = self._now_ms() if timestamp_ms is None else timestamp_ms
        return await self._queued(topic, partition, [_Record(key, value, headers or (), stamp)])

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> Sent:
        """As AIOKafkaProducer.send_batch: all of its records are on the broker, or none."""
        return await self._queued(topic, partition, batch.records)

    async def _queued(self, topic: str, partition: int, records: Sequence[_Record]) -> Sent:
        if self._rng.random() < 0.1:
            await asyncio.sleep(self._rng.uniform(0, 0.05))
        sent: Sent = self._loop.create_future()
        sent.add_done_callback(lambda done: done.cancelled() or done.exception())  # aiokafka's, too, may go unseen
        queue = self._waiting.setdefault((topic, partition), deque())
        queue.append(_Waiting(records, sent))
        if len(queue) == 1:
            self._loop.spawn(self._process, self._deliver(topic, partition, queue))
        return sent

    async def _deliver(self, topic: str, partition: int, queue: deque[_Waiting]) -> None:
        """Send what waits for one partition until nothing does."""
        while queue:
            await asyncio.sleep(self._rng.uniform(0, 0.01))
            batch = [queue[i] for i in range(min(len(queue), self._rng.choice(self.BATCHES)))]
            offsets = await self._try(topic, partition, batch)
            for i, one in enumerate(batch):
                queue.popleft()
                if one.sent.done():
                    continue
                if offsets is None:
                    one.sent.set_exception(KafkaTimeoutError())
                else:
                    one.sent.set_result(Written(offsets[i]))

    async def _try(self, topic: str, partition: int, batch: list[_Waiting]) -> list[int] | None:
        """Offsets of the records; None when nobody answered."""

        def append() -> list[list[int]]:
            return [[self._broker.append(topic, partition, *record) for record in one.records] for one in batch]

        for _ in range(self.ATTEMPTS):
            try:
                return [offsets[0] for offsets in await self._network.request(self._process, append)]
            except Unanswered:
                continue
        return None
