"""The state of many patients is taken back step by step: others run in between, and nobody decides on half of it."""

import asyncio
import json
from types import SimpleNamespace
from typing import cast

import pytest

from streams.keeper import Keeper
from streams.publisher import Publisher
from streams.settings import Settings
from tests.benching.test_recovery import PATIENTS, pages_of_many
from tests.engine.factories import reading
from tests.worker.test_checkpoint import TP_0, Broker, acking, record, turns


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Keeper:
    """One that has 1,600 patients to take back, in many steps."""
    monkeypatch.setattr("streams.engine.pages.PLACED_AT_ONCE", 8)
    publisher = cast(Publisher, SimpleNamespace(effects=Broker().publish))
    settings = Settings().model_copy(update={"unknown_patients": "monitor"})
    made = Keeper(settings, Broker(), lambda _: dict(pages_of_many()), publisher)
    made.assigned({0})
    return made


async def under_way(keeper: Keeper) -> "asyncio.Task[None]":
    """Half of the state is back."""
    task = asyncio.create_task(keeper.hold_all())
    assert await turns(lambda: keeper.steps >= 3)
    assert not task.done()
    assert not keeper.whole
    return task


async def test_partitions_that_go_meanwhile_go_at_once_and_come_back_whole(keeper: Keeper) -> None:
    task = await under_way(keeper)
    await asyncio.wait_for(keeper.revoked(), 5)
    await asyncio.wait_for(task, 5)
    steps = keeper.steps
    keeper.assigned({0})
    assert not keeper.whole, "what was half back counts for nothing"
    await keeper.hold_all()
    assert keeper.whole
    assert keeper.steps > 2 * steps
    assert keeper._held[0].state.patient_count == PATIENTS


async def test_a_chunk_that_comes_meanwhile_meets_the_whole_state(keeper: Keeper) -> None:
    task = await under_way(keeper)
    value = json.dumps(reading(patient="p-1", code="spo2", value=97.0)).encode()
    await asyncio.wait_for(keeper.take(TP_0, [record(10**6, b"p-1", value, ())], acking(Broker(), 10**6), 1), 60)
    await task
    assert keeper._held[0].state.patient_count == PATIENTS + 1
