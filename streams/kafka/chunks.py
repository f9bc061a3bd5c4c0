"""Chunks of a partition: how a fetch is cut into them, and in which order their acknowledgements count.

Pure bookkeeping, without Faust and without I/O; `transport` puts it to work.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

from aiokafka import ConsumerRecord
from faust.types import TP

from streams import limits

Records = list[ConsumerRecord]
_value_size = attrgetter("serialized_value_size")
_key_size = attrgetter("serialized_key_size")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a chunk may become. One record may be larger than `bytes`: it is a chunk of its own."""

    records: int = limits.CHUNK_RECORDS_MAX
    bytes: int = limits.CHUNK_BYTES_MAX
    queued: int = limits.CHUNKS_QUEUED_MAX
    open: int = limits.CHUNKS_OPEN_MAX


class Delivery:
    """One delivered chunk: it covers positions [start, end) of its partition, and was acknowledged or not."""

    __slots__ = ("acked", "end", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end
        self.acked = False


class InOrderAcks:
    """Which chunks of one partition are open, and up to where its offset may be committed.

    An acknowledgement counts when everything before it is acknowledged too; until then it is held. Acknowledging a
    chunk that was delivered again, or belongs to an earlier assignment, has no effect: its Delivery is no longer here.
    """

    def __init__(self) -> None:
        self._open: deque[Delivery] = deque()

    def __len__(self) -> int:
        return len(self._open)

    def deliver(self, start: int, end: int) -> Delivery:
        """Note the next chunk. It supersedes open chunks that begin at its start or later: they come again."""
        self.withdraw(start)
        delivery = Delivery(start, end)
        self._open.append(delivery)
        return delivery

    def withdraw(self, start: int) -> None:
        """Forget the chunks that begin at this position or later: they are fetched again, if the broker has them."""
        while self._open and self._open[-1].start >= start:
            self._open.pop()

    def committable(self) -> int | None:
        """The position after the acknowledged prefix, which is forgotten; None when the first chunk is open."""
        position = None
        while self._open and self._open[0].acked:
            position = self._open.popleft().end
        return position

    def withdraw_open(self) -> int | None:
        """Withdraw everything from the first chunk that was not acknowledged; its start, or None if there is none."""
        start = next((delivery.start for delivery in self._open if not delivery.acked), None)
        if start is not None:
            self.withdraw(start)
        return start


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one fetch took from one partition: positions [start, end). Offsets that compaction or a transaction
    removed lie in between or at the end; `end` passes them, so that the lag of a finished partition is 0."""

    tp: TP
    start: int
    end: int
    records: Records

    def chunks(self, bounds: Bounds) -> Iterator["Fetched"]:
        """Cut into chunks within the bounds; their positions join without a hole."""
        start = self.start
        rest = len(self.records)
        for part in _within(self.records, bounds):
            rest -= len(part)
            end = part[-1].offset + 1 if rest else self.end
            yield Fetched(self.tp, start, end, part)
            start = end


def _within(records: Records, bounds: Bounds) -> Iterator[Records]:
    for low in range(0, len(records), bounds.records):
        part = records[low : low + bounds.records]
        if _bytes(part) <= bounds.bytes:
            yield part
        else:
            yield from _cut_by_bytes(part, bounds.bytes)


def _cut_by_bytes(records: Records, bytes_max: int) -> Iterator[Records]:
    part: Records = []
    size = 0
    for record in records:
        more = _bytes([record])
        if part and size + more > bytes_max:
            yield part
            part, size = [], 0
        part.append(record)
        size += more
    yield part


def _bytes(records: Records) -> int:
    """Keys and values, and 2 for each record: aiokafka gives -1 as the size of what is absent."""
    total: int = sum(map(_value_size, records)) + sum(map(_key_size, records)) + 2 * len(records)
    return total
