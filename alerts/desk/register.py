"""The tables that outlive the desk: accounts, sessions, links, attempts, and the audit on its way to its topic.

SQLite in a file of its own, readable by its owner only, or PostgreSQL beside the cache. What an older desk has left is
read: columns that came later are added, and hold nothing for what was there before.
"""

from sqlalchemy import Column, Engine, Float, Index, Integer, MetaData, Table, Text, inspect, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from alerts.desk.database import cannot_open, engine_at, name_type

METADATA = MetaData()

ACCOUNTS = Table(
    "desk_accounts",
    METADATA,
    Column("id", name_type(), primary_key=True),
    Column("name", name_type(), nullable=False),
    Column("role", name_type(16), nullable=False),
    Column("teams", Text, nullable=False),
    Column("password", name_type(256)),
    Column("version", Integer, nullable=False),
    Column("disabled_s", Float),
    Column("seen_s", Float),
)
"""disabled_s: since when they may not sign in; seen_s: when they last did something. Both came later."""
SESSIONS = Table(
    "desk_sessions",
    METADATA,
    Column("id", name_type(64), primary_key=True),
    Column("account", name_type(), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("began_s", Float, nullable=False),
    Column("seen_s", Float, nullable=False),
)
LINKS = Table(
    "desk_links",
    METADATA,
    Column("token", name_type(64), primary_key=True),
    Column("account", name_type(), nullable=False),
    Column("expires_s", Float, nullable=False),
)
ATTEMPTS = Table(
    "desk_attempts",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("account", name_type(), nullable=False),
    Column("address", name_type(), nullable=False),
    Column("at_s", Float, nullable=False),
    Index("desk_attempts_by_account", "account", "address"),
    Index("desk_attempts_by_address", "address"),
)
ANSWERED = Table(
    "desk_answered",
    METADATA,
    Column("link", name_type(64), primary_key=True),
    Column("expires_s", Float, nullable=False),
)
"""Links of messages that were used."""
AUDIT = Table(
    "desk_audit",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("body", Text, nullable=False),
)
BEATS = Table("desk_beats", METADATA, Column("at_s", Float, nullable=False))
"""When it was last tried whether anything can be written."""
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000")
WHAT = "the desk's accounts (HOMEBEAT_DESK_ACCOUNTS_URL, else HOMEBEAT_DESK_DATABASE_URL or HOMEBEAT_DATA_FOLDER)"


def register_at(url: str) -> Engine:
    """The database with its tables there. DeskError with one line when it cannot be used."""
    engine = engine_at(url, WHAT, PRAGMAS, private=True)
    try:
        METADATA.create_all(engine)
        for table in METADATA.sorted_tables:
            _add_what_came_later(engine, table)
    except SQLAlchemyError as error:
        raise cannot_open(WHAT, error) from None
    return engine


def _add_what_came_later(engine: Engine, table: Table) -> None:
    for name in _missing(engine, table):
        kind = table.c[name].type.compile(engine.dialect)
        try:
            with engine.begin() as connection:
                connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {name} {kind}"))
        except DBAPIError:
            if name in _missing(engine, table):  # else another process that started just now was faster
                raise


def _missing(engine: Engine, table: Table) -> list[str]:
    held = {column["name"] for column in inspect(engine).get_columns(table.name)}
    return [column.name for column in table.c if column.name not in held]
