"""State survives: pages restore what was known, and a crash anywhere neither loses nor doubles a decision."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.lib.recfunctions import repack_fields

from streams.engine.forms import FORMAT
from streams.engine.links import LINK
from streams.engine.pages import PageError, counts, key_of, owner_of, pack_dirty, restored
from streams.engine.state import PATIENTS_PER_PAGE, PartitionState
from streams.engine.step import step
from tests.engine.factories import DAY_US, HOUR_US, SETTINGS, Log, Told, run
from tests.engine.histories import crowd, histories

LAW = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@dataclass
class Worker:
    """A worker as the broker sees it: pages written in order, effects published, a committed offset, and crashes."""

    log: Log
    state: PartitionState = field(default_factory=PartitionState)
    pages: dict[bytes, bytes] = field(default_factory=dict)
    published: Told = field(default_factory=Told)
    committed: int = 0
    position: int = 0
    _unsettled: list[Told] = field(default_factory=list)

    def decide(self, until: int) -> None:
        told = Told()
        told.take(step(self.state, self.log.slice(self.position, until), SETTINGS), self.position)
        self._unsettled.append(told)
        self.position = until

    def checkpoint(self, lost: int = 0, bytes_max: int | None = None) -> None:
        """Effects reach the broker, then pages, in the order in which they were packed; commit if none was lost."""
        self._publish()
        packed = pack_dirty(self.state, self.log.partition, bytes_max)
        pages = list(packed.pages.items())
        kept = len(pages) - min(lost, len(pages))
        self.pages |= dict(pages[:kept])
        if kept == len(pages):
            self.committed = packed.certified + 1
        else:
            self.crash()

    def _publish(self) -> None:
        for told in self._unsettled:
            for name in ("alerts", "findings", "summaries", "rejects"):
                getattr(self.published, name).extend(getattr(told, name))
        self._unsettled = []

    def crash(self, effects_out: bool = False, back: int = 0) -> None:
        """Gone in the middle: what was decided since the last checkpoint may have been published or not.

        back: how many records come again although they were committed.
        """
        if effects_out:
            self._publish()
        self._unsettled = []
        self.state = restored(self.pages, self.log.partition)
        self.position = max(0, self.committed - back)

    def finish(self) -> None:
        self.decide(len(self.log))
        self.checkpoint()


def assert_same_in_the_end(worker: Worker, reference: Told) -> None:
    ours, wanted = worker.published.lines(), reference.lines()
    assert {kind: set(lines) for kind, lines in ours.items()} == {kind: set(lines) for kind, lines in wanted.items()}
    events = {(a.alert_id, a.sequence): msgspec.json.encode(a) for a in worker.published.alerts}
    assert len(events) == len(set(wanted["alerts"])), "the same step of an episode was told in two ways"
    total = counts(worker.pages)[worker.log.partition]
    assert (total.received, total.outcomes) == (reference.received, reference.outcomes)


def contents(state: PartitionState) -> dict[str, Any]:
    """Everything that a state knows. (The offset of local time is looked up when it is needed: no knowledge.)"""
    n = len(state.people)
    of = state.row_of[:n]
    names = [name for name in state.patients.dtype.names or () if not name.startswith(("zone_", "ring", "held"))]
    return {
        "people": [person and (person.name, person.document, list(person.actions)) for person in state.people],
        "episodes": [msgspec.json.encode(person.episodes) if person else b"" for person in state.people],
        "patients": {name: state.patients[name][:n].tobytes() for name in names},
        "rows": [(slot, vital, _row(state, of[slot, vital])) for slot, vital in np.argwhere(of >= 0)],
        "links": _links(state.links.packed(of[of >= 0])),
        "late": state.late.packed(of[of >= 0].astype(np.int64)),
        "sent": msgspec.json.encode(state.rings.pack(state.patients, range(n))),
        "counts": (state.received_total(), state.totals().tolist()),
        "gone": [state.gone.of_page(page) for page in range(state.page_count)],
        "tick": state.tick_us,
    }


def _links(packed: bytes) -> bytes:
    """Links, wherever the next one of each is."""
    links = np.frombuffer(packed, LINK).copy()
    links["next"] = 0
    return repack_fields(links, recurse=True).tobytes()


def _row(state: PartitionState, place: int) -> tuple[bytes, ...]:
    """A row, and what it has in the pools; nobody cares where in the pools it is, nor when a run began that is over."""
    row = state.rows[place].copy()
    floor, open_ = state.floors.table[row["floor"]].copy(), state.windows.table[row["open"]].copy()
    beyond = state.outside.table[row["outside"]].copy()
    floor["since"][(floor["run_n"] == 0) & (floor["open"] == 0)] = 0
    floor["ok_since"][floor["ok_n"] == 0] = 0
    open_["row"], beyond["row"], row["floor"], row["open"], row["outside"] = 0, 0, 0, 0, 0
    parts = (row, floor, open_, beyond)
    packed = (repack_fields(np.array(part), recurse=True) for part in parts)  # without the gaps between
    return tuple(part.tobytes() for part in packed)


@st.composite
def crashes(draw: st.DrawFn, log: Log) -> list[tuple[int, str, int]]:
    """(offset, what happens there, how many pages are lost), in rising order."""
    places = draw(st.lists(st.integers(1, len(log)), max_size=8))
    what = st.sampled_from(["checkpoint", "checkpoint", "crash", "crash with effects out"])
    return [(place, draw(what), draw(st.sampled_from([0, 0, 1, 2, 3, 4]))) for place in sorted(places)]


@LAW
@given(histories(), st.data(), st.booleans())
def test_a_crash_neither_loses_nor_doubles_a_decision(history: object, data: st.DataObject, crowded: bool) -> None:
    log: Log = history.log  # type: ignore[attr-defined]
    log = crowd(log) if crowded else log
    worker = Worker(log)
    for place, what, lost in data.draw(crashes(log)):
        if place > worker.position:
            worker.decide(place)
        if what == "checkpoint":
            worker.checkpoint(lost)
        else:
            worker.crash(effects_out=what.endswith("out"))
    worker.finish()
    assert_same_in_the_end(worker, run(log))


@LAW
@given(histories(), st.data())
def test_a_restored_state_goes_on_as_if_nothing_had_happened(history: object, data: st.DataObject) -> None:
    log: Log = history.log  # type: ignore[attr-defined]
    edges = [0, *sorted(data.draw(st.sets(st.integers(1, len(log)), max_size=5))), len(log)]
    told, state = Told(), PartitionState()
    pages: dict[bytes, bytes] = {}
    for begin, end in pairwise(edges):
        told.take(step(state, log.slice(begin, end), SETTINGS), begin)
        pages |= pack_dirty(state, 0).pages
        state = restored(pages, 0)
    assert told.lines() == run(log).lines()


def weights(log: Log, days: int, *, patient: str = "p-1", kg: float = 70.0) -> None:
    for n in range(days):
        log.read(patient=patient, code="body_weight", value=kg + n % 3 * 0.3)
        log.wait(DAY_US)


def test_a_page_that_was_lost_meets_the_ticks_of_then_and_not_of_now() -> None:
    """The clock of a checkpoint that failed must not make the readings that come again look late."""
    log = Log()
    log.profile()
    for value in (97.0, 78.0):
        log.read(code="spo2", value=value)
        log.wait(HOUR_US)
    log.wait(DAY_US)
    log.tick()
    worker = Worker(log)
    worker.decide(2)
    worker.checkpoint()
    worker.decide(len(log))
    worker.checkpoint(lost=2)
    worker.finish()
    assert_same_in_the_end(worker, run(log))
    assert [alert.retrospective for alert in worker.published.alerts] == [False, False]


@pytest.mark.parametrize("lost", [1, 2])
def test_a_crash_does_not_bring_a_forgotten_patient_back(lost: int) -> None:
    """The page without the patient reached the broker, its commit did not: the old records come again."""
    log = crowd(Log(), PATIENTS_PER_PAGE - 1)
    log.profile()
    log.read(value=71.0)
    log.wait(HOUR_US)
    begin = len(log)
    log.read(value=72.0)
    log.forget()
    log.read(value=73.0)
    log.profile("p-2")
    for first in (0, begin):
        worker = Worker(log)
        worker.decide(first or begin)
        if first:
            worker.checkpoint()
        worker.decide(len(log))
        worker.checkpoint(lost)
        worker.finish()
        assert_same_in_the_end(worker, run(log))
        assert "p-1" not in worker.state.slot_of
        assert b"p-1" not in b"".join(worker.pages.values())


def test_a_second_crash_in_the_middle_of_what_came_again_counts_nothing_twice() -> None:
    log = Log()
    log.profile()
    for n in range(12):
        log.read(value=70.0 + n)
        log.add(b"p-1", b"bad %d" % n)
        log.wait(HOUR_US)
    worker = Worker(log)
    worker.decide(20)
    worker.checkpoint(lost=1)
    worker.decide(8)
    worker.checkpoint(lost=1)
    worker.decide(5)
    worker.checkpoint()
    worker.crash()
    worker.finish()
    assert_same_in_the_end(worker, run(log))


def test_a_newer_page_is_refused_with_what_to_do() -> None:
    log = Log()
    log.profile()
    state = PartitionState()
    run(log, state=state)
    for key, page in pack_dirty(state, 0).pages.items():
        fields = msgspec.msgpack.decode(page)
        newer = msgspec.msgpack.encode([fields[0] + 1, *fields[1:]])
        with pytest.raises(
            PageError, match=rf"format {FORMAT + 1}, this version reads up to {FORMAT}: start the newer homebeat"
        ):
            restored({key: newer}, 0)


@pytest.mark.parametrize("damaged", [b"", b"\xc1", b"\x90", msgspec.msgpack.encode({"format": 1})])
def test_a_damaged_page_is_refused(damaged: bytes) -> None:
    with pytest.raises(PageError, match="cannot be read"):
        restored({key_of(0, 0): damaged}, 0)


def test_pages_of_another_partition_are_left_alone() -> None:
    log, state = Log(partition=3), PartitionState()
    log.profile()
    weights(log, 3)
    run(log, state=state)
    pages = pack_dirty(state, 3).pages
    assert {owner_of(key) for key in pages} == {3}
    assert restored(pages, 3).totals().tolist() == [3, 0, 0, 0]
    assert restored(pages, 0).patient_count == 0


def test_only_pages_that_changed_are_written_sources_and_meta_first_and_the_clock_last() -> None:
    log, state = crowd(Log(), 3 * PATIENTS_PER_PAGE), PartitionState()
    run(log, state=state)
    assert list(pack_dirty(state, 0).pages) == [b"0/sources", b"0/meta", b"0/0", b"0/1", b"0/2", b"0/clock"]
    begin = len(log)
    log.read(patient=f"other-{PATIENTS_PER_PAGE}")
    run(log, state=state, begin=begin)
    assert list(pack_dirty(state, 0).pages) == [b"0/sources", b"0/meta", b"0/1", b"0/clock"]
