"""What is told already, and how far a partition may be committed. Pure bookkeeping of the notifier."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, TypeVar

from alerts.channels.protocol import Outcome

Partition = TypeVar("Partition", bound=Hashable)


class Told:
    """Which deliveries are on the log, the newest ones up to a bound, and the outcomes that have yet to get there."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._recorded: OrderedDict[str, bool] = OrderedDict()
        self._again: dict[str, int] = {}
        self._whom: dict[str, tuple[str, ...]] = {}
        self._failing: dict[str, bool] = {}
        self.unrecorded: dict[str, Outcome] = {}

    def __contains__(self, delivery_id: str) -> bool:
        return delivery_id in self._recorded

    def failed(self, delivery_id: str) -> bool:
        """Whether it is on the log that it did not get through."""
        return self._recorded.get(delivery_id, False)

    def again(self, delivery_id: str) -> int:
        """The how manieth asking to send it again has its outcome on the log; 0 for none."""
        return self._again.get(delivery_id, 0)

    def whom(self, delivery_id: str) -> tuple[str, ...]:
        """Which people were told by it; nobody if it did not get through."""
        return self._whom.get(delivery_id, ())

    def failing(self, channel: str) -> bool:
        """Whether the last message on the log by this channel had failed."""
        return self._failing.get(channel, False)

    def recorded(
        self, delivery_id: str, *, failed: bool = False, channel: str | None = None, again: int = 0,
        whom: Iterable[str] = (),
    ) -> None:  # fmt: skip
        if channel is not None:
            self._failing[channel] = failed
        self.unrecorded.pop(delivery_id, None)
        if again:
            self._again[delivery_id] = max(again, self.again(delivery_id))
        if whom := () if failed else tuple(whom):
            self._whom[delivery_id] = whom
        self._recorded[delivery_id] = failed
        self._recorded.move_to_end(delivery_id)
        while len(self._recorded) > self._limit:
            oldest, _ = self._recorded.popitem(last=False)
            self._again.pop(oldest, None)
            self._whom.pop(oldest, None)


class Progress(Generic[Partition]):
    """How far each partition may be committed: up to the oldest record of which an outcome is still missing."""

    def __init__(self) -> None:
        self._missing: dict[Partition, dict[int, int]] = {}
        self._next: dict[Partition, int] = {}
        self._committed: dict[Partition, int] = {}

    def took(self, partition: Partition, offset: int, outcomes: int) -> None:
        """A record was read; `outcomes` of it have to be recorded. Offsets of a partition come in rising order."""
        self._next[partition] = offset + 1
        if outcomes:
            self._missing.setdefault(partition, {})[offset] = outcomes

    def more(self, partition: Partition, offset: int) -> None:
        """One more outcome of this record has to be recorded: it goes another way."""
        missing = self._missing.get(partition, {})
        if offset in missing:
            missing[offset] += 1

    def done(self, partition: Partition, offset: int) -> bool:
        """One outcome is recorded; True when it was the last of this record."""
        missing = self._missing.get(partition, {})
        if offset not in missing:
            return False
        missing[offset] -= 1
        if missing[offset]:
            return False
        del missing[offset]
        return True

    def committable(self) -> dict[Partition, int]:
        """Where each partition may go on after a crash, for those where that has moved."""
        at = {tp: next(iter(self._missing.get(tp) or ()), end) for tp, end in self._next.items()}
        return {tp: offset for tp, offset in at.items() if self._committed.get(tp) != offset}

    def committed(self, offsets: Mapping[Partition, int]) -> None:
        self._committed.update(offsets)

    def forget(self) -> None:
        """Partitions went away. What is not committed is read again by whoever gets them."""
        for one in (self._missing, self._next, self._committed):
            one.clear()
