"""The topics of the contract: their names, sizes and clean-up, and how they come into being.

`readings`, `profiles`, `actions`, `findings`, `alerts` and `vitals` are keyed by patient and must have the same number
of partitions: one worker then sees everything about one patient.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, NoError, NotControllerError, TopicAlreadyExistsError, for_code

from streams import limits
from streams.configuration.settings import Settings
from streams.errors import BrokerUnreachable, Failed, PartitionsChanged

DAY_MS = 86_400_000
MONTH_MS = 30 * DAY_MS
LONG_MS = 3650 * DAY_MS
BOOTSTRAP_WITHIN_S = 10.0
APPEAR_WITHIN_S = 30.0
PAUSE_S = 0.1

PAGES_TABLE = "pages"
COPARTITIONED = ("readings", "profiles", "actions", "findings", "alerts", "vitals")


class PartitionsDiffer(Failed):
    """Topics that must have the same number of partitions do not."""

    def __init__(self, wanted: int, found: Mapping[str, int]) -> None:
        wrong = ", ".join(f"{name} has {count}" for name, count in sorted(found.items()))
        super().__init__(
            f"these topics must have {wanted} partitions, but {wrong}: set HOMEBEAT_PARTITIONS to what readings has, "
            "or delete the wrong topics while they are empty and start again"
        )
        self.found = dict(found)


class TopicRefused(Failed):
    """The broker would not create a topic."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"the broker would not create the topic {name} ({why}): "
            "give this user the right to create topics, or create it by hand"
        )


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. retention_ms: None for a compacted topic, which keeps the last value of every key."""

    name: str
    partitions: int
    cleanup: Literal["delete", "compact"]
    retention_ms: int | None
    max_message_bytes: int

    def configs(self, replication: int = 1) -> dict[str, str]:
        """The topic's settings in Kafka's words, with that many copies."""
        configs = {"cleanup.policy": self.cleanup, "max.message.bytes": str(self.max_message_bytes)}
        configs |= durability(replication)
        if self.retention_ms is not None:
            configs["retention.ms"] = str(self.retention_ms)
        return configs


def durability(replication: int) -> dict[str, str]:
    """With three copies or more, two brokers must have a record before it counts: one may be lost, and with one away
    everything goes on. With fewer copies that would stop everything when one broker is away."""
    return {"min.insync.replicas": "2"} if replication >= 3 else {}


def pages_configs(replication: int) -> dict[str, str]:
    """The settings of the pages' changelog beside Faust's own (it is compacted): quick to read back, and safe."""
    return {
        "max.message.bytes": str(limits.PAGE_MESSAGE_BYTES_MAX),
        "min.compaction.lag.ms": str(limits.PAGES_KEPT_MS),
        "segment.bytes": str(limits.PAGES_SEGMENT_BYTES),
        "min.cleanable.dirty.ratio": str(limits.PAGES_DIRTY_RATIO),
        **durability(replication),
    }


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics of one deployment, as `homebeat.` or another prefix names them."""

    readings: Topic
    profiles: Topic
    actions: Topic
    findings: Topic
    alerts: Topic
    vitals: Topic
    rejects: Topic
    deliveries: Topic
    sources: Topic
    audit: Topic

    def __iter__(self) -> Iterator[Topic]:
        return (getattr(self, field.name) for field in fields(self))


def topics_of(prefix: str, partitions: int) -> Topics:
    """The topics of the contract for this prefix."""

    def keyed(word: str, retention_ms: int | None, bytes_max: int = limits.DOCUMENT_MESSAGE_BYTES_MAX) -> Topic:
        cleanup: Literal["delete", "compact"] = "compact" if retention_ms is None else "delete"
        return Topic(prefix + word, partitions, cleanup, retention_ms, bytes_max)

    def single(word: str, retention_ms: int) -> Topic:
        return Topic(prefix + word, 1, "delete", retention_ms, limits.DOCUMENT_MESSAGE_BYTES_MAX)

    return Topics(
        readings=keyed("readings", MONTH_MS, limits.READINGS_MESSAGE_BYTES_MAX),
        profiles=keyed("profiles", None),
        actions=keyed("actions", LONG_MS),
        findings=keyed("findings", MONTH_MS),
        alerts=keyed("alerts", LONG_MS),
        vitals=keyed("vitals", 3 * MONTH_MS),
        rejects=keyed("rejects", MONTH_MS, limits.REJECTS_MESSAGE_BYTES_MAX),
        deliveries=keyed("deliveries", LONG_MS),
        sources=single("sources", 3 * DAY_MS),
        audit=single("audit", LONG_MS),
    )


def changelog_topic(settings: Settings) -> str:
    """Where workers keep their pages."""
    return f"{app_id(settings)}-{PAGES_TABLE}-changelog"


def app_id(settings: Settings) -> str:
    """Faust's name of the app: its consumer group, and what its own topics begin with."""
    return f"{settings.topic_prefix}{settings.group}"


async def ensure_topics(
    bootstrap: str, prefix: str, partitions: int, replication: int, *, changelog: str = "", **client: Any
) -> Topics:
    """Create what is missing and check the rest. client: TLS and login, as `connection.client_options` gives them.

    changelog: the topic of a worker's pages, made with the others. It must be there before the first worker joins its
    group: the group shares out only topics that its leader's client knows, and who looks too early looks again late.

    Raises BrokerUnreachable, TopicRefused, PartitionsDiffer, PartitionsChanged; KafkaError or TimeoutError while the
    broker is not ready.
    """
    topics = topics_of(prefix, partitions)
    within_ms = round(limits.REQUEST_WITHIN_S * 1000)
    admin = AIOKafkaAdminClient(**{"bootstrap_servers": bootstrap, "request_timeout_ms": within_ms, **client})
    try:
        async with asyncio.timeout(BOOTSTRAP_WITHIN_S):
            await admin.start()
    except (TimeoutError, KafkaError, OSError) as wrong:
        raise BrokerUnreachable(bootstrap, str(wrong)) from None
    else:
        await create_missing(admin, topics, replication)
        if changelog:
            await create_changelog(admin, changelog, partitions, replication)
        await check_partitions(admin, topics)
        if changelog:
            await _check_changelog(admin, changelog, partitions)
        return topics
    finally:
        await admin.close()


async def create_missing(admin: AIOKafkaAdminClient, topics: Topics, replication: int) -> list[str]:
    """Create the topics that the broker does not have, wait until they are led, and return their names.

    Raises TopicRefused.
    """
    known = set(await admin.list_topics())
    missing = [topic for topic in topics if topic.name not in known]
    if missing:
        await _create(admin, missing, replication)
    return [topic.name for topic in missing]


async def create_changelog(admin: AIOKafkaAdminClient, name: str, partitions: int, replication: int) -> None:
    """The topic of a worker's pages, as Faust would make it, if the broker does not have it. Raises TopicRefused."""
    if name not in await admin.list_topics():
        configs = {"cleanup.policy": "compact", **pages_configs(replication)}
        await _create_all(admin, [NewTopic(name, partitions, replication, topic_configs=configs)])


async def _check_changelog(admin: AIOKafkaAdminClient, name: str, partitions: int) -> None:
    """Raise PartitionsChanged when the pages were made for another number of partitions."""
    count = (await _appeared(admin, [name]))[name]
    if count != partitions:
        raise PartitionsChanged(f"{name} has {count}", partitions, name)


async def _create(admin: AIOKafkaAdminClient, missing: list[Topic], replication: int) -> None:
    new = [
        NewTopic(topic.name, topic.partitions, replication, topic_configs=topic.configs(replication))
        for topic in missing
    ]
    await _create_all(admin, new)


async def _create_all(admin: AIOKafkaAdminClient, new: list[NewTopic]) -> None:
    for result in (await _answer(admin, new))["topic_errors"]:
        _refused(result["topic"], result["error_code"])
    await _led(admin, [topic.name for topic in new])


async def _answer(admin: AIOKafkaAdminClient, new: list[NewTopic]) -> dict[str, Any]:
    """What the cluster's controller says. Raises KafkaError, also when there is none: aiokafka stumbles over that."""
    try:
        return dict((await admin.create_topics(new)).to_object())
    except AttributeError as error:
        if error.name != "nodeId":
            raise
        raise NotControllerError("the cluster has no controller") from error


def _refused(name: str, code: int) -> None:
    """Raise what is wrong: TopicRefused, or the broker's own error if that may pass."""
    kind = for_code(code)
    if kind in (NoError, TopicAlreadyExistsError):  # a second process may have been faster
        return
    if kind.retriable:
        raise kind(name)
    raise TopicRefused(name, kind.__name__)


async def _appeared(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    """How many partitions each has, once the broker that answers knows them all.

    Another process may be making them just now, and each question may go to another broker: what one knows already,
    the next may not.
    """
    async with _bounded(names):
        while not all((counts := await partition_counts(admin, names)).values()):
            await asyncio.sleep(PAUSE_S)
    return counts


async def _led(admin: AIOKafkaAdminClient, names: list[str]) -> None:
    """Wait until every partition of new topics has its first leader."""
    async with _bounded(names):
        while not all(found and all(found) for found in (await _leaders(admin, names)).values()):
            await asyncio.sleep(PAUSE_S)


@contextlib.asynccontextmanager
async def _bounded(names: list[str]) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(APPEAR_WITHIN_S):
            yield
    except TimeoutError:
        raise TopicRefused(names[0], f"it did not appear within {APPEAR_WITHIN_S:g} s") from None


async def partition_counts(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    """How many partitions each topic has, also those that have no leader just now; 0 for one that is not there."""
    return {name: len(leaders) for name, leaders in (await _leaders(admin, names)).items()}


async def _leaders(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, list[bool]]:
    """Of each topic, for each of its partitions, whether it has a leader."""
    described = {found["topic"]: found["partitions"] for found in await admin.describe_topics(names)}
    return {name: [partition["leader"] >= 0 for partition in described.get(name, ())] for name in names}


async def partitions_of(admin: AIOKafkaAdminClient, topic: str) -> list[TopicPartition]:
    """The partitions of any topic, none if the broker does not have it. (A consumer knows only topics it was given.)"""
    count = (await partition_counts(admin, [topic]))[topic]
    return [TopicPartition(topic, number) for number in range(count)]


async def check_partitions(admin: AIOKafkaAdminClient, topics: Topics) -> None:
    """Raise PartitionsDiffer unless the topics keyed by patient all have the number that is set."""
    keyed = [getattr(topics, word) for word in COPARTITIONED]
    counts = await _appeared(admin, [topic.name for topic in keyed])
    wrong = {name: count for name, count in counts.items() if count != topics.readings.partitions}
    if wrong:
        raise PartitionsDiffer(topics.readings.partitions, wrong)
