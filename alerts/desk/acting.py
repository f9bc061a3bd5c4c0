"""The writing half of the API: what a member did goes to `actions`, and comes back as an event of the alert, or not.

The desk does not decide whether an action is allowed: the log does. So the answer is 202, and the page waits to see.
"""

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from starlette.concurrency import run_in_threadpool

from alerts.desk.config import NotPublished
from alerts.desk.desk import Desk, MemberOf
from alerts.desk.members import Member
from alerts.desk.worklist import Standing
from alerts.events import Action, ActionType, Identifier
from models.profile_fields import Instant

Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
NEEDS: dict[ActionType, tuple[str, ...]] = {"snooze": ("until", "reason"), "assign": ("to",), "comment": ("reason",)}
"""What an action cannot do without (CONTRACT 2)."""
TOGETHER_MAX = 100
BULK_SEVERITIES = ("advisory", "info")
"""What may be acknowledged by the dozen; an urgent alert is looked at by itself."""


class Asked(BaseModel):
    """The body of a request to act. Who did it is who signed in."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    type: ActionType
    reason: Reason | None = None
    until: Instant | None = None
    to: Identifier | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Asked":
        missing = [name for name in NEEDS.get(self.type, ()) if not getattr(self, name)]
        if missing:
            raise ValueError(f"{self.type} needs {' and '.join(missing)}")
        return self


class AskedTogether(BaseModel):
    """The body of a request to acknowledge several advisories, for one reason."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    alerts: Annotated[list[Identifier], Field(min_length=1, max_length=TOGETHER_MAX)]
    reason: Annotated[Reason, StringConstraints(min_length=1)]


def acting(desk: Desk, member: MemberOf) -> APIRouter:
    """The routes on which a member acts."""
    router = APIRouter(prefix="/api")

    @router.post("/alerts/acknowledge", status_code=202)
    async def together(asked: AskedTogether, request: Request, asking: Annotated[Member, Depends(member)]) -> Any:
        await run_in_threadpool(_may_act, desk, asking, request)
        found = [await run_in_threadpool(desk.alert, one, asking, request) for one in dict.fromkeys(asked.alerts)]
        severe = [one.latest.alert_id for one in found if one.latest.severity not in BULK_SEVERITIES]
        if severe:
            await run_in_threadpool(desk.refused, asking, request, "not_in_bulk", alert_id=severe[0])
            raise HTTPException(422, "only advisories can be acknowledged together: urgent ones are looked at singly")
        return await _taken(desk, asking, found, Asked(type="acknowledge", reason=asked.reason))

    @router.post("/alerts/{alert_id:path}/actions", status_code=202)
    async def act(alert_id: str, asked: Asked, request: Request, asking: Annotated[Member, Depends(member)]) -> Any:
        await run_in_threadpool(_may_act, desk, asking, request)
        one = await run_in_threadpool(desk.alert, alert_id, asking, request)
        if asked.type == "assign" and asked.to:
            await run_in_threadpool(_may_be_given, desk, one, asked.to, asking, request)
        return await _taken(desk, asking, [one], asked)

    return router


def _may_act(desk: Desk, asking: Member, request: Request) -> None:
    if not asking.may_act:
        desk.refused(asking, request, "role")
        raise HTTPException(403, "Your role is to look: ask a lead for the role of a nurse.")


def _may_be_given(desk: Desk, one: Standing, to: str, asking: Member, request: Request) -> None:
    _, team = desk.store.team_of(one.latest.patient)
    why = desk.colleagues.refusal(to, team, asking)
    if why is not None:
        desk.refused(asking, request, "no_colleague", alert_id=one.latest.alert_id)
        raise HTTPException(422, why)


async def _taken(desk: Desk, asking: Member, found: list[Standing], asked: Asked) -> Any:
    """Publish one action for each alert; what was published before a failure is said."""
    actions = [_action(one.latest.alert_id, one.latest.patient, asked, asking) for one in found]
    for done, action in enumerate(actions):
        await run_in_threadpool(_audited, desk, asking, action)
        try:
            await desk.publish(action)
        except NotPublished as error:
            desk.figures.actions.labels(asked.type, "not_published").inc()
            return JSONResponse({"error": _missed(done, len(actions), error), "recorded": done}, status_code=503)
        desk.figures.actions.labels(asked.type, "published").inc()
    first = actions[0]
    return {"action_id": first.action_id, "at": first.at.isoformat(), "recorded": len(actions)}


def _missed(done: int, asked: int, error: NotPublished) -> str:
    """What is said of actions of which not all are known to be recorded."""
    if asked == 1:
        return f"Not recorded: {error}. The alert still waits; please try again."
    return f"{done} of {asked} are recorded, the others not: {error}. They still wait; please try again."


def _audited(desk: Desk, asking: Member, action: Action) -> None:
    detail = action.model_dump(mode="json", include={"action_id", "alert_id", "patient", "type", "until", "to"})
    desk.audit.record(asking.id, "desk.acted", session=asking.session, **detail)


def _action(alert_id: str, patient: str, asked: Asked, asking: Member) -> Action:
    """At the edge the wall clock is right: it says when the person acted. What counts is the place in the log."""
    return Action(
        action_id=f"act-{uuid.uuid4().hex}",
        alert_id=alert_id,
        patient=patient,
        at=datetime.now(UTC),
        by=asking.id,
        type=asked.type,
        until=asked.until,
        to=asked.to,
        reason=asked.reason or None,
    )
