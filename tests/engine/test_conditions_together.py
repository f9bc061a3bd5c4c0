"""Rules of conditions and drugs that ask about two vitals at once: just at their limits, and just beside them."""

from datetime import timedelta
from typing import Any

import pytest

from models.times import rfc3339
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, START_US, Log, one_by_one, run
from tests.engine.known import FIRST_DAY, course, dose, someone

QUARTER_US = 15 * MINUTE_US


def hours(log: Log, quarters: int, **levels: float) -> None:
    """So many quarters of an hour at rest with these vitals."""
    for quarter in range(quarters):
        for code, level in levels.items():
            log.read(code=code, value=level + quarter % 2 * 0.2, context={"activity": "rest"})
            log.wait(MINUTE_US)
        log.wait(QUARTER_US - len(levels) * MINUTE_US)


def told_by(log: Log, rule: str) -> list[str]:
    log.tick()
    return [a.severity for a in run(log).alerts if a.rule.id == rule and a.event == "opened"]


@pytest.mark.parametrize(("heart", "pressure", "wanted"), [
    (151.0, 89.0, ["emergency"]), (149.0, 89.0, []), (151.0, 90.0, []),
])  # fmt: skip
def test_a_very_fast_heart_in_atrial_fibrillation_is_an_emergency_with_a_low_pressure(
    heart: float, pressure: float, wanted: list[str]
) -> None:
    for conditions, found in ((["atrial_fibrillation"], wanted), ([], [])):
        log = someone(*conditions)
        hours(log, 4, heart_rate=heart)
        log.read(code="systolic_bp", value=pressure)
        hours(log, 4, heart_rate=heart)
        assert told_by(log, "af_fast_and_low") == found


@pytest.mark.parametrize(("known", "rule"), [
    (course("postop_major_abdominal", "surgery", 4), "po_shock_index"),
    (course("postop_joint", "surgery", 4), "po_shock_index"),
    (course("chemo_neutropenia", "cycle_day1", 9), "fn_shock_index"),
])  # fmt: skip
@pytest.mark.parametrize(("heart", "pressure", "wanted"), [
    (105.0, 105.0, ["urgent"]), (104.0, 105.0, []), (99.0, 98.0, ["urgent"]),
])  # fmt: skip
def test_a_pulse_as_high_as_the_pressure_is_told_where_people_bleed_or_have_sepsis(
    known: dict[str, str], rule: str, heart: float, pressure: float, wanted: list[str]
) -> None:
    log = someone(trajectories=[known])
    log.read(code="systolic_bp", value=pressure)
    hours(log, 3, heart_rate=heart)
    assert told_by(log, rule) == wanted
    nobody = someone()
    nobody.read(code="systolic_bp", value=pressure)
    hours(nobody, 3, heart_rate=heart)
    assert told_by(nobody, rule) == []


def test_a_pulse_is_not_held_against_the_pressure_of_another_day() -> None:
    log = someone(trajectories=[course("postop_joint", "surgery", 4)])
    log.read(code="systolic_bp", value=95.0)
    log.wait(DAY_US)
    hours(log, 3, heart_rate=105.0)
    assert told_by(log, "po_shock_index") == []


@pytest.mark.parametrize(
    ("vital", "rule", "high"), [("systolic_bp", "pe_sympt", 140), ("diastolic_bp", "pe_sympt_dbp", 90)]
)
@pytest.mark.parametrize(("below", "oxygen", "wanted"), [(0, 94.0, ["emergency"]), (1, 94.0, []), (0, 95.0, [])])
def test_high_pressure_with_low_oxygen_in_pregnancy_is_an_emergency_once_both_are_confirmed(
    vital: str, rule: str, high: int, below: int, oxygen: float, wanted: list[str]
) -> None:
    log = someone("pregnancy_preeclampsia")
    for measured in (1, 2):
        log.read(code=vital, value=high - below)
        log.read(code="spo2", value=oxygen)
        log.wait(HOUR_US)
        assert told_by(log, rule) == (wanted if measured == 2 else [])


@pytest.mark.parametrize(("breathing", "heart", "drug", "wanted"), [
    (7.0, 15.0, "empagliflozin", ["urgent"]), (4.0, 15.0, "empagliflozin", []), (7.0, 9.0, "empagliflozin", []),
    (7.0, 15.0, "metformin", []),
])  # fmt: skip
def test_fast_breathing_and_a_fast_heart_on_an_sglt2_inhibitor_are_told_together(
    breathing: float, heart: float, drug: str, wanted: list[str]
) -> None:
    log = someone(medications=[dose(drug, 30)])
    hours(log, 130, respiratory_rate=15.0, heart_rate=70.0)
    hours(log, 4, respiratory_rate=15.0 + breathing, heart_rate=70.0 + heart)
    assert told_by(log, "sglt2_ketoacidosis") == wanted


def weighed(gained: list[float], **fields: Any) -> Log:
    log = someone("heart_failure", **fields)
    for gain in gained:
        log.read(code="body_weight", value=round(80 + gain, 1))
        log.wait(HOUR_US)
        log.tick()
        log.wait(DAY_US - HOUR_US)
    return log


RISEN = [0.0] * 8 + [0.4, 0.8, 1.2, 1.6]
"""Twelve mornings, a diuretic on the last; then those of two days."""


@pytest.mark.parametrize(("then", "wanted"), [
    ([1.6, 1.6, 1.5], ["advisory"]), ([1.5, 1.4, 1.1], ["advisory"]), ([1.4, 1.3, 0.9], []), ([1.3, 1.0, 0.7], []),
])  # fmt: skip
def test_a_weight_that_does_not_come_down_on_a_diuretic_is_told_after_two_days(
    then: list[float], wanted: list[str]
) -> None:
    begun = {"code": "furosemide", "start": str(FIRST_DAY + timedelta(days=11))}
    assert told_by(weighed(RISEN + then, medications=[begun]), "hf_no_response") == wanted
    others = ({"code": "furosemide"}, {"code": "furosemide", "start": "2025-01-01"}, begun | {"code": "ramipril"})
    for other in others:  # nobody knows since when, for long, another drug
        assert told_by(weighed(RISEN + then, medications=[other]), "hf_no_response") == []


def test_who_goes_home_at_the_dry_weight_is_not_asked_to_lose_any() -> None:
    begun = {"code": "torsemide", "start": str(FIRST_DAY)}
    assert told_by(weighed([0.0, 0.1, 0.0, 0.1, 0.0], medications=[begun]), "hf_no_response") == []
    steady = {"code": "torsemide", "start": str(FIRST_DAY + timedelta(days=11))}
    assert told_by(weighed([0.0] * 15, medications=[steady]), "hf_no_response") == []


def at_minutes(log: Log, *readings: tuple[int, str, float]) -> Log:
    """Readings at rest, each in its minute, and ticks until the last one, in that minute."""
    for minute in range(readings[-1][0] + 1):
        for at, code, value in readings:
            if at == minute:
                log.read(code=code, value=value, context={"activity": "rest"})
        log.tick()
        log.wait(MINUTE_US)
    return log


FAST, LOW = ("heart_rate", 160.0), ("systolic_bp", 85.0)
HIGH, SHORT = ("systolic_bp", 145.0), ("spo2", 94.0)


@pytest.mark.parametrize(("condition", "rule", "readings"), [
    ("atrial_fibrillation", "af_fast_and_low", [(0, *FAST), (1, *LOW)]),
    ("atrial_fibrillation", "af_fast_and_low", [(0, *LOW), (1, *FAST)]),
    ("atrial_fibrillation", "af_fast_and_low", [*((m, *FAST) for m in range(31)), (31, *LOW)]),
    ("pregnancy_preeclampsia", "pe_sympt", [(0, *HIGH), (1, *SHORT), (20, *HIGH), (21, *SHORT)]),
])  # fmt: skip
def test_an_emergency_of_two_vitals_is_told_when_the_last_reading_arrives(
    condition: str, rule: str, readings: list[tuple[int, str, float]]
) -> None:
    """Its windows close half an hour later, and it waited for them."""
    log = at_minutes(someone(condition), *readings)
    opened = [a for a in run(log).alerts if a.rule.id == rule]
    last_us = START_US + readings[-1][0] * MINUTE_US
    assert [(a.event, a.severity, a.decided_at) for a in opened] == [("opened", "emergency", rfc3339(last_us))]
    whole = run(log).lines()
    assert run(log, one_by_one(log)).lines() == whole
    assert run(log, one_by_one(log)[::3]).lines() == whole
    hours(log, 8, **{readings[0][1]: readings[0][2]})
    assert told_by(log, rule) == ["emergency"], "and once"


@pytest.mark.parametrize(("condition", "rule", "readings"), [
    ("atrial_fibrillation", "af_fast_and_low", [(0, *FAST), (61, *LOW)]),
    ("atrial_fibrillation", "af_fast_and_low", [(0, *FAST), (1, "heart_rate", 90.0), (2, *LOW)]),
    ("atrial_fibrillation", "af_fast_and_low", [(0, "heart_rate", 90.0), (1, *FAST), (2, *LOW)]),
    ("atrial_fibrillation", "af_fast_and_low", [(0, "heart_rate", 150.0), (1, *LOW)]),
    ("pregnancy_preeclampsia", "pe_sympt", [(0, *HIGH), (1, *SHORT), (2, *HIGH), (3, *SHORT)]),
    ("pregnancy_preeclampsia", "pe_sympt", [(0, *HIGH), (1, *SHORT), (20, "systolic_bp", 130.0), (21, *SHORT)]),
])  # fmt: skip
def test_what_is_apart_or_over_or_of_a_moment_makes_none_at_once(
    condition: str, rule: str, readings: list[tuple[int, str, float]]
) -> None:
    log = at_minutes(someone(condition), *readings)
    assert [a.rule.id for a in run(log).alerts if a.rule.id == rule] == []


def test_a_pressure_that_may_no_more_be_known_makes_no_emergency() -> None:
    log = at_minutes(someone("atrial_fibrillation"), (0, *LOW))
    log.profile(version=2, withheld=["systolic_bp"], conditions=[{"code": "atrial_fibrillation"}])
    log.wait(MINUTE_US)
    log.profile(version=3, conditions=[{"code": "atrial_fibrillation"}])
    at_minutes(log, (0, *FAST))
    assert told_by(log, "af_fast_and_low") == []


@pytest.mark.parametrize(("known", "rule", "readings", "wanted"), [
    ({"conditions": ["atrial_fibrillation"]}, "af_fast_and_low", [(0, *FAST), (1, *LOW)],
     [("systolic_bp", 85.0, 1), ("heart_rate", 160.0, 0)]),
    ({"conditions": ["pregnancy_preeclampsia"]}, "pe_sympt", [(0, *HIGH), (1, *SHORT), (20, *HIGH), (21, *SHORT)],
     [("spo2", 94.0, 21), ("systolic_bp", 145.0, 20)]),
    ({"trajectories": [course("postop_joint", "surgery", 4)]}, "po_shock_index",
     [(0, "systolic_bp", 95.0), (1, "heart_rate", 110.0), (31, "heart_rate", 112.0), (70, "heart_rate", 112.0)],
     [("heart_rate", 112.0, 30), ("systolic_bp", 95.0, 0)]),
])  # fmt: skip
def test_what_is_about_two_vitals_is_told_with_both(
    known: dict[str, Any], rule: str, readings: list[tuple[int, str, float]], wanted: list[tuple[str, float, int]]
) -> None:
    """A low pressure of which only the pulse is told sends whoever is called to look for it."""
    conditions = known.pop("conditions", [])
    log = at_minutes(someone(*conditions, **known), *readings)
    alert = next(a for a in run(log).alerts if a.rule.id == rule)
    found = [(one.vital, one.value, one.at) for one in alert.evidence]
    assert found == [(vital, value, rfc3339(START_US + at * MINUTE_US)) for vital, value, at in wanted]
    other, value, _ = wanted[1]
    assert (
        f"At the same time: {other.replace('_', ' ').replace('bp', 'blood pressure')} {value:.0f}" in alert.explanation
    )
