"""Actions on their way to Kafka: the only thing the desk writes. Whether one is allowed is decided in the log."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from alerts.desk.config import NotPublished
from alerts.events import Action

Publish = Callable[[Action], Awaitable[None]]
"""Returns when the action is on the log; raises NotPublished when that is not certain."""

WITHIN_S = 6.0
CLOSE_WITHIN_S = 3.0
LOST = (KafkaError, OSError, TimeoutError)


class Producer:
    """Publishes on one topic, connecting when first needed and again after the broker was away."""

    def __init__(self, topic: str, client: Mapping[str, Any]) -> None:
        self._topic, self._client = topic, client
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def send(self, value: bytes, key: bytes | None) -> None:
        """Returns when the record is on the topic; raises NotPublished when that is not certain."""
        try:
            async with asyncio.timeout(WITHIN_S):
                producer = await self._connected()
                await producer.send_and_wait(self._topic, value, key)
        except LOST as error:
            await self.close()
            raise NotPublished(f"the stream did not take it ({type(error).__name__})") from error

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(*LOST):
                await asyncio.wait_for(producer.stop(), CLOSE_WITHIN_S)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                producer = AIOKafkaProducer(acks="all", **self._client)
                try:
                    await producer.start()
                except BaseException:
                    with contextlib.suppress(*LOST):
                        await producer.stop()
                    raise
                self._producer = producer
            return self._producer


class ActionPublisher(Producer):
    """Publishes actions, under the patient's key."""

    async def __call__(self, action: Action) -> None:
        await self.send(action.model_dump_json().encode(), action.patient.encode())


class AuditPublisher(Producer):
    """Publishes what the audit recorded."""

    async def __call__(self, value: bytes) -> None:
        await self.send(value, None)
