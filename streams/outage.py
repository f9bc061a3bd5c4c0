"""Kafka away: which failures are the broker's, and whether one answers at all.

A worker outlives its broker. What failed because of Kafka is waited out; what Kafka refuses for good (rights, sizes,
versions) is a setting to mend, and what is neither is a bug of ours: these two end the process.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from faust.exceptions import NotReady, ProducerSendError

from streams import limits, metrics
from streams.connection import client_options
from streams.errors import BrokerNotReady, BrokerUnreachable, Failed
from streams.settings import Settings

log = logging.getLogger(__name__)


class StateNotAssigned(errors.KafkaError):  # type: ignore[misc]
    """The group gave us readings without the changelog of their state.

    Whoever leads the group shares out only the topics that its client knows, and a broker that has just started, or a
    topic that has just been made, is not known to everybody at once. To go on would be to begin these patients anew.
    """

    def __init__(self, changelog: str, partitions: set[int]) -> None:
        super().__init__(f"partitions {sorted(partitions)} were assigned without their state in {changelog}")


OF_KAFKA = (errors.KafkaError, OSError, TimeoutError, NotReady, ProducerSendError, BrokerUnreachable)
"""OSError: a connection; TimeoutError: an answer that did not come; the two of Faust: a client of its that is gone."""

REFUSED = (
    errors.TopicAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.AuthenticationFailedError,
    errors.SaslAuthenticationFailed,
    errors.UnsupportedSaslMechanismError,
    errors.MessageSizeTooLargeError,
    errors.RecordTooLargeError,
    errors.IncompatibleBrokerVersion,
    errors.RecordListTooLargeError,
    errors.InvalidTopicError,
    errors.InvalidConfigurationError,
    errors.UnsupportedVersionError,
)
"""Waiting does not mend these."""

SLOW = "Controller node not found"
"""What Faust says, as a bare Exception, when brokers answer too slowly while it makes sure of its topics."""


def passing(error: BaseException) -> bool:
    """Whether the failure is Kafka's and may pass, so that a fresh start is worth it."""
    chain = list(_chain(error))
    of_kafka = any(isinstance(one, OF_KAFKA) or str(one) == SLOW for one in chain)
    return of_kafka and not any(isinstance(one, REFUSED) for one in chain)


def _chain(error: BaseException | None) -> "list[BaseException]":
    """The error and what it came from."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__
    return found


async def waited_out(attempt: Callable[[], Awaitable[object]], settings: Settings, say: Callable[[str], None]) -> None:
    """Do what a start needs of Kafka, again and again while that fails for reasons that may pass.

    A broker that starts beside us, or a cluster that is electing its controller, answers before it can do anything.
    say: is told why it waits, and an empty text once it need not. Raises BrokerNotReady or BrokerUnreachable after
    START_WITHIN_S, or `broker_timeout_s` if that is longer; and at once what does not pass.
    """
    loop, within_s = asyncio.get_running_loop(), max(limits.START_WITHIN_S, settings.broker_timeout_s)
    end, (pause, longest), why = loop.time() + within_s, limits.RESTART_AFTER_S, ""
    while True:
        try:
            async with asyncio.timeout_at(end):
                await attempt()
            say("")
            return
        except Exception as error:  # told apart here
            over = loop.time() + pause >= end
            if not passing(error) or (over and isinstance(error, Failed)):
                raise
            if not why or not isinstance(error, TimeoutError):  # a try that was cut off says less than the one before
                why = _named(error)
            if over:
                raise BrokerNotReady(settings.broker, within_s, why) from error
            say(f"the broker is not ready ({why})")
            log.error(
                "THE BROKER IS NOT READY at %s (%s): trying again for %.0f s, nothing is decided until it is",
                settings.broker, why, end - loop.time(),
            )  # fmt: skip
        await asyncio.sleep(pause)
        pause = min(2 * pause, longest)


def _named(error: Exception) -> str:
    """Kind and words; an error of Kafka's client begins with its own name."""
    name, words = type(error).__name__, str(error)
    return words if words.startswith(name) else f"{name}: {words}".removesuffix(": ")


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
