"""What the parts of the HTTP API share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from alerts.desk.figures import Figures, Status
from alerts.desk.hub import Hub
from alerts.desk.members import Member
from alerts.desk.publish import Publish
from alerts.desk.store import Store
from alerts.desk.worklist import VIEWS, instant

MemberOf = Callable[..., Member]


@dataclass(frozen=True)
class Desk:
    """The store that is read, the way out for actions, the open pages. points, rows: bounds of one answer."""

    store: Store
    publish: Publish
    hub: Hub
    status: Status
    figures: Figures
    banner: str | None
    points: int
    rows: int

    def counters(self) -> dict[str, Any]:
        """What the head of the page shows. `log_time` is its now: replayed data are not of today. Blocks."""
        counts = self.store.counts()
        return {
            "log_time": instant(self.store.log_time_s),
            "lists": {view: counts[view] for view in VIEWS},
            "overdue": counts["overdue"],
            "ready": self.status.ready,
            "connected": self.status.connected,
        }
