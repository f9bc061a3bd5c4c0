"""A steady load of readings, from a process of its own: `python -m streams.benching.load BROKER TOPIC RATE SECONDS`.

Batches are built with aiokafka's own builder, key by key to the partition that any Kafka producer would choose.
"""

import asyncio
import sys
import time
from collections.abc import Iterator

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner

from streams.benching import workload

BURST_S = 0.02
Record = tuple[bytes, bytes, int]


async def load(bootstrap: str, topic: str, rate: float, seconds: float) -> int:
    """Send about `rate` readings a second for `seconds`; how many were sent."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=512 * 1024)
    await producer.start()
    sent, began = 0, time.perf_counter()
    try:
        partitions = sorted(await producer.partitions_for(topic))
        records = _records(partitions)
        while (passed := time.perf_counter() - began) < seconds:
            due = int(passed * rate) - sent
            if due > 0:
                await _burst(producer, topic, records, due)
                sent += due
            await asyncio.sleep(BURST_S)
        await producer.flush()
    finally:
        await producer.stop()
    return sent


def _records(partitions: list[int]) -> Iterator[tuple[int, Record]]:
    """Readings without end, each with its partition; ids never repeat."""
    choose = DefaultPartitioner()
    whole = 2_000_000
    while True:
        for record in workload.readings(whole, workload.PATIENTS):
            yield choose(record[0], partitions, partitions), record


async def _burst(producer: AIOKafkaProducer, topic: str, records: Iterator[tuple[int, Record]], count: int) -> None:
    """That many readings, in as few batches as they fit into."""
    batches: dict[int, list[Record]] = {}
    for _ in range(count):
        partition, record = next(records)
        batches.setdefault(partition, []).append(record)
    for partition, some in batches.items():
        batch = producer.create_batch()
        for key, value, at_ms in some:
            if batch.append(key=key, value=value, timestamp=at_ms) is None:
                await producer.send_batch(batch, topic, partition=partition)
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=at_ms)
        await producer.send_batch(batch, topic, partition=partition)


if __name__ == "__main__":
    asyncio.run(load(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
