"""A worker: Faust agents around the engine's step.

`readings` comes in chunks (`transport`). For each: step, publish the effects, and now and then a checkpoint: changed
pages to the table's changelog, wait until the broker has them and the effects, then acknowledge. What crashes in
between comes again, is skipped where it was applied, and repeats its alerts under the same (`alert_id`, `sequence`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import faust
from aiokafka import ConsumerRecord
from faust.types import TP, EventT, StreamT, TopicT

from streams import limits
from streams.chunks import Bounds
from streams.errors import Failed
from streams.health import HealthServer
from streams.keeper import Keeper
from streams.ledger import PAGES_TABLE, app_id
from streams.page_store import TableChangelog
from streams.process import bulk_collector, run_async
from streams.publisher import Publisher
from streams.sequencer import Sequencer
from streams.settings import Settings
from streams.ticker import keep_ticking
from streams.topics import ensure_topics
from streams.transport import chunk_topic, faust_settings, install, receipt

log = logging.getLogger(__name__)

STOP_WITHIN_S = 15.0
Ready = Callable[[], tuple[bool, str]]


class Worker:
    """One worker process: `async with Worker(settings) as worker`, then `await worker.until_stopped(stop)`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        bounds = Bounds(records=settings.chunk_records, bytes=settings.chunk_bytes)
        self.app = _app(settings, bounds)
        install(self.app, {settings.topic(name) for name in ("readings", "profiles", "actions")}, bounds)
        table = self.app.Table(
            PAGES_TABLE,
            key_type=bytes,
            value_type=bytes,
            partitions=settings.partitions,
            extra_topic_configs={"max.message.bytes": str(limits.PAGE_MESSAGE_BYTES_MAX)},
        )
        self.publisher = Publisher(settings)
        changelog = TableChangelog(table)
        self.keeper = Keeper(settings, changelog, changelog.pages, self.publisher)
        self.sequencer = Sequencer(settings, self.publisher, self.keeper)
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
        records, chunk = cast(list[ConsumerRecord], event.value), receipt(event)
        await self.sequencer.profiles(records)
        chunk.ack()

    async def _sequence_actions(self, event: EventT[Any]) -> None:
        records, chunk = cast(list[ConsumerRecord], event.value), receipt(event)
        await self.sequencer.actions(records)
        chunk.ack()

    async def _guarded(self, work: Awaitable[None]) -> None:
        """The one boundary of every agent. Faust acknowledges an event whose agent fails, and so loses it: what is not
        a matter of one record is our bug, and the worker stops, loudly, with the chunk unacknowledged."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:  # any failure at all: it must not reach Faust
            log.exception("the worker stops: this is a bug, and going on would lose readings")
            self.failure = error
            await asyncio.Event().wait()

    async def _revoked(self, app: Any, /, *given: Any, **_: Any) -> None:
        await self.keeper.revoked(_of(given[0], self.settings.topic("readings")))

    async def _assigned(self, app: Any, /, *given: Any, **_: Any) -> None:
        self.keeper.assigned(_of(given[0], self.settings.topic("readings")))

    def ready(self) -> tuple[bool, str]:
        """Whether the worker has its partitions and their state."""
        if self.app.rebalancing or not cast(Any, self.app.tables).recovery.completed.is_set():
            return False, "waiting for partitions and their state"
        held = sorted(self.keeper.partitions)
        return (True, f"partitions {held}") if held else (False, "no partitions yet")

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, or until something fails that must not be ignored."""
        _make_folder(self.settings.data_folder)
        await self.publisher.start()
        self.app.finalize()
        await self.app.start()
        try:
            with bulk_collector():
                await self._supervise(stop)
        finally:
            await self.keeper.close()
            async with asyncio.timeout(STOP_WITHIN_S):
                await self.app.stop()
            await self.publisher.stop()
        if self.failure is not None:
            raise Failed(f"the worker stopped itself ({type(self.failure).__name__}: {self.failure}); see the log")

    async def _supervise(self, stop: asyncio.Event) -> None:
        """Checkpoints and ticks, beside the agents."""
        helpers = [asyncio.create_task(self.keeper.keep_checkpointing())]
        if self.settings.ticks == "on":
            helpers.append(
                asyncio.create_task(keep_ticking(self.settings, self.publisher, lambda: self.keeper.partitions))
            )
        try:
            while not stop.is_set() and self.failure is None:
                await asyncio.wait([asyncio.create_task(stop.wait())], timeout=0.2)
                self._check(helpers)
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    def _check(self, helpers: list["asyncio.Task[None]"]) -> None:
        """A helper or Faust that died takes the worker with it."""
        for helper in helpers:
            if helper.done() and self.failure is None:
                self.failure = helper.exception()
        if self.app.crashed and self.failure is None:
            self.failure = self.app.crash_reason or RuntimeError("Faust crashed")


def _make_folder(folder: Path) -> None:
    """Faust wants a folder of its own, though with the memory store it keeps nothing there."""
    try:
        (folder / "faust").mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        raise Failed(f"cannot make the data folder {folder} ({wrong.strerror}): set HOMEBEAT_DATA_FOLDER") from None


def _of(tps: set[TP], topic: str) -> set[int]:
    return {tp.partition for tp in tps if tp.topic == topic}


def _app(settings: Settings, bounds: Bounds) -> faust.App:
    """The Faust app: memory store (the changelog is the truth), no web server, no leader election."""
    return faust.App(
        app_id(settings), broker=[f"kafka://{server}" for server in settings.broker.split(",")],
        store="memory://", web_enabled=False, topic_partitions=settings.partitions,
        topic_replication_factor=settings.replication, topic_disable_leader=True,
        datadir=str(settings.data_folder / "faust"),
        **faust_settings(bounds),
    )  # fmt: skip


def run_worker(settings: Settings) -> int:
    """Run one worker until SIGINT or SIGTERM; 0 when it wound up in order."""
    run_async(lambda stop: _serve(settings, stop))
    return 0


async def _serve(settings: Settings, stop: asyncio.Event) -> None:
    """The worker with its pages for ops, and the notifier beside it if that is set."""
    from streams.assembly import notifier_config
    from streams.connection import security_options
    from streams.notifier import run_notifier

    await ensure_topics(
        settings.broker, settings.topic_prefix, settings.partitions, settings.replication, **security_options(settings)
    )
    worker = Worker(settings)
    async with HealthServer(settings.http_host, settings.port_of("worker"), ready=worker.ready):
        running = [asyncio.create_task(worker.run(stop))]
        if settings.notifier == "on" and settings.webhook_urls:
            running.append(asyncio.create_task(run_notifier(notifier_config(settings), stop)))
        try:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.set()
            results = await asyncio.gather(*running, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
