"""A Faust transport that hands an agent one event per fetched chunk of a partition, instead of one per record.

Stock Faust costs about 220 us a record; a chunk of thousands of records costs the same once. Only the topics named to
`install` are delivered so; every other topic of the app goes Faust's own way.

    app = faust.App("homebeat", broker=..., **faust_settings())
    install(app, {"homebeat.readings"})
    readings = chunk_topic(app, "homebeat.readings")

    @app.agent(readings)
    async def engine(stream):
        async for event in stream.noack().events():
            step(event.value)              # a list of aiokafka ConsumerRecords, in offset order
            waiting.append(receipt(event)) # after the checkpoint: receipt.ack(), in any order

The promise: within one assignment chunks of a partition come in offset order, none is skipped, and the committed
offset never passes a chunk that was not acknowledged. A chunk may come twice, and cut differently, so what an agent
applies must be guarded by an offset that only grows. Four decisions keep the promise:

1. *Positions are declared.* The main thread keeps, per partition, where the next chunk must begin; every fetch states
   it. If our own last fetch moved the position further (its result was thrown away: flow stopped, partitions paused,
   task cancelled), the fetch goes back first. So to discard fetched records is always safe, whatever the reason.
2. *One epoch.* Whatever may invalidate a fetch that is under way (flow stopped or resumed, partitions paused, assigned,
   revoked, gone back) starts a new epoch, and a result of an older epoch is discarded. When the flow resumes, Faust has
   emptied its queues, so the position returns to the first chunk that was not acknowledged.
3. *Acknowledgements in order.* `InOrderAcks` replaces Faust's bookkeeping of single offsets, which takes skipped
   offsets for gaps and fills them on any later acknowledgement (and costs a list of all offsets at each commit).
4. *Back pressure by waiting.* Faust's pressure signal takes a partition out of the fetch and sleeps up to a second;
   with chunks the bounded queue is enough: when it is full, delivery waits, and so does the next fetch.

Read against faust-streaming 0.15.3 (transport/consumer.py, transport/drivers/aiokafka.py) and aiokafka 0.14
(consumer/fetcher.py); pyproject.toml pins both minors.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

import faust
from faust.serializers.codecs import Codec
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, AppT, ConsumerMessage, EventT, Message, TopicT
from faust.types.transports import TPorTopicSet

from streams import limits
from streams.kafka.chunks import Bounds, Delivery, Fetched, InOrderAcks
from streams.kafka.fetching import ChunkConsumerThread
from streams.kafka.membership import Membership


class ChunkMessage(ConsumerMessage):
    """A Faust message whose `acked` lives in its Delivery.

    Faust sets `acked` both in Python (`Event.ack`) and in its compiled stream iterator; a property sees both. And
    the book of open chunks holds the flag only, never the records.
    """

    cut_off: Callable[[], bool]
    """Whether it was invalidated on its way into the queue of the agent, which may look before that way has ended."""

    def __init__(self, chunk: Fetched, delivery: Delivery, generation_id: int, cut_off: Callable[[], bool]) -> None:
        self.delivery, self.cut_off = delivery, cut_off
        tp, last, values = chunk.tp, chunk.records[-1], cast(bytes, chunk.records)
        super().__init__(
            tp.topic, tp.partition, last.offset, last.timestamp / 1000.0, last.timestamp_type, None, None, values, None,
            tp=tp, generation_id=generation_id,
        )  # fmt: skip

    @property
    def acked(self) -> bool:
        return self.delivery.acked

    @acked.setter
    def acked(self, acked: bool) -> None:
        self.delivery.acked = acked

    @property
    def generation_id(self) -> int | None:
        """Faust's streams skip a message that is of no generation."""
        return None if self.cut_off() else self._generation_id

    @generation_id.setter
    def generation_id(self, generation_id: int | None) -> None:
        self._generation_id = generation_id


def _never() -> bool:
    return False


class ChunkConsumer(driver.Consumer):
    """Faust's consumer, with chunks for some topics."""

    declared: Mapping[TP, int]
    """Where the next chunk of each partition must begin; replaced, never changed: the fetching thread reads it."""
    lost: bool
    """Whether the partitions that are being revoked were given to others without us."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.lost = False
        self.declared = {}
        self._acks: dict[TP, InOrderAcks] = {}
        self._fetched: list[Fetched] = []
        self._epoch = self._fetch_epoch = 0
        self._at_the_door: ChunkMessage | None = None

    def _new_consumer_thread(self) -> ChunkConsumerThread:
        return ChunkConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def membership(self) -> Membership:
        return self._chunked.membership

    @property
    def _chunked(self) -> "ChunkTransport":
        return cast(ChunkTransport, self.transport)

    def in_chunks(self, tp: TP) -> bool:
        return tp.topic in self._chunked.topics

    def open_chunks(self, tp: TP) -> int:
        """Chunks of the partition that were delivered and not yet committed."""
        return len(self._acks.get(tp, ()))

    def unknown(self, topics: Iterable[str]) -> list[str]:
        """Those that no broker knows, as far as the last answer says."""
        return cast(ChunkConsumerThread, self._thread).unknown(topics)

    # --- from the fetch to the agent

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:
        """Records of other topics as Faust does it, then chunks."""
        self._fetched = []
        async for tp, message in super().getmany(min(timeout, limits.FETCH_WAIT_MAX_S)):
            yield tp, message
        for fetched in self._fetched:
            async for message in self._messages(fetched, self._fetch_epoch):
                yield fetched.tp, message

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, Any]:
        self._fetch_epoch = self._epoch
        return await super()._getmany(active_partitions, timeout)

    async def _wait_next_records(self, timeout: float) -> tuple[Mapping[TP, Any] | None, set[TP] | None]:
        records, active = await super()._wait_next_records(timeout)
        fetched: Mapping[TP, Any] = records or {}
        self._fetched = [got for got in fetched.values() if isinstance(got, Fetched)]
        return {tp: got for tp, got in fetched.items() if not isinstance(got, Fetched)}, active

    async def _messages(self, fetched: Fetched, epoch: int) -> AsyncIterator[ChunkMessage]:
        for chunk in fetched.chunks(self._chunked.bounds):
            await self._room(chunk.tp, epoch)
            if self._epoch != epoch or self.should_stop:
                return
            message = self._at_the_door = self._open(chunk, epoch)
            try:
                yield message
            finally:
                self._at_the_door = None
            if message.cut_off():  # whether it is in a queue is not known, but it comes again
                return
            message.cut_off = _never
            self.declared = {**self.declared, chunk.tp: chunk.end}

    def _open(self, chunk: Fetched, epoch: int) -> ChunkMessage:
        acks = self._acks.setdefault(chunk.tp, InOrderAcks())
        self._read_offset[chunk.tp] = None  # tells Faust neither to look for gaps nor to drop what comes again
        self.app.monitor.track_tp_end_offset(chunk.tp, self.highwater(chunk.tp))
        delivery, generation_id = acks.deliver(chunk.start, chunk.end), self.app.consumer_generation_id
        return ChunkMessage(chunk, delivery, generation_id, lambda: self._epoch != epoch)

    async def _room(self, tp: TP, epoch: int) -> None:
        while self.open_chunks(tp) >= self._chunked.bounds.open and self._epoch == epoch and not self.should_stop:
            await self.sleep(limits.FETCH_WAIT_MAX_S)

    def on_buffer_full(self, tp: TP) -> None:
        if not self.in_chunks(tp):
            super().on_buffer_full(tp)

    # --- acknowledgement

    def _filter_tps_with_pending_acks(self, topics: TPorTopicSet | None = None) -> Iterator[TP]:
        chunked = (tp for tp in self._acks if topics is None or tp in topics or tp.topic in topics)
        return chain((tp for tp in super()._filter_tps_with_pending_acks(topics) if not self.in_chunks(tp)), chunked)

    def _new_offset(self, tp: TP) -> int | None:
        if not self.in_chunks(tp):
            return super()._new_offset(tp)
        self._acked.pop(tp, None)  # Faust's own book of this partition is not read
        self._acked_index.pop(tp, None)
        acks = self._acks.get(tp)
        return acks.committable() if acks is not None else None

    # --- what starts a new epoch

    def stop_flow(self) -> None:
        self._epoch += 1
        super().stop_flow()

    def resume_flow(self) -> None:
        self._epoch += 1
        again = {tp: acks.withdraw_open() for tp, acks in self._acks.items()}
        self.declared = {**self.declared, **{tp: start for tp, start in again.items() if start is not None}}
        super().resume_flow()

    def pause_partitions(self, tps: Iterable[TP]) -> None:
        tps = set(tps)
        if any(map(self.in_chunks, tps)):
            self._epoch += 1
        super().pause_partitions(tps)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self.lost = cast(ChunkConsumerThread, self._thread).forgotten()
        await super().on_partitions_revoked(revoked)
        if revoked and not self.lost:  # what was acknowledged just now need not come again to the next owner
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.commit(), limits.COMMIT_WITHIN_S)
        self._forget(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self.membership.confirmed_at = time.monotonic()
        self._forget(assigned)  # they start at the committed offset
        await super().on_partitions_assigned(assigned, generation_id)

    def go_back(self, tp: TP, position: int) -> None:
        """The next chunk begins there, or where the log has its next record; chunks from there on come again. So does
        the one on its way into the queue, which is cut off by this, also if it begins before: nobody would take it."""
        if self._at_the_door is not None and self._at_the_door.tp == tp:
            position = min(position, self._at_the_door.delivery.start)
        self._acks.get(tp, InOrderAcks()).withdraw(position)
        self._epoch += 1
        self.declared = {**self.declared, tp: position}

    def _forget(self, tps: set[TP]) -> None:
        self._epoch += 1
        self.declared = {tp: position for tp, position in self.declared.items() if tp not in tps}
        self._acks = {tp: acks for tp, acks in self._acks.items() if tp not in tps}


class ChunkTransport(driver.Transport):
    """Faust's Kafka transport; `topics` are the names that come in chunks within `bounds`."""

    Consumer = ChunkConsumer

    def __init__(self, url: Any, app: AppT, topics: Iterable[str], bounds: Bounds, membership: Membership) -> None:
        super().__init__(url, app)
        self.topics = frozenset(topics)
        self.bounds, self.membership = bounds, membership


class AsIs(Codec):
    """The value goes through as it is: a chunk is a list already."""

    def _loads(self, value: Any) -> Any:
        return value

    def _dumps(self, value: Any) -> Any:
        return value


def install(
    app: faust.App, topics: Iterable[str], bounds: Bounds | None = None, membership: Membership | None = None
) -> None:
    """Let the app consume these topics in chunks. Before the app starts, and once its broker is configured."""
    made = ChunkTransport(app.conf.broker_consumer, app, topics, bounds or Bounds(), membership or Membership())
    app.transport = made


def chunk_topic(app: faust.App, name: str) -> TopicT:
    """The topic to give to `app.agent`: raw bytes, and a queue bounded in chunks."""
    topic = app.topic(name, key_type=bytes, key_serializer="raw", value_serializer=AsIs())
    topic.maxsize = cast(ChunkTransport, app.transport).bounds.queued  # app.topic(maxsize=...) forgets it
    return topic


@dataclass(frozen=True, slots=True)
class Receipt:
    """What to keep of a chunk until its checkpoint: enough to acknowledge it, without its records.

    span: the positions [start, end) that it covers.
    """

    tp: TP
    offset: int
    span: tuple[int, int]
    _message: Message
    _consumer: Any

    def ack(self) -> None:
        """Acknowledge. Held until the chunks before it are acknowledged; without effect if it is coming again."""
        self._message.ack(self._consumer)


def receipt(event: EventT[Any]) -> Receipt:
    """Take the receipt of a chunk; the event keeps its value as long as the caller holds it."""
    message = event.message
    message.value = None
    delivery = cast(ChunkMessage, message).delivery
    return Receipt(message.tp, message.offset, (delivery.start, delivery.end), message, event.app.consumer)


def faust_settings(bounds: Bounds | None = None) -> dict[str, Any]:
    """Settings of `faust.App` that the chunks rely on, or that the topics' sizes ask for."""
    return {
        "broker_max_poll_records": (bounds or Bounds()).records,  # of one fetch, all partitions together
        "consumer_max_fetch_size": limits.PARTITION_FETCH_BYTES_MAX,
        "consumer_auto_offset_reset": "earliest",
        "consumer_metadata_max_age_ms": limits.METADATA_AGE_MAX_MS,
        "producer_max_request_size": limits.PRODUCER_REQUEST_BYTES_MAX,
        "broker_commit_interval": 1.0,
        "broker_request_timeout": limits.REQUEST_WITHIN_S,
        "broker_session_timeout": limits.SESSION_S,
        "broker_heartbeat_interval": limits.HEARTBEAT_EVERY_S,
        "broker_rebalance_timeout": limits.REBALANCE_WITHIN_S,
        "producer_request_timeout": limits.PUBLISH_WITHIN_S,
        "stream_wait_empty": False,  # chunks wait for a checkpoint, so waiting for all acknowledgements would hang
    }
