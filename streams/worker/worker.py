"""A worker: Faust agents around the engine's step, for as long as the process lives.

`readings` comes in chunks (`transport`). For each: step, publish the effects, and now and then a checkpoint: changed
pages to the changelog, wait until the broker has them and the effects, then acknowledge. What crashes in between comes
again, is skipped where it was applied, and repeats its alerts under the same (`alert_id`, `sequence`).

Trouble with Kafka ends a session (`session`), and the worker starts the next one as soon as a broker answers; the pages
for ops stay up and say why it waits.
"""

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from streams import limits
from streams.configuration.settings import Settings
from streams.errors import Failed, HomebeatError
from streams.evidence_view import require_sound
from streams.kafka.broker_watch import BrokerWatch
from streams.kafka.membership import Membership, Replaced
from streams.kafka.outage import passing, waited_out
from streams.kafka.topics import changelog_topic, ensure_topics
from streams.serving import metrics
from streams.serving.health import HealthServer
from streams.serving.process import bulk_collector, done_before, run_async, steady_heap
from streams.worker.keeper import Keeper
from streams.worker.session import Session
from streams.worker.topic_lives import Deletions

log = logging.getLogger(__name__)

Ready = Callable[[], tuple[bool, str]]


class Worker:
    """One worker process: `await Worker(settings).run(stop)`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._membership, self._deletions = Membership(settings.worker_id), Deletions()
        self._session = self._fresh()
        self._watch = BrokerWatch(settings)
        self._trouble = ""

    def _fresh(self) -> Session:
        return Session(self.settings, faust_folder(self.settings.data_folder), self._membership, self._deletions)

    @property
    def keeper(self) -> Keeper:
        """The keeper of the session that runs, or ran last."""
        return self._session.keeper

    def ready(self) -> tuple[bool, str]:
        """Whether the worker has its partitions and their state, and a broker that answers."""
        reason = self._watch.why_not() or self._trouble
        return (False, reason) if reason else self._session.ready()

    async def prepare(self, stop: asyncio.Event) -> bool:
        """The topics, before the first session: False when it was asked to stop first. Raises as `make_topics`."""
        return await done_before(stop, make_topics(self.settings, self._wait_for))

    def _wait_for(self, why: str) -> None:
        self._trouble = why

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, over as many sessions as it takes. Raises Failed for a bug of ours or what Kafka refuses."""
        watching = asyncio.create_task(self._watch.run())
        pause = limits.RESTART_AFTER_S[0]
        try:
            with bulk_collector():
                while True:
                    started = asyncio.get_running_loop().time()
                    if await self._ended_well(stop):
                        return
                    if asyncio.get_running_loop().time() - started > limits.RESTART_FORGOTTEN_S:
                        pause = limits.RESTART_AFTER_S[0]
                    await self._wait(stop, pause)
                    pause = min(2 * pause, limits.RESTART_AFTER_S[1])
                    if stop.is_set():
                        return
                    self._session = self._fresh()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _ended_well(self, stop: asyncio.Event) -> bool:
        """One session: True when it was asked to stop, False when Kafka failed it. Raises Failed for anything else."""
        try:
            await self._session.run(stop)
        except Exception as error:  # told apart here, and nowhere else
            if stop.is_set():
                log.warning("stopped while Kafka was in trouble (%s: %s)", type(error).__name__, error)
                return True
            if isinstance(error, Replaced):
                return await self._stepped_aside(stop, error)
            if isinstance(error, Failed) and not passing(error):
                raise
            if not passing(error):
                log.exception("the worker stops: this is a bug, or a setting that Kafka refuses")
                raise Failed(f"the worker stopped itself ({type(error).__name__}: {error}); see the log") from error
            self._say(error)
            return False
        return True

    async def _stepped_aside(self, stop: asyncio.Event, replaced: Replaced) -> bool:
        """Another has our name. At a hand-over somebody stops us now; raises when nobody does. To end at once would
        have an orchestrator start us again, and the two would throw each other out without a pause."""
        self._trouble = f"stepped aside: {replaced}"
        log.error("%s; stepping aside, and ending in %.0f s if nobody stops this one", replaced, limits.STEPS_ASIDE_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), limits.STEPS_ASIDE_S)
            return True
        raise replaced

    def _say(self, error: BaseException) -> None:
        name = type(error).__name__
        self._trouble = f"starting afresh after trouble with Kafka ({name}: {error})"
        metrics.worker_restarts.labels(name).inc()
        log.error("trouble with Kafka (%s: %s): starting afresh from the changelog, nothing is lost", name, error)

    async def _wait(self, stop: asyncio.Event, pause: float) -> None:
        """Until a broker answers and can do what we need, and at least `pause`."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            if self._watch.up and await self._topics_are_there():
                self._trouble = ""
                return

    async def _topics_are_there(self) -> bool:
        """A broker that kept nothing (the embedded one) comes back without its topics."""
        try:
            await _topics_once(self.settings)
        except HomebeatError as wrong:
            self._trouble = str(wrong)
            return False
        except Exception as error:  # told apart here
            if not passing(error):
                raise
            self._trouble = f"{type(error).__name__}: {error}"
            return False
        return True


async def make_topics(settings: Settings, say: Callable[[str], None] = lambda why: None) -> None:
    """The topics of the contract and the worker's own, created where missing. A broker that is slow or not ready is
    waited for, and `say` is told why. Raises what `waited_out` and `ensure_topics` do."""
    await waited_out(lambda: _topics_once(settings), settings, say)


async def _topics_once(settings: Settings) -> None:
    from streams.kafka.connection import security_options

    await ensure_topics(
        settings.broker, settings.topic_prefix, settings.partitions, settings.replication,
        changelog=changelog_topic(settings), **security_options(settings),
    )  # fmt: skip


def faust_folder(wanted: Path) -> Path:
    """Faust wants a folder of its own, and keeps nothing there: one that cannot be had is no reason to stop."""
    folder = wanted / "faust"
    try:
        _write_into(folder)
    except OSError as wrong:
        folder = Path(tempfile.gettempdir()) / "homebeat-faust"
        log.warning(
            "the data folder %s cannot be written (%s): going on with %s, as a worker keeps nothing there; "
            "set HOMEBEAT_DATA_FOLDER to a folder with room", wanted, wrong.strerror, folder,
        )  # fmt: skip
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write_into(folder: Path) -> None:
    """Raises OSError when the folder cannot be made, or has no room for a file."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as probe:
        probe.write(b"x" * limits.KIB)
        probe.flush()


def run_worker(settings: Settings) -> int:
    """Run one worker until SIGINT or SIGTERM; 0 when it wound up in order. Raises Failed if the evidence is broken."""
    require_sound()
    steady_heap()
    run_async(lambda stop: _serve(settings, stop))
    return 0


async def _serve(settings: Settings, stop: asyncio.Event) -> None:
    """The worker with its pages for ops, and the notifier beside it if that is set."""
    worker = Worker(settings)
    async with HealthServer(settings.http_host, settings.port_of("worker"), ready=worker.ready):
        if not await worker.prepare(stop):
            return
        running = [asyncio.create_task(worker.run(stop))]
        if settings.notifier == "on" and settings.tells_somebody:
            running.append(asyncio.create_task(_notifier(settings, stop)))
        elif settings.notifier == "on":
            log.warning(
                "alerts reach nobody: set HOMEBEAT_TEAMS_FILE or HOMEBEAT_WEBHOOK_URLS; they are on the desk only"
            )
        try:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.set()
            results = await asyncio.gather(*running, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result


def _notifier(settings: Settings, stop: asyncio.Event) -> Coroutine[Any, Any, None]:
    """The notifier, whose channels a worker that tells nobody does not import."""
    from streams.assembly import notifier_config
    from streams.notifier.notifier import run_notifier

    return run_notifier(notifier_config(settings), stop)
