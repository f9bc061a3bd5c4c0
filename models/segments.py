"""Arithmetic on runs of a sorted array, without a Python loop over its elements.

A segment is the stretch of one row (one patient, or one patient's vital) inside a batch. Whatever is computed here must
not depend on where a batch begins or ends: the value carried in from the batch before is always an argument.
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Id = TypeVar("Id", np.int64, np.uint64)
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def starts(sorted_ids: Ints) -> Bools:
    """Which elements begin a segment of equal ids, (n,)."""
    first = np.empty(len(sorted_ids), bool)
    first[:1] = True
    np.not_equal(sorted_ids[1:], sorted_ids[:-1], out=first[1:])
    return first


def lasts(sorted_ids: Ints) -> Ints:
    """Index of the last element of each segment of equal ids, (k,).

    >>> lasts(np.array([3, 3, 8])).tolist()
    [1, 2]
    """
    last = np.empty(len(sorted_ids), bool)
    last[-1:] = True
    np.not_equal(sorted_ids[1:], sorted_ids[:-1], out=last[:-1])
    return last.nonzero()[0]


def grouped(ids: npt.NDArray[Id]) -> tuple[npt.NDArray[Id], Ints, Ints]:
    """The distinct ids (k,), sorted, the first place of each (k,), and which of them each id is (n,). In a short batch
    all are often one: then there is nothing to sort.

    >>> [part.tolist() for part in grouped(np.array([8, 3, 8]))]
    [[3, 8], [1, 0], [1, 0, 1]]
    """
    if len(ids) and (ids == ids[0]).all():
        return ids[:1], np.zeros(1, np.int64), np.zeros(len(ids), np.int64)
    return np.unique(ids, return_index=True, return_inverse=True)


def segments_of(sorted_ids: Ints) -> tuple[Ints, Ints]:
    """The distinct ids (k,) of a sorted array, and the segment 0..k-1 of each element.

    >>> ids, segment = segments_of(np.array([3, 3, 8]))
    >>> ids.tolist(), segment.tolist()
    ([3, 8], [0, 0, 1])
    """
    first = starts(sorted_ids)
    return sorted_ids[first], first.cumsum() - 1


def running_max(segment: Ints, value: Ints, carry: Ints) -> Ints:
    """Largest value seen so far in each segment, itself and the carry included.

    segment (n,): 0, 0, 1, ... not decreasing; value (n,); carry (k,): what each segment had seen before.

    >>> running_max(np.array([0, 0, 0, 1]), np.array([5, 3, 9, 1]), np.array([4, 2])).tolist()
    [5, 5, 9, 2]
    """
    value = np.maximum(value, carry[segment])
    falls = value[1:] < value[:-1]
    if not (falls & (segment[1:] == segment[:-1])).any():
        return value
    known, rank = np.unique(value, return_inverse=True)
    base = segment * len(known)
    return known[np.maximum.accumulate(base + rank) - base]


def previous(segment: Ints, value: Ints, carry: Ints) -> Ints:
    """The value just before each element in its segment (the carry for the first).

    >>> previous(np.array([0, 0, 1]), np.array([5, 3, 9]), np.array([4, 2])).tolist()
    [4, 5, 2]
    """
    before = np.empty_like(value)
    before[1:] = value[:-1]
    first = starts(segment)
    before[first] = carry[segment[first]]
    return before


def first_at_least(segment: Ints, running: Ints, want_segment: Ints, want: Ints) -> Ints:
    """Index of the first element of a segment whose running maximum reaches a value; -1 where none does.

    segment, running (n,): as of `running_max`; want_segment, want (m,).
    """
    if len(segment) and not segment[-1]:  # of one patient the values rise as they are
        found = running.searchsorted(want)
        return np.where((found < len(running)) & (want_segment == 0), found, -1)
    known = np.unique(running)
    stride = len(known) + 1
    keys = segment * stride + np.searchsorted(known, running)
    found = np.searchsorted(keys, want_segment * stride + np.searchsorted(known, want))
    inside = np.minimum(found, len(segment) - 1) if len(segment) else found
    hit = (found < len(segment)) & (segment[inside] == want_segment) if len(segment) else np.zeros(len(want), bool)
    return np.where(hit, found, -1)


def rounds(row: Ints) -> list[Ints]:
    """Indices grouped so that no row appears twice in a group and every row keeps its order.

    >>> [group.tolist() for group in rounds(np.array([7, 8, 7, 7]))]
    [[0, 1], [2], [3]]
    """
    if not len(row):
        return []
    order = np.argsort(row, kind="stable")
    turn = np.arange(len(row))
    turn -= np.maximum.accumulate(np.where(starts(row[order]), turn, 0))
    by_turn = np.argsort(turn, kind="stable")
    return np.split(order[by_turn], np.cumsum(np.bincount(turn))[:-1])
