"""Effects and control records out to Kafka: one producer, in order for each key, acknowledged by all replicas."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerClosed
from aiokafka.producer.message_accumulator import BatchBuilder

from alerts.events import AlertEvent
from models.findings import Finding
from models.readings import Reject, VitalSummary
from streams import limits
from streams.configuration.settings import Settings
from streams.control import ControlRecord, signed
from streams.engine.log import LogSlice, home_of
from streams.engine.step import Effects
from streams.kafka.connection import producer_options
from streams.sources.reports import encoded

log = logging.getLogger(__name__)

Sent = asyncio.Future[object]
WRITTEN = ("findings", "alerts", "vitals", "rejects", "sources")
"""Beside `readings` and the pages."""
_encode = msgspec.json.Encoder().encode


class Publisher:
    """Publishes for one worker. Every send gives a future that is done when the broker has it.

    producer: one to use, that has been started; else `start` makes one, and `stop` ends it.
    """

    def __init__(self, settings: Settings, producer: AIOKafkaProducer | None = None) -> None:
        self._settings = settings
        self._producer = producer
        self._own = producer is None

    async def start(self) -> None:
        if not self._own:
            return
        self._producer = AIOKafkaProducer(**producer_options(self._settings, limits.PUBLISH_WITHIN_S))
        await self._producer.start()
        for word in WRITTEN:  # so that its client hears of them before there is something to say
            await self._producer.client.add_topic(self._settings.topic(word))

    def unknown(self) -> list[str]:
        """The topics that we write to and that no broker knows, as far as the last answer says."""
        cluster, names = self._started.client.cluster, map(self._settings.topic, WRITTEN)
        return [name for name in names if not cluster.partitions_for_topic(name)]

    async def stop(self, *, flush: bool = True) -> None:
        """Let go of the broker. flush: first wait for what is on its way; else it is given up."""
        if not self._own or self._producer is None:
            return
        closing: Coroutine[Any, Any, None] = self._producer.stop() if flush else _abandoned(self._producer)
        (result,) = await asyncio.gather(asyncio.wait_for(closing, limits.CLOSE_WITHIN_S), return_exceptions=True)
        if isinstance(result, Exception):  # whatever a client says that has lost its broker: nobody waits for it
            log.warning("the producer did not close in order (%s)", type(result).__name__)

    async def effects(self, log: LogSlice, effects: Effects, told: Callable[[AlertEvent], None]) -> list[Sent]:
        """Send what a slice brought; `told` is called for each alert event that the broker has."""
        sent: list[Sent] = []
        for topic, records in (
            ("findings", effects.findings), ("alerts", effects.alerts), ("vitals", effects.summaries),
        ):  # fmt: skip
            sent += [await self._keyed(topic, record) for record in records]
            if records is effects.alerts:
                _when_there(sent[len(sent) - len(records) :], effects.alerts, told)
        sent += [await self.reject(reject) for reject in effects.rejects]
        for report in effects.sources:
            sent.append(await self._send("sources", b"%d" % report.partition, encoded(report)))
        for index, key in effects.rekeyed:
            headers = list(log.headers[index]) if log.headers else []
            at_ms = int(log.arrived_us[index]) // 1000
            sent.append(await self._send("readings", key, log.value[index], headers=headers, timestamp_ms=at_ms))
        return sent

    async def _keyed(self, topic: str, record: AlertEvent | Finding | VitalSummary) -> Sent:
        return await self._send(topic, record.patient.encode(), _encode(record))

    async def reject(self, reject: Reject) -> Sent:
        """A dead letter, under the key the record came with."""
        key = None if reject.key is None else reject.key.encode()
        return await self._send("rejects", key, _encode(reject))

    async def control(
        self, record: ControlRecord, *, partition: int | None = None, timestamp_ms: int | None = None
    ) -> Sent:
        """A signed control record into the log: under its patient's key, or to a partition."""
        key, value, headers = signed(record, self._secret)
        return await self._send("readings", key, value, partition=partition, headers=headers, timestamp_ms=timestamp_ms)

    async def controls(self, records: Sequence[tuple[ControlRecord, int]]) -> None:
        """Signed control records of patients into the log, each with its arrival [ms]; returns when the broker has all.

        Those of a partition get there in their order, batch after batch: the broker takes one whole or not at all, and
        the next is sent when it has the one before. Record after record, each would wait for an answer of its own.
        """
        homes: dict[int, list[tuple[ControlRecord, int]]] = {}
        for record, timestamp_ms in records:
            home = home_of(record.key or b"", self._settings.partitions)
            homes.setdefault(home, []).append((record, timestamp_ms))
        for partition, those in homes.items():
            left = deque(those)
            while left:
                batch = self._filled(left)
                await (await self._started.send_batch(batch, self._settings.topic("readings"), partition=partition))

    def _filled(self, left: deque[tuple[ControlRecord, int]]) -> BatchBuilder:
        """A batch of as many of the records as it has room for, which are taken off `left`; of one at least."""
        batch = self._started.create_batch()
        while left:
            record, timestamp_ms = left[0]
            key, value, headers = signed(record, self._secret)
            if batch.append(timestamp=timestamp_ms, key=key, value=value, headers=headers) is None:
                break
            left.popleft()
        batch.close()
        return batch

    async def _send(
        self, topic: str, key: bytes | None, value: bytes | None, *, partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (), timestamp_ms: int | None = None,
    ) -> Sent:  # fmt: skip
        name = self._settings.topic(topic)
        sending: Sent = await self._started.send(
            name, value, key=key, partition=partition, headers=list(headers), timestamp_ms=timestamp_ms
        )
        return sending

    async def page(self, topic: str, partition: int, key: bytes, value: bytes) -> Sent:
        """A page of state onto a changelog, which has a name of its own."""
        sending: Sent = await self._started.send(topic, value, key=key, partition=partition)
        return sending

    @property
    def _secret(self) -> bytes:
        return self._settings.secret.get_secret_value().encode()

    @property
    def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise RuntimeError("the publisher is not started")
        return self._producer


async def _abandoned(producer: AIOKafkaProducer) -> None:
    """Let go of a producer whose broker is gone, without trying to send what it holds: whoever waits for that is told.

    First the connections, so that nothing arrives from here on; then the sender; only then its batches, which it would
    otherwise try to queue again. Who cancels the sender waits for its requests; and one that was on its way waits for
    news of who leads the partition, which a closed client never gets: so it is cancelled until it has ended.
    """
    producer._closed = True
    sending = producer._sender.sender_task
    try:
        await producer.client.close()
        while sending is not None and not sending.done():
            sending.cancel()
            await asyncio.wait({sending}, timeout=limits.PUBLISH_RETRY_EVERY_S)
    finally:
        producer._message_accumulator.fail_all(ProducerClosed())


def _when_there(sent: Sequence[Sent], events: Sequence[AlertEvent], told: Callable[[AlertEvent], None]) -> None:
    """Call `told` with each event once its send has succeeded."""
    for sending, event in zip(sent, events, strict=True):
        sending.add_done_callback(
            lambda done, event=event: None if done.cancelled() or done.exception() else told(event)  # type: ignore[misc]
        )


async def settled(futures: Sequence[Sent]) -> None:
    """Wait until the broker has all of them; raises the first error."""
    if futures:
        await asyncio.gather(*futures)
