"""Whether the worker keeps up. It cannot drop readings, so it fetches slower; somebody has to hear of that."""

import asyncio
import logging

from streams import limits
from streams.serving import metrics
from streams.serving.standstill import Still

log = logging.getLogger(__name__)


class Pace:
    """The lag of each partition of ours, and when it was last complained of. Time is the event loop's."""

    def __init__(self) -> None:
        self._lag: dict[int, int] = {}
        self._still: Still[int] = Still()
        self._said_s = float("-inf")

    def note(self, partition: int, lag: int) -> None:
        """So many records of the partition wait. Says at most once in BEHIND_SAID_EVERY_S that it is too many."""
        self._lag[partition] = lag
        metrics.consumer_lag.labels(str(partition)).set(lag)
        behind = [p for p, waiting in self._lag.items() if waiting > limits.BEHIND_RECORDS]
        metrics.partitions_behind.set(len(behind))
        if behind:
            self._say(sorted(behind))

    def look(self, partition: int, position: int, end: int) -> None:
        """The partition is decided up to `position` and ends at `end`: a look at it from beside."""
        self._still.look(partition, position, end)
        self.note(partition, max(0, end - position))

    def stuck(self) -> str:
        """A sentence for /readyz: in which partitions something waits, and nothing is decided; empty if in none."""
        waiting = [p for p in self._still.for_long() if self._lag.get(p)]
        return f"partitions {waiting} are stuck: records wait, and none is decided" if waiting else ""

    def took(self, partition: int, seconds: float, alerts: int) -> None:
        """One step. Says when it was a long one: a tick at which very much was due."""
        metrics.engine_step_seconds.observe(seconds)
        if seconds > limits.STEP_LONG_S:
            log.warning(
                "partition %d: one step took %.0f s and brought %d alert events; others waited for it. After a long "
                "outage that happens once; start more workers if it goes on", partition, seconds, alerts,
            )  # fmt: skip

    def forget(self) -> None:
        """The partitions are being shared out anew."""
        for partition in self._lag:
            metrics.consumer_lag.labels(str(partition)).set(0)
        metrics.partitions_behind.set(0)
        self._lag = {}
        self._still.clear()

    def _say(self, behind: list[int]) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._said_s < limits.BEHIND_SAID_EVERY_S:
            return
        self._said_s = now_s
        log.warning(
            "behind: %d records wait in partitions %s, and are fetched as fast as they are decided; "
            "start more workers if this goes on", sum(self._lag[p] for p in behind), behind,
        )  # fmt: skip
