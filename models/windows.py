"""Readings gathered in event-time windows, per row (patient, vital).

A window is open until the patient's clock has passed its end by the vital's lateness. Sums are kept in fixed point
(1/10,000 of the canonical unit), so they do not depend on the order or the grouping in which readings came.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.pool import NOWHERE, Pool
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
        ("total", "i8"),
        ("row", "i4"),
        ("index", "i4"),
        ("n", "i4"),
        ("active", "i4"),
        ("broken", "i4"),
        ("low", "i4"),
        ("high", "i4"),
        ("faulty", "i4"),
        ("rated", "i8"),
    ]
)
"""One open window in the pool; index -1 in a place that is free. active: readings not at rest; broken: readings beyond
a floor; faulty: readings that a sensor's fault has spoilt; rated: what devices said of the signal, see `rated`."""
PLACES = np.dtype(("u4", OPEN))
"""Of one row: the places of its open windows in the pool, 0 where there is none."""

_NAMES = ("row", "index", "n", "active", "broken", "total", "low", "high", "faulty", "rated")
RATED_BITS, RATED_PARTS = 20, 1000
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
    faulty: Ints
    rated: Ints

    def take(self, which: "Ints | Bools") -> "Windows":
        """Some of them."""
        return Windows(*(column[which] for column in _columns(self)))

    def mean(self) -> Floats:
        """In canonical units."""
        return self.total / (self.n * float(FIXED))


def rated(quality: Floats) -> Ints:
    """Of readings (n,), NaN where the device said nothing of its signal: what adds up to the mean of a window, in one
    number, the sum in thousandths above how many there are.

    >>> quality_of(rated(np.array([0.9, np.nan, 0.5])).sum(keepdims=True)), quality_of(rated(np.array([np.nan])))
    (array([0.7]), array([nan]))
    """
    said = ~np.isnan(quality)
    if not said.any():
        return np.zeros(len(quality), np.int64)
    parts = np.rint(np.where(said, quality, 0.0) * RATED_PARTS).astype(np.int64)
    added: Ints = (parts << RATED_BITS) + said
    return added


def quality_of(rated: Ints) -> Floats:
    """The mean signal quality of windows (n,), NaN of one of which nothing was said."""
    readings = rated & ((1 << RATED_BITS) - 1)
    mean: Floats = (rated >> RATED_BITS) / (np.maximum(readings, 1) * float(RATED_PARTS))
    return np.where(readings > 0, mean, np.nan)


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


def pool() -> Pool:
    """Room for open windows."""
    empty = np.zeros((), STATE)
    empty["index"] = -1
    return Pool(STATE, empty)


def held(pool: Pool, places: npt.NDArray[np.uint32]) -> Windows:
    """The windows at these places."""
    records = pool.table[places]
    return Windows(*(records[name].astype(np.int64) for name in _NAMES))


def gather(places: npt.NDArray[np.uint32], pool: Pool, rows: Ints, new: Windows) -> Windows:
    """The open windows of `rows`, together with new readings (as windows of one) of the same rows.

    places (k, OPEN): by row, dtype PLACES; rows (k,): sorted, unique. Nothing is changed; see `keep`.
    """
    of_rows = places[rows]
    return _merged(held(pool, of_rows[of_rows > 0]), new)


def _merged(old: Windows, new: Windows) -> Windows:
    """One window for each (row, index)."""
    pairs = zip(_columns(old), _columns(new), strict=True)
    row, index, n, active, broken, total, low, high, faulty, rated = (np.concatenate(pair) for pair in pairs)
    if not len(row):
        return old
    order = np.lexsort((index, row))
    row, index = row[order], index[order]
    begin = np.flatnonzero(starts(row) | starts(index))
    sums = (np.add.reduceat(column[order], begin) for column in (n, active, broken, total, faulty, rated))
    n, active, broken, total, faulty, rated = sums
    low, high = np.minimum.reduceat(low[order], begin), np.maximum.reduceat(high[order], begin)
    return Windows(row[begin], index[begin], n, active, broken, total, low, high, faulty, rated)


def _columns(w: Windows) -> tuple[Ints, ...]:
    return w.row, w.index, w.n, w.active, w.broken, w.total, w.low, w.high, w.faulty, w.rated


def keep(places: npt.NDArray[np.uint32], pool: Pool, rows: Ints, still_open: Windows) -> None:
    """Remember the windows that stay open, and only those, as the windows of `rows`."""
    drop(places, pool, rows)
    records = np.empty(len(still_open.row), STATE)
    for name, column in zip(_NAMES, _columns(still_open), strict=True):
        records[name] = column
    place(places, pool, records)


def place(places: npt.NDArray[np.uint32], pool: Pool, held: npt.NDArray[np.void]) -> None:
    """Put windows (dtype STATE) back where they belong."""
    at = pool.take(len(held))
    pool.table[at] = held
    places[held["row"], held["index"] % OPEN] = at


def drop(places: npt.NDArray[np.uint32], pool: Pool, rows: Ints) -> None:
    """Forget the open windows of these rows."""
    of_rows = places[rows]
    if of_rows.any():
        pool.give(of_rows[of_rows > 0])
        places[rows] = NOWHERE
