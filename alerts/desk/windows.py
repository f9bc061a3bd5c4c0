"""The windows of a patient's vitals, asked of the database, which thins them too: three months of a vital are 8,640
windows, of which a chart shows a few hundred. `chart.thinned` says what thinning is, and is what this is held against.

Every function reads one stretch of the primary key (patient, vital, start) and nothing beside it. Blocking.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Integer, Select, case, cast, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from alerts.desk.chart import WORST_FIRST, Window, gap_after, width_of
from alerts.desk.schema import WINDOWS

LONGEST_S = 2 * 86_400.0
"""No window is longer: those that reach into a time have begun at most so long before it."""
HELD = WINDOWS.c
UNKNOWN = WORST_FIRST.index("unknown")
SHOWN = tuple(HELD[name] for name in Window.__dataclass_fields__)
Span = tuple[float | None, float | None]
"""From when, until when [s since 1970]; None is open."""


@dataclass(frozen=True)
class Grid:
    """Equal stretches of time, each of which becomes one point."""

    begin_s: float
    width_s: float

    def place_of(self, start_s: float) -> int:
        return math.floor((start_s - self.begin_s) / self.width_s)


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


def newest(connection: Connection, patient: str) -> list[tuple[str, Window, Window | None]]:
    """Each vital of a patient, by name: its newest window, and the newest that holds readings."""
    found = []
    for vital in vitals_of(connection, patient):
        mine = select(*SHOWN).where(HELD.patient == patient, HELD.vital == vital)
        mine = mine.order_by(HELD.start_s.desc(), HELD.period_s.desc()).limit(1)
        last = connection.execute(mine).first()
        measured = connection.execute(mine.where(HELD.n > 0)).first()
        if last is not None:
            found.append((vital, Window(*last), Window(*measured) if measured is not None else None))
    return found


def whole(connection: Connection, patient: str, vital: str, span: Span) -> list[Window]:
    """The windows of a vital that reach into [since, until), in order of time."""
    query = select(*SHOWN).where(*_reaching(patient, vital, span)).order_by(HELD.start_s, HELD.period_s)
    return [Window(*row) for row in connection.execute(query)]


def reach(connection: Connection, patient: str, vital: str, span: Span) -> tuple[float | None, int]:
    """When the first of the windows begins that reach into the span, and how many there are."""
    query = select(func.min(HELD.start_s), func.count()).where(*_reaching(patient, vital, span))
    first_s, many = connection.execute(query).one()
    return first_s, many


def thinned(connection: Connection, patient: str, vital: str, span: Span, points: int, cadence_s: float) -> Thinned:
    """At most `points` windows in the place of all that reach into the span, as `chart.thinned` would make them.

    Gaps are found here, from the starts alone, and the rest is added up by the database. It could find the gaps too,
    but SQLite's window functions take five times as long as all of this.
    """
    if points < 1:
        raise ValueError("a chart has one point or more")
    reaching = _reaching(patient, vital, span)
    starts, shortest_s = _starts(connection, reaching)
    if len(starts) <= points:
        return Thinned(whole(connection, patient, vital, span), len(starts))
    steps = np.diff(starts)
    missing_s = gap_after(float(np.median(steps)), cadence_s, shortest_s)
    grid = Grid(float(starts[0]), width_of(float(starts[-1] - starts[0]), shortest_s, points))
    before = np.flatnonzero(steps > missing_s)
    gaps = {grid.place_of(start_s) for place in (before, before + 1) for start_s in starts[place].tolist()}
    merged = connection.execute(_merged(connection, reaching, grid))
    return Thinned([_merged_window(row, grid, gaps) for row in merged], len(starts))


def _starts(connection: Connection, reaching: list[Any]) -> tuple["np.ndarray[Any, np.dtype[np.float64]]", float]:
    """When the windows begin, in order, and the shortest of them [s]: from PostgreSQL in one row, which is there sooner
    than thousands."""
    shortest = func.coalesce(func.min(HELD.period_s), 0.0)
    if connection.dialect.name == "postgresql":
        ordered = func.array_agg(aggregate_order_by(HELD.start_s, HELD.start_s))
        starts, shortest_s = connection.execute(select(ordered, shortest).where(*reaching)).one()
        return np.array(starts or (), np.float64), shortest_s
    starts = connection.execute(select(HELD.start_s).where(*reaching).order_by(HELD.start_s)).scalars().all()
    return np.array(starts, np.float64), connection.execute(select(shortest).where(*reaching)).scalar_one()


def _reaching(patient: str, vital: str, span: Span) -> list[Any]:
    since_s, until_s = span
    where: list[Any] = [HELD.patient == patient, HELD.vital == vital]
    if since_s is not None:
        where += [HELD.start_s > since_s - LONGEST_S, HELD.start_s + HELD.period_s > since_s]
    if until_s is not None:
        where.append(HELD.start_s < until_s)
    return where


def _merged(connection: Connection, reaching: list[Any], grid: Grid) -> Select[Any]:
    """One row a place of the grid."""
    exact = (HELD.start_s - grid.begin_s) / grid.width_s
    whole_places = exact if connection.dialect.name == "sqlite" else func.floor(exact)  # whose cast would round
    place = cast(whole_places, Integer).label("place")
    weight = case((HELD.mean.is_(None), None), (HELD.n > 1, HELD.n), else_=1)
    worst = case({state: number for number, state in enumerate(WORST_FIRST)}, value=HELD.state, else_=UNKNOWN)
    added = select(
        place,
        func.sum(HELD.n).label("n"),
        (func.sum(HELD.mean * weight) / func.sum(weight)).label("mean"),
        func.min(HELD.min).label("min"),
        func.max(HELD.max).label("max"),
        *(func.avg(HELD[name]).label(name) for name in ("expected", "low", "high")),
        func.min(worst).label("worst"),
    )
    return added.where(*reaching).group_by(place).order_by(place)


def _merged_window(row: Any, grid: Grid, gaps: set[int]) -> Window:
    """A place in which something is missing is not normal."""
    worst = min(row.worst, UNKNOWN) if row.place in gaps else row.worst
    start_s, state = grid.begin_s + row.place * grid.width_s, WORST_FIRST[worst]
    own = (row.mean, row.min, row.max, row.expected, row.low, row.high)
    return Window(start_s, grid.width_s, int(row.n), *own, state)
