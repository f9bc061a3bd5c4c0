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


class ActionPublisher:
    """Publishes under the patient's key, connecting when first needed and again after the broker was away."""

    def __init__(self, topic: str, client: Mapping[str, Any]) -> None:
        self._topic, self._client = topic, client
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def __call__(self, action: Action) -> None:
        value = action.model_dump_json().encode()
        try:
            async with asyncio.timeout(WITHIN_S):
                producer = await self._connected()
                await producer.send_and_wait(self._topic, value, action.patient.encode())
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
