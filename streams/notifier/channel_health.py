"""How the channels of a notifier fare: what its own outcomes and those before it say, and how the log is told of it."""

import asyncio
import logging
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from alerts.channels.health import Health
from alerts.channels.progress import Told
from alerts.channels.protocol import Outcome
from alerts.sources import SourceChange
from streams import control
from streams.notifier.configuration import RECORD_WITHIN_S, NotifierConfig

log = logging.getLogger(__name__)


class Faring:
    """The channels as one session of the notifier sees them."""

    def __init__(self, config: NotifierConfig, producer: AIOKafkaProducer, told: Told, health: Health) -> None:
        self._config, self._producer, self._told, self._health = config, producer, told, health

    def works(self, channel: str) -> bool:
        """Whether a channel is not known to fail. One that is gets its message all the same: so it is seen to work
        again. But an emergency does not wait until all tries of it are over before it goes another way."""
        return self._health.working(channel, failed_before=self._told.failing(channel))

    async def saw(self, channel: str, outcome: Outcome) -> None:
        """A message on this channel has come to its end."""
        before = self._told.failing(channel)
        await self._report(self._health.saw(channel, outcome, datetime.now(UTC), failed_before=before))

    async def _report(self, change: SourceChange | None) -> None:
        """Tell the log that a channel fails, or works again: the engine makes it an alert, told by those that work."""
        if change is None or self._config.control_secret is None:
            return
        key, value, headers = control.signed(control.source(change), self._config.control_secret)
        topic = self._config.topic("readings")
        try:
            for partition in range(self._config.partitions):
                sending = self._producer.send_and_wait(topic, value, key, partition=partition, headers=headers)
                await asyncio.wait_for(sending, RECORD_WITHIN_S)
        except (KafkaError, AssertionError, TimeoutError) as error:  # telling people goes before telling of the channel
            log.warning("notifier: could not tell the log that %s is %s (%r)", change.source, change.state, error)
