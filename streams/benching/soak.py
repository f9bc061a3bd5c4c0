"""A soak: one worker at half its top rate for a long time. Its memory must stay flat, and its lag end at nothing."""

import asyncio
import contextlib
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiokafka.admin import NewTopic

from streams.benching import workload
from streams.benching.anew import forget
from streams.benching.child import environment
from streams.configuration.settings import Settings
from streams.errors import Failed, WrongSettings
from streams.kafka.connection import admin_client
from streams.kafka.embedded import free_port
from streams.limits import MIB, READINGS_MESSAGE_BYTES_MAX

PREFIX = "soak."
HOST = "127.0.0.1"
WARM = 100_000
"""Readings before the top rate is measured: in them the patients appear, which happens once in a patient's life."""
IN_MEMORY_MINUTES_MAX = 10.0
"""The embedded broker keeps every record in memory: about 5 MiB a second here."""
KEPT = {"retention.ms": "-1", "retention.bytes": str(512 * MIB), "segment.bytes": str(64 * MIB),
        "max.message.bytes": str(READINGS_MESSAGE_BYTES_MAX)}  # fmt: skip
"""Of each partition of the readings: some minutes of them. By size, as their time stamps are of another year."""
SETTLE_SHARE, SPAN_SHARE = 0.1, 0.1
"""Of the time: what is let pass before memory is first looked at, and how long it is looked at, first and last.
Their mean is taken: memory goes up and down with each checkpoint, and a median would be the one level or the other."""
LOOK_EVERY_S = 1.0
PAUSE_S = 0.02
WITHIN_S = 120.0
_LINE = re.compile(
    r"^(homebeat_consumer_lag|homebeat_readings_received_total|process_resident_memory_bytes)(?:{.*})? (\S+)$", re.M
)


@dataclass(frozen=True)
class Look:
    """What the worker says of itself: resident memory [bytes], readings received, records it is behind."""

    rss: float
    received: int
    lag: int


def check(minutes: float, embedded: bool) -> None:
    """Raise WrongSettings for a soak that cannot be."""
    if embedded and minutes > IN_MEMORY_MINUTES_MAX:
        raise WrongSettings(
            f"the embedded broker keeps every record in memory, enough for {IN_MEMORY_MINUTES_MAX:g} minutes: "
            "name a Kafka with --broker (topics soak.* are made there), or soak for less with --minutes"
        )


async def measure(settings: Settings, minutes: float, rate: float | None = None) -> dict[str, Any]:
    """The figures. settings: of a broker on which topics `soak.*` may be made anew; rate: of readings a second, half of
    the top rate by default."""
    settings = settings.model_copy(update={"topic_prefix": PREFIX})
    await _fresh_topics(settings)
    await workload.publish(settings, workload.RECORDS, workload.PATIENTS)
    async with _worker(settings) as look:
        top = await _top_rate(look)
        rate = top / 2 if rate is None else rate
        _say(f"top rate {top:.0f} readings/s; {minutes:g} minutes at {rate:.0f} readings/s ...")
        began = (await look()).received
        looks = await _under_load(settings, look, rate, minutes * 60)
        end = await _end(look)
    span = max(1, round(len(looks) * SPAN_SHARE))
    settled = looks[round(len(looks) * SETTLE_SHARE) :]
    first, last = (statistics.fmean(one.rss for one in some) / MIB for some in (settled[:span], settled[-span:]))
    return {
        "minutes": minutes, "readings_per_s": round((end.received - began) / (minutes * 60)),
        "rss_mib_first": round(first, 1), "rss_mib_last": round(last, 1),
        "rss_mib_max": round(max(one.rss for one in looks) / MIB, 1),
        "growth_percent": round(100 * (last / first - 1), 2), "lag_end": end.lag,
        "lag_max": max(one.lag for one in looks), "top_readings_per_s": round(top), "patients": workload.PATIENTS,
    }  # fmt: skip


async def _fresh_topics(settings: Settings) -> None:
    """Readings that are deleted again, so that an hour of them fits; and nothing of an earlier soak."""
    await forget(settings)
    async with admin_client(settings) as admin:
        topic = NewTopic(settings.topic("readings"), settings.partitions, settings.replication, topic_configs=KEPT)
        await admin.create_topics([topic])


class _Looking:
    """Asks the worker's page of metrics."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session, self._url = session, f"http://{HOST}:{port}/metrics"

    async def __call__(self) -> Look:
        async with self._session.get(self._url) as answer:
            found: dict[str, float] = {}
            for name, value in _LINE.findall(await answer.text()):
                found[name] = found.get(name, 0.0) + float(value)
        return Look(
            found.get("process_resident_memory_bytes", 0.0),
            int(found.get("homebeat_readings_received_total", 0)),
            int(found.get("homebeat_consumer_lag", 0)),
        )


@contextlib.asynccontextmanager
async def _worker(settings: Settings) -> AsyncIterator[_Looking]:
    """A worker in a process of its own, as its memory is what is asked for."""
    port = free_port(HOST)
    with tempfile.TemporaryDirectory(prefix="homebeat-soak-") as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "streams", "worker", stdout=asyncio.subprocess.DEVNULL,
            env=environment(settings, http_port=str(port), data_folder=folder, ticks="off", log_level="warning"),
        )  # fmt: skip
        try:
            async with aiohttp.ClientSession() as session:
                look = _Looking(session, port)
                await _answers(look, process)
                yield look
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _answers(look: _Looking, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(WITHIN_S):
        while True:
            if process.returncode is not None:
                raise Failed(f"the worker ended with {process.returncode}")
            with contextlib.suppress(aiohttp.ClientError):
                await look()
                return
            await asyncio.sleep(PAUSE_S)


async def _top_rate(look: _Looking) -> float:
    """Readings a second while plenty wait."""
    began = await _received(look, WARM)
    return (workload.RECORDS - began[1]) / ((await _received(look, workload.RECORDS))[0] - began[0])


async def _received(look: _Looking, count: int) -> tuple[float, int]:
    """When that many had been received, and how many it were."""
    async with asyncio.timeout(WITHIN_S):
        while (received := (await look()).received) < count:
            await asyncio.sleep(PAUSE_S)
    return time.perf_counter(), received


async def _under_load(settings: Settings, look: _Looking, rate: float, seconds: float) -> list[Look]:
    """One look a second while another process sends `rate` readings a second."""
    line = [sys.executable, "-m", "streams.benching.load", settings.broker, settings.topic("readings"), str(rate),
            str(seconds), str(workload.RECORDS)]  # fmt: skip
    loading = await asyncio.create_subprocess_exec(*line, env=environment(settings))
    looks = []
    try:
        while loading.returncode is None:
            looks.append(await look())
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        if loading.returncode is None:
            loading.kill()
            await loading.wait()
    if loading.returncode:
        raise Failed(f"the load ended with {loading.returncode}")
    return looks


async def _end(look: _Looking) -> Look:
    """Once nothing is left to do, or the worker has had its time for it."""
    last = await look()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WITHIN_S):
            while last.lag > 0:
                await asyncio.sleep(LOOK_EVERY_S)
                last = await look()
    return last


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)  # noqa: T201 - progress of a long command
