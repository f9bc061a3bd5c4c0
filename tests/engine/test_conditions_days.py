"""Rules of conditions over days: weights, means, swings, what moves together."""

import math

import pytest

from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, Log, run
from tests.engine.known import FIRST_DAY, alternating, daily, decompensating, recovering, someone, told


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


def test_a_second_rise_after_an_operation_is_told() -> None:
    falls, rises = (80, 80, 76, 72, 70, 68, 67, 66, 65, 65), (80, 80, 76, 72, 70, 68, 67, 66, 73, 74)
    assert "po_second_rise" in {alert.rule.id for alert in run(recovering(*rises, warm=0.12)).alerts}
    assert "po_second_rise" not in {alert.rule.id for alert in run(recovering(*falls, warm=0.12)).alerts}
    assert "po_second_rise" not in {alert.rule.id for alert in run(recovering(*rises)).alerts}  # the heart alone


def test_a_second_rise_is_held_against_the_fever_of_the_very_first_days() -> None:
    """Over by day 3, before the rule itself is asked: the temperature of those days is remembered for it."""
    course = {"condition": "postop_major_abdominal", "anchor": "surgery", "date": FIRST_DAY.isoformat()}
    log = someone(trajectories=[course], consent={"monitoring": True})
    warm = (37.4, 37.4, 37.4, 36.6, 36.6, 36.6, 36.5, 36.6, 36.6, 37.9, 37.8)
    for heart, degrees in zip((80, 80, 78, 74, 72, 70, 69, 68, 68, 78, 78), warm, strict=True):
        alternating(log, 1, ("resting_heart_rate", heart, 0.0), ("body_temperature", degrees, 0.0))
    log.tick()
    assert "po_second_rise" in {alert.rule.id for alert in run(log).alerts}


def test_a_weight_that_falls_in_the_first_days_of_a_drug_is_held_against_its_first_one() -> None:
    gene = {"gene": "DPYD", "phenotype": "intermediate_metaboliser", "confirmed": True}
    drug = {"code": "capecitabine", "start": FIRST_DAY.isoformat()}
    consent = {"monitoring": True, "genomics": True}
    log = someone(genomics=[gene], medications=[drug], consent=consent)
    for kg in (70.0, 70.0, 69.8, 69.4, 69.0, 68.4, 67.8, 67.4, 67.2):
        alternating(log, 1, ("body_weight", kg, 0.0))
    log.tick()
    assert "dpyd_weight" in {alert.rule.id for alert in run(log).alerts}


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


@pytest.mark.parametrize(("gained", "every_d", "wanted"), [
    (2.4, 7, ["Weight up by 2.27 kg or more in 7 days (heart failure)"]), (2.2, 7, []), (2.4, 1, []),
])  # fmt: skip
def test_who_weighs_once_a_week_is_not_asked_to_confirm_a_gain_a_week_later(
    gained: float, every_d: int, wanted: list[str]
) -> None:
    """The next weighing of somebody who weighs daily does confirm it, and comes the next morning."""
    log = someone("heart_failure", weight_kg=80)
    for weight in [80.0, 80.1] * 5 + [80.0 + gained]:
        log.read(code="body_weight", value=weight)
        log.wait(HOUR_US)
        log.tick()
        log.wait(every_d * DAY_US - HOUR_US)
    assert [alert.title for alert in run(log).alerts if alert.kind == "condition"] == wanted
