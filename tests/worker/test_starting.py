"""A worker starts beside a broker that is slow, or not ready: it waits, says so, and ends for what does not pass."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient

from streams import limits
from streams.configuration.settings import Settings
from streams.engine.forms import FORMAT
from streams.errors import BrokerNotReady, BrokerUnreachable
from streams.kafka.embedded import free_port
from streams.kafka.topics import TopicRefused, create_missing, topics_of
from streams.worker.worker import Worker, make_topics
from tests.brokers import HOST, Broker
from tests.worker.live import WITHIN_S, deployment

Answers = list[Exception]


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """What Kafka answers to the next wishes for topics, one after the other; then it does as it is asked."""
    answers: Answers = []
    create = AIOKafkaAdminClient.create_topics

    async def answered(admin: AIOKafkaAdminClient, new: Any, **options: Any) -> Any:
        if answers:
            raise answers.pop(0)
        return await create(admin, new, **options)

    monkeypatch.setattr(AIOKafkaAdminClient, "create_topics", answered)
    monkeypatch.setattr(limits, "RESTART_AFTER_S", (0.01, 0.05))
    return answers


def settings_of(broker: Broker, prefix: str) -> Settings:
    return Settings(broker=broker.address, topic_prefix=prefix, partitions=1, broker_timeout_s=0.5)


async def topics_there(broker: Broker, prefix: str) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    try:
        return {name for name in await admin.list_topics() if name.startswith(prefix)}
    finally:
        await admin.close()


async def test_a_broker_that_is_not_ready_is_waited_for_and_that_is_said(
    broker: Broker, prefix: str, wrong: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    no_controller = AttributeError("'NoneType' object has no attribute 'nodeId'", name="nodeId", obj=None)
    passes = [errors.RequestTimedOutError(), errors.NodeNotReadyError(), errors.KafkaTimeoutError(), TimeoutError()]
    wrong += [*passes, errors.NotControllerError(), no_controller]
    count, said = len(wrong), list[str]()
    with caplog.at_level(logging.ERROR, logger="streams.kafka.outage"):
        await make_topics(settings_of(broker, prefix), said.append)
    assert {topic.name for topic in topics_of(prefix, 1)} <= await topics_there(broker, prefix)
    loud = [record.message for record in caplog.records if "THE BROKER IS NOT READY" in record.message]
    assert len(loud) == count
    assert "RequestTimedOutError" in loud[0]
    assert ["RequestTimedOutError" in said[0], said[-1]] == [True, ""]


async def test_a_broker_that_never_gets_ready_ends_the_start_with_what_to_do(
    broker: Broker, prefix: str, wrong: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "START_WITHIN_S", 3.0)
    wrong += [errors.NodeNotReadyError() for _ in range(1000)]
    with pytest.raises(BrokerNotReady, match=r"within 3 s \(NodeNotReadyError.*: see .*HOMEBEAT_BROKER_TIMEOUT_S"):
        await make_topics(settings_of(broker, prefix))
    assert len(wrong) < 999


async def test_a_broker_that_hangs_ends_the_start_in_time(
    broker: Broker, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(admin: AIOKafkaAdminClient, new: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(AIOKafkaAdminClient, "create_topics", never)
    monkeypatch.setattr(limits, "START_WITHIN_S", 1.0)
    with pytest.raises(BrokerNotReady):
        await asyncio.wait_for(make_topics(settings_of(broker, prefix)), 20)


async def test_no_broker_at_all_is_called_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "START_WITHIN_S", 1.0)
    with pytest.raises(BrokerUnreachable):
        await make_topics(Settings(broker=f"{HOST}:{free_port(HOST)}", broker_timeout_s=0.5))


@pytest.mark.parametrize("error", [ValueError("a bug of ours"), AttributeError("another"), errors.InvalidTopicError()])
async def test_what_waiting_does_not_mend_ends_the_start_at_once(
    broker: Broker, prefix: str, wrong: Answers, error: Exception
) -> None:
    wrong += [error]
    with pytest.raises(type(error)):
        await make_topics(settings_of(broker, prefix))


@pytest.mark.parametrize(
    ("code", "kind"), [(7, errors.RequestTimedOutError), (41, errors.NotControllerError), (29, TopicRefused)]
)
async def test_what_the_broker_says_of_one_topic_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception]
) -> None:
    class Answer:
        def to_object(self) -> dict[str, Any]:
            return {"topic_errors": [{"topic": "t.readings", "error_code": code}]}

    class Admin:
        async def list_topics(self) -> list[str]:
            return []

        async def create_topics(self, new: Any) -> Answer:
            return Answer()

    with pytest.raises(kind):
        await create_missing(Admin(), topics_of("t.", 1), 1)


async def test_a_worker_that_waits_for_its_broker_says_so_and_can_be_stopped(
    broker: Broker, prefix: str, wrong: Answers, tmp_path: Path
) -> None:
    wrong += [errors.NodeNotReadyError() for _ in range(1000)]
    worker, stop = Worker(settings_of(broker, prefix).model_copy(update={"data_folder": tmp_path})), asyncio.Event()
    preparing = asyncio.create_task(worker.prepare(stop))
    while "NodeNotReadyError" not in worker.ready()[1]:
        assert not preparing.done()
        await asyncio.sleep(0.01)
    stop.set()
    assert await asyncio.wait_for(preparing, 10) is False


def test_pages_of_a_newer_homebeat_are_refused_in_one_sentence(broker: Broker, prefix: str, tmp_path: Path) -> None:
    """After a downgrade, by the worker and by `check --ledger`: it is no fault of homebeat, and says how to mend it."""
    newer = msgspec.msgpack.encode([FORMAT + 1, 17])
    with deployment(broker, prefix, tmp_path) as here:
        assert here.start().stop() == 0
        here.put("homebeat-pages-changelog", b"0/0", newer, partition=0)
        here.settle()
        worker = here.begin()
        assert worker.process.wait(WITHIN_S) == 1
        checked = here.homebeat("check", "--ledger")
    assert worker.log().count("Traceback") == 0
    for said in (worker.log().splitlines()[-1], checked.complaint):
        assert said.startswith("homebeat: a state page has format")
        assert said.endswith("start the newer homebeat again")
    assert checked.code == 1
