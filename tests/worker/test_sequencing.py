"""Profiles and actions into the log: in the order of each patient, whatever the broker does meanwhile."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaTimeoutError
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder

from streams import limits
from streams.configuration.settings import Settings
from streams.control import ORIGIN_HEADER
from streams.worker.publisher import Publisher
from streams.worker.sequencer import Sequencer
from tests.engine.factories import profile
from tests.worker.batches import empty, within


@dataclass
class Slow:
    """A producer whose broker answers when told to. batches: of each, partition and (key, origin, arrival) of what is
    in it; room: bytes of one."""

    batches: list[tuple[int, list[tuple[bytes | None, bytes, int]]]] = field(default_factory=list)
    waiting: list["asyncio.Future[object]"] = field(default_factory=list)
    room: int = limits.PRODUCER_BATCH_BYTES

    def create_batch(self) -> BatchBuilder:
        return empty(self.room)

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> "asyncio.Future[object]":
        self.batches.append((partition, [(r.key, dict(r.headers)[ORIGIN_HEADER], r.timestamp) for r in within(batch)]))
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]

    @property
    def sent(self) -> list[tuple[bytes | None, bytes]]:
        """Key and origin of all that was sent, in this order."""
        return [(key, origin) for _, batch in self.batches for key, origin, _ in batch]


NOW_MS = 1_767_600_000_000


def record(offset: int, patient: str, value: bytes | None, timestamp: int = NOW_MS) -> ConsumerRecord:
    fields = {"topic": "homebeat.profiles", "partition": 3, "offset": offset, "key": patient.encode(), "value": value}
    return cast(ConsumerRecord, SimpleNamespace(timestamp=timestamp, **fields))


RECORDS = [
    record(0, "p-1", profile("p-1")),
    record(1, "p-2", profile("p-2")),
    record(2, "p-1", None),
    record(3, "p-1", profile("p-1", version=2)),
]


async def turn() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


ORIGINS = [(b"p-1", b"profiles/3/0"), (b"p-2", b"profiles/3/1"), (b"p-1", b"profiles/3/2"), (b"p-1", b"profiles/3/3")]


@pytest.mark.parametrize("room", [1, limits.PRODUCER_BATCH_BYTES])
def test_the_next_batch_waits_until_the_one_before_is_in_the_log(room: int) -> None:
    """With room for one record, and for all of them."""

    async def story() -> None:
        slow = Slow(room=room)
        work = asyncio.create_task(_sequencer(slow).profiles(RECORDS))
        for n in range(1, len(RECORDS) + 1 if room == 1 else 2):
            await turn()
            assert slow.sent == (ORIGINS[:n] if room == 1 else ORIGINS), "the one before is not in the log yet"
            slow.waiting[-1].set_result(None)
        await work
        assert {partition for partition, _ in slow.batches} == {0}

    asyncio.run(story())


def test_what_comes_after_a_record_that_did_not_get_there_does_not_get_there_first() -> None:
    """It would make the engine take the lost one for a repeat when it is sequenced again."""

    async def story() -> None:
        slow = Slow(room=1)
        work = asyncio.create_task(_sequencer(slow).profiles(RECORDS))
        await turn()
        slow.waiting[0].set_exception(KafkaTimeoutError())
        with pytest.raises(KafkaTimeoutError):
            await work
        assert slow.sent == ORIGINS[:1]

    asyncio.run(story())


def test_a_storm_of_one_patient_waits_for_few_answers_of_the_broker() -> None:
    """6,000 actions of one patient held another patient's acknowledgement up for a minute: each waited for its own."""

    async def story() -> None:
        slow = Slow()
        storm = [record(n, "p-1", None) for n in range(6_000)]
        work = asyncio.create_task(_sequencer(slow).profiles([*storm, record(6_000, "p-2", profile("p-2"))]))
        while not work.done():
            await turn()
            for one in slow.waiting:
                if not one.done():
                    one.set_result(None)
        assert slow.sent[-1] == (b"p-2", b"profiles/3/6000")
        assert len(slow.sent) == len(storm) + 1
        assert len(slow.batches) < 10

    asyncio.run(story())


def test_each_patient_gets_to_the_partition_of_its_readings() -> None:
    """Also from another partition of `actions`, as a client without Kafka's partitioner may put one there."""

    async def story() -> None:
        slow, names = Slow(), [f"p-{n}" for n in range(20)]
        records = [record(n, name, profile(name)) for n, name in enumerate(names)]
        work = asyncio.create_task(_sequencer(slow, partitions=4).profiles(records))
        for n in range(4):
            await turn()
            slow.waiting[n].set_result(None)
        await work
        found = {key: partition for partition, batch in slow.batches for key, *_ in batch}
        assert found == {name.encode(): (murmur2(name.encode()) & 0x7FFFFFFF) % 4 for name in names}

    asyncio.run(story())


def test_a_publisher_whose_clock_is_ahead_moves_no_patients_clock_with_it() -> None:
    """What lay there while no worker ran keeps its time; nothing arrives later than it is read."""

    async def story() -> None:
        slow = Slow()
        came_ms = [NOW_MS - 7_200_000, NOW_MS - 1, NOW_MS, NOW_MS + 1, NOW_MS + 1_800_000]
        records = [record(n, f"p-{n}", profile(f"p-{n}"), came) for n, came in enumerate(came_ms)]
        work = asyncio.create_task(_sequencer(slow).profiles(records))
        await turn()
        slow.waiting[0].set_result(None)
        await work
        assert [arrived for _, batch in slow.batches for _, _, arrived in batch] == [*came_ms[:3], NOW_MS, NOW_MS]

    asyncio.run(story())


def _sequencer(producer: Slow, partitions: int = 1) -> Sequencer:
    settings = Settings(partitions=partitions)
    return Sequencer(settings, Publisher(settings, cast(Any, producer)), cast(Any, None), lambda: NOW_MS)
