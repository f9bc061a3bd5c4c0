"""Acute deviations and the alert budget, from readings to alerts."""

from datetime import datetime

from models.readings import VitalSummary
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from tests.engine.factories import DAY_US, Log, Told, run

QUIET = 24
"""Days after which a deviation can be told, and a drift cannot yet."""
WIDE = 9.0
"""Of somebody whose pairs of windows lie far away with nothing wrong: the limit is as high as it gets."""


def told(heavy: list[float], wide: float) -> tuple[Told, PartitionState]:
    """What is said of these weights after some weeks about 70 kg, by an engine that has learned so much by then."""
    log, state = Log(), PartitionState()
    log.profile("p-1")
    for n in range(QUIET):
        log.read(code="body_weight", value=70.0 + n % 3 * 0.4, unit="kg")
        log.wait(DAY_US)
    run(log, state=state)
    state.rows["deviation"]["wide"][state.row_of[0].max()] = wide
    begin = len(log)
    for value in heavy:
        log.read(code="body_weight", value=value, unit="kg")
        log.wait(DAY_US)
    log.tick()
    return run(log, state=state, begin=begin), state


def last(summaries: list[VitalSummary]) -> str:
    return summaries[-1].state


def test_what_the_own_limit_withholds_is_on_the_record_with_its_reason_and_teaches_nothing() -> None:
    plain, _ = told([72.2, 72.2], 0.0)
    withheld, state = told([72.2, 72.2], WIDE)
    assert [(a.event, a.problem) for a in plain.alerts] == [("opened", "body_weight.high")]
    assert withheld.alerts == []
    (told_of,), (noted,) = plain.findings, withheld.findings
    assert (told_of.severity, noted.severity) == ("advisory", "info")
    assert (told_of.event_at, told_of.score) == (noted.event_at, noted.score)
    assert told_of.reason is None
    assert noted.reason is not None
    assert "alert budget" in noted.reason
    assert last(withheld.summaries) == "deviating"
    assert state.rows["deviation"]["open"][state.row_of[0].max()] > 0, "the band stands still all the same"


def test_what_is_withheld_is_told_when_it_goes_on_and_not_when_it_passes() -> None:
    found, _ = told([71.9] * 4, WIDE)
    assert [one.severity for one in found.findings if one.kind == "deviation"] == ["info", "advisory"]
    assert (found.alerts[0].event, found.alerts[0].kind) == ("opened", "deviation")
    assert found.alerts[0].onset_at == "2026-01-29T08:00:00Z", "it began when it came up, and not when it was told"
    passing, _ = told([71.9] * 2 + [70.4] * 3, WIDE)
    assert passing.alerts == []


def nights(code: str, level: float, unit: str, odd: list[float]) -> Told:
    log = Log()
    log.profile("p-1")
    for value in [*(level + n % 3 for n in range(QUIET)), *odd]:
        log.read(code=code, value=value, unit=unit)
        log.wait(DAY_US)
    log.tick()
    return run(log)


def test_nights_of_a_slow_pulse_are_on_the_record_and_of_a_fast_one_told() -> None:
    slow, fast = (nights("resting_heart_rate", 59.0, "/min", [value] * 2) for value in (53.0, 67.0))
    assert [one.severity for one in slow.findings if one.kind == "deviation"] == ["info"]
    assert slow.alerts == []
    assert [(a.event, a.problem) for a in fast.alerts] == [("opened", "resting_heart_rate.high")]


def test_a_slow_pulse_is_told_after_two_weeks_of_nights() -> None:
    odd = [53.0 + n % 2 / 2 for n in range(18)]
    found = nights("resting_heart_rate", 59.0, "/min", odd).findings
    noted, told = [one for one in found if one.kind == "deviation"]
    assert (noted.severity, told.severity) == ("info", "advisory")
    assert noted.reason is not None
    assert "16 measurements" in noted.reason
    begun, later = (datetime.fromisoformat(one.event_at) for one in (noted, told))
    assert (later - begun).days == 14


def test_two_short_nights_are_no_deviation() -> None:
    found = nights("sleep_duration", 420.0, "min", [120.0, 133.0, 126.0]).findings
    assert [one.problem for one in found if one.kind == "deviation"] == []


def test_what_is_urgent_is_told_at_once() -> None:
    found, _ = told([80.0, 80.0], WIDE)
    assert [(a.event, a.severity) for a in found.alerts] == [("opened", "urgent")]


def test_what_was_learned_and_what_is_withheld_come_back_with_the_page() -> None:
    _, state = told([71.9, 71.9], WIDE)
    again = restored(pack_dirty(state, 0).pages, 0)
    row, was = again.row_of[0].max(), state.row_of[0].max()
    assert again.rows["deviation"]["withheld"][row] == 1
    assert again.rows["deviation"][row].tobytes() == state.rows["deviation"][was].tobytes()
