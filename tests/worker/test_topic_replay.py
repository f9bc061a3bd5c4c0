"""What the log of a topic leads to, without a worker."""

import asyncio
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaProducer

from models.times import US_PER_S, from_us
from streams import control
from streams.configuration.environment import load_settings
from streams.configuration.settings import Settings
from streams.kafka.topics import ensure_topics
from streams.replaying.replay import run_replay_from_topic
from tests.brokers import Broker
from tests.engine.factories import HOUR_US, START_US, Log, profile

PATIENTS = [f"p-{n}" for n in range(8)]


def story(settings: Settings) -> Log:
    """Everybody is enrolled; an hour later everybody's saturation is far too low once."""
    log, secret = Log(), settings.secret.get_secret_value().encode()
    for patient in PATIENTS:
        log.control(control.profile(patient, profile(patient)), secret)
    log.wait(HOUR_US)
    for patient in PATIENTS:
        log.read(patient=patient, code="spo2", value=70.0)
    return log


async def publish(settings: Settings, log: Log) -> None:
    await ensure_topics(settings.broker, settings.topic_prefix, settings.partitions, settings.replication)
    async with AIOKafkaProducer(bootstrap_servers=settings.broker) as producer:
        for record in log.records:
            await producer.send_and_wait(
                settings.topic("readings"), record.value, key=record.key, headers=list(record.headers),
                timestamp_ms=record.arrived_us // 1000,
            )  # fmt: skip


def test_a_topic_is_replayed_whole_or_between_two_times(broker: Broker, prefix: str, tmp_path: Path) -> None:
    settings = load_settings(broker=broker.address, topic_prefix=prefix)
    asyncio.run(publish(settings, story(settings)))
    out = tmp_path / "alerts.jsonl"
    whole = run_replay_from_topic(since=None, until=None, out=out, batch=3, settings=settings)
    assert (whole["readings"], whole["decided"], whole["episodes"]) == (8, 8, 8)
    assert sorted(msgspec.json.decode(line)["patient"] for line in out.read_bytes().splitlines()) == PATIENTS
    between = from_us(START_US + HOUR_US - US_PER_S)
    before = run_replay_from_topic(since=None, until=between, out=None, batch=100, settings=settings)
    assert (before["readings"], before["alerts"]) == (0, 0)
    after = run_replay_from_topic(since=between, until=None, out=None, batch=100, settings=settings)
    assert after["rejected_by_reason"] == {"unknown_patient": 8}, f"what came before is not known: {after}"
