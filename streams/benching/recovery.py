"""Recovery: from the start of a worker to all its patients back in memory."""

import asyncio
import sys
import time
from typing import Any

import numpy as np
from aiokafka import AIOKafkaProducer

from models.times import US_PER_S
from streams import limits
from streams.benching import workload
from streams.engine.log import LogSlice
from streams.engine.pages import pack_dirty
from streams.engine.state import PartitionState
from streams.engine.step import EngineSettings, step
from streams.ledger import changelog_topic
from streams.settings import Settings
from streams.topics import ensure_topics
from streams.worker import Worker

PATIENTS = 20_000
CODES = (("8867-4", "/min", 70), ("59408-5", "%", 97), ("8480-6", "mm[Hg]", 120), ("8462-4", "mm[Hg]", 75),
         ("8310-5", "Cel", 36.6), ("29463-7", "kg", 70))  # fmt: skip
WITHIN_S = 300.0
PAUSE_S = 0.02


async def measure(settings: Settings) -> dict[str, Any]:
    """patients, seconds, bytes_per_patient (of a page on the changelog)."""
    await ensure_topics(settings.broker, settings.topic_prefix, settings.partitions, settings.replication)
    await _start_and_stop(settings, 0)  # Faust makes the changelog topic
    print("writing pages ...", file=sys.stderr, flush=True)  # noqa: T201 - progress of a long command
    size = await _write_pages(settings)
    seconds = await _start_and_stop(settings, PATIENTS)
    return {"patients": PATIENTS, "seconds": round(seconds, 2), "bytes_per_patient": round(size / PATIENTS)}


async def _start_and_stop(settings: Settings, patients: int) -> float:
    """Seconds from the start of a worker until it is ready and holds that many patients."""
    stop = asyncio.Event()
    worker = Worker(settings)
    began = time.perf_counter()
    running = asyncio.create_task(worker.run(stop))
    try:
        async with asyncio.timeout(WITHIN_S):
            while not worker.ready()[0]:
                await asyncio.sleep(PAUSE_S)
        held = await worker.keeper.hold_all()
        seconds = time.perf_counter() - began
        if held < patients:
            raise RuntimeError(f"{held} of {patients} patients came back")
        return seconds
    finally:
        stop.set()
        await running


async def _write_pages(settings: Settings) -> int:
    """Make the patients by running the step, and put their pages on the changelog; bytes written."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.broker, max_request_size=limits.PRODUCER_REQUEST_BYTES_MAX)
    await producer.start()
    size = 0
    try:
        for partition in range(settings.partitions):
            state = PartitionState()
            first = partition * PATIENTS // settings.partitions
            step(
                state,
                _log(partition, range(first, first + PATIENTS // settings.partitions)),
                EngineSettings(b"", monitor_unknown=True),
            )
            for key, value in pack_dirty(state, partition).pages.items():
                size += len(value)
                await producer.send(changelog_topic(settings), value, key=key, partition=partition)
        await producer.flush()
    finally:
        await producer.stop()
    return size


def _log(partition: int, patients: range) -> LogSlice:
    """One reading of every vital of every patient."""
    key, value = [], []
    for patient in patients:
        for code, unit, level in CODES:
            name = f"p-{patient:07d}"
            key.append(name.encode())
            value.append(
                f'{{"id":"{code}","patient":"{name}","code":"{code}","unit":"{unit}","value":{level},'
                f'"at":"2026-01-05T00:00:00Z"}}'.encode()
            )
    n = len(value)
    return LogSlice("readings", partition, np.arange(-n, 0), np.full(n, workload.BEGAN_US + US_PER_S), key, value)
