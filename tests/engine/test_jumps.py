"""A resting heart rate that the device smooths over days, and that jumps."""

from datetime import datetime

import numpy as np

from tests.engine.factories import DAY_US, HOUR_US, Log, one_by_one, run

ALIKE, SPREAD = 0.84, 2.4
"""How much one day is like the one before, and how far days lie apart [/min]: of bands that smooth."""
LEARNED = 20
"""Days of which a level is hardly known: they are worth two looks."""


def smoothed(higher: list[float]) -> Log:
    """Days of one with whom nothing is wrong, and then days that lie so much higher [/min]."""
    log, random, own = Log(), np.random.default_rng(4), 0.0
    log.profile("p-1", timezone="UTC")
    for more in [0.0] * LEARNED + higher:
        own = ALIKE * own + random.normal(0, SPREAD * (1 - ALIKE**2) ** 0.5)
        log.read(patient="p-1", code="resting_heart_rate", value=round(62 + own + more, 1), unit="/min")
        log.wait(2 * HOUR_US)
        log.tick()
        log.wait(DAY_US - 2 * HOUR_US)
    return log


def test_a_jump_is_told_on_its_second_day_with_its_reason_although_the_level_is_hardly_known() -> None:
    told = run(smoothed([9.0] * 4))
    opened = next(alert for alert in told.alerts if alert.kind == "drift")
    began = datetime.fromisoformat(told.summaries[0].start)
    assert (datetime.fromisoformat(opened.event_at) - began).days == LEARNED + 1
    assert "Both of the last two days lie 3.1 standard deviations" in opened.explanation
    assert "As a week" not in opened.explanation
    assert [one.score for one in opened.evidence] == [3.1]


def test_one_odd_day_is_not_told() -> None:
    assert not [alert for alert in run(smoothed([9.0, 0.0, 0.0, 9.0, 0.0])).alerts if alert.category == "clinical"]


def test_it_does_not_matter_how_the_log_is_cut() -> None:
    log = smoothed([9.0] * 12 + [0.0] * 3)
    assert run(log, cuts=one_by_one(log)).alerts == run(log).alerts
