"""What must be on the broker before what: effects, then pages, then the acknowledgement."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streams import control, limits
from streams.configuration.settings import DEVELOPMENT_SECRET
from streams.engine.pages import counts
from streams.errors import CutShort
from streams.worker.keeper import Keeper
from streams.worker.publisher import Publisher, Sent
from tests.engine.factories import profile, reading
from tests.worker.keeping import (
    MANY,
    TP_0,
    Broker,
    Clock,
    acking,
    arrive,
    arriving,
    decided_many,
    keeper_of,
    record,
    turns,
)


async def decided(broker: Broker) -> Keeper:
    """A keeper that has just decided a chunk with an alert in it."""
    keeper = keeper_of(broker)
    await keeper.restore(0)
    signed = control.signed(control.profile("p-1", profile()), DEVELOPMENT_SECRET.encode())
    low = json.dumps(reading(code="spo2", value=70.0)).encode()
    records = [record(0, *signed), record(1, b"p-1", low, ())]
    await keeper.take(TP_0, records, acking(broker, 1), 2)
    assert len(broker.effects) == 1
    return keeper


def _more_than(count: int, pages: dict[bytes, Sent]) -> bool:
    return len(pages) > count


async def until_true(condition: Callable[[], object]) -> None:
    """Wait for what needs the event loop's clock."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


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
    for arrived in range(4):
        assert await turns(partial(_more_than, arrived, broker.pages))
        assert not await turns(lambda: broker.acked)
        arrive(list(broker.pages.values())[arrived])
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
    await arriving(broker, checkpoint)
    assert counts(broker.values)[0].received == 1


async def test_totals_pages_and_clock_each_leave_when_those_before_have_arrived() -> None:
    broker = Broker()
    keeper = await decided(broker)
    checkpoint = asyncio.create_task(keeper.checkpoint())
    arrive(*broker.effects)
    for there in ([b"0/sources", b"0/meta"], [b"0/0"], [b"0/clock"]):
        before = set(broker.pages)
        assert await turns(partial(_more_than, len(before) + len(there) - 1, broker.pages))
        assert not await turns(partial(_more_than, len(before) + len(there), broker.pages))
        assert set(broker.pages) - before == set(there)
        arrive(*(broker.pages[key] for key in there))
    await arriving(broker, checkpoint)


LOW = json.dumps(reading(code="spo2", value=70.0)).encode()


async def written(keeper: Keeper, broker: Broker) -> None:
    """One checkpoint, all of which arrives."""
    await arriving(broker, asyncio.create_task(keeper.checkpoint()))


def patients(broker: Broker) -> set[bytes]:
    return {key for key in broker.pages if key.split(b"/")[1].isdigit()}


async def test_a_checkpoint_in_parts_acknowledges_only_what_is_in_written_pages() -> None:
    broker = Broker()
    keeper, _ = await decided_many(broker, checkpoint_bytes=1)
    rounds = 0
    while keeper._held[0].waiting:
        assert broker.acked == []
        await written(keeper, broker)
        rounds += 1
    assert rounds == len(patients(broker)) == 3
    assert broker.acked == [MANY - 1, 2 * MANY - 1]


async def test_work_that_waited_too_long_is_written_whatever_the_volume(caplog: pytest.LogCaptureFixture) -> None:
    broker = Broker()
    keeper, _ = await decided_many(broker, checkpoint_bytes=1)
    held = keeper._held[0]
    held.waiting = [replace(one, since_s=one.since_s - 2 * limits.UNWRITTEN_MAX_S) for one in held.waiting]
    await written(keeper, broker)
    assert len(patients(broker)) == 3
    assert broker.acked == [MANY - 1, 2 * MANY - 1]
    assert "HOMEBEAT_CHECKPOINT_BYTES" in caplog.text


async def test_partitions_that_stay_keep_their_live_state() -> None:
    broker = Broker()
    keeper, _ = await decided_many(broker)
    state = keeper._held[0].state
    await arriving(broker, asyncio.create_task(keeper.revoked()))
    assert keeper.partitions == frozenset()
    assert broker.acked == [MANY - 1, 2 * MANY - 1]
    assert keeper.keep({0, 3}) == {0}
    keeper.assigned({0, 3})
    assert keeper._held[0].state is state


async def test_a_partition_that_leaves_is_written_before_it_goes_even_in_parts() -> None:
    broker = Broker()
    keeper, _ = await decided_many(broker, checkpoint_bytes=1)
    await arriving(broker, asyncio.create_task(keeper.revoked()))
    assert broker.acked == [MANY - 1, 2 * MANY - 1]
    assert keeper.keep(set()) == frozenset()


async def test_the_last_checkpoint_waits_for_the_one_under_way_and_writes_what_came_since() -> None:
    broker = Broker()
    keeper, _ = await decided_many(broker)
    under_way = asyncio.create_task(keeper.checkpoint())
    await turns(lambda: patients(broker))
    low = [record(2 * MANY, b"p-0", LOW.replace(b'"p-1"', b'"p-0"'), ())]
    await keeper.take(TP_0, low, acking(broker, 2 * MANY), 2 * MANY + 1)
    arrive(*broker.effects)
    await arriving(broker, asyncio.create_task(keeper.close()))
    assert under_way.done()
    assert broker.acked == [MANY - 1, 2 * MANY - 1, 2 * MANY]


async def test_a_checkpoint_that_was_cut_off_costs_the_live_state() -> None:
    """Its pages count as written for the state, and nobody knows whether they are: it is read again."""
    broker = Broker()
    keeper, _ = await decided_many(broker)
    checkpoint = asyncio.create_task(keeper.checkpoint())
    await turns(lambda: patients(broker))
    checkpoint.cancel()
    await turns(checkpoint.done)
    assert keeper.keep({0}) == frozenset()


async def test_what_was_applied_and_not_told_is_never_written() -> None:
    broker = Broker()
    keeper, _ = await decided_many(broker)
    stuck = asyncio.get_running_loop().create_future()

    async def never(*_: Any) -> list[Sent]:
        await stuck
        return []

    keeper._publisher = cast(Publisher, SimpleNamespace(effects=never))
    taking = asyncio.create_task(keeper.take(TP_0, [record(2 * MANY, b"p-1", LOW, ())], acking(broker, 2 * MANY), 0))
    await turns(lambda: keeper._held[0].untold)
    taking.cancel()
    await turns(taking.done)
    await asyncio.wait_for(keeper.checkpoint(), 5)
    assert broker.pages == {}
    assert keeper.keep({0}) == frozenset()


async def test_no_page_is_written_while_it_is_not_certain_whose_the_partition_is() -> None:
    broker = Broker()
    keeper, clock = await decided_many(broker)
    clock.sure = False
    checkpoint = asyncio.create_task(keeper.checkpoint())
    await asyncio.wait({checkpoint}, timeout=3 * limits.CERTAIN_PAUSE_S)
    assert broker.pages == {}
    clock.sure = True
    await until_true(lambda: broker.pages)
    await arriving(broker, checkpoint)
    assert broker.acked == [MANY - 1, 2 * MANY - 1]


async def ahead(broker: Broker) -> tuple[Keeper, Clock, "asyncio.Task[None]"]:
    """A keeper that gets a chunk which begins beyond its state, and has not heard of the group since."""
    keeper, clock = await decided_many(broker)
    clock.sure = False
    chunk, receipt = [record(3 * MANY, b"p-1", LOW, ())], acking(broker, 3 * MANY, start=3 * MANY)
    taking = asyncio.create_task(keeper.take(TP_0, chunk, receipt, 3 * MANY + 1))
    await asyncio.wait({taking}, timeout=3 * limits.CERTAIN_PAUSE_S)
    assert (broker.effects, keeper.received) == ([], MANY), "decided as if nothing were missing"
    return keeper, clock, taking


async def test_what_others_have_decided_meanwhile_is_not_passed_over() -> None:
    """The group went on without us, and Kafka told us from where: what lies between never reached our state."""
    broker = Broker()
    keeper, clock, taking = await ahead(broker)
    keeper.lost()
    keeper.assigned({0})
    clock.sure = True
    await asyncio.wait_for(taking, 5)
    assert (broker.effects, keeper.received, keeper._held) == ([], MANY, {})


async def test_records_that_nobody_has_decided_are_fetched_though_the_group_is_said_to_have_passed_them() -> None:
    """Somebody has moved the group's offsets. The state says what has been decided."""
    broker = Broker()
    keeper, clock, taking = await ahead(broker)
    clock.sure = True
    await asyncio.wait_for(taking, 5)
    assert (broker.effects, keeper.received, broker.back) == ([], MANY, [(0, 2 * MANY)])


async def test_records_that_are_no_longer_in_the_log_do_not_hold_up_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = Broker()
    keeper, clock, taking = await ahead(broker)
    broker.first = 3 * MANY
    clock.sure = True
    await asyncio.wait_for(taking, 5)
    assert (len(broker.effects), keeper.received) == (1, MANY + 1)
    assert f"goes on at offset {3 * MANY}: from {2 * MANY} on" in caplog.text
    await keeper.take(TP_0, [record(3 * MANY + 1, b"p-1", LOW, ())], acking(broker, 3 * MANY + 1, 3 * MANY + 1), 0)
    assert keeper.received == MANY + 2, "the state has been given everything before"


async def test_a_log_that_was_made_anew_stops_the_worker_and_is_not_passed_over_as_known() -> None:
    broker = Broker()
    keeper, _ = await decided_many(broker)
    broker.last = 5
    with pytest.raises(CutShort, match=f"partition 0 of homebeat.readings ends at offset 5, .* before {2 * MANY}: "):
        await keeper.take(TP_0, [record(4, b"p-1", LOW, ())], acking(broker, 4), 5)
    assert (broker.acked, keeper.received) == ([], MANY)


async def test_who_has_just_begun_to_lead_a_log_may_say_too_little_of_its_end() -> None:
    broker = Broker()
    keeper, _ = await decided_many(broker)
    await keeper.take(TP_0, [record(2 * MANY - 1, b"p-1", LOW, ())], acking(broker, 2 * MANY - 1), 2 * MANY - 1)
    assert keeper.received == MANY, "it came again"


async def test_a_worker_that_lost_its_partitions_writes_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    broker = Broker()
    keeper, clock = await decided_many(broker)
    clock.sure = False
    checkpoint = asyncio.create_task(keeper.checkpoint())
    await turns(checkpoint.done)
    keeper.lost()
    clock.sure = True
    await asyncio.wait_for(checkpoint, 5)
    assert (broker.pages, broker.acked) == ({}, [])
    assert "[0] were given away" in caplog.text
    keeper.assigned({0})
    assert keeper._held == {}


async def test_pages_that_somebody_wrote_late_are_covered_with_ours() -> None:
    broker = Broker()
    keeper, _ = await decided_many(broker)
    await written(keeper, broker)
    ours = dict(broker.values)
    broker.pages.clear()
    keeper.overwritten(0)
    await keeper.take(TP_0, [record(2 * MANY, b"p-0", LOW, ())], acking(broker, 2 * MANY), 2 * MANY + 1)
    arrive(*(sent for sent in broker.effects if not sent.done()))
    await written(keeper, broker)
    assert patients(broker) == {key for key in ours if key.split(b"/")[1].isdigit()}
