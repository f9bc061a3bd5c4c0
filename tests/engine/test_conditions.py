"""Rules of conditions on single readings: what the care team is told because of what a patient is known to have."""

from datetime import timedelta
from typing import Any

import pytest

from models import rules
from streams.engine import conditions
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, Log, run
from tests.engine.known import FIRST_DAY, alternating, course, decompensating, dose, recovering, someone, told


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


def test_a_second_fever_in_neutropenia_is_told_to_who_has_acknowledged_the_first_and_stays_warm_between() -> None:
    log = someone("chemo_neutropenia")
    for _ in range(2):
        log.read(code="body_temperature", value=38.6)
        log.wait(HOUR_US)
        log.act(run(log).alerts[-1].alert_id, action_id=f"a-{len(log)}")
        for _ in range(4):
            log.read(code="body_temperature", value=37.9)
            log.wait(4 * HOUR_US)
    alerts = [(a.event, a.severity, a.notify) for a in run(log).alerts if a.notify != "taken"]
    assert alerts == [("opened", "emergency", "first"), ("updated", "emergency", "worse")]


BEGUN = {"covid_ari": ("symptom_onset", "2026-01-04"), "postop_joint": ("surgery", "2025-12-30")}


@pytest.mark.parametrize(("rule", "condition", "code", "value", "every_h", "readings"), [
    ("fn_sustained", "chemo_neutropenia", "body_temperature", 38.1, 40 / 60, 3),
    ("po_temp", "postop_joint", "body_temperature", 38.1, 40 / 60, 3),
    ("pe_htn", "pregnancy_preeclampsia", "systolic_bp", 145.0, 1.5, 4),
    ("cov_temp", "covid_ari", "body_temperature", 38.1, 12, 7),
])  # fmt: skip
def test_spot_checks_confirm_each_other_only_over_the_time_that_the_rule_asks_for(
    rule: str, condition: str, code: str, value: float, every_h: float, readings: int
) -> None:
    """Each stands alone for the others, but an hour, four hours or three days have to lie between first and last."""
    courses = [{"condition": of, "anchor": at, "date": day} for of, (at, day) in BEGUN.items() if of == condition]
    log, seen = someone(condition, trajectories=courses), list[bool]()
    for _ in range(readings):
        log.read(code=code, value=value)
        seen.append(rule in {alert.rule.id for alert in run(log).alerts if alert.rule})
        log.wait(round(every_h * HOUR_US))
    assert seen == [False] * (readings - 1) + [True]


@pytest.mark.parametrize("before_us", [0, 30_000_000, 2 * HOUR_US])
def test_one_fever_in_neutropenia_is_told_in_whatever_order_it_comes(before_us: int) -> None:
    """Of two thermometers in the same minute, out of order on its way, or from a phone that sends the newest first."""
    log = someone("chemo_neutropenia")
    log.read(code="body_temperature", value=36.9)
    log.read(code="body_temperature", value=38.6, id="fever", at_us=log.now_us - before_us)
    assert told(log) == [("opened", "condition", "body_temperature.high", "emergency")]
    assert run(log).alerts[0].retrospective is False
    log.read(code="body_temperature", value=36.8, id="earlier", at_us=log.now_us - 3 * HOUR_US)
    log.read(code="body_temperature", value=36.8, id="earliest", at_us=log.now_us - 4 * HOUR_US)
    assert len(told(log)) == 1


@pytest.mark.parametrize(("before_us", "wanted"), [(0, []), (30_000_000, ["emergency"]), (2 * HOUR_US, [])])
def test_a_second_reading_that_comes_out_of_order_confirms_the_first(before_us: int, wanted: list[str]) -> None:
    log = someone("pregnancy_preeclampsia")
    log.read(code="diastolic_bp", value=112.0)
    log.read(code="diastolic_bp", value=111.0, id="second", at_us=log.now_us - before_us)
    assert [severity for _, kind, _, severity in told(log) if kind == "condition"] == wanted


@pytest.mark.parametrize(("low", "value", "wanted"), [
    (88, 87.0, ["copd_target_low"]), (90, 87.0, ["copd_target_low"]), (84, 86.0, []), (84, 83.0, ["copd_spo2_crit"]),
])  # fmt: skip
def test_who_is_meant_to_live_lower_is_not_told_of_a_limit_above_the_own_range(
    low: int, value: float, wanted: list[str]
) -> None:
    targets = [{"vital": "spo2", "low": low, "high": low + 4, "author": "dr-4", "reason": "hypercapnia risk"}]
    log = someone("copd", targets=targets)
    for _ in range(15):
        log.read(code="spo2", value=value)
        log.wait(MINUTE_US)
    assert [alert.rule.id for alert in run(log).alerts if alert.rule and alert.event == "opened"] == wanted


@pytest.mark.parametrize(("low", "value", "wanted"), [
    (None, 89.0, "Oxygen saturation below 90 % (heart failure)"), (88, 89.0, None),
    (88, 87.0, "Oxygen saturation below 88 % (heart failure)"),
])  # fmt: skip
def test_who_is_prescribed_a_lower_saturation_is_well_within_it_with_a_second_condition(
    low: int | None, value: float, wanted: str | None
) -> None:
    targets = [{"vital": "spo2", "low": low, "high": 92, "author": "dr-4", "reason": "hypercapnia risk"}]
    log = someone("heart_failure", targets=targets if low else [])
    for _ in range(8):
        log.read(code="spo2", value=value)
        log.wait(MINUTE_US)
    titles = {alert.title for alert in run(log).alerts if alert.rule.id == "hf_spo2"}
    assert titles == ({wanted} if wanted else set())


def test_a_target_above_the_limit_of_a_condition_leaves_it() -> None:
    log = someone("heart_failure", targets=[{"vital": "spo2", "low": 94, "author": "dr-4"}])
    for _ in range(8):
        log.read(code="spo2", value=89.0)
        log.wait(MINUTE_US)
    assert "hf_spo2" in {finding.rule.id for finding in run(log).findings}


def test_a_target_takes_no_emergency_of_a_condition_away() -> None:
    targets = [{"vital": "spo2", "low": 88, "high": 92, "author": "dr-4", "reason": "hypercapnia risk"}]
    log = someone("copd", targets=targets, trajectories=[course("covid_ari", "symptom_onset", 3)])
    for _ in range(3):
        log.read(code="spo2", value=90.0)
        log.wait(5 * MINUTE_US)
    assert [(a.rule.id, a.severity) for a in run(log).alerts if a.event == "opened"] == [("cov_emerg", "emergency")]


def test_a_rule_closes_its_alert_when_the_reading_is_back_inside() -> None:
    log = someone("chemo_neutropenia")
    for value in (38.4, 37.0, 36.9):
        log.read(code="body_temperature", value=value)
        log.wait(HOUR_US)
    assert [event for event, *_ in told(log)] == ["opened", "resolved"]


@pytest.mark.parametrize(("day", "wanted"), [("2026-01-04", []), ("2025-12-31", ["urgent"])])
def test_a_fever_after_an_operation_counts_from_the_third_day(day: str, wanted: list[str]) -> None:
    log = someone(trajectories=[{"condition": "postop_major_abdominal", "anchor": "surgery", "date": day}])
    for _ in range(3):
        log.read(code="body_temperature", value=38.2)
        log.wait(40 * MINUTE_US)
    assert [severity for *_, severity in told(log)] == wanted


@pytest.mark.parametrize(
    ("zone", "day", "hours", "wanted"),
    [
        ("Pacific/Auckland", "2026-01-03", 4, ["urgent"]),  # one in the morning of the third day; in UTC the second
        ("Pacific/Auckland", "2026-01-04", 4, []),
        ("America/Los_Angeles", "2026-01-03", 20, []),  # the evening of the second day; in UTC the third
        ("America/Los_Angeles", "2026-01-02", 20, ["urgent"]),
    ],
)
def test_days_of_a_rule_are_those_of_the_patient(zone: str, day: str, hours: int, wanted: list[str]) -> None:
    course = {"condition": "postop_major_abdominal", "anchor": "surgery", "date": day}
    log = someone(trajectories=[course], timezone=zone)
    log.wait(hours * HOUR_US)
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
    ended = run(log).alerts[-1]
    assert (ended.event, ended.reason) == ("resolved", conditions.NOT_MEANT), "it is as hot as before, and not well"


@pytest.mark.parametrize(("value", "wanted"), [(85, "emergency"), (86, "urgent")])
def test_whoever_lives_low_with_sickle_cells_is_an_emergency_at_85(value: float, wanted: str) -> None:
    log = someone("sickle_cell", usual={"spo2": 89})
    for minute in range(45):
        log.read(code="spo2", value=89 if minute < 30 else value)
        log.wait(MINUTE_US)
    assert told(log)[-1][-1] == wanted


def test_a_very_low_saturation_after_an_operation_is_an_emergency() -> None:
    def told_at(value: float) -> list[str]:
        log = someone(trajectories=[course("postop_joint", "surgery", 4)])
        for minute in range(40):
            log.read(code="spo2", value=97 if minute < 30 else value)
            log.wait(MINUTE_US)
        return [severity for *_, severity in told(log)]

    assert (told_at(89), told_at(88)[-1]) == (["urgent"], "emergency")


PAIR = [{"gene": "CYP2D6", "phenotype": "poor_metaboliser", "confirmed": True}]


@pytest.mark.parametrize(
    ("profile", "code", "bad", "well", "severity"),
    [
        ({"trajectories": [course("covid_ari", "symptom_onset", 28)]}, "spo2", 92, 97, "emergency"),
        ({"trajectories": [course("pregnancy_preeclampsia", "birth", 42)]}, "spo2", 94, 98, "urgent"),
        ({"medications": [dose("metoprolol", 14)], "genomics": PAIR}, "heart_rate", 44, 62, "urgent"),
    ],
)
def test_a_day_of_the_calendar_makes_nobody_well(
    profile: dict[str, Any], code: str, bad: float, well: float, severity: str
) -> None:
    log = someone(consent={"monitoring": True, "genomics": True}, **profile)
    for value in (well, bad, bad, bad):
        log.read(code=code, value=value)
        log.wait(5 * MINUTE_US)
    open_since = told(log)
    assert open_since[-1][-1] == severity
    log.wait(DAY_US - HOUR_US)
    log.read(code=code, value=bad)
    assert told(log) == open_since, "nothing but the date has changed"
    for value in (well, well, well, bad, bad, bad):
        log.wait(20 * MINUTE_US)
        log.read(code=code, value=value)
    assert [event for event, *_ in told(log)][len(open_since) :] == ["resolved"], "and opens nothing new"


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


@pytest.mark.parametrize(("pressure", "heart", "wanted"), [
    (98.0, 95.0, ["emergency"]), (98.0, 72.0, []), (122.0, 95.0, []),
])  # fmt: skip
def test_pressure_down_and_heart_rate_up_after_heart_surgery_is_an_emergency(
    pressure: float, heart: float, wanted: list[str]
) -> None:
    log = recovering(80, 80, condition="postop_cardiac")
    alternating(log, 2, ("systolic_bp", 122.0, 1.0), ("heart_rate", 70.0, 1.0))
    log.read(code="systolic_bp", value=pressure)
    for _ in range(4):
        log.read(code="heart_rate", value=heart)
        log.wait(15 * MINUTE_US)
    assert [severity for _, _, problem, severity in told(log) if problem == "postop_cardiac.tamponade"] == wanted


@pytest.mark.parametrize(("withheld", "wanted"), [("systolic_bp", True), ("heart_rate", True), ("glucose", False)])
def test_who_withdraws_one_of_the_vitals_of_a_rule_has_its_alert_end_for_that(withheld: str, wanted: bool) -> None:
    """And not two days later, as back to normal."""
    operated: dict[str, Any] = {"trajectories": [course("postop_cardiac", "surgery", 4)]}
    log = someone(**operated)
    log.read(code="glucose", value=110)
    alternating(log, 2, ("systolic_bp", 122.0, 1.0), ("heart_rate", 70.0, 1.0))
    log.read(code="systolic_bp", value=98)
    for _ in range(4):
        log.read(code="heart_rate", value=95)
        log.wait(15 * MINUTE_US)
    log.profile(version=2, withheld=[withheld], **operated)
    begin = len(log)
    for _ in range(3 * 24):
        log.wait(HOUR_US)
        log.read(code="systolic_bp", value=98)
        log.read(code="heart_rate", value=95)
    of_rule = [a for a in run(log).alerts if a.problem == "postop_cardiac.tamponade" and a.event != "escalated"]
    ends = [(alert.event, alert.reason) for alert in of_rule[1:]]
    assert (ends == [("expired", "consent was withdrawn")]) is wanted
    assert run(log, [begin]).alerts == run(log).alerts


@pytest.mark.parametrize(("days_before", "wanted"), [(9, ["urgent"]), (3, [])])
def test_warmer_than_usual_in_the_days_without_neutrophils_counts_below_the_fever_line(
    days_before: int, wanted: list[str]
) -> None:
    begun = (FIRST_DAY + timedelta(days=20 - days_before)).isoformat()
    log = someone(trajectories=[{"condition": "chemo_neutropenia", "anchor": "cycle_day1", "date": begun}])
    alternating(log, 20, ("body_temperature", 36.3, 0.1))
    log.read(code="body_temperature", value=37.5)
    log.wait(8 * HOUR_US)
    log.tick()
    assert [a.severity for a in run(log).alerts if a.rule.id == "fn_delta"] == wanted


def test_two_readings_below_90_in_sickle_cell_are_an_emergency_unless_that_is_the_own_level() -> None:
    for usual, wanted in (({"spo2": 96.0}, ["emergency"]), ({"spo2": 91.0}, [])):
        log = someone("sickle_cell", usual=usual)
        for _ in range(2):
            log.read(code="spo2", value=89.0)
            log.wait(2 * MINUTE_US)
        assert [a.severity for a in run(log).alerts if a.rule.id == "scd_abs"] == wanted, usual


@pytest.mark.parametrize(("recorded", "longer_by", "wanted"), [
    ([24.0] * 6, 70.0, True), ([2.0] * 6, 70.0, True), ([24.0] * 6, 45.0, False), ([24.0] * 4, 70.0, False),
])  # fmt: skip
def test_a_qt_interval_that_has_become_longer_is_told_from_the_fifth_recording(
    recorded: list[float], longer_by: float, wanted: bool
) -> None:
    """By 60 ms on the mean of five, recorded day by day or within hours of one."""
    log = someone("long_qt")
    alternating(log, 20, ("qtc", 400.0, 6.0))
    for hours in recorded:
        log.read(code="qtc", value=400.0 + longer_by)
        log.wait(round(hours * HOUR_US))
    log.tick()
    assert ("qt_delta" in {alert.rule.id for alert in run(log).alerts if alert.rule}) is wanted


@pytest.mark.parametrize(("oxygen", "value", "high", "minutes", "wanted"), [
    (True, 93.0, 92, 31, ["advisory"]), (True, 93.0, 92, 29, []), (True, 92.0, 92, 60, []), (False, 96.0, 92, 60, []),
    (None, 96.0, 92, 60, []), (True, 96.0, 96, 60, []),
])  # fmt: skip
def test_who_is_given_too_much_oxygen_for_the_prescribed_range_is_told(
    oxygen: bool | None, value: float, high: float, minutes: int, wanted: list[str]
) -> None:
    """Whoever holds carbon dioxide back; on air it is no harm, and where the readings do not say nobody knows."""
    target = {"vital": "spo2", "low": 88, "high": high, "author": "dr-4", "reason": "hypercapnia risk"}
    for known, found in ((["copd"], wanted), ([], [])):
        log = someone(*known, targets=[target])
        for minute in range(30 + minutes + 1):
            log.read(code="spo2", value=90.0 if minute < 30 else value, context={"oxygen": oxygen})
            log.wait(MINUTE_US)
        assert [a.severity for a in run(log).alerts if a.rule.id == "copd_target_high_o2"] == found


def test_too_much_oxygen_is_over_once_there_is_less_or_it_is_air_and_not_when_nobody_says() -> None:
    target = {"vital": "spo2", "low": 88, "high": 92, "author": "dr-4", "reason": "hypercapnia risk"}
    for oxygen, value, over in ((True, 91.0, True), (False, 95.0, True), (None, 90.0, False)):
        log = someone("copd", targets=[target])
        for _ in range(60):
            log.read(code="spo2", value=95.0, context={"oxygen": True})
            log.wait(MINUTE_US)
        for _ in range(5):
            log.read(code="spo2", value=value, context={"oxygen": oxygen})
            log.wait(MINUTE_US)
        told_of = [a.event for a in run(log).alerts if a.problem == "spo2.high"]
        assert told_of == (["opened", "resolved"] if over else ["opened"]), (oxygen, value)
