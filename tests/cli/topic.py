"""What lies on a topic."""

import asyncio
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, ConsumerRecord

WITHIN_S = 60.0


def records(address: str, topic: str, count: int) -> list[ConsumerRecord]:
    """All records of the topic, each partition in order, once there are `count`; TimeoutError when they do not come."""
    return asyncio.run(_read(address, topic, lambda found: len(found) >= count))


async def _read(
    address: str, topic: str, enough: Callable[[list[ConsumerRecord]], bool], within_s: float = WITHIN_S
) -> list[ConsumerRecord]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest")
    await consumer.start()
    found: list[ConsumerRecord] = []
    try:
        async with asyncio.timeout(within_s):
            while not enough(found):
                for batch in (await consumer.getmany(timeout_ms=100)).values():
                    found += batch
    finally:
        await consumer.stop()
    return found
