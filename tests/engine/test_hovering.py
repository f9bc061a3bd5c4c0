"""An urgent problem about its limit, from readings to messages: few words, and at once what is clearly worse."""

from typing import Any

import pytest

from alerts.policy import PolicySettings
from streams.engine.state import PartitionState
from streams.engine.step import EngineSettings
from tests.engine.factories import MINUTE_US, SECRET, Log, Told, one_by_one, run
from tests.engine.known import someone

CALM = EngineSettings(SECRET, policy=PolicySettings())
Case = tuple[list[str], str, float, float, float]
BREATHING: Case = ["copd"], "respiratory_rate", 26.0, 22.0, 32.0
HEART: Case = [], "heart_rate", 133.0, 120.0, 155.0
OXYGEN: Case = [], "spo2", 90.0, 94.0, 86.0
"""Of whom, of what: about the limit, well, and clearly further. The first is the limit of a condition."""


class Shift:
    """A patient whose vital is measured every five minutes, and a nurse who takes up what she is told."""

    def __init__(self, case: Case) -> None:
        conditions, self.code, self.beyond, self.well, self.worse = case
        self.log, self.state, self.begin, self.actions = someone(*conditions), PartitionState(), 0, 0

    def hour(self, *values: float, hours: float = 1.0) -> list[str]:
        """What the nurse was told in this time, while it measured these one after the other."""
        told = list[str]()
        for k in range(round(12 * hours)):
            self.log.read(code=self.code, value=values[k % len(values)], context={"activity": "rest"})
            self.log.wait(4 * MINUTE_US)
            self.log.tick()
            told += self.run()
            self.log.wait(MINUTE_US)
        return told

    def run(self) -> list[str]:
        news = run(self.log, state=self.state, begin=self.begin, settings=CALM).alerts
        self.begin = len(self.log)
        for alert in [a for a in news if a.notify in ("first", "returned", "worse")]:
            self.actions += 1
            self.log.act(alert.alert_id, action_id=f"a-{self.actions}")
        return [str(a.notify) for a in news if a.notify in ("first", "returned", "worse", "escalated")]


@pytest.mark.parametrize("case", [BREATHING, HEART, OXYGEN])
def test_what_comes_and_goes_all_day_is_told_a_few_times(case: Case) -> None:
    one = Shift(case)
    told = []
    for _ in range(6):
        told += one.hour(one.beyond, hours=1.5) + one.hour(one.well)
    assert told in (["first", "returned"], ["first", "returned", "returned"]), "six times beyond in fifteen hours"


@pytest.mark.parametrize("case", [BREATHING, HEART, OXYGEN])
def test_what_is_clearly_further_is_told_at_once_also_of_what_had_not_been_told_again(case: Case) -> None:
    one = Shift(case)
    for _ in range(3):
        one.hour(one.beyond, hours=2)
        one.hour(one.well)
    assert one.hour(one.beyond, hours=2) == [], "it is known"
    assert one.hour(one.worse, hours=1 / 12) == ["worse"], "with the first reading"
    assert one.hour(one.worse, hours=2) == [], "and once"


@pytest.mark.parametrize("case", [BREATHING, HEART, OXYGEN])
def test_it_is_the_same_however_the_log_is_cut(case: Case) -> None:
    one = Shift(case)
    for _ in range(3):
        one.hour(one.beyond, hours=2)
        one.hour(one.well)
    one.hour(one.beyond, hours=2)
    one.hour(one.worse)
    whole = lines(run(one.log, settings=CALM))
    assert lines(run(one.log, one_by_one(one.log), settings=CALM)) == whole
    assert lines(run(one.log, one_by_one(one.log)[::7], settings=CALM)) == whole


def lines(told: Told) -> list[Any]:
    return sorted((a.decided_at, a.alert_id, a.sequence, a.event, a.reason, a.severity) for a in told.alerts)


def test_a_limit_that_goes_on_is_no_finding_each_time() -> None:
    """Of a condition: its readings beyond the limit are looked at for what is further, and are not recorded."""
    log = Log()
    log.profile(conditions=[{"code": "copd"}])
    for _ in range(36):
        log.read(code="respiratory_rate", value=26.0, context={"activity": "rest"})
        log.wait(5 * MINUTE_US)
    found = [finding.rule.id for finding in run(log, settings=CALM).findings if finding.kind == "condition"]
    assert found == ["copd_rr"]
