"""Kafka away: which failures are the broker's; `broker_watch` says whether one answers at all.

A worker outlives its broker. What failed because of Kafka is waited out; what Kafka refuses for good (rights, sizes,
versions) is a setting to mend, and what is neither is a bug of ours: these two end the process.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from aiokafka import errors
from faust.exceptions import NotReady, ProducerSendError

from streams import limits
from streams.configuration.settings import Settings
from streams.errors import BrokerNotReady, BrokerUnreachable, Failed

log = logging.getLogger(__name__)


class StateNotAssigned(errors.KafkaError):  # type: ignore[misc]
    """The group gave us readings without the changelog of their state.

    Whoever leads the group shares out only the topics that its client knows, and a broker that has just started, or a
    topic that has just been made, is not known to everybody at once. To go on would be to begin these patients anew.
    """

    def __init__(self, changelog: str, partitions: set[int]) -> None:
        super().__init__(f"partitions {sorted(partitions)} were assigned without their state in {changelog}")


class TopicGone(errors.KafkaError):  # type: ignore[misc]
    """Topics of ours were deleted. A fresh start makes them anew, or finds that it cannot go on without them."""

    def __init__(self, topics: Sequence[str]) -> None:
        super().__init__(f"no broker knows {', '.join(topics)} any more: deleted")


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
