"""A worker among its topics, on both brokers: what goes in, what comes out, and that it adds up."""

import base64
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from confluent_kafka import Producer

from alerts.events import Category, EventName, Evidence, State
from models.findings import Finding, Kind, Rule, Severity
from models.readings import Reject
from models.times import rfc3339
from streams.kafka.embedded import EmbeddedBroker
from tests.brokers import Broker
from tests.engine import test_bad_input as bad
from tests.engine.factories import HOUR_US, MINUTE_US, SUMMARY_FIELDS, action, profile, reading
from tests.requirements import require
from tests.worker.live import ANSWER_WITHIN_S, Deployment, Worker, deployment, until
from tests.worker.retelling import headers_of, retold

METRICS = (
    "readings_received_total", "readings_decided_total", "readings_rejected_total", "readings_duplicate_total",
    "readings_withheld_total", "reading_to_alert_seconds_count", "alerts_total", "alerts_open",
    "checkpoint_seconds_count", "state_patients", "consumer_lag", "patients_by_state",
)  # fmt: skip
Live = tuple[Deployment, Worker]
TEN_MB = b'{"id": "' + b"x" * 10_000_000 + b'"}'


@pytest.fixture(scope="module", params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One worker for the tests of this module; each uses patients of its own."""
    broker: Broker = request.getfixturevalue(f"{request.param}_broker")
    with deployment(broker, f"live-{request.param}.", tmp_path_factory.mktemp("live")) as made:
        yield made, made.start()


@pytest.fixture
def patient(request: pytest.FixtureRequest) -> str:
    return f"p-{request.node.originalname}"[:100]


def balance(worker: Worker) -> dict[str, float]:
    words = ("received", "decided", "rejected", "duplicate", "withheld")
    return {word: worker.metric(f"homebeat_readings_{word}_total") for word in words}


def is_time(text: str) -> bool:
    return text.endswith("Z") and datetime.fromisoformat(text).tzinfo is not None


def test_an_alert_has_the_shape_of_the_contract(live: Live, patient: str) -> None:
    here, _ = live
    here.enrol(patient, care_team="team-1")
    sent = here.read(patient, code="spo2", value=78.0, quality=0.9)
    alert = here.told(patient)
    record = next(r for r in here.topic("alerts").records if json.loads(r.value() or b"null") == alert)
    assert record.key() == patient.encode()
    assert (alert["sequence"], alert["event"], alert["state"]) == (1, "opened", "open")
    assert (alert["patient"], alert["care_team"], alert["problem"]) == (patient, "team-1", "spo2.low")
    assert (alert["severity"], alert["category"], alert["kind"]) == ("emergency", "clinical", "limit")
    assert alert["event"] in get_args(EventName)
    assert alert["state"] in get_args(State)
    assert alert["severity"] in get_args(Severity)
    assert alert["category"] in get_args(Category)
    assert alert["kind"] in get_args(Kind)
    assert all(is_time(alert[name]) for name in ("onset_at", "event_at", "arrived_at", "decided_at"))
    assert datetime.fromisoformat(alert["event_at"]) == datetime.fromisoformat(sent["at"])
    assert (alert["retrospective"], alert["population_rule_would_fire"]) == (False, True)
    assert (alert["by"], alert["reason"]) == (None, None)
    assert set(alert["rule"]) == set(Rule.__struct_fields__)
    (evidence,) = alert["evidence"]
    assert set(evidence) == set(Evidence.__struct_fields__)
    assert (evidence["vital"], evidence["value"], evidence["unit"], evidence["quality"]) == ("spo2", 78.0, "%", 0.9)
    assert isinstance(evidence["modifiers"], list)
    assert alert["alert_id"].startswith("a-")
    assert all(isinstance(alert[name], str) and alert[name] for name in ("title", "explanation"))


def test_a_finding_and_a_summary_come_out_too(live: Live, patient: str) -> None:
    here, _ = live
    here.enrol(patient)
    now = here.read(patient, code="spo2", value=78.0)
    here.read(patient, code="heart_rate", value=70.0, at=rfc3339(_us(now["at"]) - 2 * HOUR_US), id="late")
    here.told(patient)
    finding = until(lambda: _of(here, "findings", patient), "a finding")[0]
    assert set(finding) == set(Finding.__struct_fields__)
    summary = until(lambda: _of(here, "vitals", patient), "a summary")[0]
    assert set(summary) == SUMMARY_FIELDS
    assert (summary["vital"], summary["n"], summary["mean"], summary["state"]) == ("heart_rate", 1, 70.0, "unknown")


def _us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000_000)


def _of(here: Deployment, topic: str, patient: str) -> list[dict[str, Any]]:
    return [record for record in here.topic(topic).values() if record["patient"] == patient]


def test_every_bad_reading_comes_back_with_its_bytes(live: Live, patient: str) -> None:
    here, _ = live
    here.enrol(patient)
    rows = {
        name: (reason, raw) for reason, rows in bad.TABLE.items() for name, raw in rows.items() if reason != "too_large"
    }
    for reason, raw in rows.values():
        value = raw and raw.replace(b'"p-1"', json.dumps(patient).encode()).replace(
            b"Patient/p-1", f"Patient/{patient}".encode()
        )
        if reason == "clock_fault":
            value = value and value.replace(b"2026-01-05", b"2999-01-05")
        here.put("readings", patient.encode(), value, headers=[("row", reason.encode())])
    here.received += len(rows)
    here.settle()
    rejects = until(lambda: _rejects(here, patient, len(rows)), f"{len(rows)} rejects")
    sent = {(r.partition(), r.offset()): r for r in here.topic("readings").all() if r.headers()}
    for reject in rejects:
        assert set(reject) == set(Reject.__struct_fields__)
        record = sent[reject["partition"], reject["offset"]]
        assert reject["topic"] == here.prefix + "readings"
        assert base64.b64decode(reject["value_base64"]) == (record.value() or b"")
        assert reject["reason"] == dict(headers_of(record))["row"].decode()
        assert is_time(reject["arrived_at"])


def _rejects(here: Deployment, key: str, count: int) -> list[dict[str, Any]]:
    found = [reject for reject in here.topic("rejects").values() if reject["key"] == key]
    return found if len(found) >= count else []


@pytest.mark.parametrize("size", [70_000, 900_000])
def test_a_reading_too_large_comes_back_whole(live: Live, patient: str, size: int) -> None:
    _too_large(live[0], f"{patient}-{size}", b"x" * size)


def test_a_reading_of_10_mb_comes_back_whole(live: Live, patient: str) -> None:
    _too_large(live[0], patient, TEN_MB)


def _too_large(here: Deployment, patient: str, raw: bytes) -> None:
    here.enrol(patient)
    here.put("readings", patient.encode(), raw)
    here.settle()
    here.received += 1
    (reject,) = until(lambda: _rejects(here, patient, 1), "a reject")
    assert reject["reason"] == "too_large"
    assert base64.b64decode(reject["value_base64"]) == raw


def test_a_reading_under_a_wrong_key_is_published_again_and_decided(live: Live, patient: str) -> None:
    here, worker = live
    here.enrol(patient)
    before = worker.metric("homebeat_readings_rekeyed_total")
    keys = [b"device-1", b"device-2", b"device-3", None]
    for number, key in enumerate(keys):
        made = reading(patient, code="spo2", value=70.0 + number, at_us=_us(_now()) + number, id=f"wrong-{number}")
        here.put("readings", key, json.dumps(made).encode())
    here.received += len(keys)
    here.told(patient)
    until(
        lambda: worker.metric("homebeat_readings_rekeyed_total") == before + len(keys),
        "four readings under another key",
    )


def _now() -> str:
    return datetime.now(UTC).isoformat()


def test_a_patient_without_a_profile_is_unknown_until_there_is_one(live: Live, patient: str) -> None:
    here, _ = live
    here.read(patient, code="spo2", value=78.0)
    here.settle()
    (reject,) = until(lambda: _rejects(here, patient, 1), "a reject")
    assert reject["reason"] == "unknown_patient"
    here.enrol(patient)
    here.put("readings", patient.encode(), base64.b64decode(reject["value_base64"]))
    here.received += 1
    here.told(patient)


def test_who_withdraws_is_not_looked_at_from_there_on(live: Live, patient: str) -> None:
    here, worker = live
    here.enrol(patient)
    here.read(patient, code="spo2", value=78.0)
    here.told(patient)
    before = balance(worker)
    here.enrol(patient, version=2, monitoring=False)
    here.told(patient, "expired")
    for n in range(3):
        here.read(patient, code="spo2", value=70.0 + n)
    here.put("readings", patient.encode(), b"not even a reading")
    here.received += 1
    here.settle()
    until(lambda: balance(worker)["withheld"] == before["withheld"] + 4, "four withheld readings")
    assert _rejects(here, patient, 1) == []


def test_an_alert_is_acknowledged_through_the_actions_topic(live: Live, patient: str) -> None:
    here, _ = live
    here.enrol(patient)
    here.read(patient, code="spo2", value=78.0)
    opened = here.told(patient)
    document = action(opened["alert_id"], "acknowledge", patient, at=_now())
    for _ in range(2):
        here.put("actions", patient.encode(), json.dumps(document).encode())
    acknowledged = here.told(patient, "acknowledged")
    assert (acknowledged["alert_id"], acknowledged["sequence"], acknowledged["by"]) == (
        opened["alert_id"],
        2,
        "nurse-2",
    )
    here.put("actions", patient.encode(), json.dumps(document | {"action_id": "again"}).encode())
    here.put("actions", patient.encode(), json.dumps(document | {"action_id": "odd", "reasons": "?"}).encode())
    here.settle()
    rejects = until(lambda: _rejects(here, patient, 2), "two rejects")
    assert {reject["reason"] for reject in rejects} == {"bad_action"}
    assert {reject["topic"] for reject in rejects} == {here.prefix + "readings", here.prefix + "actions"}
    assert [alert["event"] for alert in here.alerts(patient)] == ["opened", "acknowledged"]


def test_a_bad_profile_comes_back_and_changes_nothing(live: Live, patient: str) -> None:
    here, _ = live
    here.enrol(patient)
    here.put("profiles", patient.encode(), profile(patient, version=2, nickname="Bo"))
    here.settle()
    (reject,) = until(lambda: _rejects(here, patient, 1), "a reject")
    assert (reject["reason"], reject["topic"]) == ("bad_profile", here.prefix + "profiles")


def test_a_forged_control_record_comes_back(live: Live, patient: str) -> None:
    here, _ = live
    here.enrol(patient)
    here.put(
        "readings", patient.encode(), None, headers=[("homebeat-type", b"profile"), ("homebeat-signature", b"guess")]
    )
    here.put("readings", patient.encode(), None, headers=[("homebeat-type", None)])
    here.received += 2
    here.read(patient, code="spo2", value=78.0)
    here.told(patient)
    assert [reject["reason"] for reject in until(lambda: _rejects(here, patient, 2), "rejects")] == [
        "bad_profile",
        "bad_shape",
    ]


@pytest.mark.kcat
def test_a_reading_from_kcat_is_decided(request: pytest.FixtureRequest, live: Live, patient: str) -> None:
    here, _ = live
    if isinstance(here.broker, EmbeddedBroker):
        request.applymarker(pytest.mark.xfail(strict=True, reason="kcat 1.7 cannot read its answer to ApiVersions"))
    kcat = shutil.which("kcat")
    require("kcat", kcat, "kcat is not on the PATH")
    here.enrol(patient)
    made = reading(patient, code="spo2", value=78.0, at_us=_us(_now()))
    subprocess.run(
        [str(kcat), "-P", "-b", here.broker.address, "-t", here.prefix + "readings", "-k", patient,
         "-X", "topic.partitioner=murmur2_random"],
        input=json.dumps(made).encode(), check=True, timeout=30,
    )  # fmt: skip
    here.received += 1
    assert here.told(patient)["evidence"][0]["value"] == 78.0


@pytest.mark.parametrize("codec", ["gzip", "lz4", "snappy", "zstd"])
def test_a_reading_is_decided_however_its_publisher_compresses(live: Live, patient: str, codec: str) -> None:
    """One batch that nobody could unpack stopped its partition for good, and with it the worker."""
    here, _ = live
    name = f"{patient}-{codec}"
    here.enrol(name)
    made = reading(name, code="spo2", value=78.0, at_us=_us(_now()), note="worth compressing " * 100)
    brokers, partitioner = here.broker.address, "murmur2_random"
    producer = Producer({"bootstrap.servers": brokers, "partitioner": partitioner, "compression.type": codec})
    producer.produce(here.prefix + "readings", json.dumps(made).encode(), name.encode())
    assert producer.flush(ANSWER_WITHIN_S) == 0
    here.received += 1
    assert here.told(name)["evidence"][0]["value"] == 78.0


def test_a_snooze_ends_by_the_ticks_of_the_worker(live: Live, patient: str) -> None:
    here, _ = live
    here.enrol(patient)
    here.read(patient, code="spo2", value=87.0)
    opened = here.told(patient)
    until_us = _us(_now()) + 8_000_000  # long enough to be in the future still when it is in the log
    document = action(opened["alert_id"], "snooze", patient, at=_now(), until=rfc3339(until_us), reason="asleep")
    here.put("actions", patient.encode(), json.dumps(document).encode())
    here.told(patient, "snoozed")
    awake = here.told(patient, "updated")
    assert until_us <= _us(awake["decided_at"]) <= until_us + 30 * MINUTE_US


def test_the_pages_for_ops_say_how_it_is(live: Live) -> None:
    _, worker = live
    assert worker.get("/healthz")[0] == 200
    assert worker.get("/readyz") == (200, "partitions [0, 1]\n")
    for name in METRICS:
        worker.metric(f"homebeat_{name}")
    assert worker.metric("homebeat_readings_rejected_total", reason="not_json") >= 0
    assert worker.metric("homebeat_alerts_total", event="opened", severity="emergency", category="clinical") >= 0
    for state in ("normal", "deviating", "unknown", "withheld"):
        worker.metric("homebeat_patients_by_state", state=state)


def test_the_figures_add_up_to_what_was_published(live: Live) -> None:
    """After all the tests above: every reading received once, and the sum of its four fates."""
    here, worker = live
    here.settle()
    until(lambda: balance(worker)["received"] >= here.received, f"{here.received} readings received")
    found = balance(worker)
    assert found["received"] == here.received == sum(found.values()) - found["received"]


def test_the_alerts_of_the_live_run_are_those_of_its_log(live: Live) -> None:
    """The topic's records through the engine again, in other batches: the same alerts, event for event."""
    here, _ = live
    here.settle()
    before = published(here)
    told, received = retold(here.topic("readings").all(), here.prefix + "readings")
    assert received == here.received
    assert before.total() >= 8
    assert_published(here, before, told)


def published(here: Deployment) -> "Counter[str]":
    return Counter(json.dumps(alert, sort_keys=True) for alert in here.topic("alerts").all_values())


def assert_published(here: Deployment, before: "Counter[str]", told: Iterable[str]) -> None:
    """The log leads to what was published before it was read, and what it leads to is published. Time goes on while it
    is read, and may bring more alerts: those are in neither."""
    there = Counter(told)
    assert before <= there, before - there
    until(lambda: there <= published(here), "every alert of the log")


def test_replay_from_the_topic_and_the_ledger_agree_with_the_live_run(live: Live) -> None:
    here, worker = live
    here.settle()
    until(lambda: balance(worker)["received"] >= here.received, f"{here.received} readings received")
    before = published(here)
    done = here.homebeat("replay", "--from-topic", "--out", "again.jsonl", "--json")
    assert (done.code, done.json["readings"]) == (0, here.received)
    again = [json.loads(line) for line in (here.homebeat.folder / "again.jsonl").read_text().splitlines()]
    assert_published(here, before, (json.dumps(alert, sort_keys=True) for alert in again))
    checked = until(lambda: _ledger_of(here), "a checkpoint with everything")
    assert f"received {here.received} = decided" in checked


def _ledger_of(here: Deployment) -> str:
    """The line of `homebeat check --ledger`, once it has everything."""
    done = here.homebeat("check", "--ledger")
    line = next(line for line in done.out.splitlines() if "ledger:" in line)
    return line if f"received {here.received} " in line else ""
