"""Keeps the state of the partitions that are ours: applies chunks, writes checkpoints, restores from the table.

One lock keeps chunks and checkpoints apart; a checkpoint packs under it and waits for the broker outside, so deciding
goes on meanwhile. Chunks are acknowledged only when their effects and their pages are on the broker.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np
from aiokafka import ConsumerRecord
from faust.types import TP

from alerts.events import AlertEvent
from models.times import US_PER_S, to_us
from streams import metrics
from streams.engine import standing
from streams.engine.log import FIRST_US, LAST_US, LogSlice
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import Outcome, PartitionState
from streams.engine.step import Effects, EngineSettings, step
from streams.publisher import Publisher, Sent, settled
from streams.settings import Settings

log = logging.getLogger(__name__)

STOP_CHECKPOINT_S = 8.0
"""How long a worker that stops or loses partitions waits for its last checkpoint. What does not make it comes again."""


class Changelog(Protocol):
    """Where pages are written, in the order in which they are sent."""

    def send(self, partition: int, key: bytes, value: bytes) -> Sent:
        """One page; the future is done when the broker has it."""


class Receipt(Protocol):
    """What is kept of a chunk until its checkpoint."""

    @property
    def offset(self) -> int:
        """Of the chunk's last record."""

    def ack(self) -> None:
        """The chunk need not come again."""


Pages = Callable[[int], Mapping[bytes, bytes]]
"""The raw pages of a partition, of each the one that was applied furthest."""


@dataclass(slots=True)
class Held:
    """One partition of ours: its state, chunks not yet acknowledged, effects not yet on the broker."""

    state: PartitionState
    receipts: list[Receipt] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Packed:
    """One partition at a checkpoint."""

    partition: int
    receipts: list[Receipt]
    effects: list[Sent]
    pages: dict[bytes, bytes]


class Keeper:
    """State of the partitions of one worker. Time is the event loop's; the wall clock is read for metrics alone."""

    def __init__(self, settings: Settings, changelog: Changelog, pages: Pages, publisher: Publisher) -> None:
        self._settings, self._changelog, self._pages, self._publisher = settings, changelog, pages, publisher
        self._engine = EngineSettings(
            settings.secret.get_secret_value().encode(),
            round(settings.clock_tolerance_s * US_PER_S),
            settings.unknown_patients == "monitor",
        )
        self._held: dict[int, Held] = {}
        self._deciding = asyncio.Lock()
        self._checkpointing = asyncio.Lock()
        self.partitions: frozenset[int] = frozenset()
        self.received = 0

    def now_us(self, partition: int) -> int | None:
        """Log time of a partition: its latest tick; None before the first."""
        held = self._held.get(partition)
        return held.state.tick_us if held and held.state.tick_us > 0 else None

    async def take(self, tp: TP, records: list[ConsumerRecord], receipt: Receipt, highwater: int) -> None:
        """Decide one chunk and publish its effects. highwater: the offset after the partition's last record."""
        async with self._deciding:
            if tp.partition not in self.partitions:
                return  # taken away since it was fetched: it comes to whoever has the partition now
            held = self._hold(tp.partition)
            began = time.perf_counter()
            log_slice = slice_of(tp.topic, tp.partition, records, self._settings.partitions)
            effects = step(held.state, log_slice, self._engine)
            metrics.engine_step_seconds.observe(time.perf_counter() - began)
            held.sent += await self._publisher.effects(log_slice, effects, self._told)
            held.receipts.append(receipt)
            self._count(effects)
            metrics.consumer_lag.labels(str(tp.partition)).set(max(0, highwater - int(log_slice.offset[-1]) - 1))
        await asyncio.sleep(0)  # a long run of ready chunks must not starve heartbeats and health pages

    def hold_all(self) -> int:
        """Restore every partition of ours now; how many patients there are."""
        return sum(self._hold(partition).state.patient_count for partition in self.partitions)

    def _hold(self, partition: int) -> Held:
        """The partition's state, from the table when it is first needed after an assignment."""
        held = self._held.get(partition)
        if held is None:
            pages = self._pages(partition)
            held = self._held[partition] = Held(restored(pages, partition))
            log.info(
                "partition %d: %d patients restored from %d pages", partition, held.state.patient_count, len(pages)
            )
        return held

    def _count(self, effects: Effects) -> None:
        """Metrics of one step."""
        self.received += effects.received
        for outcome, counter in _COUNTERS.items():
            counter.inc(int(effects.outcomes[outcome]))
        metrics.readings_received.inc(effects.received)
        metrics.readings_rekeyed.inc(len(effects.rekeyed))
        metrics.readings_late.inc(effects.late)
        for reason, n in effects.rejected.items():
            metrics.readings_rejected.labels(reason.value).inc(n)
        for (kind, outcome_name), n in effects.controls.items():
            metrics.control_records.labels(kind, outcome_name).inc(n)
        for finding in effects.findings:
            metrics.findings.labels(finding.kind, finding.severity).inc()
        for event in effects.alerts:
            metrics.alerts.labels(event.event, event.severity, event.category).inc()
        metrics.state_patients.set(sum(held.state.patient_count for held in self._held.values()))

    def _told(self, event: AlertEvent) -> None:
        """An alert is on its topic. In simulated time, or about the past, how long that took means nothing."""
        if self._settings.ticks == "on" and not event.retrospective and event.by is None:
            waited = time.time() - to_us(datetime.fromisoformat(event.arrived_at)) / US_PER_S
            metrics.reading_to_alert_seconds.observe(max(0.0, waited))

    def _gauge(self) -> None:
        """What stands now, over all partitions of ours."""
        states = [held.state for held in self._held.values()]
        metrics.alerts_open.set(sum(standing.open_alerts(state) for state in states))
        by_state = [standing.patients_by_state(state) for state in states]
        for word in standing.WORDS:
            metrics.patients_by_state.labels(word).set(sum(counted[word] for counted in by_state))

    async def keep_checkpointing(self) -> None:
        """A checkpoint every `checkpoint_s`."""
        while True:
            await asyncio.sleep(self._settings.checkpoint_s)
            await self.checkpoint()

    async def checkpoint(self) -> None:
        """Write what has changed, wait for the broker, acknowledge: effects, then pages, then the chunks.

        Pages go out only when every effect they know of is on the broker. The other way round, a crash in between would
        leave a page that has told an alert which nobody was told.
        """
        async with self._checkpointing:
            began = time.perf_counter()
            async with self._deciding:
                packed = [self._packed(p, held) for p, held in self._held.items() if held.receipts]
            if not packed:
                return
            await settled([sent for one in packed for sent in one.effects])
            await settled([sent for one in packed for sent in self._write(one)])
            for chunk in (receipt for one in packed for receipt in one.receipts):
                chunk.ack()
            metrics.checkpoint_seconds.observe(time.perf_counter() - began)
            self._gauge()

    def _packed(self, partition: int, held: Held) -> "_Packed":
        """What a checkpoint of one partition writes, as of now; what is decided from here on is for the next one."""
        checkpoint = pack_dirty(held.state, partition)
        done = [receipt for receipt in held.receipts if receipt.offset <= checkpoint.certified]
        packed = _Packed(partition, done, held.sent, checkpoint.pages)
        held.receipts, held.sent = [receipt for receipt in held.receipts if receipt.offset > checkpoint.certified], []
        return packed

    def _write(self, packed: "_Packed") -> list[Sent]:
        """Pages to the changelog."""
        metrics.checkpoint_bytes.inc(sum(map(len, packed.pages.values())))
        return [self._changelog.send(packed.partition, key, value) for key, value in packed.pages.items()]

    async def revoked(self, partitions: set[int]) -> None:
        """Partitions are being taken away: write what we have, then forget it. Who comes next reads the changelog."""
        try:
            async with asyncio.timeout(STOP_CHECKPOINT_S):
                await self.checkpoint()
        except TimeoutError:
            log.warning(
                "partitions %s are leaving before their checkpoint: their records come again", sorted(partitions)
            )
        async with self._deciding:
            for partition in partitions:
                self._held.pop(partition, None)
        self.partitions -= partitions

    def assigned(self, partitions: set[int]) -> None:
        """Partitions are ours from now on. What we knew of them may be old: it is read again from the table."""
        self._held = {}
        self.partitions = frozenset(partitions)

    async def close(self) -> None:
        """The last checkpoint."""
        try:
            async with asyncio.timeout(STOP_CHECKPOINT_S):
                await self.checkpoint()
        except TimeoutError:
            log.warning("stopped before the last checkpoint: its records come again")


_COUNTERS = {
    Outcome.DECIDED: metrics.readings_decided,
    Outcome.DUPLICATE: metrics.readings_duplicate,
    Outcome.WITHHELD: metrics.readings_withheld,
}


def slice_of(topic: str, partition: int, records: list[ConsumerRecord], partitions: int) -> LogSlice:
    """Kafka's records as columns."""
    headers = [record.headers for record in records]
    return LogSlice(
        topic=topic, partition=partition,
        offset=np.array([record.offset for record in records], np.int64),
        arrived_us=np.clip([record.timestamp for record in records], FIRST_US // 1000, LAST_US // 1000) * 1000,
        key=[record.key for record in records], value=[record.value for record in records],
        headers=headers if any(headers) else None, partitions=partitions,
    )  # fmt: skip
