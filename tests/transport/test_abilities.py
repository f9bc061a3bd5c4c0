"""What a broker can do that homebeat, or whoever runs it, relies on: really tried on both.

What the embedded broker cannot do is a strict xfail: when it learns it, the test says so. `test_gaps` and
`test_disturbance` hold the others (transactions, compaction, DeleteRecords); kcat is in tests/worker.
"""

import ast
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.errors import CommitFailedError, MessageSizeTooLargeError

from tests.brokers import Broker
from tests.transport.workers import create_topic, eventually, expect_gap, log_end, numbers, producer, send

FOLDERS = ("transport", "worker")
OF_ONE_BROKER = {"test_embedded_broker.py"}
"""Where the promise is about one broker's own process."""


@asynccontextmanager
async def admin(broker: Broker) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def reader(broker: Broker, topic: str, **options: object) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=broker.address, enable_auto_commit=False, auto_offset_reset="earliest", **options
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


def test_every_promise_about_topics_is_tried_on_both_brokers() -> None:
    """A test of these folders asks for `broker`, never for one of the two."""
    root = Path(__file__).parent.parent
    files = [path for folder in FOLDERS for path in (root / folder).glob("*.py") if path.name not in OF_ONE_BROKER]
    asks = [
        f"{path.name}: {function.name}"
        for path in files
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for argument in function.args.args
        if argument.arg in ("embedded_broker", "kafka_broker")
    ]
    assert len(files) > 10
    assert asks == []


async def test_a_record_larger_than_the_topic_takes_is_refused(
    broker: Broker, prefix: str, request: pytest.FixtureRequest
) -> None:
    expect_gap(request, broker, "the embedded broker takes records of any size")
    await create_topic(broker.address, prefix + "small", 1, max_message_bytes="1000")
    async with producer(broker.address) as sender:
        with pytest.raises(MessageSizeTooLargeError):
            await sender.send_and_wait(prefix + "small", b"x" * 5000)


async def test_a_producer_that_tries_again_writes_once(
    broker: Broker, prefix: str, request: pytest.FixtureRequest
) -> None:
    expect_gap(request, broker, "the embedded broker answers InitProducerId with an error")
    await create_topic(broker.address, prefix + "once", 1)
    async with producer(broker.address, enable_idempotence=True) as sender:
        await sender.send_and_wait(prefix + "once", b"1")
    assert await log_end(broker.address, prefix + "once") == 1


async def test_the_first_record_of_a_time_is_found(broker: Broker, prefix: str, request: pytest.FixtureRequest) -> None:
    expect_gap(request, broker, "the embedded broker answers with its first record: readers pass over the earlier ones")
    topic, tp = prefix + "times", TopicPartition(prefix + "times", 0)
    await create_topic(broker.address, topic, 1)
    async with producer(broker.address) as sender:
        for number in range(20):
            await sender.send_and_wait(topic, b"x", partition=0, timestamp_ms=1_700_000_000_000 + 10 * number)
    async with reader(broker, topic) as consumer:
        found = await consumer.offsets_for_times({tp: 1_700_000_000_000 + 95})
        assert found[tp] is not None
        assert found[tp].offset == 10


async def test_partitions_can_be_added(broker: Broker, prefix: str, request: pytest.FixtureRequest) -> None:
    expect_gap(request, broker, "the embedded broker does not know CreatePartitions")
    await create_topic(broker.address, prefix + "wider", 1)
    async with admin(broker) as client:
        await client.create_partitions({prefix + "wider": NewPartitions(3)})

        async def count() -> int:
            (described,) = await client.describe_topics([prefix + "wider"])
            return len(described["partitions"])

        await eventually(count, 3)


async def test_a_member_that_the_group_has_given_up_cannot_commit(broker: Broker, prefix: str) -> None:
    """What a worker that was paused relies on: its commit is refused, so it learns that its partitions have moved."""
    topic, tp = prefix + "readings", TopicPartition(prefix + "readings", 0)
    await create_topic(broker.address, topic, 1)
    await send(broker.address, topic, 0, numbers(0, 10))
    async with reader(broker, topic, group_id=prefix, session_timeout_ms=1500, heartbeat_interval_ms=300) as first:
        await first.getmany(timeout_ms=5000)
        first._coordinator._heartbeat_task.cancel()  # paused
        async with reader(broker, topic, group_id=prefix, session_timeout_ms=1500, heartbeat_interval_ms=300) as second:
            await eventually(lambda: _assigned(second), True)
            with pytest.raises(CommitFailedError):
                await first.commit({tp: 7})


async def _assigned(consumer: AIOKafkaConsumer) -> bool:
    return bool(consumer.assignment())
