"""Dead letters of channels that are asked to be sent again: which of them still need somebody. Pure.

One that was answered meanwhile, is with another team or has a newer message about it wakes nobody. The receiver sees
the effect once: it is the same event under the same idempotency key.
"""

from collections import OrderedDict

from alerts.channels.post import Letter
from alerts.events import AlertEvent

NEWEST_MAX = 20_000
"""Alerts of which the newest step is remembered, against an answer that came while somebody asked: as many as come in
the minutes that asking takes, of a deployment in which everything goes wrong."""


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
    """Letters to be sent again that wait until all that is on the log has been read; each by its delivery id."""

    def __init__(self) -> None:
        self._newest: OrderedDict[str, AlertEvent] = OrderedDict()
        self._waiting: dict[str, dict[str, tuple[Letter, AlertEvent]]] = {}

    def hold(self, known: str, letter: Letter, event: AlertEvent) -> bool:
        """Keep a letter; False if it is needless already."""
        newest = self._newest.get(event.alert_id)
        if newest is not None and needless(event, newest) is not None:
            return False
        self._waiting.setdefault(event.alert_id, {})[known] = (letter, event)
        return True

    def news(self, event: AlertEvent) -> list[str]:
        """Take note of an event as it comes; the delivery ids of what is needless by it, and let go."""
        before = self._newest.get(event.alert_id)
        if before is None or before.sequence < event.sequence:
            self._newest[event.alert_id] = event
        self._newest.move_to_end(event.alert_id)
        while len(self._newest) > NEWEST_MAX:
            self._newest.popitem(last=False)
        waiting = self._waiting.get(event.alert_id, {})
        gone = [known for known, (_, old) in waiting.items() if needless(old, event) is not None]
        for known in gone:
            del waiting[known]
        return gone

    def take(self) -> list[tuple[str, Letter, AlertEvent]]:
        """All that waits, to be sent now."""
        found = [(known, *one) for waiting in self._waiting.values() for known, one in waiting.items()]
        self._waiting.clear()
        return found

    def clear(self) -> None:
        """Forget what waits: whoever comes next reads it again."""
        self._waiting.clear()
