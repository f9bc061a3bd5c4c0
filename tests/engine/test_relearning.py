"""A drug or an operation re-opens what was learned: its effect is neither an alarm, nor learned as slowly as a whim."""

from typing import Any

import numpy as np
import pytest

from models import baseline
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


def test_it_does_not_matter_how_the_log_is_cut() -> None:
    log = story(**METOPROLOL)
    assert run(log, one_by_one(log)).lines() == run(log).lines()
