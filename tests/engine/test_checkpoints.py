"""Checkpoints that write a part of what has changed: a crash anywhere still gives the answers of no crash at all."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.engine.pages import CLOCK, applied_up_to, key_of, pack_dirty, restored
from streams.engine.state import PATIENTS_PER_PAGE, PartitionState
from tests.engine.factories import DAY_US, HOUR_US, Log, run
from tests.engine.histories import crowd, histories
from tests.engine.test_pages import Worker, assert_same_in_the_end, contents

LAW = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@LAW
@given(histories(), st.data())
def test_a_crash_between_any_two_pages_changes_nothing(history: Any, data: st.DataObject) -> None:
    """Whatever prefix of a checkpoint was written, and from however far back the records come again."""
    log = crowd(history.log, data.draw(st.sampled_from([1, PATIENTS_PER_PAGE - 2, PATIENTS_PER_PAGE - 1])))
    worker = Worker(log)
    for place in sorted(data.draw(st.lists(st.integers(1, len(log)), max_size=8))):
        if place > worker.position:
            worker.decide(place)
        lost, bytes_max = data.draw(st.sampled_from([0, 0, 0, 1, 2, 3])), data.draw(st.sampled_from([None, 1, 1, 6000]))
        worker.checkpoint(lost, bytes_max)
        if data.draw(st.booleans()):
            worker.crash(back=data.draw(st.sampled_from([0, 1, 5, len(log)])))
    worker.finish()
    reference = PartitionState()
    assert_same_in_the_end(worker, run(log, state=reference))
    ours, wanted = contents(worker.state), contents(reference)
    assert {name for name in wanted if ours[name] != wanted[name]} == set()


def three_pages() -> tuple[Log, PartitionState]:
    """Three pages that are written, and a little later a reading on each of the last, the first, and the second."""
    log, state = crowd(Log(), 3 * PATIENTS_PER_PAGE), PartitionState()
    run(log, state=state)
    pack_dirty(state, 0)
    for page in (2, 0, 1):
        log.wait(HOUR_US)
        log.tick()
        begin = len(log)
        log.read(patient=f"other-{page * PATIENTS_PER_PAGE}")
        run(log, state=state, begin=begin - 1)
    return log, state


@pytest.mark.parametrize("share", [0, 1])
def test_pages_that_have_waited_longest_are_written_first(share: int) -> None:
    """One at a time, however small the share of a partition is: of none, a worker that leaves would write for ever."""
    log, state = three_pages()
    began = len(log) - 6
    written = [pack_dirty(state, 0, bytes_max=share) for _ in range(4)]
    assert [list(one.pages)[2:-1] for one in written] == [[b"0/2"], [b"0/0"], [b"0/1"], []]
    assert [one.certified for one in written] == [began + 1, began + 3, began + 5, began + 5]


def test_as_many_pages_are_written_as_the_bytes_allow() -> None:
    _, state = three_pages()
    size = max(len(page) for page in pack_dirty(three_pages()[1], 0).pages.values())
    assert len(pack_dirty(state, 0, bytes_max=size + 1).pages) == 3 + 2
    assert len(pack_dirty(state, 0, bytes_max=None).pages) == 3 + 1


def test_the_clock_of_a_part_tells_the_time_of_what_is_certified() -> None:
    log, state = three_pages()
    ticks = [record.arrived_us for record in log.records[-6::2]]
    for told in ticks:
        checkpoint = pack_dirty(state, 0, bytes_max=1)
        clock = checkpoint.pages[key_of(0, CLOCK)]
        assert applied_up_to(clock) == checkpoint.certified
        assert restored(checkpoint.pages, 0).tick_us == told


def test_a_page_that_changes_again_does_not_wait_anew() -> None:
    """Somebody who sends all the time must not keep the page from being written, nor what is certified from moving."""
    log, state = three_pages()
    for _ in range(3):
        begin = len(log)
        log.read(patient=f"other-{2 * PATIENTS_PER_PAGE + 1}")
        run(log, state=state, begin=begin)
    assert b"0/2" in pack_dirty(state, 0, bytes_max=1).pages


@pytest.mark.parametrize("parts", range(1, 5))
def test_somebody_who_left_one_page_and_came_back_on_another_is_counted_once(parts: int) -> None:
    """The page of the new life may not be written before the one on which the old life ended."""
    log = crowd(Log(), PATIENTS_PER_PAGE - 1)
    log.profile()
    log.profile("p-2")
    written = len(log)
    log.read(patient="p-2", value=60.0)
    log.read(value=71.0)
    log.forget()
    log.profile(version=2)
    log.read(value=72.0)
    log.wait(DAY_US)
    log.tick()
    worker = Worker(log)
    for place in (written, written + 1, len(log)):
        worker.decide(place)
        if place == written:
            worker.checkpoint()
    worker.checkpoint(lost=parts % 2, bytes_max=1)
    worker.crash(back=parts // 2)
    worker.finish()
    assert_same_in_the_end(worker, run(log))


def test_a_rewritten_page_still_knows_who_left_it() -> None:
    """Forgotten on one page, come back on another and forgotten there: the first page keeps its own note of it."""
    log = crowd(Log(), PATIENTS_PER_PAGE - 1)
    log.profile()
    log.read(value=71.0)
    log.forget()
    log.profile(version=2)
    log.read(value=72.0)
    log.forget()
    log.profile("p-2")
    state, pages = PartitionState(), {}
    run(log, state=state)
    state.touch([0])
    pages = pack_dirty(state, 0, bytes_max=1).pages
    assert b"0/1" not in pages
    told, again = run(log, state=restored(pages, 0)), restored(pages, 0)
    assert again.gone_at("p-1") == len(log) - 5
    assert told.received == 1
