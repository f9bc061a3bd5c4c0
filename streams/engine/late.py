"""Late windows: samples that come after their window was closed are gathered again, and judged apart from what is now.

A device that was away for hours sends them all at once. Each late sample opens its window again, or joins it; it closes
when nothing has been added to it for the vital's lateness, or when too many others of its row are open. So a history
that comes without long pauses gives the windows that it would have given in time, in the order of their event times. Of
a window of which a part came in time the late part is a window of its own. What is kept here is kept for the few rows
that have late work, and for no longer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from models import windows
from models.detectors import deviation
from models.segments import Bools, Ints, starts
from streams.engine.holes import solid

Floats = npt.NDArray[np.float64]

PLACES = 64
"""Late windows of a row that may be open at once: 16 hours of quarters. A longer history that comes in its order needs
no more; of one in disorder, windows then close before all of their samples are there, and are told in parts."""

WAITED = int(np.iinfo(np.int64).max)

STATE = np.dtype(
    [
        ("row", "i8"),
        ("index", "i8"),
        ("n", "i8"),
        ("active", "i8"),
        ("broken", "i8"),
        ("total", "i8"),
        ("low", "i8"),
        ("high", "i8"),
        ("touched", "i8"),
        ("faulty", "i8"),
        ("rated", "i8"),
    ]
)
"""One open late window, as of `windows.Windows`; touched: the patient's clock at its last sample [us]."""
WATCH = np.dtype([("row", "i8"), ("state", deviation.STATE)])
_CALM = np.zeros((), deviation.STATE)
_Entry = tuple[int, ...]
_ROW, _INDEX, _N, _ACTIVE, _BROKEN, _TOTAL, _LOW, _HIGH, _TOUCHED, _FAULTY, _RATED = range(11)


@dataclass(frozen=True, slots=True)
class Shut:
    """Late windows that close: table (n,), dtype STATE; position and clock (n,) at which they do."""

    table: npt.NDArray[np.void]
    position: Ints
    clock: Ints


@dataclass(frozen=True, slots=True)
class Past:
    """Deviations of the past: changes, as of `deviation.watch`; is_open (n,): the row has one, at this time of its
    history; earlier (k,): windows that put an open one's beginning back; since (n,): when the run began [us]."""

    changes: deviation.Changes
    is_open: Bools
    earlier: Ints
    since: Ints


class LateWork:
    """What a partition remembers of late windows.

    table: open ones (dtype STATE), by row, each row's in the order in which they were last added to; watch: by row, how
    a deviation in the past stands (see `models.detectors.deviation`), where there is one.
    """

    def __init__(self) -> None:
        self.table: npt.NDArray[np.void] = np.empty(0, STATE)
        self.watch: dict[int, npt.NDArray[np.void]] = {}

    def drop(self, rows: Ints) -> None:
        """Forget everything of these rows."""
        if len(self.table):
            self.table = self.table[~np.isin(self.table["row"], rows)]
        for row in rows.tolist():
            self.watch.pop(row, None)

    def packed(self, rows: Ints) -> tuple[bytes, bytes]:
        """What is remembered of these rows, as bytes: open windows, and watches; `row` is the place in `rows`."""
        table = self.table[np.isin(self.table["row"], rows)]
        watch = [(k, self.watch[row][0]) for k, row in enumerate(rows.tolist()) if row in self.watch]
        if len(table):
            order = np.argsort(rows)
            table["row"] = order[np.searchsorted(rows, table["row"], sorter=order)]
            table = table[np.argsort(table["row"], kind="stable")]
        return solid(table), solid(np.array(watch, WATCH))

    def unpack(self, first: int, table: bytes, watch: bytes) -> None:
        """Put back what was packed of rows that now are first, first + 1, ..."""
        if table:
            late = np.frombuffer(table, STATE).copy()
            late["row"] += first
            self._put([self.table, late])
        for one in np.frombuffer(watch, WATCH):
            self.watch[first + int(one["row"])] = np.array([one["state"]], deviation.STATE)

    def _put(self, parts: list[npt.NDArray[np.void]]) -> None:
        together = np.concatenate(parts)
        self.table = together[np.argsort(together["row"], kind="stable")]

    def gather(self, new: npt.NDArray[np.void], position: Ints, clock: Ints, vital_of: Ints) -> Shut:
        """Add samples (n,) as windows of one, dtype STATE, in log order; position, clock (n,) of each.

        vital_of: vital by row. Returns the windows that had to make room; their position is known at once. Those that
        have waited long enough before a sample are given too, with position WAITED: the clocks know when that was.
        """
        if not len(new):
            return Shut(new, position, clock)
        pieces, position, clock = _pieces(new, position, clock, windows.LATENESS_US[vital_of[new["row"]]])
        mine = np.isin(self.table["row"], pieces["row"])
        shut: list[tuple[_Entry, int, int]] = []
        left: list[_Entry] = []
        waiting = _by_row(self.table[mine])
        for begin, end in _stretches(pieces["row"]):
            row = int(pieces["row"][begin])
            part = zip(pieces[begin:end].tolist(), position[begin:end].tolist(), clock[begin:end].tolist(), strict=True)
            open_ = {entry[_INDEX]: entry for entry in waiting.get(row, [])}
            left += _add(open_, part, int(windows.LATENESS_US[vital_of[row]]), shut)
        self._put([self.table[~mine], np.array(left, STATE)])
        columns = (np.array([one[k] for one in shut], np.int64) for k in (1, 2))
        return Shut(np.array([one[0] for one in shut], STATE), *columns)

    def judge(self, row: Ints, line: Ints, z: Floats, at: Ints, usable: Bools, per_month: float) -> "Past":
        """Judge one late window a row, apart from what is live and by the limit for anybody: what was learned is of
        now. Arguments as of `deviation.watch`."""
        states = np.array([self.watch[r][0] if r in self.watch else _CALM for r in row.tolist()], deviation.STATE)
        states[np.abs(at - states["last_at"]) > deviation.settings().max_gap_us[line]] = _CALM  # of another time
        since, was_open = states["since"].copy(), states["open"] > 0
        changes = deviation.watch(states, np.arange(len(row)), line, z, at, usable, per_month)
        is_open = states["open"] > 0
        for r, one in zip(row.tolist(), states, strict=True):
            if one["n"] > 0 or one["open"] > 0:
                self.watch[r] = np.array([one], deviation.STATE)
            else:
                self.watch.pop(r, None)
        moved = was_open & is_open & (states["withheld"] == 0) & (states["since"] < since)
        return Past(changes, is_open, np.flatnonzero(moved), states["since"])


def _pieces(
    new: npt.NDArray[np.void], position: Ints, clock: Ints, lateness: Ints
) -> tuple[npt.NDArray[np.void], Ints, Ints]:
    """Samples by row, those that follow each other into the same window in one; position and clock of the first."""
    order = np.argsort(new["row"], kind="stable")
    new, position, clock = new[order], position[order], clock[order]
    waited = np.zeros(len(new), bool)
    waited[1:] = clock[1:] - clock[:-1] >= lateness[order][1:]
    begin = np.flatnonzero(starts(new["row"]) | starts(new["index"]) | waited)
    out = new[begin]
    for name in ("n", "active", "broken", "total", "faulty", "rated"):
        out[name] = np.add.reduceat(new[name], begin)
    out["low"], out["high"] = np.minimum.reduceat(new["low"], begin), np.maximum.reduceat(new["high"], begin)
    out["touched"] = clock[np.append(begin[1:], len(new)) - 1]
    return out, position[begin], clock[begin]


def _stretches(row: Ints) -> Iterator[tuple[int, int]]:
    """(begin, end) of each row."""
    edges = np.append(np.flatnonzero(starts(row)), len(row)).tolist()
    yield from pairwise(edges)


def _by_row(table: npt.NDArray[np.void]) -> dict[int, list[_Entry]]:
    found: dict[int, list[_Entry]] = {}
    for entry in table.tolist():
        found.setdefault(entry[_ROW], []).append(entry)
    return found


def _add(
    open_: dict[int, _Entry],
    pieces: Iterator[tuple[_Entry, int, int]],
    lateness: int,
    shut: list[tuple[_Entry, int, int]],
) -> list[_Entry]:
    """Add the pieces of one row, in order. `open_` is in the order of the last touch, so its first is the oldest."""
    for piece, position, clock in pieces:
        while open_ and next(iter(open_.values()))[_TOUCHED] + lateness <= clock:
            shut.append((open_.pop(next(iter(open_))), WAITED, WAITED))
        known = open_.pop(piece[_INDEX], None)
        if known is None and len(open_) >= PLACES:
            shut.append((open_.pop(next(iter(open_))), position, clock))
        open_[piece[_INDEX]] = piece if known is None else _joined(known, piece)
    return list(open_.values())


def _joined(a: _Entry, b: _Entry) -> _Entry:
    """One window of two parts; b is the later one."""
    sums = (a[k] + b[k] for k in (_N, _ACTIVE, _BROKEN, _TOTAL))
    low, high = min(a[_LOW], b[_LOW]), max(a[_HIGH], b[_HIGH])
    return (a[_ROW], a[_INDEX], *sums, low, high, b[_TOUCHED], a[_FAULTY] + b[_FAULTY], a[_RATED] + b[_RATED])


def as_windows(
    row: Ints, index: Ints, value: Ints, active: Bools, broken: Bools, faulty: Bools, rated: Ints
) -> npt.NDArray[np.void]:
    """Samples as windows of one; value in fixed point; rated: as of `windows.rated`."""
    new = np.zeros(len(row), STATE)
    new["row"], new["index"], new["n"], new["active"], new["broken"] = row, index, 1, active, broken
    new["total"] = new["low"] = new["high"] = value
    new["faulty"], new["rated"] = faulty, rated
    return new
