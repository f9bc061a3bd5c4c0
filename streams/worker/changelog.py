"""The changelog of pages: written by the keeper's checkpoints, and read when partitions come, or to stand by for them.

A consumer of its own reads it, outside of Faust and of the group (why: see `page_store`).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Set
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from alerts.channels.closing import let_go
from streams import limits
from streams.configuration.settings import Settings
from streams.kafka.connection import client_options
from streams.kafka.outage import passing
from streams.kafka.topics import changelog_topic
from streams.worker.keeper import Keeper
from streams.worker.page_store import Batch, Shelves
from streams.worker.publisher import Publisher, Sent

log = logging.getLogger(__name__)


class KafkaChangelog:
    """Where the keeper's pages go. overwritten: called with a partition in which somebody else wrote too."""

    def __init__(self, topic: str, shelves: Shelves, publisher: Publisher, overwritten: Callable[[int], None]) -> None:
        self._topic, self._shelves, self._publisher, self._overwritten = topic, shelves, publisher, overwritten
        self._in_order = asyncio.Lock()

    def send(self, partition: int, key: bytes, value: bytes) -> Sent:
        """One page, after those that were sent before it."""
        return asyncio.ensure_future(self._send(partition, key, value))

    async def _send(self, partition: int, key: bytes, value: bytes) -> object:
        async with self._in_order:  # which lets in those that wait in the order in which they came
            sent = await self._publisher.page(self._topic, partition, key, value)
        written = cast(Any, await sent)
        if not self._shelves.wrote(partition, written.offset):
            self._overwritten(partition)
        return written


class ChangelogReader:
    """Reads partitions of the changelog. `read` again and again; then `close`."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._topic = settings, changelog_topic(settings)
        self._consumer: AIOKafkaConsumer | None = None
        self._at: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._assignment = 0

    @property
    def ends(self) -> int:
        """The ends of the partitions that are read, as far as they are known, together."""
        return sum(self._ends.values())

    async def read(self, wanted: Mapping[int, int], assignment: int) -> list[Batch]:
        """What comes next of these partitions, from these positions on; waits for it a little.

        assignment: another number whenever partitions are shared out. From then on whoever had them before has written
        its last, so their ends are asked anew, also of those that were read all along.
        Raises KafkaError when no broker answers in time.
        """
        consumer = await self._started()
        if not wanted.items() <= self._at.items():
            await self._turn_to(consumer, wanted)
        elif assignment != self._assignment:
            await self._ask_for_ends(consumer, wanted)
        self._assignment = assignment
        self._leave(consumer, self._at.keys() - wanted.keys())
        tps = [TopicPartition(self._topic, number) for number in wanted]
        got = await consumer.getmany(*tps, timeout_ms=limits.PAGES_WAIT_MS, max_records=limits.PAGES_READ_TOGETHER)
        return [self._batch(consumer, tp, got) for tp in tps]

    def _leave(self, consumer: AIOKafkaConsumer, numbers: Set[int]) -> None:
        """These are not wanted any more. To assign the others anew would throw away what was fetched of them."""
        if numbers:
            consumer.pause(*(TopicPartition(self._topic, number) for number in numbers))
            self._at = {number: position for number, position in self._at.items() if number not in numbers}

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                enable_auto_commit=False, auto_offset_reset="earliest",
                max_partition_fetch_bytes=limits.PARTITION_FETCH_BYTES_MAX,
                request_timeout_ms=round(limits.REQUEST_WITHIN_S * 1000), **client_options(self._settings),
            )  # fmt: skip
            try:
                await consumer.start()
            except BaseException:
                await let_go(consumer, limits.CLOSE_WITHIN_S)
                raise
            self._consumer = consumer
        return self._consumer

    async def _turn_to(self, consumer: AIOKafkaConsumer, wanted: Mapping[int, int]) -> None:
        """Read these from now on."""
        self._at, self._ends = {}, {}
        consumer.assign([TopicPartition(self._topic, number) for number in wanted])
        for number, position in wanted.items():
            if position:
                consumer.seek(TopicPartition(self._topic, number), position)
        await self._ask_for_ends(consumer, wanted)
        self._at = dict(wanted)

    async def _ask_for_ends(self, consumer: AIOKafkaConsumer, wanted: Mapping[int, int]) -> None:
        ends = await consumer.end_offsets([TopicPartition(self._topic, number) for number in wanted])
        self._ends = {tp.partition: end for tp, end in ends.items()}

    def _batch(self, consumer: AIOKafkaConsumer, tp: TopicPartition, got: Mapping[Any, list[Any]]) -> Batch:
        """The records of a partition that lie beyond where it was read to: a seek just after `assign` may be overtaken
        by a reset to the beginning."""
        start = self._at[tp.partition]
        fetched = got.get(tp, [])
        records = [record for record in fetched if record.offset >= start]
        if fetched:  # the embedded broker names an end that is too early when it is asked, and the right one here
            self._ends[tp.partition] = max(self._ends[tp.partition], consumer.highwater(tp) or 0)
        end = self._at[tp.partition] = records[-1].offset + 1 if records else start
        return Batch(tp.partition, start, end, records, end >= self._ends[tp.partition])

    async def close(self) -> None:
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await let_go(consumer, limits.CLOSE_WITHIN_S)


async def keep_reading(reader: ChangelogReader, shelves: Shelves, keeper: Keeper) -> None:
    """Bring back the state of partitions that come, and keep at hand the pages of those we stand by for."""
    loop = asyncio.get_running_loop()
    said_s = loop.time()
    while True:
        missing = keeper.missing
        if not missing:
            said_s = loop.time()
        elif loop.time() - said_s > limits.PROGRESS_SAID_EVERY_S:
            said_s = loop.time()
            log.info("taking back the state of partitions %s: %d records read", sorted(missing), shelves.read(missing))
        await _read_on(reader, shelves, keeper)


async def _read_on(reader: ChangelogReader, shelves: Shelves, keeper: Keeper) -> None:
    """What comes next; or wait until somebody wants something. Raises KafkaError when Kafka refuses for good."""
    wanted, assignment = shelves.wanted(keeper.missing), keeper.assignments
    if not wanted:
        await keeper.moved()
        return
    try:
        batches = await reader.read(wanted, assignment)
    except KafkaError as error:
        if not passing(error):
            raise
        log.warning("the pages of partitions %s cannot be read, trying again: %s", sorted(wanted), error)
        await asyncio.sleep(limits.PAGES_RETRY_S)
        return
    for batch in batches:
        if shelves.put(batch) and batch.whole and assignment == keeper.assignments:
            await keeper.restore(batch.partition)
