"""kill -9 in the middle of the work: each reading counts once, and no alert is lost, doubled or told in two ways."""

import asyncio
import json
import time
from collections import defaultdict
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from models.times import US_PER_S
from streams.configuration.settings import Settings
from streams.worker.balance import Ledger, read_ledger
from tests.brokers import Broker
from tests.engine.factories import reading
from tests.transport.workers import expect_gap
from tests.worker.live import PARTITIONS, Deployment, Worker, deployment, until
from tests.worker.retelling import retold

PEOPLE, EACH, EVERY_S = 40, 500, 5
MORE = 80
VALUES = [97.0] * 100 + [82.0] * 80 + [97.0] * 140 + [78.0] * 80 + [97.0] * 100
"""A saturation: low for long enough to be told, well for long enough to be over, and worse again."""


def ledger(here: Deployment) -> Ledger:
    settings = Settings(broker=here.broker.address, topic_prefix=here.prefix, partitions=PARTITIONS)
    return asyncio.run(read_ledger(settings))


def enrol_all(here: Deployment) -> list[str]:
    people = [f"p-{n}" for n in range(PEOPLE)]
    for patient in people[1:]:
        here.put(
            "profiles",
            patient.encode(),
            json.dumps({"patient": patient, "version": 1, "consent": {"monitoring": True}}).encode(),
        )
    here.enrol(people[0])
    until(
        lambda: len({r.key() for r in here.topic("readings").look() if r.headers()} - {None}) == PEOPLE, "all profiles"
    )
    return people


def publish(here: Deployment, people: list[str], begin_us: int, first: int, last: int) -> None:
    """Readings first..last of everybody, in turn."""
    for n in range(first, last):
        for patient in people:
            made = reading(patient, code="spo2", value=VALUES[n], at_us=begin_us + n * EVERY_S * US_PER_S)
            here.put("readings", patient.encode(), json.dumps(made).encode())


def killed_at_work(here: Deployment, worker: Worker, people: list[str], begin_us: int, sent: int) -> int:
    """Kill it while readings are on their way to it, and another one if it was done with them by then, as on a busy
    machine we may be kept from it for so long; how far they are published."""
    while sent + MORE <= EACH:
        publish(here, people, begin_us, sent, sent + MORE)
        worker.kill()
        sent += MORE
        if ledger(here).received < PEOPLE * sent:
            return sent
        worker = here.start()
    raise AssertionError("each was killed after the work: nothing has been shown")


@pytest.mark.slow
def test_a_kill_neither_loses_nor_doubles_anything(broker: Broker, prefix: str, tmp_path: Path) -> None:
    with deployment(broker, prefix, tmp_path, chunk_records="150", checkpoint_s="0.2") as here:
        worker = here.start()
        people = enrol_all(here)
        begin_us = (time.time_ns() // 1000) - EACH * EVERY_S * US_PER_S
        publish(here, people, begin_us, 0, 250)
        until(lambda: here.topic("alerts").look(), "the first alerts")
        until(lambda: ledger(here).received > 1000, "a checkpoint with readings in it")
        sent = killed_at_work(here, worker, people, begin_us, 250)
        publish(here, people, begin_us, sent, EACH)
        here.settle()
        here.start()
        until(lambda: ledger(here).received >= PEOPLE * EACH, "every reading counted")
        counted = ledger(here)
        assert (counted.received, counted.decided, counted.duplicate) == (PEOPLE * EACH, PEOPLE * EACH, 0)
        assert_alerts_are_whole(here)


@pytest.mark.slow
def test_offsets_that_somebody_moved_lose_nothing(
    request: pytest.FixtureRequest, broker: Broker, prefix: str, tmp_path: Path
) -> None:
    """What has been decided is what the state says, whatever the group's offsets say."""
    expect_gap(request, broker, "it takes an offset from a member of the group only, also when there is none")
    with deployment(broker, prefix, tmp_path, checkpoint_s="0.2") as here:
        worker = here.start()
        people = enrol_all(here)
        begin_us = (time.time_ns() // 1000) - EACH * EVERY_S * US_PER_S
        publish(here, people, begin_us, 0, 50)
        here.settle()
        until(lambda: ledger(here).received >= PEOPLE * 50, "the first readings are counted")
        assert worker.stop() == 0
        publish(here, people, begin_us, 50, 100)
        here.settle()
        move_to_the_end(here)
        publish(here, people, begin_us, 100, 150)
        here.settle()
        worker = here.start()
        until(lambda: ledger(here).received >= PEOPLE * 150, "every reading counted")
        counted = ledger(here)
        assert (counted.received, counted.decided, counted.duplicate) == (PEOPLE * 150, PEOPLE * 150, 0)
        assert "the group's offset was moved" in worker.log()


def move_to_the_end(here: Deployment) -> None:
    """As an operator does who thinks that this skips what made trouble."""
    name = here.prefix + "readings"
    group = Consumer({"bootstrap.servers": here.broker.address, "group.id": f"{here.prefix}homebeat"})
    ends = [group.get_watermark_offsets(TopicPartition(name, number), timeout=30)[1] for number in range(PARTITIONS)]
    group.commit(offsets=[TopicPartition(name, number, end) for number, end in enumerate(ends)], asynchronous=False)
    group.close()


def assert_alerts_are_whole(here: Deployment) -> None:
    """Numbered without a gap, said in one way however often, and those that the log leads to."""
    told, received = retold(here.topic("readings").all(), here.prefix + "readings")
    assert received == PEOPLE * EACH
    until(lambda: len({json.dumps(a, sort_keys=True) for a in here.alerts()}) >= len(told), "every alert")
    said: dict[tuple[str, int], set[str]] = defaultdict(set)
    for alert in here.alerts():
        said[alert["alert_id"], alert["sequence"]].add(json.dumps(alert, sort_keys=True))
    assert {text for texts in said.values() for text in texts} == set(told)
    assert all(len(texts) == 1 for texts in said.values())
    for alert_id in {alert_id for alert_id, _ in said}:
        numbers = sorted(sequence for other, sequence in said if other == alert_id)
        assert numbers == list(range(1, len(numbers) + 1))
    assert len(said) >= PEOPLE
