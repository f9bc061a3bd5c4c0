"""Records that come again after a crash meet pages that know them: nothing of theirs happens twice."""

import pytest

from models.times import rfc3339
from streams.control import Origin
from streams.engine.pages import key_of, pack_dirty, restored
from streams.engine.state import PATIENTS_PER_PAGE, PartitionState
from tests.engine.factories import HOUR_US, Log, one_by_one, run
from tests.engine.histories import crowd


def snoozed_after_its_end() -> Log:
    """An action may arrive with an older time stamp than a tick before it; its snooze ends with the next tick."""
    log = Log()
    log.profile()
    log.read(code="spo2", value=87.0)
    (opened,) = run(log).alerts
    log.wait(10 * HOUR_US)
    log.tick()
    log.wait(-9 * HOUR_US)
    log.act(opened.alert_id, "snooze", until=rfc3339(log.now_us + 2 * HOUR_US), reason="asleep")
    return log


def remembered(log: Log) -> PartitionState:
    """What the next worker restores once the log has been applied: all of it comes again."""
    state = PartitionState()
    run(log, state=state)
    return restored(pack_dirty(state, 0).pages, 0)


@pytest.mark.parametrize("in_pieces", [False, True])
def test_a_tick_that_comes_again_does_not_end_a_snooze_made_since(in_pieces: bool) -> None:
    log = snoozed_after_its_end()
    assert run(log, one_by_one(log) if in_pieces else (), remembered(log)).alerts == []


def test_the_next_tick_does() -> None:
    log = snoozed_after_its_end()
    state = remembered(log)
    log.wait(10 * HOUR_US)
    log.tick()
    wanted = run(log).alerts
    assert [(alert.sequence, alert.event) for alert in wanted] == [(1, "opened"), (2, "snoozed"), (3, "updated")]
    assert run(log, state=state).alerts == wanted[2:]


def test_a_patient_who_came_back_on_a_page_that_was_lost_comes_back_again() -> None:
    """The page of the first life knew of the return: it must not take the profile that comes again for a repeat."""
    log = crowd(Log(), PATIENTS_PER_PAGE - 1)
    log.profile(origin=Origin("profiles", 0, 1))
    log.forget(origin=Origin("profiles", 0, 2))
    log.profile(origin=Origin("profiles", 0, 3))
    log.read(value=72.0)
    state = PartitionState()
    run(log, state=state)
    pages = pack_dirty(state, 0).pages
    del pages[key_of(0, 1)]
    again = run(log, state=restored(pages, 0))
    assert (again.received, again.reasons()) == (1, [])
