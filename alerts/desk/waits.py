"""How fast alerts are taken up, and which wait too long, for Prometheus: all that the log tells of, where the burden
page (`cost`) counts those of its days. Blocking.

An alert counts with the severity at which it was taken up. What becomes worse later must not count anew: a figure that
falls is a restart to Prometheus, and would be taken for a thousand answers at once.
"""

from dataclasses import dataclass

from sqlalchemy import case, func, select

from alerts.desk.schema import STANDINGS
from alerts.desk.store import Store

BUCKETS_S = (60.0, 300.0, 900.0, 3600.0, 14_400.0, 43_200.0, 86_400.0)
"""Among them the usual times to answer: 5, 60 and 1440 minutes."""


@dataclass(frozen=True)
class Waits:
    """From when an alert was told first until a person took it up. within: how many within each of BUCKETS_S; total_s:
    all waits together [s]."""

    within: tuple[int, ...] = (0,) * len(BUCKETS_S)
    answered: int = 0
    total_s: float = 0.0


def waits(store: Store) -> dict[str, Waits]:
    """By severity; one of which nothing was taken up is left out. What is about the past called nobody."""
    table = STANDINGS.c
    wait_s = table.answered_s - table.opened_s
    within = [func.sum(case((wait_s <= bound_s, 1), else_=0)) for bound_s in BUCKETS_S]
    query = select(table.answered_severity, func.count(), func.sum(wait_s), *within)
    query = query.where(table.answered_severity.is_not(None), table.view != "retrospective")
    with store.reading() as connection:
        rows = connection.execute(query.group_by(table.answered_severity)).all()
    return {name: Waits(tuple(map(int, counts)), int(many), float(s)) for name, many, s, *counts in rows}


def overdue(store: Store) -> dict[str, int]:
    """How many alerts wait longer than they should, by severity, held against the time of the log."""
    table = STANDINGS.c
    late = (table.view == "open", table.due_s < (store.log_time_s or 0.0))
    query = select(table.severity, func.count()).where(*late).group_by(table.severity)
    with store.reading() as connection:
        return {severity: int(many) for severity, many in connection.execute(query)}
