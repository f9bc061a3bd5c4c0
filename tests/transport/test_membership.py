"""Workers that keep their names: what the group makes of one that comes back, stays away, or has a double."""

import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any, cast

import pytest

from tests.brokers import Broker
from tests.transport.workers import Worker, expect_gap, numbers, send, topic_of, until

GAP = "the embedded broker gives a name to whoever comes, and tells the one who had it nothing"
LONG_S = 15.0
"""A session in which nobody is given up, however busy the machine is."""


@contextmanager
def held_still(worker: Worker) -> Iterator[None]:
    """As with a machine that is paused: the thread that speaks with the broker stands still for the block."""
    goes_on = threading.Event()
    cast(Any, worker.consumer)._thread.thread_loop.call_soon_threadsafe(goes_on.wait)
    try:
        yield
    finally:
        goes_on.set()


async def test_one_that_comes_back_has_its_partitions_and_the_other_does_not_hear_of_it(
    broker: Broker, prefix: str
) -> None:
    topic = await topic_of(broker.address, prefix, 4)
    async with Worker(broker.address, topic, name="one", broker_session_timeout=LONG_S) as other:
        async with Worker(broker.address, topic, name="two", broker_session_timeout=LONG_S) as before:
            await until(lambda: len(other.partitions) == len(before.partitions) == 2, "they share the partitions")
            generation, held = other.generation, before.partitions
            for partition in range(4):
                await send(broker.address, topic, partition, numbers(0, 100))
            await until(lambda: all(len(before.offsets(one)) == 100 for one in held), "it has its share")
        for partition in range(4):
            await send(broker.address, topic, partition, numbers(100, 110))
        async with Worker(broker.address, topic, name="two", broker_session_timeout=LONG_S) as after:
            await until(lambda: all(len(after.offsets(one)) >= 10 for one in held), "it goes on")
            assert after.partitions == held
            assert {partition: after.offsets(partition) for partition in held} == {
                partition: list(range(100, 110)) for partition in held
            }, "from where it had stopped"
            assert after.generation == other.generation == generation, "nothing was shared out anew"
            assert len(other.partitions) == 2


async def test_the_partitions_of_one_that_stays_away_go_to_the_others(broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix, 2)
    async with Worker(broker.address, topic, name="one") as other:
        async with Worker(broker.address, topic, name="two") as gone:
            await until(lambda: len(other.partitions) == len(gone.partitions) == 1, "they share the partitions")
        await until(lambda: len(other.partitions) == 2, "all are the other's when the session is over")


async def test_one_whose_name_another_takes_is_told_and_does_not_take_it_back(
    broker: Broker, prefix: str, request: pytest.FixtureRequest
) -> None:
    within_s = expect_gap(request, broker, GAP)
    topic = await topic_of(broker.address, prefix, 2)
    async with (
        Worker(broker.address, topic, name="one", broker_session_timeout=LONG_S) as first,
        Worker(broker.address, topic, name="one", broker_session_timeout=LONG_S) as second,
    ):
        await until(lambda: first.membership.replaced, "the first one is told", within_s)
        await send(broker.address, topic, 0, numbers(0, 10))
        await until(lambda: len(second.offsets(0)) == 10, "the second one works")
        await second.commits(10)
        assert second.partitions == {0, 1}
        assert not second.membership.replaced


async def test_one_that_stood_still_until_it_was_given_up_joins_again(broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix, 2)
    async with (
        Worker(broker.address, topic, name="one") as still,
        Worker(broker.address, topic, name="two") as other,
    ):
        await until(lambda: len(still.partitions) == len(other.partitions) == 1, "they share the partitions")
        with held_still(still):
            await until(lambda: len(other.partitions) == 2, "the other has everything")
        await until(lambda: len(still.partitions) == len(other.partitions) == 1, "they share the partitions again")
        assert not still.membership.replaced


async def test_one_that_stood_still_while_another_took_its_name_does_not_take_it_back(
    broker: Broker, prefix: str, request: pytest.FixtureRequest
) -> None:
    within_s = expect_gap(request, broker, GAP)
    topic = await topic_of(broker.address, prefix)
    async with AsyncExitStack() as stack:
        still = await stack.enter_async_context(Worker(broker.address, topic, name="one", acks=False))
        with held_still(still):
            second = await stack.enter_async_context(Worker(broker.address, topic, name="one"))
        await until(lambda: still.membership.replaced, "it is told when it wakes up", within_s)
        await send(broker.address, topic, 0, numbers(0, 10))
        await until(lambda: len(second.offsets(0)) == 10, "the other one works")
        assert not second.membership.replaced
