"""Rules of conditions: what the care team is told because of what a patient is known to have."""

from typing import Any

import pytest

from models import rules
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from streams.engine.step import EngineSettings
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, SECRET, Log, run


def someone(*conditions: str, **fields: Any) -> Log:
    log = Log()
    log.profile(conditions=[{"code": code} for code in conditions], **fields)
    return log


def daily(log: Log, code: str, values: list[float]) -> None:
    for value in values:
        log.read(code=code, value=value)
        log.wait(DAY_US)


def told(log: Log) -> list[tuple[str, str, str, str]]:
    return [(a.event, a.kind, a.problem, a.severity) for a in run(log).alerts if a.category == "clinical"]


def test_every_rule_of_the_evidence_is_judged_or_left_out_with_a_reason() -> None:
    assert rules.unread() == set()


def test_one_fever_in_neutropenia_is_an_emergency_at_once_and_no_alert_in_anyone_else() -> None:
    ill, other = someone("chemo_neutropenia"), someone()
    for log in (ill, other):
        log.read(code="body_temperature", value=38.3)
    assert told(ill) == [("opened", "condition", "body_temperature.high", "emergency")]
    assert run(ill).alerts[0].rule.id == "fn_single"
    assert told(other) == []


def test_a_warm_reading_in_neutropenia_becomes_an_emergency_when_it_stays() -> None:
    log = someone("chemo_neutropenia")
    for _ in range(3):
        log.read(code="body_temperature", value=38.1)
        log.wait(30 * MINUTE_US)
    assert [(event, severity) for event, _, _, severity in told(log)] == [
        ("opened", "urgent"), ("updated", "emergency"),
    ]  # fmt: skip


def test_a_rule_closes_its_alert_when_the_reading_is_back_inside() -> None:
    log = someone("chemo_neutropenia")
    for value in (38.4, 37.0, 36.9):
        log.read(code="body_temperature", value=value)
        log.wait(HOUR_US)
    assert [event for event, *_ in told(log)] == ["opened", "resolved"]


def test_weight_gain_in_heart_failure_is_told_when_a_second_weighing_confirms_it() -> None:
    failing, other = someone("heart_failure", weight_kg=80), someone(weight_kg=80)
    for log in (failing, other):
        daily(log, "body_weight", [80.0, 80.2, 79.9, 80.1, 80.0, 80.1, 82.4])
    assert told(failing) == []
    daily(failing, "body_weight", [82.5, 82.6, 82.5])
    assert ("condition", "body_weight.high", "urgent") in [alert[1:] for alert in told(failing)]
    assert told(other) == []


def decompensating(log: Log, *codes: str) -> Log:
    """Three quiet weeks, then two in which these vitals move slowly."""
    level = {"body_weight": 80.0, "resting_heart_rate": 62.0, "respiratory_rate": 15.0}
    for day in range(36):
        rise = max(0.0, (day - 21) / 14)
        for code, value in level.items():
            moved = {"body_weight": 2.4, "resting_heart_rate": 12.0, "respiratory_rate": 2.5}[code] * rise
            log.read(code=code, value=round(value + (moved if code in codes else 0) + day % 3 * 0.2, 1))
            log.wait(MINUTE_US)
        log.wait(DAY_US - 3 * MINUTE_US)
    return log


def test_a_slow_decompensation_is_found_by_what_moves_together() -> None:
    both = decompensating(someone("heart_failure", weight_kg=80), "body_weight", "resting_heart_rate")
    assert "hf_combo" in {alert.rule.id for alert in run(both).alerts}
    quiet = decompensating(someone("heart_failure", weight_kg=80))
    assert told(quiet) == []


def test_pressure_in_hypertension_is_judged_by_its_mean_over_days() -> None:
    log = someone("hypertension")
    for value in (152.0, 148.0, 139.0, 161.0, 145.0, 150.0, 147.0):
        for _ in range(2):
            log.read(code="systolic_bp", value=value)
            log.wait(12 * HOUR_US)
    assert told(log) == [("opened", "condition", "systolic_bp.high", "advisory")]
    assert run(log).alerts[0].rule.id == "htn_uncontrolled"


@pytest.mark.parametrize(("day", "wanted"), [("2026-01-04", []), ("2025-12-31", ["urgent"])])
def test_a_fever_after_an_operation_counts_from_the_third_day(day: str, wanted: list[str]) -> None:
    log = someone(trajectories=[{"condition": "postop_major_abdominal", "anchor": "surgery", "date": day}])
    for _ in range(3):
        log.read(code="body_temperature", value=38.2)
        log.wait(40 * MINUTE_US)
    assert [severity for *_, severity in told(log)] == wanted


def test_a_rule_ends_with_the_condition() -> None:
    log = someone("chemo_neutropenia")
    log.read(code="body_temperature", value=38.4)
    log.wait(HOUR_US)
    log.profile(version=2)
    log.read(code="body_temperature", value=38.4)
    assert [event for event, *_ in told(log)] == ["opened", "resolved"]


def test_what_a_person_resolved_is_told_anew_if_it_goes_on() -> None:
    log = someone("chemo_neutropenia")
    log.read(code="body_temperature", value=38.4)
    log.act(run(log).alerts[0].alert_id, type="resolve")
    log.wait(HOUR_US)
    log.read(code="body_temperature", value=38.4)
    assert [event for event, *_ in told(log)] == ["opened", "resolved", "reopened"]


def test_rules_do_not_depend_on_how_the_log_is_cut() -> None:
    log = decompensating(
        someone("heart_failure", "chemo_neutropenia", weight_kg=80), "body_weight", "resting_heart_rate"
    )
    for value in (38.1, 38.2, 38.1, 36.8, 36.9):
        log.read(code="body_temperature", value=value)
        log.wait(40 * MINUTE_US)
    whole = run(log)
    assert {a.kind for a in whole.alerts} >= {"condition"}
    for cuts in (range(len(log)), range(0, len(log), 7)):
        assert run(log, cuts).alerts == whole.alerts


def test_rules_go_on_from_stored_pages() -> None:
    log = someone("heart_failure", "chemo_neutropenia", weight_kg=80)
    decompensating(log, "body_weight", "resting_heart_rate")
    log.read(code="body_temperature", value=38.1)
    cut = len(log)
    for value in (38.1, 38.2, 36.8, 36.9):
        log.wait(40 * MINUTE_US)
        log.read(code="body_temperature", value=value)
    before = PartitionState()
    first = run(Log(log.records[:cut]), state=before)
    after = restored(pack_dirty(before, 0).pages, 0)
    assert first.alerts + run(log, state=after, begin=cut).alerts == run(log).alerts


def test_a_modifier_is_left_out_by_setting() -> None:
    """Without the drug's own lowering, the band of somebody on a beta blocker starts where everybody's does."""
    log = someone(medications=[{"code": "metoprolol"}])
    for _ in range(6):
        log.read(code="resting_heart_rate", value=58.0)
        log.wait(DAY_US)
    log.tick()
    with_it, without = run(log), run(log, settings=EngineSettings(SECRET, off=frozenset({"beta_blocker"})))
    expected = [next(s.expected for s in told.summaries if s.expected is not None) for told in (with_it, without)]
    assert expected[0] < expected[1]
