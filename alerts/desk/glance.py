"""A look at the desk's databases by another process: nothing is made there, and nothing is changed."""

from pathlib import Path

from sqlalchemy import inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from alerts.desk.accounts import Account, account_of_row
from alerts.desk.database import cannot_open, engine_at
from alerts.desk.register import ACCOUNTS, WHAT

PRAGMAS = ("query_only=ON", "busy_timeout=5000")


def ask(url: str, what: str) -> None:
    """Whether the database at an address lets us in. Raises DeskError about `what`."""
    engine = engine_at(url, what, PRAGMAS)
    try:
        engine.connect().close()
    except SQLAlchemyError as error:
        raise cannot_open(what, error) from None
    finally:
        engine.dispose()


def accounts_in(url: str) -> dict[str, Account]:
    """By id; empty where no desk has been yet, or where its file is on another machine. Raises DeskError."""
    if url.startswith("sqlite") and not Path(make_url(url).database or "").is_file():
        return {}
    engine = engine_at(url, WHAT, PRAGMAS)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table(ACCOUNTS.name):
                return {}
            return {row["id"]: account_of_row(row) for row in connection.execute(select(ACCOUNTS)).mappings()}
    except SQLAlchemyError as error:
        raise cannot_open(WHAT, error) from None
    finally:
        engine.dispose()
