"""The readings topic as slices of its log: from one time to another, partition by partition."""

import asyncio
import math
from collections.abc import Iterator
from datetime import datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from alerts.channels.closing import let_go
from streams import limits
from streams.configuration.settings import Settings
from streams.engine.log import LogSlice
from streams.errors import BrokerUnreachable, Failed
from streams.kafka.connection import admin_client, client_options
from streams.kafka.slices import slice_of
from streams.kafka.topics import partitions_of

FETCH_MS = 1000
SILENT_FETCHES = 20
"""Empty fetches in a row before a partition that should hold more is given up, loudly."""


def slices(settings: Settings, since: datetime | None, until: datetime | None, batch: int) -> Iterator[LogSlice]:
    """Slices of at most `batch` records, in offset order within a partition. Raises BrokerUnreachable, Failed."""
    loop = asyncio.new_event_loop()
    try:
        reader = loop.run_until_complete(_opened(settings, since, until))
        try:
            for tp, first, end in reader.spans:
                fetched = _records_of(loop, reader.consumer, tp, first, end, batch)
                for records in (_between(some, since, until) for some in fetched):
                    if records:
                        yield slice_of(tp.topic, tp.partition, records, len(reader.spans))
        finally:
            loop.run_until_complete(let_go(reader.consumer, limits.CLOSE_WITHIN_S))
    finally:
        loop.close()


class _Reader:
    """A consumer, and the offsets to read of each partition: (partition, first, end; None: as far as it goes now)."""

    def __init__(self, consumer: AIOKafkaConsumer, spans: list[tuple[TopicPartition, int, int | None]]) -> None:
        self.consumer, self.spans = consumer, spans


async def _opened(settings: Settings, since: datetime | None, until: datetime | None) -> _Reader:
    topic = settings.topic("readings")
    async with admin_client(settings) as admin:
        partitions = await partitions_of(admin, topic)
    if not partitions:
        raise Failed(f"the broker at {settings.broker} has no topic {topic}: set HOMEBEAT_TOPIC_PREFIX")
    consumer = AIOKafkaConsumer(
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=limits.PARTITION_FETCH_BYTES_MAX,
        **client_options(settings),
    )
    try:
        await consumer.start()
        consumer.assign(partitions)
        for tp in partitions:  # a seek while the first position is still being looked up would be overtaken by it
            await consumer.position(tp)
        first, end = await _offsets(consumer, partitions, since), await _offsets(consumer, partitions, until)
        begin, last = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    except (KafkaError, OSError) as wrong:
        await let_go(consumer, limits.CLOSE_WITHIN_S)
        raise BrokerUnreachable(settings.broker, str(wrong)) from None
    after = last if since else begin  # nothing arrived since then: there is nothing to read
    end |= {tp: last[tp] for tp in partitions if last[tp] <= begin[tp]}  # an empty partition answers nothing
    return _Reader(consumer, [(tp, _or(first[tp], after[tp]), end[tp]) for tp in partitions])


def _or(offset: int | None, otherwise: int) -> int:
    return otherwise if offset is None else offset


async def _offsets(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition], at: datetime | None
) -> dict[TopicPartition, int | None]:
    """The offset of the first record that arrived at or after a time; None where there is none, or no time."""
    if at is None:
        return dict.fromkeys(partitions)
    found = await consumer.offsets_for_times({tp: round(at.timestamp() * 1000) for tp in partitions})
    return {tp: None if found[tp] is None else found[tp].offset for tp in partitions}


def _between(records: list[ConsumerRecord], since: datetime | None, until: datetime | None) -> list[ConsumerRecord]:
    """Those that arrived from `since` on and before `until`. Not every broker finds the very first offset of a time."""
    first_ms = round(since.timestamp() * 1000) if since else -math.inf
    end_ms = round(until.timestamp() * 1000) if until else math.inf
    return [record for record in records if first_ms <= record.timestamp < end_ms]


def _records_of(
    loop: asyncio.AbstractEventLoop, consumer: AIOKafkaConsumer, tp: TopicPartition, first: int, end: int | None,
    batch: int,
) -> Iterator[list[ConsumerRecord]]:  # fmt: skip
    """One partition, offsets first..end.

    Where the end is not given, it is what the answer to the first fetch says: the embedded broker gives another one,
    too early, when it is asked for it (by the largest time stamp).
    """
    consumer.seek(tp, first)
    silent = 0
    while end is None or loop.run_until_complete(consumer.position(tp)) < end:
        fetched = loop.run_until_complete(consumer.getmany(tp, timeout_ms=FETCH_MS, max_records=batch)).get(tp, [])
        end = consumer.highwater(tp) if end is None else end
        silent = 0 if fetched else silent + 1
        if silent > SILENT_FETCHES:
            raise Failed(f"partition {tp.partition} of {tp.topic} gives nothing more, though it should go to {end}")
        yield [record for record in fetched if end is None or record.offset < end]
