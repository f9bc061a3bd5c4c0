"""`homebeat bench`: measured figures with their ratios, from one run on this machine.

Workload `throughput`: 2,000 patients, each with a heart rate every five seconds, as JSON of about 160 bytes, already on
four partitions of a broker. Measured over the same records, taking turns: aiokafka's plain fetch (no decoding), a
homebeat worker from the broker to decisions with its state on the changelog, and a stock Faust agent that writes a
table once an event. Then the latency from publishing a reading that breaks a floor to its alert, while readings flow
at half the worker's rate.

Workload `recovery`: the pages of 20,000 patients with six vitals each on the changelog, and a worker that starts.
"""

import asyncio
import gc
import time
from typing import Any

from streams.benching import recovery, throughput
from streams.broker import EmbeddedBroker
from streams.configure import load_settings
from streams.settings import Settings

BENCHES = ("throughput", "recovery")


def run_bench(name: str | None, settings: Settings) -> dict[str, Any]:
    """Run one bench, or all. On the embedded broker, whatever HOMEBEAT_BROKER says: a bench must not write to yours."""
    result: dict[str, Any] = {}
    for one in BENCHES if name is None else (name,):
        result |= asyncio.run(_bench(one))
        gc.collect()
    return result


async def _bench(name: str) -> dict[str, Any]:
    async with EmbeddedBroker() as broker:
        settings = load_settings(broker=broker.address, ticks="off", unknown_patients="monitor", notifier="off")
        began = time.perf_counter()
        figures = await (throughput if name == "throughput" else recovery).measure(settings)
        return {**figures, f"{name}_took_s": round(time.perf_counter() - began, 1)}
