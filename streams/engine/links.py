"""The table of links: one vital of one patient from one device, and when data last came over it.

The links of a row (a vital of a patient) are a chain: `head` of the row, then `next` of each link. A row has few
devices, so a look-up over a whole slice is a handful of passes over arrays.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from models.detectors import device_clock, silence
from models.segments import Bools, Ints, rounds
from streams.engine.holes import solid
from streams.engine.newcomers import Turn
from streams.engine.rows import grown

Hashes = npt.NDArray[np.uint64]

DEVICES_PER_ROW_MAX = 8
"""Devices of one vital of one patient that are watched. One more takes the place of the one that has been silent
longest and of which that is known; if all send, it is not watched, which is counted and told in the log."""
NOBODY = -1

LINK = np.dtype(
    [
        ("slot", "i4"),
        ("next", "i4"),
        ("device", "u8"),
        ("source", "u8"),
        ("pace", silence.STATE),
        ("clock", device_clock.STATE),
    ],
    align=True,
)
"""slot: of the patient, NOBODY for a free place; next: place of the row's next link, NOBODY at the end; device, source:
hashes of their names."""


class Links:
    """The links of one partition. A place that is given up is given again. turns: what came and went in the stretch at
    hand, in log order of each patient; stored nowhere."""

    def __init__(self) -> None:
        self.table: npt.NDArray[np.void] = np.zeros(256, LINK)
        self.table["slot"] = NOBODY
        self.table["pace"]["due_s"] = silence.NEVER_S
        self.count = 0
        self.next_due_s = silence.NEVER_S
        self.turns: list[Turn] = []
        self._free: list[int] = []
        self._head = np.full(256, NOBODY, np.int32)

    def find(self, row: Ints, device: Hashes) -> Ints:
        """The link of each (row, device), (n,); NOBODY where there is none yet."""
        self._reserve(int(row.max(initial=0)) + 1)
        place = self._head[row].astype(np.int64)
        wrong = np.flatnonzero((place >= 0) & (self.table["device"][place] != device))
        while len(wrong):
            place[wrong] = self.table["next"][place[wrong]]
            at = place[wrong]
            wrong = wrong[(at >= 0) & (self.table["device"][at] != device[wrong])]
        return place

    def of_row(self, row: int) -> list[int]:
        """The links of one row, the newest first."""
        self._reserve(row + 1)
        found, place = [], int(self._head[row]) if row >= 0 else NOBODY
        while place >= 0:
            found.append(place)
            place = int(self.table["next"][place])
        return found

    def of_rows(self, rows: Iterable[int]) -> list[int]:
        """The links of several rows; a row below 0 has none."""
        return [place for row in rows if row >= 0 for place in self.of_row(row)]

    def add(self, row: int, link: npt.NDArray[np.void]) -> int:
        """A new link (dtype LINK, (1,)) of a row; its place."""
        place = self._free.pop() if self._free else self._new_place()
        self._reserve(row + 1)
        self.table[place] = link[0]
        self.table["next"][place] = self._head[row]
        self._head[row] = place
        return place

    def put(self, row: int, place: int, link: npt.NDArray[np.void]) -> None:
        """A link (dtype LINK, (1,)) as it is now; place: where it is, below 0 if it is new."""
        if place < 0:
            self.add(row, link)
        else:
            link["next"] = self.table["next"][place]
            self.table[place] = link[0]
        self.note_due(int(link["pace"]["due_s"][0]))

    def drop(self, row: int, place: int) -> None:
        """Give up one link of a row."""
        before = [one for one in self.of_row(row) if self.table["next"][one] == place]
        if before:
            self.table["next"][before[0]] = self.table["next"][place]
        else:
            self._head[row] = self.table["next"][place]
        self.table["slot"][place] = NOBODY
        self.table["pace"]["due_s"][place] = silence.NEVER_S
        self._free.append(place)

    def drop_row(self, row: int) -> None:
        """Give up all links of a row."""
        for place in self.of_row(row):
            self.drop(row, place)

    def due(self, now_s: int) -> Ints:
        """Links that must be looked at by now, by a look at every link; none if it is known that there are none."""
        if now_s < self.next_due_s:
            return np.empty(0, np.int64)
        due_s = self.table["pace"]["due_s"][: self.count]
        self.next_due_s = int(due_s[due_s > now_s].min(initial=silence.NEVER_S))
        return np.flatnonzero(due_s <= now_s)

    def note_due(self, due_s: int) -> None:
        """A link will have to be looked at then."""
        self.next_due_s = min(self.next_due_s, due_s)

    def fresh_rows(self, row_of: npt.NDArray[np.int32], rows: int) -> Bools:
        """Rows (rows,) over which data still come as usual, from one device at least. row_of (patients, V): as of
        `PartitionState`."""
        table, fresh = self.table[: self.count], np.zeros(rows, bool)
        alive = np.flatnonzero((table["slot"] >= 0) & (table["pace"]["stale"] == 0))
        fresh[row_of[table["slot"][alive], table["pace"]["vital"][alive]]] = True
        return fresh

    def packed(self, rows: npt.NDArray[np.int32]) -> bytes:
        """The links of these rows (below 0: none), for a page: those of a row in the order in which they were added."""
        self._reserve(int(rows.max(initial=0)) + 1)
        levels, place = [], self._head[rows[rows >= 0]]
        while len(place := place[place >= 0]):
            levels.append(place)
            place = self.table["next"][place]
        return solid(self.table[np.concatenate(levels[::-1])]) if levels else b""

    def place(self, raw: bytes, row_of: npt.NDArray[np.int32]) -> None:
        """Put restored links into the table. row_of (patients, V): the rows of each slot."""
        found = np.frombuffer(raw, LINK)
        if not len(found):
            return
        row = row_of[found["slot"], found["pace"]["vital"]].astype(np.int64)
        self._reserve(int(row.max()) + 1)
        self._grow(self.count + len(found))
        first, self.count = self.count, self.count + len(found)
        self.table[first : self.count] = found
        for group in rounds(row):
            self.table["next"][first + group] = self._head[row[group]]
            self._head[row[group]] = first + group
        self.note_due(int(found["pace"]["due_s"].min()))

    def reserve(self, rows: int) -> None:
        """Room for that many rows with one link each."""
        self._reserve(rows)
        self._grow(rows)

    def _new_place(self) -> int:
        self._grow(self.count + 1)
        self.count += 1
        return self.count - 1

    def _grow(self, at_least: int) -> None:
        if at_least > len(self.table):
            before = len(self.table)
            self.table = grown(self.table, at_least)
            self.table["slot"][before:], self.table["pace"]["due_s"][before:] = NOBODY, silence.NEVER_S

    def _reserve(self, rows: int) -> None:
        if rows > len(self._head):
            self._head = grown(self._head, rows, NOBODY)
