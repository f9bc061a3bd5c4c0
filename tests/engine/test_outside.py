"""What else had moved when an alert was raised: said of what was known then, wherever the log is cut."""

import pytest

from alerts.events import AlertEvent
from streams.engine.evidence import OTHERS_MAX
from streams.engine.outside import STATE
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, Log, Told, one_by_one, run

DAYS = 12
LEVELS = {"body_weight": 70.0, "systolic_bp": 125.0, "diastolic_bp": 78.0, "body_temperature": 36.6, "peak_flow": 420.0}
AWAY = {"body_weight": 73.0, "systolic_bp": 97.0, "diastolic_bp": 58.0, "body_temperature": 37.7, "peak_flow": 330.0}
"""Outside a band of twelve steady days, and within all limits."""


def morning(log: Log, n: int, levels: dict[str, float], *away: str) -> None:
    """One reading of each vital within half an hour; those that are away, first."""
    for name in sorted(levels, key=lambda name: name not in away):
        log.read(code=name, value=AWAY[name] if name in away else round(levels[name] * (1 + n % 3 * 0.002), 2))
        log.wait(5 * MINUTE_US)


def steady(*names: str) -> Log:
    log = Log()
    log.profile(medications=[{"code": "metoprolol", "start": "2025-01-01"}])
    for n in range(DAYS):
        morning(log, n, {name: LEVELS[name] for name in names})
        log.wait(DAY_US - len(names) * 5 * MINUTE_US)
    return log


def lives(*away: str, names: tuple[str, ...] = ("body_weight", "systolic_bp", "body_temperature")) -> Log:
    """Two mornings on which the weight is away, and what is named too; then some on which all is well."""
    log = steady(*names)
    for n in range(5):
        morning(log, n, {name: LEVELS[name] for name in names}, *(("body_weight", *away) if n < 2 else ()))
        log.wait(6 * HOUR_US)
        log.tick()
        log.wait(18 * HOUR_US - len(names) * 5 * MINUTE_US)
    return log


def weight(told: Told) -> AlertEvent:
    return next(alert for alert in told.alerts if alert.problem == "body_weight.high")


def others(told: Told) -> list[str]:
    """Vitals that the alert names beside its own, in its evidence."""
    first, *rest = weight(told).evidence
    assert first.vital == "body_weight"
    return [one.vital for one in rest]


def test_an_alert_says_which_other_vital_had_moved_and_keeps_silent_about_those_that_had_not() -> None:
    opened = weight(run(lives("body_temperature")))
    _, other = opened.evidence
    assert (other.vital, other.value, other.unit, other.quality) == ("body_temperature", 37.7, "Cel", None)
    assert other.high is not None
    assert other.high < 37.7
    assert other.baseline_days is not None
    assert other.baseline_days >= DAYS - 1
    said = (
        f"At the same time: temperature 37.7 °C, above this patient's own band ({other.low:.1f} to {other.high:.1f})."
    )
    assert said in opened.explanation
    assert "ystolic" not in opened.explanation


def test_it_says_what_was_taken_into_account_for_the_other_one_too() -> None:
    opened = weight(run(lives("systolic_bp")))
    assert any("metoprolol" in one for one in opened.evidence[1].modifiers)


def test_who_has_nothing_else_outside_is_told_nothing_of_it() -> None:
    opened = weight(run(lives()))
    assert len(opened.evidence) == 1
    assert "At the same time" not in opened.explanation


def test_only_the_furthest_are_named() -> None:
    away = tuple(name for name in LEVELS if name != "body_weight")
    told = run(lives(*away, names=tuple(LEVELS)))
    scores = [abs(one.score or 0) for one in weight(told).evidence[1:]]
    assert len(scores) == OTHERS_MAX < len(away)
    assert scores == sorted(scores, reverse=True)


def apart(hours: int) -> Log:
    """Two days on which the weight is measured so many hours after the temperature, and both are away."""
    log = steady("body_weight", "body_temperature")
    for _ in range(2):
        log.read(code="body_temperature", value=37.7)
        log.wait(hours * HOUR_US)
        log.read(code="body_weight", value=73.0)
        log.wait(HOUR_US)
        log.tick()
        log.wait(DAY_US - (hours + 1) * HOUR_US)
    return log


@pytest.mark.parametrize(("hours", "named"), [(1, ["body_temperature"]), (7, [])])
def test_what_is_too_old_to_be_of_now_is_not_told_of_now(hours: int, named: list[str]) -> None:
    assert others(run(apart(hours))) == named


def test_a_vital_that_is_back_inside_has_not_moved() -> None:
    log = steady("body_weight", "body_temperature")
    for value in (37.7, 36.6):
        log.read(code="body_temperature", value=value)
        log.read(code="body_weight", value=73.0)
        log.wait(DAY_US)
    log.tick()
    assert others(run(log)) == []


@pytest.mark.parametrize(
    ("code", "usual", "odd", "named"), [("respiratory_rate", 14, 23, ["respiratory_rate"]), ("steps", 20, 4000, [])]
)
def test_a_stream_is_named_too_but_for_steps_which_alone_are_no_reason_to_tell_anybody(
    code: str, usual: float, odd: float, named: list[str]
) -> None:
    log, quarter_us = Log(), 15 * MINUTE_US
    log.profile()
    for n in range(104):
        log.read(code=code, value=usual + n % 3 if n < 100 else odd)
        log.wait(quarter_us)
    log.read(code="spo2", value=78.0)
    told = run(log)
    assert [one.state for one in told.summaries if one.vital == code][-1] == "deviating"
    opened = next(alert for alert in told.alerts if alert.problem == "spo2.low")
    assert [one.vital for one in opened.evidence[1:]] == named


def test_what_is_about_the_past_says_nothing_of_now() -> None:
    log = steady("body_weight", "body_temperature")
    log.read(code="body_temperature", value=37.7)
    for days in (3, 2):
        log.read(code="body_weight", value=73.0, at_us=log.now_us - days * DAY_US + HOUR_US)
    log.wait(HOUR_US)
    log.tick()
    opened = weight(run(log))
    assert opened.retrospective
    assert len(opened.evidence) == 1


@pytest.mark.parametrize("away", [(), ("body_temperature",), ("systolic_bp", "body_temperature")])
def test_it_does_not_matter_how_the_log_is_cut(away: tuple[str, ...]) -> None:
    """What comes after the alert, in the same stretch, is not known to it."""
    log = lives(*away)
    whole = run(log).lines()
    assert sorted(others(run(log))) == sorted(away)
    assert whole == run(log, one_by_one(log)).lines() == run(log, range(0, len(log), 7)).lines()


def test_a_state_put_back_from_its_pages_goes_on_as_if_nothing_had_been() -> None:
    log = apart(1)
    whole = run(log).lines()["alerts"]
    for cut in range(1 + 2 * DAYS, len(log)):
        state = PartitionState()
        before = run(Log(log.records[:cut], log.now_us), state=state).lines()["alerts"]
        again = restored(pack_dirty(state, 0).pages, 0)
        assert before + run(log, state=again, begin=cut).lines()["alerts"] == whole


def test_who_withdraws_consent_for_a_vital_leaves_nothing_of_it_behind() -> None:
    log, state = steady("body_weight", "body_temperature"), PartitionState()
    log.read(code="body_temperature", value=37.7)
    log.wait(HOUR_US)
    log.tick()
    run(log, state=state)
    assert state.outside.used == 1
    begin = len(log)
    log.profile(version=2, withheld=["body_temperature"])
    run(log, state=state, begin=begin)
    assert state.outside.used == 0
    assert not state.outside.table.view(("u1", STATE.itemsize)).any()


def test_who_withdraws_consent_for_a_vital_has_it_named_by_no_alert_from_then_on() -> None:
    log = apart(1)
    opened = weight(run(log))
    log.profile(version=2, withheld=["body_temperature"])
    log.act(opened.alert_id)
    acknowledged = run(log).alerts[-1]
    assert (acknowledged.alert_id, acknowledged.event) == (opened.alert_id, "acknowledged")
    assert [one.vital for one in acknowledged.evidence] == ["body_weight"]
    assert "At the same time" in opened.explanation
    assert "At the same time" not in acknowledged.explanation
