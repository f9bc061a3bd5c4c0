"""The durable balance of readings: what the state pages say was received, and what became of it.

Read from the pages' changelog, so it holds across restarts and whichever workers run.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from alerts.channels.closing import let_go
from streams import limits
from streams.configuration.settings import Settings
from streams.engine.pages import applied_up_to, counts
from streams.errors import BrokerUnreachable
from streams.kafka.connection import admin_client, client_options
from streams.kafka.topics import changelog_topic, partitions_of

WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Balance:
    """Readings received, and what became of them. The balance: received is the sum of the other four."""

    received: int
    decided: int
    rejected: int
    duplicate: int
    withheld: int

    @property
    def difference(self) -> int:
        """Received and unaccounted for; below zero when more became of them than came."""
        return self.received - (self.decided + self.rejected + self.duplicate + self.withheld)

    def __str__(self) -> str:
        parts = ("decided", "rejected", "duplicate", "withheld")
        return f"received {self.received} = " + " + ".join(f"{part} {getattr(self, part)}" for part in parts)


@dataclass(frozen=True, slots=True)
class Ledger(Balance):
    """Up to the last checkpoint of each partition: all of them together, and each alone."""

    partitions: Mapping[int, Balance]

    @property
    def unbalanced(self) -> dict[int, Balance]:
        """The partitions that do not balance. Two of them may make up for each other in the sum."""
        return {number: one for number, one in self.partitions.items() if one.difference}

    def as_json(self) -> dict[str, Any]:
        """The sums, `balanced`, and for each partition the same figures with their difference."""
        each = [{"partition": p, **asdict(one), "difference": one.difference} for p, one in self.partitions.items()]
        sums = {field.name: getattr(self, field.name) for field in fields(Balance)}
        return {**sums, "difference": self.difference, "balanced": not self.unbalanced, "partitions": each}


async def read_ledger(settings: Settings) -> Ledger:
    """Sum the newest pages. Raises BrokerUnreachable."""
    try:
        pages = await read_pages(settings)
    except (KafkaError, OSError, TimeoutError) as wrong:
        raise BrokerUnreachable(settings.broker, str(wrong)) from None
    found = {p: Balance(counted.received, *counted.outcomes) for p, counted in sorted(counts(pages).items())}
    return summed(found)


def summed(partitions: Mapping[int, Balance]) -> Ledger:
    """The ledger of these partitions."""
    sums = {field.name: sum(getattr(one, field.name) for one in partitions.values()) for field in fields(Balance)}
    return Ledger(**sums, partitions=partitions)


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
        await let_go(consumer, limits.CLOSE_WITHIN_S)


async def _newest(consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> dict[bytes, bytes]:
    """Each partition up to its end, as the answer to a fetch says it: the embedded broker names one that is too early
    when it is asked. (A partition that never had a record answers nothing.)"""
    consumer.assign(partitions)
    asked = await consumer.end_offsets(partitions)
    ends: dict[TopicPartition, int] = {}
    pages: dict[bytes, bytes] = {}
    waiting = {tp for tp, end in asked.items() if end > 0}
    while waiting:
        for tp, records in (await consumer.getmany(*waiting, timeout_ms=500)).items():
            ends.setdefault(tp, max(asked[tp], consumer.highwater(tp) or 0))
            for record in records:
                _keep_furthest(pages, record.key, record.value)
        waiting = {tp for tp in waiting if await consumer.position(tp) < ends.get(tp, asked[tp])}
    return pages


def _keep_furthest(pages: dict[bytes, bytes], key: bytes, value: bytes | None) -> None:
    if value is None:
        pages.pop(key, None)
    elif key not in pages or applied_up_to(value) >= applied_up_to(pages[key]):
        pages[key] = value
