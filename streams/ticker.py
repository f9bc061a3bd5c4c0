"""Ticks: the only way in which time passes without data. Written to the partitions we hold, on a fixed grid."""

import asyncio
import time
from collections.abc import Callable

from models.times import US_PER_S
from streams import control
from streams.publisher import Publisher, settled
from streams.settings import Settings


async def keep_ticking(settings: Settings, publisher: Publisher, partitions: Callable[[], frozenset[int]]) -> None:
    """At every grid time one tick to each of our partitions. The clock is read here, at the edge, never inside."""
    grid = round(settings.tick_s * US_PER_S)
    while True:
        now = time.time_ns() // 1000
        await asyncio.sleep((grid - now % grid) / US_PER_S)
        at = time.time_ns() // 1000 // grid * grid
        sent = [
            await publisher.control(control.tick(at), partition=partition, timestamp_ms=at // 1000)
            for partition in sorted(partitions())
        ]
        await settled(sent)
