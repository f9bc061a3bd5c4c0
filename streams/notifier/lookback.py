"""What was told of alerts between the look of whoever asks for dead letters to be sent again, and the asking itself: an
answer that lies there may have been read by a notifier that has ended since."""

import asyncio
from collections.abc import Container, Mapping
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from alerts.channels.closing import let_go
from alerts.events import AlertEvent

RECORDS_MAX = 20_000
"""Records between look and asking, a partition: `dead_letters.EVENTS_MAX` askings, and far more alerts than come in the
minutes that they take. What was asked by an older look is not sent; that is said in the log."""
WITHIN_S = 15.0
"""As `deliveries.RECALL_WITHIN_S`: telling waits for it. Nothing is sent again where it takes longer."""
FETCH_MS = 200
CLOSE_WITHIN_S = 3.0

Span = tuple[int, int]
"""Offsets: from the first on, up to but without the second."""


async def between(
    client: Mapping[str, Any], spans: Mapping[TopicPartition, Span], about: Container[object]
) -> list[AlertEvent]:
    """The events of the alerts that it is about, partition by partition in their order; without what is gone from the
    log already. Raises KafkaError or OSError without a broker, TimeoutError after WITHIN_S."""
    consumer = AIOKafkaConsumer(enable_auto_commit=False, auto_offset_reset="earliest", **client)
    found: list[AlertEvent] = []
    try:
        async with asyncio.timeout(WITHIN_S):
            await consumer.start()
            consumer.assign(list(spans))
            for tp, (begin, _) in spans.items():
                consumer.seek(tp, begin)
            while left := [tp for tp, (_, end) in spans.items() if await consumer.position(tp) < end]:
                for records in (await consumer.getmany(*left, timeout_ms=FETCH_MS)).values():
                    found += [event for one in records if (event := event_of(one.value)) and event.alert_id in about]
    finally:
        await let_go(consumer, CLOSE_WITHIN_S)
    return found


def event_of(value: bytes | None) -> AlertEvent | None:
    """The event of a record of `alerts`; None where it is none."""
    try:
        return msgspec.json.decode(value or b"", type=AlertEvent)
    except msgspec.DecodeError:
        return None
