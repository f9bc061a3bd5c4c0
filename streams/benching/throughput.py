"""Readings a second: the plain fetch, a worker, a stock Faust agent; then the latency of alerts."""

import asyncio
import contextlib
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from models.times import rfc3339
from streams.benching import workload
from streams.configuration.settings import Settings
from streams.worker.worker import Worker

STOCK_EVENTS = 10_000
LATENCY_S = 10.0
SETTLE_S = 3.0
PROBE_EVERY_S = 0.05
WITHIN_S = 300.0
PAUSE_S = 0.005
WARM = 40_000
ASKS_PYTHON = "import gc; print(*gc.get_threshold())"


async def measure(settings: Settings) -> dict[str, Any]:
    """All figures, one after the other: none of them shares its time with another."""
    print("publishing readings ...", file=sys.stderr, flush=True)  # noqa: T201 - progress of a long command
    await workload.publish(settings, workload.RECORDS, workload.PATIENTS)
    plain = [await plain_fetch(settings, workload.RECORDS)]
    rates = [await worker_rate(settings, "first", workload.RECORDS)]
    plain.append(await plain_fetch(settings, workload.RECORDS))
    rates.append(await worker_rate(settings, "second", workload.RECORDS))
    plain.append(await plain_fetch(settings, workload.RECORDS))
    worker, fetch = statistics.mean(rates), statistics.mean(plain)
    stock = await stock_faust(settings, STOCK_EVENTS)
    p50, p99 = await latency(settings, worker / 2)
    return {
        "readings_per_s": round(worker), "plain_fetch_per_s": round(fetch),
        "share_of_plain_fetch": round(worker / fetch, 3), "stock_faust_per_s": round(stock),
        "times_stock_faust": round(worker / stock, 1), "latency_ms_p50": round(p50, 1), "latency_ms_p99": round(p99, 1),
        "readings": workload.RECORDS, "patients": workload.PATIENTS,
    }  # fmt: skip


async def plain_fetch(settings: Settings, count: int) -> float:
    """Records a second of aiokafka's `getmany`, values untouched, in a Python as it comes."""
    with _python_as_it_comes():
        return await _plain_fetch(settings, count)


@contextlib.contextmanager
def _python_as_it_comes() -> Iterator[None]:
    """What homebeat is held against does without how homebeat's commands set the garbage collector at their start: with
    it the same fetch took 570,000 records a second, and 334,000 without."""
    ours = gc.get_threshold()
    fresh = subprocess.run([sys.executable, "-I", "-c", ASKS_PYTHON], capture_output=True, text=True, check=True)
    gc.set_threshold(*map(int, fresh.stdout.split()))
    try:
        yield
    finally:
        gc.set_threshold(*ours)


async def _plain_fetch(settings: Settings, count: int) -> float:
    topic = settings.topic("readings")
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.broker, enable_auto_commit=False, auto_offset_reset="earliest",
        max_partition_fetch_bytes=2 * 1024 * 1024,
    )  # fmt: skip
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, number) for number in range(settings.partitions)])
        seen, began = 0, time.perf_counter()
        while seen < count:
            fetched = await consumer.getmany(timeout_ms=1000, max_records=10_000)
            seen += sum(len(records) for records in fetched.values())
        return count / (time.perf_counter() - began)
    finally:
        await consumer.stop()


async def worker_rate(settings: Settings, group: str, count: int) -> float:
    """Readings a second of a worker, until all are decided and its state is on the changelog.

    The first WARM readings are not counted: in them the patients appear, which happens once in a patient's life.
    """
    stop = asyncio.Event()
    worker = Worker(settings.model_copy(update={"group": group}))
    running = asyncio.create_task(worker.run(stop))
    try:
        await _received(worker, running, WARM)
        warm, began = worker.keeper.received, time.perf_counter()
        await _received(worker, running, count)
        await worker.keeper.checkpoint()
        return (count - warm) / (time.perf_counter() - began)
    finally:
        stop.set()
        await running


async def _received(worker: Worker, running: "asyncio.Task[None]", count: int) -> None:
    """Wait until the worker has taken that many readings, or fail with what it failed with."""
    async with asyncio.timeout(WITHIN_S):
        while worker.keeper.received < count:
            if running.done():
                running.result()
            await asyncio.sleep(PAUSE_S)


async def stock_faust(settings: Settings, count: int) -> float:
    """Events a second of an ordinary Faust agent with one table write an event, over the same topic."""
    with _python_as_it_comes():
        return await _stock_faust(settings, count)


async def _stock_faust(settings: Settings, count: int) -> float:
    app = faust.App(
        f"{settings.topic_prefix}stock", broker=f"kafka://{settings.broker}", store="memory://", web_enabled=False,
        topic_partitions=settings.partitions, topic_replication_factor=1, topic_disable_leader=True,
        consumer_auto_offset_reset="earliest", broker_rebalance_timeout=6.0, broker_session_timeout=6.0,
        broker_heartbeat_interval=1.5, datadir=str(settings.data_folder / "faust"),
    )  # fmt: skip
    means = app.Table("means", default=float, partitions=settings.partitions)
    topic = app.topic(settings.topic("readings"), key_type=bytes, value_type=bytes, value_serializer="raw")
    done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    seen = 0

    async def mean(stream: Any) -> None:
        nonlocal seen
        began = 0.0
        async for value in stream:
            began = began or time.perf_counter()
            reading = json.loads(value)
            means[reading["patient"]] += 0.1 * (reading["value"] - means[reading["patient"]])
            seen += 1
            if seen == count and not done.done():
                done.set_result(count / (time.perf_counter() - began))

    app.agent(topic)(mean)
    app.finalize()
    await app.start()
    try:
        return await asyncio.wait_for(done, WITHIN_S)
    finally:
        await app.stop()


async def latency(settings: Settings, rate: float) -> tuple[float, float]:
    """Milliseconds (p50, p99) from publishing a reading that breaks a floor until its alert is back from the broker.

    Meanwhile another process sends `rate` other readings a second.
    """
    settings = settings.model_copy(update={"topic_prefix": "latency."})
    await workload.publish(settings, WARM, workload.PATIENTS)
    stop = asyncio.Event()
    worker = Worker(settings)
    running = asyncio.create_task(worker.run(stop))
    try:
        await _received(worker, running, WARM)
        waits = sorted(await _probe(settings, rate))
    finally:
        stop.set()
        await running
    return waits[len(waits) // 2], waits[min(len(waits) - 1, round(0.99 * len(waits)))]


async def _probe(settings: Settings, rate: float) -> list[float]:
    """Send probes among the other readings, each about a new patient, and wait for their alerts."""
    sent: dict[str, float] = {}
    waits: list[float] = []
    topic = settings.topic("readings")
    consumer = AIOKafkaConsumer(
        settings.topic("alerts"), bootstrap_servers=settings.broker, auto_offset_reset="earliest", fetch_max_wait_ms=50
    )
    producer = AIOKafkaProducer(bootstrap_servers=settings.broker)
    load = [sys.executable, "-m", "streams.benching.load", settings.broker, topic, str(rate), str(LATENCY_S + SETTLE_S)]
    loading = await asyncio.create_subprocess_exec(*load)
    await consumer.start()
    await producer.start()
    listening = asyncio.create_task(_listen(consumer, sent, waits))
    try:
        await asyncio.sleep(SETTLE_S)
        await _send_probes(producer, topic, sent)
        async with asyncio.timeout(WITHIN_S):
            while len(waits) < len(sent):
                await asyncio.sleep(PAUSE_S)
    finally:
        listening.cancel()
        if loading.returncode is None:
            loading.kill()
        await loading.wait()
        await producer.stop()
        await consumer.stop()
    return waits


async def _send_probes(producer: AIOKafkaProducer, topic: str, sent: dict[str, float]) -> None:
    """Every PROBE_EVERY_S a reading beyond a floor."""
    ends = time.perf_counter() + LATENCY_S
    while time.perf_counter() < ends:
        patient, now_us = f"probe-{len(sent)}", time.time_ns() // 1000
        probe = {"id": patient, "patient": patient, "code": "spo2", "unit": "%", "value": 70, "at": rfc3339(now_us)}
        sent[patient] = time.perf_counter()
        await producer.send(topic, json.dumps(probe).encode(), key=patient.encode())
        await asyncio.sleep(PROBE_EVERY_S)


async def _listen(consumer: AIOKafkaConsumer, sent: dict[str, float], waits: list[float]) -> None:
    async for record in consumer:
        begun = sent.get(record.key.decode())
        if begun is not None and json.loads(record.value)["event"] == "opened":
            waits.append(1000 * (time.perf_counter() - begun))
