"""A long step does not hold the event loop: others get their turns, and nothing sees what is half done."""

import asyncio
import logging
from functools import partial

import pytest

from models.times import US_PER_S
from streams import control, limits
from streams.configuration.settings import DEVELOPMENT_SECRET
from streams.worker.backpressure import Pace
from streams.worker.keeper import Keeper
from tests.engine.factories import DAY_US, START_US
from tests.worker.keeping import MANY, TP_0, Broker, acking, arriving, decided_many, record, turns

BEGIN = 2 * MANY
"""Where the tick lies: after a profile and a reading of each patient."""


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    """A worker that lets others go first wherever it can."""
    monkeypatch.setattr(limits, "HELD_S", 0.0)
    return Broker()


async def ticked(keeper: Keeper, broker: Broker) -> None:
    """The first tick after months: the device of each of the patients is silent."""
    at_us = (START_US + 300 * DAY_US) // US_PER_S * US_PER_S
    tick = record(BEGIN, *control.signed(control.tick(at_us), DEVELOPMENT_SECRET.encode()))
    tick.timestamp = at_us // 1000
    await keeper.take(TP_0, [tick], acking(broker, BEGIN, BEGIN), BEGIN + 1)


async def begun(keeper: Keeper, broker: Broker) -> "asyncio.Task[None]":
    """The tick is half done."""
    taking = asyncio.create_task(ticked(keeper, broker))
    for _ in range(MANY // 2):
        await asyncio.sleep(0)
    assert not taking.done()
    return taking


async def test_others_get_a_turn_for_each_patient_of_a_tick(broker: Broker) -> None:
    keeper, _ = await decided_many(broker)
    taking, others = asyncio.create_task(ticked(keeper, broker)), 0
    while not taking.done():
        others += 1
        await asyncio.sleep(0)
    await taking
    assert len(broker.effects) == MANY
    assert others > 2 * MANY, "one for each patient, and one for each alert"


async def test_a_partition_that_goes_while_it_is_decided_tells_nothing(broker: Broker) -> None:
    keeper, _ = await decided_many(broker)
    taking, received = await begun(keeper, broker), keeper.received
    keeper.lost()
    assert await turns(taking.done)
    assert (broker.effects, keeper.received, keeper._held) == ([], received, {})


async def test_a_state_that_is_half_way_is_not_gone_on_with(broker: Broker) -> None:
    """The partition stays ours when all are shared out anew: its state is read again, and the tick comes again."""
    keeper, _ = await decided_many(broker)
    taking = await begun(keeper, broker)
    assert keeper.keep({0}) == frozenset()
    keeper.assigned({0})
    assert await turns(taking.done)
    assert broker.effects == []


async def test_no_checkpoint_sees_what_is_half_done(broker: Broker) -> None:
    keeper, _ = await decided_many(broker)
    taking = await begun(keeper, broker)
    checkpoint = asyncio.create_task(keeper.checkpoint())
    while not taking.done():
        assert broker.pages == {}
        await asyncio.sleep(0)
    for sent in broker.effects:
        sent.set_result(None)
    await arriving(broker, checkpoint)
    assert broker.acked[-1] == BEGIN


async def test_a_step_that_took_long_is_said(caplog: pytest.LogCaptureFixture) -> None:
    took = partial(Pace().took, 3, alerts=17)
    with caplog.at_level(logging.WARNING, logger="streams.worker.backpressure"):
        took(limits.STEP_LONG_S)
        assert caplog.messages == []
        took(limits.STEP_LONG_S + 1)
    assert "partition 3: one step took 11 s and brought 17 alert events" in caplog.text
