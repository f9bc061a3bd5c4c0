"""What an admin does about accounts: invite, change, link, sign out, disable, enable. Each with its audit, or neither.

Two laws hold whoever acts at the same time, on however many desks: an admin who can sign in is left, and nobody locks
themself out. A disabled account stays, with its name: what it did is on record.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from alerts.desk.accounts import IDLE_S, SESSION_S, Account, Accounts, account_of_row, new_link
from alerts.desk.audit import Audit
from alerts.desk.config import DeskError
from alerts.desk.members import Member, Role
from alerts.desk.register import ACCOUNTS, LINKS, SESSIONS

HANDED_OVER_S = 24 * 3600.0
"""A link that one person hands to another waits for the next shift. The newest of an account is its only one."""
DENIED = {
    "no_account": "There is no such account.",
    "exists": "This sign-in name is taken already.",
    "self": "You cannot take away your own role of admin, nor disable yourself: ask another admin.",
    "last_admin": "This is the last admin who can sign in: make somebody else an admin first.",
    "disabled": "This account is disabled: enable it first.",
}


class Denied(DeskError):
    """It cannot be done, and nothing was. why: a key of DENIED."""

    def __init__(self, why: str) -> None:
        super().__init__(DENIED[why])
        self.why = why


@dataclass(frozen=True)
class Person:
    """An account, and how many sessions of it are open."""

    account: Account
    sessions: int


class Staff:
    """Every method is short and blocking: call it from a thread. by: who does it; now_s: since 1970 [s]."""

    def __init__(self, accounts: Accounts, audit: Audit) -> None:
        self._engine, self._audit = accounts.engine, audit

    def people(self, now_s: float) -> list[Person]:
        """Everybody, by id, the disabled too."""
        good = and_(
            SESSIONS.c.account == ACCOUNTS.c.id,
            SESSIONS.c.version == ACCOUNTS.c.version,
            SESSIONS.c.began_s >= now_s - SESSION_S,
            SESSIONS.c.seen_s >= now_s - IDLE_S,
        )
        sessions = select(func.count()).select_from(SESSIONS).where(good).scalar_subquery().label("sessions")
        with self._engine.connect() as connection:
            rows = connection.execute(select(ACCOUNTS, sessions).order_by(ACCOUNTS.c.id)).mappings()
            return [Person(account_of_row(row), row["sessions"]) for row in rows]

    def invite(self, by: Member, who: str, name: str, role: Role, teams: frozenset[str], now_s: float) -> str:
        """Make an account; the token that signs it in once. Raises Denied when the id is taken."""
        row = {"name": name, "role": role, "teams": sorted(teams)}
        with self._audit.doing(by.id, "desk.account_invited", session=by.session, account=who, **row) as connection:
            try:
                connection.execute(insert(ACCOUNTS).values(id=who, version=1, **_stored(row)))
            except IntegrityError:
                raise Denied("exists") from None
            return new_link(connection, who, now_s, HANDED_OVER_S)

    def change(self, by: Member, who: str, **changed: Any) -> None:
        """Give somebody another `name`, `role` (Role) or `teams` (names). It holds from their next request on; their
        sessions stay. Raises Denied."""
        told = {name: sorted(value) if name == "teams" else value for name, value in changed.items()}
        if who == by.id and told.get("role", "admin") != "admin":
            raise Denied("self")
        with self._audit.doing(by.id, "desk.account_changed", session=by.session, account=who, **told) as connection:
            _alter(connection, who, **_stored(told))

    def link(self, by: Member, who: str, now_s: float) -> str:
        """Another link that signs somebody in once, instead of those before it. Raises Denied."""
        with self._audit.doing(by.id, "desk.link_made", session=by.session, account=who) as connection:
            if _known(connection, who).disabled_s is not None:
                raise Denied("disabled")
            connection.execute(delete(LINKS).where(LINKS.c.account == who))
            return new_link(connection, who, now_s, HANDED_OVER_S)

    def sign_out(self, by: Member, who: str) -> None:
        """End the sessions of somebody, and their links; of oneself, all but the one at hand. Raises Denied."""
        with self._audit.doing(by.id, "desk.signed_out_everywhere", session=by.session, account=who) as connection:
            _known(connection, who)
            here = SESSIONS.c.id.startswith(by.session, autoescape=True) if who == by.id and by.session else None
            theirs = delete(SESSIONS).where(SESSIONS.c.account == who)
            connection.execute(theirs if here is None else theirs.where(~here))
            connection.execute(delete(LINKS).where(LINKS.c.account == who))

    def disable(self, by: Member, who: str, now_s: float) -> None:
        """Let somebody in no longer, from this moment on. Raises Denied."""
        if who == by.id:
            raise Denied("self")
        with self._audit.doing(by.id, "desk.account_disabled", session=by.session, account=who) as connection:
            _alter(connection, who, disabled_s=func.coalesce(ACCOUNTS.c.disabled_s, now_s))
            for table in (SESSIONS, LINKS):
                connection.execute(delete(table).where(table.c.account == who))

    def enable(self, by: Member, who: str) -> None:
        """Let somebody in again, by their password if they have one, or by a new link. Raises Denied."""
        with self._audit.doing(by.id, "desk.account_enabled", session=by.session, account=who) as connection:
            _alter(connection, who, disabled_s=None)


ADMINS = (ACCOUNTS.c.role == "admin", ACCOUNTS.c.disabled_s.is_(None))


def _known(connection: Connection, who: str) -> Row[Any]:
    """The account as nobody else can change it until the transaction ends: all who act on accounts take turns, by
    writing to the admins' rows what stands there."""
    connection.execute(update(ACCOUNTS).where(*ADMINS).values(version=ACCOUNTS.c.version))
    found = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.id == who)).first()
    if found is None:
        raise Denied("no_account")
    return found


def _alter(connection: Connection, who: str, **values: Any) -> None:
    """Change an account. Raises Denied when the last admin would be gone."""
    before = _known(connection, who)
    connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == who).values(**values))
    counted = before.role == "admin" and before.disabled_s is None
    if counted and not connection.execute(select(func.count()).select_from(ACCOUNTS).where(*ADMINS)).scalar_one():
        raise Denied("last_admin")


def _stored(row: dict[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(value) if name == "teams" else value for name, value in row.items()}
