"""How a notifier stands is seen: whether it takes part, how many alerts it has not taken up, if Kafka answers."""

import asyncio
from pathlib import Path
from typing import cast

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams import limits
from streams.notifier.readiness import Telling
from tests.brokers import Broker
from tests.worker.gauges import gauge
from tests.worker.live import deployment, until

TOPIC = "homebeat.alerts"


class Consumer:
    """Who has two partitions of `alerts`, of which one ends beyond where it has been read."""

    def __init__(self) -> None:
        self.ends, self.at, self.known = {0: 5, 1: 9}, {0: 5, 1: 7}, True

    def partitions_for_topic(self, _: str) -> set[int] | None:
        return set(self.ends) if self.known else None

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition(TOPIC, partition) for partition in self.ends}

    async def end_offsets(self, tps: set[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: self.ends[tp.partition] for tp in tps}

    async def position(self, tp: TopicPartition) -> int:
        return self.at[tp.partition]


async def test_alerts_that_nobody_takes_up_are_counted_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    telling, consumer, loop = Telling(), Consumer(), asyncio.get_running_loop()
    began_s, looked = loop.time(), cast(AIOKafkaConsumer, consumer)
    assert telling.ready() == (False, "not in its group yet: alerts wait")
    telling.joined = True
    await telling._look(looked)
    assert gauge("notifier_lag", partition="1") == 2
    assert telling.ready() == (True, "telling of the alerts in partitions [0, 1]")
    monkeypatch.setattr(loop, "time", lambda: began_s + limits.STUCK_S + 1)
    await telling._look(looked)
    assert telling.ready() == (False, "stuck: alerts wait in partitions [1], and none is taken up")
    consumer.at[1] = 9
    await telling._look(looked)
    assert telling.ready()[0]
    assert gauge("notifier_lag", partition="1") == 0
    del consumer.ends[1]
    await telling._look(looked)
    assert telling.ready() == (True, "telling of the alerts in partitions [0]"), "the other one went to somebody else"


async def test_who_has_let_go_is_not_ready(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(limits, "LAG_LOOK_EVERY_S", 0)
    telling, consumer = Telling(), Consumer()
    consumer.known = False
    looking = asyncio.create_task(telling.keep_looking(cast(AIOKafkaConsumer, consumer), TOPIC))
    telling.joined = True
    await asyncio.sleep(0)
    assert telling.ready() == (False, f"{TOPIC} is not there: the first worker makes it")
    await asyncio.sleep(0.01)
    (said,) = caplog.messages
    assert said.startswith(f"{TOPIC} is not there"), "once, and not at each look"
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    assert not telling.joined


def test_a_notifier_of_its_own_says_that_kafka_answers_and_when_it_is_ready(
    embedded_broker: Broker, prefix: str, tmp_path: Path
) -> None:
    """It said for ever that no broker answers, by which a rule of ours calls somebody, and that it is ready."""
    with deployment(embedded_broker, prefix, tmp_path) as here:
        here.start()
        notifier = here.begin("notifier", webhook_urls="http://127.0.0.1:9/hook")
        until(lambda: notifier.get("/readyz")[0] == 503, "not before it has joined")
        until(notifier.ready, "it has joined")
        assert notifier.metric("homebeat_broker_up") == 1
        until(lambda: "homebeat_notifier_lag{" in notifier.get("/metrics")[1], "how many wait")
        assert notifier.metric("homebeat_notifier_lag") == 0
