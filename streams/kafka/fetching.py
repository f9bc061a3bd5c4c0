"""The thread that owns aiokafka's consumer: what it fetches says which positions it covers, and what was thrown away is
fetched again from where the next chunk must begin (`transport` says why).
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.threads import WorkerThread

from streams import limits
from streams.kafka.chunks import Fetched, Records

if TYPE_CHECKING:
    from streams.kafka.transport import ChunkConsumer


class BoundedThread(WorkerThread):
    """A thread of Faust's that cannot hold up the main loop: Faust waits for its end without a bound, and blocks."""

    def __init__(self, service: Any, **options: Any) -> None:
        super().__init__(service, **options)
        self.daemon = True

    def stop(self) -> None:
        self.is_stopped.wait(limits.THREAD_ENDS_WITHIN_S)


class ChunkConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that owns aiokafka's consumer: adds to each fetch the positions that it covers."""

    Worker = BoundedThread
    consumer: "ChunkConsumer"
    _drained: dict[TP, tuple[Any, int, int]]

    def __post_init__(self) -> None:
        super().__post_init__()
        self._drained = {}

    async def on_start(self) -> None:
        await super().on_start()
        self.consumer.membership.watch(self._ensure_consumer()._coordinator)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """What Faust watches of the partitions that it reads. It does not read those of the pages: we do."""
        if tp.topic not in self.consumer.app.tables.changelog_topics:
            super().verify_event_path(now, tp)

    def forgotten(self) -> bool:
        """Whether the group no longer knows us: our partitions went to others without asking."""
        return bool(self._ensure_consumer()._coordinator.generation == driver.DEFAULT_GENERATION_ID)

    def unknown(self, topics: Iterable[str]) -> list[str]:
        """Those that no broker knows, as far as the last answer says."""
        cluster = self._ensure_consumer()._client.cluster
        return [name for name in topics if not cluster.partitions_for_topic(name)]

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = limits.BROKER_FETCH_WAIT_MAX_MS
        return consumer

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Mapping[TP, Any]:
        records = await self._drain(consumer, active_partitions, max_records)
        if records or not timeout:
            return records
        waiter = consumer._fetcher._create_fetch_waiter()
        done, _ = await asyncio.wait([waiter], timeout=timeout)
        if not done:
            waiter.cancel()
            return {}
        waiter.result()  # an error of the coordinator, such as a refused authorization
        return await self._drain(consumer, active_partitions, max_records)

    async def _drain(self, consumer: AIOKafkaConsumer, active: set[TP], max_records: int | None) -> Mapping[TP, Any]:
        """Take what was fetched already. Nothing here yields to the loop, so the positions before and after are exact:
        with a timeout of 0 aiokafka waits only while a reassignment is in progress."""
        if consumer._subscription.reassignment_in_progress:
            return {}
        self._go_back(consumer)
        starts = {tp: self._position(consumer, tp) for tp in consumer._fetcher._records if self.consumer.in_chunks(tp)}
        records = await super()._fetch_records(consumer, active, timeout=0, max_records=max_records)
        return {
            tp: self._covering(consumer, tp, starts[tp], got) if tp in starts else got for tp, got in records.items()
        }

    def _covering(self, consumer: AIOKafkaConsumer, tp: TP, start: int, records: Records) -> Fetched:
        end = self._position(consumer, tp)
        self._drained[tp] = (self._state(consumer, tp), start, end)
        return Fetched(TP(tp.topic, tp.partition), start, end, records)

    def _go_back(self, consumer: AIOKafkaConsumer) -> None:
        """Return to the declared positions where our own last fetch went further.

        A position that somebody else moved (a seek, or the reset after the broker deleted old records) stands.
        """
        declared = self.consumer.declared
        for tp, (state, start, end) in self._drained.items():
            position = declared.get(tp, start)
            if position != end and state is self._state(consumer, tp) and state._position == end:
                consumer.seek(tp, position)

    def _state(self, consumer: AIOKafkaConsumer, tp: TP) -> Any:
        subscription = consumer._subscription.subscription
        assignment = subscription.assignment if subscription is not None else None
        return assignment.state_value(tp) if assignment is not None else None

    def _position(self, consumer: AIOKafkaConsumer, tp: TP) -> int:
        state = self._state(consumer, tp)
        return -1 if state is None or state._position is None else cast(int, state._position)
