"""Which of the waiting events of one channel goes next. Pure: no clock, no asyncio.

Three promises, each a law in the tests:

- A slow or dead receiver never delays something more severe: each severity may hold only its share of the slots, so
  an emergency finds a free slot unless emergencies hold them all.
- The events of one alert go in order, one at a time. An alert waits with the severity of its most severe event, so an
  escalation is not stuck behind the advisories among which it began.
- Memory is bounded. Beyond the limit the oldest event of the least severe alert is given back as shed, for its failure
  to be recorded; an emergency is never shed (the caller stops reading instead, see `full`).
"""

import heapq
from collections import deque
from dataclasses import dataclass, field

from alerts.events import AlertEvent
from models.findings import SEVERITIES

EMERGENCY = len(SEVERITIES) - 1
Place = tuple[int, int, str]
"""In the order of going: minus the rank, the order of arrival, the alert."""


@dataclass
class _Alert:
    """The events of one alert that wait, oldest first, where it stands in the order, and whether one is being sent."""

    waiting: deque[AlertEvent] = field(default_factory=deque)
    ticket: int = 0
    place: Place | None = None
    busy: bool = False

    @property
    def rank(self) -> int:
        return max(SEVERITIES.index(event.severity) for event in self.waiting)


class Outbox:
    """The waiting events of one channel. slots: how many may be under way at once (at least one a severity)."""

    def __init__(self, slots: int, limit: int) -> None:
        if slots < len(SEVERITIES) or limit < 1:
            raise ValueError(f"an outbox needs {len(SEVERITIES)} slots or more, and room for one event or more")
        self._shares = [slots * (rank + 1) // len(SEVERITIES) for rank in range(len(SEVERITIES))]
        self._limit = limit
        self._alerts: dict[str, _Alert] = {}
        self._order: list[Place] = []
        self._under_way: dict[str, int] = {}
        self._tickets = 0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def full(self) -> bool:
        """Whether more waits than the limit allows: emergencies only, then, and reading has to pause."""
        return self._size > self._limit

    def under_way(self, alert_id: str) -> int | None:
        """The rank with which an event of this alert is being sent, or None."""
        return self._under_way.get(alert_id)

    def put(self, event: AlertEvent) -> list[AlertEvent]:
        """Add an event; the events that had to give way are given back, to be recorded as failed."""
        alert = self._alerts.setdefault(event.alert_id, _Alert())
        self._tickets += 1
        if not alert.waiting:
            alert.ticket = self._tickets
        alert.waiting.append(event)
        self._size += 1
        self._place(event.alert_id, alert)
        return self._shed()

    def take(self) -> AlertEvent | None:
        """The next event that may be sent now, or None. It is under way until `done`."""
        while self._order:
            place = self._order[0]
            alert = self._alerts.get(place[2])
            if alert is None or alert.place != place:
                heapq.heappop(self._order)  # out of date: the alert stands elsewhere, or nowhere
            elif not self._has_slot(-place[0]):
                return None  # what is less severe has no slot either
            else:
                heapq.heappop(self._order)
                return self._begin(place[2], alert)
        return None

    def done(self, event: AlertEvent) -> None:
        """Its outcome is recorded: the slot is free, and the next event of the same alert may go."""
        self._under_way.pop(event.alert_id)
        alert = self._alerts[event.alert_id]
        alert.busy = False
        self._place(event.alert_id, alert)

    def clear(self) -> None:
        """Forget what waits. What is under way stays so until `done`."""
        for alert_id, alert in list(self._alerts.items()):
            alert.waiting.clear()
            self._place(alert_id, alert)
        self._size = 0

    def _begin(self, alert_id: str, alert: _Alert) -> AlertEvent:
        self._under_way[alert_id] = alert.rank
        alert.busy, alert.place = True, None
        self._tickets += 1
        alert.ticket = self._tickets  # its next event waits behind the alerts of the same severity that came before
        self._size -= 1
        return alert.waiting.popleft()

    def _has_slot(self, rank: int) -> bool:
        """Whether one more of this rank leaves every rank above it the slots that are its own."""
        return all(
            sum(held <= above for held in self._under_way.values()) < self._shares[above]
            for above in range(rank, len(SEVERITIES))
        )

    def _place(self, alert_id: str, alert: _Alert) -> None:
        """Put the alert where it belongs in the order now; drop it when nothing of it waits or is under way."""
        if alert.busy:
            return
        if not alert.waiting:
            del self._alerts[alert_id]
            return
        place = (-alert.rank, alert.ticket, alert_id)
        if place != alert.place:
            alert.place = place
            heapq.heappush(self._order, place)
        if len(self._order) > 2 * len(self._alerts) + 64:
            self._order = [one.place for one in self._alerts.values() if one.place is not None]
            heapq.heapify(self._order)

    def _shed(self) -> list[AlertEvent]:
        shed: list[AlertEvent] = []
        while self._size > self._limit:
            rank, _, alert_id = min((one.rank, one.ticket, key) for key, one in self._alerts.items() if one.waiting)
            if rank == EMERGENCY:
                break
            alert = self._alerts[alert_id]
            shed.append(alert.waiting.popleft())
            self._size -= 1
            self._place(alert_id, alert)
        return shed
