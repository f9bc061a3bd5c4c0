"""What lies on the log when a notifier begins: of what is old in it, people hear once all of it has been read.

The answer may be further on. The first notifier of a deployment, and one whose place Kafka has forgotten (after a week
without it), would page people of all that ever was, with what still stands somewhere among it.
"""

from dataclasses import replace
from datetime import UTC, datetime

from alerts.channels.post import Letter
from alerts.channels.quiet import Slot
from alerts.events import AlertEvent
from streams import limits


class Backlog:
    """One life of a notifier between two times that partitions are shared out. read: all that was there then has been
    read; began: when that was, which is also until when such letters wait at least."""

    def __init__(self) -> None:
        self.read = False
        self.began = datetime.now(UTC)

    def begins(self) -> None:
        """Partitions have come."""
        self.began = datetime.now(UTC)

    def waiting(self, letters: list[Letter], event: AlertEvent) -> list[Letter]:
        """The letters about an event, those to people with what they wait for. A record of a hospital and a webhook of
        everybody are told of each step when it comes, and that somebody has it goes at once to who was asked."""
        old_s = (self.began - datetime.fromisoformat(event.decided_at)).total_seconds()
        if self.read or self._long() or old_s <= limits.TOLD_UNREAD_S or event.notify == "taken":
            return letters
        return [replace(one, not_before=one.not_before or self.began) if one.person else one for one in letters]

    def is_cause(self, until: datetime) -> bool:
        """Whether a letter waits for this, and not for the end of quiet hours."""
        return until == self.began

    def over(self, slot: Slot) -> bool:
        """Whether what waits there may be told: what quiet hours held back only when all is read, the rest also when
        that takes long, as where a partition has no leader."""
        return self.read or (self.is_cause(slot[1]) and self._long())

    def _long(self) -> bool:
        return (datetime.now(UTC) - self.began).total_seconds() > limits.UNREAD_WAITED_S
