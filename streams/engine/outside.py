"""Vitals that stand outside their patient's own band: what else has moved when an alert is raised.

A window that is held against the band says how its vital stands until the next one does. An alert must say of the
others how they stood at its own place in the log, and windows of a whole stretch are closed before anybody is told: so
each change is kept until then, with how it was before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.pool import NOWHERE, Pool
from models.segments import Bools, Ints

STATE = np.dtype(
    [
        ("row", "i4"),
        ("at", "i8"),
        ("value", "f8"),
        ("expected", "f8"),
        ("low", "f8"),
        ("high", "f8"),
        ("score", "f8"),
        ("days", "f8"),
        ("own", "f8"),
    ],
    align=True,
)
"""The window [us], its value and band in canonical units, how far away it is [SD], and what the band was learned from,
as of `signals.Band`. Only of the few rows that are outside; what is not has a score of 0."""
Table = npt.NDArray[np.void]
Places = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Moves:
    """Changes of a stretch, (n,): row, position, clock [us], before (dtype STATE): how the vital had stood."""

    row: Ints
    position: Ints
    clock: Ints
    before: Table


_NONE = np.empty(0, np.int64)


def joined(parts: Sequence[Moves]) -> Moves:
    """All of them by row, each row's in the order in which they came."""
    if not parts:
        return Moves(_NONE, _NONE, _NONE, np.empty(0, STATE))
    row, position, clock, before = (np.concatenate([getattr(part, name) for part in parts]) for name in Moves.__slots__)
    order = np.argsort(row, kind="stable")
    return Moves(row[order], position[order], clock[order], before[order])


def concerned(places: Places, row: Ints, outside: Bools, known: Bools) -> Ints:
    """Indices of the windows (n,), one a row, after which a vital stands otherwise: it is outside, or it was and the
    window says something else of it; known (n,): it says anything."""
    return np.flatnonzero(outside | (known & (places[row] != NOWHERE)))


def note(places: Places, pool: Pool, now: Table) -> Table:
    """Keep how the vitals of some rows, each once, stand now (n,), dtype STATE; how they stood before."""
    row, out = now["row"].astype(np.int64), now["score"] != 0
    place = places[row].astype(np.int64)
    before, known = pool.table[place], place != NOWHERE
    place[out & ~known] = pool.take(int((out & ~known).sum()))
    pool.table[place[out]] = now[out]
    pool.give(place[known & ~out])
    places[row] = np.where(out, place, NOWHERE)
    return before


def stood(places: Places, pool: Pool, moves: Moves, row: int, position: int, clock_us: int) -> np.void:
    """How the vital of a row stood at a position of the stretch, and where several ticks share it, at that time."""
    begin, end = np.searchsorted(moves.row, [row, row + 1]).tolist()
    where, when = moves.position[begin:end], moves.clock[begin:end]
    later = np.flatnonzero((where > position) | ((where == position) & (when > clock_us)))
    one: np.void = moves.before[begin + later[0]] if len(later) else pool.table[places[row]].copy()
    return one


def drop(places: Places, pool: Pool, rows: Ints) -> None:
    """Forget these rows."""
    held = places[rows]
    pool.give(held[held != NOWHERE])
    places[rows] = NOWHERE


def packed(places: Places, pool: Pool, rows: Ints) -> Table:
    """Those of these rows that are outside; `row` is the place in `rows`."""
    there = np.flatnonzero(places[rows] != NOWHERE)
    table: Table = pool.table[places[rows[there]]]
    table["row"] = there
    return table
