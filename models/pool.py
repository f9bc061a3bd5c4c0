"""Records that only some of the rows need at a time: a table with places that are taken, given back and taken again."""

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

GROWTH = 4
"""A table that is full grows by a quarter. Doubling would let a quarter of all memory lie idle; this way a record is
copied four times in its life instead of once."""

NOWHERE = 0
"""The place that nobody gets. Its record stays empty, so that whoever has no place may be looked up all the same."""
LEAST = 64


def room_for(at_least: int, now: int) -> int:
    """How long a table of `now` records shall become to hold at least that many.

    >>> room_for(101, 100), room_for(500, 100)
    (125, 500)
    """
    return max(at_least, now + now // GROWTH)


class Pool:
    """A table of records of one dtype. A place says nothing: whatever is decided must not depend on it.

    >>> pool = Pool(np.dtype([("n", "i4")]))
    >>> places = pool.take(2)
    >>> pool.table["n"][places] = 7
    >>> pool.give(places[:1])
    >>> pool.take(1).tolist(), pool.used
    ([1], 2)
    """

    def __init__(self, dtype: npt.DTypeLike, empty: Any = 0, least: int = LEAST) -> None:
        self._empty = np.zeros(1, dtype)
        self._empty[:] = empty
        self.table = np.repeat(self._empty, least)
        self._reached = 1
        self._free = np.empty(0, np.int64)

    @property
    def used(self) -> int:
        """Places that are taken."""
        return self._reached - 1 - len(self._free)

    @property
    def reached(self) -> npt.NDArray[Any]:
        """The part of the table that has ever been used, NOWHERE included."""
        return self.table[: self._reached]

    def take(self, count: int) -> Ints:
        """Places for that many records, all of them empty."""
        left = max(0, len(self._free) - count)
        again, self._free = self._free[left:], self._free[:left]
        first, self._reached = self._reached, self._reached + count - len(again)
        if self._reached > len(self.table):
            self._widen(room_for(self._reached, len(self.table)), first)
        self.table[first : self._reached] = self._empty
        return np.concatenate([again, np.arange(first, self._reached)])

    def reserve(self, count: int) -> None:
        """Room for that many records and no more: who knows how many will come need not grow by a quarter."""
        if count > len(self.table):
            self._widen(count, self._reached)

    def _widen(self, size: int, used: int) -> None:
        wider = np.empty(size, self.table.dtype)
        wider[:used] = self.table[:used]
        self.table = wider

    @property
    def idle(self) -> int:
        """Places that were taken and given back."""
        return len(self._free)

    def settle(self, places: npt.NDArray[np.integer[Any]]) -> Ints:
        """Give back the room of all that is not wanted any more, since these records are all there are; where they are
        from now on, in the same order.

        >>> pool = Pool(np.dtype([("n", "i4")]))
        >>> places = pool.take(40)
        >>> pool.table["n"][places] = range(40)
        >>> pool.give(places[:38])
        >>> pool.settle(places[38:]).tolist(), pool.table["n"].tolist()
        ([1, 2], [0, 38, 39])
        """
        self.table = np.concatenate([self._empty, self.table[places]])
        self._reached, self._free = len(self.table), np.empty(0, np.int64)
        return np.arange(1, self._reached)

    def give(self, places: npt.NDArray[np.integer[Any]]) -> None:
        """These records are wanted no more."""
        self.table[places] = self._empty
        self._free = np.concatenate([self._free, places.astype(np.int64)])
