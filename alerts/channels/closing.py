"""Letting go of Kafka, whether or not it is still there.

aiokafka 0.14 has a trap: the `stop` of a consumer raises CancelledError when one of its fetches is just waiting to try
again (consumer/fetcher.py: `close` awaits what it has cancelled), and leaves its connections open. Taken for a
cancellation of our own, it would end whoever reconnects just then, without a word.
"""

import asyncio
import contextlib

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError


async def let_go(client: AIOKafkaConsumer | AIOKafkaProducer, within_s: float) -> None:
    """Stop a client of Kafka; what has not ended in time is cut off. CancelledError: it is we who are cancelled."""
    stopping = asyncio.ensure_future(client.stop())
    try:
        await asyncio.wait({stopping}, timeout=within_s)
    finally:
        stopping.cancel()
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        if not stopping.done() or stopping.cancelled():
            connections = client.client if isinstance(client, AIOKafkaProducer) else client._client
            await asyncio.wait_for(connections.close(), within_s)
        else:
            stopping.result()
