"""Who was refused at the door, for the `audit` topic: each by itself up to a bound, beyond it how many.

A right key is always let in, however many wrong ones come from the same address: nobody can lock an integration out.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Literal

import msgspec

from alerts.desk.refusals import Counted, Refusals
from alerts.events import AuditEvent
from streams import limits
from streams.gateway import figures
from streams.gateway.producing import NotTaken

log = logging.getLogger(__name__)

Why = Literal["no_key", "wrong_key", "no_scope"]
NOBODY = "-"
PAUSE_S = 1.0
TEXT_CHARS_MAX = 200


def event(by: str, what: str, **detail: object) -> bytes:
    """A record of the audit. What strangers send is kept short."""
    short = {name: value[:TEXT_CHARS_MAX] if isinstance(value, str) else value for name, value in detail.items()}
    return msgspec.json.encode(AuditEvent(at=datetime.now(UTC).isoformat(), by=by, what=what, detail=short))


class Audit:
    """Of one gateway. send: returns when Kafka has the record, raises NotTaken. clock: seconds since 1970."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]], clock: Callable[[], float] = time.time) -> None:
        self._send, self._clock = send, clock
        self._refusals = Refusals()
        self._waiting: deque[bytes] = deque()

    def refused(self, address: str, by: str, why: Why) -> bool:
        """Keep that somebody was refused. Whether that is so often by now that it is only counted."""
        figures.unauthorised.labels(why).inc()
        room = len(self._waiting) < limits.GATEWAY_AUDIT_WAITING_MAX
        kept = self._refusals.keep(address, why, self._clock(), room=room)
        if kept == "whole":
            self._waiting.append(event(by, "gateway.refused", why=why, address=address))
        elif kept == "first counted":
            log.warning("so much is refused to %r that more is only counted for the rest of the minute", address)
        return kept != "whole"

    async def run(self) -> None:
        """Send what waits, until cancelled."""
        while True:
            await self.drain()
            await asyncio.sleep(PAUSE_S)

    async def drain(self, *, last: bool = False) -> None:
        """Send what waits, in order, as far as it goes. last: also what this minute has counted."""
        if len(self._waiting) < limits.GATEWAY_AUDIT_WAITING_MAX:
            self._waiting += [_counted(one) for one in self._refusals.take(self._clock(), all_of_them=last)]
        try:
            while self._waiting:
                await self._send(self._waiting[0])
                self._waiting.popleft()
        except NotTaken:
            return


def _counted(one: Counted) -> bytes:
    whys = ", ".join(f"{why}: {count}" for why, count in one.whys.most_common())
    return event(NOBODY, "gateway.refused", why="counted", address=one.sender, refused=one.whys.total(), whys=whys)
