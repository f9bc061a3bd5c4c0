"""A publisher whose broker is gone lets go of it, and whoever waits for a send is told."""

import asyncio

import pytest
from aiokafka.errors import KafkaError

from streams.broker import EmbeddedBroker
from streams.limits import CLOSE_WITHIN_S
from streams.publisher import Publisher
from streams.settings import Settings
from streams.topics import ensure_topics


async def test_what_is_on_its_way_when_the_broker_goes_is_given_up_in_time() -> None:
    async with EmbeddedBroker() as broker:
        settings = Settings(broker=broker.address)
        await ensure_topics(settings.broker, settings.topic_prefix, 1, 1)
        publisher = Publisher(settings)
        await publisher.start()
        await (await publisher.page(settings.topic("alerts"), 0, b"key", b"arrives"))
        broker.stop()
        waiting = [await publisher.page(settings.topic("alerts"), 0, b"key", b"does not") for _ in range(3)]
        await asyncio.wait(waiting, timeout=0.5)
        assert not any(sent.done() for sent in waiting)
        async with asyncio.timeout(2 * CLOSE_WITHIN_S):
            await publisher.stop(flush=False)
        for sent in waiting:
            with pytest.raises(KafkaError):
                await sent
