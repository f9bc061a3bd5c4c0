"""Of the pages of a partition the one applied furthest counts, whoever wrote it and when; and none is held twice."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.forms import Page
from streams.engine.pages import PageError, _encode
from streams.page_store import NOTHING, PageStore, Shelf

CHANGELOG = "homebeat.homebeat-pages-changelog"


def page(applied: int, tick_us: int = 0, number: int = 1) -> bytes:
    return _encode(Page(number, applied, tick_us, [0] * 5, [], b"", b""))


def event(partition: int, offset: int, key: bytes, value: bytes | None) -> Any:
    return SimpleNamespace(message=SimpleNamespace(partition=partition, offset=offset, key=key, value=value))


class Assignor:
    """Says what Faust's assignor would."""

    def __init__(self) -> None:
        self.active: set[int] = set()
        self.standby: set[int] = set()

    def assigned_actives(self) -> set[TP]:
        return {TP(CHANGELOG, number) for number in self.active}

    def assigned_standbys(self) -> set[TP]:
        return {TP(CHANGELOG, number) for number in self.standby}


class Store:
    """The store, and whoever gives it events and takes its pages."""

    def __init__(self) -> None:
        self.assignor = Assignor()
        self.failures: list[BaseException] = []
        self.live: set[int] = set()
        app = SimpleNamespace(assignor=self.assignor)
        self.store = PageStore("memory://", cast(Any, app), cast(Any, SimpleNamespace(name="pages")))
        self.store.keep = lambda active: frozenset(self.live & active)
        self.store.lost = lambda: self.live.clear()
        self.store.failed = self.failures.append
        self.generation = 0

    async def share_out(self, active: set[int], standby: set[int] = frozenset(), missed: int = 0) -> None:  # type: ignore[assignment]
        """missed: how often the group has formed without us meanwhile."""
        self.assignor.active, self.assignor.standby = active, set(standby)
        self.generation += 1 + missed
        await self.store.on_rebalance(set(), set(), set(), self.generation)

    def read(self, partition: int, offset: int, key: bytes, value: bytes | None) -> None:
        self.store.apply_changelog_batch([event(partition, offset, key, value)], None, None)

    def goes_on_after(self, partition: int) -> int:
        return self.store.persisted_offset(TP(CHANGELOG, partition))


@given(st.lists(st.tuples(st.sampled_from([b"0/0", b"0/1", b"0/meta"]), st.integers(-1, 50)), max_size=30))
def test_the_page_applied_furthest_stays_in_whatever_order_they_were_written(written: list[tuple[bytes, int]]) -> None:
    shelf = Shelf()
    for offset, (key, applied) in enumerate(written):
        shelf.put(offset, key, page(applied, tick_us=offset))
    furthest: dict[bytes, bytes] = {}
    for offset, (key, applied) in enumerate(written):
        if applied >= max(a for k, a in written[: offset + 1] if k == key):
            furthest[key] = page(applied, tick_us=offset)
    assert shelf.pages == furthest
    assert shelf.read == len(written) - 1


def test_a_page_that_was_removed_is_gone() -> None:
    shelf = Shelf()
    shelf.put(0, b"0/0", page(5))
    shelf.put(1, b"0/0", None)
    shelf.put(2, b"0/0", page(3))
    assert shelf.pages == {b"0/0": page(3)}


async def test_pages_are_given_away_once_and_their_partition_is_not_read_again() -> None:
    here = Store()
    await here.share_out({0})
    assert here.goes_on_after(0) == NOTHING
    here.read(0, 7, b"0/0", page(5))
    assert here.goes_on_after(0) == 7
    assert dict(here.store.pages(0)) == {b"0/0": page(5)}
    here.read(0, 8, b"0/0", page(9))
    assert here.store.shelves == {}
    assert here.goes_on_after(0) == 7


async def test_a_standby_takes_over_from_where_it_has_read() -> None:
    here = Store()
    await here.share_out({0}, {1})
    here.read(1, 3, b"1/0", page(5))
    await here.share_out({0, 1})
    assert here.goes_on_after(1) == 3
    assert dict(here.store.pages(1)) == {b"1/0": page(5)}


async def test_a_partition_that_is_handed_over_is_read_from_the_beginning_to_stand_by_for_it() -> None:
    """Its raw pages were given away when it became ours, and what Faust remembers of it counts for nothing."""
    here = Store()
    await here.share_out(set(), {0})
    here.read(0, 3, b"0/0", page(5))
    await here.share_out({0})
    here.store.pages(0)
    await here.share_out(set(), {0})
    assert here.goes_on_after(0) == NOTHING


async def test_a_partition_that_is_neither_ours_nor_stood_by_for_takes_no_memory() -> None:
    here = Store()
    await here.share_out({0}, {1})
    here.read(1, 3, b"1/0", page(5))
    await here.share_out({0})
    assert here.store.shelves == {}


async def test_live_state_that_stands_is_gone_on_with_after_what_was_written_last() -> None:
    here = Store()
    await here.share_out({0})
    here.read(0, 3, b"0/0", page(5))
    here.store.pages(0)
    assert here.store.wrote(0, 4)
    here.live = {0}
    await here.share_out({0})
    assert here.goes_on_after(0) == 4


async def test_live_state_that_does_not_stand_is_read_again_from_the_beginning() -> None:
    here = Store()
    await here.share_out({0})
    here.read(0, 3, b"0/0", page(5))
    here.store.pages(0)
    await here.share_out({0})
    assert here.goes_on_after(0) == NOTHING


async def test_live_state_does_not_stand_when_the_group_formed_without_us_in_between() -> None:
    """After an orderly hand-over the next generation may be missed; somebody else went on with the partition then."""
    here = Store()
    await here.share_out({0})
    here.read(0, 3, b"0/0", page(5))
    here.store.pages(0)
    here.live = {0}
    await here.share_out({0}, missed=1)
    assert here.goes_on_after(0) == NOTHING


async def test_a_page_that_another_worker_wrote_in_between_is_noticed() -> None:
    here = Store()
    await here.share_out({0})
    here.read(0, 3, b"0/0", page(5))
    here.store.pages(0)
    assert here.store.wrote(0, 4)
    assert not here.store.wrote(0, 6)
    assert here.store.wrote(0, 7)


@pytest.mark.parametrize("raw", [b"\xc1 no page", page(5, number=1_000)])
async def test_a_page_that_cannot_be_read_is_told_and_not_passed_over(raw: bytes) -> None:
    here = Store()
    await here.share_out({0})
    here.read(0, 3, b"0/0", raw)
    (failure,) = here.failures
    assert isinstance(failure, PageError)
