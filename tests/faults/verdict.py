"""What is asked after every fault: is the balance exact, are the alerts those of the log, was anybody paged twice?"""

import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from confluent_kafka import Consumer, Message, TopicPartition

from alerts.channels.protocol import idempotency_key
from alerts.events import AlertEvent
from models.times import US_PER_S, from_us, to_us
from streams.control import TYPE_HEADER
from streams.notifier.configuration import silent_because
from tests.faults.scene import LONG_S, PARTITIONS, Scene

NO_READING = b"this is not JSON"
Told = dict[tuple[str, int], AlertEvent]


def assert_nothing_lost_nothing_twice(scene: Scene) -> dict[str, Any]:
    """All of it, once the workers have caught up; figures about the round."""
    until_us = wait_until_caught_up(scene)
    counted = balance(scene)
    replayed, told = replay(scene, until_us)
    assert {name: replayed[name] for name in counted} == counted, f"the replay counts otherwise (seed {scene.seed})"
    records = scene.here.topic("alerts").all()
    said = spoken(scene, records)
    assert_same_alerts(scene, {key: event for key, event in said.items() if us(event.decided_at) < until_us}, told)
    pages = assert_paged_once(scene, said, told)
    assert_rejects(scene, counted["rejected"])
    scene.until(lambda: _metric_lag(scene) == 0, "the workers say that nothing is left")
    return {"readings": counted["readings"], "alerts": len(told), "alerts_repeated": len(records) - len(said), **pages}


def us(instant: str) -> int:
    return to_us(datetime.fromisoformat(instant))


def wait_until_caught_up(scene: Scene) -> int:
    """Everything sent is applied on the broker, and time has gone on in every partition; a log time [us] after which
    nothing but ticks has come."""
    scene.cluster.wait_until_whole()
    scene.here.settle()
    scene.until(lambda: scene.lag(("profiles", "actions")) == 0, "profiles and actions are in the log", LONG_S)
    ends = scene.ends("readings")
    scene.until(lambda: _reached(scene, ends), "every reading is applied", LONG_S)
    until_us = time.time_ns() // 1_000_000 * 1000 + 1000
    scene.until(lambda: _passed(scene, until_us), "time goes on in every partition, and its ticks are applied")
    return until_us


def _reached(scene: Scene, ends: dict[int, int]) -> bool:
    done = scene.committed("readings")
    return all(done[number] >= end for number, end in ends.items())


def _passed(scene: Scene, at_us: int) -> bool:
    """Whether every partition has committed a record that arrived then or later."""
    consumer = Consumer({"bootstrap.servers": scene.cluster.address, "group.id": scene.group})
    try:
        name = scene.here.prefix + "readings"
        asked = [TopicPartition(name, number, at_us // 1000) for number in range(PARTITIONS)]
        found = {tp.partition: tp.offset for tp in consumer.offsets_for_times(asked, timeout=LONG_S)}
        done = {tp.partition: tp.offset for tp in consumer.committed(asked, timeout=LONG_S)}
        return all(0 <= found[number] < done[number] for number in range(PARTITIONS))
    finally:
        consumer.close()


def _metric_lag(scene: Scene) -> float:
    held = [(post.worker, number) for post in scene.posts for number in scene.held_by(post)]
    return sum(worker.metric("homebeat_consumer_lag", partition=str(number)) for worker, number in held)


def balance(scene: Scene) -> dict[str, int]:
    """The ledger, which must balance and hold what is in the log. That may be more than was sent: when all brokers die
    at once, the client of the load sends a batch again that they have already (which counts as duplicate)."""
    checked = scene.here.homebeat("check", "--ledger", "--json").json["ledger"]
    counted = {name: int(checked[name]) for name in ("received", "decided", "rejected", "duplicate", "withheld")}
    received = counted.pop("received")
    assert received == sum(counted.values()), f"the ledger does not balance (seed {scene.seed}): {checked}"
    found = {one["partition"]: one["received"] for one in checked["partitions"]}
    assert found == (there := logged(scene)), f"not what is in the log, {there} (seed {scene.seed}): {checked}"
    scene.marks["sent_again"] = again = sent_again(scene)
    assert received - again == scene.marks["load"]["sent"], f"not {scene.marks['load']} (seed {scene.seed}): {checked}"
    assert scene.marks["load"]["failed"] == 0
    return {"readings": received, "duplicates": counted.pop("duplicate"), **counted}


def readings(scene: Scene) -> list[Message]:
    """What is in the log but control records."""
    records = scene.here.topic("readings").all()
    return [record for record in records if TYPE_HEADER not in dict(record.headers() or ())]


def logged(scene: Scene) -> dict[int, int]:
    """Readings in the log by partition."""
    return dict(sorted(Counter(record.partition() or 0 for record in readings(scene)).items()))


def sent_again(scene: Scene) -> int:
    """Copies in the log beyond those that the load put there: one of a good reading or probe, which have own ids;
    two of a reading that comes twice, and with each of these one that is no reading."""
    values = Counter(record.value() or b"" for record in readings(scene))
    twice = {value: 2 for value in values if value.startswith(b'{"id":"twice-')}
    meant = twice | {NO_READING: len(twice)}
    return sum(max(0, count - meant.get(value, 1)) for value, count in values.items())


def replay(scene: Scene, until_us: int) -> tuple[dict[str, Any], dict[tuple[str, int], bytes]]:
    """The figures of `homebeat replay --from-topic`, and its lines by (alert_id, sequence)."""
    done = scene.here.homebeat(
        "replay", "--from-topic", "--until", from_us(until_us).isoformat(), "--out", "again.jsonl", "--json"
    )
    assert done.code == 0, done.err
    lines = (scene.here.homebeat.folder / "again.jsonl").read_bytes().splitlines()
    told = {(event["alert_id"], event["sequence"]): line for line in lines for event in [json.loads(line)]}
    assert len(told) == len(lines), "the replay itself says something twice"
    return done.json, told


def spoken(scene: Scene, records: list[Message]) -> Told:
    """The alert events on the topic, each once; a repeat must be the same to the byte."""
    said: dict[tuple[str, int], set[bytes]] = defaultdict(set)
    for value in (record.value() or b"" for record in records):
        event = msgspec.json.decode(value, type=AlertEvent)
        said[event.alert_id, event.sequence].add(value)
    different = [values for values in said.values() if len(values) > 1]
    assert not different, f"told in two ways (seed {scene.seed}): {different[:3]}"
    return {key: msgspec.json.decode(value, type=AlertEvent) for key, (value,) in said.items()}


def assert_same_alerts(scene: Scene, said: Told, told: dict[tuple[str, int], bytes]) -> None:
    """What was said is what the log leads to, byte for byte, without a gap in the numbers."""
    lost, invented = told.keys() - said.keys(), said.keys() - told.keys()
    assert not lost, f"{len(lost)} alerts lost (seed {scene.seed}): {[told[key] for key in sorted(lost)[:3]]}"
    assert not invented, f"{len(invented)} alerts from nowhere (seed {scene.seed}): {sorted(invented)[:3]}"
    for key, event in said.items():
        assert msgspec.json.encode(event, order="sorted") == told[key], f"seed {scene.seed}"
    last = Counter(alert_id for alert_id, _ in said)
    gaps = {(alert_id, sequence) for alert_id, sequence in said if sequence > last[alert_id]}
    assert not gaps, f"numbers with gaps (seed {scene.seed}): {sorted(gaps)[:3]}"


def assert_paged_once(scene: Scene, said: Told, told: dict[tuple[str, int], bytes]) -> dict[str, int]:
    """Every alert that pages came to the receiver under one key with one body, and nothing else did."""
    wanted = {idempotency_key(said[key]) for key in told if silent_because(said[key]) is None}
    scene.until(lambda: wanted <= set(scene.pager.pages), "every alert is paged")
    pages = dict(scene.pager.pages)  # time goes on: what is paged from here on was said from here on
    said_by_now = spoken(scene, scene.here.topic("alerts").all())
    allowed = {idempotency_key(event) for event in said_by_now.values() if silent_because(event) is None}
    assert pages.keys() <= allowed, f"paged what was never said (seed {scene.seed})"
    assert all(len(set(bodies)) == 1 for bodies in pages.values()), f"seed {scene.seed}"
    assert scene.pager.forged == 0
    requests = sum(len(bodies) for bodies in pages.values())
    return {"paged": len(wanted), "pages_repeated": requests - len(pages)}


def assert_rejects(scene: Scene, rejected: int) -> None:
    """As many dead letters of readings as the ledger says, however often each came."""
    letters = [json.loads(record.value() or b"") for record in scene.here.topic("rejects").all()]
    of_readings = [letter for letter in letters if letter["reason"] not in ("bad_action", "bad_profile")]
    places = {(letter["topic"], letter["partition"], letter["offset"]) for letter in of_readings}
    assert len(places) == rejected, f"{len(places)} dead letters for {rejected} rejected (seed {scene.seed})"


@dataclass(frozen=True, order=True)
class Wait:
    """How long a patient waited for an alert [s], and where and since when."""

    seconds: float
    partition: int
    arrived: str


def longest_waits(scene: Scene) -> list[Wait]:
    """Of each partition: from the arrival of a probe to the time stamp of its alert, the longest first."""
    first: dict[str, tuple[int, int, str]] = {}
    for record in scene.here.topic("alerts").all():
        event = msgspec.json.decode(record.value() or b"", type=AlertEvent)
        if event.patient.startswith("probe-") and event.sequence == 1:
            told = (record.timestamp()[1] * 1000, record.partition() or 0, event.arrived_at)
            first[event.alert_id] = min(told, first.get(event.alert_id, told))
    longest: dict[int, Wait] = {}
    for told_us, partition, arrived in first.values():
        wait = Wait((told_us - us(arrived)) / US_PER_S, partition, arrived)
        longest[partition] = max(wait, longest.get(partition, wait))
    return sorted(longest.values(), reverse=True)
