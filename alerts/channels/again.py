"""Dead letters of channels that are asked to be sent again: which of them still need somebody. Pure.

One that was answered meanwhile, is with another team or has a newer message about it wakes nobody. The receiver sees
the effect once: it is the same event under the same idempotency key.
"""

from datetime import datetime

from alerts.channels.post import Letter
from alerts.events import AlertEvent


def needless(event: AlertEvent, newest: AlertEvent) -> str | None:
    """Why nobody needs to be told of an event, given the newest of its alert; None if somebody does."""
    if newest.sequence <= event.sequence:
        return None
    if event.state == "open" and newest.state != "open":
        return "answered, or over, since"
    if newest.care_team != event.care_team:
        return "with another team since"
    return "told of since" if newest.notify is not None else None


class Back:
    """Letters to be sent again that wait until all that is on the log has been read, and for the end of quiet hours;
    each by its delivery id."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[str, tuple[Letter, AlertEvent]]] = {}

    def __contains__(self, alert_id: object) -> bool:
        """Whether a letter about this alert waits."""
        return alert_id in self._waiting

    def hold(self, known: str, letter: Letter, event: AlertEvent) -> None:
        """Keep a letter until `take`, unless `news` say before that it is needless."""
        self._waiting.setdefault(event.alert_id, {})[known] = (letter, event)

    def news(self, event: AlertEvent) -> list[str]:
        """Any event, in whatever order; the delivery ids of what is needless by it, and let go."""
        waiting = self._waiting.get(event.alert_id, {})
        gone = [known for known, (_, old) in waiting.items() if needless(old, event) is not None]
        for known in gone:
            del waiting[known]
        if not waiting:
            self._waiting.pop(event.alert_id, None)
        return gone

    def take(self, now: datetime) -> list[tuple[str, Letter, AlertEvent]]:
        """What waits for nothing but that, and waits no more. Quiet hours go on for the rest."""
        found = [
            (known, *one)
            for waiting in self._waiting.values()
            for known, one in waiting.items()
            if one[0].not_before is None or one[0].not_before <= now
        ]
        for known, _, event in found:
            del self._waiting[event.alert_id][known]
        self._waiting = {alert_id: waiting for alert_id, waiting in self._waiting.items() if waiting}
        return found

    def clear(self) -> list[str]:
        """Forget all that waits; its delivery ids."""
        gone = [known for waiting in self._waiting.values() for known in waiting]
        self._waiting.clear()
        return gone
