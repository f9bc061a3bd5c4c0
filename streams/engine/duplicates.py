"""The same reading again: the same (patient, id), or the same (patient, device, vital, at, value).

A repeat is found exactly among the last DUPLICATE_WINDOW readings of the patient. Memory is a ring of 64-bit hashes per
patient; the place of a reading in it follows from how many came before, so the answer does not depend on batches.
"""

import numpy as np
import numpy.typing as npt

from models.segments import Bools, Ints, previous, running_max, segments_of, starts
from streams.engine.state import DUPLICATE_WINDOW, PartitionState

Hashes = npt.NDArray[np.uint64]


def find_duplicates(
    state: PartitionState, slot: Ints, row: Ints, at: Ints, ids: Hashes, contents: Hashes
) -> tuple[Bools, Ints]:
    """Which readings (n,), in log order, are repeats, and the newest event time of its row before each.

    All of them enter the ring, and `newest_at` of their rows moves.
    """
    if not len(slot):
        return np.zeros(0, bool), np.zeros(0, np.int64)
    order = np.argsort(slot, kind="stable")
    place = _places(state, slot[order])
    newest = _newest_before(state, row, at)
    old = (at <= newest)[order]
    again = _repeats(state, slot[order], place, ids[order], "ids")
    if old.any():
        again |= _repeats(state, slot[order], place, contents[order], "contents") & old
    _remember(state, slot[order], place, ids[order], contents[order])
    out = np.empty(len(slot), bool)
    out[order] = again
    return out, newest


def _places(state: PartitionState, slot: Ints) -> Ints:
    """How many readings of the patient came before each, (n,); slot is sorted."""
    begin = np.maximum.accumulate(np.where(starts(slot), np.arange(len(slot)), 0))
    place: Ints = state.patients["accepted"][slot] + np.arange(len(slot)) - begin
    return place


def _newest_before(state: PartitionState, row: Ints, at: Ints) -> Ints:
    """Newest event time of the row before each reading. Only readings not newer can repeat a content."""
    order = np.argsort(row, kind="stable")
    rows, segment = segments_of(row[order])
    carry = state.rows["newest_at"][rows]
    running = running_max(segment, at[order], carry)
    before = np.empty_like(at)
    before[order] = previous(segment, running, carry)
    last = np.append(np.flatnonzero(starts(segment))[1:] - 1, len(segment) - 1)
    state.rows["newest_at"][rows] = running[last]
    return before


BLOCK = 1024
"""Readings compared with their rings at a time: a block of rings (1 MiB) stays in the processor's cache."""


def _repeats(state: PartitionState, slot: Ints, place: Ints, key: Hashes, ring: str) -> Bools:
    """Whether the key is among the DUPLICATE_WINDOW readings before, in the ring or in this batch."""
    again = _repeats_here(slot, place, key)
    for begin in range(0, len(slot), BLOCK):
        part = slice(begin, begin + BLOCK)
        hit, at = np.nonzero(state.patients[ring][slot[part]] == key[part, None])
        if len(hit):
            count = state.patients["accepted"][slot[part][hit]]
            seen = count - 1 - (count - 1 - at) % DUPLICATE_WINDOW
            again[begin + hit[(seen >= 0) & (place[part][hit] - seen <= DUPLICATE_WINDOW)]] = True
    return again


def _repeats_here(slot: Ints, place: Ints, key: Hashes) -> Bools:
    """The same, within the batch."""
    again = np.zeros(len(slot), bool)
    order = np.lexsort((place, key, slot))
    equal = np.zeros(len(slot), bool)
    equal[1:] = (slot[order][1:] == slot[order][:-1]) & (key[order][1:] == key[order][:-1])
    near = np.zeros(len(slot), bool)
    near[1:] = place[order][1:] - place[order][:-1] <= DUPLICATE_WINDOW
    again[order] = equal & near
    return again


def _remember(state: PartitionState, slot: Ints, place: Ints, ids: Hashes, contents: Hashes) -> None:
    """Put the readings into the ring; of more than a ringful the last count."""
    patients, segment = segments_of(slot)
    count = np.bincount(segment)
    total = state.patients["accepted"][patients] + count
    kept = place >= np.repeat(total, count) - DUPLICATE_WINDOW
    at = slot[kept], place[kept] % DUPLICATE_WINDOW
    state.patients["ids"][at] = ids[kept]
    state.patients["contents"][at] = contents[kept]
    state.patients["accepted"][patients] = total
