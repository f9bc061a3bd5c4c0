"""A topic from its first record to what is its last when we begin: for commands that look at all of it."""

from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from alerts.channels.closing import let_go
from streams import limits
from streams.configuration.settings import Settings
from streams.errors import BrokerUnreachable, Failed
from streams.kafka.connection import admin_client, client_options
from streams.kafka.topics import partitions_of

FETCH_MS = 500
FETCHED_MAX = 1000
SILENT_FETCHES = 40
"""Empty fetches in a row before a partition that should hold more is given up, loudly."""


async def records(settings: Settings, name: str) -> AsyncIterator[ConsumerRecord]:
    """Each partition in order; nothing where there is no such topic yet. Raises BrokerUnreachable, Failed."""
    try:
        async with admin_client(settings) as admin:
            partitions = await partitions_of(admin, settings.topic(name))
        consumer = AIOKafkaConsumer(
            enable_auto_commit=False, auto_offset_reset="earliest",
            max_partition_fetch_bytes=limits.PARTITION_FETCH_BYTES_MAX, **client_options(settings),
        )  # fmt: skip
        await consumer.start()
    except (KafkaError, OSError) as wrong:
        raise BrokerUnreachable(settings.broker, str(wrong)) from None
    try:
        consumer.assign(partitions)
        for tp in partitions:
            async for record in _up_to_its_end(consumer, tp):
                yield record
    finally:
        await let_go(consumer, limits.CLOSE_WITHIN_S)


async def _up_to_its_end(consumer: AIOKafkaConsumer, tp: TopicPartition) -> AsyncIterator[ConsumerRecord]:
    """One partition. What is put there meanwhile may come too.

    The end is what an answer to a fetch says: the embedded broker gives another one, too early, when it is asked for
    it (by the largest time stamp).
    """
    silent = 0
    while silent <= SILENT_FETCHES:
        fetched = (await consumer.getmany(tp, timeout_ms=FETCH_MS, max_records=FETCHED_MAX)).get(tp, [])
        silent = 0 if fetched else silent + 1
        for record in fetched:
            yield record
        end = consumer.highwater(tp)
        if end is not None and await consumer.position(tp) >= end:
            return
    raise Failed(f"partition {tp.partition} of {tp.topic} gives nothing more, though it should")
