"""Rules of conditions: what the care team is told because of what a patient is known to have."""

import math
from datetime import date, timedelta
from typing import Any

import pytest

from models import rules
from streams.engine import conditions
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from streams.engine.step import EngineSettings
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, SECRET, Log, run

FIRST_DAY = date(2026, 1, 5)
"""Of `START_US`."""


def someone(*conditions: str, **fields: Any) -> Log:
    log = Log()
    log.profile(conditions=[{"code": code} for code in conditions], **fields)
    return log


def course(condition: str, anchor: str, days: int) -> dict[str, str]:
    """Counted from so many days before the first."""
    return {"condition": condition, "anchor": anchor, "date": str(FIRST_DAY - timedelta(days=days))}


def dose(drug: str, days: int) -> dict[str, str]:
    return {"code": drug, "start": str(FIRST_DAY - timedelta(days=days))}


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


@pytest.mark.parametrize(("rule", "unit", "base", "gained", "wanted"), [
    ("hf_wt_week", "[lb_av]", 180.0, [1, 2, 3, 4, 5, 5], True),
    ("hf_wt_week", "[lb_av]", 180.0, [1, 2, 3, 4, 4, 4], False),
    ("hf_wt_3d", "kg", 80.1, [0.6, 1.2, 2.0, 2.0], False), ("hf_wt_3d", "kg", 80.1, [0.6, 1.2, 2.1, 2.1], True),
    ("hf_wt_loss", "kg", 82.1, [-0.4, -0.8, -1.2, -1.6, -2.0, -2.0], True),
    ("hf_wt_loss", "kg", 82.1, [-0.4, -0.8, -1.2, -1.6, -1.9, -1.9], False),
])  # fmt: skip
def test_a_gain_of_weight_is_told_from_what_the_rule_says_on(
    rule: str, unit: str, base: float, gained: list[float], wanted: bool
) -> None:
    """Five pounds in a week also on a scale that shows pounds; more than 2 kg in three days is not 2 kg."""
    log = someone("heart_failure", weight_kg=80)
    for gain in [0.0] * 8 + gained:
        log.read(code="body_weight", value=round(base + gain, 1), unit=unit)
        log.wait(DAY_US)
    log.tick()
    assert (rule in {alert.rule.id for alert in run(log).alerts if alert.rule}) is wanted


@pytest.mark.parametrize(("after", "second", "wanted"), [
    (10 * MINUTE_US, 81.7, True), (40 * MINUTE_US, 81.7, True), (10 * MINUTE_US, 80.2, False),
])  # fmt: skip
def test_a_weight_that_is_repeated_the_same_morning_confirms_the_first(after: int, second: float, wanted: bool) -> None:
    """Whether or not the clock has the two in one half hour."""
    log = someone("heart_failure", weight_kg=80)
    daily(log, "body_weight", [80.0, 80.1, 79.9, 80.0, 80.1, 80.0])
    log.read(code="body_weight", value=81.7)
    log.wait(after)
    log.read(code="body_weight", value=second)
    log.wait(HOUR_US)
    log.tick()
    assert ("hf_wt_24h" in {alert.rule.id for alert in run(log).alerts if alert.rule}) is wanted


def test_a_share_of_the_best_peak_flow_is_told_only_below_it() -> None:
    for value, wanted in ((400.0, []), (399.0, ["asth_yellow"])):
        log = someone("asthma", usual={"peak_flow": 500.0})
        daily(log, "peak_flow", [480.0, value, value])
        log.tick()
        assert [alert.rule.id for alert in run(log).alerts if alert.rule] == wanted


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


def pressures(log: Log, values: list[float], every_h: int, late_h: int = 0) -> None:
    for value in values:
        log.read(code="systolic_bp", value=value, at_us=log.now_us - late_h * HOUR_US)
        log.wait(every_h * HOUR_US)


@pytest.mark.parametrize("late_h", [0, 2])
def test_pressure_in_hypertension_is_judged_by_its_mean_over_days(late_h: int) -> None:
    """Also where the cuff sends when the phone is opened."""
    log = someone("hypertension")
    week = (152.0, 148.0, 139.0, 161.0, 145.0, 150.0, 147.0)
    pressures(log, [value for value in week for _ in range(2)], 12, late_h)
    assert told(log) == [("opened", "condition", "systolic_bp.high", "advisory")]
    assert run(log).alerts[0].rule.id == "htn_uncontrolled"


def test_one_bad_evening_is_no_mean_of_a_week_however_often_it_is_measured() -> None:
    log = someone("hypertension")
    for _ in range(2):
        for value in (148.0, 152.0, 146.0, 151.0, 149.0, 150.0, 147.0, 153.0):
            log.read(code="systolic_bp", value=value)
            log.wait(20 * MINUTE_US)
        log.wait(DAY_US - 160 * MINUTE_US)
    assert told(log) == [], "sixteen readings, of two days"
    pressures(log, [150.0, 148.0], 12)
    assert told(log) == [("opened", "condition", "systolic_bp.high", "advisory")], "and of three"


def test_a_high_mean_is_over_at_the_target_and_not_at_the_limit() -> None:
    log = someone("hypertension")
    pressures(log, [150.0] * 14 + [132.0] * 28, 12)
    assert [event for event, _, problem, _ in told(log) if problem == "systolic_bp.high"] == ["opened"]
    pressures(log, [126.0] * 20, 12)
    assert [event for event, _, problem, _ in told(log) if problem == "systolic_bp.high"] == ["opened", "resolved"]
    mild = someone("hypertension")
    pressures(mild, [132.0] * 28, 12)
    assert told(mild) == [], "what has not been above the limit is none"


def test_a_high_mean_is_not_well_because_too_little_is_measured_to_know() -> None:
    log = someone("hypertension")
    pressures(log, [150.0] * 14, 12)
    pressures(log, [150.0] * 8, 24)
    assert [event for event, *_ in told(log)] == ["opened"], "fewer than twelve a week say nothing"
    pressures(log, [150.0] * 4, 24)
    assert [event for event, *_ in told(log)] == ["opened", "resolved"], "and after a week nobody knows any more"
    well = someone("hypertension")
    pressures(well, [150.0] * 14, 12)
    pressures(well, [118.0] * 12, 12)
    high = [event for event, _, problem, _ in told(well) if problem == "systolic_bp.high"]
    assert high == ["opened", "resolved"], "what is known to be well is"


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


def test_a_drug_that_is_begun_this_morning_is_watched_this_morning_wherever_that_is() -> None:
    log = someone(
        consent={"monitoring": True, "genomics": True}, timezone="Pacific/Auckland",
        genomics=[{"gene": "CYP2D6", "phenotype": "ultrarapid_metaboliser", "confirmed": True}],
        medications=[{"code": "codeine", "start": (FIRST_DAY + timedelta(days=1)).isoformat()}],
    )  # fmt: skip
    log.wait(12 * HOUR_US)  # nine in the morning there, eight in the evening of the day before in UTC
    log.read(code="respiratory_rate", value=9.5)
    assert told(log) == [("opened", "condition", "respiratory_rate.low", "urgent")]


def test_a_rule_ends_with_the_condition() -> None:
    log = someone("chemo_neutropenia")
    log.read(code="body_temperature", value=38.4)
    log.wait(HOUR_US)
    log.profile(version=2)
    log.read(code="body_temperature", value=38.4)
    ended = run(log).alerts[-1]
    assert (ended.event, ended.reason) == ("resolved", conditions.NOT_MEANT), "it is as hot as before, and not well"


@pytest.mark.parametrize(
    ("drugs", "code", "calm", "beyond", "inside", "minutes", "severity"),
    [
        ([("morphine", 400)], "respiratory_rate", 14, 8, 9, 3, "emergency"),
        ([("morphine", 400)], "spo2", 97, 85, 86, 3, "emergency"),
        ([("donepezil", 400), ("bisoprolol", 400)], "heart_rate", 62, 44, 45, 5, "urgent"),
        ([("clozapine", 56)], "heart_rate", 80, 121, 120, 10, "urgent"),
        ([("clozapine", 56)], "body_temperature", 36.6, 38.0, 37.9, 0, "urgent"),
    ],
)
def test_what_a_drug_does_harm_by_is_watched_closer_while_it_is_taken(
    drugs: list[tuple[str, int]], code: str, calm: float, beyond: float, inside: float, minutes: int, severity: str
) -> None:
    """At the limit for as long as medications.yaml says; not beside it, not sooner, not without one of the drugs."""
    every = [dose(drug, days) for drug, days in drugs]

    def worst(value: float, minutes: int, medications: list[dict[str, str]]) -> str | None:
        log = someone(medications=medications)
        for minute in range(30 + minutes + 1):
            log.read(code=code, value=calm if minute < 30 else value)
            log.wait(MINUTE_US)
        return max((severity for _, kind, _, severity in told(log) if kind == "condition"), default=None)

    assert worst(beyond, minutes, every) == severity
    assert worst(inside, minutes, every) is None
    assert minutes == 0 or worst(beyond, minutes - 1, every) is None
    assert worst(beyond, minutes, every[:-1]) is None
    later = [one | {"start": str(FIRST_DAY - timedelta(days=57))} for one in every]
    assert (worst(beyond, minutes, later) is None) is ("clozapine" in dict(drugs))


@pytest.mark.parametrize(
    ("condition", "drug", "code", "calm", "beyond", "inside"),
    [
        ("autoimmune_flare", "prednisone", "body_temperature", 36.6, 38.0, 37.9),
        ("long_qt", "citalopram", "heart_rate", 62, 44, 45),
    ],
)
def test_some_rules_of_a_condition_are_for_who_takes_a_drug_as_well(
    condition: str, drug: str, code: str, calm: float, beyond: float, inside: float
) -> None:
    def rules_of(value: float, *conditions: str, **fields: Any) -> list[str]:
        log = someone(*conditions, **fields)
        for minute in range(40):
            log.read(code=code, value=calm if minute < 30 else value)
            log.wait(MINUTE_US)
        return [severity for _, kind, _, severity in told(log) if kind == "condition"]

    taken = {"medications": [dose(drug, 400)]}
    assert rules_of(beyond, condition, **taken) == ["urgent"]
    assert rules_of(inside, condition, **taken) == []
    assert rules_of(beyond, condition) == []
    assert rules_of(beyond, **taken) == []


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


def alternating(log: Log, days: int, *readings: tuple[str, float, float]) -> None:
    """So many days of these vitals: level, and by how much it alternates."""
    for day in range(days):
        for code, level, scatter in readings:
            log.read(code=code, value=round(level + scatter * (-1) ** day, 2))
            log.wait(MINUTE_US)
        log.wait(DAY_US - len(readings) * MINUTE_US)


def oximetry(code: str) -> Log:
    log = someone(code)
    alternating(log, 24, ("resting_heart_rate", 64.0, 1.0), ("spo2", 94.0, 0.5))
    alternating(log, 3, ("resting_heart_rate", 67.0, 0.0), ("spo2", 92.5, 0.0))
    return log


def test_heart_rate_up_and_oxygen_down_together_is_told_in_copd() -> None:
    rules_told = {alert.rule.id for alert in run(oximetry("copd")).alerts}
    assert "copd_oxscore" in rules_told
    assert "copd_oxscore" not in {alert.rule.id for alert in run(oximetry("hypertension")).alerts}


def sensor(log: Log, days: int, low_windows: int, level: float = 130.0, low: float = 66.0) -> Log:
    """Glucose every quarter of an hour; the first windows of each day are low."""
    for _ in range(days):
        for window in range(96):
            log.read(code="glucose", value=low if window < low_windows else level + window % 5, unit="mg/dL")
            log.wait(15 * MINUTE_US)
    return log


@pytest.mark.parametrize(("born", "low_windows", "wanted"), [
    ("1980-01-01", 1, set()), ("1980-01-01", 4, {"glu_tbr"}), ("1940-01-01", 1, {"glu_tbr_older"}),
])  # fmt: skip
def test_time_below_range_is_judged_over_two_weeks_and_more_strictly_in_older_people(
    born: str, low_windows: int, wanted: set[str]
) -> None:
    log = sensor(someone("diabetes_type1", birth_date=born), 11, low_windows)
    assert {alert.rule.id for alert in run(log).alerts if alert.rule.id.startswith("glu_")} == wanted


def test_glucose_that_varies_much_is_told_and_a_steady_one_is_not() -> None:
    wild = someone("diabetes_type1")
    for _ in range(11):
        for window in range(96):
            wild.read(code="glucose", value=90.0 if window < 60 else 240.0, unit="mg/dL")
            wild.wait(15 * MINUTE_US)
    assert "glu_cv" in {alert.rule.id for alert in run(wild).alerts}


def recovering(*days: float, condition: str = "postop_major_abdominal", warm: float = 0.0) -> Log:
    """Three weeks before an operation, and one resting heart rate a day after it. warm: degrees a beat above 65."""
    surgery = (FIRST_DAY + timedelta(days=21)).isoformat()
    course = {"condition": condition, "anchor": "surgery", "date": surgery}
    log = someone(trajectories=[course], consent={"monitoring": True})
    alternating(log, 21, ("resting_heart_rate", 62.0, 0.5), ("steps", 6000.0, 200.0))
    for value in days:
        log.read(code="resting_heart_rate", value=value)
        log.read(code="body_temperature", value=round(36.5 + warm * (value - 65), 2))
        log.wait(DAY_US)
    log.tick()
    return log


def test_a_second_rise_after_an_operation_is_told() -> None:
    falls, rises = (80, 80, 76, 72, 70, 68, 67, 66, 65, 65), (80, 80, 76, 72, 70, 68, 67, 66, 73, 74)
    assert "po_second_rise" in {alert.rule.id for alert in run(recovering(*rises, warm=0.12)).alerts}
    assert "po_second_rise" not in {alert.rule.id for alert in run(recovering(*falls, warm=0.12)).alerts}
    assert "po_second_rise" not in {alert.rule.id for alert in run(recovering(*rises)).alerts}  # the heart alone


def walking(share: float) -> set[str]:
    """Steps after an operation: this share of what its course leads one to expect from 6,000 a day before."""
    log = recovering()
    for day in range(12):
        path = -1.5 * (1 if day < 3 else 1 - 0.06 * (day - 2))
        log.read(code="steps", value=round(share * 6000 * math.exp(path)))
        log.wait(DAY_US)
    return {alert.rule.id for alert in run(log).alerts}


def test_who_walks_less_than_half_of_what_recovery_leads_one_to_expect_is_told() -> None:
    assert "po_steps" not in walking(0.9)
    assert "po_steps" in walking(0.35)


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


@pytest.mark.parametrize(("low_days", "wanted"), [(4, []), (5, [26])])
def test_a_day_counts_for_its_steps_once_it_is_as_whole_as_others(low_days: int, wanted: list[int]) -> None:
    """Steps hour by hour: the night after four low days of seven is no fifth one."""
    log = someone("parkinsons")
    for day, hour in (divmod(passed, 24) for passed in range(8, 28 * 24)):
        walked = 150.0 if 21 <= day < 21 + low_days else 400.0
        log.read(code="steps", value=walked if 7 <= hour < 22 else 0.0)
        log.wait(HOUR_US)
    began = [int(a.decided_at[8:10]) for a in run(log).alerts if a.rule and a.rule.id == "pd_steps"]
    assert [day - FIRST_DAY.day for day in began] == wanted


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


@pytest.mark.parametrize(("morning", "evening", "wanted"), [
    (480.0, 150.0, {"asth_life"}), (480.0, 230.0, {"asth_severe"}), (480.0, 290.0, {"asth_orange"}),
    (390.0, 390.0, {"asth_yellow"}), (480.0, 390.0, set()), (390.0, 480.0, set()),
])  # fmt: skip
def test_each_session_of_peak_flow_is_held_against_the_best_whatever_the_others_of_the_day_were(
    morning: float, evening: float, wanted: set[str]
) -> None:
    log = someone("asthma", usual={"peak_flow": 500.0})
    for value in (480.0, 480.0, morning, evening):
        log.read(code="peak_flow", value=value)
        log.wait(12 * HOUR_US)
    log.tick()
    assert {alert.rule.id for alert in run(log).alerts if alert.event == "opened"} == wanted


@pytest.mark.parametrize(("late_h", "wanted"), [(0, {"asth_life"}), (2, {"asth_life"}), (7, set())])
def test_a_session_that_comes_hours_later_is_held_against_the_best_while_it_is_live(
    late_h: int, wanted: set[str]
) -> None:
    """Many devices send when the phone is opened: what is less than six hours old is now."""
    log = someone("asthma", usual={"peak_flow": 500.0})
    for value in (480.0, 480.0, 480.0, 150.0):
        log.read(code="peak_flow", value=value, at_us=log.now_us - late_h * HOUR_US)
        log.wait(12 * HOUR_US)
    log.tick()
    assert {alert.rule.id for alert in run(log).alerts if alert.kind == "condition"} == wanted


def test_peak_flow_that_swings_within_the_day_is_told_in_asthma() -> None:
    for swing, wanted in ((60.0, True), (10.0, False)):
        log = someone("asthma", usual={"peak_flow": 420.0})
        for _ in range(10):
            for value in (400.0 - swing / 2, 400.0 + swing / 2):
                log.read(code="peak_flow", value=value)
                log.wait(12 * HOUR_US)
        assert ("asth_var" in {alert.rule.id for alert in run(log).alerts}) is wanted


def coming_flare() -> Log:
    log = someone("autoimmune_flare", consent={"monitoring": True})
    alternating(log, 15, ("resting_heart_rate", 63.0, 1.0), ("steps", 7000.0, 500.0))
    alternating(log, 14, ("resting_heart_rate", 70.0, 1.0), ("steps", 1500.0, 200.0))
    return log


def test_two_weeks_of_a_faster_heart_and_fewer_steps_is_a_coming_flare() -> None:
    assert "ai_composite" in {alert.rule.id for alert in run(coming_flare()).alerts}


@pytest.mark.parametrize("log", [
    pytest.param(oximetry("copd"), id="copd"), pytest.param(coming_flare(), id="flare"),
    pytest.param(recovering(80, 80, 76, 72, 70, 68, 67, 66, 73, 74, warm=0.12), id="operation"),
    pytest.param(sensor(someone("diabetes_type1"), 11, 4), id="sensor"),
])  # fmt: skip
def test_measures_over_days_do_not_depend_on_how_the_log_is_cut_or_on_stored_pages(log: Log) -> None:
    whole = run(log)
    assert {alert.kind for alert in whole.alerts} >= {"condition"}
    assert run(log, range(0, len(log), 13)).alerts == whole.alerts
    cut, before = len(log) - 5, PartitionState()
    first = run(Log(log.records[:cut]), state=before)
    after = restored(pack_dirty(before, 0).pages, 0)
    assert first.alerts + run(log, state=after, begin=cut).alerts == whole.alerts


@pytest.mark.parametrize(("agreed", "off", "wanted"), [
    (True, frozenset(), ["urgent"]), (False, frozenset(), []), (True, frozenset({"CYP2D6_codeine_tramadol"}), []),
])  # fmt: skip
def test_an_ultrarapid_metaboliser_on_codeine_is_watched_for_slow_breathing(
    agreed: bool, off: frozenset[str], wanted: list[str]
) -> None:
    log = someone(
        consent={"monitoring": True, "genomics": agreed},
        genomics=[{"gene": "CYP2D6", "phenotype": "ultrarapid_metaboliser", "confirmed": True}],
        medications=[{"code": "codeine", "start": FIRST_DAY.isoformat()}],
    )
    log.read(code="respiratory_rate", value=9.5)
    found = run(log, settings=EngineSettings(SECRET, off=off)).alerts
    assert [alert.severity for alert in found if alert.rule.id == "cyp2d6_um_breathing"] == wanted
