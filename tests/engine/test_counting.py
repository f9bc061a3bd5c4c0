"""What came of each source by the minute: exactly once, however the log is cut and wherever a worker dies."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import control
from streams.engine.pages import pack_dirty, restored
from streams.engine.sources import REDRIVEN_HEADER, SOURCE_HEADER
from streams.engine.state import Outcome, PartitionState
from streams.engine.step import step
from streams.engine.tallies import HALF_DAY_US, MINUTE_US, OTHER, SOURCES_MAX, Report, Tally
from tests.engine.factories import SETTINGS, START_US, Log, reading, run
from tests.engine.histories import PATIENTS, histories
from tests.engine.test_sources import change

TEN_S = MINUTE_US // 6


def reported(log: Log, cuts: Any = (), state: PartitionState | None = None, begin: int = 0) -> list[Report]:
    """The minutes that a log leads to."""
    state = PartitionState() if state is None else state
    edges = sorted({begin, len(log), *(cut for cut in cuts if begin < cut < len(log))})
    found: list[Report] = []
    for first, last in pairwise(edges):
        found += step(state, log.slice(first, last), SETTINGS).sources
    return found


def log_of(*patients: str) -> Log:
    log = Log()
    for patient in patients:
        log.profile(patient)
    return log


def minute(log: Log, us: int = MINUTE_US) -> None:
    """Time passes, and a tick says so."""
    log.wait(us)
    log.tick()


def test_a_minute_says_what_came_of_each_source() -> None:
    log = log_of("p-1", "p-2")
    minute(log)
    log.wait(TEN_S)
    first = log.now_us
    log.read(device="watch-1")
    log.read(patient="p-2", device="watch-2", code="nonsense")
    log.wait(TEN_S)
    log.read(device="watch-1", at_us=first)
    log.read(patient="p-3", device="hub-1")
    log.add(b"p-1", b"not JSON")
    minute(log)
    before, report = reported(log)
    assert (before.sources, before.through_us - before.since_us) == ({}, MINUTE_US)
    assert (report.since_us, report.through_us) == (START_US + MINUTE_US, START_US + 2 * MINUTE_US)
    watch = report.sources["watch"]
    assert (watch.received, watch.rejected, watch.counts[Outcome.DUPLICATE], watch.patients) == (3, 1, 1, 2)
    assert (watch.first_us, watch.last_us) == (first, first + TEN_S)
    assert watch.reasons() == {"unknown_code": 1}
    assert watch.example is not None
    assert (watch.example.reason, watch.example.offset) == ("unknown_code", 4)
    assert report.sources["hub"].reasons() == {"unknown_patient": 1}
    assert "p-3" not in str(report), "who is unknown is for the readers of rejects"
    assert report.sources["no-device"].reasons() == {"not_json": 1}


def test_a_record_may_say_itself_where_it_comes_from() -> None:
    log = log_of("p-1")
    body = json.dumps(reading(device="watch-1")).encode()
    log.add(b"p-1", body, [(SOURCE_HEADER, b"clinic 3")])
    log.add(b"p-1", b"no JSON", [(SOURCE_HEADER, b"clinic 3")])
    minute(log)
    told = run(log)
    assert [reject.source for reject in told.rejects] == ["clinic_3"]
    (report,) = reported(log)
    assert {name: tally.received for name, tally in report.sources.items()} == {"clinic_3": 2}


def test_what_somebody_puts_back_says_nothing_about_the_source() -> None:
    log = log_of("p-1")
    for n in range(3):
        body = reading(device="watch-1", at_us=START_US - n, code="nonsense" if n else "heart_rate")
        log.add(b"p-1", json.dumps(body).encode(), [(REDRIVEN_HEADER, b"readings/0/17")], at=START_US - 86_400)
    minute(log)
    (report,) = reported(log)
    watch = report.sources["watch"]
    assert (watch.received, watch.counts[-1], watch.first_us, watch.last_us, watch.patients) == (0, 3, None, None, 0)


def test_a_producer_with_a_wrong_clock_moves_no_minute() -> None:
    log = log_of("p-1")
    minute(log)
    log.read(device="watch-1", arrived_us=START_US + 400 * 86_400_000_000)
    log.read(device="watch-1", arrived_us=START_US - 400 * 86_400_000_000, id="old")
    minute(log)
    watch = reported(log)[1].sources["watch"]
    assert (watch.first_us, watch.last_us) == (START_US + MINUTE_US, START_US + 2 * MINUTE_US)


def test_patients_are_counted_for_a_day_at_most() -> None:
    log = log_of(*PATIENTS)
    seen = []
    for wait, patient in ((MINUTE_US, "p-1"), (MINUTE_US, "p-2"), (HALF_DAY_US, "p-3"), (2 * HALF_DAY_US, "p-3")):
        minute(log, wait)
        log.read(patient=patient, device="watch-1")
        minute(log)
        seen.append(reported(log)[-1].sources["watch"].patients)
    assert seen == [1, 2, 3, 1]


def test_too_many_sources_count_under_other() -> None:
    log = log_of("p-1")
    for n in range(SOURCES_MAX + 5):
        log.read(device=f"s{n}-1", at_us=START_US - n)
    minute(log)
    (report,) = reported(log)
    assert len(report.sources) == SOURCES_MAX + 1
    assert report.sources[OTHER].received == 5


def total(reports: list[Report], column: str) -> int:
    return sum(getattr(tally, column) for report in reports for tally in report.sources.values())


def ended(log: Log) -> Log:
    log.wait(MINUTE_US)
    log.tick()
    return log


@settings(deadline=None, max_examples=60)
@given(histories(), st.data())
def test_every_reading_is_of_one_source_and_batches_do_not_matter(history: Any, data: st.DataObject) -> None:
    log = ended(history.log)
    cuts = data.draw(st.lists(st.integers(1, len(log)), max_size=6))
    whole, told = reported(log), run(log)
    assert reported(log, cuts) == whole
    assert total(whole, "received") == told.received
    assert total(whole, "rejected") == told.of(Outcome.REJECTED)
    assert sum(sum(t.reasons().values()) for r in whole for t in r.sources.values()) == told.of(Outcome.REJECTED)


@settings(deadline=None, max_examples=60)
@given(histories(), st.data())
def test_a_crash_counts_nothing_twice_and_loses_nothing(history: Any, data: st.DataObject) -> None:
    log = ended(history.log)
    whole = reported(log)
    at = data.draw(st.integers(1, len(log)))
    state = PartitionState()
    before = reported(Log(log.records[:at]), state=state)
    packed: Any = pack_dirty(state, 0)
    pages = dict(list(getattr(packed, "pages", packed).items()))
    for lost in data.draw(st.lists(st.sampled_from(sorted(pages)), max_size=2)):
        if not lost.endswith(b"/sources"):
            pages.pop(lost, None)  # the record of sources is the first to be written
    again = reported(log, state=restored(pages, 0))
    assert before + again == whole


def test_a_long_minute_without_a_worker_is_told_in_one() -> None:
    log = log_of("p-1")
    minute(log)
    for _ in range(90):
        log.wait(MINUTE_US)
        log.read(device="watch-1")
    minute(log)
    last = reported(log)[-1]
    assert (last.through_us - last.since_us, last.sources["watch"].received) == (91 * MINUTE_US, 90)


def test_a_report_says_how_far_the_clock_of_who_publishes_is_ahead_of_the_ticks() -> None:
    """Which a function of the log can know: whatever came before a tick had come by then."""
    log = log_of("p-1")
    minute(log)
    log.read(device="right-1")
    log.read(device="wrong-1", arrived_us=log.now_us + 50 * MINUTE_US)
    minute(log)
    minute(log)
    *_, told, after = reported(log)
    assert {name: one.ahead_us for name, one in told.sources.items()} == {"right": 0, "wrong": 49 * MINUTE_US}
    assert told.sources["wrong"].last_us == told.through_us, "as before, nothing has come later than that"
    assert after.sources == {}


def test_a_report_says_which_sources_are_known_to_be_in_trouble() -> None:
    log = log_of("p-1")
    minute(log)
    log.control(control.source(change("quiet", 1, -30, source="watch")))
    minute(log)
    before, after = reported(log)
    assert (before.quiet, after.quiet, after.failing) == ({}, {"watch": START_US - 30 * MINUTE_US}, {})


@pytest.mark.parametrize("field", ["counts", "first_us", "last_us", "patients"])
def test_two_halves_of_a_minute_are_one(field: str) -> None:
    whole = Tally([1] * 16, 5, 9, None, 3)
    half = Tally([1] + [0] * 15, 7, 9, None, 2)
    half.add(Tally([0] + [1] * 15, 5, 8, None, 3))
    assert getattr(half, field) == getattr(whole, field)


def test_what_was_counted_before_a_crash_is_not_counted_again_though_its_page_was_lost() -> None:
    log = log_of("p-1")
    log.read(device="watch-1")
    state = PartitionState()
    assert reported(log, state=state) == []
    packed: Any = pack_dirty(state, 0)
    first = next(iter(packed.pages))
    assert first == b"0/sources", "the record of sources is the first to be written"
    minute(log)
    (report,) = reported(log, state=restored({first: packed.pages[first]}, 0))
    assert report.sources["watch"].received == 1
