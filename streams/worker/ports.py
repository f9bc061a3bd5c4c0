"""What the keeper asks of the world around it: pages written, pages read, and the way back to readings."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from streams.worker.publisher import Sent


class Changelog(Protocol):
    """Where pages are written, in the order in which they are sent."""

    def send(self, partition: int, key: bytes, value: bytes) -> Sent:
        """One page; the future is done when the broker has it."""


class WayBack(Protocol):
    """The readings that the group has passed already."""

    async def begins(self, partition: int) -> int:
        """The offset of the first record that the log still has."""

    async def ends(self, partitions: Collection[int]) -> Mapping[int, int]:
        """The offset after the last record that the log has of each."""

    def go_back(self, partition: int, position: int) -> None:
        """The next chunk begins there, or where the log has its next record."""


Pages = Callable[[int], Mapping[bytes, bytes]]
"""The raw pages of a partition, of each the one that was applied furthest. The keeper asks once, when it restores."""
