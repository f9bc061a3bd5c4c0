"""The records of the care team's side: AlertEvent, Action, Delivery, AuditEvent (CONTRACT 2).

AlertEvent and Delivery are written by us in bulk (msgspec); Action is a document written by people (pydantic), where a
clear error matters more than speed.
"""

from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, StringConstraints

from models.findings import Kind, Rule, Severity
from models.profile_fields import Instant
from models.readings import ID_PATTERN

EventName = Literal[
    "opened", "updated", "escalated", "acknowledged", "assigned", "snoozed", "resolved", "reopened", "expired"
]
State = Literal["open", "acknowledged", "snoozed", "resolved"]
Category = Literal["clinical", "technical"]
Notice = Literal["first", "worse", "escalated", "resolved", "repeat", "returned", "woken", "handed_over", "taken"]
"""What a message to people says."""
Identifier = Annotated[str, StringConstraints(pattern=ID_PATTERN)]


class Evidence(msgspec.Struct, kw_only=True, gc=False):
    """What one vital looked like when the alert was decided, against the patient's own band."""

    vital: str
    value: float | None
    unit: str | None
    at: str
    expected: float | None
    low: float | None
    high: float | None
    score: float | None
    baseline_days: float | None
    own_weight: float | None
    modifiers: list[str]
    quality: float | None


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What one stage of the policy said about a step, and why."""

    stage: str
    answer: str
    reason: str


class AlertEvent(msgspec.Struct, kw_only=True, gc=False):
    """One step in the life of one episode. (`alert_id`, `sequence`) is unique and gap-free, whoever computes it.

    evidence: of the alert's own vital first, then of others that stood outside their own bands at the same time.
    rung: of the team's chain, that is asked now (0: who is on call; 9: everybody, after its end); deadline: by when,
    before the next one is asked; until: the end of a snooze, or of the wait for a message that was deferred; incident:
    the first alert of what is one incident; notify: what a message about this says, null if there is none (whom it is
    assigned to is told of that all the same); asked_since: the sequence of the step with which the wait for an answer
    began that goes on, or ends with this step (0: there is none); policy: why. (Since 0.2; empty before.)
    """

    alert_id: str
    sequence: int
    event: EventName
    state: State
    patient: str
    care_team: str | None
    severity: Severity
    category: Category
    kind: Kind
    problem: str
    title: str
    onset_at: str
    event_at: str
    arrived_at: str
    decided_at: str
    retrospective: bool
    evidence: list[Evidence]
    explanation: str
    population_rule_would_fire: bool
    rule: Rule
    by: str | None = None
    reason: str | None = None
    rung: int = 0
    deadline: str | None = None
    until: str | None = None
    incident: str | None = None
    notify: Notice | None = None
    asked_since: int = 0
    policy: list[Answer] = []


class Delivery(msgspec.Struct, kw_only=True, gc=False):
    """What became of telling one channel about one alert event. members: who was told by it, each of those who share
    it; member: the first of them, instead of whom, and why; again: the how manieth asking to send a dead letter again
    this answers (0: none)."""

    delivery_id: str
    alert_id: str
    sequence: int
    patient: str
    channel: str
    outcome: Literal["delivered", "failed"]
    attempts: int
    detail: str | None
    at: str
    member: str | None = None
    instead_of: str | None = None
    why: str | None = None
    again: int = 0
    members: list[str] = []

    @property
    def whom(self) -> list[str]:
        """Everybody it names: records of before 0.2 name the first only."""
        return self.members or ([self.member] if self.member else [])


class AuditEvent(msgspec.Struct, kw_only=True):
    """Who saw or did what, for the `audit` topic. at: RFC 3339; by: an account, or a user of the machine."""

    at: str
    by: str
    what: str
    detail: dict[str, Any]


REASON_CHARS_MAX = 2000
"""A reason comes back in the alert's event: unbounded, it could grow past what the topic takes."""
ActionType = Literal["acknowledge", "assign", "snooze", "resolve", "new_normal", "comment"]


class Action(BaseModel):
    """What a member of the care team did. Unknown fields are refused: a misspelt `until` must not snooze for ever."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action_id: Identifier
    alert_id: Identifier
    patient: Identifier
    at: Instant
    by: Identifier
    type: ActionType
    until: Instant | None = None
    to: Identifier | None = None
    reason: Annotated[str, StringConstraints(max_length=REASON_CHARS_MAX)] | None = None
