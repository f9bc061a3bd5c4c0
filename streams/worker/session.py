"""One life of the worker's Faust app: from joining the group to the stop, or to the first failure.

The worker makes a fresh one after trouble with Kafka: new clients, new app, state read from the changelog. That is what
a new process would do after a crash, so there is nothing else to prove about it.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator
from pathlib import Path
from typing import Any, cast

import faust
from aiokafka import ConsumerRecord
from faust.types import TP, EventT, StreamT, TopicT
from mode.threads import WorkerThread

from streams import limits
from streams.configuration.settings import Settings
from streams.kafka.chunks import Bounds
from streams.kafka.membership import Membership, Replaced
from streams.kafka.outage import StateNotAssigned
from streams.kafka.topics import PAGES_TABLE, app_id, changelog_topic, pages_configs
from streams.kafka.transport import ChunkConsumer, chunk_topic, faust_settings, install, receipt
from streams.worker.changelog import ChangelogReader, KafkaChangelog, keep_reading
from streams.worker.inflow import Inflow, keep_looking
from streams.worker.keeper import Keeper
from streams.worker.lag import keep_measuring
from streams.worker.page_store import PagesTable, Shelves, install_no_recovery
from streams.worker.publisher import Publisher
from streams.worker.sequencer import Sequencer
from streams.worker.source_watch import keep_watching
from streams.worker.takeover import held_by_name, read_before_joining
from streams.worker.ticker import keep_ticking
from streams.worker.topic_lives import Deletions, Lives

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.2


class Session:
    """`await Session(settings, folder, membership).run(stop)`. folder: Faust wants one, and keeps nothing there.
    deletions: what sessions of this process saw go."""

    def __init__(
        self, settings: Settings, folder: Path, membership: Membership | None = None,
        deletions: Deletions | None = None,
    ) -> None:  # fmt: skip
        self.settings, self.membership = settings, membership or Membership(settings.worker_id)
        self.app, table = _app(settings, folder, self.membership)
        self.publisher = Publisher(settings)
        self.shelves = table.store.shelves = Shelves(lambda ours: self.keeper.keep(ours), lambda: self.keeper.lost())
        changelog = KafkaChangelog(changelog_topic(settings), self.shelves, self.publisher, self._overwritten)
        self.keeper = Keeper(settings, changelog, self.shelves.pages, self.publisher, self._confirmed_s, self)
        self.reader = ChangelogReader(settings)
        deletions = deletions or Deletions()
        self.inflow = Inflow(lambda name: deletions.saw(name.removeprefix(settings.topic_prefix)))
        lives = Lives(self.keeper.origins, self._end_of, lambda: self.keeper.assignments, deletions)
        self.sequencer = Sequencer(settings, self.publisher, self.keeper, lives=lives)
        self._agents()
        self.failure: BaseException | None = None

    def _agents(self) -> None:
        """Three inputs, all in chunks: readings are decided, profiles and actions sequenced among them."""
        self.app.agent(self._topic("readings"), name="engine")(self._each(self._decide))
        self.app.agent(self._topic("profiles"), name="sequence-profiles")(self._each(self._sequence_profiles))
        self.app.agent(self._topic("actions"), name="sequence-actions")(self._each(self._sequence_actions))
        self.app.on_partitions_revoked.connect(self._revoked)
        self.app.on_partitions_assigned.connect(self._assigned)

    def _topic(self, name: str) -> TopicT:
        return chunk_topic(self.app, self.settings.topic(name))

    def _each(self, take: Callable[[EventT[Any]], Awaitable[None]]) -> Callable[[StreamT[Any]], Awaitable[None]]:
        """An agent that takes chunk after chunk, behind the boundary."""

        async def agent(stream: StreamT[Any]) -> None:
            async for event in cast(faust.Stream[Any], stream).noack().events():
                await self._guarded(take(event))

        return agent

    async def _decide(self, event: EventT[Any]) -> None:
        records, tp = cast(list[ConsumerRecord], event.value), event.message.tp
        await self.keeper.take(tp, records, receipt(event), self.app.consumer.highwater(tp) or 0)

    async def _sequence_profiles(self, event: EventT[Any]) -> None:
        await self._sequence(event, self.sequencer.profiles)

    async def _sequence_actions(self, event: EventT[Any]) -> None:
        await self._sequence(event, self.sequencer.actions)

    async def _sequence(self, event: EventT[Any], take: Callable[[list[ConsumerRecord]], Awaitable[None]]) -> None:
        records, chunk = cast(list[ConsumerRecord], event.value), receipt(event)
        self.inflow.begins(chunk.tp, chunk.span[0])
        assignments = self.keeper.assignments
        if await self.keeper.all_in_place():
            await take(records)
            chunk.ack()
            if assignments == self.keeper.assignments:
                self.inflow.done(chunk.tp, chunk.span[1])

    async def _guarded(self, work: Awaitable[None]) -> None:
        """The one boundary of every agent. Faust acknowledges an event whose agent fails, and so loses it: what is not
        a matter of one record ends the session, with the chunk unacknowledged."""
        await self._or_failed(work)
        if self.failure is not None:
            await asyncio.Event().wait()

    def _failed(self, error: BaseException) -> None:
        """The first failure ends the session."""
        if self.failure is None:
            self.failure = error

    # --- partitions come and go

    @property
    def _consumer(self) -> ChunkConsumer:
        return cast(ChunkConsumer, self.app.consumer)

    def _confirmed_s(self) -> float:
        """When the group last confirmed that our partitions are ours; asyncio's clock is time.monotonic."""
        return self.membership.confirmed_at

    async def _revoked(self, app: Any, /, *given: Any, **_: Any) -> None:
        self.inflow.forget()
        if self._consumer.lost:
            self.keeper.lost()
        else:
            await self._or_failed(self.keeper.revoked())

    async def _assigned(self, app: Any, /, *given: Any, **_: Any) -> None:
        readings = self.settings.topic("readings")
        tps: set[TP] = given[0]
        ours = {tp.partition for tp in tps if tp.topic == readings}
        changelog = changelog_topic(self.settings)
        stateless = ours - {tp.partition for tp in self.app.assignor.assigned_actives() if tp.topic == changelog}
        if stateless:
            self._failed(StateNotAssigned(changelog, stateless))
        else:
            self.keeper.assigned(ours)

    async def begins(self, partition: int) -> int:
        """The offset of the first reading that the log still has."""
        tp = TP(self.settings.topic("readings"), partition)
        return (await self.app.consumer.earliest_offsets(tp))[tp]

    async def ends(self, partitions: Collection[int]) -> dict[int, int]:
        """The offset after the last reading that the log has of each partition."""
        tps = [TP(self.settings.topic("readings"), partition) for partition in partitions]
        return {tp.partition: end for tp, end in (await self.app.consumer.highwaters(*tps)).items()}

    async def _places(self) -> dict[TP, tuple[int, int]]:
        """Of each partition of profiles and actions that is ours: up to where it is in the log, and where it ends."""
        names = {self.settings.topic(word) for word in ("profiles", "actions")} - set(self._missing())
        ours = sorted(tp for tp in self._consumer.assignment() if tp.topic in names)
        ends = await self._consumer.highwaters(*ours) if ours else {}
        places = {tp: self.inflow.upto(tp) for tp in ours}
        fetched = {tp: await self._consumer.position(tp) for tp, place in places.items() if place is None}
        return {tp: (place if place is not None else fetched[tp] or 0, ends[tp] or 0) for tp, place in places.items()}

    def _missing(self) -> list[str]:
        """The topics that we read or write, and that no broker knows."""
        read = (self.settings.topic(word) for word in ("readings", "profiles", "actions"))
        return self._consumer.unknown(read) + self.publisher.unknown()

    async def _end_of(self, word: str, partition: int) -> int:
        """The offset after the last record of `profiles` or `actions`, as far as a fetch or an answer has said it."""
        tp = TP(self.settings.topic(word), partition)
        asked = await self.app.consumer.highwaters(tp)
        return max(asked[tp] or 0, self.app.consumer.highwater(tp) or 0)

    def go_back(self, partition: int, position: int) -> None:
        """Fetch the readings of a partition from this position on."""
        self._consumer.go_back(TP(self.settings.topic("readings"), partition), position)

    async def _or_failed(self, work: Awaitable[object]) -> None:
        """Faust would go on after a failure of any kind here; this session must not."""
        (result,) = await asyncio.gather(work, return_exceptions=True)
        if isinstance(result, Exception):
            self._failed(result)

    def _overwritten(self, partition: int) -> None:
        self.keeper.overwritten(partition)

    def ready(self) -> tuple[bool, str]:
        """Whether the worker has its partitions and their state."""
        if stuck := self.inflow.stuck():
            return False, stuck
        if self.app.rebalancing or self.keeper.missing:
            return False, "waiting for partitions and their state"
        if stuck := self.keeper.pace.stuck():
            return False, stuck
        held = sorted(self.keeper.partitions)
        return (True, f"partitions {held}") if held else (False, "no partitions yet")

    # --- the life of it

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; raises the first failure."""
        try:
            await self.publisher.start()
            self.app.finalize()
            await read_before_joining(held_by_name(self.settings), self.reader, self.shelves)
            async with asyncio.timeout(limits.START_WITHIN_S):
                await self.app.start()
            await self._supervise(stop)
        finally:
            await self._end()
        if self.failure is not None:
            raise self.failure

    async def _supervise(self, stop: asyncio.Event) -> None:
        """Checkpoints, ticks and the watch over sources, beside the agents."""
        beside = [asyncio.create_task(work) for work in self._beside()]
        try:
            while not stop.is_set() and self.failure is None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)
                self._look(beside)
            if self.failure is None:  # before the checkpoint that may be under way is cancelled, not after
                await self._or_failed(self.keeper.close())
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    def _beside(self) -> Iterator[Coroutine[Any, Any, None]]:
        yield keep_reading(self.reader, self.shelves, self.keeper)
        yield self.keeper.keep_checkpointing()
        yield keep_measuring(self.keeper, self.ends)
        yield keep_looking(self.inflow, self._missing, self._places)
        yield keep_watching(self.settings, self.publisher, lambda: self.keeper.partitions)
        if self.settings.ticks == "on":
            yield keep_ticking(self.settings, self.publisher, lambda: self.keeper.partitions, self.keeper.now_us)

    def _look(self, beside: list["asyncio.Task[None]"]) -> None:
        """What died beside the agents, or in Faust, ends the session; and above all, that we are not we any more."""
        if self.membership.replaced:
            self.failure = Replaced(self.settings.worker_id)
        for task in beside:
            if task.done() and (error := task.exception()) is not None:
                self._failed(error)
        if self.app.crashed:
            self._failed(self.app.crash_reason or RuntimeError("Faust crashed"))

    async def _end(self) -> None:
        """Leave nothing behind that could speak to Kafka in our name."""
        stopping = asyncio.wait_for(self.app.stop(), limits.STOP_WITHIN_S)
        (result,) = await asyncio.gather(stopping, return_exceptions=True)
        if isinstance(result, Exception):  # of services that failed already; what matters is told by `failure`
            log.warning("Faust did not stop in order (%s: %s)", type(result).__name__, result)
        _cancel_threads(self.app)
        await self.publisher.stop(flush=self.failure is None or isinstance(self.failure, Replaced))
        await self.reader.close()
        self.keeper.drop()
        self.shelves.clear()


def _cancel_threads(app: faust.App) -> None:
    """Whatever still runs in the loops of Faust's threads."""
    for thread in threading.enumerate():
        if isinstance(thread, WorkerThread) and cast(Any, thread.service).app is app:
            loop = thread.service.thread_loop
            with contextlib.suppress(RuntimeError):  # closed meanwhile
                loop.call_soon_threadsafe(_cancel_all, loop)


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()


def _app(settings: Settings, folder: Path, membership: Membership) -> tuple[faust.App, PagesTable]:
    """The Faust app with its table of pages: no web server, no leader election."""
    bounds = Bounds(records=settings.chunk_records, bytes=settings.chunk_bytes)
    app = faust.App(
        app_id(settings), broker=[f"kafka://{server}" for server in settings.broker.split(",")],
        store="memory://", Table=PagesTable, table_standby_replicas=settings.standby_replicas, web_enabled=False,
        topic_partitions=settings.partitions, topic_replication_factor=settings.replication,
        topic_disable_leader=True, datadir=str(folder),
        **faust_settings(bounds), **membership.settings(),
    )  # fmt: skip
    install(app, {settings.topic(name) for name in ("readings", "profiles", "actions")}, bounds, membership)
    table = app.Table(
        PAGES_TABLE, key_type=bytes, value_type=bytes, partitions=settings.partitions,
        extra_topic_configs=pages_configs(settings.replication),
    )  # fmt: skip
    install_no_recovery(app)
    return app, cast(PagesTable, table)
