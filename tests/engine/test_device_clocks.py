"""What the care team is told of clocks that are wrong, and of devices whose source is away."""

import dataclasses

import pytest

from alerts.policy import PolicySettings
from models.times import US_PER_S, rfc3339
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, SETTINGS, START_US, Log, one_by_one, run
from tests.engine.wearing import TEN_MINUTES_US, WATCH, change, jumped, off, technical, watched, worn


def test_a_clock_that_was_set_back_is_one_alert_for_the_device_until_it_is_right() -> None:
    log = watched()
    worn(log, 24)
    jumped(log, 12, 3 * DAY_US)
    worn(log, 2)
    told = run(log)
    assert technical(told) == [(f"clock.{WATCH}", "opened"), (f"clock.{WATCH}", "resolved")]
    assert (told.alerts[0].kind, told.alerts[0].severity) == ("sensor", "advisory")


def test_readings_from_the_future_are_refused_one_by_one_and_told_once() -> None:
    log = watched()
    worn(log, 24)
    jumped(log, 5, -DAY_US)
    worn(log, 1)
    told = run(log)
    assert told.rejected == {"clock_fault": 30}
    assert [one for one in technical(told) if one[0].startswith("clock")] == [
        (f"clock.{WATCH}", "opened"), (f"clock.{WATCH}", "resolved"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("1970-01-01T00:10:00Z", "it has lost the time"),
        ("2026-02-01T00:00:00Z", "Readings from the future are refused"),
    ],
)
def test_a_clock_that_has_lost_the_time_is_not_said_to_be_ahead(at: str, said: str) -> None:
    log = Log()
    log.profile()
    for _ in range(4):
        log.read(at=at, device=WATCH)
    assert said in run(log).alerts[0].explanation


def test_no_device_is_blamed_for_a_publisher_that_writes_no_time() -> None:
    """Its records have the time stamp 0: each patient's watch was said to be fifty years ahead."""
    log = watched()
    worn(log, 24)
    for _ in range(30):
        log.read(arrived_us=0, device=WATCH)
        log.wait(MINUTE_US)
    told = run(log)
    assert told.rejected == {"clock_fault": 30}
    assert "the publisher's clock is wrong" in told.rejects[0].detail
    assert [problem for problem, _ in technical(told) if problem.startswith("clock")] == []


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_time_that_no_calendar_has_is_told_as_a_wrong_clock_and_stops_nobody(at: str, language: str) -> None:
    """Its offset puts it before the year 1, or after 9999."""
    log = Log()
    log.profile()
    log.profile("p-2")
    for _ in range(4):
        log.read(at=at, device=WATCH)
    log.read(patient="p-2", code="spo2", value=70.0)
    told = run(log, settings=dataclasses.replace(SETTINGS, policy=PolicySettings(language=language)))
    assert told.reasons() == 4 * ["clock_fault"]
    assert told.events() == [(f"clock.{WATCH}", "opened"), ("spo2.low", "opened")]


@pytest.mark.parametrize("back_us", [3 * DAY_US, -DAY_US])
def test_a_wrong_clock_that_a_person_resolved_is_told_again_after_a_day_each_time(back_us: int) -> None:
    """Set back, or ahead: whatever the watch sends bears a false time until somebody sets it."""
    log = watched()
    worn(log, 24)
    jumped(log, 3, back_us)
    of_clock = [alert for alert in run(log).alerts if alert.problem == f"clock.{WATCH}"]
    for day in range(2):
        resolved_us = log.now_us
        log.act(of_clock[0].alert_id, "resolve", action_id=f"done-{day}")
        jumped(log, 24, back_us)
        assert [alert.event for alert in run(log).alerts if alert.problem == f"clock.{WATCH}"][-1] == "resolved"
        jumped(log, 0.5, back_us)
        again = [alert for alert in run(log).alerts if alert.problem == f"clock.{WATCH}"][-1]
        assert (again.alert_id, again.event, again.onset_at) == (of_clock[0].alert_id, "reopened", of_clock[0].onset_at)
        assert again.decided_at == rfc3339(resolved_us + DAY_US)
        assert (again.notify, again.reason) == ("returned", "it was resolved, and is still so")
    worn(log, 1)
    told = run(log)
    events = [event for problem, event in technical(told) if problem.startswith("clock")]
    assert events == ["opened", *["resolved", "reopened"] * 2, "resolved"]
    assert run(log, one_by_one(log)[::31]).lines() == told.lines()


@pytest.mark.parametrize("since", ["set right", "silent", "given back"])
def test_a_clock_that_is_not_seen_to_be_wrong_a_day_after_it_was_resolved_is_not_told_again(since: str) -> None:
    log = watched()
    worn(log, 24)
    jumped(log, 3, 3 * DAY_US)
    log.act(run(log).alerts[0].alert_id, "resolve")
    if since == "set right":
        worn(log, 30)
    elif since == "silent":
        off(log, 30)
    else:
        log.profile(version=2, devices=[{"device": WATCH, "until": "2026-01-07"}])
        jumped(log, 30, 3 * DAY_US)
    events = [event for problem, event in technical(run(log)) if problem.startswith("clock")]
    assert events == ["opened", "resolved"]


def test_a_clock_that_was_behind_from_the_first_reading_on_is_one_alert_until_it_is_right() -> None:
    """By the hours of a time zone: its emergencies are told as of the past, and only this says why."""
    log = watched()
    jumped(log, 8, 5 * HOUR_US)
    log.read(code="spo2", value=75.0, device=WATCH, at_us=log.now_us - 5 * HOUR_US)
    jumped(log, 4, 5 * HOUR_US)
    worn(log, 1)
    told = run(log)
    assert technical(told) == [(f"clock.{WATCH}", "opened"), (f"clock.{WATCH}", "resolved")]
    first = told.alerts[0]
    assert (first.kind, first.severity, first.decided_at) == ("sensor", "advisory", rfc3339(START_US + 80 * MINUTE_US))
    assert first.title == f"The clock of {WATCH} is behind, or what it sends is always late"
    assert "never newer" in first.explanation
    assert [one.retrospective for one in told.alerts if one.problem == "spo2.low"] == [True]
    assert run(log, one_by_one(log)).lines() == told.lines()
    for cut in range(1, len(log), 17):
        state = PartitionState()
        before = run(Log(log.records[:cut]), state=state).lines()["alerts"]
        after = run(log, state=restored(pack_dirty(state, 0).pages, 0), begin=cut).lines()["alerts"]
        assert before + after == told.lines()["alerts"]


@pytest.mark.parametrize("every_us", [3 * HOUR_US, 8 * HOUR_US])
def test_a_watch_that_only_ever_syncs_late_is_no_wrong_clock(every_us: int) -> None:
    log = watched()
    for k in range(20):
        for back in range(every_us // TEN_MINUTES_US):
            log.read(device=WATCH, at_us=log.now_us - every_us + back * TEN_MINUTES_US + MINUTE_US)
            log.wait(US_PER_S)
        log.wait(every_us - every_us // TEN_MINUTES_US * US_PER_S + k * MINUTE_US)
        log.tick()
    told = run(log)
    assert technical(told) == []
    assert told.late > 0


def test_nights_that_are_sent_as_one_series_are_as_old_as_their_end() -> None:
    """Eight hours of oximetry every night, sent when they are over, at no fixed time."""
    log = watched()
    for night in range(12):
        night_us = 8 * HOUR_US
        log.read(code="spo2", value=None, values=[96.0] * 97, period=300, device=WATCH, at_us=log.now_us - night_us)
        log.wait(DAY_US + (night * 37 % 50 - 25) * MINUTE_US)
        log.tick()
    assert technical(run(log)) == []


def test_a_backfill_of_six_hours_is_no_wrong_clock() -> None:
    log = watched()
    worn(log, 24)
    for k in range(36):
        log.read(device=WATCH, at_us=log.now_us - 30 * HOUR_US + k * TEN_MINUTES_US)
        log.wait(US_PER_S)
    worn(log, 6)
    assert technical(run(log)) == []


def test_a_quiet_source_speaks_for_all_its_devices() -> None:
    """1,000 patients of one integration that is away for two days: one technical alert."""
    log, patients = Log(), [f"p-{n}" for n in range(1000)]
    for patient in patients:
        log.profile(patient)
    for _ in range(3):
        for n, patient in enumerate(patients):
            log.read(patient=patient, device=f"urn:dev:watch-{n}")
        log.wait(2 * HOUR_US)
        log.tick()
    log.control(change("quiet", log.now_us))
    off(log, 48)
    log.control(change("flowing", log.now_us))
    off(log, 1)
    for n, patient in enumerate(patients):
        log.read(patient=patient, device=f"urn:dev:watch-{n}")
    off(log, 1)
    told = run(log)
    assert [(a.patient, a.event) for a in told.alerts] == [
        ("source:urn:dev:watch", "opened"), ("source:urn:dev:watch", "resolved"),
    ]  # fmt: skip
    recorded = [f for f in told.findings if f.kind == "silence"]
    assert len(recorded) == 1000
    assert {f.severity for f in recorded} == {"info"}


def test_a_device_that_stays_away_after_its_source_is_back_is_told_later() -> None:
    log = watched()
    worn(log, 4 * 24)
    log.control(change("quiet", log.now_us))
    off(log, 24)
    log.control(change("flowing", log.now_us))
    back = log.now_us
    off(log, 3)
    assert technical(run(log))[-1][1] == "resolved"
    off(log, 6)
    told = run(log)
    assert technical(told)[-1] == (f"silence.{WATCH}", "opened")
    assert told.alerts[-1].decided_at >= rfc3339(back + 4 * HOUR_US)
