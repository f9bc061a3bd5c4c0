"""The databases that the desk can stand on: SQLite in a file, PostgreSQL for a team. Both say the same of everything.

What differs is kept in here: how an address becomes an engine, how names are compared (byte by byte, on PostgreSQL too,
whose own collation would sort and search them by language), and which errors mean that the database is away.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, String, create_engine, event
from sqlalchemy import exc as failures
from sqlalchemy.dialects.postgresql import VARCHAR
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.pool import QueuePool
from sqlalchemy.types import TypeEngine

from alerts.desk.config import DeskError

Named = TypeVar("Named")
BACKENDS = ("sqlite", "postgresql")
OWN_DRIVER = ("postgresql", "postgres")
EXAMPLE = "sqlite:///desk.sqlite or postgresql://USER:PASSWORD@HOST/DATABASE"
CONNECTIONS, MORE_CONNECTIONS = 5, 15
"""Of one engine; a desk has two. PostgreSQL as it comes has a hundred for all of its clients."""
CONNECT_WITHIN_S = 5
ENGINE: Mapping[str, Any] = {"poolclass": QueuePool, "hide_parameters": True}
"""What an error says ends in the log: without what was written, which is of patients."""
POSTGRES_SETTINGS = (
    *("tcp_keepalives_idle=10", "tcp_keepalives_interval=5", "tcp_keepalives_count=3"),
    *("lock_timeout=10s", "jit=off", "plan_cache_mode=force_custom_plan"),
)
"""Both ends notice within half a minute when the other has gone without a word: what a dead desk held is free again.
Our questions take milliseconds, of which PostgreSQL should spend none on compiling them. And it plans each anew: a plan
made while the cache was empty reads whole tables, and was kept for as long as the cache took to fill."""
POSTGRES_ARGUMENTS: Mapping[str, Any] = {
    "connect_timeout": CONNECT_WITHIN_S,
    "application_name": "homebeat-desk",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "options": " ".join(f"-c {setting}" for setting in POSTGRES_SETTINGS),
}
AWAY = (failures.OperationalError, failures.InterfaceError, failures.TimeoutError, failures.InternalError)
"""The database does not answer, has no connection left, or takes nothing (the last: a PostgreSQL that is read-only, as
after a fail-over or with its disk nearly full): the same may work later. A refusal is no such error."""
READ_ONLY = "25006"
"""PostgreSQL's code for what cannot be done in a transaction that only reads."""
WRONG = (failures.ArgumentError, failures.NoSuchModuleError, ModuleNotFoundError)
CHUNK = 200
"""Names in one statement, of which a database takes so many only."""
ERASE = "homebeat_erase"
NAME_CHARS = 255
"""Ids have 128; that of a technical alert's `patient` is one with a word before it."""


def name_type(chars: int = NAME_CHARS) -> TypeEngine[str]:
    """Text that is searched by its beginning and sorted: the same order in every database."""
    return String(chars).with_variant(VARCHAR(chars, collation="C"), "postgresql")


def engine_at(url: str, what: str, pragmas: Sequence[str], private: bool = False) -> Engine:
    """The database at an address; nothing has been asked of it yet. private: of a file, only its owner may read it.

    Raises DeskError with one line about `what`.
    """
    parsed = address(url, what)
    try:
        if parsed.get_backend_name() == "postgresql":
            sizes = {"pool_size": CONNECTIONS, "max_overflow": MORE_CONNECTIONS, "pool_timeout": CONNECT_WITHIN_S}
            arguments = {**POSTGRES_ARGUMENTS, **_own_options(parsed)}
            engine = create_engine(parsed, pool_pre_ping=True, connect_args=arguments, **sizes, **ENGINE)
            event.listen(engine, "handle_error", _leave_reader)
            return engine
        _prepare_file(parsed.database, private)
        engine = create_engine(parsed, connect_args={"check_same_thread": False}, **ENGINE)
    except WRONG as error:
        raise DeskError(f"{what}: the address cannot be used: {one_line(error)}") from None
    except OSError as error:
        raise cannot_open(what, error) from None
    event.listen(engine, "connect", lambda connection, _: _set_pragmas(connection, pragmas))
    return engine


def address(url: str, what: str) -> URL:
    """An address, of which nothing has been asked, with the driver that homebeat comes with where none is named.

    Raises DeskError with one line about `what`.
    """
    try:
        parsed = make_url(url)
    except (*WRONG, ValueError):  # a port that is no number; what it says may name the password
        raise DeskError(f"{what} should be an address such as {EXAMPLE}") from None
    if parsed.get_backend_name() not in BACKENDS:
        raise DeskError(f"{what} should be one of {', '.join(BACKENDS)}, not {parsed.get_backend_name()}: {EXAMPLE}")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise DeskError(f"{what} should be a file: sqlite:///desk.sqlite")
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername in OWN_DRIVER else parsed


def in_chunks(names: Sequence[Named]) -> Iterator[Sequence[Named]]:
    """The names in parts of a size that one statement can take."""
    return (names[start : start + CHUNK] for start in range(0, len(names), CHUNK))


def cannot_open(what: str, error: Exception) -> DeskError:
    """One line for the person at the keyboard."""
    return DeskError(f"{what} cannot be opened ({cause(error)}): check its address and rights")


def cause(error: BaseException) -> str:
    """What the database itself said, in one line."""
    return one_line(getattr(error, "orig", None) or error)


def one_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def storable(text: str | None, chars: int = NAME_CHARS) -> str | None:
    """Text that both databases keep as it is. ValueError for what is too long, or holds a NUL, which only one takes."""
    if text is not None and (len(text) > chars or "\0" in text):
        raise ValueError(f"a name should have at most {chars} characters, and no NUL")
    return text


def to_be_erased(connection: Connection) -> None:
    """What this transaction takes out must not stay readable on the disk."""
    connection.info[ERASE] = True


def erase(connection: Connection) -> None:
    """After the transaction: write what SQLite has in its log into the file, and empty the log, which holds the pages
    as they were. While somebody reads an older state that is tried again after the next transaction: nobody may wait
    for it. On PostgreSQL that is for its vacuum to do."""
    if not connection.info.get(ERASE) or connection.dialect.name != "sqlite":
        return
    busy_ms = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    connection.exec_driver_sql("PRAGMA busy_timeout=0")
    busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    connection.exec_driver_sql(f"PRAGMA busy_timeout={busy_ms}")
    connection.commit()
    connection.info[ERASE] = bool(busy)


def _leave_reader(context: ExceptionContext) -> None:
    """Connections to a server that only reads are given up: the address may name another one by now that writes."""
    if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
        context.is_disconnect = True


def _own_options(parsed: URL) -> dict[str, str]:
    """What the address itself asks of the session goes before ours, and does not replace it."""
    asked = parsed.query.get("options")
    return {"options": f"{POSTGRES_ARGUMENTS['options']} {asked}"} if isinstance(asked, str) else {}


def _prepare_file(file: str | None, private: bool) -> None:
    Path(str(file)).parent.mkdir(parents=True, exist_ok=True)
    if private:
        Path(str(file)).touch(mode=0o600)


def _set_pragmas(connection: Any, pragmas: Sequence[str]) -> None:
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
