"""What alerts cost the team: how many, how fast they were taken up, how many were worth it, and where they come from.

An alert was useful or not by the words with which a person resolved it (`OUTCOMES`); other words are not judged, and
the share is of those that were. Only what was told as of now counts: what is about the past called nobody.
A patient-day is one of which the log tells (`covered_days`): a new deployment has no quiet month behind it.
"""

import statistics
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from alerts.desk.members import Scope
from alerts.desk.schema import PATIENTS, STANDINGS, WINDOWS
from alerts.desk.store import Store
from alerts.desk.wanted import within
from alerts.desk.worklist import VIEWS, View
from models.findings import SEVERITIES

DAY_S = 86_400.0
TOP = 10
COVERED_LEAST_D = 1.0
"""Of a log that has just begun: within minutes, two alerts are no measure of a day."""
ALERTS_MAX = 200_000
"""Alerts of one period that are counted; beyond it the page says so."""


@dataclass(frozen=True)
class Outcome:
    """One way to resolve an alert: its words, and whether the alert was then worth it."""

    words: str
    useful: bool


OUTCOMES = (
    Outcome("Acted on: treated or advised", True),
    Outcome("Patient called, well", True),
    Outcome("Good to know, nothing to do", True),
    Outcome("Expected for this patient", False),
    Outcome("Device or measurement fault", False),
    Outcome("Seen already, told again", False),
)


def useful(reason: str | None) -> bool | None:
    """Whether an alert that was resolved with these words was worth it; None when they do not say."""
    for outcome in OUTCOMES:
        if reason is not None and (reason == outcome.words or reason.startswith(f"{outcome.words}:")):
            return outcome.useful
    return None


def cost(store: Store, scope: Scope, days: float) -> dict[str, Any]:
    """The figures of the last so many days of the log; `covered_days` of them there are. Blocks."""
    now_s = store.log_time_s or 0.0
    since_s, covered = now_s - days * DAY_S, _covered(store, days)
    mine = within(scope, STANDINGS.c.team)
    told = STANDINGS.c
    query = select(
        told.view,
        told.severity,
        told.patient,
        told.rule,
        told.opened_s,
        told.answered_s,
        told.answered_severity,
        told.late,
        told.due_s,
        told.outcome,
    ).where(told.opened_s >= since_s, told.view != "retrospective", *mine)
    with store.reading() as connection:
        patients = _patients(connection, scope, since_s)
        rows = connection.execute(query.limit(ALERTS_MAX + 1)).all()
    counted = rows[:ALERTS_MAX]
    return {
        "days": days,
        "covered_days": covered,
        "patients": patients,
        "alerts": len(counted),
        "cut": len(rows) > ALERTS_MAX,
        "by_severity": [_severity(name, counted, patients * covered, now_s) for name in reversed(SEVERITIES)],
        "useful": _share([useful(row.outcome) for row in counted]),
        "top_patients": _top(counted, "patient"),
        "top_rules": _top(counted, "rule"),
    }


def _covered(store: Store, days: float) -> float:
    """How many of these days the log tells of: in its first days, most of a month has not been."""
    if store.log_time_s is None or store.log_began_s is None:
        return days
    return min(days, max((store.log_time_s - store.log_began_s) / DAY_S, COVERED_LEAST_D))


def _patients(connection: Connection, scope: Scope, since_s: float) -> int:
    """Who is watched: patients with a profile or with alerts since then; without any profiles, those with readings."""
    known = select(func.count()).select_from(PATIENTS).where(*within(scope, PATIENTS.c.team))
    told = STANDINGS.c
    strange = ~select(PATIENTS.c.patient).where(PATIENTS.c.patient == told.patient).exists()
    others = select(func.count(told.patient.distinct())).where(
        told.opened_s >= since_s, told.view != "retrospective", strange, *within(scope, told.team)
    )
    count = connection.execute(known).scalar_one()
    if count or scope.teams is not None:
        return int(count + connection.execute(others).scalar_one())
    return int(connection.execute(select(func.count(WINDOWS.c.patient.distinct()))).scalar_one())


def _severity(name: str, rows: Any, patient_days: float, now_s: float) -> dict[str, Any]:
    """The figures of one severity; waits count with the one at which an alert was taken up, as in `waits`."""
    mine = [row for row in rows if row.severity == name]
    waits = [row.answered_s - row.opened_s for row in rows if row.answered_severity == name]
    return {
        "severity": name,
        "alerts": len(mine),
        "per_patient_day": len(mine) / patient_days if patient_days else None,
        "answered": len(waits),
        "median_s": statistics.median(waits) if waits else None,
        "slow_s": _nine_in_ten_within(waits),
        "overdue": sum(1 for row in mine if row.late or _waits_too_long(row, now_s)),
        "overdue_now": sum(1 for row in mine if _waits_too_long(row, now_s)),
    }


def _nine_in_ten_within(waits: list[float]) -> float | None:
    """The least of these waits that nine in ten of them did not exceed: one that was waited, never longer than any."""
    return sorted(waits)[-(-9 * len(waits) // 10) - 1] if waits else None


def _waits_too_long(row: Any, now_s: float) -> bool:
    return row.due_s is not None and row.due_s < now_s


def _share(judged: list[bool | None]) -> dict[str, int]:
    said = [one for one in judged if one is not None]
    return {"judged": len(said), "useful": sum(said)}


def _top(rows: Any, column: str) -> list[dict[str, Any]]:
    """The sources of most alerts, with how many of them were judged worth it, and the list that holds most of them."""
    groups: dict[str, list[Any]] = {}
    for row in rows:
        groups.setdefault(getattr(row, column), []).append(row)
    most = sorted(groups.items(), key=lambda one: (-len(one[1]), one[0]))[:TOP]
    return [
        {column: key, "alerts": len(group), "list": _list(group), **_share([useful(row.outcome) for row in group])}
        for key, group in most
    ]


def _list(rows: list[Any]) -> View:
    """The list that holds most of them; of equal ones the one that is to be done first."""
    held = Counter(row.view for row in rows)
    return max(VIEWS, key=lambda view: held[view])
