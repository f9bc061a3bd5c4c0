"""The windows of a patient's vitals, asked of the database in one stretch of its key, and thinned for a chart: three
months of a vital are 8,640 windows, of which a chart shows a few hundred. `chart.thinned` says what thinning is, and is
what this is held against. Blocking.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, func, select

from alerts.desk.chart import Window, gap_after, width_of
from alerts.desk.packed import NUMBERS, UNKNOWN, Array, stretch_of, unpacked, window_of, windows_of
from alerts.desk.schema import WINDOWS

LONGEST_S = 2 * 86_400.0
"""No window is longer: those that reach into a time have begun at most so long before it."""
LOOKED_BACK = 5
"""Stretches in which one looks for a patient at rest: a day, wherever it begins."""
HELD = WINDOWS.c
Span = tuple[float | None, float | None]
"""From when, until when [s since 1970]; None is open."""


@dataclass(frozen=True)
class Thinned:
    """What a chart shows. full: how many windows there are."""

    windows: list[Window]
    full: int


def vitals_of(connection: Connection, patient: str) -> list[str]:
    """The vitals with windows of this patient, by name: from one to the next in the index, whatever lies between."""
    found: list[str] = []
    after = select(func.min(HELD.vital)).where(HELD.patient == patient)
    name = connection.execute(after).scalar()
    while name is not None:
        found.append(name)
        name = connection.execute(after.where(HELD.vital > name)).scalar()
    return found


def newest(
    connection: Connection, patient: str, at_rest: Collection[str] = ()
) -> list[tuple[str, Window, Window | None]]:
    """Each vital of a patient, by name: its newest window, and the newest that holds readings; of those `at_rest` the
    newest that tells of a patient who does not move, by a sensor that can be right."""
    found = []
    for vital in vitals_of(connection, patient):
        rests = vital in at_rest
        mine = select(HELD.body).where(HELD.patient == patient, HELD.vital == vital)
        mine = mine.order_by(HELD.stretch.desc()).limit(1)
        last = unpacked(connection.execute(mine).scalars())
        measured = _told(last, rests)
        if not measured.size:
            spoken = mine.where(HELD.measured > 0).limit(LOOKED_BACK if rests else 1)
            measured = _told(unpacked(reversed(connection.execute(spoken).scalars().all())), rests)
        (now,) = windows_of(last[-1:])
        found.append((vital, now, next(iter(windows_of(measured[-1:])), None)))
    return found


def _told(held: Array, rests: bool) -> Array:
    told: Array = held[(held["n"] > 0) & (held["aside"] == 0)] if rests else held[held["n"] > 0]
    return told


def whole(connection: Connection, patient: str, vital: str, span: Span) -> list[Window]:
    """The windows of a vital that reach into [since, until), in order of time."""
    return windows_of(_reaching(connection, patient, vital, span))


def reach(connection: Connection, patient: str, vital: str, span: Span) -> tuple[float | None, int]:
    """When the first of the windows begins that reach into the span, and how many there are."""
    held = _reaching(connection, patient, vital, span)
    return (float(held["start_s"][0]) if held.size else None), held.size


def thinned(connection: Connection, patient: str, vital: str, span: Span, points: int, cadence_s: float) -> Thinned:
    """At most `points` windows in the place of all that reach into the span, as `chart.thinned` would make them."""
    if points < 1:
        raise ValueError("a chart has one point or more")
    held = _reaching(connection, patient, vital, span)
    if held.size <= points:
        return Thinned(windows_of(held), held.size)
    return Thinned(_merged(held, points, cadence_s), held.size)


def _reaching(connection: Connection, patient: str, vital: str, span: Span) -> Array:
    """The windows that reach into the span, in order of time."""
    since_s, until_s = span
    query = select(HELD.body).where(HELD.patient == patient, HELD.vital == vital)
    if since_s is not None:
        query = query.where(HELD.stretch >= stretch_of(since_s - LONGEST_S))
    if until_s is not None:
        query = query.where(HELD.stretch <= stretch_of(until_s))
    held = unpacked(connection.execute(query.order_by(HELD.stretch)).scalars())
    inside = np.ones(held.size, bool)
    if since_s is not None:
        inside &= held["start_s"] + held["period_s"] > since_s
    if until_s is not None:
        inside &= held["start_s"] < until_s
    return held[inside]


def _merged(held: Array, points: int, cadence_s: float) -> list[Window]:
    """Equal stretches of time, each of which becomes one point; one in which something is missing is not normal."""
    starts, shortest_s = held["start_s"], float(held["period_s"].min())
    steps = np.diff(starts)
    width_s = width_of(float(starts[-1] - starts[0]), shortest_s, points)
    place = np.floor((starts - starts[0]) / width_s).astype(np.int64)
    first = np.flatnonzero(np.diff(place, prepend=-1))
    worst = np.minimum.reduceat(held["state"], first)
    before = np.flatnonzero(steps > gap_after(float(np.median(steps)), cadence_s, shortest_s))
    gaps = np.isin(place[first], place[np.concatenate((before, before + 1))])
    worst[gaps] = np.minimum(worst[gaps], UNKNOWN)
    known = ~np.isnan(held["mean"])
    weight = np.where(known, np.maximum(held["n"], 1), 0)
    columns = {
        "mean": _shares(np.where(known, held["mean"], 0.0) * weight, weight, first),
        "min": np.fmin.reduceat(held["min"], first),
        "max": np.fmax.reduceat(held["max"], first),
        **{name: _mean(held[name], first) for name in NUMBERS[3:]},
    }
    begins = starts[0] + place[first] * width_s
    readings = np.add.reduceat(held["n"].astype(np.int64), first)
    rows = zip(begins.tolist(), readings.tolist(), *(columns[name].tolist() for name in NUMBERS), worst.tolist(),
               np.zeros_like(worst).tolist(), strict=True)  # fmt: skip
    return [window_of(begin_s, width_s, *rest) for begin_s, *rest in rows]


def _mean(values: Array, first: Array) -> Array:
    known = ~np.isnan(values)
    return _shares(np.where(known, values, 0.0), known.astype(np.int64), first)


def _shares(values: Array, weights: Array, first: Array) -> Array:
    """Sums of values over sums of weights, by group; NaN where nothing has weight."""
    total = np.add.reduceat(weights, first)
    added = np.add.reduceat(values, first)
    shares: Array = np.divide(added, total, out=np.full(total.size, np.nan), where=total > 0)
    return shares
