"""What must be on the broker before what: effects, then pages, then the acknowledgement."""

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import ConsumerRecord
from faust.types import TP

from streams import control
from streams.engine.log import LogSlice
from streams.engine.pages import counts
from streams.engine.step import Effects
from streams.keeper import Keeper, Receipt
from streams.publisher import Publisher, Sent
from streams.settings import DEVELOPMENT_SECRET, Settings
from tests.engine.factories import START_US, profile, reading

TP_0 = TP("homebeat.readings", 0)


class Broker:
    """Stands for both producers: notes what is on its way, and says when it has arrived."""

    def __init__(self) -> None:
        self.effects: list[Sent] = []
        self.pages: dict[bytes, Sent] = {}
        self.values: dict[bytes, bytes] = {}
        self.acked: list[int] = []

    def send(self, partition: int, key: bytes, value: bytes) -> Sent:
        self.values[key] = value
        self.pages[key] = asyncio.get_running_loop().create_future()
        return self.pages[key]

    async def publish(self, log: LogSlice, effects: Effects, *_: Any) -> list[Sent]:
        told = [asyncio.get_running_loop().create_future() for _ in effects.alerts]
        self.effects += told
        return cast(list[Sent], told)


def keeper_of(broker: Broker) -> Keeper:
    publisher = cast(Publisher, SimpleNamespace(effects=broker.publish))
    keeper = Keeper(Settings(), broker, lambda _: {}, publisher)
    keeper.assigned({0})
    return keeper


def record(offset: int, key: bytes | None, value: bytes | None, headers: control.Headers) -> "ConsumerRecord[Any, Any]":
    made = ConsumerRecord(TP_0.topic, 0, offset, START_US // 1000, 0, key, value, None, 0, 0, tuple(headers))
    return cast("ConsumerRecord[Any, Any]", made)


async def decided(broker: Broker) -> Keeper:
    """A keeper that has just decided a chunk with an alert in it."""
    keeper = keeper_of(broker)
    signed = control.signed(control.profile("p-1", profile()), DEVELOPMENT_SECRET.encode())
    low = json.dumps(reading(code="spo2", value=70.0)).encode()
    records = [record(0, *signed), record(1, b"p-1", low, ())]
    receipt = cast(Receipt, SimpleNamespace(offset=1, ack=lambda: broker.acked.append(1)))
    await keeper.take(TP_0, records, receipt, 2)
    assert len(broker.effects) == 1
    return keeper


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


async def test_no_page_leaves_before_the_alerts_it_knows_of_have_arrived() -> None:
    broker = Broker()
    keeper = await decided(broker)
    checkpoint = asyncio.create_task(keeper.checkpoint())
    try:
        assert not await turns(lambda: broker.pages)
        arrive(*broker.effects)
        assert await turns(lambda: broker.pages)
    finally:
        checkpoint.cancel()


async def test_nothing_is_acknowledged_before_its_effects_and_pages_have_arrived() -> None:
    broker = Broker()
    keeper = await decided(broker)
    checkpoint = asyncio.create_task(keeper.checkpoint())
    arrive(*broker.effects)
    assert await turns(lambda: len(broker.pages) == 4)
    for sent in broker.pages.values():
        assert not await turns(lambda: broker.acked)
        arrive(sent)
    await asyncio.wait_for(checkpoint, 5)
    assert broker.acked == [1]


async def test_an_alert_that_the_broker_refuses_is_not_acknowledged() -> None:
    broker = Broker()
    keeper = await decided(broker)
    checkpoint = asyncio.create_task(keeper.checkpoint())
    broker.effects[0].set_exception(RuntimeError("no such topic"))
    with pytest.raises(RuntimeError, match="no such topic"):
        await asyncio.wait_for(checkpoint, 5)
    assert broker.acked == []


async def test_the_pages_hold_what_was_counted() -> None:
    broker = Broker()
    keeper = await decided(broker)
    checkpoint = asyncio.create_task(keeper.checkpoint())
    arrive(*broker.effects)
    assert await turns(lambda: len(broker.pages) == 4)
    assert counts(broker.values)[0].received == 1
    arrive(*broker.pages.values())
    await asyncio.wait_for(checkpoint, 5)
