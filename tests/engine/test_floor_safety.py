"""No profile keeps a safety floor quiet: whatever moves the expectation, the urgent and emergency limits hold."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.evidence import load
from models.times import US_PER_S, rfc3339
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from tests.engine.factories import HOUR_US, MINUTE_US, START_US, Log, Told, one_by_one, run
from tests.models.profiles import documents

LIMITS = [floor for floor in load("floors")["floors"] if floor["severity"] in ("urgent", "emergency")]
LETTERS = {"consciousness_altered": "C", "consciousness_unresponsive": "U"}
"""Consciousness is written in letters."""
MINUTES = 45
"""Longer than any floor asks a value to persist."""


def somebody(document: dict[str, Any]) -> dict[str, Any]:
    """The profile, of a patient who has agreed to everything; without limits that a clinician has set."""
    left_out = ("patient", "version", "consent", "targets")
    return {name: value for name, value in document.items() if name not in left_out}


def floors_told(floor: dict[str, Any], fields: dict[str, Any], beyond: float) -> set[tuple[str, str]]:
    """(problem, severity) of what the floors find when the vital stays at the limit, or beyond it."""
    log = Log()
    log.profile("p-1", **fields)
    value = LETTERS.get(floor["id"]) or floor["limit"] + (beyond if floor["op"].startswith(">") else -beyond)
    unit = None if floor["id"] in LETTERS else floor["unit"]
    for _ in range(MINUTES):
        log.read(patient="p-1", code=floor["vital"], value=value, unit=unit, context={"activity": "rest"})
        log.wait(MINUTE_US)
    told = run(log)
    assert not told.rejects, told.rejects
    return {(found.problem, found.severity) for found in told.findings if found.kind == "limit"}


@pytest.mark.parametrize("floor", LIMITS, ids=[floor["id"] for floor in LIMITS])
def test_every_urgent_limit_speaks_for_somebody_of_whom_nothing_is_known(floor: dict[str, Any]) -> None:
    told = floors_told(floor, {}, 0.5)
    assert floor["severity"] in {severity for _, severity in told}


@pytest.mark.parametrize(("value", "unit"), [(400.0, "mg/dL"), (22.2, "mmol/L"), (401.0, "mg/dL")])
def test_a_glucose_sensor_at_its_upper_end_for_half_an_hour_is_an_emergency(value: float, unit: str) -> None:
    """For HIGH sensors send the value at which they end, and it is true that the glucose is above that."""
    log = Log()
    log.profile("p-1")
    for _ in range(8):
        log.read(patient="p-1", code="glucose", value=value, unit=unit)
        log.wait(5 * MINUTE_US)
    assert ("glucose.high", "emergency") in {(f.problem, f.severity) for f in run(log).findings}


@pytest.mark.parametrize("second_s", [40, 90, 300])
@pytest.mark.parametrize(
    ("code", "well", "ill", "wanted"),
    [("spo2", 96.0, 82.0, "emergency"), ("glucose", 110.0, 50.0, "emergency"), ("heart_rate", 75.0, 150.0, "urgent")],
)
def test_a_second_device_that_finds_the_patient_well_keeps_no_limit_quiet(
    code: str, well: float, ill: float, wanted: str, second_s: int
) -> None:
    """A watch beside an oximeter, an old glucose sensor beside the new one. One of the two is wrong; it may be this
    one. Whichever way the log is cut, and after a restart."""
    log = Log()
    log.profile()
    for k in range(MINUTES * 60 // 10):
        for device, value, every_s in (("new", ill, 60), ("old", well, second_s)):
            if k * 10 % every_s < 10:
                log.read(code=code, value=value, device=device)
        log.wait(10 * US_PER_S)
    told = run(log)
    opened = [alert for alert in told.alerts if (alert.severity, alert.event) == (wanted, "opened")]
    assert [(alert.category, alert.onset_at) for alert in opened] == [("clinical", rfc3339(START_US))]
    assert not [alert for alert in told.alerts if alert.event == "resolved"]
    assert run(log, one_by_one(log)[::7]).lines() == told.lines()
    cut, state = len(log) // 5, PartitionState()
    first = run(Log(log.records[:cut]), state=state)
    second = run(log, state=restored(pack_dirty(state, 0).pages, 0), begin=cut)
    assert first.lines()["alerts"] + second.lines()["alerts"] == told.lines()["alerts"]


@settings(max_examples=60, deadline=None)
@given(documents(), st.sampled_from(LIMITS))
def test_no_profile_keeps_a_safety_floor_quiet(document: dict[str, Any], floor: dict[str, Any]) -> None:
    plain, known = floors_told(floor, {}, 0.5), floors_told(floor, somebody(document), 0.5)
    assert {one for one in plain if one[1] in ("urgent", "emergency")} <= known


def habitually(floor: dict[str, Any]) -> Told:
    """Eight days a step inside the limit, of somebody who calls that usual; then the vital stays as far beyond it."""
    up = 1 if floor["op"].startswith(">") else -1
    step = 0.01 * floor["limit"] if floor["vital"] != "body_temperature" else 0.1
    log = Log()
    log.profile("p-1", usual={floor["vital"]: floor["limit"] - up * step})
    readings = [(floor["limit"] - up * step * (1 + n % 2), 12 * HOUR_US) for n in range(16)]
    readings += [(floor["limit"] + up * step, MINUTE_US)] * MINUTES
    for value, pause in readings:
        log.read(patient="p-1", code=floor["vital"], value=value, unit=floor["unit"], context={"activity": "rest"})
        log.wait(pause)
    return run(log)


MEASURED = [floor for floor in LIMITS if floor["id"] not in LETTERS]


@pytest.mark.parametrize("floor", MEASURED, ids=[floor["id"] for floor in MEASURED])
def test_no_learned_band_keeps_an_urgent_limit_quiet(floor: dict[str, Any]) -> None:
    """What is usual for the patient, and lies within the own band, is told all the same where the limit protects."""
    told = habitually(floor)
    mine = [f for f in told.findings if f.kind == "limit" and f.severity == floor["severity"]]
    assert mine
    within = [f.low is not None and f.high is not None and f.low <= (f.value or 0) <= f.high for f in mine]
    assert any(within) or floor["id"] == "glucose_critical", "eight days do not bring a band up to 400 mg/dL"


def test_a_limit_that_a_pulse_comes_to_while_its_own_band_is_snoozed_is_told() -> None:
    log = Log()
    log.profile()
    for value, minutes in ((70.0, 2 * 1440), (112.0, 120), (142.0, 60)):
        for k in range(minutes // 5):
            log.read(value=value + k % 3, context={"activity": "rest"})
            log.wait(5 * MINUTE_US)
        if value == 112.0:
            (known,) = [alert for alert in run(log).alerts if alert.kind == "deviation"]
            log.act(known.alert_id, "snooze", until=rfc3339(log.now_us + 12 * HOUR_US), reason="anxious today")
    told = [(a.event, a.state, a.severity, a.rule.id) for a in run(log).alerts if a.alert_id == known.alert_id]
    assert told[1:] == [
        ("snoozed", "snoozed", "urgent", "acute_deviation"), ("updated", "open", "urgent", "hr_high_red"),
    ]  # fmt: skip


def test_a_device_that_finds_the_patient_well_does_not_end_what_another_one_measures_twice_an_hour() -> None:
    log = Log()
    log.profile()
    for minute in range(6 * 60):
        log.read(code="spo2", value=97.0, device="watch")
        log.wait(MINUTE_US // 2)
        if minute % 28 == 0:
            log.read(code="spo2", value=86.0, device="oximeter")
        log.wait(MINUTE_US // 2)
    assert run(log).events() == [("spo2.low", "opened")]
    for _ in range(50):
        log.read(code="spo2", value=97.0, device="watch")
        log.wait(MINUTE_US)
    assert run(log).events() == [("spo2.low", "opened"), ("spo2.low", "resolved")]


@pytest.mark.parametrize(("days", "after", "wanted"), [
    (0, 93, "no longer so; what is normal for this patient is not known"),
    (20, 93, "no longer so, though not yet back in the patient's own band"),
    (20, 130, "back to normal for this patient"),
])  # fmt: skip
def test_the_end_of_a_limit_is_called_normal_only_where_it_is(days: int, after: int, wanted: str) -> None:
    """A pressure of 69, and then this one twice: over as an emergency, which says nothing of the patient's own band."""
    log = Log()
    log.profile()
    for day in range(days):
        log.read(code="systolic_bp", value=130 + 4 * (-1) ** day, unit="mm[Hg]")
        log.wait(24 * HOUR_US)
    for value in (69, after, after):
        log.read(code="systolic_bp", value=value, unit="mm[Hg]")
        log.wait(10 * MINUTE_US)
    ended = [told.reason for told in run(log).alerts if (told.event, told.problem) == ("resolved", "systolic_bp.low")]
    assert ended == [wanted]


def test_who_is_awake_again_is_well_without_a_band() -> None:
    log = Log()
    log.profile()
    for letter in "UAA":
        log.read(code="consciousness", value=letter, unit=None)
        log.wait(10 * MINUTE_US)
    assert "back to normal for this patient" in {told.reason for told in run(log).alerts}
