"""Control records: believed only with our signature, done once, and acting exactly from their place in the log."""

import base64
import json
from typing import Any

import pytest

from models.times import US_PER_S, rfc3339
from streams import control
from streams.control import SIGNATURE_HEADER, TYPE_HEADER, ControlRecord, ControlType, Headers, signed, verified
from streams.engine.state import Outcome, PartitionState
from tests.engine.factories import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    SECRET,
    START_US,
    Log,
    Told,
    action,
    profile,
    reading,
    run,
)


def alarmed(**fields: Any) -> tuple[Log, str]:
    """A log on which p-1 has a low saturation, and the id of the alert."""
    log = Log()
    log.profile(**fields)
    log.read(code="spo2", value=82.0)
    log.wait(MINUTE_US)
    (opened,) = run(log).alerts
    assert (opened.event, opened.severity) == ("opened", "emergency")
    return log, opened.alert_id


def limping() -> tuple[Log, str]:
    """The same with an alert that is no emergency, and so may be snoozed."""
    log = Log()
    log.profile()
    log.read(code="spo2", value=87.0)
    log.wait(MINUTE_US)
    (opened,) = run(log).alerts
    assert (opened.event, opened.severity) == ("opened", "urgent")
    return log, opened.alert_id


def after(log: Log, begin: int) -> Told:
    """What the records from `begin` on told."""
    state = PartitionState()
    run(Log(log.records[:begin]), state=state)
    return run(log, state=state, begin=begin)


GOOD = signed(control.profile("p-1", profile()), SECRET)[2]
FORGED = {
    "another secret": signed(control.profile("p-1", profile()), b"a guess")[2],
    "no signature": [(TYPE_HEADER, b"profile")],
    "empty signature": [(TYPE_HEADER, b"profile"), (SIGNATURE_HEADER, b"")],
    "signature null": [(TYPE_HEADER, b"profile"), (SIGNATURE_HEADER, None)],
    "signature of another value": signed(control.profile("p-1", profile(version=2)), SECRET)[2],
    "signature of another patient": signed(control.profile("p-2", profile()), SECRET)[2],
    "signature of another type": [(TYPE_HEADER, b"profile"), signed(control.action("p-1", profile()), SECRET)[2][1]],
    "signature of null": [(TYPE_HEADER, b"profile"), signed(control.profile("p-1", None), SECRET)[2][1]],
    "unknown type": [(TYPE_HEADER, b"launch"), GOOD[1]],
    "type null": [(TYPE_HEADER, None), GOOD[1]],
    "type no text": [(TYPE_HEADER, b"\xff"), GOOD[1]],
    "type in capitals": [(TYPE_HEADER, b"PROFILE"), GOOD[1]],
}


@pytest.mark.parametrize("headers", list(FORGED.values()), ids=list(FORGED))
def test_a_forged_control_record_is_answered_and_changes_nothing(headers: Headers) -> None:
    log = Log()
    log.add(b"p-1", profile(), headers)
    log.read()
    told = run(log)
    known = headers[0][1] == b"profile"
    assert told.reasons() == ["bad_profile" if known else "bad_shape", "unknown_patient"]
    assert base64.b64decode(told.rejects[0].value_base64) == profile()
    assert told.received == sum(told.outcomes) == told.rejected.total() == 2
    assert told.controls == {("unknown", "forged"): 1}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (control.profile("p-1", None), "bad_profile"),
        (control.action("p-1", b"{}"), "bad_action"),
        (control.tick(START_US + DAY_US), "bad_shape"),
    ],
)
def test_a_guessed_secret_neither_forgets_nor_acts_nor_moves_time(record: ControlRecord, reason: str) -> None:
    log, _ = alarmed()
    begin = log.control(record, b"a guess")
    log.read(code="spo2", value=96.0)
    told = after(log, begin)
    assert (told.reasons(), told.alerts, told.summaries) == ([reason], [], [])
    assert told.of(Outcome.DECIDED) == 1


def test_what_is_signed_is_verified_as_it_was() -> None:
    for record in (
        control.profile("p-1", b"x"),
        control.profile("p-1", None),
        control.tick(5),
        control.action("p", b""),
    ):
        assert verified(*signed(record, SECRET), secret=SECRET) == record


@pytest.mark.parametrize("value", [b"", b"{}", b'{"at": 5}', b'{"at": "2026-01-05T08:00:00"}', None])
def test_a_tick_without_a_time_is_answered(value: bytes | None) -> None:
    log = Log()
    log.profile()
    log.control(ControlRecord(ControlType.TICK, None, value))
    log.read()
    told = run(log)
    assert (told.reasons(), told.outcomes) == (["bad_shape"], [1, 1, 0, 0])


def test_a_header_of_somebody_else_makes_no_control_record() -> None:
    log = Log()
    log.profile()
    log.add(b"p-1", json.dumps(reading()).encode(), [("traceparent", b"00-1-2-01")])
    assert run(log).outcomes == [1, 0, 0, 0]


@pytest.mark.parametrize("version", [0, 1, 2])
def test_an_old_profile_that_comes_again_changes_nothing(version: int) -> None:
    log = Log()
    log.profile(version=2, withheld=["spo2"])
    begin = log.profile(version=version)
    log.read(code="spo2", value=97.0)
    told = after(log, begin)
    assert told.controls == {("profile", "ignored"): 1}
    assert told.outcomes == [0, 0, 0, 1]


BAD_PROFILES = {
    "not JSON": b"{", "empty": b"", "no consent": b'{"patient": "p-1", "version": 3}', "an array": b"[]",
    "about somebody else": profile("p-2", version=3), "an unknown field": profile(version=3, nickname="Bo"),
    "an unknown vital withheld": profile(version=3, withheld=["mood"]), "version a text": profile(version="3"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("document", list(BAD_PROFILES.values()), ids=list(BAD_PROFILES))
def test_a_bad_profile_is_answered_and_the_old_one_stands(document: bytes) -> None:
    log = Log()
    log.profile(version=2, withheld=["spo2"])
    begin = log.control(control.profile("p-1", document))
    log.read(code="spo2", value=97.0)
    told = after(log, begin)
    assert told.reasons() in (["bad_profile"], ["not_json"])
    assert base64.b64decode(told.rejects[0].value_base64) == document
    assert (told.controls, told.outcomes) == ({("profile", "refused"): 1}, [0, 0, 0, 1])
    assert told.rejected.total() == 0, "a profile is no reading: it must not upset the balance"


def test_an_action_is_done_once_however_often_it_comes() -> None:
    log, alert_id = alarmed()
    begin = len(log)
    for _ in range(3):
        log.act(alert_id, "comment", action_id="act-1", reason="called")
    told = after(log, begin)
    assert [(a.event, a.sequence, a.by, a.reason) for a in told.alerts] == [("updated", 2, "nurse-2", "called")]
    assert told.controls == {("action", "applied"): 1, ("action", "repeated"): 2}
    assert told.rejects == []


def test_an_action_under_another_patients_key_is_refused() -> None:
    log, alert_id = alarmed()
    log.profile("p-2")
    begin = log.control(control.action("p-2", json.dumps(action(alert_id)).encode()))
    log.act(alert_id, patient="p-2")
    log.act(alert_id, patient="nobody")
    told = after(log, begin)
    assert (told.reasons(), told.alerts) == (["bad_action"] * 3, [])


BAD_ACTIONS = {
    "of no such alert": {"alert_id": "a-0000000000000000"}, "of no such type": {"type": "delete"},
    "with a misspelt field": {"untill": rfc3339(START_US + HOUR_US)}, "without who": {"by": None},
    "with a time without a zone": {"at": "2026-01-05T08:00:00"}, "with a reason without end": {"reason": "r" * 5000},
    "snooze without an end": {"type": "snooze", "reason": "known"},
    "snooze without a reason": {"type": "snooze", "until": rfc3339(START_US + HOUR_US)},
    "snooze into the past": {"type": "snooze", "reason": "known", "until": rfc3339(START_US)},
    "snooze for more than a day": {"type": "snooze", "reason": "known", "until": rfc3339(START_US + DAY_US + HOUR_US)},
    "snooze to after the year 9999": {"type": "snooze", "reason": "known", "until": "9999-12-31T23:59:59-23:59"},
    "snooze to before the year 1": {"type": "snooze", "reason": "known", "until": "0001-01-01T00:00:00+23:59"},
    "done after the year 9999": {"at": "9999-12-31T23:59:59-23:59"},
    "assign to nobody": {"type": "assign"},
}  # fmt: skip


@pytest.mark.parametrize("fields", list(BAD_ACTIONS.values()), ids=list(BAD_ACTIONS))
def test_a_bad_action_is_answered_and_changes_nothing(fields: dict[str, Any]) -> None:
    log, alert_id = limping()
    begin = log.control(control.action("p-1", json.dumps(action(alert_id) | fields).encode()))
    log.act(alert_id, "acknowledge")
    told = after(log, begin)
    assert told.reasons() == ["bad_action"]
    assert base64.b64decode(told.rejects[0].value_base64) == log.records[begin].value
    assert [(a.event, a.sequence) for a in told.alerts] == [("acknowledged", 2)]
    assert (told.received, told.rejected.total()) == (0, 0)


def test_an_emergency_cannot_be_snoozed() -> None:
    log, alert_id = alarmed()
    begin = log.act(alert_id, "snooze", until=rfc3339(log.now_us + HOUR_US), reason="asleep")
    told = after(log, begin)
    assert (told.reasons(), told.alerts) == (["bad_action"], [])


def test_an_action_that_its_state_does_not_allow_is_refused() -> None:
    log, alert_id = alarmed()
    begin = log.act(alert_id, "resolve")
    log.act(alert_id, "acknowledge")
    log.act(alert_id, "resolve", action_id="again")
    told = after(log, begin)
    assert [(a.event, a.state) for a in told.alerts] == [("resolved", "resolved")]
    assert told.reasons() == ["bad_action", "bad_action"]


def test_a_tick_ahead_of_its_own_arrival_is_refused() -> None:
    log, _ = alarmed()
    begin = log.tick(log.now_us + 301 * US_PER_S)
    log.tick(log.now_us + 300 * US_PER_S)
    told = after(log, begin)
    assert (told.reasons(), told.outcomes) == (["clock_fault"], [0, 1, 0, 0])
    assert told.controls == {("unknown", "forged"): 1, ("tick", "applied"): 1}


def test_time_does_not_go_backwards() -> None:
    log = Log()
    log.profile()
    log.wait(DAY_US)
    log.tick()
    log.read(code="spo2", value=82.0, at_us=START_US + DAY_US - HOUR_US)
    begin = log.tick(START_US)
    log.tick(START_US + DAY_US)
    told = after(log, begin)
    assert told.controls == {("tick", "ignored"): 2}
    assert (told.alerts, told.rejects, told.summaries) == ([], [], [])


def test_two_snoozes_of_a_patient_both_end_in_their_own_time_within_one_batch() -> None:
    log = Log()
    log.profile()
    log.read(code="spo2", value=87.0)
    log.read(code="respiratory_rate", value=30)
    alerts = [alert.alert_id for alert in run(log).alerts]
    for hours, alert_id in enumerate(alerts, 1):
        log.act(alert_id, "snooze", until=rfc3339(log.now_us + hours * HOUR_US), reason="known")
    begin = len(log)
    for _ in range(4):
        log.wait(HOUR_US)
        log.tick()
    told = after(log, begin)
    assert [(a.alert_id, a.event, a.state, a.decided_at) for a in told.alerts] == [
        (alerts[0], "updated", "open", "2026-01-05T09:00:00Z"),
        (alerts[1], "updated", "open", "2026-01-05T10:00:00Z"),
    ]


@pytest.mark.parametrize("type", ["comment", "assign"])
def test_a_snooze_ends_although_somebody_spoke_meanwhile(type: str) -> None:
    log, alert_id = limping()
    log.act(alert_id, "snooze", until=rfc3339(log.now_us + HOUR_US), reason="asleep")
    log.act(alert_id, type, reason="will call", to="nurse-9")
    begin = len(log)
    log.wait(2 * HOUR_US)
    log.tick()
    assert [(a.event, a.state) for a in after(log, begin).alerts] == [("updated", "open")]


def test_a_withdrawal_acts_exactly_from_its_offset() -> None:
    log = Log()
    log.profile()
    for n in range(6):
        log.read(value=70.0 + n)
        log.wait(MINUTE_US)
        if n == 2:
            log.profile(version=2, withheld=["heart_rate"])
    for cuts in ([], [3], [4], [5], range(len(log))):
        told = run(log, cuts)
        assert (told.outcomes, told.rejects) == ([3, 0, 0, 3], [])
    log.profile(version=3)
    log.read(value=80.0)
    assert run(log).outcomes == [4, 0, 0, 3]


def test_a_withdrawal_drops_what_was_learned_and_ends_its_alerts() -> None:
    log, alert_id = alarmed()
    log.read(value=75.0)
    state = PartitionState()
    begin = log.profile(version=2, withheld=["spo2"])
    run(Log(log.records[:begin]), state=state)
    assert sorted(state.rows["vital"][: state.row_count]) == [0, 4]
    told = run(log, state=state, begin=begin)
    assert [(a.alert_id, a.event, a.state, a.reason) for a in told.alerts] == [
        (alert_id, "expired", "resolved", "consent was withdrawn")
    ]
    assert (state.row_of[0] >= 0).nonzero()[0].tolist() == [0]
    log.wait(DAY_US)
    begin = log.tick()
    assert [s.vital for s in run(log, state=state, begin=begin).summaries] == ["heart_rate"]


def test_who_withdraws_from_monitoring_leaves_nothing_behind_but_the_profile() -> None:
    log, _ = alarmed()
    log.profile(version=2, monitoring=False)
    log.read(code="spo2", value=60.0)
    log.add(b"p-1", b"no reading")
    log.wait(DAY_US)
    log.tick()
    told = run(log)
    assert told.events() == [("spo2.low", "opened"), ("spo2.low", "expired")]
    assert (told.outcomes, told.rejects) == ([1, 0, 0, 2], [])
    assert [(s.vital, s.n, s.mean, s.state) for s in told.summaries] == [("spo2", 0, None, "withheld")]


def test_a_forgotten_patient_is_unknown_and_a_new_one_begins_from_nothing() -> None:
    log, alert_id = alarmed(care_team="team-1")
    for n in range(8):
        log.read(code="body_weight", value=70.0 + n % 3)
        log.wait(DAY_US)
    begin = log.forget()
    log.read(code="spo2", value=97.0)
    log.act(alert_id)
    log.profile(version=1)
    log.read(code="body_weight", value=90.0)
    log.read(code="spo2", value=82.0)
    log.wait(DAY_US)
    log.tick()
    told = after(log, begin)
    assert [(a.event, a.care_team) for a in told.alerts] == [("expired", "team-1"), ("opened", None)]
    assert told.alerts[1].alert_id != alert_id
    assert told.reasons() == ["unknown_patient", "bad_action"]
    gone, weight = (s for s in told.summaries if s.vital == "body_weight")
    assert (gone.n, gone.state) == (0, "withheld"), "who draws charts is told from where on nothing earlier is shown"
    assert (weight.n, weight.expected, weight.state) == (1, None, "unknown"), "a first weight has no band"


def test_to_forget_somebody_unknown_is_ignored() -> None:
    log = Log()
    log.forget("nobody")
    told = run(log)
    assert (told.controls, told.rejects, told.alerts) == ({("profile", "ignored"): 1}, [], [])


@pytest.mark.parametrize(("value", "wanted"), [(87.0, ["p-2"]), (83.0, ["p-1", "p-2"]), (79.0, ["p-1", "p-2"])])
def test_a_target_moves_the_floor_of_its_patient_only(value: float, wanted: list[str]) -> None:
    """A clinician's low of 84 % for p-1; for p-2 the limits of everyone. Below 80 % is an emergency for both."""
    log = Log()
    log.profile("p-1", targets=[{"vital": "spo2", "low": 84, "author": "dr-4", "reason": "hypercapnia risk"}])
    log.profile("p-2")
    for patient in ("p-1", "p-2"):
        log.read(patient=patient, code="spo2", value=value)
    told = run(log)
    assert [alert.patient for alert in told.alerts] == wanted
    assert {a.severity for a in told.alerts if a.patient == "p-1"} <= {
        "emergency" if value < 80 else "urgent",
        "emergency",
    }


def test_without_the_target_the_floor_is_everyones_again() -> None:
    log = Log()
    log.profile(targets=[{"vital": "spo2", "low": 84, "author": "dr-4"}])
    log.read(code="spo2", value=87.0)
    log.profile(version=2)
    log.wait(HOUR_US)
    log.read(code="spo2", value=87.0)
    assert run(log).events() == [("spo2.low", "opened")]
