"""What a partition remembers of sensors (see `models.detectors.sensor` and `faults`)."""

import numpy as np
import numpy.typing as npt

from models.detectors.sensor import STATE, WATCH, Told
from models.segments import Ints
from streams.engine.holes import solid
from streams.engine.rows import grown

EXTRA = np.dtype([("row", "i4"), ("watch", WATCH)], align=True)


class Sensors:
    """What one partition remembers: `table` by row (`sensor.STATE`), and `watch` of the few rows that are busy."""

    def __init__(self) -> None:
        self.table: npt.NDArray[np.void] = np.zeros(0, STATE)
        self.watch: dict[int, np.void] = {}

    def reach(self, rows: int) -> None:
        """Have room for so many rows."""
        if rows > len(self.table):
            self.table = grown(self.table, rows)

    def drop(self, rows: Ints) -> None:
        """Forget these rows."""
        self.table[rows[rows < len(self.table)]] = np.zeros((), STATE)
        for row in rows.tolist():
            self.watch.pop(row, None)

    def told(self, rows: Ints) -> dict[int, int]:
        """Of these rows, those of whose present fault people know: row and device."""
        found = [row for row in rows.tolist() if row in self.watch and self.watch[row]["told"] == Told.LIVE]
        return {row: int(self.table["device"][row]) for row in found}

    def packed(self, rows: Ints) -> tuple[bytes, bytes]:
        """Of the rows of a page, all of them, and of those that are busy; `row` is the place in `rows`."""
        table, there = np.zeros(len(rows), STATE), rows < len(self.table)
        table[there] = self.table[rows[there]]
        extra = [(k, self.watch[row]) for k, row in enumerate(rows.tolist()) if row in self.watch]
        return solid(table) if table["n"].any() else b"", solid(np.array(extra, EXTRA))

    def unpack(self, first: int, table: bytes, extra: bytes) -> None:
        """Put back what was packed of rows that now are first, first + 1, ..., for which there is room."""
        rows = np.frombuffer(table, STATE)
        self.table[first : first + len(rows)] = rows
        for one in np.frombuffer(extra, EXTRA).copy():
            self.watch[first + int(one["row"])] = one["watch"]
