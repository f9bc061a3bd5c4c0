"""Of the pages of a partition the one applied furthest counts, whoever wrote it and when; none is held twice, and none
is passed over, however partitions are shared out while their pages are read."""

import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.forms import Page
from streams.engine.pages import PageError, _encode
from streams.worker.page_store import Batch, Shelf, Shelves


def page(applied: int, tick_us: int = 0, number: int = 1) -> bytes:
    return _encode(Page(number, applied, tick_us, [0] * 5, [], b"", b""))


@dataclass(frozen=True)
class Record:
    offset: int
    key: bytes
    value: bytes | None


class Store:
    """The shelves, and whoever reads the changelog for them and takes their pages."""

    def __init__(self) -> None:
        self.live: set[int] = set()
        self.shelves = Shelves(lambda active: frozenset(self.live & active), lambda: self.live.clear())
        self.generation = -1

    def share_out(self, active: set[int], standby: frozenset[int] = frozenset(), missed: int = 0) -> None:
        """missed: how often the group has formed without us meanwhile."""
        self.generation += 1 + missed
        self.shelves.shared_out(active, set(standby), self.generation)

    def read(self, partition: int, *records: Record, start: int | None = None) -> bool:
        """The next records; `start`: from where they were asked for, if not from where the shelf ends."""
        if start is None:
            start = self.goes_on_at(partition)
        return self.shelves.put(Batch(partition, start, records[-1].offset + 1, records, whole=True))

    def goes_on_at(self, partition: int) -> int:
        return self.shelves.wanted(frozenset({partition}))[partition]


PAGE = Record(7, b"0/0", page(5))


@given(st.lists(st.tuples(st.sampled_from([b"0/0", b"0/1", b"0/meta"]), st.integers(-1, 50)), max_size=30))
def test_the_page_applied_furthest_stays_in_whatever_order_they_were_written(written: list[tuple[bytes, int]]) -> None:
    shelf = Shelf()
    for offset, (key, applied) in enumerate(written):
        shelf.put(key, page(applied, tick_us=offset))
    furthest: dict[bytes, bytes] = {}
    for offset, (key, applied) in enumerate(written):
        if applied >= max(a for k, a in written[: offset + 1] if k == key):
            furthest[key] = page(applied, tick_us=offset)
    assert shelf.pages == furthest


def test_a_page_that_was_removed_is_gone() -> None:
    shelf = Shelf()
    shelf.put(b"0/0", page(5))
    shelf.put(b"0/0", None)
    shelf.put(b"0/0", page(3))
    assert shelf.pages == {b"0/0": page(3)}


@given(st.integers(0, 2**32), st.integers(5, 40))
def test_no_page_is_passed_over_however_partitions_are_shared_out_while_they_are_read(seed: int, length: int) -> None:
    """A read takes time, and may answer what was asked for under an assignment long gone."""
    rng, here = random.Random(seed), Store()
    log = [Record(offset, b"0/%d" % offset, page(offset)) for offset in range(length)]
    asked: list[Batch] = []
    for _ in range(60):
        if rng.random() < 0.3:
            ours, others = rng.choice([({0}, set()), (set(), {0}), (set(), set())])
            here.share_out(ours, frozenset(others), missed=rng.choice([0, 0, 1]))
        start = here.goes_on_at(0)
        end = min(length, start + rng.randint(0, 9))
        asked.append(Batch(0, start, end, log[start:end], whole=end == length))
        batch = asked.pop(rng.randrange(len(asked)))
        if here.shelves.put(batch) and batch.whole:
            assert here.shelves.pages(0).keys() == {record.key for record in log}


def test_pages_are_given_away_once_and_what_comes_late_is_not_taken_for_more() -> None:
    here = Store()
    here.share_out({0})
    assert here.goes_on_at(0) == 0
    assert here.read(0, PAGE)
    assert here.goes_on_at(0) == 8
    assert dict(here.shelves.pages(0)) == {b"0/0": page(5)}
    assert not here.read(0, Record(8, b"0/0", page(9)), start=8)
    assert dict(here.shelves.pages(0)) == {}


def test_a_standby_takes_over_from_where_it_has_read() -> None:
    here = Store()
    here.share_out({0}, frozenset({1}))
    here.read(1, Record(3, b"1/0", page(5)))
    here.share_out({0, 1})
    assert here.goes_on_at(1) == 4
    assert dict(here.shelves.pages(1)) == {b"1/0": page(5)}


def test_what_is_read_are_partitions_without_their_state_and_only_then_those_stood_by_for() -> None:
    here = Store()
    here.share_out({0, 1}, frozenset({2}))
    here.read(2, Record(3, b"2/0", page(5)))
    assert here.shelves.wanted(frozenset({1})) == {1: 0}
    assert here.shelves.wanted(frozenset()) == {2: 4}


def test_a_partition_that_is_handed_over_is_read_from_the_beginning_to_stand_by_for_it() -> None:
    """Its raw pages were given away when it became ours."""
    here = Store()
    here.share_out(set(), frozenset({0}))
    here.read(0, PAGE)
    here.share_out({0})
    here.shelves.pages(0)
    here.share_out(set(), frozenset({0}))
    assert here.goes_on_at(0) == 0


def test_a_partition_that_is_neither_ours_nor_stood_by_for_takes_no_memory() -> None:
    here = Store()
    here.share_out({0}, frozenset({1}))
    here.read(1, Record(3, b"1/0", page(5)))
    here.share_out({0})
    here.share_out({0}, frozenset({1}))
    assert here.goes_on_at(1) == 0


def written_since(here: Store) -> None:
    """The partition is ours, read up to position 8, and one page has been written after that."""
    here.share_out({0})
    here.read(0, PAGE)
    here.shelves.pages(0)
    assert here.shelves.wrote(0, 8)
    here.live = {0}


def test_live_state_that_stands_is_gone_on_with_after_what_was_written_last() -> None:
    here = Store()
    written_since(here)
    here.share_out({0})
    assert here.shelves.wrote(0, 9)
    assert not here.shelves.wrote(0, 11), "the place of the last page of ours is known still"


def test_live_state_that_does_not_stand_is_forgotten() -> None:
    here = Store()
    written_since(here)
    here.live.clear()
    here.share_out({0})
    assert here.goes_on_at(0) == 0
    assert here.shelves.wrote(0, 40), "until it is read again, nobody knows what lies before"


def test_live_state_does_not_stand_when_the_group_formed_without_us_in_between() -> None:
    """After an orderly hand-over the next generation may be missed; somebody else went on with the partition then."""
    here = Store()
    written_since(here)
    here.share_out({0}, missed=1)
    assert here.live == set()
    assert here.shelves.wrote(0, 40)


def test_a_page_that_another_worker_wrote_in_between_is_noticed() -> None:
    here = Store()
    written_since(here)
    assert not here.shelves.wrote(0, 10)
    assert here.shelves.wrote(0, 11)


@pytest.mark.parametrize("raw", [b"\xc1 no page", page(5, number=1_000)])
def test_a_page_that_cannot_be_read_is_told_and_not_passed_over(raw: bytes) -> None:
    here = Store()
    here.share_out({0})
    with pytest.raises(PageError):
        here.read(0, Record(3, b"0/0", raw))
