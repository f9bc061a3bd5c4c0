"""What is withdrawn leaves the cache, and does not come back with a record that is read late or again. Blocking.

`consent` says what stays of a vital; here it is asked of the database and done to it, within the writer's transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from alerts.desk.consent import EVER, NEVER, Consent, is_withdrawal
from alerts.desk.database import in_chunks, to_be_erased
from alerts.desk.packed import STRETCH_S, joined, stretch_of
from alerts.desk.schema import CONSENTS, WINDOWS, WITHDRAWALS
from alerts.desk.worklist import seconds
from models.readings import VitalSummary

Vital = tuple[str, str]
"""A patient's vital."""


def said_by_worker(summaries: Sequence[VitalSummary]) -> list[dict[str, Any]]:
    """The rows of WITHDRAWALS in these windows, the last of each vital."""
    last: dict[Vital, float] = {}
    for one in filter(is_withdrawal, summaries):
        last[one.patient, one.vital] = max(seconds(one.start), last.get((one.patient, one.vital), EVER))
    return [{"patient": patient, "vital": vital, "since_s": s} for (patient, vital), s in last.items()]


def said_by_profiles(consents: Mapping[str, Consent]) -> list[dict[str, Any]]:
    """The rows of CONSENTS."""
    return [{"patient": name, "body": msgspec.json.encode(one).decode()} for name, one in consents.items()]


def begins(connection: Connection, vitals: Iterable[Vital]) -> dict[Vital, float]:
    """From which start on [s] the windows of these vitals may be kept."""
    wanted = list(dict.fromkeys(vitals))
    consents, told = _known(connection, list({patient for patient, _ in wanted}))
    said = {(p, v): consents[p].from_s(v) if p in consents else EVER for p, v in wanted}
    return {place: max(from_s, told.get(place, EVER)) for place, from_s in said.items()}


def cut(connection: Connection, patients: Sequence[str]) -> None:
    """Take out of the cache what may not stay of these patients."""
    oldest = select(WINDOWS.c.patient, WINDOWS.c.vital, func.min(WINDOWS.c.stretch).label("oldest"))
    oldest = oldest.group_by(WINDOWS.c.patient, WINDOWS.c.vital)
    for chunk in in_chunks(patients):
        held = connection.execute(oldest.where(WINDOWS.c.patient.in_(chunk))).all()
        from_s = begins(connection, ((row.patient, row.vital) for row in held))
        for row in held:
            place = row.patient, row.vital
            if from_s[place] > row.oldest * STRETCH_S:
                _cut_one(connection, place, from_s[place])


def consent_of(connection: Connection, patient: str) -> tuple[Consent | None, dict[str, float]]:
    """What a patient agrees to, and since when the worker has withheld which vital."""
    consents, told = _known(connection, [patient])
    return consents.get(patient), {vital: since_s for (_, vital), since_s in told.items()}


def closed(connection: Connection, patient: str, vitals: Iterable[str]) -> set[str]:
    """Those of these vitals of which nothing may be shown as of now."""
    consent, _ = consent_of(connection, patient)
    return set() if consent is None else {vital for vital in vitals if consent.closes(vital)}


def _known(connection: Connection, patients: Sequence[str]) -> tuple[dict[str, Consent], dict[Vital, float]]:
    consents: dict[str, Consent] = {}
    told: dict[Vital, float] = {}
    for chunk in in_chunks(patients):
        for row in connection.execute(select(CONSENTS).where(CONSENTS.c.patient.in_(chunk))):
            consents[row.patient] = msgspec.json.decode(row.body, type=Consent)
        for row in connection.execute(select(WITHDRAWALS).where(WITHDRAWALS.c.patient.in_(chunk))):
            told[row.patient, row.vital] = row.since_s
    return consents, told


def _cut_one(connection: Connection, place: Vital, from_s: float) -> None:
    """Whole stretches go, and the one at the edge is made anew."""
    to_be_erased(connection)
    mine = (WINDOWS.c.patient == place[0], WINDOWS.c.vital == place[1])
    if from_s == NEVER:
        connection.execute(delete(WINDOWS).where(*mine))
        return
    edge = stretch_of(from_s)
    connection.execute(delete(WINDOWS).where(*mine, WINDOWS.c.stretch < edge))
    last = (*mine, WINDOWS.c.stretch == edge)
    body = connection.execute(select(WINDOWS.c.body).where(*last)).scalar()
    kept, many, measured = joined(body or b"", (), from_s)
    if many:
        connection.execute(update(WINDOWS).where(*last).values(body=kept, windows=many, measured=measured))
    elif body is not None:
        connection.execute(delete(WINDOWS).where(*last))
