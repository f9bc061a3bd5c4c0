"""What becomes of a reading before anything is decided about the patient: key, consent, units, clock, duplicates."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.partitioner import DefaultPartitioner

from models.readings import Reason
from models.times import US_PER_S, rfc3339
from streams.engine.rings import ALWAYS, MOST
from streams.engine.state import Outcome, PartitionState
from streams.engine.step import EngineSettings, step
from tests.engine.factories import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    SECRET,
    SETTINGS,
    START_US,
    Log,
    one_by_one,
    reading,
    run,
)

MONITOR = EngineSettings(SECRET, monitor_unknown=True)


def known(**fields: Any) -> Log:
    log = Log()
    log.profile(**fields)
    return log


def test_a_reading_under_a_wrong_key_is_put_right_and_not_decided_here() -> None:
    log = known()
    first = log.read(key=b"device-9")
    second = log.add(None, json.dumps(reading()).encode())
    told = run(log)
    assert told.rekeyed == [(first, b"p-1"), (second, b"p-1")]
    assert (told.received, told.rejects) == (0, [])


@pytest.mark.parametrize("settings", [SETTINGS, MONITOR])
def test_a_reading_that_a_client_hashed_to_another_partition_is_put_right(settings: EngineSettings) -> None:
    """librdkafka's own default is CRC32: the key is right, the partition is not, and the profile is elsewhere."""
    told = {}
    for partition in range(4):
        log = Log(partition=partition)
        log.read()
        told[partition] = step(PartitionState(), replace(log.slice(), partitions=4), settings)
    home = [number for number, found in told.items() if not found.rekeyed]
    assert home == [DefaultPartitioner()(b"p-1", [0, 1, 2, 3], [0, 1, 2, 3])]
    assert all(found.rekeyed == [(0, b"p-1")] and found.received == 0 for n, found in told.items() if n not in home)
    assert told[home[0]].received == 1


def panel(*parts: tuple[str, float, str]) -> bytes:
    """What a cuff has measured at once: code, value and unit of each."""
    components = [
        {"code": {"coding": [{"code": code}]}, "valueQuantity": {"value": value, "code": unit}}
        for code, value, unit in parts
    ]
    body = {
        "resourceType": "Observation", "id": "bp", "status": "final", "code": {"coding": [{"code": "85354-9"}]},
        "component": components, "subject": {"reference": "Patient/p-1"}, "effectiveDateTime": rfc3339(START_US),
    }  # fmt: skip
    return json.dumps(body).encode()


def test_a_panel_under_a_wrong_key_is_put_right_once() -> None:
    body, log = panel(("8480-6", 120, "mm[Hg]"), ("8462-4", 80, "mm[Hg]")), known()
    wrong = log.add(b"p-2", body)
    log.add(b"p-1", body)
    told = run(log)
    assert (told.rekeyed, told.outcomes) == ([(wrong, b"p-1")], [2, 0, 0, 0])


def test_a_part_of_a_panel_that_cannot_be_read_does_not_take_the_others_with_it() -> None:
    """A cuff that says "bpm" of the pulse: with it the pressures were refused, and nobody heard of 85 mmHg."""
    body = panel(("8480-6", 85, "mm[Hg]"), ("8462-4", 50, "mm[Hg]"), ("8867-4", 72, "bpm"))
    log = known()
    wrong = log.add(b"p-2", body)
    log.add(b"p-1", body)
    log.add(b"p-1", body)
    told = run(log)
    assert (told.rekeyed, told.outcomes) == ([(wrong, b"p-1")], [2, 2, 2, 0])
    assert "systolic_bp.low" in {alert.problem for alert in told.alerts}
    assert {(one.reason, one.offset, one.value_base64) for one in told.rejects} == {
        (Reason.UNKNOWN_UNIT, wrong + n, base64.b64encode(body).decode()) for n in (1, 2)
    }
    assert told.lines() == run(log, one_by_one(log)).lines()


def test_the_same_id_again_is_a_duplicate_whatever_it_says() -> None:
    log = known()
    log.read(id="r-1", value=70)
    log.read(id="r-1", value=90, at_us=log.now_us + MINUTE_US)
    assert run(log).outcomes == [1, 0, 1, 0]


def test_the_same_measurement_under_another_id_is_a_duplicate() -> None:
    log = known()
    at = log.now_us
    for n, unit in enumerate(["/min", "/min", "{beats}/min"]):
        log.read(id=f"r-{n}", at_us=at, unit=unit, device="watch")
        log.wait(HOUR_US)
    log.read(id="r-8", at_us=at, device="strap")
    log.read(id="r-9", at_us=at + 1, device="watch")
    assert run(log).outcomes == [3, 0, 2, 0]


def test_ids_of_two_patients_are_not_compared() -> None:
    log = known()
    log.profile("p-2")
    for patient in ("p-1", "p-2"):
        log.read(patient=patient, id="r-1")
    assert run(log).outcomes == [2, 0, 0, 0]


@pytest.mark.parametrize("count", [ALWAYS, MOST])
def test_a_repeat_is_found_among_the_last_readings_of_the_patient_in_any_batches(count: int) -> None:
    log = known()
    for n in range(count):
        log.read(id=f"r-{n}")
        log.wait(MINUTE_US)
    again = len(log)
    log.records += log.records[1:]
    for cuts in ([], [again], one_by_one(log) if count == ALWAYS else range(0, len(log), 100)):
        assert run(log, cuts).outcomes == [count, 0, count, 0]


def test_a_rejected_reading_may_be_sent_again_once_it_is_mended() -> None:
    log = known()
    log.read(id="r-1", unit="bpm")
    log.read(id="r-1", value=9999)
    log.read(id="r-1")
    assert run(log).outcomes == [1, 2, 0, 0]


def test_consent_is_asked_for_each_vital() -> None:
    log = known(withheld=["steps", "glucose"])
    log.read()
    log.read(code="glucose", value=100)
    log.read(code="steps", value=12)
    log.read(code="glucose", value=99_999, id="odd")
    told = run(log)
    assert (told.outcomes, told.rejects) == ([1, 0, 0, 3], [])


def test_readings_from_before_the_consent_are_withheld() -> None:
    since = rfc3339(START_US - HOUR_US)
    log = known(consent={"monitoring": True, "since": since})
    log.read(at_us=START_US - 2 * HOUR_US)
    log.read(at_us=START_US - HOUR_US)
    assert run(log).outcomes == [1, 0, 0, 1]


@pytest.mark.parametrize("raw", [b"no", b'{"id": "r-1", "patient": "p-1", "value": true}', b"x" * 70_000])
def test_what_cannot_be_read_of_a_patient_without_consent_is_not_quoted(raw: bytes) -> None:
    log = known(monitoring=False)
    log.add(b"p-1", raw)
    log.add(b"p-2", raw)
    told = run(log)
    assert (told.outcomes, [reject.key for reject in told.rejects]) == ([0, 1, 0, 1], ["p-2"])


def test_units_are_converted_before_anything_is_judged() -> None:
    log = known()
    log.read(code="body_temperature", value=102.38, unit="[degF]")
    log.read(code="glucose", value=2.4, unit="mmol/L")
    log.read(code="spo2", value=0.79, unit="1")
    log.read(code="body_weight", value=154.3, unit="[lb_av]")
    log.wait(HOUR_US)
    log.tick()
    told = run(log)
    assert [(a.problem, a.evidence[0].value, a.evidence[0].unit) for a in told.alerts] == [
        ("body_temperature.high", 39.1, "Cel"),
        ("glucose.low", 43.2374, "mg/dL"),
        ("spo2.low", 79.0, "%"),
    ]
    (weight,) = (summary for summary in told.summaries if summary.vital == "body_weight")
    assert weight.mean == pytest.approx(69.9893, abs=1e-4)


def test_a_series_is_as_many_samples_as_have_a_value() -> None:
    log = known()
    log.read(value=None, values=[70, None, 72, 74], period=60, at_us=START_US - 3 * MINUTE_US)
    log.wait(HOUR_US)
    log.tick()
    told = run(log)
    assert told.received == 1
    assert [(s.start, s.n, s.mean) for s in told.summaries] == [
        ("2026-01-05T07:45:00Z", 2, 71.0),
        ("2026-01-05T08:00:00Z", 1, 74.0),
    ]


@pytest.mark.parametrize("other", [{"value": 73.0}, {"code": "spo2", "value": 97.0}])
def test_a_repeated_series_is_one_duplicate(other: dict[str, Any]) -> None:
    log = known()
    log.read(**other)
    for n in range(2):
        log.read(value=None, values=[70, 72], period=60, at_us=START_US - HOUR_US, id=f"s-{n}")
    for cuts in ([], [3]):
        assert run(log, cuts).outcomes == [2, 0, 1, 0]


def test_a_reading_from_inside_a_series_is_late_like_any_that_is_older_than_the_newest() -> None:
    """It must neither reset nor complete a run: 20 minutes below 88 %, then two old readings of 97 %."""
    log = known()
    log.wait(HOUR_US)
    log.read(code="spo2", value=None, values=[97] + [86] * 20, period=60, at_us=log.now_us - 20 * MINUTE_US)
    log.read(code="spo2", value=97.0, at_us=log.now_us - 19 * MINUTE_US)
    log.read(code="spo2", value=97.0, at_us=log.now_us - 8 * MINUTE_US)
    assert run(log).events() == [("spo2.low", "opened")]


def test_a_reading_dated_before_the_patient_had_the_device_is_a_clock_fault() -> None:
    log = known(devices=[{"device": "watch", "since": "2026-01-05"}])
    for days, device in ((1, "watch"), (3, "watch"), (3, "strap")):
        log.read(at_us=START_US - days * DAY_US, device=device)
    told = run(log)
    assert (told.outcomes, told.reasons()) == ([2, 1, 0, 0], ["clock_fault"])


def test_patients_without_a_profile_are_watched_if_that_is_set() -> None:
    log = Log()
    log.read(code="spo2", value=78.0)
    log.profile(withheld=["spo2"])
    log.wait(MINUTE_US)
    log.read(code="spo2", value=77.0)
    told = run(log, settings=MONITOR)
    assert told.outcomes == [1, 0, 0, 1]
    assert [(a.problem, a.event, a.care_team) for a in told.alerts] == [
        ("spo2.low", "opened", None),
        ("spo2.low", "expired", None),
    ]
    assert run(log, settings=SETTINGS).outcomes == [0, 1, 0, 1]


def test_a_clock_may_be_ahead_by_the_tolerance_that_is_set() -> None:
    log = known()
    log.read(at_us=START_US + 10 * US_PER_S)
    for tolerance_s, wanted in ((10, [1, 0, 0, 0]), (9, [0, 1, 0, 0])):
        settings = EngineSettings(SECRET, clock_tolerance_us=tolerance_s * US_PER_S)
        assert run(log, settings=settings).outcomes == wanted


def test_nothing_is_kept_of_an_unknown_patient() -> None:
    log, state = Log(), PartitionState()
    log.read()
    run(log, state=state)
    assert (state.patient_count, state.row_count, state.totals()[Outcome.REJECTED]) == (0, 0, 1)


def test_what_is_optional_may_be_null() -> None:
    """As many libraries write what is not there."""
    log = known()
    absent: dict[str, Any] = {"values": None, "period": None, "context": None, "quality": None}
    nulls: list[dict[str, Any]] = [{"device": None}, {"context": {"activity": None, "oxygen": None}}, {}]
    for k, named in enumerate(nulls):
        fields = absent | reading(code="spo2", value=70.0, at_us=START_US + k * MINUTE_US) | named
        log.add(b"p-1", json.dumps(fields).encode(), at=START_US + k * MINUTE_US)
    log.read(id="again", code="spo2", value=70.0)
    told = run(log)
    assert told.outcomes == [3, 0, 1, 0], "no device is the same as none named"
    assert told.events()[0] == ("spo2.low", "opened")


def test_a_clock_of_a_device_without_a_name_is_told_as_that() -> None:
    log = known()
    for k in range(4):
        fields = reading(at_us=START_US + DAY_US, id=f"r-{k}") | {"device": None}
        log.add(b"p-1", json.dumps(fields).encode())
    assert [alert.title for alert in run(log).alerts] == ["The clock of a device without a name is wrong"]


@pytest.mark.parametrize("settings", [SETTINGS, MONITOR], ids=["reject", "monitor"])
def test_nobody_is_monitored_under_the_name_of_a_source(settings: EngineSettings) -> None:
    """Whoever was had alerts that no action could reach: they escalated, and nobody could answer."""
    log = Log()
    log.read(patient="source:urn:dev:watch", code="spo2", value=70.0, device="d-1")
    told = run(log, settings=settings)
    assert (told.outcomes, told.alerts) == ([0, 1, 0, 0], [])
    assert told.rejects[0].detail == "source:urn:dev:watch is the name of a source: patients have other ids"


@pytest.mark.parametrize(
    ("results", "outcomes"),
    [
        ([("final", 97), ("final", 97), ("corrected", 70), ("corrected", 70)], [2, 0, 2, 0]),
        ([("preliminary", 97), ("final", 70)], [2, 0, 0, 0]),
        ([("preliminary", 70), ("final", 70)], [1, 0, 1, 0]),
    ],
    ids=["corrected", "final after preliminary", "final as preliminary"],
)
def test_a_result_that_differs_from_the_one_before_is_decided_and_only_once(
    results: list[tuple[str, float]], outcomes: list[int]
) -> None:
    """In FHIR it comes under the id of that one. A final saturation of 70 passed for a repeat of 97."""
    log = Log()
    log.profile()
    fields = {
        "resourceType": "Observation", "id": "spo2-1", "subject": {"reference": "Patient/p-1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "59408-5"}]}, "effectiveDateTime": rfc3339(START_US),
    }  # fmt: skip
    for status, value in results:
        quantity = {"value": value, "system": "http://unitsofmeasure.org", "code": "%"}
        log.add(b"p-1", json.dumps(fields | {"status": status, "valueQuantity": quantity}).encode())
        log.wait(MINUTE_US)
    told = run(log)
    assert told.outcomes == outcomes
    assert told.events() == [("spo2.low", "opened")]
