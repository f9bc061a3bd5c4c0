"""Samples gathered into their windows, and the windows that close by that or by a tick."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models import windows
from models.segments import Bools, Ints
from models.windows import Windows
from streams.engine.clock import NEVER, Clocks, first_reached
from streams.engine.late import WAITED, Shut, as_windows
from streams.engine.samples import Samples
from streams.engine.state import PartitionState

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Closed:
    """Windows that close in a stretch, sorted by (row, position). start [us]; position; clock [us] then; late: gathered
    from samples that came after the window was closed (see `late`); live: young enough to page; faulty: of the n, those
    that a sensor's fault has spoilt; rated: what devices said of the signal (`windows.rated`)."""

    row: Ints
    start: Ints
    n: Ints
    active: Ints
    broken: Ints
    mean: Floats
    low: Floats
    high: Floats
    position: Ints
    clock: Ints
    late: Bools
    live: Bools
    faulty: Ints
    rated: Ints

    def take(self, which: "Ints | Bools") -> "Closed":
        """Some of them."""
        columns = (getattr(self, name) for name in self.__slots__)
        return Closed(*(column[which] for column in columns))

    def part(self, begin: int, end: int) -> "Closed":
        """A stretch of them, as views."""
        columns = (getattr(self, name) for name in self.__slots__)
        return Closed(*(column[begin:end] for column in columns))


def gather_closed(state: PartitionState, samples: Samples, broken: Bools, faulty: Bools, clocks: Clocks) -> Closed:
    """Put samples into their windows, and take out the windows that close."""
    index = windows.window_of(samples.at, samples.vital)
    late = samples.clock >= windows.closes_at(index, samples.vital)
    on_time = np.flatnonzero(~late)
    rows = _rows_concerned(state, samples.row[on_time], clocks)
    new = _windows_of(samples, broken, faulty, index, on_time)
    merged = windows.gather(state.rows["open"], state.windows, rows, new)
    vital = state.rows["vital"][merged.row]
    closes = windows.closes_at(merged.index, vital)
    position, clock = first_reached(clocks, state.rows["slot"][merged.row].astype(np.int64), closes)
    due = position != NEVER
    some = due.any()
    windows.keep(state.rows["open"], state.windows, rows, merged.take(~due) if some else merged)
    _note_next(state, closes[~due])
    closed = _closed_on_time(merged.take(due), vital[due], position[due], clock[due]) if some else NONE_CLOSED
    if not late.any() and not len(state.late.table):
        return closed
    more = _closed_late(state, samples, broken, faulty, index, np.flatnonzero(late), clocks)
    return _together(closed, more) if len(more.row) else closed


def _rows_concerned(state: PartitionState, row: Ints, clocks: Clocks) -> Ints:
    """Rows with new samples, all rows of the patients seen, and rows with a window that a tick closes."""
    seen = state.row_of[clocks.slots]
    parts = [row, seen[seen >= 0].astype(np.int64)]
    if len(clocks.ticks) and clocks.ticks[-1] >= state.next_close_us:
        parts.append(_due_rows(state, int(clocks.ticks[-1])))
    return np.unique(np.concatenate(parts))


def _due_rows(state: PartitionState, now_us: int) -> Ints:
    """All rows with a window that is due, by a look at every open window."""
    table = state.windows.reached
    index, row = table["index"].astype(np.int64), table["row"].astype(np.int64)
    closes = np.where(index >= 0, windows.closes_at(index, state.rows["vital"][row]), NEVER)
    state.next_close_us = int(np.where(closes > now_us, closes, NEVER).min(initial=NEVER))
    return row[closes <= now_us]


def _note_next(state: PartitionState, closes: Ints) -> None:
    """Remember when a tick will next have work."""
    if len(closes):
        state.next_close_us = min(state.next_close_us, int(closes.min()))


def _windows_of(samples: Samples, broken: Bools, faulty: Bools, index: Ints, which: Ints) -> Windows:
    """Samples as windows of one."""
    fixed = np.rint(samples.value[which] * windows.FIXED).astype(np.int64)
    one = np.ones(len(which), np.int64)
    active, beyond, bad = (column[which].astype(np.int64) for column in (~samples.resting, broken, faulty))
    rated = windows.rated(samples.quality[which])
    return Windows(samples.row[which], index[which], one, active, beyond, fixed, fixed, fixed, bad, rated)


def _closed_on_time(w: Windows, vital: Ints, position: Ints, clock: Ints) -> Closed:
    low, high = w.low / float(windows.FIXED), w.high / float(windows.FIXED)
    no = np.zeros(len(w.row), bool)
    start = w.index * windows.WIDTH_US[vital]
    return Closed(
        w.row, start, w.n, w.active, w.broken, w.mean(), low, high, position, clock, no, ~no, w.faulty, w.rated
    )


NONE_CLOSED = _closed_on_time(Windows(*(np.empty(0, np.int64) for _ in Windows.__slots__)), *np.empty((3, 0), np.int64))


def _closed_late(
    state: PartitionState, samples: Samples, broken: Bools, faulty: Bools, index: Ints, late: Ints, clocks: Clocks
) -> Closed:
    """Late windows that close; the late samples have joined theirs."""
    fixed, active = np.rint(samples.value[late] * windows.FIXED).astype(np.int64), ~samples.resting[late]
    rated = windows.rated(samples.quality[late])
    new = as_windows(samples.row[late], index[late], fixed, active, broken[late], faulty[late], rated)
    vitals = state.rows["vital"]
    shut = state.late.gather(new, 2 * samples.index[late] + 1, samples.clock[late], vitals)
    shut = _shut_by(clocks, state, shut)
    if not len(shut.table):
        return NONE_CLOSED
    w, vital, scale = shut.table, vitals[shut.table["row"]], float(windows.FIXED)
    start = w["index"] * windows.WIDTH_US[vital]
    live = w["touched"] - start <= windows.HORIZON_US[vital]
    mean, low, high = w["total"] / (w["n"] * scale), w["low"] / scale, w["high"] / scale
    return Closed(
        w["row"], start, w["n"], w["active"], w["broken"], mean, low, high, shut.position, shut.clock,
        np.ones(len(w), bool), live, w["faulty"], w["rated"],
    )  # fmt: skip


def _shut_by(clocks: Clocks, state: PartitionState, shut: Shut) -> Shut:
    """Take out the late windows that the clocks close, and say of all that waited when they did."""
    waited = shut.position == WAITED
    asked = np.concatenate([shut.table[waited], state.late.table])
    closes = asked["touched"] + windows.LATENESS_US[state.rows["vital"][asked["row"]]]
    position, clock = first_reached(clocks, state.rows["slot"][asked["row"]].astype(np.int64), closes)
    due = position != NEVER
    state.late.table = state.late.table[~due[int(waited.sum()) :]]
    return Shut(
        np.concatenate([shut.table[~waited], asked[due]]),
        np.concatenate([shut.position[~waited], position[due]]),
        np.concatenate([shut.clock[~waited], clock[due]]),
    )


def _together(a: Closed, b: Closed) -> Closed:
    """Both, sorted by row, position and start."""
    columns = (np.concatenate([getattr(a, name), getattr(b, name)]) for name in Closed.__slots__)
    both = Closed(*columns)
    return both.take(np.lexsort((both.start, both.position, both.row)))
