"""Topics of a test's own, what is put there and what is found there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streams.kafka.topics import ensure_topics


async def made(bootstrap: str, prefix: str) -> None:
    """All topics of the contract, with this prefix.

    Four partitions, as the embedded broker gives a topic that a client asks for before it is made: after a restart the
    notifier may be the first to ask.
    """
    await ensure_topics(bootstrap, prefix, partitions=4, replication=1)


async def put(bootstrap: str, topic: str, records: Iterable[Any]) -> None:
    """Publish records under their patient; bytes go as they are."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for record in records:
            raw = isinstance(record, bytes)
            key = b"raw" if raw else record.patient.encode()
            await producer.send(topic, record if raw else msgspec.json.encode(record), key)
        await producer.flush()
    finally:
        await producer.stop()


@contextlib.asynccontextmanager
async def watched(bootstrap: str, topic: str) -> AsyncIterator[list[dict[str, Any]]]:
    """A list that fills with the topic's records, from the beginning, for as long as the block lasts."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    found: list[dict[str, Any]] = []

    async def watch() -> None:
        async for record in consumer:
            found.append(msgspec.json.decode(record.value))  # noqa: PERF401 - it fills while others look at it

    await consumer.start()
    watching = asyncio.create_task(watch())
    try:
        yield found
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await consumer.stop()
