"""What the parts of the HTTP API share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request

from alerts.desk.audit import Audit
from alerts.desk.colleagues import Colleagues
from alerts.desk.figures import Figures, Status
from alerts.desk.hub import Hub
from alerts.desk.incidents import in_words, others_of
from alerts.desk.members import Member
from alerts.desk.publish import Publish
from alerts.desk.store import Store
from alerts.desk.worklist import VIEWS, Standing, instant
from alerts.language import ENGLISH

MemberOf = Callable[..., Member]


@dataclass(frozen=True)
class Desk:
    """The store that is read, the way out for actions, the open pages, who may be given an alert. points, rows: bounds
    of one answer; off: ids of modifiers and gene pairs that the deployment leaves out."""

    store: Store
    audit: Audit
    publish: Publish
    hub: Hub
    colleagues: Colleagues
    status: Status
    figures: Figures
    banner: str | None
    points: int
    rows: int
    language: str = ENGLISH
    off: frozenset[str] = frozenset()

    def patient(self, patient: str, asking: Member, request: Request) -> str | None:
        """The team of a patient who may be seen. 404 for others, who might as well not exist. Blocks."""
        known, team = self.store.team_of(patient)
        if not known or not asking.scope.sees(team):
            if known:
                self.refused(asking, request, "other_team", patient=patient)
            raise HTTPException(404, "no such patient among those of your teams")
        return team

    def alert(self, alert_id: str, asking: Member, request: Request) -> Standing:
        """Where an alert stands that may be seen. 404 for others. Blocks."""
        found = self.store.standings([alert_id], asking.scope)
        if found:
            return found[0]
        if self.store.standings([alert_id]):
            self.refused(asking, request, "other_team", alert_id=alert_id)
        raise HTTPException(404, "no such alert among those of your teams")

    def shown(self, found: Sequence[Standing], asking: Member) -> list[dict[str, Any]]:
        """Alerts as the page shows them, with the words about their incident (`incident_words`). Blocks."""
        now_s, others = self.store.log_time_s, others_of(self.store, found, asking.scope)
        words = {alert_id: in_words(several, self.language) for alert_id, several in others.items()}
        return [{**one.shown(now_s), "incident_words": words.get(one.latest.alert_id)} for one in found]

    def refused(self, asking: Member, request: Request, why: str, **detail: str) -> None:
        """Keep in the audit what was refused to a member. Blocks."""
        own = {"path": request.url.path, "session": asking.session}
        self.audit.refused(asking.id, asking.id, "desk.refused", why=why, **own, **detail)

    def counters(self, asking: Member) -> dict[str, Any]:
        """What the head of the page shows. `log_time` is its now: replayed data are not of today. Blocks."""
        counts = self.store.counts(asking.scope)
        return {
            "log_time": instant(self.store.log_time_s),
            "lists": {view: counts[view] for view in VIEWS},
            "overdue": counts["overdue"],
            "ready": self.status.ready,
            "connected": self.status.connected,
            "keeping": self.status.keeping,
            "still": self.status.still,
        }
