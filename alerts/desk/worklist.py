"""What the events of one alert add up to, and in which order a team should look at alerts. Pure: time is an argument.

The events may come in any order and more than once; what counts is their `sequence`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import msgspec

from alerts.assigning import assigned_to
from alerts.events import AlertEvent
from models.findings import SEVERITIES, Severity

View = Literal["open", "acknowledged", "resolved", "retrospective"]
VIEWS: tuple[View, ...] = get_args(View)

ANSWER_WITHIN_S: dict[Severity, float | None] = {
    "emergency": 5 * 60.0,
    "urgent": 60 * 60.0,
    "advisory": 1440 * 60.0,
    "info": None,
}
"""How soon a person has to answer (CONTRACT 2), where an event does not say its deadline. None: never."""


ANSWERS = ("acknowledged", "assigned", "snoozed", "resolved")
"""Events by which a person takes an alert up."""


def seconds(instant: str) -> float:
    """Seconds since 1970 of an RFC 3339 time with an offset. ValueError for anything else."""
    at = datetime.fromisoformat(instant)
    if at.tzinfo is None:
        raise ValueError("a time should have an offset")
    return at.timestamp()


def instant(at_s: float | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Standing:
    """Where an alert stands. Times are seconds since 1970; None: it has not come to that.

    waiting_since_s, due_s: somebody waits for an answer. opened_s: first told. answered_s: when a person first took it
    up, and answered_severity how severe it was then; late: and that was after it was due. owner: who has it. until_s:
    the end of a snooze. outcome: why a person resolved it. team: whose patient it is now; `care_team` of an event says
    whose it was then.
    """

    latest: AlertEvent
    events: int
    waiting_since_s: float | None
    due_s: float | None
    opened_s: float = 0.0
    answered_s: float | None = None
    answered_severity: Severity | None = None
    late: bool = False
    owner: str | None = None
    until_s: float | None = None
    outcome: str | None = None
    team: str | None = None

    @property
    def view(self) -> View:
        return view_of(self.latest)

    @property
    def rank(self) -> int:
        return SEVERITIES.index(self.latest.severity)

    def overdue(self, log_time_s: float | None) -> bool:
        """Whether the answer is late, held against the time of the log and never against a wall clock."""
        return self.due_s is not None and log_time_s is not None and log_time_s > self.due_s

    def shown(self, log_time_s: float | None) -> dict[str, Any]:
        """The newest event, and what it adds up to, as plain JSON values."""
        own = {
            "view": self.view,
            "events": self.events,
            "waiting_since": instant(self.waiting_since_s),
            "due_at": instant(self.due_s),
            "overdue": self.overdue(log_time_s),
            "owner": self.owner,
            "team": self.team,
            "snoozed_until": instant(self.until_s),
            "opened_at": instant(self.opened_s),
            "answered_at": instant(self.answered_s),
        }
        return {**msgspec.to_builtins(self.latest), **own}


def view_of(event: AlertEvent) -> View:
    """The one list an alert is on. What is about the past never stands among what is to be done now."""
    if event.retrospective:
        return "retrospective"
    match event.state:
        case "open":
            return "open"
        case "acknowledged" | "snoozed":
            return "acknowledged"
        case "resolved":
            return "resolved"


def incident_of(event: AlertEvent) -> str:
    """The id that the problems of one incident share: of the first of them, which does not name it."""
    return event.incident or event.alert_id


def standing(events: Iterable[AlertEvent]) -> Standing:
    """What the events of one alert add up to, in whatever order they came. ValueError without any."""
    steps = sorted({event.sequence: event for event in events}.values(), key=lambda event: event.sequence)
    if not steps:
        raise ValueError("an alert has one event or more")
    latest = steps[-1]
    answered = next((step for step in steps if step.by and step.event in ANSWERS), None)
    known: dict[str, Any] = {
        "opened_s": seconds(steps[0].decided_at),
        "answered_s": seconds(answered.decided_at) if answered else None,
        "answered_severity": answered.severity if answered else None,
        "late": answered is not None and _late(steps, answered),
        "owner": owner_of(steps),
        "until_s": _until_s(latest),
        "outcome": _outcome(steps),
        "team": latest.care_team,
    }
    if latest.state != "open" or latest.retrospective:
        return Standing(latest, len(steps), None, None, **known)
    unanswered = _trailing(steps)
    since_s = seconds(unanswered[0].decided_at)
    return Standing(latest, len(steps), since_s, _due_s(unanswered), **known)


def owner_of(steps: list[AlertEvent]) -> str | None:
    """Who has it: the last person to whom it was assigned or who took it up, until it ends."""
    owner: str | None = None
    for step in steps:
        if step.event in ("resolved", "expired", "reopened"):
            owner = None
        elif step.event == "assigned":
            owner = assigned_to(step) or step.by
        elif step.by and (step.event == "acknowledged" or (step.event == "snoozed" and owner is None)):
            owner = step.by
    return owner


def _until_s(latest: AlertEvent) -> float | None:
    until = getattr(latest, "until", None)
    return seconds(until) if latest.state == "snoozed" and isinstance(until, str) else None


def _outcome(steps: list[AlertEvent]) -> str | None:
    """Why a person resolved it the last time; None when it is not resolved, or ended by itself."""
    ends = [step for step in steps if step.event == "resolved"]
    said = ends[-1].reason if ends and ends[-1].by and steps[-1].state == "resolved" else None
    return said.replace("\0", "") if said else None


def _late(steps: list[AlertEvent], answered: AlertEvent) -> bool:
    waited = [step for step in steps if step.sequence < answered.sequence and step.state == "open"]
    due_s = _due_s(waited) if waited else None
    return due_s is not None and seconds(answered.decided_at) > due_s


def _trailing(steps: list[AlertEvent]) -> list[AlertEvent]:
    """The last events without an answer among them."""
    for position in range(len(steps) - 1, -1, -1):
        if steps[position].state != "open":
            return steps[position + 1 :]
    return steps


def _due_s(unanswered: list[AlertEvent]) -> float | None:
    """The time to answer runs from when the alert became as severe as it is, by the deadline that was set then: later
    ones are for those who are asked next."""
    severity = unanswered[-1].severity
    within_s = ANSWER_WITHIN_S[severity]
    if within_s is None:
        return None
    first = next(event for event in unanswered if event.severity == severity)
    return seconds(first.decided_at) + within_s if first.deadline is None else seconds(first.deadline)


def urgency(one: Standing) -> tuple[float, float, str]:
    """The order of the list: the most severe first, then who waits longest for an answer, then the newest."""
    if one.waiting_since_s is not None:
        return (-one.rank, one.waiting_since_s, one.latest.alert_id)
    return (-one.rank, -seconds(one.latest.decided_at), one.latest.alert_id)


def recency(one: Standing) -> tuple[float, str]:
    """The order of what is done: the newest first."""
    return (-seconds(one.latest.decided_at), one.latest.alert_id)
