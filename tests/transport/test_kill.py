"""Exact counts although a worker is killed: chunks come again, and a page skips what it has."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka import AIOKafkaConsumer

from streams.kafka.embedded import end_child, start_child
from tests.brokers import Broker
from tests.transport.workers import committed, eventually, numbers, send, topic_of

PARTITIONS = 2
HALF = 4000
WITHIN_S = 90.0
"""Two workers have to start, and later one has to be given up."""
COUNTING = [sys.executable, "-m", "tests.transport.counting", "worker", "-l", "warn", "--without-web"]


async def test_counts_are_exact_after_a_worker_is_killed(broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix, PARTITIONS)
    with _worker(broker, topic) as first, _worker(broker, topic):
        await _send(broker, topic, 0, HALF)
        await eventually(lambda: _has_begun(broker, topic), True, WITHIN_S)
        first.kill()
        await _send(broker, topic, HALF, 2 * HALF)
        await eventually(lambda: _committed(broker, topic), [2 * HALF] * PARTITIONS, WITHIN_S)
        pages = await _pages(broker, f"{topic}-pages-changelog")
    assert pages == {str(page): {"counted": 2 * HALF, "applied": 2 * HALF - 1} for page in range(PARTITIONS)}


@contextmanager
def _worker(broker: Broker, topic: str) -> Iterator[subprocess.Popen[bytes]]:
    os.environ.update(ADDRESS=broker.address, TOPIC=topic, PARTITIONS=str(PARTITIONS))
    process = start_child(COUNTING)
    try:
        yield process
    finally:
        end_child(process)


async def _send(broker: Broker, topic: str, start: int, stop: int) -> None:
    for partition in range(PARTITIONS):
        await send(broker.address, topic, partition, numbers(start, stop))


async def _committed(broker: Broker, topic: str) -> list[int | None]:
    return [await committed(broker.address, topic, topic, partition) for partition in range(PARTITIONS)]


async def _has_begun(broker: Broker, topic: str) -> bool:
    return any(await _committed(broker, topic))


async def _pages(broker: Broker, changelog: str) -> dict[str, dict[str, int]]:
    """The last value of each page in the table's changelog."""
    reader = AIOKafkaConsumer(changelog, bootstrap_servers=broker.address, auto_offset_reset="earliest")
    await reader.start()
    try:
        ends = await reader.end_offsets(reader.assignment())
        pages: dict[str, dict[str, int]] = {}
        for tp, end in ends.items():
            while await reader.position(tp) < end:
                for record in (await reader.getmany(tp, timeout_ms=200)).get(tp, []):
                    pages[json.loads(record.key)] = json.loads(json.loads(record.value))
        return pages
    finally:
        await reader.stop()
