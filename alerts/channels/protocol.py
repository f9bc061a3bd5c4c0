"""What every channel promises to the notifier, whatever it sends with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from alerts.events import AlertEvent

MAX_DETAIL = 300
"""Characters of a Delivery's detail: a server's answer may be long, and is a stranger's text."""

Clock = Callable[[], float]
"""Seconds since 1970. Delivery is at the edge, where the wall clock is right; tests pass their own."""


@dataclass(frozen=True)
class Outcome:
    """What became of one event on one channel, after all tries. `detail` never holds a secret of the channel."""

    outcome: Literal["delivered", "failed"]
    attempts: int
    detail: str | None = None

    def __post_init__(self) -> None:
        if self.detail is not None:
            object.__setattr__(self, "detail", printable(self.detail)[:MAX_DETAIL])


class Channel(Protocol):
    """A way to tell somebody. `name` is a label of metrics: from configuration, never from a patient."""

    @property
    def name(self) -> str: ...

    async def send(self, event: AlertEvent, key: str) -> Outcome:
        """Tell about this event, trying again where that helps. The same `key` always means the same message.

        Answers with an Outcome whatever the other side does; raises only for our own bugs. Bounded in time.
        """
        ...

    async def close(self) -> None:
        """Let go of connections. No send is running any more."""
        ...


def idempotency_key(event: AlertEvent) -> str:
    """`alert_id:sequence`: the same for the same step of the same episode, whoever computes it and however often."""
    return f"{event.alert_id}:{event.sequence}"


def printable(text: str) -> str:
    """The text with control characters replaced, so that it cannot forge a line in a log."""
    return "".join(character if character.isprintable() else " " for character in text)
