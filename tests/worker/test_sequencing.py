"""Profiles and actions into the log: in the order of each patient, whatever the broker does meanwhile."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaTimeoutError

from streams.control import ORIGIN_HEADER
from streams.publisher import Publisher
from streams.sequencer import Sequencer
from streams.settings import Settings
from tests.engine.factories import profile


@dataclass
class Slow:
    """A producer whose broker answers when told to. sent: (key, origin) of what got there, arrived_ms: and when."""

    sent: list[tuple[bytes | None, bytes]] = field(default_factory=list)
    arrived_ms: list[int] = field(default_factory=list)
    waiting: list["asyncio.Future[object]"] = field(default_factory=list)

    async def send(self, topic: str, value: bytes | None, **fields: Any) -> "asyncio.Future[object]":
        headers: Sequence[tuple[str, bytes]] = fields["headers"]
        self.sent.append((fields["key"], dict(headers).get(ORIGIN_HEADER, b"")))
        self.arrived_ms.append(fields["timestamp_ms"])
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]


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


def test_the_next_record_of_a_patient_waits_until_the_one_before_is_in_the_log() -> None:
    async def story() -> None:
        slow = Slow()
        work = asyncio.create_task(_sequencer(slow).profiles(RECORDS))
        wanted = [(b"p-1", b"profiles/3/0"), (b"p-2", b"profiles/3/1"), (b"p-1", b"profiles/3/2")]
        await turn()
        assert slow.sent == wanted[:2]
        slow.waiting[1].set_result(None)
        await turn()
        assert slow.sent == wanted[:2], "the first record of p-1 is not in the log yet"
        slow.waiting[0].set_result(None)
        await turn()
        assert slow.sent == wanted
        slow.waiting[2].set_result(None)
        await turn()
        slow.waiting[3].set_result(None)
        await work

    asyncio.run(story())


def test_what_comes_after_a_record_that_did_not_get_there_does_not_get_there_first() -> None:
    """It would make the engine take the lost one for a repeat when it is sequenced again."""

    async def story() -> None:
        slow = Slow()
        work = asyncio.create_task(_sequencer(slow).profiles(RECORDS))
        await turn()
        slow.waiting[1].set_result(None)
        slow.waiting[0].set_exception(KafkaTimeoutError())
        with pytest.raises(KafkaTimeoutError):
            await work
        assert len(slow.sent) == 2

    asyncio.run(story())


def test_a_publisher_whose_clock_is_ahead_moves_no_patients_clock_with_it() -> None:
    """What lay there while no worker ran keeps its time; nothing arrives later than it is read."""

    async def story() -> None:
        slow = Slow()
        came_ms = [NOW_MS - 7_200_000, NOW_MS - 1, NOW_MS, NOW_MS + 1, NOW_MS + 1_800_000]
        records = [record(n, f"p-{n}", profile(f"p-{n}"), came) for n, came in enumerate(came_ms)]
        work = asyncio.create_task(_sequencer(slow).profiles(records))
        await turn()
        for waiting in slow.waiting:
            waiting.set_result(None)
        await work
        assert slow.arrived_ms == [*came_ms[:3], NOW_MS, NOW_MS]

    asyncio.run(story())


def _sequencer(producer: Slow) -> Sequencer:
    settings = Settings()
    return Sequencer(settings, Publisher(settings, cast(Any, producer)), cast(Any, None), lambda: NOW_MS)
