"""The pages of partitions as the changelog has them: raw, and only for as long as somebody needs them.

The page that was applied furthest wins, not the one written last: a worker that was paused may write an old page late.
Raw pages of a partition of ours are held only until its state is restored from them; for partitions that we stand by
for they are held, so that taking over needs only the tail of the changelog.

Of Faust's tables we use what the group needs (the changelog topic, shared out together with the readings, standbys
too), and not the recovery: `changelog.keep_reading` reads the pages instead. Faust 0.15.3 (tables/recovery.py) went on
without a word when the broker did not answer how long a changelog is, and after two hand-overs in short order it
skipped pages: what it had queued of a partition for one assignment it took for the beginning of it in the next. A state
with holes is worse than none. It also took a few hundred microseconds a page, and no worker was up before it was done.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import faust
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError
from faust.stores import base
from faust.tables.recovery import RebalanceAgain, Recovery, ServiceStopped
from faust.types import TP
from mode import Service

from streams.engine.pages import applied_up_to

log = logging.getLogger(__name__)


class Written(Protocol):
    """A record of the changelog; a value of None takes the page away."""

    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read of one partition: all records from position `start` up to `end`. whole: that was the last one when
    we began to read."""

    partition: int
    start: int
    end: int
    records: Sequence[Written]
    whole: bool


@dataclass(slots=True)
class Shelf:
    """The raw pages of one changelog partition from its beginning up to the position `read`."""

    pages: dict[bytes, bytes] = field(default_factory=dict)
    read: int = 0
    _applied: dict[bytes, int] = field(default_factory=dict)

    def put(self, key: bytes, value: bytes | None) -> None:
        """A record of the changelog. Of two pages under a key the one applied further stays. Raises PageError."""
        if value is None:
            self.pages.pop(key, None)
            self._applied.pop(key, None)
            return
        applied = applied_up_to(value)
        if applied >= self._applied.get(key, applied):
            self.pages[key], self._applied[key] = value, applied


class Shelves:
    """The shelves of a worker. Positions are offsets of the changelog: the next one to read, or to write.

    keep: given the partitions that are ours from now on, those whose live state stands, so that their pages need not be
    read again. lost: called first when the group has formed at least once without us, so that no live state can stand.
    """

    def __init__(self, keep: Callable[[set[int]], frozenset[int]], lost: Callable[[], None]) -> None:
        self._keep, self._lost = keep, lost
        self._shelves: dict[int, Shelf] = {}
        self._live: dict[int, int] = {}
        self._standby: set[int] = set()
        self._generation = -1

    def shared_out(self, active: set[int], standby: set[int], generation: int) -> None:
        """Forget what is neither ours, nor ours to stand by for.

        The group counts its generations. After an orderly hand-over we may still come too late to the next one (paused
        in between, or a slow network): others have gone on with our partitions, and what we know of them is old even if
        they are given back to us.
        """
        if generation != self._generation + 1:
            self._lost()
        self._generation, self._standby = generation, standby - active
        live = self._keep(active)
        self._live = {p: written for p, written in self._live.items() if p in live}
        self._shelves = {p: shelf for p, shelf in self._shelves.items() if p in active | standby}

    def wanted(self, missing: frozenset[int]) -> dict[int, int]:
        """Where to read on: of these partitions of ours; when there are none, of those that we stand by for: patients
        wait for the first, nobody for the others."""
        return {p: shelf.read if (shelf := self._shelves.get(p)) else 0 for p in sorted(missing or self._standby)}

    def read(self, partitions: frozenset[int]) -> int:
        """Records read of these partitions, for whoever waits."""
        return sum(self._shelves[p].read for p in partitions & self._shelves.keys())

    def put(self, batch: Batch) -> bool:
        """Take what was read, if it goes on where the shelf ends: what was asked for under an earlier assignment may
        not. Raises PageError."""
        shelf = self._shelves.get(batch.partition) or Shelf()
        if shelf.read != batch.start:
            return False
        for record in batch.records:
            shelf.put(cast(bytes, record.key), record.value)
        shelf.read = batch.end
        self._shelves[batch.partition] = shelf
        return True

    def pages(self, partition: int) -> Mapping[bytes, bytes]:
        """The pages of a partition, given away: from here on its state is the only copy."""
        shelf = self._shelves.pop(partition, None) or Shelf()
        self._live[partition] = shelf.read
        return shelf.pages

    def wrote(self, partition: int, offset: int) -> bool:
        """A page of ours lies at this offset of the changelog. Whether it followed what we knew without a hole."""
        end = self._live.get(partition)
        if end is None or offset < end:
            return True  # no longer ours, or known already
        self._live[partition] = offset + 1
        return offset == end

    def clear(self) -> None:
        self._shelves.clear()


class PageStore(base.Store[bytes, bytes]):
    """Faust's store of the table of pages: tells the shelves how partitions were shared out, and keeps nothing."""

    shelves: Shelves

    def __post_init__(self) -> None:
        self.data = {}

    def apply_changelog_batch(self, batch: Iterable[Any], to_key: Any, to_value: Any) -> None:
        """Nothing comes."""

    def persisted_offset(self, tp: TP) -> int | None:
        return None

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        active = {tp.partition for tp in self.app.assignor.assigned_actives()}
        standby = {tp.partition for tp in self.app.assignor.assigned_standbys()}
        self.shelves.shared_out(active, standby, generation_id)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Nothing was recovered."""

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """Nothing of ours is on disk."""

    def reset_state(self) -> None:
        """Nothing of ours is on disk."""

    def _clear(self) -> None:
        self.data.clear()

    async def backup_partition(self, tp: TP | int, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        """Nothing of ours is on disk."""

    def restore_backup(self, tp: TP | int, latest: bool = True, backup_id: int = 0) -> None:
        """Nothing of ours is on disk."""


class PagesTable(faust.Table):  # type: ignore[type-arg]
    """Faust's table of pages, with our store."""

    def _new_store(self) -> PageStore:
        return PageStore(
            self.app.conf.store, self.app, cast(Any, self), table_name=self.name,
            key_type=bytes, value_type=bytes, loop=self.loop,
        )  # fmt: skip

    @property
    def store(self) -> PageStore:
        return cast(PageStore, self.data)


class NoRecovery(Recovery):
    """In place of Faust's recovery: streams flow as soon as partitions are ours, and the keeper lets chunks wait."""

    @Service.task
    async def _restart_recovery(self) -> None:
        while not await self.wait_for_stopped(cast(Any, self.signal_recovery_start)):
            self.signal_recovery_start.clear()
            try:
                await self._leave_alone(self.active_tps | self.standby_tps)
                await self._resume_streams(generation_id=self._generation_id)
            except (RebalanceAgain, IllegalStateError):
                continue  # shared out anew meanwhile
            except ServiceStopped:
                return

    @Service.task
    async def _slurp_changelogs(self) -> None:
        """Nothing comes."""

    async def _leave_alone(self, changelogs: set[TP]) -> None:
        """Faust never asks for these records, and aiokafka need not fetch them."""
        thread = cast(Any, self.app.consumer)._thread
        await thread.call_thread(_pause, thread, changelogs)


async def _pause(thread: Any, tps: set[TP]) -> None:
    thread._ensure_consumer().pause(*(TopicPartition(*tp) for tp in tps))


def install_no_recovery(app: faust.App) -> None:
    """Before the app starts."""
    tables = cast(Any, app.tables)
    tables._recovery = NoRecovery(app, app.tables, beacon=tables.beacon, loop=tables.loop)
