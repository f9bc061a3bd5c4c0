"""A steady load of readings, from a process of its own.

`python -m streams.benching.load BROKER TOPIC RATE SECONDS [FIRST]`. Batches are built with aiokafka's own builder, key
by key to the partition that any Kafka producer would choose. With FIRST the readings go on from that number, and time
passes among them: ticks on the grid of their own time stamps, signed with HOMEBEAT_SECRET.
"""

import asyncio
import functools
import itertools
import sys
import time
from collections.abc import Iterator

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner

from models.times import US_PER_S
from streams import control
from streams.benching import workload
from streams.configuration.environment import load_settings

BURST_S = 0.02
BURST_MAX = 50_000
"""Readings made at once. After a standstill of the machine what is due is made up for piece by piece: it would not fit
into memory."""
LAP = 2_000_000
TICK_MS = 10_000
Record = tuple[bytes | None, bytes | None, int, control.Headers]


async def load(bootstrap: str, topic: str, rate: float, seconds: float, first: int | None = None) -> int:
    """Send about `rate` readings a second for `seconds`; how many were sent."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=512 * 1024)
    await producer.start()
    sent, began = 0, time.perf_counter()
    try:
        partitions = sorted(await producer.partitions_for(topic))
        records = _records(partitions, first or 0)
        if first is not None:
            records = _with_ticks(records, partitions, load_settings().secret.get_secret_value().encode())
        while (passed := time.perf_counter() - began) < seconds:
            if (due := _due(passed, rate, sent)) > 0:
                await _burst(producer, topic, records, due)
                sent += due
            await asyncio.sleep(BURST_S)
        await producer.flush()
    finally:
        await producer.stop()
    return sent


def _due(passed_s: float, rate: float, sent: int) -> int:
    """How many to send now.

    >>> _due(2.0, 1000.0, 1500), _due(3600.0, 40_000.0, 0)
    (500, 50000)
    """
    return min(int(passed_s * rate) - sent, BURST_MAX)


def _records(partitions: list[int], first: int) -> Iterator[tuple[int, Record]]:
    """Readings without end, each with its partition; ids never repeat."""
    choose = functools.cache(lambda key: DefaultPartitioner()(key, partitions, partitions))
    for lap in itertools.count():
        for key, value, at_ms in workload.readings(LAP, workload.PATIENTS, first=first + lap * LAP):
            yield choose(key), (key, value, at_ms, [])


def _with_ticks(
    records: Iterator[tuple[int, Record]], partitions: list[int], secret: bytes
) -> Iterator[tuple[int, Record]]:
    """Before the first reading of each step of the grid, a tick in every partition."""
    passed = 0
    for partition, record in records:
        if record[2] // TICK_MS > passed:
            passed = record[2] // TICK_MS
            at_ms = passed * TICK_MS
            key, value, headers = control.signed(control.tick(at_ms * US_PER_S // 1000), secret)
            yield from ((one, (key, value, at_ms, headers)) for one in partitions)
        yield partition, record


async def _burst(producer: AIOKafkaProducer, topic: str, records: Iterator[tuple[int, Record]], count: int) -> None:
    """That many records, in as few batches as they fit into."""
    batches: dict[int, list[Record]] = {}
    for partition, record in itertools.islice(records, count):
        batches.setdefault(partition, []).append(record)
    for partition, some in batches.items():
        batch = producer.create_batch()
        for key, value, at_ms, headers in some:
            if batch.append(key=key, value=value, timestamp=at_ms, headers=headers) is None:
                await producer.send_batch(batch, topic, partition=partition)
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=at_ms, headers=headers)
        await producer.send_batch(batch, topic, partition=partition)


if __name__ == "__main__":
    given = sys.argv[1:]
    goes_on = int(given[4]) if len(given) > 4 else None
    asyncio.run(load(given[0], given[1], float(given[2]), float(given[3]), goes_on))
