"""The tables of the desk's cache. The topics are the truth: at every start the tables are emptied and filled again.

Their names are ours beyond doubt: a database that the desk shares may well have a table `patients` of its own.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from alerts.desk.database import engine_at, name_type

METADATA = MetaData()
VITAL_CHARS = 64


def _of_patient(name: str, *columns: Column[Any], **options: Any) -> Table:
    """A row a patient."""
    return Table(f"desk_cache_{name}", METADATA, Column("patient", name_type(), primary_key=True), *columns, **options)


def _of_vital(name: str, *columns: Column[Any], **options: Any) -> Table:
    """A row a patient and vital, or several."""
    return _of_patient(name, Column("vital", name_type(VITAL_CHARS), primary_key=True), *columns, **options)


EVENTS = Table(
    "desk_cache_events",
    METADATA,
    Column("alert_id", name_type(), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)

STANDINGS = Table(
    "desk_cache_alerts",
    METADATA,
    Column("alert_id", name_type(), primary_key=True),
    Column("view", name_type(16), nullable=False),
    Column("rank", Integer, nullable=False),
    Column("decided_s", Float, nullable=False),
    Column("waiting_since_s", Float),
    Column("due_s", Float),
    Column("events", Integer, nullable=False),
    Column("patient", name_type(), nullable=False),
    Column("team", name_type()),
    Column("severity", name_type(16), nullable=False),
    Column("category", name_type(16), nullable=False),
    Column("rule", name_type(), nullable=False),
    Column("incident", name_type(), nullable=False),
    Column("opened_s", Float, nullable=False),
    Column("answered_s", Float),
    Column("answered_severity", name_type(16)),
    Column("late", Boolean, nullable=False),
    Column("owner", name_type()),
    Column("until_s", Float),
    Column("outcome", Text),
    Column("body", Text, nullable=False),
    Index("desk_cache_alerts_by_view", "view", text("rank DESC"), "waiting_since_s", text("decided_s DESC")),
    Index("desk_cache_alerts_by_view_and_time", "view", "decided_s"),
    Index("desk_cache_alerts_by_patient", "patient", "decided_s"),
    Index("desk_cache_alerts_by_opening", "opened_s"),
    Index("desk_cache_alerts_by_incident", "incident"),
    Index("desk_cache_alerts_by_answer", "answered_severity", "view", "opened_s", "answered_s"),
)
"""One row an alert: the newest event, and what `worklist.standing` makes of all of them."""

PATIENTS = _of_patient(
    "patients",
    Column("version", BigInteger, nullable=False),
    Column("team", name_type(), index=True),
    Column("body", Text, nullable=False),
)
"""The profiles, as they were published. team: whose patient it is now, which decides who sees the alerts too."""

WINDOWS = _of_vital(
    "windows",
    Column("stretch", Integer, primary_key=True, autoincrement=False),
    Column("windows", Integer, nullable=False),
    Column("measured", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_with_rowid=False,  # the rows lie in the order of the key, so that a chart is one stretch of the file
)
"""One row a vital and six hours, whose windows `packed` keeps in `body`; how many those are, and how many of them hold
readings."""

CONSENTS = _of_patient(
    "consents",
    Column("body", Text, nullable=False),
)
"""What the profiles say of consent, also of who is forgotten."""

WITHDRAWALS = _of_vital(
    "withdrawals",
    Column("since_s", Float, nullable=False),
)
"""From when on the worker has last withheld a vital."""

BEATS = Table("desk_cache_beats", METADATA, Column("at_s", Float, nullable=False))
"""When it was last tried whether anything can be written."""

SQLITE_PRAGMAS = (
    *("journal_mode=WAL", "synchronous=OFF", "busy_timeout=5000", "temp_store=MEMORY"), "secure_delete=ON",
)  # fmt: skip
"""A crash may cost the file, which is a cache and is made anew at the next start. What is deleted is overwritten: what
was withdrawn must not stay in the file; some builds of SQLite do so by themselves, others do not."""
WHAT = "the desk's database (HOMEBEAT_DESK_DATABASE_URL, else HOMEBEAT_DATA_FOLDER)"


def opened(url: str) -> Engine:
    """The database, in which nothing is changed yet. DeskError with one line when its address cannot be used."""
    return engine_at(url, WHAT, SQLITE_PRAGMAS)


def emptied(connection: Connection) -> None:
    """Make the tables anew."""
    METADATA.drop_all(connection)
    METADATA.create_all(connection)
