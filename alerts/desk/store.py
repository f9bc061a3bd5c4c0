"""The desk's cache: idempotent, so that the topics can be read from the beginning as often as one likes.

Every method is short and blocking: call it from a thread. Writers take turns; readers do not wait for them. What cannot
be done because the database is away raises one of `database.AWAY`.
"""

import math
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Table, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from alerts.desk import windows, withdrawing
from alerts.desk.chart import Window, emptied, window
from alerts.desk.consent import Withdrawal, withdrawals
from alerts.desk.database import in_chunks, to_be_erased
from alerts.desk.keeping import beat
from alerts.desk.members import EVERYTHING, Scope
from alerts.desk.moving import Moves, follow, teams_of
from alerts.desk.packed import STRETCH_S, Row, row_of, stretch_of
from alerts.desk.patients import PatientProfile, newest_of
from alerts.desk.rows import event_of_body, joined_rows, profile_row, restated, standing_of_row, versions_held
from alerts.desk.schema import BEATS, CONSENTS, EVENTS, PATIENTS, STANDINGS, WINDOWS, WITHDRAWALS, opened
from alerts.desk.wanted import ANY, Wanted, beginning, within
from alerts.desk.windows import Span, Thinned
from alerts.desk.worklist import VIEWS, Standing, View, recency, seconds, urgency
from alerts.desk.writing import Writer
from alerts.events import AlertEvent
from models.readings import VitalSummary

INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""What we need of SQL beyond its common part is `ON CONFLICT`, which these two have."""
PRUNE_EVERY = 500
DAY_S = 86_400.0
AHEAD_S = 180.0
"""So far the newest decision may be ahead of the newest minute: minutes are told when they are over, one by one."""

ALERTS_FOR_ONE = 20
"""So many alerts are looked through for each patient without a profile that a search may name: further ones wait for
more letters."""


class Store:
    """Alerts and vitals in a database. keep_days, keep_windows: bounds for each patient and vital."""

    def __init__(self, url: str, keep_days: float = 90.0, keep_windows: int = 30_000) -> None:
        self._engine = opened(url)
        self._writer = Writer(self._engine)
        self._keep_s, self._keep_windows = keep_days * DAY_S, keep_windows
        self._said_s: float | None = None
        self._minute_s: float | None = None
        self._passing = threading.Lock()  # each topic tells of time in a thread of its own, and it must not go back
        self._log_began_s: float | None = None
        self._since_prune: dict[tuple[str, str], int] = defaultdict(int)

    def close(self) -> None:
        self._writer.close()
        self._engine.dispose()

    @property
    def log_time_s(self) -> float | None:
        """The newest time the log has spoken of (a minute, a decision, the end of a window): the page's now.

        Where workers tell of minutes, a decision is not believed that lies further ahead: it was made by the clock of
        one publisher, and everybody's alerts would be overdue by it.
        """
        if self._minute_s is None or self._said_s is None:
            return self._said_s if self._minute_s is None else self._minute_s
        return max(self._minute_s, min(self._said_s, self._minute_s + AHEAD_S))

    @property
    def log_began_s(self) -> float | None:
        """The oldest time that the log has spoken of: of what was before, nothing is known."""
        return self._log_began_s

    def go_on(self, at_s: float) -> None:
        """Workers have told of this minute: time has passed, whether or not anything else was said in it."""
        with self._passing:
            self._minute_s = max(at_s, self._minute_s or at_s)

    def beat(self) -> None:
        """Write, to see whether anything can be."""
        with self._writer.begin() as connection:
            beat(connection, BEATS)

    def put_events(self, events: Sequence[AlertEvent]) -> list[str]:
        """Keep alert events, each (`alert_id`, `sequence`) once; answers with the alerts that have news."""
        times = [seconds(event.decided_at) for event in events]
        with self._writer.begin() as connection:
            changed = self._insert_events(connection, events)
            self._upsert(connection, STANDINGS, restated(connection, changed))
        self._pass_time(times)
        return changed

    def put_summaries(self, summaries: Sequence[VitalSummary]) -> list[str]:
        """Keep windows that may be shown; the fuller word about one counts, of equal ones the last: what comes late of
        a window is told as one of its own, and must not hide what came in time. Answers with the patients that have
        news."""
        told = [(one, window(one, seconds(one.start))) for one in summaries]
        news: dict[tuple[str, str, int], list[Row]] = defaultdict(list)
        for one, w in told:
            news[one.patient, one.vital, stretch_of(w.start_s)].append(row_of(w))
        with self._writer.begin() as connection:
            withheld = withdrawing.said_by_worker(summaries)
            self._upsert(connection, WITHDRAWALS, withheld, latest=WITHDRAWALS.c.since_s)
            self._upsert(connection, WINDOWS, joined_rows(connection, news))
            withdrawing.cut(connection, list(dict.fromkeys(row["patient"] for row in withheld)))
            self._prune(connection, ((one.patient, one.vital) for one in summaries))
        self._pass_time([w.start_s + w.period_s for _, w in told])
        return list(dict.fromkeys(one.patient for one in summaries))

    def put_profiles(self, profiles: Sequence[PatientProfile]) -> Moves:
        """Keep profiles, the highest version of each; their alerts follow the patient to another team, and what they
        withdraw is no longer kept."""
        chunks = list(in_chunks(list({one.patient for one in profiles})))
        with self._writer.begin() as connection:
            before = {patient: team for chunk in chunks for patient, team in teams_of(connection, chunk).items()}
            newest = newest_of(profiles, versions_held(connection, chunks))
            self._upsert(connection, PATIENTS, [profile_row(one) for one in newest.values() if one.body is not None])
            gone = [one.patient for one in newest.values() if one.body is None]
            for chunk in in_chunks(gone):
                to_be_erased(connection)
                connection.execute(delete(PATIENTS).where(PATIENTS.c.patient.in_(chunk)))
            said = {name: one.consent for name, one in newest.items() if one.consent is not None}
            self._upsert(connection, CONSENTS, withdrawing.said_by_profiles(said))
            withdrawing.cut(connection, list(said))
            stay = list(in_chunks([one.patient for one in newest.values() if one.body is not None]))
            alerts, former = follow(connection, stay, before)
            left = {name: {before[name]} for name in gone if name in before}
            return Moves(list(newest), alerts, former | left)

    def worklist(
        self, view: View | None = None, limit: int = 500, scope: Scope = EVERYTHING, wanted: Wanted = ANY
    ) -> list[Standing]:
        """Where alerts stand: those to be done by urgency, those done by recency. At most `limit` a view."""
        views = VIEWS if view is None else (view,)
        return [one for name in views for one in self._view(name, limit, scope, wanted)]

    def standings(self, alert_ids: Iterable[str], scope: Scope = EVERYTHING) -> list[Standing]:
        """Where these alerts stand; unknown ids, and those of other teams, are left out."""
        query = select(STANDINGS).where(*within(scope, STANDINGS.c.team))
        with self._engine.connect() as connection:
            found = [
                row
                for chunk in in_chunks(list(alert_ids))
                for row in connection.execute(query.where(STANDINGS.c.alert_id.in_(chunk))).mappings()
            ]
        return [standing_of_row(row) for row in found]

    def events(self, alert_id: str, limit: int = 500) -> list[AlertEvent]:
        """The newest events of an alert, oldest first; empty when it is not known."""
        query = select(EVENTS.c.body).where(EVENTS.c.alert_id == alert_id).order_by(EVENTS.c.sequence.desc())
        with self._engine.connect() as connection:
            bodies = connection.execute(query.limit(limit)).scalars().all()
        return [event_of_body(body) for body in reversed(bodies)]

    def events_of(self, alert_ids: Sequence[str], limit: int = 2_000) -> list[AlertEvent]:
        """The events of several alerts, the oldest first, the newest `limit` of them."""
        with self._engine.connect() as connection:
            found = [
                event_of_body(body)
                for chunk in in_chunks(list(alert_ids))
                for body in connection.execute(select(EVENTS.c.body).where(EVENTS.c.alert_id.in_(chunk))).scalars()
            ]
        return sorted(found, key=lambda one: (seconds(one.decided_at), one.alert_id, one.sequence))[-limit:]

    def counts(self, scope: Scope = EVERYTHING) -> dict[str, int]:
        """How many alerts are on each list, and how many of the open ones are overdue."""
        mine = within(scope, STANDINGS.c.team)
        query = select(STANDINGS.c.view, func.count()).where(*mine).group_by(STANDINGS.c.view)
        due = STANDINGS.c.due_s < (self.log_time_s or 0.0)
        late = select(func.count()).where(STANDINGS.c.view == "open", due, *mine)
        with self._engine.connect() as connection:
            found: dict[str, int] = {view: count for view, count in connection.execute(query)}  # noqa: C416 - typed
            overdue = connection.execute(late).scalar_one()
        return {**{view: found.get(view, 0) for view in VIEWS}, "overdue": overdue}

    def team_of(self, patient: str) -> tuple[bool, str | None]:
        """Whether anything is known of a patient, and whose patient it is."""
        by_alert = select(STANDINGS.c.team).where(STANDINGS.c.patient == patient).order_by(STANDINGS.c.decided_s.desc())
        any_window = select(WINDOWS.c.patient).where(WINDOWS.c.patient == patient).limit(1)
        with self._engine.connect() as connection:
            for query in (select(PATIENTS.c.team).where(PATIENTS.c.patient == patient), by_alert.limit(1)):
                found = connection.execute(query).first()
                if found is not None:
                    return True, found.team
            return connection.execute(any_window).first() is not None, None

    def teams(self) -> list[str]:
        """The teams that answer for somebody, by name."""
        with self._engine.connect() as connection:
            found = connection.execute(select(PATIENTS.c.team).where(PATIENTS.c.team.is_not(None)).distinct())
            return sorted(found.scalars())

    def seen(self, patients: Iterable[str], scope: Scope) -> list[str]:
        """Those of these patients that may be seen: by their profile, or without one by their alerts."""
        if scope.teams is None:
            return list(patients)
        mine, told = select(PATIENTS.c.patient).where(*within(scope, PATIENTS.c.team)), STANDINGS.c
        strange = ~select(PATIENTS.c.patient).where(PATIENTS.c.patient == told.patient).exists()
        others = select(told.patient).where(strange, *within(scope, told.team)).distinct()
        with self._engine.connect() as connection:
            return [
                name
                for chunk in in_chunks(list(patients))
                for query in (mine.where(PATIENTS.c.patient.in_(chunk)), others.where(told.patient.in_(chunk)))
                for name in connection.execute(query).scalars()
            ]

    def profile(self, patient: str) -> str | None:
        """The profile as it was published."""
        with self._engine.connect() as connection:
            return connection.execute(select(PATIENTS.c.body).where(PATIENTS.c.patient == patient)).scalar()

    def find(self, begins: str, scope: Scope, limit: int = 20) -> list[tuple[str, str | None]]:
        """Patients whose id begins so, with their teams, by id: those with a profile, and those with alerts only. The
        latter have to be asked for: to find the first of them, all alerts would have to be looked at."""
        known, told = PATIENTS.c, STANDINGS.c
        profiled = select(known.patient, known.team).where(beginning(known.patient, begins))
        strange = ~select(known.patient).where(known.patient == told.patient).exists()
        others = select(told.patient, told.team).where(
            beginning(told.patient, begins), strange, *within(scope, told.team)
        )
        asked = (
            profiled.where(*within(scope, known.team)).order_by(known.patient).limit(limit),
            others.order_by(told.patient).limit(limit * ALERTS_FOR_ONE),
        )[: 2 if begins else 1]
        with self._engine.connect() as connection:
            found = {row.patient: row.team for one in asked for row in connection.execute(one)}
        return sorted(found.items(), key=lambda one: one[0])[:limit]

    def alerts_of(self, patient: str, since_s: float, limit: int = 200) -> list[Standing]:
        """The alerts of a patient since then and those that are not done, the newest first."""
        mine = select(STANDINGS).where(STANDINGS.c.patient == patient)
        mine = mine.where((STANDINGS.c.decided_s >= since_s) | (STANDINGS.c.view != "resolved"))
        with self._engine.connect() as connection:
            rows = connection.execute(mine.order_by(STANDINGS.c.decided_s.desc()).limit(limit)).mappings()
            return [standing_of_row(row) for row in rows]

    def withdrawn(self, patient: str) -> list[Withdrawal]:
        """What is not shown of a patient any more, in words."""
        with self._engine.connect() as connection:
            return withdrawals(*withdrawing.consent_of(connection, patient))

    def reading(self) -> Connection:
        """A connection to ask with, to be closed: for the questions of `handover` and `cost`."""
        return self._engine.connect()

    def vitals_of(self, patient: str) -> list[str]:
        """The vitals with windows of this patient, by name."""
        with self._engine.connect() as connection:
            return windows.vitals_of(connection, patient)

    def newest(self, patient: str, at_rest: Collection[str] = ()) -> list[tuple[str, Window, Window | None]]:
        """Each vital of a patient, by name: its newest window, and the newest that holds readings (of those `at_rest`,
        of the patient at rest). Of one of which nothing may be shown, that it is so."""
        with self._engine.connect() as connection:
            found = windows.newest(connection, patient, at_rest)
            closed = withdrawing.closed(connection, patient, (vital for vital, _, _ in found))
        return [(vital, emptied(now), None) if vital in closed else (vital, now, last) for vital, now, last in found]

    def windows(self, patient: str, vital: str, since_s: float | None, until_s: float | None) -> list[Window]:
        """The windows of a vital that reach into [since, until), in order of time."""
        with self._engine.connect() as connection:
            if withdrawing.closed(connection, patient, [vital]):
                return []
            return windows.whole(connection, patient, vital, (since_s, until_s))

    def thinned(self, patient: str, vitals: Mapping[str, float], span: Span, points: int) -> list[Thinned]:
        """At most `points` windows of each of these vitals, which have their usual cadence [s] beside them."""
        with self._engine.connect() as connection:
            closed = withdrawing.closed(connection, patient, vitals)
            return [
                Thinned([], 0) if name in closed else windows.thinned(connection, patient, name, span, points, s)
                for name, s in vitals.items()
            ]

    def reach(self, patient: str, vital: str, span: Span) -> tuple[float | None, int]:
        """When the first window of a vital in this time begins, and how many there are."""
        with self._engine.connect() as connection:
            if withdrawing.closed(connection, patient, [vital]):
                return None, 0
            return windows.reach(connection, patient, vital, span)

    def _view(self, view: View, limit: int, scope: Scope, wanted: Wanted) -> list[Standing]:
        query = select(STANDINGS).where(STANDINGS.c.view == view, *within(scope, STANDINGS.c.team))
        query = query.where(*wanted.clauses(STANDINGS, self.log_time_s))
        done = view == "resolved"
        order = [STANDINGS.c.decided_s.desc()]
        if not done:  # the same order as `urgency`, so that a limit cuts off what can wait
            order = [STANDINGS.c.rank.desc(), STANDINGS.c.waiting_since_s.asc(), *order]
        with self._engine.connect() as connection:
            found = [standing_of_row(row) for row in connection.execute(query.order_by(*order).limit(limit)).mappings()]
        return sorted(found, key=recency if done else urgency)

    def _insert_events(self, connection: Connection, events: Sequence[AlertEvent]) -> list[str]:
        """Those that are new, each once; answers with their alerts, as they came. What is new is asked of the database:
        how many rows a statement has changed is not known of every driver."""
        rows = [
            {"alert_id": one.alert_id, "sequence": one.sequence, "body": msgspec.json.encode(one).decode()}
            for one in events
        ]
        insert = INSERTS[self._engine.dialect.name](EVENTS).on_conflict_do_nothing().returning(EVENTS.c.alert_id)
        fresh = set(connection.execute(insert, rows).scalars()) if rows else set()
        return [name for name in dict.fromkeys(one.alert_id for one in events) if name in fresh]

    def _upsert(
        self, connection: Connection, table: Table, rows: list[dict[str, Any]], latest: Column[float] | None = None
    ) -> None:
        """Many rows in one prepared statement; the new row wins, if it is no earlier in the column `latest`."""
        if rows:
            insert = INSERTS[self._engine.dialect.name](table)
            news = {column.name: insert.excluded[column.name] for column in table.c if not column.primary_key}
            key = list(table.primary_key.columns)
            wins = None if latest is None else insert.excluded[latest.name] >= latest
            connection.execute(insert.on_conflict_do_update(index_elements=key, set_=news, where=wins), rows)

    def _prune(self, connection: Connection, touched: Iterable[tuple[str, str]]) -> None:
        for (patient, vital), added in Counter(touched).items():
            self._since_prune[patient, vital] += added
            if self._since_prune[patient, vital] >= PRUNE_EVERY:
                del self._since_prune[patient, vital]
                self._prune_one(connection, patient, vital)

    def _prune_one(self, connection: Connection, patient: str, vital: str) -> None:
        """Whole stretches go: what is kept is no less than was asked for."""
        mine = (WINDOWS.c.patient == patient, WINDOWS.c.vital == vital)
        held = select(WINDOWS.c.stretch, WINDOWS.c.windows).where(*mine).order_by(WINDOWS.c.stretch.desc())
        stretches = connection.execute(held).all()
        if not stretches:  # all that came was withdrawn
            return
        oldest, kept = stretches[0].stretch - math.ceil(self._keep_s / STRETCH_S), 0
        for stretch, many in stretches:
            if kept >= self._keep_windows:
                oldest = max(oldest, stretch + 1)
                break
            kept += many
        connection.execute(delete(WINDOWS).where(*mine, WINDOWS.c.stretch < oldest))

    def _pass_time(self, times: list[float]) -> None:
        if times:
            with self._passing:
                self._said_s = max(*times, self._said_s or times[0])
                self._log_began_s = min(*times, times[0] if self._log_began_s is None else self._log_began_s)
