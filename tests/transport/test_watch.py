"""What Faust's watch over partitions says, and of which: an error that is none teaches people to read over errors."""

import logging
import time

import pytest
from faust.types import TP

from streams.worker.page_store import install_no_recovery
from tests.brokers import Broker
from tests.transport.workers import Worker, create_topic, until

HOUR_S = 3600.0


async def test_partitions_of_pages_which_faust_does_not_read_are_not_called_stuck(
    broker: Broker, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    await create_topic(broker.address, prefix, 1)
    worker = Worker(broker.address, prefix)
    table = worker.app.Table("pages", partitions=1)
    install_no_recovery(worker.app)
    async with worker:
        pages = TP(table.changelog_topic.get_topic_name(), 0)
        await until(lambda: pages in worker.consumer.assignment(), "the pages are assigned")
        with caplog.at_level(logging.ERROR):
            worker.consumer.verify_event_path(time.monotonic() + HOUR_S, pages)
        assert "sent fetch request" not in caplog.text


async def test_a_partition_that_faust_reads_and_gets_nothing_of_is_called_stuck(
    broker: Broker, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    await create_topic(broker.address, prefix, 1)
    async with Worker(broker.address, prefix) as worker:
        with caplog.at_level(logging.ERROR):
            worker.consumer.verify_event_path(time.monotonic() + HOUR_S, TP("another", 0))
        assert "has not sent fetch request" in caplog.text
