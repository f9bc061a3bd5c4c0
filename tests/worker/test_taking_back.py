"""The state of many patients is taken back step by step: others run in between, and nobody decides on half of it."""

import asyncio
import json
from types import SimpleNamespace
from typing import cast

import pytest

from streams.configuration.settings import Settings
from streams.engine.log import home_of
from streams.engine.state import PartitionState
from streams.errors import PartitionsChanged
from streams.worker.keeper import Keeper
from streams.worker.placement import at_home
from streams.worker.publisher import Publisher
from tests.benching.test_recovery import PATIENTS, pages_of_many
from tests.engine.factories import reading
from tests.worker.keeping import TP_0, Broker, acking, record, turns


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Keeper:
    """One that has 1,600 patients to take back, in many steps."""
    monkeypatch.setattr("streams.engine.pages.PLACED_AT_ONCE", 8)
    publisher = cast(Publisher, SimpleNamespace(effects=Broker().publish))
    settings = Settings().model_copy(update={"unknown_patients": "monitor", "partitions": 1})
    made = Keeper(settings, Broker(), lambda _: dict(pages_of_many()), publisher)
    made.assigned({0})
    return made


async def under_way(keeper: Keeper) -> "asyncio.Task[None]":
    """Some of the state is back."""
    task = asyncio.create_task(keeper.restore(0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not task.done()
    assert keeper.missing == {0}
    return task


def patients(keeper: Keeper) -> int:
    return keeper._held[0].state.patient_count


async def test_partitions_that_go_meanwhile_go_at_once_and_come_back_whole(keeper: Keeper) -> None:
    task = await under_way(keeper)
    await asyncio.wait_for(keeper.revoked(), 5)
    keeper.assigned({0})
    await asyncio.wait_for(task, 5)
    assert keeper.missing == {0}, "what was half back counts for nothing"
    await keeper.restore(0)
    assert (keeper.missing, patients(keeper)) == (frozenset(), PATIENTS)


async def test_a_chunk_that_comes_meanwhile_meets_the_whole_state(keeper: Keeper) -> None:
    value = json.dumps(reading(patient="p-1", code="spo2", value=97.0)).encode()
    taking = asyncio.create_task(keeper.take(TP_0, [record(10**6, b"p-1", value, ())], acking(Broker(), 10**6), 1))
    task = await under_way(keeper)
    assert not taking.done()
    await asyncio.wait_for(task, 60)
    await asyncio.wait_for(taking, 60)
    assert patients(keeper) == PATIENTS + 1


async def test_a_chunk_of_an_assignment_that_is_over_does_not_meet_the_state_of_the_next(keeper: Keeper) -> None:
    """It comes again to whoever has the partition: here its records are not known to follow."""
    value = json.dumps(reading(patient="p-1", code="spo2", value=97.0)).encode()
    taking = asyncio.create_task(keeper.take(TP_0, [record(10**6, b"p-1", value, ())], acking(Broker(), 10**6), 1))
    assert not await turns(taking.done)
    await keeper.revoked()
    keeper.assigned({0})
    await keeper.restore(0)
    await asyncio.wait_for(taking, 5)
    assert (keeper.received, patients(keeper)) == (0, PATIENTS)


async def test_control_records_wait_until_all_partitions_are_back(keeper: Keeper) -> None:
    waiting = asyncio.create_task(keeper.all_in_place())
    assert not await turns(waiting.done)
    await keeper.restore(0)
    assert await asyncio.wait_for(waiting, 5)
    keeper.lost()
    keeper.assigned({0})
    waiting = asyncio.create_task(keeper.all_in_place())
    assert not await turns(waiting.done)
    await keeper.revoked()
    assert not await asyncio.wait_for(waiting, 5)


async def test_patients_whose_readings_come_elsewhere_now_stop_the_worker(keeper: Keeper) -> None:
    """Somebody added partitions: half of the patients would have been refused as unknown, their emergencies too."""
    grown = Settings().model_copy(update={"partitions": 2})
    later = Keeper(grown, Broker(), lambda _: dict(pages_of_many()), keeper._publisher)
    later.assigned({0})
    with pytest.raises(PartitionsChanged, match=r"there are 2 now, and \d+ of 64 patients that partition 0 knows"):
        await later.restore(0)
    assert later.missing == {0}, "nothing is decided of anybody"


def test_a_single_patient_who_lies_elsewhere_stops_no_worker() -> None:
    """Nor does an empty partition; all of them elsewhere do."""
    settings = Settings().model_copy(update={"partitions": 2})
    names = [f"p-{n}" for n in range(200)]
    mine, others = ([name for name in names if home_of(name.encode(), 2) == home] for home in (0, 1))
    for known in ([], mine, [others[0], *mine[:40]]):
        at_home(cast(PartitionState, SimpleNamespace(slot_of=dict.fromkeys(known))), 0, settings)
    with pytest.raises(PartitionsChanged, match="and 64 of 64 patients that partition 0 knows"):
        at_home(cast(PartitionState, SimpleNamespace(slot_of=dict.fromkeys(others))), 0, settings)
