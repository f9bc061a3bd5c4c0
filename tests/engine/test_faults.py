"""A sensor that is known to be wrong: its readings are unknown, not learned, not held against the patient's own band,
and one alert tells of the device. No limit that protects is muted by it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from models import baseline
from models.times import rfc3339, to_us
from streams.engine.pages import pack_dirty, restored
from streams.engine.standing import patients_by_state, vitals_by_state
from streams.engine.state import PartitionState
from tests.engine.factories import DAY_US, MINUTE_US, START_US, Log, Told, one_by_one, run

WATCH = "urn:dev:watch-9"
NOISE = [0.0, 2.0, -1.0, 3.0, 1.0, -2.0, 0.5]


def lived(log: Log, minutes: int, level: float = 64.0, code: str = "heart_rate") -> None:
    """A reading a minute from somebody alive, at rest."""
    for n in range(minutes):
        log.read(code=code, value=level + NOISE[n % 7], device=WATCH)
        log.wait(MINUTE_US)


def stuck(log: Log, minutes: int, level: float, code: str = "heart_rate") -> None:
    """The same reading every minute."""
    for _ in range(minutes):
        log.read(code=code, value=level, device=WATCH)
        log.wait(MINUTE_US)


def of_sensor(told: Told) -> list[tuple[str, str]]:
    return [pair for pair in told.events() if pair[0].startswith("sensor.")]


def test_a_watch_that_stands_still_is_told_once_and_resolved_when_it_is_over() -> None:
    log = Log()
    log.profile()
    lived(log, 30)
    stuck(log, 180, 64.0)
    lived(log, 30)
    told = run(log)
    assert of_sensor(told) == [(f"sensor.{WATCH}", "opened"), (f"sensor.{WATCH}", "resolved")]
    opened = next(alert for alert in told.alerts if alert.event == "opened")
    assert (opened.category, opened.kind, opened.severity) == ("technical", "sensor", "advisory")
    assert "has stood still at one value" in opened.explanation
    assert "Limits that hold for everyone are watched as before" in opened.explanation


def nights(log: Log, values: list[float]) -> None:
    """The heart rate variability of each night."""
    for value in values:
        log.read(code="hrv_rmssd", value=value, unit="ms", device=WATCH)
        log.wait(DAY_US)
        log.tick()


@pytest.mark.parametrize(("same", "events"), [(3, []), (4, ["opened", "resolved"]), (9, ["opened", "resolved"])])
def test_a_watch_that_sends_the_same_night_again_and_again_is_told_once_and_over_with_the_first_other(
    same: int, events: list[str]
) -> None:
    log = Log()
    log.profile()
    nights(log, [38.0, 44.0, 41.0, 36.0, 40.0] * 3 + [39.0] * same + [42.0, 37.0])
    told = run(log)
    assert [event for _, event in of_sensor(told)] == events
    states = [one.state for one in told.summaries if one.vital == "hrv_rmssd"][15 : 15 + same]
    assert states[:3] == ["normal"] * 3
    assert set(states[3:]) <= {"unknown"}


def test_what_stands_still_is_unknown_and_never_normal() -> None:
    log, state = Log(), PartitionState()
    log.profile()
    lived(log, 200 * 15)
    normal = run(log, state=state)
    assert normal.summaries[-1].state == "normal"
    begin = len(log)
    stuck(log, 150, 66.0)
    told = run(log, state=state, begin=begin)
    assert [summary.state for summary in told.summaries][-6:] == ["unknown"] * 6
    assert vitals_by_state(state)["heart_rate"] == {"normal": 0, "deviating": 0, "unknown": 1, "withheld": 0}
    assert patients_by_state(state)["normal"] == 0


def test_what_stands_still_far_from_the_own_band_is_no_deviation_and_is_not_learned() -> None:
    log, state = Log(), PartitionState()
    log.profile()
    lived(log, 200 * 15)
    run(log, state=state)
    row = np.array([int(state.row_of[0, 0])])
    level, n = baseline.take(state.rows["base"], row).x[0].copy(), float(state.rows["base"]["n"][row[0]])
    begin = len(log)
    stuck(log, 600, 92.0)
    told = run(log, state=state, begin=begin)
    assert "heart_rate.high" not in dict(told.events())
    assert float(state.rows["base"]["n"][row[0]]) <= n + 3, "until it was known, and not after"
    assert abs(float(baseline.take(state.rows["base"], row).x[0][0] - level[0])) < 1.0


def test_one_that_moves_at_the_same_level_is_a_deviation() -> None:
    """The twin of the one before: it is the fault that keeps it quiet, and nothing else."""
    log = Log()
    log.profile()
    lived(log, 200 * 15)
    lived(log, 600, level=92.0)
    assert ("heart_rate.high", "opened") in run(log).events()


@pytest.mark.parametrize(("goes_on", "named"), [(stuck, []), (lived, ["heart_rate"])])
def test_what_a_faulty_sensor_says_is_not_named_beside_another_vital(goes_on: Any, named: list[str]) -> None:
    """Its first windows lay outside the own band, before the fault was known."""
    log = Log()
    log.profile()
    lived(log, 200 * 15)
    goes_on(log, 60, 92.0)
    log.read(code="spo2", value=78.0)
    opened = next(alert for alert in run(log).alerts if alert.problem == "spo2.low")
    assert [one.vital for one in opened.evidence[1:]] == named


@pytest.mark.parametrize(("level", "severity"), [(30.0, "emergency"), (36.0, "urgent"), (185.0, "emergency")])
def test_no_floor_is_muted_or_delayed_by_a_fault_because_a_real_asystole_is_flat_too(
    level: float, severity: str
) -> None:
    log, without = Log(), Log()
    for one in (log, without):
        one.profile()
        lived(one, 60)
    stuck(log, 240, 64.0)
    stuck(log, 90, level)
    lived(without, 240)
    for n in range(90):
        without.read(value=level - 0.1 * (n % 2), device=WATCH)
        without.wait(MINUTE_US)
    found, moving = (
        next(a for a in run(one).alerts if a.event == "opened" and a.category == "clinical") for one in (log, without)
    )
    assert (found.severity, found.decided_at) == (severity, moving.decided_at)


def test_a_rule_of_a_condition_speaks_of_a_weight_that_jumps() -> None:
    """Eleven kilograms in a day, and again the same morning: its first window is at fault, and the rule counts it."""
    log = Log()
    log.profile(conditions=[{"code": "heart_failure"}])
    for day in range(12):
        log.read(code="body_weight", value=81.0 + NOISE[day % 7] / 10, device="urn:dev:scale-1")
        log.wait(DAY_US)
    for value in (92.5, 92.6):
        log.read(code="body_weight", value=value, device="urn:dev:scale-1")
        log.wait(60 * MINUTE_US)
    log.tick()
    told = run(log)
    assert told.summaries[-2].state == "unknown"
    assert any(alert.kind == "condition" and alert.severity == "urgent" for alert in told.alerts)


def test_two_vitals_of_one_device_are_one_alert_until_both_are_right_again() -> None:
    log = Log()
    log.profile()
    for n in range(200):
        wrong = n < 100
        log.read(value=64.0 if n < 130 else 64.0 + NOISE[n % 7], device=WATCH)
        log.read(code="skin_temperature", value=26.0 if wrong else 33.0, unit="Cel", device=WATCH)
        log.wait(MINUTE_US)
    events = [alert for alert in run(log).alerts if alert.problem == f"sensor.{WATCH}"]
    assert [event.event for event in events] == ["opened", "resolved"]
    assert events[1].decided_at > "2026-01-05T10:10:00Z"


def kept_back(log: Log, values: Iterable[float]) -> None:
    """What a watch has kept for six hours, a reading a minute, all of it sent now."""
    begin = log.now_us - 6 * 60 * MINUTE_US
    for n, value in enumerate(values):
        log.read(value=value, device=WATCH, at_us=begin + n * MINUTE_US, arrived_us=log.now_us)


def of_now(told: Told) -> list[tuple[str, bool]]:
    """The events of the watch's alerts, and whether they are about the past."""
    return [(alert.event, alert.retrospective) for alert in told.alerts if alert.problem == f"sensor.{WATCH}"]


def came_late() -> Log:
    """A watch that stood still for three hours and was right again, of which the readings come six hours late."""
    log = Log()
    log.profile()
    lived(log, 30)
    log.wait(6 * 60 * MINUTE_US)
    kept_back(log, [64.0] * 200 + [64.0 + NOISE[n % 7] for n in range(160)])
    lived(log, 60)
    return log


def test_a_fault_in_what_comes_hours_late_is_on_the_record_and_nobody_is_told_of_it_as_of_now() -> None:
    told = run(came_late())
    assert of_now(told) == [("opened", True)]
    (opened,) = (alert for alert in told.alerts if alert.problem == f"sensor.{WATCH}")
    assert opened.explanation.startswith("These readings arrived late")
    assert opened.event_at == opened.onset_at < opened.decided_at
    assert [one.retrospective for one in told.findings if one.problem == f"sensor.{WATCH}"] == [True]


def test_a_fault_that_came_late_and_still_lasts_is_told_as_of_now_and_ends() -> None:
    """Also where another vital of the device is at fault only in the past."""
    log = Log()
    log.profile()
    lived(log, 30)
    log.wait(6 * 60 * MINUTE_US)
    kept_back(log, [64.0] * 360)
    stuck(log, 30, 64.0)
    lived(log, 30)
    told = run(log)
    assert of_now(told) == [("opened", True), ("opened", False), ("resolved", False)]


def a_day_after(at: str) -> str:
    return rfc3339(to_us(datetime.fromisoformat(at)) + DAY_US)


def ended_by_hand(hours: int) -> Log:
    """A watch stands still, a nurse closes the alert about it, and it stands still for so long."""
    log = Log()
    log.profile()
    stuck(log, 180, 64.0)
    log.act(run(log).alerts[0].alert_id, "resolve")
    stuck(log, 60 * hours, 64.0)
    return log


def test_a_fault_that_a_person_resolved_is_told_again_after_a_day_each_time_and_not_before() -> None:
    """Whoever closes the alert and cannot reach the patient has not mended the watch: all it says is unknown."""
    log = ended_by_hand(24)
    opened, ended = run(log).alerts
    assert (opened.event, ended.event) == ("opened", "resolved"), "the day is not over"
    stuck(log, 1, 64.0)
    again = run(log).alerts[-1]
    assert (again.alert_id, again.event, again.state) == (opened.alert_id, "reopened", "open")
    assert (again.decided_at, again.onset_at) == (a_day_after(ended.decided_at), opened.onset_at)
    assert (again.notify, again.reason) == ("returned", "it was resolved, and is still so")
    assert again.explanation == opened.explanation
    log.act(opened.alert_id, "resolve", action_id="done-again")
    stuck(log, 24 * 60 + 2, 64.0)
    lived(log, 30)
    told = run(log)
    assert of_now(told) == [(event, False) for event in ("opened", *["resolved", "reopened"] * 2, "resolved")]
    assert [one.event_at for one in told.findings if one.problem == f"sensor.{WATCH}"] == [opened.onset_at] * 3
    assert run(log, cuts=one_by_one(log)[::197]).lines() == told.lines()


def test_that_it_was_resolved_is_known_after_a_restart_too() -> None:
    log, state = ended_by_hand(23), PartitionState()
    run(log, state=state)
    begin = len(log)
    stuck(log, 120, 64.0)
    again = restored(pack_dirty(state, 0).pages, 0)
    assert of_now(run(log, state=again, begin=begin)) == [("reopened", False)]


@pytest.mark.parametrize("since", ["mended", "silent", "given back", "another"])
def test_what_is_not_seen_a_day_after_it_was_resolved_is_not_told_again(since: str) -> None:
    """Nothing says that a watch still stands still of which nothing comes: its silence is what is told."""
    log = ended_by_hand(3)
    if since == "mended":
        lived(log, 24 * 60)
    elif since == "given back":
        log.profile(version=2, devices=[{"device": WATCH, "until": "2026-01-06"}])
        stuck(log, 24 * 60, 64.0)
    elif since == "another":
        for n in range(24 * 60):
            log.read(value=64.0 + NOISE[n % 7], device="urn:dev:other-2")
            log.wait(MINUTE_US)
    else:
        log.wait(22 * 60 * MINUTE_US)
        log.tick()
    assert of_now(run(log)) == [("opened", False), ("resolved", False)]


def test_that_it_was_so_hours_ago_is_no_reason_to_tell_again_and_that_it_is_so_now_is() -> None:
    log = Log()
    log.profile()
    stuck(log, 120, 40.0, "glucose")
    log.act(next(a for a in run(log).alerts if a.kind == "sensor").alert_id, "resolve")
    for _ in range(12 * 25):
        log.read(code="glucose", value=40.0, device=WATCH, arrived_us=log.now_us + 6 * 60 * MINUTE_US)
        log.wait(5 * MINUTE_US)
    log.wait(6 * 60 * MINUTE_US)
    assert of_now(run(log))[-1] == ("resolved", False)
    for _ in range(3):
        log.read(code="glucose", value=40.0, device=WATCH)
        log.wait(5 * MINUTE_US)
    assert of_now(run(log))[-1] == ("reopened", False)


def test_another_vital_of_the_device_that_is_wrong_since_is_enough() -> None:
    log = ended_by_hand(2)
    for n in range(24 * 60):
        log.read(value=64.0 if n < 120 else 64.0 + NOISE[n % 7], device=WATCH)
        log.read(code="skin_temperature", value=26.0, unit="Cel", device=WATCH)
        log.wait(MINUTE_US)
    told = run(log)
    assert of_now(told) == [("opened", False), ("resolved", False), ("reopened", False)]
    assert told.alerts[-1].explanation.startswith("The skin temperature from")


def test_another_device_is_no_continuation_of_the_faulty_one() -> None:
    log = Log()
    log.profile()
    stuck(log, 180, 64.0)
    log.read(value=64.0, device="urn:dev:other-2")
    assert of_sensor(run(log)) == [(f"sensor.{WATCH}", "opened"), (f"sensor.{WATCH}", "resolved")]


def test_an_alert_about_a_sensor_ends_with_the_consent_to_its_vital() -> None:
    log = Log()
    log.profile()
    stuck(log, 180, 64.0)
    lived(log, 3, level=36.5, code="body_temperature")
    log.profile(version=2, withheld=["heart_rate"])
    assert of_sensor(run(log))[-1] == (f"sensor.{WATCH}", "expired")


@pytest.mark.parametrize(
    ("version", "events"),
    [
        ({"strata": {"language": "en"}}, [("opened", True)]),
        ({"withheld": ["heart_rate"]}, [("opened", True), ("expired", True)]),
    ],
)
def test_an_alert_about_a_sensor_of_the_past_ends_with_the_consent_and_not_with_any_version_of_the_profile(
    version: dict[str, Any], events: list[tuple[str, bool]]
) -> None:
    """The watch measures another vital too, which goes on to be watched."""
    log = came_late()
    lived(log, 3, level=36.5, code="body_temperature")
    log.profile(version=2, **version)
    assert of_now(run(log)) == events


def test_a_spike_in_a_stream_does_not_move_its_window() -> None:
    log = Log()
    log.profile()
    for n in range(30):
        log.read(value=200.0 if n == 7 else 64.0 + n % 3, device=WATCH)
        log.wait(MINUTE_US)
    log.wait(60 * MINUTE_US)
    log.tick()
    first = run(log).summaries[0]
    assert first.mean == pytest.approx(65.0, abs=0.2)
    assert (first.n, first.max) == (15, 66.0)


def test_it_does_not_matter_how_the_log_is_cut_or_where_a_worker_takes_over() -> None:
    log = Log()
    log.profile()
    for code, level in (("heart_rate", 64.0), ("glucose", 40.0)):
        lived(log, 9, level=90.0, code=code)
        stuck(log, 100, level, code=code)
        lived(log, 20, level=90.0, code=code)
    for n in range(12):
        log.read(code="steps", value=108, unit="{steps}", device=WATCH)
        log.read(value=109.0, device=WATCH, context={"activity": "active"})
        log.wait(MINUTE_US if n % 5 else 2 * MINUTE_US)
    whole, state = run(log), PartitionState()
    assert run(log, cuts=one_by_one(log)).lines() == whole.lines()
    first = run(Log(log.records[:77]), state=state).lines()
    then = run(log, state=restored(pack_dirty(state, 0).pages, 0), begin=77).lines()
    assert {kind: first[kind] + then[kind] for kind in first} == whole.lines()
    assert log.now_us > START_US
