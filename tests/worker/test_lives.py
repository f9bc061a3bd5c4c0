"""A topic of profiles or actions that was deleted and made anew: what comes on it is new, and is done."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import ConsumerRecord
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.configuration.settings import DEVELOPMENT_SECRET, Settings
from streams.control import LIFE, ORIGIN_HEADER
from streams.engine.state import PartitionState
from streams.engine.step import EngineSettings, step
from streams.worker.publisher import Publisher
from streams.worker.sequencer import Sequencer
from streams.worker.topic_lives import Deletions, Lives
from tests.engine.factories import Log, profile
from tests.worker.batches import empty, within

ENGINE = EngineSettings(DEVELOPMENT_SECRET.encode())
PARTITION = 0


@dataclass
class Site:
    """A partition with its state, and the topic of its profiles. Each session of the worker knows only what the state
    tells."""

    log: Log = field(default_factory=Log)
    state: PartitionState = field(default_factory=PartitionState)
    profiles: list[tuple[str, bytes | None]] = field(default_factory=list)
    taken: int = 0
    deletions: Deletions = field(default_factory=Deletions)

    def create_batch(self) -> BatchBuilder:
        return empty()

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> "asyncio.Future[object]":
        """As the producer: control records get into the log."""
        for record in within(batch):
            self.log.add(record.key, record.value, record.headers)
        there: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        there.set_result(None)
        return there

    def session(self, *, again_from: int) -> Counter[tuple[str, str]]:
        """A worker sequences the topic from there on, then decides what is new in its log. What became of it."""
        asyncio.run(self._sequenced(again_from))
        return self.decided()

    def decided(self) -> Counter[tuple[str, str]]:
        """What became of what is new in the log."""
        found = self.log.slice(self.taken, len(self.log))
        self.taken = len(self.log)
        return step(self.state, found, ENGINE).controls

    async def _sequenced(self, start: int) -> None:
        lives = Lives(lambda _: self.state.all_origins(), self._end, lambda: 1, self.deletions)
        publisher = Publisher(Settings(), cast(Any, self))
        await Sequencer(Settings(), publisher, cast(Any, None), lives=lives).profiles(list(self._records(start)))

    async def _end(self, word: str, partition: int) -> int:
        return len(self.profiles)

    def _records(self, start: int) -> Iterator[ConsumerRecord]:
        for offset, (patient, value) in enumerate(self.profiles[start:], start):
            fields = {"key": patient.encode(), "value": value, "timestamp": self.log.now_us // 1000}
            place = {"topic": "homebeat.profiles", "partition": PARTITION, "offset": offset}
            yield cast(ConsumerRecord, SimpleNamespace(**place, **fields))


@pytest.fixture
def site() -> Site:
    """Two patients, of one of whom six versions were applied."""
    site = Site()
    site.profiles = [("p-2", profile("p-2")), *(("p-1", profile(version=n)) for n in range(1, 7))]
    assert site.session(again_from=0) == {("profile", "applied"): 7}
    return site


def test_consent_that_is_withdrawn_on_a_topic_made_anew_is_withdrawn(site: Site) -> None:
    site.profiles = [("p-1", profile(version=9, monitoring=False))]
    assert site.session(again_from=0) == {("profile", "applied"): 1}
    assert not site.state.patients["allowed"][site.state.slot_of["p-1"]]


def test_what_is_sequenced_again_of_it_is_known(site: Site) -> None:
    site.profiles = [("p-1", profile(version=9)), ("p-1", None), ("p-1", profile())]
    assert site.session(again_from=0) == {("profile", "applied"): 3}
    assert site.session(again_from=1) == {("profile", "repeated"): 2}
    site.profiles += [("p-1", None)] * 10
    assert site.session(again_from=3)["profile", "applied"], "and it goes on beyond where the old one ended"


def test_a_copy_of_a_record_of_the_old_topic_does_nothing(site: Site) -> None:
    old = len(site.log) - 1
    site.profiles = [("p-1", None)]
    site.session(again_from=0)
    site.log.again(old)
    assert site.decided() == {("profile", "repeated"): 1}


def test_a_topic_that_goes_on_keeps_its_life(site: Site) -> None:
    """Also one of whose records the last is sequenced again, or one that nothing was applied of."""
    assert site.session(again_from=6) == {("profile", "repeated"): 1}
    site.profiles += [("p-3", profile("p-3"))]
    site.session(again_from=7)
    origin = dict(site.log.records[-1].headers)[ORIGIN_HEADER]
    assert origin == b"profiles/0/7"


def test_a_topic_that_is_made_anew_twice_has_three_lives(site: Site) -> None:
    for life, records in ((1, 3), (2, 2)):
        site.profiles = [("p-1", profile(version=10 * life + n)) for n in range(records)]
        assert site.session(again_from=0) == {("profile", "applied"): records}
        origin = dict(site.log.records[-1].headers)[ORIGIN_HEADER]
        assert origin == b"profiles/0/%d" % (life * LIFE + records - 1)


def test_one_that_is_made_anew_under_a_running_worker_is_noticed() -> None:
    async def story() -> None:
        ends = {"actions": 40}

        async def end(word: str, partition: int) -> int:
            return ends[word]

        lives = Lives(lambda _: (), end, lambda: 1)
        assert await lives.begin("actions", 0, 0, 40) == 0
        assert await lives.begin("actions", 0, 30, 40) == 0, "they come again"
        ends["actions"] = 2
        assert await lives.begin("actions", 0, 0, 2) == LIFE
        assert await lives.begin("actions", 0, 2, 3) == LIFE

    asyncio.run(story())


def test_a_topic_that_was_seen_to_be_gone_is_a_new_one_wherever_it_ends(site: Site) -> None:
    """It was filled before the worker looked: as long as the old one, so that its end tells nothing."""
    site.profiles = [*site.profiles[:6], ("p-1", profile(version=9, monitoring=False))]
    assert site.session(again_from=0) == {("profile", "repeated"): 7}, "nobody has seen anything"
    site.deletions.saw("profiles")
    assert site.session(again_from=6) == {("profile", "applied"): 1}
    assert dict(site.log.records[-1].headers)[ORIGIN_HEADER] == b"profiles/0/%d" % (LIFE + 6)
    assert site.session(again_from=6) == {("profile", "repeated"): 1}, "it is followed once"
