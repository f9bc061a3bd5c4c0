"""The band that people are shown ends where the vital does: nobody's usual saturation goes up to 104 %."""

import numpy as np
import pytest

from tests.engine.factories import DAY_US, Log, Told, run


def falling(by: float) -> Told:
    """A saturation near its upper end, and from some day on a lower one."""
    log, random = Log(), np.random.default_rng(3)
    log.profile()
    for day in range(45):
        value = 99.4 + random.normal(0, 0.3) - by * (day >= 35)
        log.read(code="spo2", value=round(min(value, 100.0), 1))
        log.wait(DAY_US // 2)
        log.tick()
        log.wait(DAY_US // 2)
    return run(log)


@pytest.mark.parametrize(("by", "kind"), [(6.5, "deviation"), (2.0, "drift")])
def test_no_band_of_a_saturation_goes_beyond_a_hundred(by: float, kind: str) -> None:
    told = falling(by)
    shown = [one.high for one in told.summaries if one.high is not None]
    assert max(shown) == 100
    alert = next(one for one in told.alerts if one.kind == kind)
    found = next(one for one in told.findings if one.kind == kind)
    assert alert.evidence[0].high == found.high == 100
    assert alert.evidence[0].low is not None
    assert 90 < alert.evidence[0].low < 99


def test_what_the_band_is_decided_by_is_as_wide_as_it_was() -> None:
    """Its lower end, and how far away a value is, know nothing of the upper end."""
    alert = next(one for one in falling(6.5).alerts if one.kind == "deviation")
    one = alert.evidence[0]
    assert one.expected is not None
    assert one.low is not None
    assert one.score == pytest.approx(2.5 * (one.value - one.expected) / (one.expected - one.low), abs=0.02)  # type: ignore[operator]
