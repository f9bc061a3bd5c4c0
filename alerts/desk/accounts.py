"""Who may sign in: local accounts, their sessions, one-time links, and the bound on wrong passwords.

Kept apart from the desk's cache, which is thrown away at every start: this is the only place where it stands. Passwords
are kept as argon2id, links and sessions as SHA-256 of what the person holds: who reads the file cannot sign in with it.
"""

import hashlib
import json
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from alerts.desk.config import DeskError
from alerts.desk.keeping import beat
from alerts.desk.members import Member, Role, teams_of
from alerts.desk.register import ACCOUNTS, ATTEMPTS, BEATS, LINKS, SESSIONS, register_at

SESSION_S = 12 * 3600.0
"""A sign-in lasts a long shift, whatever happens in it."""
IDLE_S = 4 * 3600.0
"""After so long without a request a session is over: the page of somebody who went home."""
LINK_S = 15 * 60.0
ATTEMPT_WINDOW_S = 15 * 60.0
ATTEMPTS_MAX = {"who": 5, "account": 30, "address": 60}
"""Wrong passwords within the window: of one account from one address, of one account, from one address. The second is
large, so that a stranger cannot easily keep a nurse out; a sign-in link is never kept out."""
ATTEMPTS_KEPT = ATTEMPTS_MAX["address"] + 1
"""Of one address: more say nothing new, and whoever is refused may go on as long as they like."""
PASSWORD_CHARS = (12, 256)
VERIFIED_TOGETHER = 2
"""Each check of a password takes 64 MiB and a core: more of them wait."""


class Refused(DeskError):
    """Not signed in; the text is for the person. why: the one word for the audit."""

    def __init__(self, text: str, why: str, retry_s: float = 0.0) -> None:
        super().__init__(text)
        self.why = why
        self.retry_s = retry_s


@dataclass(frozen=True)
class Account:
    """One person. version: raised by what ends all of their sessions. disabled_s: since when they may not sign in;
    seen_s: when they last did something; both since 1970 [s], or None."""

    id: str
    name: str
    role: Role
    teams: frozenset[str]
    version: int
    has_password: bool
    disabled_s: float | None = None
    seen_s: float | None = None


class Accounts:
    """The accounts in a database. Every method is short and blocking: call it from a thread. now_s: since 1970 [s].

    hasher: of passwords; as dear as RFC 9106 asks for where memory is short (64 MiB, 3 rounds) when none is given.
    """

    def __init__(self, url: str, secret: bytes, hasher: PasswordHasher | None = None) -> None:
        self._engine = register_at(url)
        self._signer = URLSafeSerializer(hashlib.sha256(secret + b" homebeat desk session").digest(), "session")
        self._hasher = hasher or PasswordHasher()
        self._verifying = threading.BoundedSemaphore(VERIFIED_TOGETHER)

    @cached_property
    def _nobodys(self) -> str:
        """A password that nobody has, as it would be kept. It is as dear as any, so it waits for the first sign-in."""
        return self._hasher.hash(secrets.token_hex())

    @property
    def engine(self) -> Engine:
        return self._engine

    def beat(self) -> None:
        """Write, to see whether anything can be."""
        with self._engine.begin() as connection:
            beat(connection, BEATS)

    def close(self) -> None:
        self._engine.dispose()

    def put(self, name: str, who: str, role: Role, teams: Iterable[str], password: str | None, replace: bool) -> None:
        """Make an account, or change it. Raises DeskError when it is there already, or the password is poor."""
        if password is not None and not PASSWORD_CHARS[0] <= len(password) <= PASSWORD_CHARS[1]:
            raise DeskError(f"a password has {PASSWORD_CHARS[0]} to {PASSWORD_CHARS[1]} characters")
        row: dict[str, Any] = {"name": name, "role": role, "teams": json.dumps(sorted(teams_of(teams)))}
        if password is not None:
            row["password"] = self._hasher.hash(password)
        with self._engine.begin() as connection:
            known = connection.execute(select(ACCOUNTS.c.version).where(ACCOUNTS.c.id == who)).scalar()
            if known is not None and not replace:
                raise DeskError(f"there is an account {who} already: --replace changes it")
            if known is None:
                connection.execute(insert(ACCOUNTS).values(id=who, version=1, **row))
            else:
                connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == who).values(version=known + 1, **row))
                connection.execute(delete(SESSIONS).where(SESSIONS.c.account == who))
                connection.execute(delete(LINKS).where(LINKS.c.account == who))

    def has_password(self, who: str) -> bool:
        with self._engine.connect() as connection:
            return connection.execute(select(ACCOUNTS.c.password).where(ACCOUNTS.c.id == who)).scalar() is not None

    def set_password(self, connection: Connection, member: Member, password: str) -> None:
        """Give a member another password, and end their sessions but the one at hand: somebody may know the old one."""
        stored = self._hasher.hash(password)
        connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == member.id).values(password=stored))
        elsewhere = ~SESSIONS.c.id.startswith(member.session, autoescape=True)
        connection.execute(delete(SESSIONS).where(SESSIONS.c.account == member.id, elsewhere))

    def remove(self, who: str) -> bool:
        """Take an account away with its sessions and links; whether it was there."""
        with self._engine.begin() as connection:
            for table in (SESSIONS, LINKS):
                connection.execute(delete(table).where(table.c.account == who))
            return connection.execute(delete(ACCOUNTS).where(ACCOUNTS.c.id == who)).rowcount > 0

    def all(self) -> list[Account]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(ACCOUNTS).order_by(ACCOUNTS.c.id)).mappings()
            return [account_of_row(row) for row in rows]

    def account(self, who: str) -> Account | None:
        """One account, if there is one of that name."""
        with self._engine.connect() as connection:
            row = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.id == who)).mappings().first()
            return None if row is None else account_of_row(row)

    def link(self, who: str, now_s: float, lasts_s: float = LINK_S) -> str:
        """A token that signs this account in once. Raises DeskError when nobody could sign in by it."""
        with self._engine.begin() as connection:
            known = connection.execute(select(ACCOUNTS.c.disabled_s).where(ACCOUNTS.c.id == who)).first()
            if known is None:
                raise DeskError(f"there is no account {who}")
            if known.disabled_s is not None:
                raise DeskError(f"the account {who} is disabled")
            return new_link(connection, who, now_s, lasts_s)

    def by_password(self, who: str, password: str, address: str, now_s: float) -> str:
        """The account's id, when the password is theirs. Raises Refused; says the same for whatever is wrong."""
        self._count(who, address, now_s)
        with self._engine.connect() as connection:
            query = select(ACCOUNTS.c.password).where(ACCOUNTS.c.id == who)
            stored = connection.execute(query).scalar()
        with self._verifying:
            nobodys = self._nobodys  # also when it is not needed: how long the answer takes must not tell who is known
            right = self._right(stored or nobodys, password) and stored is not None
        if not right:
            raise Refused("This name and password do not belong together.", "wrong_password")
        with self._engine.begin() as connection:
            connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.account == who, ATTEMPTS.c.address == address))
            _refuse_the_disabled(connection, who)
        return who

    def by_link(self, token: str, address: str, now_s: float) -> str:
        """The account of a one-time link, which is used up by this. Raises Refused. Only wrong ones are counted: a
        right one cannot be guessed, and is the way in for whoever is kept out because others guess passwords."""
        with self._engine.begin() as connection:
            found = delete(LINKS).where(LINKS.c.token == _hashed(token), LINKS.c.expires_s >= now_s)
            who = connection.execute(found.returning(LINKS.c.account)).scalar()
        if who is None:
            self._count("", address, now_s)
            raise Refused("This link was used already, or is too old. Ask for another one.", "wrong_link")
        return str(who)

    def begin(self, who: str, now_s: float) -> str:
        """A new session of somebody who has proven who they are; the signed value of their cookie. Raises Refused when
        their account is disabled, however they have proven it."""
        session = secrets.token_urlsafe(32)
        with self._engine.begin() as connection:
            connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == who).values(seen_s=now_s))
            _refuse_the_disabled(connection, who)
            connection.execute(delete(SESSIONS).where(SESSIONS.c.began_s < now_s - SESSION_S))
            version = connection.execute(select(ACCOUNTS.c.version).where(ACCOUNTS.c.id == who)).scalar_one()
            row = {"id": _hashed(session), "account": who, "version": version, "began_s": now_s, "seen_s": now_s}
            connection.execute(insert(SESSIONS).values(**row))
        return str(self._signer.dumps(session))

    def member(self, cookie: str, now_s: float, touch: bool = True) -> Member | None:
        """Who holds this cookie, if its session is good. touch: the person did something just now."""
        session = self._session(cookie)
        if session is None:
            return None
        joined = select(ACCOUNTS, SESSIONS.c.seen_s.label("touched_s"), SESSIONS.c.began_s).join(
            SESSIONS, (SESSIONS.c.account == ACCOUNTS.c.id) & (SESSIONS.c.version == ACCOUNTS.c.version)
        )
        good = joined.where(SESSIONS.c.id == _hashed(session), ACCOUNTS.c.disabled_s.is_(None))
        with self._engine.connect() as connection:
            row = connection.execute(good).mappings().first()
        if row is None or now_s > row["began_s"] + SESSION_S or now_s > row["touched_s"] + IDLE_S:
            return None
        if touch and now_s > row["touched_s"] + 60.0:
            with self._engine.begin() as writing:
                writing.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == row["id"]).values(seen_s=now_s))
                writing.execute(update(SESSIONS).where(SESSIONS.c.id == _hashed(session)).values(seen_s=now_s))
        return member_of(account_of_row(row), _hashed(session)[:16], self._csrf(session))

    def forged(self, cookie: str) -> bool:
        """Whether a cookie was not made here, or was changed; an old one was made here."""
        return self._session(cookie) is None

    def end(self, cookie: str) -> None:
        """Sign out: the session is over wherever its cookie is."""
        session = self._session(cookie)
        if session is not None:
            with self._engine.begin() as connection:
                connection.execute(delete(SESSIONS).where(SESSIONS.c.id == _hashed(session)))

    def _session(self, cookie: str) -> str | None:
        try:
            return str(self._signer.loads(cookie))
        except BadSignature:
            return None

    def _csrf(self, session: str) -> str:
        """What only a page that may read our answers can know of the session."""
        return _hashed(f"csrf {session}")

    def _count(self, who: str, address: str, now_s: float) -> None:
        """Count an attempt before it is judged, so that many at once do not slip by. Raises Refused beyond it."""
        with self._engine.begin() as connection:
            connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.at_s < now_s - ATTEMPT_WINDOW_S))
            connection.execute(insert(ATTEMPTS).values(account=who[:128], address=address[:128], at_s=now_s))
            _forget_beyond(connection, address[:128])
        with self._engine.connect() as connection:  # after it is there for all: of many at once, each counts the others
            many = _attempts(connection, who[:128], address[:128])
        if any(many[kind] > most for kind, most in ATTEMPTS_MAX.items()):
            raise Refused(
                "Too many attempts. Wait a quarter of an hour, or ask for a link.", "too_many", ATTEMPT_WINDOW_S
            )

    def _right(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password[: PASSWORD_CHARS[1]])
        except (VerificationError, InvalidHashError):
            return False


def _attempts(connection: Connection, who: str, address: str) -> dict[str, int]:
    mine, here = ATTEMPTS.c.account == who, ATTEMPTS.c.address == address
    counted = {"who": (mine, here), "address": (here,), **({"account": (mine,)} if who else {"account": (mine, here)})}
    return {
        kind: connection.execute(select(func.count()).select_from(ATTEMPTS).where(*where)).scalar_one()
        for kind, where in counted.items()
    }


def _forget_beyond(connection: Connection, address: str) -> None:
    """Keep the newest attempts of an address: it is kept out until it has been quiet for a while."""
    here = ATTEMPTS.c.address == address
    newest = select(ATTEMPTS.c.number).where(here).order_by(ATTEMPTS.c.number.desc())
    beyond = connection.execute(newest.offset(ATTEMPTS_KEPT).limit(1)).scalar()
    if beyond is not None:
        connection.execute(delete(ATTEMPTS).where(here, ATTEMPTS.c.number <= beyond))


def _refuse_the_disabled(connection: Connection, who: str) -> None:
    """Said only to whoever has proven who they are."""
    if connection.execute(select(ACCOUNTS.c.disabled_s).where(ACCOUNTS.c.id == who)).scalar() is not None:
        raise Refused("This account is disabled. Ask an admin of the desk.", "disabled")


def new_link(connection: Connection, who: str, now_s: float, lasts_s: float) -> str:
    """The token of a new link that signs an account in once; only its hash is kept."""
    token = secrets.token_urlsafe(32)
    connection.execute(delete(LINKS).where(LINKS.c.expires_s < now_s))
    connection.execute(insert(LINKS).values(token=_hashed(token), account=who, expires_s=now_s + lasts_s))
    return token


def account_of_row(row: Any) -> Account:
    """A row of the accounts' table."""
    told = {name: row[name] for name in ("id", "name", "role", "version", "disabled_s", "seen_s")}
    return Account(**told, teams=frozenset(json.loads(row["teams"])), has_password=row["password"] is not None)


def member_of(account: Account, session: str = "", csrf: str = "") -> Member:
    """Whoever has the account, and what they may."""
    return Member(account.id, account.name, account.role, account.teams, session, csrf)


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
