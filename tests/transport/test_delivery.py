"""What a chunk agent gets: everything, in order, within the bounds; on both brokers."""

from faust.types import TP

from streams.kafka.chunks import Bounds
from tests.brokers import Broker
from tests.transport.workers import Worker, create_topic, numbers, producer, send, topic_of, until


async def test_every_record_of_a_partition_comes_once_and_in_order(broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix, 4)
    await send(broker.address, topic, 0, numbers(0, 1500))
    await send(broker.address, topic, 2, numbers(0, 700))
    async with Worker(broker.address, topic) as worker:
        await until(lambda: len(worker.offsets(0)) + len(worker.offsets(2)) == 2200, "all records came")
        await send(broker.address, topic, 0, numbers(1500, 1600))
        await until(lambda: len(worker.offsets(0)) == 1600, "later records came")
        assert worker.offsets(0) == list(range(1600))
        assert [value for got in worker.of(0) for value in got.values] == numbers(0, 1600)
        assert worker.offsets(2) == list(range(700))
        assert not worker.of(1), "a partition without records gives no chunk"
        assert not worker.of(3), "a partition without records gives no chunk"


async def test_records_keep_key_headers_and_time(broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix)
    async with producer(broker.address) as sender:
        header = ("homebeat-type", b"tick")
        await sender.send_and_wait(topic, b"{}", key=b"p-1", timestamp_ms=1_700_000_000_123, headers=[header])
        await sender.send_and_wait(topic, None, key=b"p-1")
    async with Worker(broker.address, topic) as worker:
        await until(lambda: len(worker.offsets()) == 2, "both records came")
        first, second = (record for got in worker.chunks for record in got.records)
        assert (first.key, first.value, first.timestamp) == (b"p-1", b"{}", 1_700_000_000_123)
        assert first.headers == (header,)
        assert second.value is None


async def test_other_topics_come_record_by_record_as_faust_does_it(broker: Broker, prefix: str) -> None:
    topic, other = prefix + "readings", prefix + "actions"
    await create_topic(broker.address, topic, 1)
    await create_topic(broker.address, other, 1)
    await send(broker.address, topic, 0, numbers(0, 100))
    await send(broker.address, other, 0, numbers(0, 10))
    async with Worker(broker.address, topic, stock_topic=other) as worker:
        await until(lambda: len(worker.offsets()) == 100 and len(worker.stock) == 10, "both topics came")
        assert worker.stock == numbers(0, 10)
        await worker.commits(100)


async def test_a_chunk_holds_no_more_records_than_its_bound(broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix, filled=1000)  # one batch of the producer is larger than the bound
    async with Worker(broker.address, topic, bounds=Bounds(records=64)) as worker:
        await until(lambda: len(worker.offsets()) == 1000, "all records came")
        assert max(len(got.records) for got in worker.chunks) == 64
        assert worker.offsets() == list(range(1000))
        await worker.commits(1000)


async def test_a_chunk_holds_no_more_bytes_than_its_bound_unless_one_record_does(broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix, 1, max_message_bytes=str(16 * 1024 * 1024))
    values = [b"x" * 100_000] * 25 + [b"y" * 10_000_000] + [b"x" * 100_000] * 5
    await send(broker.address, topic, 0, values, max_batch_size=2_000_000, compression_type="gzip")
    async with Worker(broker.address, topic, bounds=Bounds(bytes=1_000_000)) as worker:
        await until(lambda: len(worker.offsets()) == 31, "all records came")
        sizes = [(len(got.values), sum(map(len, got.values))) for got in worker.chunks]
        assert all(size <= 1_000_000 or count == 1 for count, size in sizes), sizes
        assert (1, 10_000_000) in sizes
        await worker.commits(31)


async def test_a_slow_agent_makes_fetching_wait_and_loses_nothing(broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix, 2, filled=3000)
    async with Worker(broker.address, topic, bounds=Bounds(records=50, queued=4)) as worker:
        worker.gate.clear()
        in_hand, queued, at_the_door = 1, 4, 1
        await until(lambda: _open(worker) == in_hand + queued + at_the_door, "everything is full")
        await send(broker.address, topic, 0, numbers(3000, 3100))  # time for more fetches, if there were any
        await worker.consumer.commit()
        assert _open(worker) == in_hand + queued + at_the_door
        fetched = [await worker.consumer.position(TP(topic, partition)) or 0 for partition in (0, 1)]
        assert sum(fetched) <= 50 * (in_hand + queued + at_the_door), "what was taken from the fetch is bounded too"
        worker.gate.set()
        await until(lambda: len(worker.offsets(0)) + len(worker.offsets(1)) == 6100, "all came after the wait")
        assert worker.offsets(0) == list(range(3100))
        assert worker.offsets(1) == list(range(3000))


def _open(worker: Worker) -> int:
    return sum(worker.consumer.open_chunks(TP(worker.topic, partition)) for partition in (0, 1))


async def test_an_agent_that_never_acknowledges_gets_no_more_than_the_bound(broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix, filled=100)
    async with Worker(broker.address, topic, acks=False, bounds=Bounds(records=10, open=5)) as worker:
        await until(lambda: len(worker.chunks) == 5, "the bound is reached")
        await send(broker.address, topic, 0, numbers(100, 120))
        await worker.consumer.commit()
        assert len(worker.chunks) == 5
        worker.acks = True
        for got in list(worker.chunks):
            got.receipt.ack()
        await until(lambda: len(worker.offsets()) == 120, "acknowledged, the rest comes")
        assert worker.offsets() == list(range(120))
