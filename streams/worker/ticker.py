"""Ticks: the only way in which time passes without data. Written to the partitions we hold, on a fixed grid."""

import asyncio
import logging
import time
from collections.abc import Callable

from models.times import US_PER_S
from streams import control, limits
from streams.configuration.settings import Settings
from streams.serving import metrics
from streams.worker.publisher import Publisher, settled

log = logging.getLogger(__name__)


async def keep_ticking(
    settings: Settings, publisher: Publisher, partitions: Callable[[], frozenset[int]],
    log_us: Callable[[int], int | None] = lambda partition: None,
) -> None:  # fmt: skip
    """At every grid time one tick to each of our partitions. The clock is read here, at the edge, never inside. log_us:
    the time of a partition, None while it has none."""
    grid, ahead = round(settings.tick_s * US_PER_S), Ahead()
    while True:
        now = time.time_ns() // 1000
        await asyncio.sleep((grid - now % grid) / US_PER_S)
        at = time.time_ns() // 1000 // grid * grid
        ahead.look({partition: log_us(partition) or at for partition in partitions()}, at)
        sent = [
            await publisher.control(control.tick(at), partition=partition, timestamp_ms=at // 1000)
            for partition in sorted(partitions())
        ]
        await settled(sent)


class Ahead:
    """Whether time stands still in partitions of ours: a clock was ahead and set back, here or at another worker."""

    def __init__(self) -> None:
        self._said_s = float("-inf")

    def look(self, log_us: dict[int, int], at_us: int) -> None:
        """The time of each partition, and that of our clock."""
        found = {partition: (us - at_us) / US_PER_S for partition, us in log_us.items()}
        metrics.log_ahead_seconds.set(max([0.0, *found.values()]))
        late, now_s = sorted(p for p, s in found.items() if s > limits.LOG_AHEAD_S), asyncio.get_running_loop().time()
        if late and now_s - self._said_s >= limits.BEHIND_SAID_EVERY_S:
            self._said_s = now_s
            log.error(
                "TIME STANDS STILL in partitions %s, %.0f s ahead of this machine's clock: a worker's clock was wrong. "
                "Until it has caught up nothing is escalated there and no silence is noticed; see to NTP",
                late, max(found.values()),
            )  # fmt: skip
