"""The webhook channel: POST of the AlertEvent as JSON, once in effect by its idempotency key.

A try that timed out may have had its effect; so every try of the same event carries the same `Idempotency-Key`, and
the receiver does the work once. The number of tries and the time they take together are bounded.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
from tenacity import AsyncRetrying, RetryCallState, RetryError, retry_if_exception_type, stop_after_attempt
from tenacity.stop import stop_before_delay

from alerts.channels.protocol import Clock, Outcome
from alerts.channels.retrying import Backoff, retry_after_s, verdict
from alerts.channels.signature import KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, signature
from alerts.events import AlertEvent

ANSWER_BYTES = 200
"""How much of a refusing server's answer is kept, to say why. The rest is not read."""


@dataclass(frozen=True)
class WebhookLimits:
    """Bounds of one delivery. The next wait is not begun when it would pass `deadline_s`."""

    attempts: int = 5
    timeout_s: float = 5.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    deadline_s: float = 90.0
    connections: int = 16

    def __post_init__(self) -> None:
        if min(self.attempts, self.timeout_s, self.first_wait_s, self.longest_wait_s, self.connections) <= 0:
            raise ValueError("every limit of a webhook should be above zero")


class _Again(Exception):
    """This try failed in a way that another try may mend."""

    def __init__(self, detail: str, asked_s: float | None = None) -> None:
        super().__init__(detail)
        self.asked_s = asked_s


class WebhookChannel:
    """Posts to one address. `name` shows the host only: the path of a webhook is often its password."""

    CONTENT_TYPE = "application/json"

    def __init__(
        self,
        url: str,
        secret: bytes,
        limits: WebhookLimits | None = None,
        *,
        name: str | None = None,
        randomness: random.Random | None = None,
        now: Clock = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("a webhook address should be http:// or https:// with a host")
        if not secret:
            raise ValueError("a webhook needs a secret to sign with")
        self.name = name or f"webhook:{parts.netloc.rpartition('@')[2]}"
        self._url, self._secret, self._now, self._sleep = url, secret, now, sleep
        self._limits = limits or WebhookLimits()
        self._backoff = Backoff(self._limits.first_wait_s, self._limits.longest_wait_s, randomness or random.Random())
        self._session: aiohttp.ClientSession | None = None

    async def send(self, event: AlertEvent, key: str) -> Outcome:
        """POST until delivered, refused, or out of tries or time. See `retrying` for what each answer means."""
        return await self.deliver(msgspec.json.encode(self.body_of(event)), key)

    async def deliver(self, body: bytes, key: str) -> Outcome:
        """The same with what is posted, as JSON."""
        state = self._retrying()
        try:
            async for attempt in state:
                with attempt:
                    detail, delivered = await self._post(body, key)
        except RetryError as error:
            tries = error.last_attempt.attempt_number
            return Outcome("failed", tries, f"{error.last_attempt.exception()}, after {tries} tries")
        tries = attempt.retry_state.attempt_number
        return Outcome("delivered" if delivered else "failed", tries, detail)

    def body_of(self, event: AlertEvent) -> Any:
        """What is posted, as JSON."""
        return event

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _retrying(self) -> AsyncRetrying:
        return AsyncRetrying(
            retry=retry_if_exception_type(_Again),
            stop=stop_after_attempt(self._limits.attempts) | stop_before_delay(self._limits.deadline_s),
            wait=self._wait_s,
            sleep=self._sleep,
        )

    def _wait_s(self, state: RetryCallState) -> float:
        failed = state.outcome.exception() if state.outcome else None
        asked_s = failed.asked_s if isinstance(failed, _Again) else None
        return self._backoff.wait_s(state.attempt_number, asked_s)

    async def _post(self, body: bytes, key: str) -> tuple[str, bool]:
        """One try: what the server said, and whether that is a delivery. Raises _Again where another try may help."""
        try:
            async with self._connected().post(
                self._url, data=body, headers=self._headers(body, key), allow_redirects=False
            ) as answer:
                return await self._read(answer)
        except TimeoutError as error:
            raise _Again(f"no answer within {self._limits.timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise _Again(f"no answer: {type(error).__name__}") from error

    async def _read(self, answer: aiohttp.ClientResponse) -> tuple[str, bool]:
        said = f"HTTP {answer.status}"
        match verdict(answer.status):
            case "delivered":
                return said, True
            case "again":
                raise _Again(said, retry_after_s(answer.headers.get("Retry-After"), self._now()))
            case "refused":
                text = (await answer.content.read(ANSWER_BYTES)).decode("utf-8", "replace")
                return f"{said}: {text}" if text else said, False

    def _headers(self, body: bytes, key: str) -> dict[str, str]:
        """Signed anew for each try: a receiver refuses a timestamp that has grown old over our waiting."""
        timestamp = int(self._now())
        return {
            "Content-Type": self.CONTENT_TYPE,
            KEY_HEADER: key,
            TIMESTAMP_HEADER: str(timestamp),
            SIGNATURE_HEADER: signature(self._secret, key, timestamp, body),
        }

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._limits.timeout_s),
                connector=aiohttp.TCPConnector(limit=self._limits.connections),
                headers={"User-Agent": "homebeat"},
            )
        return self._session
