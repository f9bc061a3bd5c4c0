"""Six hours of a vital's windows as the bytes of one row. Pure.

Three months of a vital are 8,640 windows: read one row each, most of the time goes into rows, not into windows. Packed
they are 360 rows, which become one array at once; a row with its 24 windows stays below the 2 KB from which PostgreSQL
would keep it elsewhere.
"""

import math
import struct
from collections.abc import Iterable
from typing import Any

import numpy as np

from alerts.desk.chart import WORST_FIRST, Window
from models.readings import Aside

Array = np.ndarray[Any, np.dtype[Any]]
STRETCH_S = 6 * 3600.0
NUMBERS = ("mean", "min", "max", "expected", "low", "high")
DTYPE = np.dtype(
    [
        ("start_s", "<f8"),
        ("period_s", "<f8"),
        ("n", "<i4"),
        *((one, "<f8") for one in NUMBERS),
        ("state", "u1"),
        ("aside", "u1"),
    ]
)
"""As it lies in the row, without air between; a number that is not known is NaN, which no JSON can bring."""
ROW = struct.Struct("<ddi6dBB")
CODES = {state: code for code, state in enumerate(WORST_FIRST)}
UNKNOWN = CODES["unknown"]
ASIDE: tuple[Aside | None, ...] = (None, "moving", "sensor")
Row = tuple[Any, ...]
"""One window, in the order of DTYPE."""


def stretch_of(start_s: float) -> int:
    """The number of the stretch in which a window begins."""
    return math.floor(start_s / STRETCH_S)


def row_of(one: Window) -> Row:
    numbers = (math.nan if value is None else value for value in (getattr(one, name) for name in NUMBERS))
    return (one.start_s, one.period_s, one.n, *numbers, CODES.get(one.state, UNKNOWN), ASIDE.index(one.aside))


def joined(body: bytes, news: Iterable[Row], from_s: float) -> tuple[bytes, int, int]:
    """A stretch with these windows in it: its bytes in order of time, how many windows, how many of them with readings.

    Of one window the fuller word counts, of equally full ones the last. from_s: those that begin earlier are left out.
    """
    held = {row[:2]: row for row in ROW.iter_unpack(body)}
    for row in news:
        known = held.get(row[:2])
        if known is None or known[2] <= row[2]:
            held[row[:2]] = row
    ordered = [held[key] for key in sorted(held) if key[0] >= from_s]
    return b"".join(ROW.pack(*row) for row in ordered), len(ordered), sum(1 for row in ordered if row[2] > 0)


def unpacked(bodies: Iterable[bytes]) -> Array:
    """The windows of stretches that come in order of time, (n,) of DTYPE."""
    return np.frombuffer(b"".join(bodies), DTYPE)


def windows_of(held: Array) -> list[Window]:
    """The same as objects."""
    return [window_of(*row) for row in held.tolist()]


def window_of(start_s: float, period_s: float, n: int, *rest: Any) -> Window:
    *numbers, state, aside = rest
    mean, least, most, expected, low, high = (None if value != value else value for value in numbers)
    return Window(start_s, period_s, n, mean, least, most, expected, low, high, WORST_FIRST[state], ASIDE[aside])
