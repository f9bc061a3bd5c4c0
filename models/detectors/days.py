"""What is remembered of a vital for the rules of conditions: its local days and its last windows."""

from math import nan

import msgspec


class Day(msgspec.Struct, array_like=True):
    """One local day of a vital: readings, their mean; deltas: windows held against a known band, and the mean of their
    differences; value of the last window."""

    day: int
    n: int
    mean: float
    deltas: int
    delta: float
    last: float


class Window(msgspec.Struct, array_like=True):
    """The value of a window, its difference from what was expected (NaN if not known), how many readings it has, and
    the lowest and highest of them (NaN: not known, as of one that was kept by an earlier version)."""

    at_us: int
    day: int
    value: float
    delta: float
    n: int = 1
    low: float = nan
    high: float = nan


class Spread(msgspec.Struct, array_like=True):
    """How the windows of one local day are spread: their number, mean, sum of squared differences from it, lowest and
    highest; below: how many of them lie below each limit that a rule asks about."""

    day: int
    n: int
    mean: float
    squares: float
    low: float
    high: float
    below: dict[int, int]


def noted(spreads: list[Spread], window: Window, limits: tuple[int, ...], keep_days: int) -> list[Spread]:
    """The days with one window more (Welford's update; sums of squares would cancel). The last day is changed in
    place."""
    if not spreads or spreads[-1].day != window.day:
        kept = [one for one in spreads if one.day > window.day - keep_days]
        spreads = [*kept, Spread(window.day, 0, 0.0, 0.0, window.value, window.value, {})]
    today, value = spreads[-1], window.value
    today.n += 1
    step = value - today.mean
    today.mean += step / today.n
    today.squares += step * (value - today.mean)
    today.low, today.high = min(today.low, value), max(today.high, value)
    for limit in limits:
        if value < limit:
            today.below[limit] = today.below.get(limit, 0) + 1
    return spreads
