"""Whether any broker answers this process: for /readyz, for Prometheus, and said once in the log when that changes."""

import asyncio
import contextlib
import logging
import time

from aiokafka import errors
from aiokafka.client import AIOKafkaClient

from streams import limits
from streams.configuration.settings import Settings
from streams.kafka.connection import client_options
from streams.serving import metrics

log = logging.getLogger(__name__)


class BrokerWatch:
    """Looks again and again whether a broker answers: says so once when one is gone, and once when one is back."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._away_since: float | None = None
        self._library = logging.getLogger("aiokafka")  # says a hundred lines a second while no broker is there
        self._library_level = self._library.level
        metrics.broker_up.set(1)

    @property
    def up(self) -> bool:
        return self._away_since is None

    def why_not(self) -> str:
        """A sentence for /readyz; empty when a broker answers."""
        if self._away_since is None:
            return ""
        return f"no broker at {self._settings.broker} has answered for {time.monotonic() - self._away_since:.0f} s"

    async def run(self) -> None:
        """Until cancelled."""
        client: AIOKafkaClient | None = None
        try:
            while True:
                if client is None:
                    client = await self._connected()
                self._note(client is not None and await self._answers(client))
                if not self.up and client is not None:
                    await _closed(client)  # it may hold on to a connection on which nothing comes any more
                    client = None
                await asyncio.sleep(limits.BROKER_LOOK_EVERY_S)
        finally:
            self._library.setLevel(self._library_level)
            if client is not None:
                await _closed(client)

    async def _connected(self) -> AIOKafkaClient | None:
        options = client_options(self._settings)
        client = AIOKafkaClient(request_timeout_ms=round(limits.BROKER_ANSWER_WITHIN_S * 1000), **options)
        try:
            async with asyncio.timeout(limits.BROKER_ANSWER_WITHIN_S):
                await client.bootstrap()
        except (errors.KafkaError, OSError, TimeoutError):
            await _closed(client)
            return None
        return client

    async def _answers(self, client: AIOKafkaClient) -> bool:
        try:
            async with asyncio.timeout(limits.BROKER_ANSWER_WITHIN_S):
                return bool(await client.force_metadata_update())
        except (errors.KafkaError, OSError, TimeoutError):
            return False

    def _note(self, up: bool) -> None:
        metrics.broker_up.set(int(up))
        if up and self._away_since is not None:
            self._library.setLevel(self._library_level)
            log.warning("a broker answers again, after %.0f s", time.monotonic() - self._away_since)
            self._away_since = None
        elif not up and self._away_since is None:
            self._away_since = time.monotonic()
            log.error(
                "NO BROKER ANSWERS at %s: nothing is decided until one does; waiting, and going on by itself then",
                self._settings.broker,
            )
            self._library.setLevel(logging.CRITICAL)


async def _closed(client: AIOKafkaClient) -> None:
    with contextlib.suppress(errors.KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(limits.CLOSE_WITHIN_S):
            await client.close()
