"""One worker process, put together as `streams.worker.session` does it: only Faust and Kafka are not the real ones."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import cast

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError
from faust.types import TP

from streams.configuration.settings import Settings
from streams.kafka.chunks import Bounds
from streams.kafka.topics import changelog_topic
from streams.worker import ticker
from streams.worker.changelog import ChangelogReader, KafkaChangelog, keep_reading
from streams.worker.keeper import Keeper
from streams.worker.page_store import Batch, Shelves
from streams.worker.publisher import Publisher
from streams.worker.sequencer import Sequencer
from streams.worker.takeover import read_before_joining
from streams.worker.topic_lives import Lives
from tests.simulation.broker import Broker, Producer
from tests.simulation.consumer import Chunk, Consumer
from tests.simulation.group import Group
from tests.simulation.loop import Process, VirtualLoop
from tests.simulation.network import Network, Unanswered

READ_EVERY_S = 0.5


@dataclass(frozen=True)
class Site:
    """What all processes share."""

    loop: VirtualLoop
    broker: Broker
    network: Network
    group: Group
    rng: random.Random
    now_ms: Callable[[], int]


class Reader:
    """Reads the changelog from the simulated broker, whose answer takes its time or gets lost."""

    def __init__(self, site: Site, process: Process, topic: str) -> None:
        self._site, self._process, self._topic = site, process, topic
        self.ends = 0

    async def read(self, wanted: Mapping[int, int], assignment: int) -> list[Batch]:
        """All that there is; whole is what goes up to the end of when it was asked for."""
        await asyncio.sleep(self._site.rng.uniform(0, READ_EVERY_S))
        network = self._site.network
        try:
            return await network.request(self._process, lambda: [self._batch(*one) for one in wanted.items()])
        except Unanswered as error:
            raise KafkaTimeoutError from error

    def _batch(self, partition: int, start: int) -> Batch:
        """Not always up to the end, so that it takes several."""
        log = self._site.broker.log(self._topic, partition)
        self.ends = max(self.ends, len(log))
        end = min(len(log), start + self._site.rng.choice([3, 50, 10_000]))
        return Batch(partition, start, end, log[start:end], end >= len(log))


class Worker:
    """A worker process with one session. `failure`: what ended it."""

    def __init__(self, site: Site, settings: Settings, process: Process, commit_s: float) -> None:
        self.site, self.settings, self.process = site, settings, process
        self.stopping = asyncio.Event()
        self.failure: BaseException | None = None
        self._changelog_topic = changelog_topic(settings)
        producer = Producer(site.loop, site.broker, site.network, process, site.rng, site.now_ms)
        self.publisher = Publisher(settings, cast(AIOKafkaProducer, producer))
        self.shelves = Shelves(lambda ours: self.keeper.keep(ours), lambda: self.keeper.lost())
        changelog = KafkaChangelog(self._changelog_topic, self.shelves, self.publisher, self._overwritten)
        self.keeper = Keeper(settings, changelog, self.shelves.pages, self.publisher, self._confirmed_s, self)
        self.reader = Reader(site, process, self._changelog_topic)
        lives = Lives(self.keeper.origins, self._end_of, lambda: self.keeper.assignments)
        self.sequencer = Sequencer(settings, self.publisher, self.keeper, site.now_ms, lives)
        bounds = Bounds(records=settings.chunk_records, bytes=settings.chunk_bytes)
        topics = settings.topic("readings"), settings.topic("profiles"), settings.topic("actions")
        self.consumer = Consumer(
            site.broker, site.group, site.network, process, site.rng, topics, bounds, commit_s,
            self._revoked, self._assigned,
        )  # fmt: skip

    async def _end_of(self, word: str, partition: int) -> int:
        return len(self.site.broker.log(self.settings.topic(word), partition))

    # --- the life of it

    async def run(self) -> None:
        """Until told to stop or something fails; in the order of `streams.worker.session.Session.run`."""
        await self.publisher.start()
        await read_before_joining(self._expected(), cast(ChangelogReader, self.reader), self.shelves)
        reading = keep_reading(cast(ChangelogReader, self.reader), self.shelves, self.keeper)
        beside = [asyncio.create_task(self.keeper.keep_checkpointing()), asyncio.create_task(reading)]
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

    async def _expected(self) -> frozenset[int]:
        """What it reads before it joins is a guess, which may be wrong in any way."""
        rng = self.site.rng
        share = rng.choice([0.0, 0.5, 1.0])
        return frozenset(number for number in range(self.settings.partitions) if rng.random() < share)

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
        if await self.keeper.all_in_place():
            await self.sequencer.profiles(chunk.fetched.records)
            chunk.ack()

    async def _actions(self, chunk: Chunk) -> None:
        if await self.keeper.all_in_place():
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
        """As Faust's table and the session are told."""
        others = set(range(self.settings.partitions)) - partitions if self.settings.standby_replicas else set()
        self.shelves.shared_out(partitions, others, self.consumer.generation)
        self.keeper.assigned(partitions)

    async def begins(self, partition: int) -> int:
        """Nothing is ever deleted here."""
        return 0

    async def ends(self, partitions: Collection[int]) -> dict[int, int]:
        return {one: len(self.site.broker.log(self.settings.topic("readings"), one)) for one in partitions}

    def go_back(self, partition: int, position: int) -> None:
        self.consumer.go_back(TP(self.settings.topic("readings"), partition), position)


async def _ended(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
