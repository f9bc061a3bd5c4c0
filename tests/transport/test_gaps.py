"""Offsets that hold no record for a reader: compacted away, transaction markers, aborted transactions."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests.brokers import Broker
from tests.transport.workers import (
    Worker,
    eventually,
    expect_gap,
    log_end,
    numbers,
    producer,
    send,
    topic_of,
    until,
)


async def _transaction(sender: AIOKafkaProducer, topic: str, values: list[bytes], *, abort: bool = False) -> None:
    await sender.begin_transaction()
    for value in values:
        await sender.send(topic, value, partition=0)
    await (sender.abort_transaction() if abort else sender.commit_transaction())


async def test_transaction_markers_are_passed_and_do_not_stop_commits(
    broker: Broker, prefix: str, request: pytest.FixtureRequest
) -> None:
    expect_gap(request, broker, "the embedded broker has no transactions: it answers InitProducerId with an error")
    topic = await topic_of(broker.address, prefix)
    async with producer(broker.address, transactional_id=prefix) as sender:
        for number in range(5):
            await _transaction(sender, topic, [b"%d" % number] * 3)
    end = 5 * (3 + 1)  # each ends with a marker, the last one too; it may come after whoever commits has the answer
    await eventually(lambda: log_end(broker.address, topic), end)
    async with Worker(broker.address, topic) as worker:
        await until(lambda: len(worker.offsets()) >= 15, "all records came")
        assert worker.offsets() == [offset for offset in range(end) if offset % 4 != 3]
        await worker.commits(end)
    async with Worker(broker.address, topic) as again:
        await send(broker.address, topic, 0, [b"later"])
        await until(lambda: bool(again.offsets()), "a later record came")
        assert again.offsets() == [end]


async def test_compacted_offsets_are_passed_and_do_not_stop_commits(
    broker: Broker, prefix: str, request: pytest.FixtureRequest
) -> None:
    within_s = expect_gap(request, broker, "the embedded broker does not compact its topics")
    topic = await topic_of(
        broker.address, prefix, 1, cleanup_policy="compact", segment_ms="1", min_cleanable_dirty_ratio="0.01"
    )
    async with producer(broker.address) as sender:
        for number in range(60):  # each a batch of its own: every second key is written again and again
            await sender.send_and_wait(topic, b"%d" % number, key=b"%d" % (number % 2 or number), partition=0)
    await eventually(lambda: _is_compacted(broker, topic), True, within_s)
    async with Worker(broker.address, topic) as worker:
        await until(lambda: bool(worker.offsets()) and worker.offsets()[-1] == 59, "what is left came")
        assert set(range(0, 60, 2)) <= set(worker.offsets())
        assert len(worker.offsets()) < 40, "else nothing was tested"
        await worker.commits(60)
        await send(broker.address, topic, 0, numbers(60, 70), key=b"later")
        await worker.commits(70)


async def _is_compacted(broker: Broker, topic: str) -> bool:
    """Whether most of the odd records are gone."""
    reader = AIOKafkaConsumer(topic, bootstrap_servers=broker.address, auto_offset_reset="earliest")
    await reader.start()
    try:
        offsets = [-1]
        while offsets[-1] < 59:
            for records in (await reader.getmany(timeout_ms=100)).values():
                offsets += [record.offset for record in records]
        return len(offsets) < 40
    finally:
        await reader.stop()
