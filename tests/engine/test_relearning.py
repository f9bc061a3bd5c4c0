"""A drug or an operation re-opens what was learned: its effect is neither an alarm, nor learned as slowly as a whim."""

from typing import Any

import numpy as np
import pytest

from models import baseline
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from tests.engine.factories import DAY_US, Log, Told, one_by_one, run

METOPROLOL: dict[str, Any] = {"medications": [{"code": "metoprolol", "start": "2026-02-04"}]}
BEFORE, AFTER = 30, 10
"""Days at one level, and at the other."""


def story(**second: Any) -> Log:
    """A resting heart rate of 74, and after thirty days of 62; `second`: what a second version of the profile adds."""
    log, noise = Log(), np.random.default_rng(1).normal(0, 1.5, BEFORE + AFTER)
    log.profile("p-1")
    for day in range(BEFORE + AFTER):
        if day == BEFORE and second:
            log.profile("p-1", version=2, **second)
        level = 74 if day < BEFORE else 62
        log.read(patient="p-1", code="resting_heart_rate", value=round(level + noise[day], 1), unit="/min")
        log.wait(DAY_US)
        log.tick()
    return log


def deviations(told: Told) -> set[str]:
    return {found.problem for found in told.findings if found.kind == "deviation"}


def level(log: Log, until: int | None = None) -> float:
    state = PartitionState()
    run(log if until is None else Log(log.records[:until], log.now_us), state=state)
    return float(baseline.take(state.rows["base"], np.zeros(1, np.int64)).x[0, 0])


def test_what_a_new_drug_does_is_no_alarm_and_is_learned_within_days() -> None:
    unsaid, said = story(), story(**METOPROLOL)
    assert "resting_heart_rate.low" in deviations(run(unsaid)), "without a word of the drug it is one"
    assert deviations(run(said)) == set()
    assert abs(level(said) - 62) < abs(level(unsaid) - 62)
    assert level(said) == pytest.approx(62, abs=2)


def test_a_drug_that_does_nothing_is_found_out_within_days() -> None:
    log = Log()
    log.profile("p-1")
    for day in range(BEFORE + AFTER):
        if day == BEFORE:
            log.profile("p-1", version=2, **METOPROLOL)
        log.read(patient="p-1", code="resting_heart_rate", value=74 + day % 3 - 1, unit="/min")
        log.wait(DAY_US)
        log.tick()
    assert deviations(run(log)) == set()
    assert level(log) == pytest.approx(74, abs=2)


def test_the_same_profile_again_changes_no_byte_of_what_is_told() -> None:
    plain, again = run(story()), run(story(strata={"language": "en"}))
    assert plain.lines()["findings"] == again.lines()["findings"]


def told_ahead(days: int, *versions: dict[str, Any], every: int = 1, level: float = 62) -> Log:
    """A resting heart rate of 74 and after thirty days of another, measured `every` so many days; the second version
    of the profile comes some days ahead of that, each other one the day after the one before."""
    log, noise = Log(), np.random.default_rng(1).normal(0, 1.5, BEFORE + AFTER)
    log.profile("p-1")
    for day in range(BEFORE + AFTER):
        if 0 <= (nth := day - BEFORE + days) < len(versions):
            log.profile("p-1", version=2 + nth, **versions[nth])
        if day % every == 0:
            value = round((74 if day < BEFORE else level) + noise[day], 1)
            log.read(patient="p-1", code="resting_heart_rate", value=value, unit="/min")
        log.wait(DAY_US)
        log.tick()
    return log


def slow(told: Told) -> set[str]:
    return {found.problem for found in told.findings if found.kind in ("deviation", "drift")}


@pytest.mark.parametrize("days", [1, 3, 20])
def test_a_drug_that_is_announced_moves_the_level_on_the_day_on_which_it_is_begun(days: int) -> None:
    """Neither before that day nor never: it was prescribed in the evening, and is taken from the morning on."""
    log = told_ahead(days, METOPROLOL)
    assert slow(run(log)) == set()
    assert "resting_heart_rate.low" in slow(run(told_ahead(days, {})))
    assert level(log, until=1 + 2 * (BEFORE - 1)) == pytest.approx(74, abs=1.5)
    assert level(log) == pytest.approx(level(story(**METOPROLOL)), abs=0.7)


def test_a_drug_that_is_stopped_as_announced_gives_the_level_back() -> None:
    taken = {"medications": [{"code": "metoprolol", "start": "2025-06-01"}]}
    until = {"medications": [{"code": "metoprolol", "start": "2025-06-01", "stop": "2026-02-03"}]}
    stopped, silent = (told_ahead(9, taken, one, level=86) for one in (until, taken))
    assert slow(run(stopped)) == set()
    assert "resting_heart_rate.high" in slow(run(silent))


def test_what_was_announced_moves_a_level_once_however_many_versions_speak_of_it() -> None:
    once, often = told_ahead(3, METOPROLOL), told_ahead(3, *[METOPROLOL] * 8)
    assert level(often) == level(once)


def test_what_has_been_taken_back_before_its_day_moves_nothing() -> None:
    assert level(told_ahead(3, METOPROLOL, {"medications": []}, level=74)) == level(told_ahead(3, {}, level=74))


def test_a_vital_that_is_measured_seldom_is_moved_with_its_first_figure_after_that_day() -> None:
    """Also if a newer version of the profile has come between."""
    plain, newer = (told_ahead(2, *versions, every=4) for versions in ([METOPROLOL], [METOPROLOL] * 4))
    never = told_ahead(2, {}, every=4)
    assert level(newer) == level(plain)
    assert abs(level(plain) - 62) < abs(level(never) - 62)


LIVES = story(**METOPROLOL), told_ahead(3, METOPROLOL), told_ahead(2, METOPROLOL, {}, every=4)


@pytest.mark.parametrize("log", LIVES)
def test_it_does_not_matter_how_the_log_is_cut(log: Log) -> None:
    assert run(log, one_by_one(log)).lines() == run(log).lines()


@pytest.mark.parametrize("cut", [27, 28, 29, 30, 31])
def test_what_is_announced_is_known_after_a_restart(cut: int) -> None:
    log, state = told_ahead(3, METOPROLOL), PartitionState()
    begin = 2 * cut + 2
    run(Log(log.records[:begin], log.now_us), state=state)
    again = restored(pack_dirty(state, 0).pages, 0)
    assert run(log, state=again, begin=begin).lines() == run(log, state=state, begin=begin).lines()
