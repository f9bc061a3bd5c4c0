"""The audit of every look and act at the desk: first into a table, then from there to the `audit` topic.

What was seen or done is kept before the answer goes out, so a broker that is away, or a desk that is killed, loses
nothing; a record may come twice after that. Desks that share the table take turns, a batch each, and one may send what
another has recorded. Looks of one session at the same thing within a minute are one. What was refused is
kept as `refusals` says: it never takes the room of what people did.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, func, insert, select

from alerts.desk.config import DeskError, NotPublished
from alerts.desk.database import AWAY
from alerts.desk.members import Member
from alerts.desk.refusals import Counted, Refusals
from alerts.desk.register import AUDIT
from alerts.events import AuditEvent

log = logging.getLogger(__name__)

Send = Callable[[bytes], Awaitable[None]]
"""Returns when the record is on the topic; raises NotPublished."""
SAME_LOOK_S = 60.0
LOOKS_REMEMBERED = 10_000
WAITING_MAX = 200_000
"""Records that may wait for their topic: weeks of a busy desk. Beyond it nothing is shown any more."""
REFUSALS_WAITING_MAX = WAITING_MAX // 2
"""Beyond it refusals are only counted: the other half is for what people saw and did."""
BATCH = 200
SENT_BY = 0x0DE5_A0D1
"""The number of our lock among those of the database; the second number is of the schema, which keeps tables apart."""
RETRY_S = 2.0
PAUSE_S = 0.2
TEXT_MAX = 200


class AuditFull(DeskError):
    """The audit cannot be kept: so nothing may be shown or done."""


class Audit:
    """Records, and sends what was recorded. Recording blocks for a short write: call it from a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._looks: OrderedDict[tuple[str, ...], float] = OrderedDict()
        self._lock = threading.Lock()
        self._waiting = self._count()
        self._refusals = Refusals()
        self.sent = 0

    @property
    def waiting(self) -> int:
        """Records that are not on the topic yet."""
        return self._waiting

    @property
    def refusals(self) -> dict[str, int]:
        """How many were kept by themselves (`whole`), and how many only counted."""
        return dict(self._refusals.kept)

    def record(self, by: str, what: str, **detail: Any) -> None:
        """Keep that somebody did this. Raises AuditFull. What strangers send is kept short."""
        with self.doing(by, what, **detail):
            pass

    @contextlib.contextmanager
    def doing(self, by: str, what: str, **detail: Any) -> Iterator[Connection]:
        """A transaction in which somebody does this to the accounts: it is done and recorded, or neither."""
        if self._waiting >= WAITING_MAX:
            raise AuditFull("the audit cannot be kept, so nothing can be shown: the stream has been away too long")
        short = {name: value[:TEXT_MAX] if isinstance(value, str) else value for name, value in detail.items()}
        event = AuditEvent(at=datetime.now(UTC).isoformat(), by=by[:TEXT_MAX], what=what, detail=short)
        with self._engine.begin() as connection:
            yield connection
            connection.execute(insert(AUDIT).values(body=msgspec.json.encode(event).decode()))
        with self._lock:
            self._waiting += 1

    def look(self, member: Member, what: str, **detail: Any) -> None:
        """Keep that a member saw this, once a minute."""
        key = (member.session, what, *(f"{name}={value}" for name, value in sorted(detail.items())))
        if self._is_new(key):
            self.record(member.id, what, session=member.session, **detail)

    def refused(self, sender: str, by: str, what: str, *, why: str, **detail: Any) -> None:
        """Keep that this was refused; of what is too much, how often. Never raises AuditFull. sender: who is known to
        have sent it, a member or else an address; by: in whose name."""
        sender = sender[:TEXT_MAX]
        with self._lock:
            kept = self._refusals.keep(sender, why, time.time(), room=self._waiting < REFUSALS_WAITING_MAX)
        if kept == "whole":
            self.record(by, what, why=why, **detail)
        elif kept == "first counted":
            log.warning("audit: so much is refused to %r that more is only counted for the rest of the minute", sender)

    def stranger(self, what: str, *, why: str, address: str) -> None:
        """Keep that somebody nobody knows was refused this, once a minute: they may do it as often as they like."""
        if self._is_new(("-", what, why, address)):
            self.refused(address, "-", what, why=why, address=address)

    def _is_new(self, key: tuple[str, ...]) -> bool:
        now = time.monotonic()
        with self._lock:
            if now - self._looks.get(key, -SAME_LOOK_S) < SAME_LOOK_S:
                return False
            self._looks[key] = now
            self._looks.move_to_end(key)
            while len(self._looks) > LOOKS_REMEMBERED:
                self._looks.popitem(last=False)
        return True

    async def run(self, send: Send) -> None:
        """Send what waits, in order, until cancelled."""
        while True:
            try:
                done = await self._send_some(send)
            except (NotPublished, *AWAY):
                done = 0
                await asyncio.sleep(RETRY_S)
            if done < BATCH:
                await asyncio.sleep(PAUSE_S)
                with contextlib.suppress(*AWAY):
                    await asyncio.to_thread(self._recount)

    async def drain(self, send: Send) -> None:
        """Send what waits as far as it goes: at the end, once."""
        with contextlib.suppress(NotPublished, AuditFull, *AWAY):
            await asyncio.to_thread(self._tell_counted, all_of_them=True)
            while await self._send_some(send):
                pass

    async def _send_some(self, send: Send) -> int:
        if not await asyncio.to_thread(self._oldest):
            return 0
        connection = await asyncio.to_thread(self._engine.connect)
        try:
            rows = await asyncio.to_thread(self._oldest) if await asyncio.to_thread(_is_ours, connection) else []
            for number, body in rows:
                await send(body.encode())
                await asyncio.to_thread(self._forget, number)
            return len(rows)
        finally:
            connection.close()

    def _tell_counted(self, *, all_of_them: bool = False) -> None:
        """Record how often each was refused in the minutes that are over. While refusals have no room it waits."""
        with self._lock:
            if not all_of_them and self._waiting >= REFUSALS_WAITING_MAX:
                return
            counted = self._refusals.take(time.time(), all_of_them=all_of_them)
        try:
            while counted:
                self.record("-", "desk.refused", why="counted", **_told(counted[-1]))
                counted.pop()
        finally:
            with self._lock:
                self._refusals.give_back(counted)

    def _oldest(self) -> list[tuple[int, str]]:
        self._tell_counted()
        with self._engine.connect() as connection:
            rows = connection.execute(select(AUDIT.c.number, AUDIT.c.body).order_by(AUDIT.c.number).limit(BATCH))
            return [(row.number, row.body) for row in rows]

    def _forget(self, number: int) -> None:
        with self._engine.begin() as connection:
            gone = connection.execute(delete(AUDIT).where(AUDIT.c.number == number)).rowcount
        with self._lock:
            self._waiting = max(self._waiting - gone, 0)
            self.sent += gone

    def _recount(self) -> None:
        """Another desk may have sent what we recorded: counted by us alone, the table would be full one day."""
        waiting = self._count()
        with self._lock:
            self._waiting = waiting

    def _count(self) -> int:
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(AUDIT)).scalar_one()


def _is_ours(connection: Connection) -> bool:
    """Whether it is our turn to send, until the connection is closed; a file has one desk."""
    if connection.dialect.name != "postgresql":
        return True
    turn = func.pg_try_advisory_xact_lock(SENT_BY, func.hashtext(func.current_schema()))
    return bool(connection.execute(select(turn)).scalar_one())


def _told(one: Counted) -> dict[str, Any]:
    whys = ", ".join(f"{why}: {count}" for why, count in one.whys.most_common())
    since, until = (datetime.fromtimestamp(at_s, UTC).isoformat() for at_s in (one.since_s, one.until_s))
    return {"sender": one.sender, "refused": one.whys.total(), "whys": whys, "since": since, "until": until}
