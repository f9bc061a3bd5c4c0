"""The watch over sources ends when its session does, whatever it is doing just then."""

import asyncio
import contextlib

import pytest
from aiokafka import AIOKafkaConsumer

from streams.configuration.settings import Settings
from streams.worker.publisher import Publisher
from streams.worker.source_watch import WATCHING, keep_watching
from streams.worker.worker import make_topics
from tests.brokers import Broker

SOON_S = 30.0


async def test_a_watch_that_is_cancelled_while_it_lets_go_ends(
    broker: Broker, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka swallows a cancellation while it stops a consumer; then the watch went on, and no session could end."""
    watching, start = asyncio.Event(), AIOKafkaConsumer.start
    letting_go, stop = asyncio.Event(), AIOKafkaConsumer.stop

    async def begun(consumer: AIOKafkaConsumer) -> None:
        await start(consumer)
        watching.set()

    async def noted(consumer: AIOKafkaConsumer) -> None:
        letting_go.set()
        await stop(consumer)

    monkeypatch.setattr(AIOKafkaConsumer, "start", begun)
    monkeypatch.setattr(AIOKafkaConsumer, "stop", noted)
    settings, held = Settings(broker=broker.address, topic_prefix=prefix, partitions=1), {WATCHING}
    await make_topics(settings)
    watch = asyncio.create_task(keep_watching(settings, Publisher(settings), lambda: frozenset(held)))
    await asyncio.wait_for(watching.wait(), SOON_S)
    held.clear()
    await asyncio.wait_for(letting_go.wait(), SOON_S)
    watch.cancel()
    done, _ = await asyncio.wait({watch}, timeout=SOON_S)
    watch.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watch
    assert done, "it went on"
