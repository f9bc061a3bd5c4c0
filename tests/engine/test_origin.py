"""A signature can be copied with its record: what has been sequenced once is done once, for ever."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.readings import Refused
from streams import control
from streams.control import ORIGIN_HEADER, Headers, Origin, signed, verified
from streams.engine.log import LogSlice
from streams.engine.origins import NOTHING, is_repeat, with_origin
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from streams.engine.step import step
from tests.engine.factories import DAY_US, MINUTE_US, SECRET, SETTINGS, Log, Told, profile, run
from tests.engine.histories import crowd

ACTIONS_REMEMBERED = 64


def of_profiles(offset: int, partition: int = 0) -> Origin:
    return Origin("profiles", partition, offset)


def of_actions(offset: int, partition: int = 0) -> Origin:
    return Origin("actions", partition, offset)


def lived() -> Log:
    """Somebody with two profiles and an alert that was answered, reopened and resolved; all of it sequenced."""
    log = Log()
    log.profile(origin=of_profiles(3))
    log.profile(version=2, origin=of_profiles(9), care_team="team-2")
    log.read(code="spo2", value=82.0)
    (opened,) = run(log).alerts
    log.wait(MINUTE_US)
    log.act(opened.alert_id, "acknowledge", origin=of_actions(5))
    log.act(opened.alert_id, "snooze", origin=of_actions(6))
    log.act(opened.alert_id, "resolve", origin=of_actions(7))
    log.wait(MINUTE_US)
    log.read(code="spo2", value=81.0)
    return log


def begun(log: Log, checkpoint: bool = False) -> PartitionState:
    """The state after the log; through its pages if wanted."""
    state = PartitionState()
    run(log, state=state)
    return restored(pack_pages(state), 0) if checkpoint else state


def pack_pages(state: PartitionState) -> dict[bytes, bytes]:
    return dict(pack_dirty(state, 0).pages)


def nothing_changed(told: Told) -> bool:
    return not (told.alerts or told.findings or told.rejects or sum(told.outcomes))


@pytest.mark.parametrize("checkpoint", [False, True])
def test_every_signed_record_of_before_comes_again_and_changes_nothing(checkpoint: bool) -> None:
    log = lived()
    controls = [offset for offset, record in enumerate(log.records) if record.headers]
    state, begin = begun(log, checkpoint), len(log)
    for offset in (*controls, *reversed(controls)):
        log.again(offset)
    before = state.people[0]
    told = run(log, state=state, begin=begin)
    assert nothing_changed(told)
    assert told.controls == {("profile", "repeated"): 4, ("action", "repeated"): 6}
    assert state.people[0] == before
    log.read(code="spo2", value=80.5)
    assert [a.care_team for a in run(log).alerts][-1] == "team-2"


@pytest.mark.parametrize("checkpoint", [False, True])
def test_old_records_neither_forget_nor_bring_back_a_patient(checkpoint: bool) -> None:
    log = lived()
    forgotten = log.forget(origin=of_profiles(20))
    state, begin = begun(log, checkpoint), len(log)
    for offset in range(forgotten + 1):
        log.again(offset)
    told = run(log, state=state, begin=begin)
    assert told.alerts == []
    assert state.patient_count == 0, "an old profile has brought a forgotten patient back"
    log.profile(version=1, origin=of_profiles(21))
    begin = log.again(forgotten)
    log.read(code="spo2", value=97.0)
    back = run(log)
    assert back.controls["profile", "applied"] == 4
    assert back.outcomes[0] == 3, "an old null has forgotten somebody who has come back"
    assert run(log, state=state, begin=len(log) - 3).controls == {("profile", "applied"): 1, ("profile", "repeated"): 1}


def test_an_acknowledgement_from_beyond_the_remembered_ids_is_not_done_again() -> None:
    log = Log()
    log.profile(origin=of_profiles(0))
    log.read(code="spo2", value=87.0)
    (opened,) = run(log).alerts
    old = log.act(opened.alert_id, "acknowledge", origin=of_actions(0))
    for n in range(1, ACTIONS_REMEMBERED + 2):
        log.act(opened.alert_id, "comment", action_id=f"c-{n}", reason="seen", origin=of_actions(n))
    log.wait(MINUTE_US)
    log.read(code="spo2", value=78.0)
    assert run(log).alerts[-1].state == "open", "it got worse after it was acknowledged"
    log.again(old)
    told = run(log)
    assert told.controls["action", "repeated"] == 1
    assert told.alerts[-1].state == "open"


def test_what_was_not_allowed_then_is_not_done_when_it_comes_again() -> None:
    log = Log()
    log.profile(origin=of_profiles(0))
    log.read(code="spo2", value=87.0)
    (opened,) = run(log).alerts
    log.act(opened.alert_id, "resolve", origin=of_actions(0))
    early = log.act(opened.alert_id, "acknowledge", origin=of_actions(1))
    log.wait(MINUTE_US)
    log.read(code="spo2", value=78.0)
    log.again(early)
    assert run(log).alerts[-1].event == "reopened"
    assert run(log).controls["action", "refused"] == 1
    log.act(opened.alert_id, "acknowledge", action_id="now", origin=of_actions(2))
    assert run(log).alerts[-1].event == "acknowledged"


def test_records_without_an_origin_act_as_ever() -> None:
    """Those of files, and of logs from before."""
    log = Log()
    log.profile(origin=of_profiles(5))
    log.profile(version=2, care_team="team-2")
    log.forget()
    log.profile(version=1)
    assert run(log).controls == {("profile", "applied"): 4}


def test_another_partition_has_an_order_of_its_own() -> None:
    """Some clients hash keys their own way: a patient's profiles may then come on two partitions."""
    log = Log()
    first = log.profile(version=1, origin=of_profiles(900, partition=2))
    log.profile(version=2, origin=of_profiles(4, partition=5))
    log.forget(origin=of_profiles(5, partition=5))
    begin = log.again(first)
    told = run(log)
    assert told.controls == {("profile", "applied"): 3, ("profile", "repeated"): 1}
    assert begin == 3


GOOD = signed(control.profile("p-1", profile(), of_profiles(7)), SECRET)[2]
KIND, SIGNATURE, ORIGIN = GOOD
ALTERED: dict[str, Headers] = {
    "a later origin": [KIND, SIGNATURE, (ORIGIN_HEADER, b"profiles/0/8")],
    "another partition": [KIND, SIGNATURE, (ORIGIN_HEADER, b"profiles/1/7")],
    "no origin any more": [KIND, SIGNATURE],
    "an origin that is null": [KIND, SIGNATURE, (ORIGIN_HEADER, None)],  # type: ignore[list-item]
    "two origins": [KIND, SIGNATURE, ORIGIN, (ORIGIN_HEADER, b"profiles/0/8")],
    "the topic of actions": [KIND, SIGNATURE, (ORIGIN_HEADER, b"actions/0/7")],
    "a topic of nobody": [KIND, SIGNATURE, (ORIGIN_HEADER, b"readings/0/7")],
    "written another way": [KIND, SIGNATURE, (ORIGIN_HEADER, b"profiles/0/07")],
    "no number": [KIND, SIGNATURE, (ORIGIN_HEADER, b"profiles/0/-7")],
    "no place": [KIND, SIGNATURE, (ORIGIN_HEADER, b"profiles")],
    "an offset without end": [KIND, SIGNATURE, (ORIGIN_HEADER, b"profiles/0/999999999999999")],
    "the signature of another secret": signed(control.profile("p-1", profile(), of_profiles(7)), b"a guess")[2],
    "an origin added to a record that has none": [*signed(control.profile("p-1", profile()), SECRET)[2], ORIGIN],
}


@pytest.mark.parametrize("headers", list(ALTERED.values()), ids=list(ALTERED))
def test_an_altered_origin_is_a_forged_record(headers: Headers) -> None:
    with pytest.raises(Refused):
        verified(b"p-1", profile(), headers, SECRET)
    log = Log()
    log.add(b"p-1", profile(), headers)
    assert run(log).controls == {("unknown", "forged"): 1}


@pytest.mark.parametrize("key", [b"p-2", b"", None])
def test_a_record_under_another_key_is_forged(key: bytes | None) -> None:
    with pytest.raises(Refused):
        verified(key, profile(), GOOD, SECRET)


def test_an_origin_can_not_stand_for_more_than_is_kept_of_it() -> None:
    for origin in (of_profiles(control.OFFSETS_MAX), of_profiles(0, control.PARTITIONS_MAX)):
        with pytest.raises(Refused):
            verified(*signed(control.profile("p-1", profile(), origin), SECRET), secret=SECRET)


def test_what_is_signed_comes_back_with_its_origin() -> None:
    for record in (
        control.profile("p-1", None, of_profiles(control.OFFSETS_MAX - 1, control.PARTITIONS_MAX - 1)),
        control.action("p-1", b"{}", of_actions(0)),
    ):
        assert verified(*signed(record, SECRET), secret=SECRET) == record


def test_a_signed_record_that_is_put_on_another_partition_makes_nobody_known_there() -> None:
    log, away = Log(), next(n for n in range(8) if not elsewhere(n))
    log.profile(origin=of_profiles(1))
    state = PartitionState()
    part = log.slice()
    effects = step(state, on_partition(part, away), SETTINGS)
    assert state.patient_count == 0
    assert effects.controls == {("profile", "refused"): 1}
    assert [reject.reason.value for reject in effects.rejects] == ["bad_profile"]


def elsewhere(partition: int) -> bool:
    """Whether p-1 lives on this one of eight partitions."""
    return LogSlice(
        "readings", partition, np.empty(0, np.int64), np.empty(0, np.int64), [], [], partitions=8
    ).is_home_of(b"p-1")


def on_partition(part: LogSlice, partition: int) -> LogSlice:
    return LogSlice(
        part.topic, partition, part.offset, part.arrived_us, part.key, part.value, part.headers, partitions=8
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["profiles", "actions"]), st.integers(0, 2), st.integers(0, 9)), max_size=30))
def test_a_place_is_new_once_and_only_when_it_is_ahead(places: list[tuple[str, int, int]]) -> None:
    known, ahead = NOTHING, dict[tuple[str, int], int]()
    for topic, partition, offset in places:
        origin = Origin(topic, partition, offset)
        repeat = offset <= ahead.get((topic, partition), -1)
        assert is_repeat(known, origin) == repeat
        if not repeat:
            known = with_origin(known, origin)
            ahead[topic, partition] = offset
        assert len(known) == 8 * len(ahead)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=25), st.data())
def test_a_log_with_old_control_records_strewn_in_tells_the_same(places: list[int], data: st.DataObject) -> None:
    """However often, wherever and in whatever order signed records of before come again."""
    log = lived()
    log.forget(origin=of_profiles(20))
    log.wait(2 * DAY_US)
    log.profile(version=1, origin=of_profiles(21))
    log.read(code="spo2", value=79.0)
    strewn = Log(now_us=log.now_us)
    for n, record in enumerate(log.records):
        strewn.records.append(record)
        before = [r for r in log.records[: n + 1] if r.headers]
        for _ in range(places.count(n)):
            again = data.draw(st.sampled_from(before))
            strewn.add(again.key, again.value, again.headers, at=record.arrived_us)
    cuts = data.draw(st.sets(st.integers(1, len(strewn))))
    told, wanted = run(crowd(strewn), cuts), run(crowd(log))
    for refused in (*told.rejects, *wanted.rejects):
        refused.offset = 0
    assert told.lines() == wanted.lines()
    assert told.outcomes == wanted.outcomes
