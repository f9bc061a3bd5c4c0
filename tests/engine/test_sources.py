"""Sources in the log: one technical alert each, wherever and however often it is told; and what was known when."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from aiokafka.partitioner import murmur2

from alerts.events import AlertEvent
from alerts.sources import SourceChange, example_at
from models.times import from_us, rfc3339
from streams import control
from streams.engine.pages import pack_dirty, restored
from streams.engine.sources import MOVES_KEPT, NAME_CHARS_MAX, STANDINGS_MAX, Sources, hash_of, source_of
from streams.engine.state import PartitionState
from streams.engine.step import step
from tests.engine.factories import HOUR_US, MINUTE_US, SETTINGS, START_US, Log, Told, action, one_by_one, run

WATCH = "urn:dev:watch"
PATIENT = f"source:{WATCH}"


def change(state: str, minutes: float = 0, since: float = -30, source: str = WATCH, **fields: Any) -> SourceChange:
    """A source changes `minutes` after the start of the log."""
    at, began = from_us(START_US + round(minutes * MINUTE_US)), from_us(START_US + round(since * MINUTE_US))
    return SourceChange(source=source, state=state, since=began, at=at, **fields)  # type: ignore[arg-type]


def log_of(*changes: SourceChange, partition: int = 0) -> Log:
    log = Log(partition=partition)
    for one in changes:
        log.control(control.source(one))
        log.wait(MINUTE_US)
    return log


def told(*changes: SourceChange) -> list[tuple[str, str, int]]:
    return [(alert.problem, alert.event, alert.sequence) for alert in run(log_of(*changes)).alerts]


DEVICES = {
    "urn:dev:watch-9": "urn:dev:watch", "Device/17": "Device", "acme.hub.3": "acme.hub", "cuff_12": "cuff",
    "pump#4": "pump", "watch": "watch", "": "no-device", "-9": "-9", "a b-1": "a_b", "é-1": "_",
    "ingest-1": "source-ingest", "other": "source-other",
}  # fmt: skip


@pytest.mark.parametrize("device", DEVICES)
def test_a_source_is_the_device_without_its_last_part(device: str) -> None:
    assert source_of(device) == DEVICES[device]


def test_a_source_that_names_itself_is_believed_within_bounds() -> None:
    assert source_of("urn:dev:watch-9", b"site-3") == "site-3"
    long, longer = source_of("", b"x" * 500), source_of("", b"x" * 501)
    assert len(long) == len(longer) == NAME_CHARS_MAX
    assert long != longer, "cut names would be taken for one source"


def test_a_quiet_source_is_one_alert_and_is_resolved_when_it_flows() -> None:
    quiet = change("quiet", 0, -30, counts={"patients": 1000})
    alerts = run(log_of(quiet, change("flowing", 60, -30))).alerts
    assert [(a.event, a.state, a.sequence) for a in alerts] == [("opened", "open", 1), ("resolved", "resolved", 2)]
    opened = alerts[0]
    assert (opened.kind, opened.category, opened.patient, opened.care_team) == ("source", "technical", PATIENT, None)
    assert (opened.problem, opened.evidence, opened.severity) == ("source.quiet", [], "urgent")
    assert (opened.onset_at, opened.decided_at) == ("2026-01-05T07:30:00Z", "2026-01-05T08:00:00Z")
    assert "1,000 patients" in opened.explanation
    assert alerts[1].reason == "readings come again"


def test_a_failing_source_says_how_much_and_gives_an_example() -> None:
    example = example_at("unknown_code", "code 'HR' names no vital", 2, 17, START_US)
    counts = {"received": 200, "rejected": 190, "unknown_code": 180, "bad_value": 10}
    (alert,) = run(log_of(change("failing", counts=counts, example=example))).alerts
    assert alert.problem == "source.failing"
    for words in ("200 readings 190", "unknown_code 180, bad_value 10", "partition 2, offset 17", "redrive"):
        assert words in alert.explanation


def test_what_is_told_twice_or_late_does_nothing() -> None:
    quiet, flowing = change("quiet", 1), change("flowing", 5)
    assert told(quiet, quiet, change("quiet", 2, -20), flowing, quiet, flowing) == [
        ("source.quiet", "opened", 1), ("source.quiet", "resolved", 2),
    ]  # fmt: skip
    assert told(flowing, change("healthy", 1)) == []


def test_quiet_and_failing_are_two_troubles() -> None:
    assert told(change("failing", 1), change("quiet", 1), change("healthy", 2), change("flowing", 2)) == [
        ("source.failing", "opened", 1), ("source.quiet", "opened", 1),
        ("source.failing", "resolved", 2), ("source.quiet", "resolved", 2),
    ]  # fmt: skip


def test_a_source_that_goes_quiet_again_within_a_day_is_the_same_alert() -> None:
    again = change("quiet", 90, 80)
    alerts = run(log_of(change("quiet", 1), change("flowing", 60), again)).alerts
    assert [a.event for a in alerts] == ["opened", "resolved", "reopened"]
    assert len({a.alert_id for a in alerts}) == 1


@pytest.mark.parametrize("partitions", [1, 2, 7])
def test_one_partition_tells_whatever_their_number_and_always_the_same(partitions: int) -> None:
    alerts: list[AlertEvent] = []
    for number in range(partitions):
        log = log_of(change("quiet", 1), change("flowing", 60), partition=number)
        part = log.slice()
        object.__setattr__(part, "partitions", partitions)
        found = step(PartitionState(), part, SETTINGS).alerts
        assert bool(found) == ((murmur2(PATIENT.encode()) & 0x7FFFFFFF) % partitions == number)
        alerts += found
    assert alerts == run(log_of(change("quiet", 1), change("flowing", 60))).alerts


def acted(log: Log, type: str, alert_id: str, **fields: Any) -> None:
    document = json.dumps(action(alert_id, type, PATIENT, **fields)).encode()
    log.control(control.action(PATIENT, document))


def test_people_act_on_the_alert_of_a_source() -> None:
    log = log_of(change("quiet", 1))
    (opened,) = run(log).alerts
    acted(log, "acknowledge", opened.alert_id)
    acted(log, "acknowledge", opened.alert_id)
    until = datetime.fromtimestamp((START_US + HOUR_US) / 1e6, UTC).isoformat()
    acted(log, "snooze", opened.alert_id, until=until, reason="the supplier knows")
    log.now_us = START_US + HOUR_US
    log.tick()
    acted(log, "resolve", opened.alert_id)
    log.control(control.source(change("flowing", 90)))
    found = run(log)
    assert [a.event for a in found.alerts] == ["opened", "acknowledged", "snoozed", "updated", "resolved"]
    assert [a.sequence for a in found.alerts] == [1, 2, 3, 4, 5]
    assert found.alerts[1].by == "nurse-2"
    assert all(a.explanation == opened.explanation for a in found.alerts)
    assert found.controls["action", "repeated"] == 1


@pytest.mark.parametrize("restarted", [False, True])
def test_what_a_person_resolved_and_lasts_is_told_again_after_a_day_until_it_is_over(restarted: bool) -> None:
    """While a source is quiet, silence of its patients is not told one by one: nobody would know of them."""
    log, state = log_of(change("quiet", 1)), PartitionState()
    (opened,) = run(log).alerts
    acted(log, "resolve", opened.alert_id)
    resolved_us, cut = log.now_us, len(log)
    before = run(log, state=state).alerts
    state = restored(pack_dirty(state, 0).pages, 0) if restarted else state
    state.processed = cut - 1
    for hours in (23, 24, 30, 60):
        log.now_us = resolved_us + hours * HOUR_US
        log.tick()
    log.control(control.source(change("flowing", 3_700)))
    found = before + run(log, state=state, begin=cut).alerts
    assert [(a.alert_id, a.event) for a in found] == [
        (opened.alert_id, event) for event in ("opened", "resolved", "reopened", "resolved")
    ]
    again = found[2]
    assert again.decided_at == rfc3339(resolved_us + 24 * HOUR_US)
    assert (again.reason, again.notify, again.severity) == ("it was resolved, and is still so", "returned", "urgent")
    assert (again.onset_at, again.title, again.explanation) == (opened.onset_at, opened.title, opened.explanation)


def test_what_ended_after_a_person_resolved_it_is_not_told_again() -> None:
    log = log_of(change("quiet", 1))
    acted(log, "resolve", run(log).alerts[0].alert_id)
    log.control(control.source(change("flowing", 60)))
    log.now_us += 48 * HOUR_US
    log.tick()
    assert [a.event for a in run(log).alerts] == ["opened", "resolved"]


def test_what_is_not_possible_is_answered_and_changes_nothing() -> None:
    log = log_of(change("quiet", 1))
    acted(log, "acknowledge", "a-unknown")
    log.control(control.action("source:nobody", json.dumps(action("a-1", patient="source:nobody")).encode()))
    log.control(control.profile(PATIENT, b"{}"))
    found = run(log)
    assert [a.event for a in found.alerts] == ["opened"]
    assert found.reasons() == ["bad_action", "bad_action", "bad_profile"]


def test_a_forged_change_is_refused_and_no_alert_is_told() -> None:
    log = Log()
    log.control(control.source(change("quiet")), secret=b"a guess at the secret")
    log.control(control.ControlRecord(control.ControlType.SOURCE, None, b'{"source": 1}'))
    found = run(log)
    assert (found.alerts, found.reasons()) == ([], ["bad_shape", "bad_shape"])


def story() -> Log:
    log = log_of(change("quiet", 1), change("failing", 1, source="hub"), change("flowing", 60), change("quiet", 90, 80))
    acted(log, "acknowledge", run(log).alerts[0].alert_id)
    log.control(control.source(change("flowing", 100)))
    return log


def test_batches_do_not_matter() -> None:
    log = story()
    assert run(log, one_by_one(log)).lines() == run(log).lines()


def checkpointed(log: Log, at: int) -> PartitionState:
    """The state that a crash after a checkpoint at this offset leaves."""
    state = PartitionState()
    run(Log(log.records[:at]), state=state)
    packed: Any = pack_dirty(state, 0)
    return restored(getattr(packed, "pages", packed), 0)


def after(log: Log, state: PartitionState, begin: int) -> Told:
    return run(log, state=state, begin=begin)


@pytest.mark.parametrize("at", range(1, 7))
def test_a_crash_tells_nothing_twice_and_loses_nothing(at: int) -> None:
    log = story()
    whole = run(log).lines()["alerts"]
    before = run(Log(log.records[:at])).lines()["alerts"]
    again = after(log, checkpointed(log, at), 0).lines()["alerts"]
    assert before + again == whole


def test_what_comes_again_sees_what_was_known_at_its_own_offset() -> None:
    log = log_of(change("quiet", 1), change("flowing", 2), change("quiet", 3))
    hashes = np.array([hash_of(WATCH), hash_of("another")], np.uint64)
    for state in (checkpointed(log, 3), checkpointed(log, 3)):
        known = [state.sources.quiet_at(hashes, offset).tolist() for offset in (-1, 0, 1, 2, 9)]
        assert known == [[False, False], [True, False], [False, False], [True, False], [True, False]]
        each = state.sources.quiet_at(np.repeat(hashes[:1], 3), np.array([-1, 0, 1]))
        assert each.tolist() == [False, True, False]


def test_while_all_sources_are_quiet_everyone_is() -> None:
    state = PartitionState()
    run(log_of(change("quiet", 1, source="ingest")), state=state)
    assert state.sources.quiet_at(np.array([1, 2], np.uint64), 5).all()


def test_moves_and_sources_are_bounded_and_trouble_is_never_forgotten() -> None:
    known = Sources()
    for n in range(3 * MOVES_KEPT):
        known.change(change("flowing" if n % 2 else "quiet", n + 1), n, home=True)
    assert len(known.standing[WATCH].moves) == MOVES_KEPT
    assert known.quiet_at(np.array([hash_of(WATCH)], np.uint64), 3 * MOVES_KEPT - 2).all()
    known.change(change("quiet", 500, source="lost"), 500, home=True)
    for n in range(2 * STANDINGS_MAX):
        known.change(change("quiet", 1, source=f"s-{n}"), n, home=True)
        known.change(change("flowing", 2, source=f"s-{n}"), n, home=True)
    assert len(known.standing) == STANDINGS_MAX
    assert known.in_trouble("quiet") == {"lost": START_US - 30 * MINUTE_US}


def test_a_channel_that_fails_is_one_alert_about_delivery_and_ends_when_it_works() -> None:
    log = Log()
    for state, minutes in (("undelivered", 1), ("undelivered", 2), ("delivering", 9)):
        log.now_us = START_US + minutes * MINUTE_US
        log.control(control.source(change(state, minutes, minutes, "channel:mail", counts={"failed": 3})))
    told = run(log)
    assert [(a.event, a.kind, a.category, a.patient) for a in told.alerts] == [
        ("opened", "delivery", "technical", "source:channel:mail"),
        ("resolved", "delivery", "technical", "source:channel:mail"),
    ]  # fmt: skip
    assert told.alerts[0].title == "Messages do not get through: channel:mail"
    assert "messages get through again" in told.alerts[1].explanation
