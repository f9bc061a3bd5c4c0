"""The filters by which low glucose is foretold: one for every glucose row, and none for any other."""

import numpy as np
import numpy.typing as npt

from models.detectors import forecast
from models.segments import Ints, grouped
from streams.engine.rows import grown

STATE = np.dtype([("row", "i4"), ("filter", forecast.STATE)], align=True)
"""As a page keeps it; row: place of the row in the page."""


class Forecasts:
    """The filters of one partition. A place that is given up is given again."""

    def __init__(self) -> None:
        self.table: npt.NDArray[np.void] = np.zeros(0, forecast.STATE)
        self._place: dict[int, int] = {}
        self._free: list[int] = []

    def places(self, row: Ints) -> Ints:
        """Where the filter of each row is, (n,); one that only begins is made."""
        known, _, which = grouped(row)
        return np.array([self._of(one) for one in known.tolist()], np.int64)[which]

    def _of(self, row: int) -> int:
        if row not in self._place:
            self._place[row] = self._free.pop() if self._free else self._new()
        return self._place[row]

    def _new(self) -> int:
        count = len(self._place) + len(self._free)
        if count >= len(self.table):
            self.table = grown(self.table, max(16, count + 1))
        return count

    def drop(self, rows: list[int]) -> None:
        """Forget these rows, if they are known."""
        for place in [self._place.pop(row) for row in rows if row in self._place]:
            self.table[place] = np.zeros((), forecast.STATE)
            self._free.append(place)

    def rearm(self, row: int) -> None:
        """A person ended what was foretold: what goes on may be foretold anew."""
        if row in self._place:
            self.table["open"][self._place[row]] = self.table["ok_n"][self._place[row]] = 0

    def packed(self, rows: Ints) -> bytes:
        """The filters of these rows, as bytes; `row` is the place in `rows`."""
        known = [(k, self._place[row]) for k, row in enumerate(rows.tolist()) if row in self._place]
        out = np.zeros(len(known), STATE)
        out["row"], out["filter"] = [k for k, _ in known], self.table[[place for _, place in known]]
        return out.tobytes()

    def unpack(self, first: int, raw: bytes) -> None:
        """Put back what was packed of rows that now are first, first + 1, ..."""
        for one in np.frombuffer(raw, STATE):
            place = self._of(first + int(one["row"]))
            self.table[place] = one["filter"]
