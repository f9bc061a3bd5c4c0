"""How a notifier stands: whether it has joined its group, and takes what lies on `alerts`."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from streams import limits
from streams.serving import metrics
from streams.serving.standstill import Still

log = logging.getLogger(__name__)


class Telling:
    """As of the last look. Time is the event loop's. joined: whether the group has given it its share."""

    def __init__(self) -> None:
        self.joined = False
        self._lag: dict[int, int] = {}
        self._still: Still[int] = Still()
        self._missing = ""

    def ready(self) -> tuple[bool, str]:
        """For /readyz."""
        if self._missing:
            return False, f"{self._missing} is not there: the first worker makes it"
        if not self.joined:
            return False, "not in its group yet: alerts wait"
        if waiting := [partition for partition in self._still.for_long() if self._lag.get(partition)]:
            return False, f"stuck: alerts wait in partitions {waiting}, and none is taken up"
        return True, f"telling of the alerts in partitions {sorted(self._lag)}"

    async def keep_looking(self, consumer: AIOKafkaConsumer, topic: str) -> None:
        """A look every LAG_LOOK_EVERY_S, until cancelled. That Kafka is away is said by others."""
        try:
            while True:
                self._note("" if consumer.partitions_for_topic(topic) else topic)
                with contextlib.suppress(KafkaError, OSError, TimeoutError):
                    await self._look(consumer)
                await asyncio.sleep(limits.LAG_LOOK_EVERY_S)
        finally:
            self.left()

    def _note(self, missing: str) -> None:
        """Said once in the log when it changes."""
        if missing and not self._missing:
            log.warning("%s is not there: the first worker makes it; nobody is told of anything until then", missing)
        elif self._missing and not missing:
            log.info("%s is there now", self._missing)
        self._missing = missing

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        async with asyncio.timeout(limits.BROKER_ANSWER_WITHIN_S):
            ends = await consumer.end_offsets(consumer.assignment())
            found = {tp.partition: (await consumer.position(tp), end) for tp, end in ends.items()}
        self._forget(set(self._lag) - set(found))
        for partition, (position, end) in found.items():
            self._still.look(partition, position, end)
            self._lag[partition] = max(0, end - position)
            metrics.notifier_lag.labels(str(partition)).set(self._lag[partition])

    def left(self) -> None:
        """The group has taken its share back, or it has let go of it."""
        self.joined = False
        self._forget(set(self._lag))
        self._still.clear()

    def _forget(self, partitions: set[int]) -> None:
        for partition in partitions:
            metrics.notifier_lag.labels(str(partition)).set(0)
            del self._lag[partition]


def standing(telling: Telling, why_not: Callable[[], str]) -> tuple[bool, str]:
    """Whether it is ready, and why not; why_not: of the broker, empty when one answers."""
    reason = why_not()
    return (False, reason) if reason else telling.ready()
