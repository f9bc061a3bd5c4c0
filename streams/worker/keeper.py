"""Keeps the state of the partitions that are ours: applies chunks, writes checkpoints, restores from pages.

One lock keeps chunks and checkpoints apart; a checkpoint packs under it and waits for the broker outside, so deciding
goes on meanwhile. Chunks are acknowledged only when their effects and their pages are on the broker.

When partitions are shared out anew, those that stay ours keep their live state: it has been applied furthest. State
that may be behind (the group went on without us, or a checkpoint was cut off half way) is dropped and read again.
Chunks of a partition wait until its state is back.

A log that ends before what its state has been given is another one: its topic was deleted and made anew, or cut short.
What comes there would be passed over as known, so the worker stops.

Kafka tells anybody from where the group goes on, also a worker that is no longer a member and does not know it yet. So
a chunk that begins beyond what our state has been given waits until the group has confirmed us since. Then the state
is right, and the group's offset is not (somebody has moved it): what is missing is fetched, if the log still has it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from functools import partial

from aiokafka import ConsumerRecord
from faust.types import TP

from alerts.events import AlertEvent
from models.times import US_PER_S
from streams import limits
from streams.configuration.settings import Settings
from streams.engine.pages import certified_up_to, restoring
from streams.engine.step import EngineSettings, stepping
from streams.errors import CutShort
from streams.kafka.slices import slice_of
from streams.kafka.topics import changelog_topic
from streams.serving import metrics
from streams.serving.process import give_back_memory, trim_heap
from streams.worker import metrics as worker_metrics
from streams.worker.backpressure import Pace
from streams.worker.brake import Brake
from streams.worker.partition import Held, Packed, Receipt, Waiting
from streams.worker.placement import at_home
from streams.worker.ports import Changelog, Pages, WayBack
from streams.worker.publisher import Publisher, Sent, settled
from streams.worker.turns import taking_turns

log = logging.getLogger(__name__)


def _always() -> float:
    return float("inf")


class Keeper:
    """State of the partitions of one worker. Time is the event loop's; the wall clock is read for metrics alone.

    confirmed_s: when the group last confirmed that our partitions are ours, by the event loop's clock [s]. No page is
    written when that is too long ago: a worker that was paused or cut off waits until the group has told it.
    partitions: those that are ours. assignments: how often they were shared out. pace: whether it keeps up.
    """

    def __init__(
        self,
        settings: Settings,
        changelog: Changelog,
        pages: Pages,
        publisher: Publisher,
        confirmed_s: Callable[[], float] = _always,
        way_back: WayBack | None = None,
    ) -> None:
        self._settings, self._changelog, self._pages, self._publisher = settings, changelog, pages, publisher
        self._confirmed_s, self._way_back = confirmed_s, way_back
        self._engine = EngineSettings(
            settings.secret.get_secret_value().encode(),
            round(settings.clock_tolerance_s * US_PER_S),
            settings.unknown_patients == "monitor",
            policy=settings.policy,
            off=frozenset(settings.modifiers_off),
        )
        self._brake = Brake()
        self._held: dict[int, Held] = {}
        self.pace = Pace()
        self._deciding = asyncio.Lock()
        self._checkpointing = asyncio.Lock()
        self.partitions: frozenset[int] = frozenset()
        self.assignments = 0
        self._gone_back: dict[int, int] = {}
        self._moving = asyncio.Event()
        self.received = 0

    def now_us(self, partition: int) -> int | None:
        """Log time of a partition: its latest tick; None before the first."""
        held = self._held.get(partition)
        return held.state.tick_us if held and held.state.tick_us > 0 else None

    def origins(self, partition: int) -> Iterable[bytes]:
        """Which control records the state of a partition has been given (see `engine.origins`)."""
        held = self._held.get(partition)
        return held.state.all_origins() if held else ()

    async def take(self, tp: TP, records: list[ConsumerRecord], receipt: Receipt, highwater: int) -> None:
        """Decide one chunk and publish its effects. highwater: the offset after the partition's last record."""
        held = await self._follows(tp, receipt.span[0], highwater)
        async with self._deciding:
            if held is None or not self._holds(tp.partition, held) or tp.partition not in self.partitions:
                return  # taken away since it was fetched: it comes to whoever has the partition now
            began = time.perf_counter()
            log_slice = slice_of(tp.topic, tp.partition, records, self._settings.partitions)
            held.untold = True
            here = partial(self._holds, tp.partition, held)
            effects = await taking_turns(stepping(held.state, log_slice, self._engine), here)
            if effects is None:
                return  # given away meanwhile: its state, half way, was dropped, and the chunk comes again
            self.pace.took(tp.partition, time.perf_counter() - began, len(effects.alerts))
            if self._settings.brake == "on":
                self._brake.check(effects)
            held.sent += await self._publisher.effects(log_slice, effects, self._told)
            held.untold = False
            held.position = max(held.position, receipt.span[1])
            held.waiting.append(Waiting(receipt, asyncio.get_running_loop().time()))
            self.received += effects.received
            worker_metrics.count(effects)
            self.pace.note(tp.partition, max(0, highwater - int(log_slice.offset[-1]) - 1))
        await asyncio.sleep(0)  # a long run of ready chunks must not starve heartbeats and health pages

    def _holds(self, partition: int, held: Held) -> bool:
        return self._held.get(partition) is held

    async def _follows(self, tp: TP, start: int, highwater: int) -> Held | None:
        """The state that a chunk which begins at `start` may be decided on; None if it may not. If our state lacks
        records before it, others have decided them, and the group has gone on without us; or, if it confirms us after
        that, the group's offset was moved."""
        assignments, partition = self.assignments, tp.partition
        held = await self._in_place(partition)
        if held is not None and highwater < held.position:
            await self._is_whole(tp, held)
        if held is None or start <= held.position:
            return held
        if self._gone_back.get(partition) != held.position and not await self._confirmed(partition, assignments):
            return None
        return held if await self._nothing_between(partition, held.position, start) else None

    def positions(self) -> dict[int, int]:
        """Up to where each partition of ours is decided."""
        return {partition: held.position for partition, held in self._held.items() if partition in self.partitions}

    async def _is_whole(self, tp: TP, held: Held) -> None:
        """Ask for the end of a log that seems to lack what its state was given: who has just begun to lead it may say
        too little of it with what is fetched. Raises CutShort."""
        if self._way_back is None:
            return
        ends = (await self._way_back.ends([tp.partition]))[tp.partition]
        if ends < held.position and self._holds(tp.partition, held):
            raise CutShort(tp.topic, tp.partition, ends, held.position, changelog_topic(self._settings))

    async def _confirmed(self, partition: int, assignments: int) -> bool:
        """Whether the group confirms from now on that the partition is ours; False when it goes before that."""
        noticed_s = asyncio.get_running_loop().time()
        while self._is_ours(partition, assignments):
            if self._confirmed_s() > noticed_s:
                return True
            await asyncio.sleep(limits.CERTAIN_PAUSE_S)
        return False

    async def _nothing_between(self, partition: int, position: int, start: int) -> bool:
        """Whether the log has nothing left from `position` to `start`. Else the readings go back there, and chunks that
        were under way already are passed over without waiting again."""
        assignments = self.assignments
        if self._way_back is None or await self._way_back.begins(partition) > position:
            log.warning(
                "partition %d goes on at offset %d: from %d on there is nothing in the log any more (retention)",
                partition, start, position,
            )  # fmt: skip
            return await self._confirmed(partition, assignments)
        if self._is_ours(partition, assignments):
            if self._gone_back.get(partition) != position:
                log.warning(
                    "partition %d: the group's offset was moved to %d, but what lies before is not decided: back to %d",
                    partition, start, position,
                )  # fmt: skip
            self._gone_back[partition] = position
            self._way_back.go_back(partition, position)
        return False

    def _is_ours(self, partition: int, assignments: int) -> bool:
        return partition in self.partitions and assignments == self.assignments

    async def _in_place(self, partition: int) -> Held | None:
        """The state of a partition once it is back; None when the partition goes before that."""
        assignments = self.assignments
        while self._is_ours(partition, assignments):
            if (held := self._held.get(partition)) is not None:
                return held
            await self.moved()
        return None

    async def all_in_place(self) -> bool:
        """Whether the state of every partition of ours is back, once that can be said; False when they go before."""
        return all([await self._in_place(partition) is not None for partition in sorted(self.partitions)])

    def _told(self, event: AlertEvent) -> None:
        if self._settings.ticks == "on":  # in simulated time, how long it took means nothing
            worker_metrics.told(event)

    @property
    def missing(self) -> frozenset[int]:
        """Partitions of ours whose state is not back yet."""
        return self.partitions - self._held.keys()

    async def moved(self) -> None:
        """Wait until partitions come, go, or are back."""
        await self._moving.wait()

    def _move(self) -> None:
        self._moving.set()
        self._moving = asyncio.Event()

    async def restore(self, partition: int) -> None:
        """Make the state of a partition from its pages, which are complete; step by step, as many patients take
        seconds: health pages and a hand-over come between. A partition that goes meanwhile counts for nothing."""
        assignments = self.assignments
        if partition not in self.missing:
            return
        count, position = len(pages := self._pages(partition)), certified_up_to(pages, partition) + 1
        for state in restoring(pages, partition, drain=True):
            held = Held(state, position)
            await asyncio.sleep(0)
            if not self._is_ours(partition, assignments):
                return
        at_home(held.state, partition, self._settings)
        self._held[partition] = held
        log.info("partition %d: %d patients restored from %d pages", partition, held.state.patient_count, count)
        if not self.missing:
            worker_metrics.stand([held.state for held in self._held.values()])
            give_back_memory(sum(held.state.patient_count for held in self._held.values()))
        self._move()

    async def keep_checkpointing(self) -> None:
        """A checkpoint every `checkpoint_s`, and now and then what they needed given back."""
        loop = asyncio.get_running_loop()
        trimmed = loop.time()
        while True:
            await asyncio.sleep(self._settings.checkpoint_s)
            await self.checkpoint()
            if loop.time() - trimmed >= limits.TRIM_EVERY_S:
                trim_heap()
                trimmed = loop.time()

    async def checkpoint(self, partitions: frozenset[int] | None = None) -> None:
        """Write what has changed, wait for the broker, acknowledge: effects, then pages, then the chunks.

        partitions: of these, by default of all that are ours now.

        Pages go out only when every effect they know of is on the broker. The other way round, a crash in between would
        leave a page that has told an alert which nobody was told.
        """
        async with self._checkpointing:
            began = time.perf_counter()
            async with self._deciding:
                packed = self._pack(self.partitions if partitions is None else partitions)
            if not packed:
                return
            await settled([sent for one in packed for sent in one.effects])
            await self._until_certain()
            packed = [one for one in packed if self._held.get(one.partition) is one.held]
            for group in CHECKPOINT_ORDER:
                await settled([sent for one in packed for sent in self._write(one, group)])
            for one in packed:
                one.acknowledge()
            metrics.checkpoint_seconds.observe(time.perf_counter() - began)
            worker_metrics.stand([held.state for held in self._held.values()])

    def _pack(self, partitions: frozenset[int]) -> list[Packed]:
        """What a checkpoint of these partitions writes, as of now; what is decided from here on is for the next one.

        Together no more than `checkpoint_bytes`, but all of a partition whose oldest work has waited too long.
        """
        ready = [(p, self._held[p]) for p in sorted(partitions & self._held.keys())]
        ready = [(p, held) for p, held in ready if held.waiting and held.stands]
        share = self._settings.checkpoint_bytes // max(1, len(ready))
        return [Packed.of(p, held, None if self._overdue(p, held) else share) for p, held in ready]

    def _overdue(self, partition: int, held: Held) -> bool:
        """Whether the oldest work of a partition has not been written for too long. Said, as it should not happen."""
        age_s = asyncio.get_running_loop().time() - held.waiting[0].since_s
        if age_s <= limits.UNWRITTEN_MAX_S:
            return False
        log.warning(
            "partition %d: work of %.0f s ago is not written yet, so everything is written now: "
            "raise HOMEBEAT_CHECKPOINT_BYTES or lower HOMEBEAT_CHECKPOINT_S, or start more workers", partition, age_s,
        )  # fmt: skip
        metrics.checkpoints_overdue.inc()
        return True

    async def _until_certain(self) -> None:
        """Wait until the partitions are certainly ours; those that are not have been dropped meanwhile."""
        while asyncio.get_running_loop().time() - self._confirmed_s() >= CERTAIN_FOR_S:
            await asyncio.sleep(limits.CERTAIN_PAUSE_S)

    def _write(self, packed: Packed, part: slice) -> list[Sent]:
        """Some pages to the changelog, which are the producer's from here on: it has a copy of its own."""
        pages = [(key, packed.checkpoint.pages.pop(key)) for key in packed.keys[part]]
        metrics.checkpoint_bytes.inc(sum(len(value) for _, value in pages))
        return [self._changelog.send(packed.partition, key, value) for key, value in pages]

    async def revoked(self) -> None:
        """All partitions are being shared out anew: write what we have, as far as there is time. The state stays until
        `keep` says which partitions are still ours; who comes next to the others reads the changelog."""
        leaving, self.partitions = self.partitions, frozenset()
        self._move()
        self.pace.forget()
        loop, took_s = asyncio.get_running_loop(), 0.0
        end = loop.time() + limits.STOP_CHECKPOINT_S
        try:
            async with asyncio.timeout_at(end):
                while loop.time() + took_s < end:  # one that is cut off would cost its state
                    began = loop.time()
                    await self.checkpoint(leaving)
                    took_s = loop.time() - began
                    if not self._unwritten(leaving):
                        return
        except TimeoutError:
            log.warning("partitions %s: their last checkpoint was cut off", sorted(leaving))
        log.warning("partitions %s: no time to write everything, some of their records come again", sorted(leaving))

    def _unwritten(self, partitions: frozenset[int]) -> bool:
        """Whether these partitions hold work that another checkpoint would write."""
        return any(self._held[p].waiting and self._held[p].stands for p in partitions & self._held.keys())

    def lost(self) -> None:
        """The group has gone on without us: the partitions may be somebody else's, and what we know of them old."""
        if self._held:
            log.warning(
                "partitions %s were given away: this worker was paused, cut off or replaced; their state is dropped",
                sorted(self._held),
            )
            metrics.partitions_lost.inc(len(self._held))
        self._held, self.partitions = {}, frozenset()
        self._move()
        self.pace.forget()

    def keep(self, partitions: set[int]) -> frozenset[int]:
        """Of the partitions that are ours now, those whose live state stands; the others are to be restored."""
        self._held = {p: held for p, held in self._held.items() if p in partitions and held.stands}
        for held in self._held.values():
            held.waiting = []  # what was not acknowledged comes again, with new receipts
        return frozenset(self._held)

    def assigned(self, partitions: set[int]) -> None:
        """These partitions are ours from now on."""
        self.keep(partitions)
        self.partitions = frozenset(partitions)
        self.assignments += 1
        self._gone_back.clear()
        self._move()

    def overwritten(self, partition: int) -> None:
        """Somebody else wrote pages of a partition of ours, late: all of ours go on top of them again.

        The changelog keeps the last page of a key in the end, and that must be the one applied furthest.
        """
        held = self._held.get(partition)
        if held is not None:
            log.warning("partition %d: another worker wrote pages late; writing all of ours again", partition)
            metrics.pages_overwritten.inc()
            held.touch_all()

    async def close(self) -> None:
        """The last checkpoint."""
        await self.revoked()

    def drop(self) -> None:
        """Forget everything. Faust's services refer to each other, and may outlive their app for a while."""
        for sent in (sent for held in self._held.values() for sent in held.sent):
            sent.add_done_callback(_unheard)
        self._held, self.partitions = {}, frozenset()


def _unheard(sent: Sent) -> None:
    """An effect that failed with its session is published again by the next one; asyncio need not complain of it."""
    if not sent.cancelled():
        sent.exception()


CHECKPOINT_ORDER = slice(2), slice(2, -1), slice(-1, None)
"""A group is on the broker before the next is sent: while a partition has no leader, Kafka's client may give up one
batch and send those behind it. First the totals (sources and meta), or readings would be missing from the count; last
the clock, because what it says holds when the patients' pages are there. It is also a batch of its own in this way: the
embedded broker takes the first record of the last batch for the end of a topic, and so would have a restored worker do
without the rest of it."""
CERTAIN_FOR_S = limits.SESSION_S - limits.HEARTBEAT_EVERY_S
"""So long after the group has confirmed us nobody else can have our partitions."""
