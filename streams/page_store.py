"""The pages of partitions as Faust recovers them: raw, and only for as long as somebody needs them.

Faust's memory store keeps whatever was written last, for ever. Here the page that was applied furthest wins: a worker
that was paused may write an old page late. Raw pages of a partition of ours are held only until its state is restored
from them; for partitions that we stand by for (Faust's standby replicas) they are held, so that taking over needs only
the tail of the changelog.

What Faust 0.15.3 does, and this relies on (tables/recovery.py): at every rebalance it asks `persisted_offset` of each
changelog partition, ours and standby, and reads on after it; what it says about a partition replaces what Faust
remembers, which is of no use to us (it survives a change from standby to ours and back, while the pages do not). So
the answer is always a number, -1 for "from the beginning". Then `on_recovery_completed` is called, and after it the
partitions of ours are no longer read; what we write ourselves is noted from the broker's answers. Their offsets must
join without a hole: a hole is a page that somebody else wrote.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, cast

import faust
from faust.stores import base
from faust.types import TP, EventT

from streams.engine.pages import PageError, applied_up_to
from streams.publisher import Publisher, Sent

log = logging.getLogger(__name__)

NOTHING = -1


class Shelf:
    """The raw pages of one changelog partition, and the offset of the changelog up to which they are known."""

    __slots__ = ("_applied", "pages", "read")

    def __init__(self) -> None:
        self.pages: dict[bytes, bytes] = {}
        self.read = NOTHING
        self._applied: dict[bytes, int] = {}

    def put(self, offset: int, key: bytes, value: bytes | None) -> None:
        """A record of the changelog. Of two pages under a key the one applied further stays. Raises PageError."""
        self.read = max(self.read, offset)
        if value is None:
            self.pages.pop(key, None)
            self._applied.pop(key, None)
            return
        applied = applied_up_to(value)
        if applied >= self._applied.get(key, applied):
            self.pages[key], self._applied[key] = value, applied


class PageStore(base.Store[bytes, bytes]):
    """Faust's store of the table of pages.

    keep: given the partitions that are ours from now on, those whose live state stands, so that their pages need not be
    read again. lost: called first when the group has formed at least once without us, so that no live state can stand.
    restore: called when the pages of ours are complete. failed: told what Faust would log and go on from.
    """

    keep: Callable[[set[int]], frozenset[int]]
    lost: Callable[[], None]
    restore: Callable[[], Awaitable[None]]
    failed: Callable[[BaseException], None]

    def __post_init__(self) -> None:
        self.data = {}
        self.shelves: dict[int, Shelf] = {}
        self._live: dict[int, int] = {}
        self._generation = NOTHING

    def pages(self, partition: int) -> Mapping[bytes, bytes]:
        """The pages of a partition, given away: from here on its state is the only copy."""
        shelf = self.shelves.pop(partition, None) or Shelf()
        self._live[partition] = shelf.read
        return shelf.pages

    def wrote(self, partition: int, offset: int) -> bool:
        """A page of ours lies at this offset of the changelog. Whether it followed what we knew without a hole."""
        read = self._live.get(partition)
        if read is None or offset <= read:
            return True  # no longer ours, or known already
        self._live[partition] = offset
        return offset == read + 1

    # --- what Faust asks

    def persisted_offset(self, tp: TP) -> int:
        if tp.partition in self._live:
            return self._live[tp.partition]
        shelf = self.shelves.get(tp.partition)
        return NOTHING if shelf is None else shelf.read

    def apply_changelog_batch(self, batch: Iterable[EventT[Any]], to_key: Any, to_value: Any) -> None:
        try:
            for message in (event.message for event in batch):
                if message.partition not in self._live:
                    shelf = self.shelves.setdefault(message.partition, Shelf())
                    shelf.put(message.offset, cast(bytes, message.key), message.value)
        except PageError as error:
            self.failed(error)

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Before Faust asks for offsets: forget what is neither ours, nor ours to stand by for.

        The group counts its generations. After an orderly hand-over we may still come too late to the next one (paused
        in between, or a slow network): others have gone on with our partitions, and what we know of them is old even if
        they are given back to us.
        """
        if generation_id != self._generation + 1:
            self.lost()
        self._generation = generation_id
        active = {tp.partition for tp in self.app.assignor.assigned_actives()}
        standby = {tp.partition for tp in self.app.assignor.assigned_standbys()}
        live = self.keep(active)
        self._live = {p: read for p, read in self._live.items() if p in live}
        self.shelves = {p: shelf for p, shelf in self.shelves.items() if p in active | standby}

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        await self.restore()

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """Nothing of ours is on disk."""

    def reset_state(self) -> None:
        """Nothing of ours is on disk."""

    def _clear(self) -> None:
        self.shelves.clear()

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


class KafkaChangelog:
    """Where the keeper's pages go. overwritten: called with a partition in which somebody else wrote too."""

    def __init__(self, topic: str, store: PageStore, publisher: Publisher, overwritten: Callable[[int], None]) -> None:
        self._topic, self._store, self._publisher, self._overwritten = topic, store, publisher, overwritten
        self._in_order = asyncio.Lock()

    def send(self, partition: int, key: bytes, value: bytes) -> Sent:
        """One page, after those that were sent before it."""
        return asyncio.ensure_future(self._send(partition, key, value))

    async def _send(self, partition: int, key: bytes, value: bytes) -> object:
        async with self._in_order:  # which lets in those that wait in the order in which they came
            sent = await self._publisher.page(self._topic, partition, key, value)
        written = cast(Any, await sent)
        if not self._store.wrote(partition, written.offset):
            self._overwritten(partition)
        return written
