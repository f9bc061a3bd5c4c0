"""The same reading again: the same (patient, id), or the same (patient, device, vital, at, value).

The window in which a repeat is found, exactly (up to a collision of 64-bit hashes), is declared in `rings`: the earlier
one is among the patient's last ALWAYS readings, or among the last MOST and came within HOURS, counted in whole hours of
the patient's arrivals. A repeat from further back is decided again: being old, it can at most revise history, never
page as now. A repeat is remembered like any reading: what is sent again and again stays known.
"""

import numpy as np
import numpy.typing as npt

from models.segments import Bools, Ints, lasts, previous, running_max, segments_of, starts
from models.times import US_PER_S
from streams.engine.rings import is_near
from streams.engine.state import PartitionState

Hashes = npt.NDArray[np.uint64]

HOUR_US = 3600 * US_PER_S


def find_duplicates(
    state: PartitionState, slot: Ints, row: Ints, at: Ints, arrived: Ints, ids: Hashes, contents: Hashes
) -> tuple[Bools, Ints]:
    """Which readings (n,), in log order, are repeats, and the newest event time of its row before each.

    at, arrived: event and arrival times [us]. All readings enter the ring, and `newest_at` of their rows moves.
    """
    if not len(slot):
        return np.zeros(0, bool), np.zeros(0, np.int64)
    order = np.argsort(slot, kind="stable")
    came = _Came(state, slot[order], arrived[order])
    newest = _newest_before(state, row, at)
    old = (at <= newest)[order]
    again = _repeats(state, came, ids[order], "ids", None)
    if old.any():
        again |= _repeats(state, came, contents[order], "contents", old)
    state.rings.remember(state.patients, came.slot, came.place, came.hour, ids[order], contents[order])
    out = np.empty(len(slot), bool)
    out[order] = again
    return out, newest


class _Came:
    """Readings (n,) sorted by patient: slot; place: how many of the patient came before; hour: of the arrival, never
    before that of the patient's reading before."""

    def __init__(self, state: PartitionState, slot: Ints, arrived: Ints) -> None:
        self.slot = slot
        begin = np.maximum.accumulate(np.where(starts(slot), np.arange(len(slot)), 0))
        self.place: Ints = state.patients["accepted"][slot] + np.arange(len(slot)) - begin
        slots, segment = segments_of(slot)
        self.hour = running_max(segment, arrived // HOUR_US, state.patients["ring_hour"][slots].astype(np.int64))


def _newest_before(state: PartitionState, row: Ints, at: Ints) -> Ints:
    """Newest event time of the row before each reading. Only readings not newer can repeat a content."""
    order = np.argsort(row, kind="stable")
    rows, segment = segments_of(row[order])
    carry = state.rows["newest_at"][rows]
    running = running_max(segment, at[order], carry)
    before = np.empty_like(at)
    before[order] = previous(segment, running, carry)
    state.rows["newest_at"][rows] = running[lasts(segment)]
    return before


def _repeats(state: PartitionState, came: _Came, key: Hashes, name: str, which: Bools | None) -> Bools:
    """Whether the key of each reading came before, in the ring or in this batch; which: those that are asked for."""
    again = _repeats_here(came, key)
    if which is None:
        return again | state.rings.find(state.patients, came.slot, came.place, came.hour, key, name)
    asked = np.flatnonzero(which)
    columns = came.slot[asked], came.place[asked], came.hour[asked], key[asked]
    found = again & which
    found[asked] |= state.rings.find(state.patients, *columns, name)
    return found


def _repeats_here(came: _Came, key: Hashes) -> Bools:
    """The same, within the batch. Of several that came before, the last is the nearest."""
    again = np.zeros(len(key), bool)
    if len(key) < 2:
        return again
    order = np.lexsort((came.place, key, came.slot))
    one, before = order[1:], order[:-1]
    equal = (came.slot[one] == came.slot[before]) & (key[one] == key[before])
    near = is_near(came.place[one] - came.place[before], came.hour[one] - came.hour[before])
    again[one] = equal & near
    return again
