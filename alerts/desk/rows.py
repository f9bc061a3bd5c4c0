"""The rows of the cache: an alert and where it stands, a profile, a stretch of windows. Blocking where the database is
asked.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, column, select, values

from alerts.desk import withdrawing
from alerts.desk.database import in_chunks
from alerts.desk.moving import teams_of
from alerts.desk.packed import Row, joined
from alerts.desk.patients import PatientProfile
from alerts.desk.schema import EVENTS, PATIENTS, WINDOWS
from alerts.desk.worklist import Standing, incident_of, seconds, standing
from alerts.events import AlertEvent

STANDING_FIELDS = tuple(name for name in Standing.__dataclass_fields__ if name != "latest")


def event_of_body(body: str) -> AlertEvent:
    """An event as it was published."""
    return msgspec.json.decode(body, type=AlertEvent)


def standing_of_row(row: Any) -> Standing:
    """Where an alert stands, of a row of the alerts' table."""
    told = {name: row[name] for name in STANDING_FIELDS}
    return Standing(event_of_body(row["body"]), **told)


def restated(connection: Connection, alert_ids: list[str]) -> list[dict[str, Any]]:
    """Where these alerts stand now, as rows; whose a patient is now goes before whose they were."""
    found: dict[str, list[AlertEvent]] = {name: [] for name in alert_ids}
    for chunk in in_chunks(alert_ids):
        for row in connection.execute(select(EVENTS.c.alert_id, EVENTS.c.body).where(EVENTS.c.alert_id.in_(chunk))):
            found[row.alert_id].append(event_of_body(row.body))
    standings = [standing(events) for events in found.values()]
    patients = in_chunks(list({one.latest.patient for one in standings}))
    teams = {patient: team for chunk in patients for patient, team in teams_of(connection, chunk).items()}
    return [_standing_row(one, teams.get(one.latest.patient, one.latest.care_team)) for one in standings]


def _standing_row(one: Standing, team: str | None) -> dict[str, Any]:
    return {
        "alert_id": one.latest.alert_id,
        "view": one.view,
        "rank": one.rank,
        "decided_s": seconds(one.latest.decided_at),
        "waiting_since_s": one.waiting_since_s,
        "due_s": one.due_s,
        "events": one.events,
        "patient": one.latest.patient,
        "team": team,
        "severity": one.latest.severity,
        "category": one.latest.category,
        "rule": one.latest.rule.id,
        "incident": incident_of(one.latest),
        "opened_s": one.opened_s,
        "answered_s": one.answered_s,
        "answered_severity": one.answered_severity,
        "late": one.late,
        "owner": one.owner,
        "until_s": one.until_s,
        "outcome": one.outcome,
        "body": msgspec.json.encode(one.latest).decode(),
    }


def versions_held(connection: Connection, chunks: Iterable[Sequence[str]]) -> dict[str, int]:
    """The versions of the profiles that are held of these patients."""
    known = select(PATIENTS.c.patient, PATIENTS.c.version)
    found = (row for chunk in chunks for row in connection.execute(known.where(PATIENTS.c.patient.in_(chunk))))
    return {row.patient: row.version for row in found}


def profile_row(one: PatientProfile) -> dict[str, Any]:
    """The row of a profile that has a body."""
    return {"patient": one.patient, "version": one.version, "team": one.team, "body": one.body}


def joined_rows(connection: Connection, news: Mapping[tuple[str, str, int], list[Row]]) -> list[dict[str, Any]]:
    """The rows of stretches with these windows in them, beside those that are held already."""
    bodies: dict[tuple[str, str, int], bytes] = {}
    key = tuple(WINDOWS.primary_key.columns)
    for chunk in in_chunks(list(news)):
        # a join: SQLite answers `IN` of several columns by reading the whole table
        wanted = values(*(column(one.name, one.type) for one in key), name="wanted").data(chunk).cte()
        same = and_(*(wanted.c[one.name] == one for one in key))
        found = connection.execute(select(*key, WINDOWS.c.body).select_from(wanted.join(WINDOWS, same)))
        bodies |= {(row.patient, row.vital, row.stretch): row.body for row in found}
    begins = withdrawing.begins(connection, (place[:2] for place in news))
    rows = []
    for place, told in news.items():
        body, many, measured = joined(bodies.get(place, b""), told, begins[place[:2]])
        own = dict(zip(("patient", "vital", "stretch"), place, strict=True))
        rows.append({**own, "windows": many, "measured": measured, "body": body})
    return [row for row in rows if row["windows"]]
