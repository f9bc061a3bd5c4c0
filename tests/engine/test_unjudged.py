"""Vitals that a condition makes meaningless: not held against the own band, not learned, and never called normal."""

from typing import Any

import pytest

from streams.engine import care
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from tests.engine.factories import DAY_US, Log, run
from tests.engine.known import FIRST_DAY, someone

AF = "atrial_fibrillation"


def nights(log: Log, values: list[float], code: str = "hrv_rmssd", unit: str = "ms") -> Log:
    for night, value in enumerate(values):
        log.read(code=code, value=value + night % 2, unit=unit)
        log.wait(DAY_US)
    log.tick()
    return log


JUMPS = [30.0] * 14 + [120.0] * 4 + [30.0] * 4


def told_of(log: Log, vital: str) -> list[tuple[str, str]]:
    return [(a.kind, a.event) for a in run(log).alerts if a.evidence and a.evidence[0].vital == vital]


@pytest.mark.parametrize(("conditions", "wanted"), [([AF], False), ([], True), (["heart_failure"], True)])
def test_the_variability_of_a_heart_in_atrial_fibrillation_is_no_news(conditions: list[str], wanted: bool) -> None:
    log = nights(someone(*conditions), JUMPS)
    assert bool(told_of(log, "hrv_rmssd")) is wanted
    states = {summary.state for summary in run(log).summaries if summary.vital == "hrv_rmssd"}
    assert states == ({"unknown", "normal", "deviating"} if wanted else {"unknown"})


def test_it_is_no_news_from_the_day_on_and_after_a_restart() -> None:
    log = Log()
    log.profile(conditions=[{"code": AF, "since": str(FIRST_DAY.replace(day=17))}])
    nights(log, JUMPS)
    told = run(log)
    states = [summary.state for summary in told.summaries if summary.vital == "hrv_rmssd"]
    assert "normal" in states[:12]
    assert set(states[12:]) == {"unknown"}
    cut, state = len(log) - 6, PartitionState()
    run(Log(log.records[:cut]), state=state)
    again = run(log, state=restored(pack_dirty(state, 0).pages, 0), begin=cut)
    assert again.lines()["summaries"] == told.lines()["summaries"][-len(again.summaries) :]


def test_what_is_not_judged_is_not_learned() -> None:
    """Who is found to have none after all is held against what was learned before, not against what the rhythm made."""
    log = nights(someone(AF), [120.0] * 14)
    log.profile(version=2)
    nights(log, [30.0] * 14)
    band = [summary for summary in run(log).summaries if summary.vital == "hrv_rmssd" and summary.high is not None][-1]
    assert (band.high or 999) < 60


@pytest.mark.parametrize(("value", "rule"), [(505.0, "qtc_500"), (485.0, "qt_480")])
def test_limits_and_rules_on_a_qt_interval_hold_all_the_same(value: float, rule: str) -> None:
    fields: dict[str, Any] = {"conditions": [{"code": AF}, {"code": "long_qt"}]}
    log = Log()
    log.profile(**fields)
    nights(log, [value] * 3, "qtc")
    assert rule in [alert.rule.id for alert in run(log).alerts]


@pytest.mark.parametrize("slowly", [False, True])
def test_what_it_was_told_of_before_is_over_when_the_condition_is_known(slowly: bool) -> None:
    """No night would ever say so: the alert stood until somebody resolved it by hand."""
    moved = [30.0] * 30 + [25.5] * 10 if slowly else JUMPS[:18]
    log = nights(someone(), moved)
    log.profile(version=2, conditions=[{"code": AF}])
    nights(log, [30.0] * 3)
    told = told_of(log, "hrv_rmssd")
    assert told, "there was something to end"
    assert {event for _, event in told[-1:]} == {"resolved"}
    assert [a.reason for a in run(log).alerts][-1] == care.NOT_JUDGED


def test_a_limit_that_was_told_of_stands_when_the_condition_is_known() -> None:
    log = nights(someone("long_qt"), [420.0, 422.0] * 5 + [506.0] * 3, "qtc")
    before = {a.problem for a in run(log).alerts}
    log.profile(version=2, conditions=[{"code": "long_qt"}, {"code": AF}])
    log.tick()
    assert "qtc.high" in before
    assert not [a for a in run(log).alerts if a.event == "resolved" and a.kind != "deviation"]
