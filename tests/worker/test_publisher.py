"""A publisher whose broker is gone lets go of it, and whoever waits for a send is told."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from aiokafka.errors import KafkaError, ProducerClosed

from streams.configuration.settings import Settings
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import ensure_topics
from streams.limits import CLOSE_WITHIN_S
from streams.worker.publisher import Publisher

TOPIC = "homebeat.alerts"
ON_ITS_WAY_S = 0.2
"""Much more than the producer lingers before it sends (5 ms)."""


async def test_what_is_on_its_way_when_the_broker_goes_is_given_up_in_time() -> None:
    async with publishing() as (broker, publisher):
        broker.stop()
        waiting = [await publisher.page(TOPIC, 0, b"key", b"does not") for _ in range(3)]
        await asyncio.wait(waiting, timeout=0.5)
        assert not any(sent.done() for sent in waiting)
        async with asyncio.timeout(2 * CLOSE_WITHIN_S):
            await publisher.stop(flush=False)
        for sent in waiting:
            with pytest.raises(KafkaError):
                await sent


async def test_a_request_that_is_on_its_way_does_not_hold_up_who_gives_up(caplog: pytest.LogCaptureFixture) -> None:
    """It is that of a worker that starts afresh, and patients wait for that."""
    async with publishing() as (broker, publisher):
        with silent(broker):
            sent = await publisher.page(TOPIC, 0, b"key", b"is not answered")
            await asyncio.wait([sent], timeout=ON_ITS_WAY_S)
            await publisher.stop(flush=False)
        assert "did not close in order" not in caplog.text
        with pytest.raises(ProducerClosed):
            await sent


@asynccontextmanager
async def publishing() -> AsyncIterator[tuple[EmbeddedBroker, Publisher]]:
    """A broker, and a publisher of which something has arrived there. The test stops it."""
    async with EmbeddedBroker() as broker:
        settings = Settings(broker=broker.address)
        await ensure_topics(settings.broker, settings.topic_prefix, 1, 1)
        publisher = Publisher(settings)
        await publisher.start()
        await (await publisher.page(TOPIC, 0, b"key", b"arrives"))
        yield broker, publisher


@contextmanager
def silent(broker: EmbeddedBroker) -> Iterator[None]:
    """Connected, and without an answer for the block."""
    if broker.pid is None:
        raise RuntimeError("it does not run")
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(broker.pid, signal.SIGCONT)
