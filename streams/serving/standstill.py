"""Since when nothing has moved, of what should."""

import asyncio
from typing import Generic, TypeVar

from streams import limits

Place = TypeVar("Place")


class Still(Generic[Place]):
    """Since when nothing has moved, of each place: it is looked at how far each is, and where it ends."""

    def __init__(self) -> None:
        self._moved: dict[Place, tuple[int, float]] = {}

    def look(self, place: Place, position: int, end: int) -> None:
        """Where nothing waits, nothing has to move."""
        now_s = asyncio.get_running_loop().time()
        if end <= position or self._moved.get(place, (None, 0.0))[0] != position:
            self._moved[place] = position, now_s

    def for_long(self) -> list[Place]:
        """Those that have not moved for STUCK_S."""
        now_s = asyncio.get_running_loop().time()
        still = (place for place, (_, since_s) in self._moved.items() if now_s - since_s >= limits.STUCK_S)
        return sorted(still)  # type: ignore[type-var]

    def clear(self) -> None:
        self._moved = {}
