"""Our own code broken on purpose, one promise at a time. The simulation must find each: else it is too weak.

A mutant is in force while a schedule runs, not while its reference is computed.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np

from streams.engine import intake
from streams.engine.duplicates import find_duplicates
from streams.engine.pages import Checkpoint, pack_dirty, restored
from streams.engine.state import PartitionState
from streams.worker import keeper
from streams.worker import partition as held
from streams.worker.keeper import Keeper
from streams.worker.page_store import Shelf
from streams.worker.publisher import Sent, settled

Mutant = Callable[[], AbstractContextManager[object]]


def nothing_is_skipped() -> AbstractContextManager[object]:
    """Pages do not know up to where they were applied: what comes again is applied again."""

    def forgetful(*given: Any, **options: Any) -> Iterator[PartitionState]:
        state = restored(*given, **options)
        state.applied[:] = -1
        state.meta_applied = -1
        yield state

    return patch.object(keeper, "restoring", forgetful)


def chunks_are_acknowledged_when_decided() -> AbstractContextManager[object]:
    """The committed offset passes what is in pages."""
    take = Keeper.take

    async def hasty(self: Keeper, tp: Any, records: Any, receipt: Any, highwater: int) -> None:
        await take(self, tp, records, receipt, highwater)
        receipt.ack()

    return patch.object(Keeper, "take", hasty)


def everything_counts_as_new() -> AbstractContextManager[object]:
    """No duplicate is found."""

    def blind(*given: Any) -> Any:
        again, newest = find_duplicates(*given)
        return np.zeros_like(again), newest

    return patch.object(intake, "find_duplicates", blind)


def the_clock_is_written_first() -> AbstractContextManager[object]:
    """The time of now reaches the changelog before the pages of then."""

    def hurried(*given: Any, **options: Any) -> Checkpoint:
        packed = pack_dirty(*given, **options)
        keys = sorted(packed.pages, key=lambda key: not key.endswith(b"clock"))
        return Checkpoint({key: packed.pages[key] for key in keys}, packed.certified)

    return patch.object(held, "pack_dirty", hurried)


def meta_is_written_last() -> AbstractContextManager[object]:
    """What belongs to no patient is counted after the patients' pages are written."""

    def late(*given: Any, **options: Any) -> Checkpoint:
        packed = pack_dirty(*given, **options)
        keys = sorted(packed.pages, key=lambda key: key.endswith(b"meta"))
        return Checkpoint({key: packed.pages[key] for key in keys}, packed.certified)

    return patch.object(held, "pack_dirty", late)


class _Waits:
    """Counts how often a checkpoint has waited: first for its effects, then for each group of its pages."""

    def __init__(self) -> None:
        self._effects: dict[object, list[Sent]] = {}
        self._groups: dict[object, int] = {}

    def is_first(self, sent: list[Sent]) -> bool:
        """Whether these are the effects of a new checkpoint."""
        task = asyncio.current_task()
        if task in self._effects:
            return False
        self._effects[task], self._groups[task] = sent, 0
        return True

    def effects_after_last(self) -> list[Sent]:
        """The checkpoint's effects after its last group; nothing before."""
        task = asyncio.current_task()
        self._groups[task] += 1
        return self._effects.pop(task) if self._groups[task] == len(keeper.CHECKPOINT_ORDER) else []

    def forget(self) -> None:
        """The checkpoint is cut off."""
        self._effects.pop(asyncio.current_task(), None)


@contextmanager
def pages_leave_before_effects() -> Iterator[None]:
    """A page may be on the broker that has told an alert which is not."""
    waits = _Waits()

    async def reversed_order(sent: list[Sent]) -> None:
        if waits.is_first(sent):
            return
        try:
            await settled(sent)
            await settled(waits.effects_after_last())
        except BaseException:
            waits.forget()
            raise

    with patch.object(keeper, "settled", reversed_order):
        yield


@contextmanager
def nobody_waits_for_pages() -> Iterator[None]:
    """Chunks are acknowledged while their pages are still on their way."""
    waits = _Waits()

    async def careless(sent: list[Sent]) -> None:
        if not waits.is_first(sent):
            waits.effects_after_last()
            return
        try:
            await settled(sent)
        except BaseException:
            waits.forget()
            raise

    with patch.object(keeper, "settled", careless):
        yield


def what_is_packed_is_acknowledged() -> AbstractContextManager[object]:
    """A checkpoint in parts acknowledges also what its pages lack."""

    def generous(state: PartitionState, *given: Any, **options: Any) -> Checkpoint:
        return Checkpoint(pack_dirty(state, *given, **options).pages, state.processed)

    return patch.object(held, "pack_dirty", generous)


def the_last_page_written_wins() -> AbstractContextManager[object]:
    """A worker that has lost its partitions without knowing it overwrites what its successor wrote."""

    def latest(self: Shelf, key: bytes, value: bytes | None) -> None:
        self.pages[key] = value or b""

    return patch.object(Shelf, "put", latest)


def the_groups_offset_is_believed() -> AbstractContextManager[object]:
    """What lies before it counts as decided, though the state has never been given it."""

    async def gone(*_: object) -> bool:
        return True

    return patch.object(Keeper, "_nothing_between", gone)


MUTANTS: tuple[Mutant, ...] = (
    nothing_is_skipped, chunks_are_acknowledged_when_decided, everything_counts_as_new, the_clock_is_written_first,
    meta_is_written_last, what_is_packed_is_acknowledged, pages_leave_before_effects, nobody_waits_for_pages,
    the_last_page_written_wins, the_groups_offset_is_believed,
)  # fmt: skip
