"""A client of Kafka can be let go of at any moment, and whoever does it lives on."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer

from alerts.channels.closing import let_go
from streams.kafka.embedded import EmbeddedBroker
from tests.channels import topics
from tests.channels.waiting import until

A_LONG_BACKOFF_MS = 60_000


async def test_a_consumer_that_waits_to_try_again_is_let_go_of(prefix: str, caplog: pytest.LogCaptureFixture) -> None:
    """As it stands when a broker has died: its `stop` raises CancelledError, though nobody was cancelled."""
    async with EmbeddedBroker() as broker:
        await topics.made(broker.address, prefix)
        consumer = AIOKafkaConsumer(
            f"{prefix}alerts", bootstrap_servers=broker.address, retry_backoff_ms=A_LONG_BACKOFF_MS
        )
        await consumer.start()
        for partition in consumer.assignment():
            await consumer.position(partition)  # from which it fetches, with nothing more to ask before
    await until(lambda: "Failed fetch messages" in caplog.text)
    await let_go(consumer, 5.0)
    assert not [task for task in asyncio.all_tasks() if "AIOKafkaClient" in repr(task)], "it has let go of connections"


async def test_whoever_lets_go_can_be_cancelled() -> None:
    class Stuck:
        async def stop(self) -> None:
            await asyncio.Event().wait()

    letting_go = asyncio.create_task(let_go(Stuck(), 60.0))
    await asyncio.sleep(0)
    letting_go.cancel()
    with pytest.raises(asyncio.CancelledError):
        await letting_go
