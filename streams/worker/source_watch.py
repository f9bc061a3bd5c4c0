"""The watch over sources among the workers: whoever has the first partition reads `sources` and writes what changes.

It keeps nothing of its own: who takes over reads the topic from its beginning, which holds a few days. Two that watch
at once for a moment, or a change that is told again, do no harm: a partition applies each once.
"""

import asyncio
import logging
import time
from collections.abc import Callable

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from alerts.channels.closing import let_go
from alerts.sources import SourceChange
from models.times import US_PER_S, to_us
from streams import control, limits
from streams.configuration.settings import Settings
from streams.engine.tallies import OTHER, Report
from streams.kafka.connection import client_options
from streams.serving import metrics
from streams.sources.reports import decoded
from streams.sources.watch import Watch
from streams.worker.publisher import Publisher, Sent, settled

log = logging.getLogger(__name__)

WATCHING = 0
"""The partition of `readings` whose worker watches."""
PAUSE_S = 1.0
FETCH_MS = 500
SAID_AGAIN_AFTER_S = 600.0
"""Between two times that it is said that a source's clock is ahead."""
SAID_MAX = 8
AGAIN_AFTER_S = 30.0
"""Between two times that the same change is told to the same partition."""
TOLD_MAX = 10_000
"""Changes remembered as told; beyond it the oldest may be told again, which does no harm."""


async def keep_watching(settings: Settings, publisher: Publisher, partitions: Callable[[], frozenset[int]]) -> None:
    """Watch while the first partition is ours. A broker that is away is waited for."""
    while True:
        if WATCHING in partitions():
            try:
                await _watch(settings, publisher, partitions)
            except (KafkaError, OSError) as wrong:
                log.warning("the sources topic cannot be read (%r): nobody watches over sources until it can", wrong)
        await asyncio.sleep(PAUSE_S)


async def _watch(settings: Settings, publisher: Publisher, partitions: Callable[[], frozenset[int]]) -> None:
    """Read what is there in silence, then speak."""
    topic = TopicPartition(settings.topic("sources"), 0)
    consumer = AIOKafkaConsumer(enable_auto_commit=False, auto_offset_reset="earliest", **client_options(settings))
    await consumer.start()
    try:
        consumer.assign([topic])
        end = (await consumer.end_offsets([topic]))[topic]
        watcher = Watcher(settings, publisher, silent_before=end)
        while WATCHING in partitions():
            for records in (await consumer.getmany(topic, timeout_ms=FETCH_MS)).values():
                await watcher.take(records)
    finally:  # never its `stop` alone, which may swallow that we are cancelled: then the session would never end
        await let_go(consumer, limits.CLOSE_WITHIN_S)


class Watcher:
    """Takes the records of `sources` in order; what changes goes to every partition of `readings`."""

    def __init__(self, settings: Settings, publisher: Publisher, silent_before: int) -> None:
        self._settings, self._publisher, self._silent_before = settings, publisher, silent_before
        self.watch = Watch(settings.partitions)
        self._told: dict[tuple[int, str, str, int], float] = {}
        self._ahead = Ahead()

    async def take(self, records: list[ConsumerRecord]) -> None:
        """Reports as they lie on the topic. Those from before we came were answered by whoever watched then."""
        sent: list[Sent] = []
        for record in records:
            report = _readable(record, self._settings.partitions)
            if report is None:
                continue
            changes = self.watch.take(report)
            if record.offset >= self._silent_before:
                self._ahead.take(report)
                sent += await self._tell(report, changes)
        await settled(sent)
        self._ahead.tell()
        for word, n in self.watch.states().items():
            metrics.sources.labels(word).set(n)

    async def _tell(self, report: Report, changes: list[SourceChange]) -> list[Sent]:
        """What is new to all; what this partition lacks, to it alone."""
        over = report.sources.get(OTHER)
        if over is not None:
            log.warning("partition %d: too many sources; readings under `other`: %d", report.partition, over.received)
            metrics.sources_over.inc(over.received)
        for change in changes:
            log.warning("source %s is %s", change.source, change.state)
        everywhere = [(partition, change) for change in changes for partition in range(self._settings.partitions)]
        lacking = [(report.partition, change) for change in self.watch.unsettled(report)]
        wanted, now_ms = everywhere + self._due(lacking), report.through_us // 1000
        return [await self._send(partition, change, now_ms) for partition, change in wanted]

    def _due(self, lacking: list[tuple[int, SourceChange]]) -> list[tuple[int, SourceChange]]:
        """Those that were not told just now."""
        long_ago = time.monotonic() - AGAIN_AFTER_S
        return [(p, change) for p, change in lacking if self._told.get(_key(p, change), long_ago) <= long_ago]

    async def _send(self, partition: int, change: SourceChange, now_ms: int) -> Sent:
        """One change to one partition; it arrives in log time."""
        self._told[_key(partition, change)] = time.monotonic()
        if len(self._told) > TOLD_MAX:
            del self._told[next(iter(self._told))]
        return await self._publisher.control(control.source(change), partition=partition, timestamp_ms=now_ms)


class Ahead:
    """Sources whose clock is ahead of ours, as far as it is known by the newest minute of each partition."""

    def __init__(self) -> None:
        self._ahead_s: dict[int, dict[str, float]] = {}
        self._said_s: dict[str, float] = {}

    def take(self, report: Report) -> None:
        """Another minute of a partition, in which nothing may have come of a source."""
        found = {name: tally.ahead_us / US_PER_S for name, tally in report.sources.items()}
        self._ahead_s[report.partition] = {name: s for name, s in found.items() if s >= limits.SOURCE_AHEAD_S}

    def tell(self) -> None:
        """For Prometheus, and in the log once in a while: of the furthest first, at most SAID_MAX at once."""
        worst: dict[str, float] = {}
        for found in self._ahead_s.values():
            worst |= {name: max(s, worst.get(name, 0.0)) for name, s in found.items()}
        metrics.source_ahead_seconds.set(max(worst.values(), default=0.0))
        now_s = time.monotonic()
        self._said_s = {name: at for name, at in self._said_s.items() if now_s - at < SAID_AGAIN_AFTER_S}
        news = [name for name in sorted(worst, key=lambda one: (-worst[one], one)) if name not in self._said_s]
        for name in news[:SAID_MAX]:
            self._said_s[name] = now_s
            log.error(
                "THE CLOCK OF SOURCE %s IS AHEAD, by %.0f s: alerts of its patients carry times that are yet to come, "
                "and go up the chain that much later; see to the NTP of the machine that publishes them",
                name, worst[name],
            )  # fmt: skip


def _key(partition: int, change: SourceChange) -> tuple[int, str, str, int]:
    return partition, change.source, change.state, to_us(change.at)


def _readable(record: ConsumerRecord, partitions: int) -> Report | None:
    """A report; None, and a warning, for what is none: anybody may be able to write to the topic."""
    try:
        report = decoded(record.value or b"")
        if not 0 <= report.partition < partitions:
            raise ValueError(f"there is no partition {report.partition}")
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as wrong:
        log.warning("offset %d of %s is no report about sources: %s", record.offset, record.topic, wrong)
        return None
    return report
