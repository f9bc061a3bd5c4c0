"""The tables of the desk's cache. The topics are the truth: at every start the tables are emptied and filled again."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from alerts.desk.config import DeskError

METADATA = MetaData()

EVENTS = Table(
    "alert_events",
    METADATA,
    Column("alert_id", String(128), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)

STANDINGS = Table(
    "alerts",
    METADATA,
    Column("alert_id", String(128), primary_key=True),
    Column("view", String(16), nullable=False),
    Column("rank", Integer, nullable=False),
    Column("decided_s", Float, nullable=False),
    Column("waiting_since_s", Float),
    Column("due_s", Float),
    Column("events", Integer, nullable=False),
    Column("patient", String(128), nullable=False),
    Column("team", String(128)),
    Column("severity", String(16), nullable=False),
    Column("category", String(16), nullable=False),
    Column("rule", String(128), nullable=False),
    Column("opened_s", Float, nullable=False),
    Column("answered_s", Float),
    Column("late", Boolean, nullable=False),
    Column("owner", String(128)),
    Column("until_s", Float),
    Column("outcome", Text),
    Column("body", Text, nullable=False),
    Index("alerts_by_view", "view", "rank", "waiting_since_s"),
    Index("alerts_by_view_and_time", "view", "decided_s"),
    Index("alerts_by_patient", "patient", "decided_s"),
    Index("alerts_by_opening", "opened_s"),
)
"""One row an alert: the newest event, and what `worklist.standing` makes of all of them."""

PATIENTS = Table(
    "patients",
    METADATA,
    Column("patient", String(128), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("team", String(128), index=True),
    Column("body", Text, nullable=False),
)
"""The profiles, as they were published. team: whose patient it is now, which decides who sees the alerts too."""

WINDOWS = Table(
    "vital_windows",
    METADATA,
    Column("patient", String(128), primary_key=True),
    Column("vital", String(64), primary_key=True),
    Column("start_s", Float, primary_key=True),
    Column("period_s", Float, primary_key=True),
    *(Column(name, Float) for name in ("mean", "min", "max", "expected", "low", "high")),
    Column("n", Integer, nullable=False),
    Column("state", String(16), nullable=False),
)

SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=OFF", "busy_timeout=5000", "temp_store=MEMORY")
"""A crash may cost the file, which is a cache and is made anew at the next start."""


def opened(url: str, supported: Collection[str]) -> Engine:
    """The database with its tables there and empty. DeskError with one line when it cannot be used."""
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if backend not in supported:
            raise DeskError(f"the desk's database should be one of {', '.join(supported)}, not {backend}")
        options = _sqlite_options(parsed.database) if backend == "sqlite" else {}
        engine = create_engine(parsed, poolclass=QueuePool, **options)
        if backend == "sqlite":
            event.listen(engine, "connect", _set_pragmas)
        METADATA.drop_all(engine)
        METADATA.create_all(engine)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise DeskError(f"the desk's database address cannot be used: {_one_line(error)}") from None
    except (SQLAlchemyError, OSError) as error:
        cause = _one_line(getattr(error, "orig", None) or error)
        raise DeskError(f"the desk's database cannot be opened ({cause}): check its address and rights") from None
    return engine


def _sqlite_options(file: str | None) -> dict[str, Any]:
    if file in (None, "", ":memory:"):
        raise DeskError("the desk's database should be a file: sqlite:///desk.sqlite")
    Path(str(file)).parent.mkdir(parents=True, exist_ok=True)
    return {"connect_args": {"check_same_thread": False}}


def _one_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _set_pragmas(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
