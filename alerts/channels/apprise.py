"""Everything that Apprise can reach: SMS, Teams, Slack, PagerDuty, push. One address of its own form a channel."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from alerts.channels.email import LinkOf
from alerts.channels.message import message_of
from alerts.channels.protocol import Outcome
from alerts.channels.retrying import Backoff
from alerts.events import AlertEvent, Notice
from alerts.language import ENGLISH

TIMEOUT_S, ATTEMPTS = 20.0, 3
TYPES = {"emergency": "failure", "urgent": "warning", "advisory": "info", "info": "info"}
QUIET: frozenset[Notice | None] = frozenset({"taken", "resolved"})
"""Asks nothing of anybody: no service should take it for a new alarm, however severe the alert."""


class AppriseChannel:
    """Sends by one Apprise address. Such services know no idempotency key: a try whose answer was lost may be seen
    twice. ValueError for an address that Apprise does not know; it is never shown, because it often is a password."""

    def __init__(
        self,
        name: str,
        url: str,
        backoff: Backoff,
        *,
        safe: bool = False,
        desk: str | None = None,
        link_of: LinkOf = lambda _: None,
        language: str = ENGLISH,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        import apprise  # takes a second to import, and few processes need it

        self.name = name
        self._apprise: Any = apprise.Apprise()
        if not self._apprise.add(url):
            raise ValueError(f"channel {name}: Apprise does not know this kind of address")
        self._backoff, self._safe, self._desk, self._link_of, self._sleep = backoff, safe, desk, link_of, sleep
        self._language = language

    async def send(self, event: AlertEvent, key: str) -> Outcome:
        """Notify, again while it fails: Apprise does not say why."""
        link = self._link_of(event)
        said = message_of(event, safe=self._safe, desk=self._desk, link=link, language=self._language)
        kind = "info" if event.notify in QUIET else TYPES[event.severity]
        for attempt in range(1, ATTEMPTS + 1):
            if await self._notified(said.subject, said.text, kind):
                return Outcome("delivered", attempt, "accepted by the service")
            if attempt < ATTEMPTS:
                await self._sleep(self._backoff.wait_s(attempt, None))
        return Outcome("failed", ATTEMPTS, f"the service did not take it, after {ATTEMPTS} tries")

    async def close(self) -> None:
        """Nothing is held."""

    async def _notified(self, subject: str, text: str, kind: str) -> bool:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return bool(await self._apprise.async_notify(body=text, title=subject, notify_type=kind))
        except (TimeoutError, OSError, TypeError):
            return False
