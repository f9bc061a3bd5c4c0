"""The tables that outlive the desk: accounts, sessions, links, attempts, and the audit on its way to its topic.

SQLite in a file of its own, readable by its owner only, or PostgreSQL beside the cache.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, Float, Index, Integer, MetaData, String, Table, Text, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from alerts.desk.config import DeskError

METADATA = MetaData()

ACCOUNTS = Table(
    "desk_accounts",
    METADATA,
    Column("id", String(128), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("role", String(16), nullable=False),
    Column("teams", Text, nullable=False),
    Column("password", String(256)),
    Column("version", Integer, nullable=False),
)
SESSIONS = Table(
    "desk_sessions",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("account", String(128), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("began_s", Float, nullable=False),
    Column("seen_s", Float, nullable=False),
)
LINKS = Table(
    "desk_links",
    METADATA,
    Column("token", String(64), primary_key=True),
    Column("account", String(128), nullable=False),
    Column("expires_s", Float, nullable=False),
)
ATTEMPTS = Table(
    "desk_attempts",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("account", String(128), nullable=False),
    Column("address", String(128), nullable=False),
    Column("at_s", Float, nullable=False),
    Index("desk_attempts_by_account", "account", "address"),
    Index("desk_attempts_by_address", "address"),
)
ANSWERED = Table(
    "desk_answered",
    METADATA,
    Column("link", String(64), primary_key=True),
    Column("expires_s", Float, nullable=False),
)
"""Links of messages that were used."""
AUDIT = Table(
    "desk_audit",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("body", Text, nullable=False),
)
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000")


def register_at(url: str) -> Engine:
    """The database with its tables there. DeskError with one line when it cannot be used."""
    try:
        parsed = make_url(url)
        options: dict[str, Any] = {}
        if parsed.get_backend_name() == "sqlite":
            file = Path(str(parsed.database))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            options = {"connect_args": {"check_same_thread": False}}
        engine = create_engine(parsed, poolclass=QueuePool, **options)
        if parsed.get_backend_name() == "sqlite":
            event.listen(engine, "connect", _set_pragmas)
        METADATA.create_all(engine)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, SQLAlchemyError, OSError) as error:
        cause = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise DeskError(f"the desk's accounts cannot be opened ({cause}): check the address and rights") from None
    return engine


def _set_pragmas(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
