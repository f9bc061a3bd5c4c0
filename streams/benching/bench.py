"""`homebeat bench`: measured figures with their ratios, from one run on this machine.

Workload `throughput`: 2,000 patients, each with a heart rate every five seconds, as JSON of about 160 bytes, already on
four partitions of a broker. Measured over the same records, taking turns: aiokafka's plain fetch (no decoding), a
homebeat worker from the broker to decisions with its state on the changelog, and a stock Faust agent that writes a
table once an event. Then the latency from publishing a reading that breaks a floor to its alert, while readings flow
at half the worker's rate.

Workload `recovery`: the pages of 10,000 and of 100,000 patients with six vitals each on the changelog, and a worker
that is killed and started again.

Workload `desk`: a desk that holds 100,000 patients, 5,000 open alerts and 20,000 of the last 90 days, and, among two
windows of everybody, 90 days of ten vitals of some. Asked over HTTP, whole answers, as the page asks. Fails when the
worklist or a patient's page takes longer than is promised.

Workload `soak`: the readings of `throughput` and ticks of their time, at half the rate that the worker had at first.
"""

import asyncio
import gc
import time
from collections.abc import Awaitable, Sequence
from typing import Any

from streams.benching import desk, recovery, soak, throughput
from streams.benching.ward import Ward
from streams.configuration.environment import load_settings
from streams.configuration.settings import Settings
from streams.kafka.embedded import EmbeddedBroker

SOAK_MINUTES = 60.0
BENCHES = ("throughput", "recovery")


def run_bench(name: str | None, settings: Settings, sizes: Sequence[int] = ()) -> dict[str, Any]:
    """Run one bench, or all. On the embedded broker, whatever HOMEBEAT_BROKER says: a bench must not write to yours."""
    result: dict[str, Any] = {}
    for one in BENCHES if name is None else (name,):
        result |= asyncio.run(_bench(one, sizes or recovery.SIZES))
        gc.collect()
    return result


async def _bench(name: str, sizes: Sequence[int]) -> dict[str, Any]:
    async with EmbeddedBroker() as broker:
        settings = _settings(broker.address)
        return await _timed(name, throughput.measure(settings) if name == "throughput" else _recovery(settings, sizes))


def run_recovery(sizes: Sequence[int], broker: str) -> dict[str, Any]:
    """Recovery on the Kafka that is named; topics recovery-* are made anew there."""
    return asyncio.run(_timed("recovery", _recovery(_settings(broker), sizes)))


def _settings(broker: str) -> Settings:
    return load_settings(broker=broker, ticks="off", unknown_patients="monitor", notifier="off")


async def _recovery(settings: Settings, sizes: Sequence[int]) -> dict[str, Any]:
    return await recovery.measure(settings, sizes or recovery.SIZES)


async def _timed(name: str, measured: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    began = time.perf_counter()
    figures = await measured
    return {**figures, f"{name}_took_s": round(time.perf_counter() - began, 1)}


def run_desk_bench(patients: int | None, database: str | None) -> dict[str, Any]:
    """How fast the desk answers, on PostgreSQL or a file of SQLite that goes away; `desk_failure` says whether that is
    too slow. Raises Failed when it cannot be measured."""
    began = time.perf_counter()
    many = patients or Ward.patients
    figures = desk.measure(Ward(patients=many, followed=min(Ward.followed, many)), database)
    return {**figures, "desk_took_s": round(time.perf_counter() - began, 1)}


def run_soak(minutes: float | None, rate: float | None, broker: str | None) -> dict[str, Any]:
    """Soak on the Kafka that is named, or on the embedded broker for as long as memory lasts. Raises WrongSettings.
    rate: readings a second; half the top rate by default."""
    lasting = SOAK_MINUTES if minutes is None else minutes
    soak.check(lasting, broker is None)
    return asyncio.run(_soak(lasting, rate, broker))


async def _soak(minutes: float, rate: float | None, broker: str | None) -> dict[str, Any]:
    if broker is not None:
        return await soak.measure(load_settings(broker=broker), minutes, rate)
    async with EmbeddedBroker() as embedded:
        return await soak.measure(load_settings(broker=embedded.address), minutes, rate)
