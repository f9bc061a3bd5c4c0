"""What a worker that keeps its name reads before it joins is the beginning of what it reads then, and nobody waits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import TopicPartition

from streams import limits
from streams.configuration.settings import Settings
from streams.engine.forms import FORMAT, Page
from streams.engine.pages import _encode, key_of
from streams.kafka.topics import changelog_topic
from streams.worker.changelog import ChangelogReader
from streams.worker.page_store import Shelves
from streams.worker.takeover import held_by_name, read_before_joining
from tests.brokers import Broker
from tests.transport.workers import Worker, create_topic, expect_gap, producer, until

PAGES = limits.PAGES_READ_TOGETHER + 100
"""More than are taken at a time."""
GAP = "the embedded broker does not say which partitions a member of a group has"


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a few hundred pages may take longer than patients are to wait for them."""
    monkeypatch.setattr(limits, "AHEAD_QUIET_S", 60.0)


def settings_of(broker: Broker, prefix: str, name: str = "one") -> Settings:
    return Settings(broker=broker.address, topic_prefix=prefix, partitions=1, worker_id=name)


def shelves() -> Shelves:
    return Shelves(lambda _: frozenset(), lambda: None)


async def held() -> frozenset[int]:
    return frozenset({0})


async def write(settings: Settings, first: int, last: int) -> None:
    """Pages first..last of the only partition, onto the changelog."""
    async with producer(settings.broker) as sender:
        for number in range(first, last):
            page = _encode(Page(FORMAT, number, 0, [0] * 5, [], b"", b""))
            await sender.send(changelog_topic(settings), page, key=key_of(0, number), partition=0)
        await sender.flush()


class Growing(ChangelogReader):
    """As if somebody wrote all the time."""

    _more = 0

    @property
    def ends(self) -> int:
        self._more += 1
        return super().ends + self._more


@asynccontextmanager
async def reader_of(
    settings: Settings, pages: int, kind: type[ChangelogReader] = ChangelogReader
) -> AsyncIterator[ChangelogReader]:
    """A reader of a changelog with that many pages."""
    await create_topic(settings.broker, changelog_topic(settings), 1)
    await write(settings, 0, pages)
    reader = kind(settings)
    try:
        yield reader
    finally:
        await reader.close()


@pytest.mark.usefixtures("unhurried")
async def test_what_was_read_ahead_is_the_beginning_of_what_is_read_after_the_join(broker: Broker, prefix: str) -> None:
    settings, here = settings_of(broker, prefix), shelves()
    async with reader_of(settings, PAGES) as reader:
        await read_before_joining(held(), reader, here)
        assert here.read(frozenset({0})) == PAGES
        await write(settings, PAGES, PAGES + 10)
        here.shared_out({0}, set(), 1)
        whole = False
        while not whole:
            (batch,) = await reader.read(here.wanted(frozenset({0})), 1)
            assert batch.start >= PAGES, "it goes on from where it was"
            assert here.put(batch)
            whole = batch.whole
        assert set(here.pages(0)) == {key_of(0, number) for number in range(PAGES + 10)}


@pytest.mark.usefixtures("unhurried")
async def test_whoever_joins_asks_anew_how_long_a_changelog_is(broker: Broker, prefix: str) -> None:
    """Also if nothing of what was written meanwhile has come yet."""
    settings, here = settings_of(broker, prefix), shelves()
    async with reader_of(settings, 3) as reader:
        await read_before_joining(held(), reader, here)
        assert reader._consumer is not None
        reader._consumer.pause(TopicPartition(changelog_topic(settings), 0))
        await write(settings, 3, 5)
        wanted = here.wanted(frozenset({0}))
        (before,) = await reader.read(wanted, -1)
        (after,) = await reader.read(wanted, 1)
        assert (before.end, before.whole) == (3, True)
        assert (after.end, after.whole) == (3, False)


@pytest.mark.parametrize("kind", [ChangelogReader, Growing])
async def test_pages_that_nobody_writes_are_not_read_for_long(
    broker: Broker, prefix: str, kind: type[ChangelogReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wrote them is dead, and its patients wait; as long as somebody does, they do not."""
    monkeypatch.setattr(limits, "AHEAD_QUIET_S", 0.0)
    settings, here = settings_of(broker, prefix), shelves()
    async with reader_of(settings, PAGES, kind) as reader:
        await read_before_joining(held(), reader, here)
    assert (here.read(frozenset({0})) == PAGES) is (kind is Growing)


async def test_one_that_is_told_nothing_joins_all_the_same(
    broker: Broker, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def unanswered() -> frozenset[int]:
        raise TimeoutError

    settings, here = settings_of(broker, prefix), shelves()
    async with reader_of(settings, 3) as reader:
        await read_before_joining(unanswered(), reader, here)
    assert here.read(frozenset({0})) == 0
    assert "after the join, not before" in caplog.text


async def test_what_a_member_has_is_known_by_its_name(
    request: pytest.FixtureRequest, broker: Broker, prefix: str
) -> None:
    expect_gap(request, broker, GAP)
    topic = prefix + "readings"
    await create_topic(broker.address, topic, 4)
    async with (
        Worker(broker.address, topic, name="one", group=f"{prefix}homebeat") as one,
        Worker(broker.address, topic, name="two", group=f"{prefix}homebeat") as two,
    ):
        await until(lambda: len(one.partitions) == len(two.partitions) == 2, "they share the partitions")
        assert await held_by_name(settings_of(broker, prefix, "one")) == one.partitions
        assert await held_by_name(settings_of(broker, prefix, "two")) == two.partitions
        assert await held_by_name(settings_of(broker, prefix, "tw")) == frozenset()
        assert await held_by_name(settings_of(broker, prefix, "")) == frozenset()
