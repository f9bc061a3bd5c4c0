"""A keeper with all that it keeps in the hands of the test: what it has sent arrives when the test says so."""

import asyncio
import json
from collections.abc import Callable, Collection
from types import SimpleNamespace
from typing import Any, cast

from aiokafka import ConsumerRecord
from faust.types import TP

from streams import control
from streams.configuration.settings import DEVELOPMENT_SECRET, Settings
from streams.engine.log import LogSlice
from streams.engine.step import Effects
from streams.worker.keeper import Keeper
from streams.worker.partition import Receipt
from streams.worker.publisher import Publisher, Sent
from tests.engine.factories import START_US, profile, reading

TP_0 = TP("homebeat.readings", 0)
MANY = 40  # patients: more than two pages of them


class Broker:
    """Stands for both producers: notes what is on its way, and says when it has arrived."""

    def __init__(self) -> None:
        self.effects: list[Sent] = []
        self.pages: dict[bytes, Sent] = {}
        self.values: dict[bytes, bytes] = {}
        self.acked: list[int] = []
        self.first, self.last, self.back = 0, 10 * MANY, list[tuple[int, int]]()

    async def begins(self, partition: int) -> int:
        return self.first

    async def ends(self, partitions: Collection[int]) -> dict[int, int]:
        return dict.fromkeys(partitions, self.last)

    def go_back(self, partition: int, position: int) -> None:
        self.back.append((partition, position))

    def send(self, partition: int, key: bytes, value: bytes) -> Sent:
        self.values[key] = value
        self.pages[key] = asyncio.get_running_loop().create_future()
        return self.pages[key]

    async def publish(self, log: LogSlice, effects: Effects, *_: Any) -> list[Sent]:
        told = [asyncio.get_running_loop().create_future() for _ in effects.alerts]
        self.effects += told
        return cast(list[Sent], told)


class Clock:
    """Says when the group has last confirmed us."""

    sure = True

    def confirmed_s(self) -> float:
        return float("inf") if self.sure else float("-inf")


def acking(broker: Broker, offset: int, start: int = 0) -> Receipt:
    """Of a chunk that begins at `start`, or at what came before."""
    span = start, offset + 1
    return cast(Receipt, SimpleNamespace(offset=offset, span=span, ack=lambda: broker.acked.append(offset)))


def keeper_of(broker: Broker, **settings: object) -> Keeper:
    publisher = cast(Publisher, SimpleNamespace(effects=broker.publish))
    keeper = Keeper(Settings().model_copy(update=settings), broker, lambda _: {}, publisher, way_back=broker)
    keeper.assigned({0})
    return keeper


def record(offset: int, key: bytes | None, value: bytes | None, headers: control.Headers) -> "ConsumerRecord[Any, Any]":
    made = ConsumerRecord(TP_0.topic, 0, offset, START_US // 1000, 0, key, value, None, 0, 0, tuple(headers))
    return cast("ConsumerRecord[Any, Any]", made)


async def decided_many(broker: Broker, **settings: object) -> tuple[Keeper, Clock]:
    """A keeper that has decided two chunks: profiles of many patients, then a reading of each."""
    keeper, clock = keeper_of(broker, partitions=1, **settings), Clock()
    keeper._confirmed_s = clock.confirmed_s
    await keeper.restore(0)
    people = [f"p-{n}" for n in range(MANY)]
    signed = [control.signed(control.profile(p, profile(p)), DEVELOPMENT_SECRET.encode()) for p in people]
    await keeper.take(TP_0, [record(n, *one) for n, one in enumerate(signed)], acking(broker, MANY - 1), 2 * MANY)
    chunk = [
        record(MANY + n, p.encode(), json.dumps(reading(p, code="heart_rate", value=70.0)).encode(), ())
        for n, p in enumerate(people)
    ]
    await keeper.take(TP_0, chunk, acking(broker, 2 * MANY - 1), 2 * MANY)
    return keeper, clock


async def turns(condition: Callable[[], object]) -> bool:
    """Whether it comes true once everything has run that can."""
    for _ in range(50):
        if condition():
            return True
        await asyncio.sleep(0)
    return False


def arrive(*sent: Sent) -> None:
    for one in sent:
        one.set_result(None)


async def arriving(broker: Broker, work: "asyncio.Task[None]") -> None:
    """Let the pages arrive until it is done."""
    async with asyncio.timeout(5):
        while not await turns(work.done):
            arrive(*(sent for sent in broker.pages.values() if not sent.done()))
    work.result()
