"""The committed offset: exactly past what was acknowledged in order, on both brokers."""

from streams.kafka.chunks import Bounds
from tests.brokers import Broker
from tests.transport.workers import Worker, numbers, send, topic_of, until


async def test_the_committed_offset_is_one_past_the_last_acknowledged_record(broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix, filled=100)
    async with Worker(broker.address, topic, bounds=Bounds(records=30)) as worker:
        await worker.commits(100)
    await send(broker.address, topic, 0, numbers(100, 103))
    async with Worker(broker.address, topic) as again:
        await until(lambda: len(again.offsets()) >= 3, "what came later is delivered")
        assert again.offsets() == [100, 101, 102], "neither a repeat nor a hole after a restart"
        await again.commits(103)


async def test_commits_go_on_after_a_first_chunk_of_one_record(broker: Broker, prefix: str) -> None:
    """Faust takes the read offset 0 for no offset, and would wait for ever for the record before the second chunk."""
    topic = await topic_of(broker.address, prefix)
    async with Worker(broker.address, topic) as worker:
        await send(broker.address, topic, 0, numbers(0, 1))
        await worker.commits(1)
        await send(broker.address, topic, 0, numbers(1, 50))
        await worker.commits(50)


async def test_an_acknowledgement_out_of_order_is_held(broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix, filled=50)
    async with Worker(broker.address, topic, acks=False, bounds=Bounds(records=10)) as worker:
        await until(lambda: len(worker.chunks) == 5, "all chunks came")
        for got in worker.chunks[1:4]:
            got.receipt.ack()
        await worker.consumer.commit()
        assert await worker.committed() is None, "the first chunk is open"
        worker.chunks[0].receipt.ack()
        await worker.commits(40)
        worker.chunks[4].receipt.ack()
        await worker.commits(50)


async def test_what_was_not_acknowledged_comes_again_after_a_restart(broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix, filled=50)
    async with Worker(broker.address, topic, acks=False, bounds=Bounds(records=10)) as worker:
        await until(lambda: len(worker.chunks) == 5, "all chunks came")
        worker.chunks[0].receipt.ack()
        worker.chunks[3].receipt.ack()
    async with Worker(broker.address, topic) as again:
        await until(lambda: len(again.offsets()) >= 40, "the rest came again")
        assert again.offsets() == list(range(10, 50))
        await again.commits(50)


async def test_hundreds_of_chunks_may_wait_for_one_checkpoint(broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix, 2, filled=1500)
    async with Worker(broker.address, topic, acks=False, bounds=Bounds(records=5)) as worker:
        await until(lambda: len(worker.chunks) == 600, "all chunks came")
        assert await worker.committed() is None
        for got in reversed(worker.chunks):
            got.receipt.ack()
        await worker.commits(1500, 0)
        await worker.commits(1500, 1)


async def test_a_receipt_does_not_keep_the_records(broker: Broker, prefix: str) -> None:
    topic = await topic_of(broker.address, prefix, filled=20)
    async with Worker(broker.address, topic, acks=False, bounds=Bounds(records=10)) as worker:
        await until(lambda: len(worker.chunks) == 2, "both chunks came")
        first = worker.chunks[0].receipt
        assert (first.tp.partition, first.offset) == (0, 9)
        assert first._message.value is None
