"""From `alerts` to channels: each (`alert_id`, `sequence`) told once to each channel, each outcome on `deliveries`.

The rule of what is told is `silent_because`; which event goes first is `alerts.channels.outbox`. An alert is committed
only after its outcomes are on the log, so a crash may tell it again, under the same idempotency key; what the tail of
`deliveries` already shows is not sent again. Kafka going away ends a session; the next one begins at the commit.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError

from alerts.channels.closing import let_go
from alerts.channels.dispatcher import Dispatcher
from alerts.channels.outbox import Outbox
from alerts.channels.progress import Progress, Told
from alerts.channels.protocol import Channel, Outcome, idempotency_key
from alerts.channels.webhook import WebhookChannel, WebhookLimits
from alerts.episodes import BEGAN_EARLIER, HAS_COME
from alerts.events import AlertEvent, Delivery
from streams import metrics

log = logging.getLogger(__name__)

TOLD = frozenset({"opened", "updated", "escalated", "reopened", "resolved"})
"""What happened to the patient. What the team itself did (acknowledged, assigned, snoozed) is on the desk."""

FETCH_MS = 200
FETCH_RECORDS = 500
DELIVERIES_TAIL = 5_000
"""Records of `deliveries` read back per partition when partitions come: as many as an outbox holds by default."""
RECORD_WITHIN_S = 15.0
CLOSE_WITHIN_S = 3.0
REBALANCE_MS = 6_000
"""How long the group waits for its members; above `grace_s`. The embedded broker waits all of it."""
REQUEST_MS = 10_000
"""Above REBALANCE_MS: a request to join is answered when the group has formed."""


@dataclass(frozen=True)
class NotifierConfig:
    """Everything the notifier may know. secret: signs the messages. slots, waiting: bounds for each channel."""

    bootstrap: str
    prefix: str
    webhook_urls: tuple[str, ...]
    secret: bytes
    webhook: WebhookLimits = field(default_factory=WebhookLimits)
    slots: int = 8
    waiting: int = 5_000
    grace_s: float = 5.0
    reconnect_s: float = 2.0
    remembered: int = 100_000
    kafka: Mapping[str, Any] = field(default_factory=dict)
    """Further options of aiokafka's clients, such as TLS and SASL."""

    @property
    def group(self) -> str:
        return f"{self.prefix}notifier"

    @property
    def client(self) -> dict[str, Any]:
        """What every client of aiokafka is made with."""
        own = {"bootstrap_servers": self.bootstrap, "client_id": "homebeat-notifier", "request_timeout_ms": REQUEST_MS}
        return {**own, **self.kafka}

    def topic(self, name: str) -> str:
        return f"{self.prefix}{name}"


def silent_because(event: AlertEvent) -> str | None:
    """Why no channel is told of this event, or None when it is to be told. The policy has decided that; what follows
    after it is for events on the log from before there was one."""
    if event.policy:
        return None if event.notify is not None else event.policy[-1].reason
    if event.retrospective:
        return "retrospective: it is on the worklist, and is not paged as if it were now"
    if event.reason == BEGAN_EARLIER and event.event == "updated":
        return f"{BEGAN_EARLIER}: nothing is asked of anyone that was not asked before"
    if event.reason == HAS_COME and event.event == "resolved":
        return f"{HAS_COME}: the alert about it is told instead"
    if event.event not in TOLD:
        return f"{event.event}: done by the team, which sees it on the desk"
    return None


async def run_notifier(config: NotifierConfig, stop: asyncio.Event) -> None:
    """Tell the channels about alerts until `stop`. Outlives the broker: reconnects for as long as it takes."""
    channels = webhook_channels(config)
    told = Told(config.remembered)
    try:
        while not stop.is_set():
            session = _Session(config, channels, told)
            try:
                await session.run(stop)
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("notifier: lost the broker (%s), trying again", type(error).__name__)
                await _pause(stop, config.reconnect_s)
            finally:
                await session.close()
    finally:
        for channel in channels:
            await channel.close()


def webhook_channels(config: NotifierConfig) -> list[Channel]:
    """One channel for each address, each with a name of its own. ValueError for what is no web address."""
    channels: dict[str, Channel] = {}
    for number, url in enumerate(config.webhook_urls, 1):
        channel = WebhookChannel(url, config.secret, config.webhook)
        if channel.name in channels:
            channel.name = f"{channel.name}#{number}"
        channels[channel.name] = channel
    return list(channels.values())


class _Session(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """One connected life of the notifier: from joining the group to stop, or to the first error of Kafka."""

    def __init__(self, config: NotifierConfig, channels: list[Channel], told: Told) -> None:
        self._config, self._told = config, told
        self._consumer = AIOKafkaConsumer(
            group_id=config.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            rebalance_timeout_ms=REBALANCE_MS,
            **config.client,
        )
        self._producer = AIOKafkaProducer(acks="all", **config.client)  # repeats share their delivery id
        self._progress: Progress[TopicPartition] = Progress()
        self._places: dict[tuple[str, int], tuple[TopicPartition, int]] = {}
        self._recalled = asyncio.Event()
        self._dispatchers = [
            Dispatcher(channel, Outbox(config.slots, config.waiting), self._record) for channel in channels
        ]

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Raises KafkaError, OSError or TimeoutError when the broker is lost; close in either case."""
        await self._producer.start()
        self._consumer.subscribe([self._config.topic("alerts")], listener=self)
        await _unless(stop, self._consumer.start())
        while not stop.is_set():
            await self._turn()
        await self._wind_up()

    async def close(self) -> None:
        """Let go of the broker, whether or not it is still there."""
        for dispatcher in self._dispatchers:
            await dispatcher.wind_up(0.0)
        for client in (self._consumer, self._producer):
            await let_go(client, CLOSE_WITHIN_S)

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """End what is under way before somebody else gets these partitions and tells the same."""
        if revoked:
            self._recalled.clear()
            try:
                await self._wind_up()
            except (KafkaError, OSError, TimeoutError) as error:
                log.info("notifier: could not commit before handing over (%s)", type(error).__name__)
            self._progress.forget()
            self._places.clear()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """What others have told since the last commit is not told again."""
        try:
            await recall(self._config, self._told)
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("notifier: could not read back the deliveries (%s); some may repeat", type(error).__name__)
        finally:
            self._recalled.set()

    async def _turn(self) -> None:
        broken = next((one.failed for one in self._dispatchers if one.failed is not None), None)
        if broken is not None:
            raise broken
        busy = any(one.full for one in self._dispatchers)
        (self._consumer.pause if busy else self._consumer.resume)(*self._consumer.assignment())
        batch = await self._consumer.getmany(timeout_ms=FETCH_MS, max_records=FETCH_RECORDS)
        if batch:
            await self._recalled.wait()
        for partition, records in batch.items():
            for record in records:
                self._take(partition, record)
        await self._commit()

    def _take(self, partition: TopicPartition, record: ConsumerRecord) -> None:
        event = _event(record)
        untold = self._untold(event) if event is not None else []
        self._progress.took(partition, record.offset, len(untold))
        if event is None or not untold:
            return
        self._places[event.alert_id, event.sequence] = (partition, record.offset)
        for dispatcher in untold:
            outcome = self._told.unrecorded.get(delivery_id(dispatcher.channel, event))
            if outcome is None:
                dispatcher.put(event)
            else:
                dispatcher.settled(event, outcome)

    def _untold(self, event: AlertEvent) -> list[Dispatcher]:
        """The channels that are to be told. A repeat of what is under way has the outcomes of the first."""
        if silent_because(event) is not None or (event.alert_id, event.sequence) in self._places:
            return []
        return [one for one in self._dispatchers if delivery_id(one.channel, event) not in self._told]

    async def _record(self, channel: Channel, event: AlertEvent, outcome: Outcome) -> None:
        known = delivery_id(channel, event)
        self._told.unrecorded[known] = outcome
        place = self._places.get((event.alert_id, event.sequence))
        value = msgspec.json.encode(_delivery(channel, event, outcome))
        topic = self._config.topic("deliveries")
        await asyncio.wait_for(self._producer.send_and_wait(topic, value, event.patient.encode()), RECORD_WITHIN_S)
        self._told.recorded(known)
        metrics.deliveries.labels(channel=channel.name, outcome=outcome.outcome).inc()
        if place is not None and self._progress.done(*place):
            self._places.pop((event.alert_id, event.sequence), None)

    async def _wind_up(self) -> None:
        await asyncio.gather(*(one.wind_up(self._config.grace_s) for one in self._dispatchers))
        await self._commit()

    async def _commit(self) -> None:
        mine = self._consumer.assignment()
        offsets = {tp: offset for tp, offset in self._progress.committable().items() if tp in mine}
        if offsets:
            await asyncio.wait_for(self._consumer.commit(offsets), RECORD_WITHIN_S)
            self._progress.committed(offsets)


async def recall(config: NotifierConfig, told: Told) -> None:
    """Read the tail of `deliveries` into `told`. Raises KafkaError, OSError or TimeoutError without a broker."""
    consumer = AIOKafkaConsumer(config.topic("deliveries"), enable_auto_commit=False, **config.client)
    try:
        async with asyncio.timeout(RECORD_WITHIN_S):
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
            told.recorded(msgspec.json.decode(record.value or b"", type=Delivery).delivery_id)
        except msgspec.DecodeError:
            log.warning("deliveries %d/%d is not a Delivery", record.partition, record.offset)


def _event(record: ConsumerRecord) -> AlertEvent | None:
    try:
        return msgspec.json.decode(record.value or b"", type=AlertEvent)
    except msgspec.DecodeError as error:
        log.error("alerts %d/%d cannot be told: %s", record.partition, record.offset, error)
        metrics.deliveries.labels(channel="none", outcome="unreadable").inc()
        return None


def delivery_id(channel: Channel, event: AlertEvent) -> str:
    """One for each alert event and channel, whoever delivers it."""
    return f"{idempotency_key(event)}:{channel.name}"


def _delivery(channel: Channel, event: AlertEvent, outcome: Outcome) -> Delivery:
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
    )


async def _unless(stop: asyncio.Event, starting: Awaitable[None]) -> None:
    """Joining a group can take long; somebody who asks us to stop should not have to wait for it."""
    start, asked = asyncio.ensure_future(starting), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({start, asked}, return_when=asyncio.FIRST_COMPLETED)
        if start.done():
            start.result()
    finally:
        asked.cancel()
        start.cancel()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
