"""A worker that cannot keep up says so, and not a hundred times."""

import asyncio
import logging
from collections.abc import Collection
from types import SimpleNamespace
from typing import cast

import pytest
from aiokafka.errors import KafkaConnectionError

from streams import limits
from streams.worker.backpressure import Pace
from streams.worker.keeper import Keeper
from streams.worker.lag import keep_measuring
from tests.worker.gauges import gauge

MANY = limits.BEHIND_RECORDS + 1


async def test_being_behind_is_said_once_a_minute_at_most(caplog: pytest.LogCaptureFixture) -> None:
    pace = Pace()
    with caplog.at_level(logging.WARNING, logger="streams.worker.backpressure"):
        for _ in range(5):
            pace.note(0, MANY)
            pace.note(1, MANY)
        assert len(caplog.records) == 1
        pace._said_s -= limits.BEHIND_SAID_EVERY_S
        pace.note(2, 3)
    assert len(caplog.records) == 2
    assert str(2 * MANY) in caplog.messages[1]
    assert "[0, 1]" in caplog.messages[1]


async def test_what_waits_while_nothing_is_decided_is_measured_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pace, loop = Pace(), asyncio.get_running_loop()
    began_s = loop.time()

    def look_after(seconds: float, position: int, end: int) -> str:
        monkeypatch.setattr(loop, "time", lambda: began_s + seconds)
        pace.look(3, position, end)
        return pace.stuck()

    assert look_after(0, 100, 100) == ""
    assert look_after(9, 100, 140) == ""
    assert gauge("consumer_lag", partition="3") == 40
    assert look_after(15, 120, 140) == "", "it moves"
    assert look_after(15 + limits.STUCK_S, 120, 150) == "partitions [3] are stuck: records wait, and none is decided"
    assert look_after(50, 150, 150) == ""
    assert look_after(90, 150, 150) == "", "nothing waits"
    assert look_after(91, 150, 151) == "", "and what has just come has not waited yet"
    pace.forget()
    assert pace.stuck() == ""


async def test_a_worker_that_decides_nothing_learns_how_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LAG_LOOK_EVERY_S", 0.001)
    keeper = SimpleNamespace(positions=lambda: {4: 30}, pace=Pace())
    answers = iter([KafkaConnectionError("away"), {4: 55}])

    async def ends(_: Collection[int]) -> dict[int, int]:
        answer = next(answers, {4: 55})
        if isinstance(answer, Exception):
            raise answer
        return answer

    measuring = asyncio.create_task(keep_measuring(cast(Keeper, keeper), ends))
    async with asyncio.timeout(5):
        while keeper.pace._lag.get(4) != 25:
            await asyncio.sleep(0)
    assert gauge("consumer_lag", partition="4") == 25
    measuring.cancel()


async def test_who_has_caught_up_is_no_longer_behind() -> None:
    pace = Pace()
    pace.note(0, MANY)
    assert gauge("partitions_behind") == 1
    pace.note(0, limits.BEHIND_RECORDS)
    assert gauge("partitions_behind") == 0


async def test_partitions_that_went_to_others_are_not_complained_of(caplog: pytest.LogCaptureFixture) -> None:
    pace = Pace()
    pace.note(0, MANY)
    pace.forget()
    assert gauge("partitions_behind") == 0
    pace._said_s = float("-inf")
    caplog.clear()
    pace.note(1, 0)
    assert caplog.messages == []
