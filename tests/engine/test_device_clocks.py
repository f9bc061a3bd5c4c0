"""What the care team is told of clocks that are wrong, and of devices whose source is away."""

from models.times import US_PER_S, rfc3339
from tests.engine.factories import DAY_US, HOUR_US, Log, run
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
