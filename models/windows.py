"""Readings gathered in event-time windows, per row (patient, vital).

A window is open until the patient's clock has passed its end by the vital's lateness. Sums are kept in fixed point
(1/10,000 of the canonical unit), so they do not depend on the order or the grouping in which readings came.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.segments import Bools, Ints, starts
from models.times import US_PER_S
from models.vitals import VITALS

Floats = npt.NDArray[np.float64]

OPEN = 4
"""Windows of a row that may be open at once: the current one, the one before within its lateness, one ahead (devices
may be fast by the clock tolerance), one to spare. `check_settings` raises if settings ask for more."""
FIXED = 10_000
"""Parts of a unit kept. The largest plausible value (steps, 100,000) still fits 32 bits."""

STATE = np.dtype(
    [
        ("index", "i8", OPEN),
        ("total", "i8", OPEN),
        ("n", "i4", OPEN),
        ("active", "i4", OPEN),
        ("broken", "i4", OPEN),
        ("low", "i4", OPEN),
        ("high", "i4", OPEN),
    ],
    align=True,
)
"""Open windows of one row; index -1 is a free place. active: readings not at rest; broken: readings beyond a floor."""

_NAMES = ("index", "n", "active", "broken", "total", "low", "high")
WIDTH_US = np.array([v.window_s for v in VITALS], np.int64) * US_PER_S
LATENESS_US = np.array([v.lateness_s for v in VITALS], np.int64) * US_PER_S
HORIZON_US = np.array([v.live_horizon_s for v in VITALS], np.int64) * US_PER_S


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows, sorted by (row, index): arrays of the same length. total, low, high in fixed point."""

    row: Ints
    index: Ints
    n: Ints
    active: Ints
    broken: Ints
    total: Ints
    low: Ints
    high: Ints

    def take(self, which: "Ints | Bools") -> "Windows":
        """Some of them."""
        columns = self.row, self.index, self.n, self.active, self.broken, self.total, self.low, self.high
        return Windows(*(column[which] for column in columns))

    def mean(self) -> Floats:
        """In canonical units."""
        return self.total / (self.n * float(FIXED))


def check_settings(clock_tolerance_us: int) -> None:
    """Raise if a device that is fast by the tolerance could need more open windows than there are places."""
    span = LATENESS_US + clock_tolerance_us
    if (span // WIDTH_US + 2 > OPEN).any():
        worst = VITALS[int((span / WIDTH_US).argmax())]
        raise ValueError(
            f"clock tolerance {clock_tolerance_us // US_PER_S} s is too long for {worst.name}: "
            f"windows of {worst.window_s} s want less than {(OPEN - 1) * worst.window_s - worst.lateness_s} s"
        )


def window_of(at: Ints, vital: Ints) -> Ints:
    """Index of the window an event time falls in, counted from 1970."""
    return at // WIDTH_US[vital]


def closes_at(index: Ints, vital: Ints) -> Ints:
    """The patient's clock at which a window is closed [us]."""
    return (index + 1) * WIDTH_US[vital] + LATENESS_US[vital]


def gather(table: npt.NDArray[np.void], rows: Ints, new: Windows) -> Windows:
    """The open windows of `rows`, together with new readings (as windows of one) of the same rows.

    table: dtype STATE by row; rows (k,): sorted, unique. The table is not changed; see `keep`.
    """
    place_row, place = np.nonzero(table["index"][rows] >= 0)
    at = rows[place_row], place
    index, n, active, broken, total, low, high = (table[name][at].astype(np.int64) for name in _NAMES)
    return _merged(Windows(rows[place_row], index, n, active, broken, total, low, high), new)


def _merged(old: Windows, new: Windows) -> Windows:
    """One window for each (row, index)."""
    pairs = zip(_columns(old), _columns(new), strict=True)
    row, index, n, active, broken, total, low, high = (np.concatenate(pair) for pair in pairs)
    if not len(row):
        return old
    order = np.lexsort((index, row))
    row, index = row[order], index[order]
    begin = np.flatnonzero(starts(row) | starts(index))
    n, active, broken, total = (np.add.reduceat(column[order], begin) for column in (n, active, broken, total))
    low, high = np.minimum.reduceat(low[order], begin), np.maximum.reduceat(high[order], begin)
    return Windows(row[begin], index[begin], n, active, broken, total, low, high)


def _columns(w: Windows) -> tuple[Ints, ...]:
    return w.row, w.index, w.n, w.active, w.broken, w.total, w.low, w.high


def keep(table: npt.NDArray[np.void], rows: Ints, still_open: Windows) -> None:
    """Remember the windows that stay open, and only those, as the windows of `rows`."""
    table["index"][rows] = -1
    at = still_open.row, still_open.index % OPEN
    for name, column in zip(_NAMES, _columns(still_open)[1:], strict=True):
        table[name][at] = column
