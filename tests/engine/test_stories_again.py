"""What is told again: a second crisis to who knows of the first, and what goes on after somebody ended it."""

from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, Log, run
from tests.engine.hours import CALMED, daily, stream, watched


def test_a_second_crisis_is_told_to_who_lives_above_the_limit_that_stays_quiet() -> None:
    """With hypertension, at home at 165: the first crisis stayed open for good, and hid the second."""
    log = Log()
    log.profile(conditions=[{"code": "hypertension"}])
    daily(log, "systolic_bp", [165.0] * 3 + [190.0, 191.0])
    crisis = next(alert for alert in run(log).alerts if alert.severity == "urgent")
    log.act(crisis.alert_id)
    daily(log, "systolic_bp", [166.0, 164.0, 165.0])
    quiet = len(run(log).alerts)
    daily(log, "systolic_bp", [195.0, 195.0])
    told = run(log).alerts
    assert [a.event for a in told[:quiet] if a.alert_id == crisis.alert_id] == ["opened", "acknowledged", "resolved"]
    assert [(a.event, a.severity) for a in told[quiet:] if a.kind == "limit"][-1][1] == "urgent"


def test_a_second_emergency_is_told_to_who_stays_beyond_a_milder_limit_between() -> None:
    """At 90 % for days, which somebody knows of: once it was acknowledged, a fall below 80 % hid the next one."""
    log, told = watched(), list[str]()
    stream(log, "spo2", 90.0, 120, every_s=300)
    for _ in range(2):
        stream(log, "spo2", 78.0, 10, every_s=300)
        alert = [alert for alert in run(log, settings=CALMED).alerts if alert.kind == "limit"][-1]
        told.append(f"{alert.event} {alert.severity} {alert.notify}")
        log.act(alert.alert_id, action_id=f"a-{len(log)}")
        stream(log, "spo2", 90.0, 180, every_s=300)
    assert told == ["updated emergency worse", "updated emergency worse"]


def hearts(log: Log, value: float, hours: float) -> None:
    """A heart rate every five minutes, as alive as one is."""
    for n in range(round(hours * 12)):
        log.read(value=value + n % 5)
        log.wait(5 * MINUTE_US)


def acknowledged(log: Log, *steps: tuple[float, float]) -> list[str]:
    """What people are told of these heart rates for so many hours, at the end of which somebody acknowledges it."""
    told = list[str]()
    for value, hours in steps:
        before = len(run(log, settings=CALMED).alerts)
        hearts(log, value, hours)
        alerts = run(log, settings=CALMED).alerts
        told += [f"{a.notify} {a.severity} {a.kind}" for a in alerts[before:] if a.notify]
        if alerts and alerts[-1].state == "open":
            log.act(alerts[-1].alert_id, action_id=f"a-{len(log)}")
    return [one for one in told if not one.startswith("taken")]


def test_a_second_crisis_is_told_to_who_has_acknowledged_that_the_vital_stays_away_from_its_band() -> None:
    log = watched()
    hearts(log, 62.0, 6 * 24)
    told = acknowledged(log, *[(98.0, 3.0), (76.0, 24.0)] * 2)
    assert told == ["first urgent deviation", "worse urgent deviation"]


def test_a_limit_is_told_again_to_who_has_acknowledged_it_while_the_vital_stays_away_from_its_band() -> None:
    log = watched()
    hearts(log, 62.0, 6 * 24)
    told = acknowledged(log, *[(142.0, 1.0), (98.0, 24.0)] * 2)
    assert told == ["first urgent limit", "worse urgent limit"]


def test_a_second_crisis_is_told_to_who_has_acknowledged_the_first_though_the_own_band_is_as_severe_between() -> None:
    log, told = watched(), list[str]()
    for values in ([120.0, 121.0, 122.0] * 10, [186.0] * 3, [165.0] * 4, [186.0] * 3):
        before = len(run(log, settings=CALMED).alerts)
        daily_twice(log, values)
        alerts = run(log, settings=CALMED).alerts
        told += [f"{a.notify} {a.severity}" for a in alerts[before:] if a.notify not in (None, "taken")]
        if alerts and alerts[-1].state == "open":
            log.act(alerts[-1].alert_id, action_id=f"a-{len(log)}")
    assert told == ["first advisory", "worse urgent", "worse urgent"]


def daily_twice(log: Log, values: list[float]) -> None:
    """A cuff in the morning and in the evening."""
    for value in values:
        log.read(code="systolic_bp", value=value)
        log.wait(12 * HOUR_US)


def test_a_limit_for_everyone_is_told_to_who_has_acknowledged_that_the_vital_is_far_from_its_band() -> None:
    log = watched()
    hearts(log, 62.0, 6 * 24)
    told = acknowledged(log, (98.0, 3.0), (142.0, 1.0))
    assert told == ["first urgent deviation", "worse urgent limit"]


def test_an_emergency_that_was_milder_when_it_was_acknowledged_is_told_when_it_comes_back() -> None:
    log, told = watched(), list[str]()
    for _ in range(2):
        stream(log, "spo2", 78.0, 10, every_s=300)
        stream(log, "spo2", 90.0, 120, every_s=300)
        alert = [alert for alert in run(log, settings=CALMED).alerts if alert.notify][-1]
        told.append(f"{alert.notify} {alert.severity}")
        log.act(alert.alert_id, action_id=f"a-{len(log)}")
    assert told == ["first emergency", "worse emergency"]


def test_worse_is_told_once() -> None:
    log = watched()
    log.read(code="spo2", value=87.0)
    log.wait(MINUTE_US)
    stream(log, "spo2", 78.0, 30)
    told = run(log)
    assert [(a.event, a.severity) for a in told.alerts] == [("opened", "urgent"), ("updated", "emergency")]
    assert told.alerts[1].reason == "now emergency"


def test_what_a_person_resolved_is_raised_again_if_it_goes_on() -> None:
    log = watched()
    log.read(code="spo2", value=82.0)
    stream(log, "spo2", 82.0, 10)
    (opened,) = run(log).alerts
    log.wait(3 * DAY_US)
    log.act(opened.alert_id, "resolve")
    log.wait(HOUR_US)
    log.read(code="spo2", value=82.0)
    told = run(log)
    assert [(a.alert_id, a.event) for a in told.alerts] == [
        (opened.alert_id, "opened"),
        (opened.alert_id, "resolved"),
        (opened.alert_id, "reopened"),
    ]


def test_to_resolve_the_high_one_leaves_the_low_one_to_clear() -> None:
    log = watched()
    log.read(value=28.0)
    log.wait(MINUTE_US)
    log.read(value=190.0)
    low, high = (alert.alert_id for alert in run(log).alerts)
    log.act(high, "resolve")
    for _ in range(3):
        log.wait(11 * MINUTE_US)
        log.read(value=72.0)
    told = run(log)
    assert [(a.alert_id, a.event) for a in told.alerts[2:]] == [(high, "resolved"), (low, "resolved")]
