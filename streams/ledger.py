"""The durable balance of readings: what the state pages say was received, and what became of it.

Read from the pages' changelog, so it holds across restarts and whichever workers run.
"""

import asyncio
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.connection import admin_client, client_options
from streams.engine.pages import applied_up_to, counts
from streams.engine.state import Outcome
from streams.errors import BrokerUnreachable
from streams.settings import Settings
from streams.topics import partitions_of

WITHIN_S = 120.0
PAGES_TABLE = "pages"


@dataclass(frozen=True, slots=True)
class Ledger:
    """Readings up to the last checkpoint of each partition. The balance: received is the sum of the other four."""

    received: int
    decided: int
    rejected: int
    duplicate: int
    withheld: int


def changelog_topic(settings: Settings) -> str:
    """Where workers keep their pages."""
    return f"{app_id(settings)}-{PAGES_TABLE}-changelog"


def app_id(settings: Settings) -> str:
    """Faust's name of the app: its consumer group, and what its own topics begin with."""
    return f"{settings.topic_prefix}{settings.group}"


async def read_ledger(settings: Settings) -> Ledger:
    """Sum the newest pages. Raises BrokerUnreachable."""
    try:
        pages = await read_pages(settings)
    except (KafkaError, OSError, TimeoutError) as wrong:
        raise BrokerUnreachable(settings.broker, str(wrong)) from None
    outcomes, received = [0] * len(Outcome), 0
    for counted in counts(pages).values():
        received += counted.received
        outcomes = [a + b for a, b in zip(outcomes, counted.outcomes, strict=True)]
    return Ledger(received, *outcomes)


async def read_pages(settings: Settings) -> dict[bytes, bytes]:
    """The newest page under each key: the one applied furthest, whoever wrote last; none before a worker ran."""
    async with admin_client(settings) as admin:
        partitions = await partitions_of(admin, changelog_topic(settings))
    if not partitions:
        return {}
    # From the beginning by its own policy: a seek just after `assign` may be overtaken by a reset under way.
    consumer = AIOKafkaConsumer(enable_auto_commit=False, auto_offset_reset="earliest", **client_options(settings))
    await consumer.start()
    try:
        async with asyncio.timeout(WITHIN_S):
            return await _newest(consumer, partitions)
    finally:
        await consumer.stop()


async def _newest(consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> dict[bytes, bytes]:
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    pages: dict[bytes, bytes] = {}
    waiting = {tp for tp, end in ends.items() if end > 0}
    while waiting:
        for records in (await consumer.getmany(*waiting, timeout_ms=500)).values():
            for record in records:
                _keep_furthest(pages, record.key, record.value)
        waiting = {tp for tp in waiting if await consumer.position(tp) < ends[tp]}
    return pages


def _keep_furthest(pages: dict[bytes, bytes], key: bytes, value: bytes | None) -> None:
    if value is None:
        pages.pop(key, None)
    elif key not in pages or applied_up_to(value) >= applied_up_to(pages[key]):
        pages[key] = value
