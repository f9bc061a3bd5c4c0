"""Records to Kafka: one producer, in order for each key; a record is there when all its copies have it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams import limits
from streams.configuration.settings import Settings
from streams.kafka.connection import producer_options
from streams.publish import topics_ready

log = logging.getLogger(__name__)

Sent = asyncio.Future[object]
Headers = Sequence[tuple[str, bytes]]
LOST = (KafkaError, OSError, TimeoutError)


class NotTaken(Exception):
    """It is not certain that Kafka has it."""


class Producing:
    """Sends for one gateway, from the moment that `started` gives it to its end."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self._settings = settings
        self._producer = producer

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls, settings: Settings) -> AsyncIterator["Producing"]:
        """With its topics there. What is on its way at the end is waited for. Raises BrokerUnreachable."""
        await topics_ready(settings)
        producer = AIOKafkaProducer(**producer_options(settings, limits.GATEWAY_KAFKA_WITHIN_S))
        await producer.start()
        try:
            yield cls(settings, producer)
        finally:
            try:
                await asyncio.wait_for(producer.stop(), limits.CLOSE_WITHIN_S)
            except LOST as wrong:
                log.warning("the producer did not close in order (%s)", type(wrong).__name__)

    async def send(self, topic: str, key: str | None, value: bytes | None, headers: Headers = ()) -> Sent:
        """On its way; the future is done when Kafka has it. Waits for room. Raises KafkaError."""
        sent: Sent = await self._producer.send(
            self._settings.topic(topic), value, key=None if key is None else key.encode(), headers=list(headers)
        )
        sent.add_done_callback(_heard)
        return sent

    async def confirmed(self, topic: str, key: str | None, value: bytes | None, headers: Headers = ()) -> None:
        """Returns when Kafka has it. Raises NotTaken when that is not certain."""
        try:
            async with asyncio.timeout(limits.GATEWAY_KAFKA_WITHIN_S):
                await asyncio.shield(await self.send(topic, key, value, headers))
        except LOST as wrong:
            raise NotTaken(type(wrong).__name__) from wrong


def is_there(sent: Sent) -> bool:
    """Whether Kafka has acknowledged it."""
    return sent.done() and not sent.cancelled() and sent.exception() is None


async def ended(sent: Iterable[Sent]) -> None:
    """Wait until Kafka has answered for all of them, whatever it says."""
    waiting: set[Awaitable[object]] = set(sent)
    if waiting:
        await asyncio.wait(waiting)  # type: ignore[type-var]


def _heard(sent: Sent) -> None:
    """An error that nobody waits for any more, as the request was answered before, is no news."""
    if not sent.cancelled():
        sent.exception()
