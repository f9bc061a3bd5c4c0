"""From how far away a slow change is told: by how many vitals are watched, and by what the patient's own weeks were."""

from datetime import datetime

import numpy as np
import pytest

from models import budget
from models.detectors import drift
from models.evidence import load
from models.vitals import VITALS
from streams.engine.state import PartitionState
from tests.engine.factories import MINUTE_US, Log, Told, run
from tests.engine.slow import ALL, HEART, ILL, OTHERS, QUIET, STILL, Vitals, life, lived


def heart_told(vitals: Vitals) -> list[str]:
    return [one.severity for one in run(life(vitals)).findings if (one.kind, one.vitals) == ("drift", list(SLIGHTLY))]


SLIGHTLY: Vitals = {"resting_heart_rate": (60, 4.2, "/min", 2.6)}


def test_who_is_watched_by_one_vital_is_told_of_what_is_not_told_of_one_of_nine() -> None:
    """So that both are told as often of nothing."""
    assert heart_told(SLIGHTLY) == ["advisory"]
    assert heart_told(SLIGHTLY | STILL) == []


def limits_after(days: list[Vitals]) -> list[float]:
    """The limit of the patient after each of these days."""
    log, state, found, begin = Log(), PartitionState(), list[float](), 0
    log.profile("p-1")
    for day, vitals in enumerate(days):
        lived(log, vitals, range(day, day + 1))
        run(log, state=state, begin=begin)
        begin = len(log)
        known = state.weeks.budgets[:1] if len(state.weeks.budgets) else np.zeros(1, budget.STATE)
        found.append(float(budget.usual(known, 0.25)[0]))
    return found


def test_the_first_vital_of_which_a_week_is_known_is_not_the_only_one() -> None:
    """The weight came a fortnight after the heart rate: it counts before a week of it is known."""
    heart = {"resting_heart_rate": HEART["resting_heart_rate"]}
    both = heart | {"body_weight": OTHERS["body_weight"]}
    limits = limits_after([heart] * 14 + [both] * 20)
    assert budget.usual(np.zeros(1, budget.STATE), 0.25)[0] == pytest.approx(limits[13]), "nothing is known yet"
    assert limits[-1] == pytest.approx(budget.settings().told_from[2])


def test_a_person_who_ends_what_several_vitals_said_does_not_make_them_fewer() -> None:
    log, state = life(ALL), PartitionState()
    run(log, state=state)
    begin, rows = len(log), state.row_of[0][state.row_of[0] >= 0].astype(np.int64)
    state.weeks.rearm_together(0, rows)
    state.weeks.rearm(int(rows[0]), high=True, anew=False)
    lived(log, HEART, range(QUIET + ILL, QUIET + ILL + 1))
    run(log, state=state, begin=begin)
    assert state.weeks.budgets["vitals"][0] == len(ALL)


def test_a_vital_that_is_measured_no_more_is_forgotten_after_a_fortnight() -> None:
    heart = {"resting_heart_rate": HEART["resting_heart_rate"]}
    both = heart | {"body_weight": OTHERS["body_weight"]}
    limits = limits_after([both] * 40 + [heart] * 20)
    assert limits[39] == limits[39 + budget.MEASURED_DAYS] > limits[40 + budget.MEASURED_DAYS] == limits[-1]


def test_weeks_of_each_vital_are_held_against_how_far_apart_they_lie() -> None:
    """What the engine notes of each is what the detector says by itself, as a share of how wide such weeks are."""
    state = PartitionState()
    run(life(HEART | STILL, QUIET), state=state)
    rows = {vital.name: int(state.row_of[0, vital.index]) for vital in VITALS if vital.name in HEART | STILL}
    away = drift.judge(state.weeks.table[list(rows.values())]).away
    shares = load("daily")["drift"]["week_sd"]
    wanted = [one / shares.get(name, shares["default"]) for name, one in zip(rows, away, strict=True)]
    assert state.weeks.table["week"][list(rows.values())] == pytest.approx(wanted, rel=2e-3)
    assert min(shares.values()) < 1 < max(shares.values())


SHIFTED: Vitals = {
    "resting_heart_rate": (60, 4.8, "/min", 2.6),
    "respiratory_rate": (15, 0, "/min", 0.9),
    "body_weight": (80, 0, "kg", 0.5),
}


def with_wide_weeks(days: int) -> tuple[Told, PartitionState]:
    """A life in which the budget has learned, by the time one vital shifts for good, as high a limit as it ever may."""
    log, state = life(SHIFTED, days), PartitionState()
    cut = 1 + QUIET * (len(SHIFTED) + 1)
    run(Log(log.records[:cut], log.now_us), state=state)
    state.weeks.budgets["wide"][0], state.weeks.budgets["learned"][0] = 9, 60_000
    return run(log, state=state, begin=cut), state


def test_what_the_patients_own_limit_withholds_is_on_the_record_with_its_reason_and_told_when_it_lasts() -> None:
    soon = next(one for one in run(life(SHIFTED, QUIET + 40)).findings if one.kind == "drift")
    told, _ = with_wide_weeks(QUIET + 40)
    withheld, lasting = [one for one in told.findings if one.kind == "drift"]
    assert (withheld.severity, withheld.event_at, soon.severity) == ("info", soon.event_at, "advisory")
    assert withheld.reason is not None
    assert "alert budget" in withheld.reason
    assert (lasting.severity, lasting.reason, soon.reason) == ("advisory", None, None)
    day, later = (datetime.fromisoformat(one.event_at) for one in (withheld, lasting))
    assert budget.settings().lasts_days <= (later - day).days <= budget.settings().lasts_days + 1
    opened = next(alert for alert in told.alerts if alert.problem == "resting_heart_rate.high")
    assert (opened.event, opened.event_at) == ("opened", lasting.event_at)
    assert "because it has stood for 10 days" in opened.explanation


def test_a_heart_that_beats_more_slowly_is_on_the_record_at_once_and_told_when_it_lasts() -> None:
    slower: Vitals = {"resting_heart_rate": (60, -4.8, "/min", 2.6)}
    noted, told = [one for one in run(life(slower, QUIET + 30)).findings if one.kind == "drift"]
    assert (noted.problem, noted.severity, told.severity) == ("resting_heart_rate.low", "info", "advisory")
    assert noted.reason is not None
    assert noted.event_at < told.event_at
    faster = next(one for one in run(life(HEART, QUIET + 30)).findings if one.kind == "drift")
    assert faster.severity == "advisory"


def test_what_is_withheld_is_not_learned_into_the_band() -> None:
    _, state = with_wide_weeks(QUIET + 20)
    assert state.weeks.table["open"][0] == 1
    assert state.weeks.table["level"][0] == pytest.approx(60, abs=1.5)


def test_a_limit_however_high_leaves_the_floors_alone() -> None:
    """A pulse beyond a limit for everyone is told at once, in every life the same."""
    log, state = life(SHIFTED, QUIET), PartitionState()
    run(log, state=state)
    begin = len(log)
    for code, value, unit in (("heart_rate", 141, "/min"), ("spo2", 79, "%")):
        for _ in range(3):
            log.read(patient="p-1", code=code, value=value, unit=unit)
            log.wait(MINUTE_US)
    plain = run(log).lines()["alerts"]
    state.weeks.budgets["wide"][0] = 9
    told = run(log, state=state, begin=begin)
    assert {alert.severity for alert in told.alerts} >= {"emergency"}
    assert told.lines()["alerts"] == plain[-len(told.alerts) :]
