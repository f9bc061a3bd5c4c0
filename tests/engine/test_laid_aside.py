"""Who lays the watch aside and measures by hand is watched as those are who never had one."""

import numpy as np
import pytest

from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, START_US, Log, Told, run

WORN, BY_HAND, LONG = 20, 40, 28
"""Days; and of those by hand the day from which the pulse is high."""


def worn(log: Log, code: str, level: float, sd: float, by_night: float) -> None:
    random, off = np.random.default_rng(1), 0.0
    for _ in range(WORN * 96):
        off = 0.8 * off + 0.6 * random.normal(0, sd)
        sleeps = log.now_us // HOUR_US % 24 < 7
        log.read(code=code, value=round(level + off + by_night * sleeps, 1))
        log.wait(15 * MINUTE_US)


def by_hand(log: Log, code: str, level: float, sd: float, later: float) -> Told:
    """At eight in the morning and in the evening; from some day on at another level. What all of it told."""
    random = np.random.default_rng(2)
    for half_day in range(2 * BY_HAND):
        high = half_day >= 2 * LONG
        log.read(code=code, value=round((later if high else level) + random.normal(0, sd), 1))
        log.wait(DAY_US // 2)
        log.tick()
    return run(log)


def problems(told: Told) -> set[str]:
    return {alert.problem for alert in told.alerts if alert.category == "clinical"}


@pytest.mark.parametrize("before", [True, False])
def test_a_pulse_that_is_high_for_days_is_told_of_also_after_a_watch(before: bool) -> None:
    log = Log()
    log.profile()
    if before:
        worn(log, "heart_rate", 70, 4, by_night=-9)
    told = by_hand(log, "heart_rate", 72, 4, later=112)
    assert problems(told) == {"heart_rate.high"}
    opened = next(alert for alert in told.alerts if alert.problem == "heart_rate.high")
    begun = START_US + (WORN * before + LONG) * DAY_US
    assert (log.now_us - begun) // DAY_US == BY_HAND - LONG
    assert opened.event_at[:10] == str(np.datetime64(begun, "us"))[:10]


def test_what_is_measured_by_day_is_not_held_against_the_nights_of_a_watch() -> None:
    log = Log()
    log.profile()
    worn(log, "respiratory_rate", 16, 0.8, by_night=-2.5)
    told = by_hand(log, "respiratory_rate", 16.3, 0.8, later=16.3)
    assert [finding for finding in told.findings if finding.kind == "drift"] == []
