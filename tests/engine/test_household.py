"""Somebody else on the scale of a patient with heart failure: no gain, no loss, and no return from either."""

import numpy as np
import pytest

from tests.engine.factories import DAY_US, MINUTE_US, Log, run

USUAL, ODD_DAY = 80.0, 20


def weighed(*, odd: dict[int, list[float]], days: int = 36, minutes: int = 5) -> Log:
    """A weighing a morning; on some days other ones in their place, so many minutes apart. 0: the patient's own."""
    log, random = Log(), np.random.default_rng(3)
    log.profile(conditions=[{"code": "heart_failure"}], weight_kg=USUAL)
    for day in range(days):
        own = round(USUAL + random.normal(0, 0.3), 1)
        values = [value or own for value in odd.get(day, [own])]
        for value in values:
            log.read(code="body_weight", value=value)
            log.wait(minutes * MINUTE_US)
        log.wait(DAY_US - len(values) * minutes * MINUTE_US)
        log.tick()
    return log


def rules_told(log: Log) -> list[str]:
    return [one.rule.id for one in run(log).findings if one.kind == "condition" and one.severity != "info"]


@pytest.mark.parametrize("minutes", [5, 40])
@pytest.mark.parametrize("other", [62.0, 74.0, 84.5, 95.0])
@pytest.mark.parametrize("own_too", [False, True])
def test_somebody_else_on_the_scale_for_once_is_no_gain_and_no_loss(other: float, own_too: bool, minutes: int) -> None:
    assert rules_told(weighed(odd={ODD_DAY: [0, other] if own_too else [other]}, minutes=minutes)) == []


def test_who_shares_the_scale_every_day_is_watched_all_the_same() -> None:
    shared = {day: [0, 62.0] for day in range(10, 36)}
    assert rules_told(weighed(odd=shared, minutes=40)) == []
    gains = {day: [USUAL + 0.8 * (day - 27), 62.0] for day in range(28, 36)}
    assert {"hf_wt_3d", "hf_wt_week"} & set(rules_told(weighed(odd=shared | gains, minutes=40)))


@pytest.mark.parametrize("repeated", [{ODD_DAY: [85.0, 85.2]}, {ODD_DAY: [85.0], ODD_DAY + 1: [85.4]}])
def test_a_jump_that_is_repeated_is_told(repeated: dict[int, list[float]]) -> None:
    told = rules_told(weighed(odd=repeated, days=ODD_DAY + 3))
    assert "hf_wt_24h" in told or "hf_wt_3d" in told


def test_a_gain_over_days_without_the_scale_is_not_held_for_somebody_elses() -> None:
    gap: dict[int, list[float]] = {day: [] for day in range(ODD_DAY, ODD_DAY + 4)}
    back = {ODD_DAY + 4: [86.0, 86.1]}
    assert "hf_wt_week" in rules_told(weighed(odd=gap | back, days=ODD_DAY + 6, minutes=1))
