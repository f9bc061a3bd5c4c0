"""The deliveries topic: what became of telling whom, written by the notifier, and read back when it begins."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from alerts.channels.closing import let_go
from alerts.channels.post import Letter
from alerts.channels.progress import Told
from alerts.channels.protocol import Channel, Outcome, idempotency_key
from alerts.events import AlertEvent, Delivery

log = logging.getLogger(__name__)

FETCH_MS = 200
DELIVERIES_TAIL = 5_000
"""Records of `deliveries` read back per partition when partitions come: as many as an outbox holds by default."""
RECALL_WITHIN_S = 15.0
CLOSE_WITHIN_S = 3.0


async def recall(topic: str, client: Mapping[str, Any], told: Told) -> None:
    """Read the tail of `deliveries` into `told`. Raises KafkaError, OSError or TimeoutError without a broker."""
    consumer = AIOKafkaConsumer(topic, enable_auto_commit=False, **client)
    try:
        async with asyncio.timeout(RECALL_WITHIN_S):
            await consumer.start()
            ends = await consumer.end_offsets(consumer.assignment())
            begins = await consumer.beginning_offsets(consumer.assignment())
            left = {tp: end for tp, end in ends.items() if end > begins[tp]}
            for tp, end in left.items():
                consumer.seek(tp, max(begins[tp], end - DELIVERIES_TAIL))
            while left:
                for tp, records in (await consumer.getmany(*left, timeout_ms=FETCH_MS)).items():
                    _recall_records(records, told)
                    if records[-1].offset + 1 >= left[tp]:
                        del left[tp]
    finally:
        await let_go(consumer, CLOSE_WITHIN_S)


def _recall_records(records: list[ConsumerRecord], told: Told) -> None:
    for record in records:
        try:
            one = msgspec.json.decode(record.value or b"", type=Delivery)
            failed = one.outcome == "failed"
            told.recorded(one.delivery_id, failed=failed, channel=one.channel, again=one.again, whom=one.whom)
        except (msgspec.DecodeError, ValueError, RecursionError):
            log.warning("deliveries %d/%d is not a Delivery", record.partition, record.offset)


def delivery_id(channel: Channel, event: AlertEvent) -> str:
    """One for each alert event and channel, whoever delivers it."""
    return delivery_id_of(channel.name, event)


def delivery_id_of(channel: str, event: AlertEvent) -> str:
    """The same, by the channel's name."""
    return f"{idempotency_key(event)}:{channel}"


def delivery_of(channel: Channel, event: AlertEvent, outcome: Outcome, letter: Letter | None) -> Delivery:
    person = letter.person if letter else None
    return Delivery(
        delivery_id=delivery_id(channel, event),
        alert_id=event.alert_id,
        sequence=event.sequence,
        patient=event.patient,
        channel=channel.name,
        outcome=outcome.outcome,
        attempts=outcome.attempts,
        detail=outcome.detail,
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        member=person.member if person else None,
        instead_of=person.instead_of if person else None,
        why=letter.why if letter else None,
        again=letter.again if letter else 0,
        members=letter.members if letter else [],
    )
