"""The one connection that writes into the desk's cache: writers take turns, readers do not wait for them.

On PostgreSQL it also holds the cache for this desk alone, for as long as it lives. A second desk would empty the tables
at its start, and the page of the first would show a worklist without the alerts that wait.
"""

import contextlib
import threading
from collections.abc import Iterator

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from alerts.desk.config import DeskError
from alerts.desk.database import cannot_open, erase
from alerts.desk.schema import WHAT, emptied

HELD_BY = 0x0DE5_CACE
"""The number of our lock among those of the database; the second number is of the schema, which keeps tables apart."""


LOCK_NOT_AVAILABLE = "55P03"
WAIT_S = 3
"""So long a desk that was stopped just now may take to let go."""


class Taken(DeskError):
    """Another desk has its cache there."""

    def __init__(self) -> None:
        super().__init__(
            "the desk's database is the cache of another desk that runs: give each a database of its own "
            "(HOMEBEAT_DESK_DATABASE_URL); accounts can be shared (HOMEBEAT_DESK_ACCOUNTS_URL)"
        )


class Writer:
    """Makes the tables anew, then writes. Used from any thread."""

    def __init__(self, engine: Engine) -> None:
        """Raises DeskError with one line when the database cannot be used, Taken when another desk uses it."""
        self._engine = engine
        self._turn = threading.Lock()
        self._connection: Connection | None = None
        try:
            with self.begin() as connection:
                emptied(connection)
        except SQLAlchemyError as error:
            self.close()
            raise cannot_open(WHAT, error) from None

    @contextlib.contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction, committed after the block. When the connection was lost the next one makes another."""
        with self._turn:
            if self._connection is None:
                self._connection = self._connected()
            try:
                with self._connection.begin():
                    yield self._connection
                erase(self._connection)
            except DBAPIError as error:
                if error.connection_invalidated:
                    self._drop()
                raise

    def close(self) -> None:
        with self._turn:
            self._drop()

    def _connected(self) -> Connection:
        connection = self._engine.connect()
        if self._engine.dialect.name == "postgresql":
            try:
                _hold(connection)
            except DBAPIError as error:
                connection.close()
                if getattr(error.orig, "sqlstate", "") == LOCK_NOT_AVAILABLE:
                    raise Taken from None
                raise
        return connection

    def _drop(self) -> None:
        """The lock goes with the connection, so it must not go back to the pool."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with contextlib.suppress(SQLAlchemyError):
                connection.invalidate()
            connection.close()


def _hold(connection: Connection) -> None:
    """Take the cache for as long as this session lasts."""
    with connection.begin():
        connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_S}s'"))
        connection.execute(select(func.pg_advisory_lock(HELD_BY, func.hashtext(func.current_schema()))))
