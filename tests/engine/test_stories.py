"""What the care team is told of a patient's hours and days: how long, how late, in which order, and how sure."""

import random
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.episodes import REPEAT
from models import rules
from models.evidence import load
from models.profile import Profile
from models.situation import situation
from models.times import US_PER_S, rfc3339, to_us
from models.vitals import BY_NAME
from streams.engine.sample_signals import OF_A_CONDITION, OF_A_STREAM, OWN_LEVEL
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, START_US, Log, Told, run
from tests.engine.hours import daily, stream, watched

CALM = settings(deadline=None, max_examples=60)


@pytest.mark.parametrize(
    ("code", "value", "persist_min", "severity"),
    [("spo2", 87.0, 10, "urgent"), ("spo2", 84.0, 5, "emergency"), ("glucose", 65.0, 15, "urgent"),
     ("heart_rate", 140.0, 30, "urgent"), ("respiratory_rate", 7.0, 3, "urgent")],
)  # fmt: skip
def test_a_limit_is_told_once_it_has_lasted_and_not_before(
    code: str, value: float, persist_min: int, severity: str
) -> None:
    usual = {"spo2": 97.0, "glucose": 110.0, "heart_rate": 72.0, "respiratory_rate": 15.0}[code]
    for minutes, wanted in ((persist_min, []), (persist_min + 1, [("opened", severity)])):
        log = watched()
        stream(log, code, usual, 5)
        begun = log.now_us
        stream(log, code, value, minutes)
        alerts = run(log).alerts
        assert [(a.event, a.severity) for a in alerts] == wanted
        assert {a.onset_at for a in alerts} <= {rfc3339(begun)}


def test_a_single_good_reading_begins_the_count_anew() -> None:
    log = watched()
    stream(log, "spo2", 97.0, 5)
    for _ in range(3):
        stream(log, "spo2", 87.0, 9)
        stream(log, "spo2", 95.0, 1)
    assert run(log).alerts == []


@pytest.mark.parametrize(("value", "severity"), [(87.0, "urgent"), (84.0, "emergency"), (79.0, "emergency")])
def test_a_reading_that_stands_alone_is_told_at_once(value: float, severity: str) -> None:
    log = watched()
    log.read(code="spo2", value=97.0)
    log.wait(HOUR_US)
    log.read(code="spo2", value=value)
    (told,) = run(log).alerts
    assert (told.event, told.severity, told.kind, told.population_rule_would_fire) == (
        "opened",
        severity,
        "limit",
        True,
    )
    assert (told.onset_at, told.event_at, told.decided_at) == ("2026-01-05T09:00:00Z",) * 3


def test_limits_of_rest_do_not_hold_for_who_is_moving() -> None:
    for context, wanted in (({"activity": "exercise"}, []), ({"activity": "rest"}, [("heart_rate.high", "opened")])):
        log = watched()
        log.read(value=185.0, context=context)
        assert run(log).events() == wanted


def test_steps_say_that_a_patient_moves() -> None:
    log = watched()
    log.read(code="steps", value=60, unit="{steps}")
    log.wait(MINUTE_US)
    log.read(value=185.0)
    log.wait(HOUR_US)
    log.read(value=186.0)
    told = run(log)
    assert [a.evidence[0].value for a in told.alerts] == [186.0]


def test_back_inside_for_a_while_resolves_and_a_return_within_a_day_reopens() -> None:
    log = watched()
    for _ in range(2):
        log.read(code="spo2", value=82.0)
        log.wait(HOUR_US)
        for _ in range(2):
            log.read(code="spo2", value=97.0)
            log.wait(HOUR_US)
    log.wait(2 * DAY_US)
    log.read(code="spo2", value=82.0)
    told = run(log)
    assert [a.event for a in told.alerts] == ["opened", "resolved", "reopened", "resolved", "opened"]
    assert [a.sequence for a in told.alerts] == [1, 2, 3, 4, 1]


def test_pressure_that_stays_high_is_told_once_more_each_day_until_somebody_takes_it_up() -> None:
    log = watched()
    daily(log, "systolic_bp", [165.0, 168.0])
    told = run(log)
    assert [(a.event, a.severity, a.reason) for a in told.alerts] == [
        ("opened", "advisory", None), ("updated", "advisory", REPEAT),
    ]  # fmt: skip
    assert told.alerts[1].evidence[0].value == 168.0
    log.act(told.alerts[0].alert_id, type="acknowledge")
    daily(log, "systolic_bp", [170.0, 170.0])
    assert [a.event for a in run(log).alerts] == ["opened", "updated", "acknowledged"]


@pytest.mark.parametrize("apart_us", [0, 400_000])
def test_a_pressure_that_two_apps_relay_does_not_confirm_itself(apart_us: int) -> None:
    """Above 180 mmHg is urgent when it is measured twice; one of the apps may keep whole seconds."""
    log = watched()
    log.read(
        code="systolic_bp", value=185.0, device="cuff-1", at_us=START_US + apart_us, arrived_us=START_US + US_PER_S
    )
    log.read(code="systolic_bp", value=185.0, device="phone-1", id="r-2", arrived_us=START_US + US_PER_S)
    assert {alert.severity for alert in run(log).alerts} == {"advisory"}
    log.wait(MINUTE_US)
    log.read(code="systolic_bp", value=184.0, device="cuff-1")
    for cuts in ((), range(len(log))):
        assert run(log, cuts).alerts[-1].severity == "urgent"


def test_a_slow_heart_is_told_to_whom_it_is_new_and_not_of_whom_it_is_usual() -> None:
    """An athlete whose own learned level is 48 is left alone, but not by a floor that protects."""
    usual, new = watched(), watched()
    daily(usual, "heart_rate", [51.0, 51.0, 51.0, 51.0, 51.0, 51.0, 48.0, 47.0, 48.0, 46.0, 47.0, 48.0, 47.0])
    learning = len(run(usual).alerts)
    daily(usual, "heart_rate", [48.0, 47.0, 46.0, 48.0, 51.0, 52.0, 48.0, 47.0, 46.0, 48.0])
    assert [a.event for a in run(usual).alerts[learning:]] == ["resolved"]
    assert run(usual).findings[-1].severity == "info", "on the record all the same"
    assert run(usual).findings[-1].reason == OWN_LEVEL, "and why"
    daily(new, "heart_rate", [71.0, 73.0, 72.0, 74.0, 72.0, 71.0, 73.0, 72.0, 71.0, 73.0, 49.0])
    assert [(a.problem, a.severity) for a in run(new).alerts] == [("heart_rate.low", "advisory")]
    usual.read(code="heart_rate", value=39.0)
    assert (run(usual).alerts[-1].problem, run(usual).alerts[-1].severity) == ("heart_rate.low", "urgent")


def test_a_limit_for_single_measurements_says_why_it_is_quiet_in_a_stream() -> None:
    log = watched()
    stream(log, "heart_rate", 60.0, 24 * 60, every_s=300)
    log.wait(HOUR_US)
    log.read(code="heart_rate", value=49.0, device="d-1")
    told = run(log)
    assert [alert for alert in told.alerts if alert.kind == "limit"] == []
    limits = [finding for finding in told.findings if finding.kind == "limit"]
    assert [(f.rule.id, f.severity, f.reason) for f in limits] == [("hr_low_advisory", "info", OF_A_STREAM)]


def test_a_single_high_pressure_is_news_only_where_high_pressure_is_not_known() -> None:
    """In known hypertension home readings are judged over days; the crisis limit holds for everyone."""
    new, known = watched(), Log()
    known.profile(conditions=[{"code": "hypertension"}])
    for log in (new, known):
        daily(log, "systolic_bp", [165.0])
    assert [a.problem for a in run(new).alerts] == ["systolic_bp.high"]
    assert run(known).alerts == []
    assert run(known).findings[-1].severity == "info", "on the record all the same"
    assert run(known).findings[-1].reason == OF_A_CONDITION
    daily(known, "systolic_bp", [185.0, 185.0])
    assert [(a.problem, a.severity) for a in run(known).alerts] == [("systolic_bp.high", "urgent")]


PROFILE: dict[str, Any] = {"patient": "p-1", "version": 1, "consent": {"monitoring": True}}


def test_a_limit_leaves_the_word_only_to_conditions_that_have_a_rule_for_it() -> None:
    """Chronic kidney disease has none below 180: with 172 for weeks nobody was told anything."""
    for entry in load("floors")["floors"]:
        for condition in entry.get("spoken_for", []):
            has = Profile.model_validate(PROFILE | {"conditions": [{"code": condition}]})
            vital, held = BY_NAME[entry["vital"]].index, rules.plan(situation(has, date(2026, 1, 5))).trends
            parts = [part for rule in held.get(vital, ()) for part in rule.parts if part.vital == vital]
            assert any(part.measure == "mean" and part.value <= entry["limit"] for part in parts), (entry, condition)
    kidneys = Log()
    kidneys.profile(conditions=[{"code": "ckd"}])
    daily(kidneys, "systolic_bp", [172.0] * 3)
    assert [a.problem for a in run(kidneys).alerts if a.event == "opened"] == ["systolic_bp.high"]


def test_who_lives_near_the_limit_of_a_pressure_is_not_told_of_each_crossing() -> None:
    log = watched()
    daily(log, "systolic_bp", [157.0, 159.0, 156.0, 158.0, 156.0, 159.0, 157.0, 158.0, 159.0, 162.0, 157.0, 163.0])
    assert run(log).alerts == []
    daily(log, "systolic_bp", [198.0])
    assert [a.problem for a in run(log).alerts] == ["systolic_bp.high"], "outside the own band"


@pytest.mark.parametrize("late_us", [2 * HOUR_US, 3 * DAY_US, 200 * DAY_US])
def test_backfill_never_pages_as_if_it_were_now(late_us: int) -> None:
    log = watched()
    stream(log, "spo2", 97.0, 5)
    stream(log, "spo2", 70.0, 30, arrived_us=log.now_us + late_us)
    told = run(log)
    assert told.alerts
    assert all(alert.retrospective for alert in told.alerts)
    assert all("about the past" in alert.explanation for alert in told.alerts)


def test_backfill_neither_ends_nor_completes_a_live_run() -> None:
    log = watched()
    stream(log, "spo2", 97.0, 5)
    stream(log, "spo2", 87.0, 8)
    for value in (97.0, 87.0, 99.0, 87.0):
        log.read(code="spo2", value=value, at_us=log.now_us - 3 * HOUR_US - round(value) * MINUTE_US)
    assert [a for a in run(log).alerts if not a.retrospective] == []
    stream(log, "spo2", 87.0, 4)
    (opened,) = (a for a in run(log).alerts if not a.retrospective)
    assert opened.onset_at == rfc3339(START_US + 5 * MINUTE_US)


def test_one_reading_out_of_order_is_no_reading_that_stands_alone() -> None:
    """87 % needs ten minutes in a stream; a sample that comes 20 minutes late is one of the stream."""
    log = watched()
    stream(log, "spo2", 97.0, 40)
    log.read(code="spo2", value=87.0, at_us=log.now_us - 20 * MINUTE_US - 30 * US_PER_S)
    assert run(log).alerts == []


@CALM
@given(st.randoms(use_true_random=False), st.integers(4, 12), st.integers(35, 60), st.sampled_from([86.0, 83.0]))
def test_readings_shuffled_within_the_lateness_end_in_the_same_episodes(
    chance: random.Random, before: int, during: int, low: float
) -> None:
    """A run that outlasts its persistence by the lateness of a minute, which its last reading may need to arrive. (What
    is told at once, on a single reading, begins with the one that came first.)"""
    values = [97.0] * (before + 1) + [low] * during + [97.0] * 60
    readings = [(START_US + n * 20 * US_PER_S, value) for n, value in enumerate(values)]

    def told(delays_s: list[float]) -> Told:
        log = watched()
        arrivals = sorted((at + round(d * US_PER_S), at, v) for (at, v), d in zip(readings, delays_s, strict=True))
        for arrived, at, value in arrivals:
            log.read(code="spo2", value=value, at_us=at, arrived_us=arrived)
        return run(log)

    in_order = told([0.0] * len(values))
    shuffled = told([chance.uniform(0, 60) for _ in values])
    assert [a.event for a in in_order.alerts if a.event == "opened"] == ["opened"]
    assert {(a.alert_id, a.onset_at) for a in shuffled.alerts} == {(a.alert_id, a.onset_at) for a in in_order.alerts}
    assert shuffled.alerts[-1].state == in_order.alerts[-1].state == "resolved"


def test_weights_away_from_the_patients_own_band_are_told_with_the_band() -> None:
    log = watched()
    for n in range(20):
        log.read(code="body_weight", value=70.0 + n % 3 * 0.2)
        log.wait(DAY_US)
    for _ in range(2):
        log.read(code="body_weight", value=74.0)
        log.wait(DAY_US)
    log.tick()
    (told,) = run(log).alerts
    (evidence,) = told.evidence
    assert (told.problem, told.kind, told.event, told.population_rule_would_fire) == (
        "body_weight.high", "deviation", "opened", False,
    )  # fmt: skip
    assert evidence.low is not None
    assert evidence.expected is not None
    assert evidence.high is not None
    assert evidence.low < evidence.expected < evidence.high < 74.0
    assert evidence.baseline_days is not None
    assert evidence.baseline_days >= 19
    assert told.onset_at == "2026-01-25T08:00:00Z"


@pytest.mark.parametrize(("late", "said"), [(False, "70%"), (True, "70%"), (False, None)])
def test_a_deviation_says_how_good_the_signal_of_its_window_was(late: bool, said: str | None) -> None:
    """The mean of what the device said, whatever it was that it said nothing of; also of what came long after it."""
    log = watched()
    for n in range(20):
        log.read(code="body_weight", value=70.0 + n % 3 * 0.2, quality=0.99)
        log.wait(DAY_US)
    days = [log.now_us + day * DAY_US for day in range(2)]
    if late:
        log.wait(3 * DAY_US)
    for at_us in days:
        log.now_us = log.now_us if late else at_us
        for minute, quality in enumerate((0.9, None, 0.5) if said else (None, None)):
            log.read(code="body_weight", value=74.0, at_us=at_us + minute * MINUTE_US, quality=quality)
            log.wait(US_PER_S if late else MINUTE_US)
    log.wait(DAY_US)
    log.tick()
    told = next(alert for alert in run(log).alerts if alert.kind == "deviation")
    assert (told.retrospective, told.evidence[0].quality) == (late, 0.7 if said else None)
    sentence = f"The device reported a signal quality of {said}."
    assert (sentence in told.explanation) == bool(said)
    assert run(log, range(len(log))).lines() == run(log).lines()


def test_what_cannot_be_judged_yet_is_unknown_and_never_normal() -> None:
    log = watched()
    for n in range(9):
        log.read(code="body_weight", value=70.0 + n % 2)
        log.wait(DAY_US)
    log.tick()
    states = [summary.state for summary in run(log).summaries]
    assert states == ["unknown"] * 5 + ["normal"] * 4


def test_a_limit_and_a_deviation_of_one_problem_are_one_episode() -> None:
    log = watched()
    for n in range(20):
        log.read(code="systolic_bp", value=125.0 + n % 3)
        log.wait(DAY_US)
    for _ in range(2):
        log.read(code="systolic_bp", value=85.0)
        log.wait(DAY_US)
    begin = to_us_of(log)
    for _ in range(3):
        log.read(code="systolic_bp", value=126.0)
        log.wait(DAY_US)
    log.tick()
    told = run(log)
    assert len({alert.alert_id for alert in told.alerts}) == 1
    assert {finding.kind for finding in told.findings} == {"limit", "deviation"}
    assert [a.event for a in told.alerts][:1] + [a.event for a in told.alerts][-1:] == ["opened", "resolved"]
    resolved = told.alerts[-1]
    assert begin + DAY_US <= to_us_of(resolved.decided_at), "the limit alone had cleared before"


def to_us_of(what: Log | str) -> int:
    return what.now_us if isinstance(what, Log) else to_us(datetime.fromisoformat(what))
