"""A patient who goes to another team takes their alerts along, and the pages of the old team must hear of it.

What an open page shows was fetched when it could be seen. Whose page that is follows from the team that the patient
comes from: those are told that it is gone, and nobody else hears of it at all.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, select, update

from alerts.desk.schema import PATIENTS, STANDINGS

Teams = dict[str, str | None]
Former = dict[str, set[str | None]]
"""Whose patient somebody was until now."""


@dataclass(frozen=True)
class Moves:
    """What new profiles have changed. patients: of the profiles; alerts: those that follow a patient; former: of those
    who have moved."""

    patients: list[str]
    alerts: list[str]
    former: Former


def teams_of(connection: Connection, patients: Sequence[str]) -> Teams:
    """Whose patients these are by their profiles; those without one are left out."""
    known = select(PATIENTS.c.patient, PATIENTS.c.team).where(PATIENTS.c.patient.in_(patients))
    return {row.patient: row.team for row in connection.execute(known)}


def follow(connection: Connection, chunks: Iterable[Sequence[str]], before: Teams) -> tuple[list[str], Former]:
    """Let the alerts of these patients follow the profiles; which alerts have moved, and from which teams."""
    moved: list[str] = []
    former: Former = defaultdict(set)
    for chunk in chunks:
        for patient, team in teams_of(connection, chunk).items():
            if before.get(patient, team) != team:
                former[patient].add(before[patient])
        for row in connection.execute(_left_behind().where(STANDINGS.c.patient.in_(chunk))):
            moved.append(row.alert_id)
            former[row.patient].add(row.team)
        team_now = select(PATIENTS.c.team).where(PATIENTS.c.patient == STANDINGS.c.patient).scalar_subquery()
        connection.execute(update(STANDINGS).where(STANDINGS.c.patient.in_(chunk)).values(team=team_now))
    return moved, dict(former)


def _left_behind() -> Select[tuple[str, str, str | None]]:
    """Alerts that are still with another team than their patient."""
    query = select(STANDINGS.c.alert_id, STANDINGS.c.patient, STANDINGS.c.team)
    return query.join(PATIENTS, PATIENTS.c.patient == STANDINGS.c.patient).where(
        STANDINGS.c.team.is_distinct_from(PATIENTS.c.team)
    )
