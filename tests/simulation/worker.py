"""One worker process, put together as `streams.session` does it: only Faust and Kafka are not the real ones."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from aiokafka import AIOKafkaProducer
from faust.types import TP

from streams import ticker
from streams.chunks import Bounds
from streams.keeper import Keeper
from streams.ledger import changelog_topic
from streams.page_store import KafkaChangelog, PageStore
from streams.publisher import Publisher
from streams.sequencer import Sequencer
from streams.settings import Settings
from tests.simulation.broker import Broker, Producer, Stored
from tests.simulation.consumer import Chunk, Consumer
from tests.simulation.group import Group
from tests.simulation.loop import Process, VirtualLoop
from tests.simulation.network import Network, Unanswered

STAND_BY_EVERY_S = 2.0


@dataclass(frozen=True)
class Site:
    """What all processes share."""

    loop: VirtualLoop
    broker: Broker
    network: Network
    group: Group
    rng: random.Random
    now_ms: Callable[[], int]


class Store(PageStore):
    """The real store of pages, without Faust around it. `ours`, `others`: what the assignor would say."""

    def __init__(self) -> None:
        self.ours: set[int] = set()
        self.others: set[int] = set()
        assignor = SimpleNamespace(
            assigned_actives=lambda: {TP("", p) for p in self.ours},
            assigned_standbys=lambda: {TP("", p) for p in self.others},
        )
        self.app: Any = SimpleNamespace(assignor=assignor)
        self.__post_init__()

    def read(self, records: Iterable[Stored]) -> None:
        """Records of the changelog, as Faust's recovery hands them on."""
        self.apply_changelog_batch([cast(Any, SimpleNamespace(message=record)) for record in records], None, None)


class Worker:
    """A worker process with one session. `failure`: what ended it."""

    def __init__(self, site: Site, settings: Settings, process: Process, commit_s: float) -> None:
        self.site, self.settings, self.process = site, settings, process
        self.stopping = asyncio.Event()
        self.failure: BaseException | None = None
        self._changelog_topic = changelog_topic(settings)
        producer = Producer(site.loop, site.broker, site.network, process, site.rng, site.now_ms)
        self.publisher = Publisher(settings, cast(AIOKafkaProducer, producer))
        self.store = Store()
        changelog = KafkaChangelog(self._changelog_topic, self.store, self.publisher, self._overwritten)
        self.keeper = Keeper(settings, changelog, self.store.pages, self.publisher, self._confirmed_s)
        self.store.keep, self.store.lost, self.store.failed = self.keeper.keep, self.keeper.lost, self._failed
        self.sequencer = Sequencer(settings, self.publisher, self.keeper)
        bounds = Bounds(records=settings.chunk_records, bytes=settings.chunk_bytes)
        topics = settings.topic("readings"), settings.topic("profiles"), settings.topic("actions")
        self.consumer = Consumer(
            site.broker, site.group, site.network, process, site.rng, topics, bounds, commit_s,
            self._revoked, self._assigned,
        )  # fmt: skip

    # --- the life of it

    async def run(self) -> None:
        """Until told to stop or something fails; in the order of `streams.session.Session.run`."""
        await self.publisher.start()
        beside = [asyncio.create_task(self.keeper.keep_checkpointing()), asyncio.create_task(self._stand_by())]
        if self.settings.ticks == "on":
            ticking = ticker.keep_ticking(self.settings, self.publisher, lambda: self.keeper.partitions)
            beside.append(asyncio.create_task(ticking))
        app = [
            asyncio.create_task(part)
            for part in (
                self.consumer.run(), self._agent("readings", self._decide), self._agent("profiles", self._profiles),
                self._agent("actions", self._actions),
            )
        ]  # fmt: skip
        await self._supervise([*beside, *app])
        await _ended(beside)
        if self.failure is None:
            await self._or_failed(self.keeper.close())
        await _ended(app)
        await self.consumer.leave()
        await self.publisher.stop(flush=self.failure is None)

    async def _supervise(self, running: list["asyncio.Task[None]"]) -> None:
        """Until somebody says stop, or a part dies; the real one looks every 0.2 s."""
        stop = asyncio.create_task(self.stopping.wait())
        await asyncio.wait([stop, *running], return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(self.site.rng.uniform(0, 0.2))
        for task in running:
            if task.done() and (error := task.exception()) is not None:
                self._failed(error)
        stop.cancel()

    def _failed(self, error: BaseException) -> None:
        if self.failure is None:
            self.failure = error
        self.stopping.set()

    async def _or_failed(self, work: Awaitable[object]) -> None:
        (result,) = await asyncio.gather(work, return_exceptions=True)
        if isinstance(result, Exception):
            self._failed(result)

    # --- chunks

    async def _agent(self, topic: str, take: Callable[[Chunk], Awaitable[None]]) -> None:
        """Chunk after chunk; what was fetched for an older assignment is passed over, as Faust's streams do."""
        queue = self.consumer.queues[self.settings.topic(topic)]
        while True:
            chunk = await queue.get()
            if chunk.generation == self.consumer.generation:
                await self._or_failed(take(chunk))
            if self.failure is not None:
                await asyncio.Event().wait()

    async def _decide(self, chunk: Chunk) -> None:
        tp = chunk.fetched.tp
        highwater = len(self.site.broker.log(tp.topic, tp.partition))
        await self.keeper.take(tp, chunk.fetched.records, chunk, highwater)

    async def _profiles(self, chunk: Chunk) -> None:
        await self.sequencer.profiles(chunk.fetched.records)
        chunk.ack()

    async def _actions(self, chunk: Chunk) -> None:
        await self.sequencer.actions(chunk.fetched.records)
        chunk.ack()

    # --- partitions come and go

    def _confirmed_s(self) -> float:
        return self.consumer.confirmed_s

    def _overwritten(self, partition: int) -> None:
        self.keeper.overwritten(partition)

    async def _revoked(self, lost: bool) -> None:
        if lost:
            self.keeper.lost()
        else:
            await self._or_failed(self.keeper.revoked())

    async def _assigned(self, partitions: set[int]) -> None:
        """Read the changelog up to its end where that is needed, make the states, and only then begin."""
        self.store.ours = partitions
        self.store.others = (
            set(range(self.settings.partitions)) - partitions if self.settings.standby_replicas else set()
        )
        await self.store.on_rebalance(set(), set(), set(), self.consumer.generation)
        self.keeper.assigned(partitions)
        for partition in sorted(partitions):
            await self._read_on(partition)
        await self._or_failed(self.keeper.hold_all())

    async def _read_on(self, partition: int) -> None:
        """The changelog of a partition from where we know it, up to its end."""
        log = self.site.broker.log(self._changelog_topic, partition)
        known = self.store.persisted_offset(TP("", partition)) + 1
        while True:
            try:
                self.store.read(await self.site.network.request(self.process, lambda: log[known:]))
                return
            except Unanswered:
                continue

    async def _stand_by(self) -> None:
        """Keep the pages of others' partitions at hand."""
        while True:
            await asyncio.sleep(STAND_BY_EVERY_S)
            for partition in sorted(self.store.others):
                await self._read_on(partition)


async def _ended(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
