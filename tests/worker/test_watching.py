"""The watch over sources ends when its session does, whatever it is doing just then."""

import asyncio
import contextlib
import logging

import pytest
from aiokafka import AIOKafkaConsumer

from models.times import US_PER_S
from streams.configuration.settings import Settings
from streams.engine.tallies import COLUMNS, Report, Tally
from streams.worker.publisher import Publisher
from streams.worker.source_watch import SAID_MAX, WATCHING, Ahead, keep_watching
from streams.worker.worker import make_topics
from tests.brokers import Broker
from tests.engine.factories import MINUTE_US, START_US
from tests.worker.gauges import gauge

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


async def test_a_source_whose_clock_is_ahead_is_said_once_and_measured_until_it_is_mended(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its patients' alerts were decided in the future, and went up the chain 50 minutes late, without a word."""

    def told(partition: int, **ahead_s: float) -> Report:
        sources = {name: Tally([1] * len(COLUMNS), 0, 0, None, 1, round(s * US_PER_S)) for name, s in ahead_s.items()}
        return Report(partition, START_US, START_US + MINUTE_US, sources, {}, {})

    ahead = Ahead()
    with caplog.at_level(logging.ERROR, logger="streams.worker.source_watch"):
        for report in (told(0, watch=2990, scale=59), told(1, watch=3000), told(0, watch=2990)):
            ahead.take(report)
            ahead.tell()
    assert gauge("source_ahead_seconds") == 3000
    (said,) = caplog.messages
    assert said.startswith("THE CLOCK OF SOURCE watch IS AHEAD, by 2990 s")
    for partition in (0, 1):
        ahead.take(told(partition))
    ahead.tell()
    assert gauge("source_ahead_seconds") == 0


async def test_of_a_thousand_sources_that_are_ahead_a_few_are_said_at_once(caplog: pytest.LogCaptureFixture) -> None:
    ahead = Ahead()
    sources = {f"s-{n}": Tally([1] * len(COLUMNS), 0, 0, None, 1, (100 + n) * US_PER_S) for n in range(1000)}
    ahead.take(Report(0, START_US, START_US + MINUTE_US, sources, {}, {}))
    with caplog.at_level(logging.ERROR, logger="streams.worker.source_watch"):
        ahead.tell()
    assert len(caplog.messages) == SAID_MAX
    assert "s-999" in caplog.messages[0], "the furthest first"
