"""Nothing is skipped when the flow stops, partitions pause, fetches are cancelled or partitions change hands.

A chunk may come twice, so what counts is what a page with an applied offset would count: `Worker.applied`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from faust.types import TP

from streams.kafka.chunks import Bounds, Fetched
from streams.kafka.transport import ChunkMessage
from tests.brokers import Broker
from tests.transport.workers import PAUSE_S, Worker, expect_gap, numbers, send, topic_of, until

TOTAL = 3000


def _stop(worker: Worker) -> None:
    worker.consumer.stop_flow()
    worker.app.flow_control.suspend()
    worker.app.flow_control.clear()


def _resume(worker: Worker) -> None:
    worker.app.flow_control.resume()
    worker.consumer.resume_flow()


async def _flow_stops(worker: Worker, rng: random.Random) -> None:
    """As Faust does around a rebalance: stop, empty the queues, resume."""
    _stop(worker)
    if rng.random() < 0.5:  # else all at once: the delivery that was cut off learns of it afterwards
        await worker.consumer.sleep(rng.random() * PAUSE_S)
    _resume(worker)


async def _partitions_pause(worker: Worker, rng: random.Random) -> None:
    tps = {TP(worker.topic, 0)}
    worker.consumer.pause_partitions(tps)
    await worker.consumer.sleep(rng.random() * PAUSE_S)
    worker.consumer.resume_partitions(tps)


async def _fetch_is_cancelled(worker: Worker, rng: random.Random) -> None:
    await worker.app._stop_fetcher()
    await worker.app._fetcher.maybe_start()


async def _position_returns_to_the_committed_offset(worker: Worker, rng: random.Random) -> None:
    await worker.consumer.perform_seek()


async def _partition_goes_back(worker: Worker, rng: random.Random) -> None:
    worker.consumer.go_back(TP(worker.topic, 0), rng.randrange(max(1, len(worker.applied()))))


DISTURBANCES = [
    _flow_stops, _partitions_pause, _fetch_is_cancelled, _position_returns_to_the_committed_offset,
    _partition_goes_back,
]  # fmt: skip


@pytest.mark.parametrize("disturb", [*DISTURBANCES, None], ids=lambda one: one.__name__[1:] if one else "all_of_them")
async def test_nothing_is_skipped_when(
    disturb: Callable[[Worker, random.Random], Awaitable[None]] | None, broker: Broker, prefix: str
) -> None:
    rng = random.Random(20260105)
    topic = await topic_of(broker.address, prefix)
    async with Worker(broker.address, topic, bounds=Bounds(records=40, queued=2)) as worker:
        for start in range(0, TOTAL, 200):
            await send(broker.address, topic, 0, numbers(start, start + 200))
            await (disturb or rng.choice(DISTURBANCES))(worker, rng)
        await until(lambda: len(worker.applied()) >= TOTAL, f"all came, seed 20260105: {len(worker.applied())}")
        assert worker.applied() == list(range(TOTAL))
        await worker.commits(TOTAL)


async def test_a_partition_comes_again_from_where_it_was_gone_back_to(broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix, filled=300)
    async with Worker(broker.address, topic, bounds=Bounds(records=20, queued=2)) as worker:
        await until(lambda: len(worker.applied()) == 300, "all came")
        worker.chunks.clear()
        worker.consumer.go_back(TP(topic, 0), 123)
        await until(lambda: worker.offsets()[-1:] == [299], "they came again")
        assert worker.offsets() == list(range(123, 300))
        await worker.commits(300)


async def test_a_chunk_at_the_door_comes_again_when_its_partition_goes_back_to_a_place_within_it(
    broker: Broker, prefix: str
) -> None:
    topic = await topic_of(broker.address, prefix, filled=300)
    async with Worker(broker.address, topic, bounds=Bounds(records=20, queued=2)) as worker:
        worker.gate.clear()
        await until(lambda: worker.consumer.open_chunks(TP(topic, 0)) == 4, "one in hand, two queued, one at the door")
        worker.consumer.go_back(TP(topic, 0), 70)
        worker.gate.set()
        await until(lambda: worker.offsets()[-1:] == [299], "all came")
        assert worker.applied() == list(range(300))
        await worker.commits(300)


@pytest.mark.parametrize("seed", [1, 2], ids=["stops_for_a_while", "stops_and_resumes_at_once"])
async def test_a_chunk_at_the_door_when_the_flow_stops_comes_again(seed: int, broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix, filled=300)
    async with Worker(broker.address, topic, bounds=Bounds(records=20, queued=2)) as worker:
        worker.gate.clear()
        await until(lambda: worker.consumer.open_chunks(TP(topic, 0)) == 4, "one in hand, two queued, one at the door")
        await _flow_stops(worker, random.Random(seed))
        worker.gate.set()
        await until(lambda: len(worker.applied()) == 300, "all came")
        assert worker.applied() == list(range(300))
        await worker.commits(300)


async def test_a_chunk_that_comes_to_the_door_as_the_flow_stops_comes_again(
    broker: Broker, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets into the emptied queue, and the agent to it before whoever brought it could know."""
    topic = await topic_of(broker.address, prefix)
    async with Worker(broker.address, topic, bounds=Bounds(records=20, queued=2)) as worker:
        opened, loop = worker.consumer._open, asyncio.get_running_loop()

        def flow_stops() -> None:
            _stop(worker)
            _resume(worker)
            worker.gate.set()

        def opened_and_then(chunk: Fetched, epoch: int) -> ChunkMessage:
            if worker.consumer.open_chunks(TP(topic, 0)) == 3 and not worker.gate.is_set():
                loop.call_soon(flow_stops)
            return opened(chunk, epoch)

        monkeypatch.setattr(worker.consumer, "_open", opened_and_then)
        worker.gate.clear()
        await send(broker.address, topic, 0, numbers(0, 300))
        await until(lambda: worker.offsets()[-1:] == [299], "the last came")
        assert worker.applied() == list(range(300))
        await worker.commits(300)


async def test_chunks_in_flight_at_a_rebalance_come_again_and_late_acknowledgements_have_no_effect(
    broker: Broker, prefix: str
) -> None:
    topic = await topic_of(broker.address, prefix, 4, filled=100)
    bounds = Bounds(records=25)
    async with Worker(broker.address, topic, acks=False, bounds=bounds) as first:
        await until(lambda: len(first.chunks) == 16, "the first worker has everything in flight")
        in_flight = list(first.chunks)
        async with Worker(broker.address, topic, acks=False, bounds=bounds) as second:
            await until(lambda: len(first.partitions) == len(second.partitions) == 2, "they share the partitions")
            await until(lambda: len(first.chunks) == 24 and len(second.chunks) == 8, "all of it came again")
            for got in in_flight:
                got.receipt.ack()
            await first.consumer.commit()
            assert [await first.committed(partition) for partition in range(4)] == [None] * 4
            for worker in (first, second):
                for got in worker.chunks:
                    got.receipt.ack()
                for partition in worker.partitions:
                    assert worker.offsets(partition)[-100:] == list(range(100))
                    await worker.commits(100, partition)


async def test_a_worker_that_leaves_hands_over_exactly_what_it_acknowledged(broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix, 2)
    async with Worker(broker.address, topic, broker_commit_interval=3600.0) as first:  # only leaving commits
        async with Worker(broker.address, topic, broker_commit_interval=3600.0) as second:
            await until(lambda: len(first.partitions) == len(second.partitions) == 1, "they share the partitions")
            for partition in (0, 1):
                await send(broker.address, topic, partition, numbers(0, 100))
            (left,) = second.partitions
            await until(lambda: len(second.offsets(left)) == 100, "the second worker has its share")
        await send(broker.address, topic, left, numbers(100, 110))
        await until(lambda: len(first.offsets(left)) >= 10, "the first worker takes over")
        assert first.offsets(left) == list(range(100, 110))


async def test_a_position_that_the_broker_no_longer_has_is_left_behind(
    broker: Broker, prefix: str, request: pytest.FixtureRequest
) -> None:
    """Retention may pass a discarded chunk: going back to it must end at the oldest record there is, not in a loop."""
    expect_gap(request, broker, "the embedded broker has no DeleteRecords: it closes the connection")
    topic = await topic_of(broker.address, prefix, filled=300)
    async with Worker(broker.address, topic, bounds=Bounds(records=20, queued=2)) as worker:
        worker.gate.clear()
        await until(lambda: worker.consumer.open_chunks(TP(topic, 0)) == 4, "some are in flight")
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
        await admin.start()
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(200)})
        await admin.close()
        await _flow_stops(worker, random.Random(1))
        worker.gate.set()
        await until(lambda: bool(worker.offsets()) and worker.offsets()[-1] == 299, "the rest came")
        assert set(range(200, 300)) <= set(worker.offsets())
        await worker.commits(300)
