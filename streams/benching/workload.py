"""The records of the benches: synthetic readings, with nothing in them that a real integration would not send."""

import asyncio
import json
from collections.abc import Iterator

import numpy as np
from aiokafka import AIOKafkaProducer

from models.times import US_PER_S, rfc3339
from streams.configuration.settings import Settings
from streams.kafka.topics import ensure_topics

PATIENTS = 2_000
RECORDS = 400_000
CADENCE_S = 5
BATCH = 2_000
SEED = 7
BEGAN_US = 1_767_571_200 * US_PER_S
"""2026-01-05: an arbitrary Monday."""


def readings(
    count: int, patients: int, *, value: float | None = None, first: int = 0
) -> Iterator[tuple[bytes, bytes, int]]:
    """Key, value and arrival [ms] of that many heart rates, all patients in turn, one round every CADENCE_S seconds.

    first: the number of the first of them, for those who go on where others have stopped.
    """
    noise = np.random.default_rng(SEED).normal(70, 4, count).round(1)
    people = [_person(number, value) for number in range(patients)]
    for i in range(first, first + count):
        lap, number = divmod(i, patients)
        if number == 0 or i == first:
            at_us = BEGAN_US + lap * CADENCE_S * US_PER_S
            at, at_ms = rfc3339(at_us), at_us // 1000
        key, form = people[number]
        yield key, (form % (i, noise[i - first].item(), at)).encode(), at_ms


def _person(number: int, value: float | None) -> tuple[bytes, str]:
    """A patient's key, and the JSON of a reading but for its number, value (if none is given) and time: whoever makes
    100,000 readings a second has no time for more than filling in."""
    patient = f"p-{number:05d}"
    record = {
        "id": "r-%09d", "patient": patient, "device": f"urn:dev:watch-{number}", "code": "8867-4",
        "value": "%r", "unit": "/min", "at": "%s", "quality": 0.97,
    }  # fmt: skip
    given = "%r" if value is None else f"{value!r}%.0s"
    return patient.encode(), json.dumps(record).replace('"%r"', given)


async def publish(settings: Settings, count: int, patients: int) -> None:
    """Put readings on the topic, under their patients' keys."""
    await ensure_topics(settings.broker, settings.topic_prefix, settings.partitions, settings.replication)
    producer = AIOKafkaProducer(bootstrap_servers=settings.broker, linger_ms=20, max_batch_size=512 * 1024)
    await producer.start()
    try:
        sent: list[asyncio.Future[object]] = []
        for key, value, at_ms in readings(count, patients):
            sent.append(await producer.send(settings.topic("readings"), value, key=key, timestamp_ms=at_ms))
            if len(sent) >= BATCH:
                await asyncio.gather(*sent)
                sent.clear()
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
