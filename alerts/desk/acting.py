"""The writing half of the API: what a member did goes to `actions`, and comes back as an event of the alert, or not.

The desk does not decide whether an action is allowed: the log does. So the answer is 202, and the page waits to see.
"""

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, model_validator
from starlette.concurrency import run_in_threadpool

from alerts.desk.config import NotPublished
from alerts.desk.desk import Desk, MemberOf
from alerts.desk.members import Member
from alerts.events import Action, ActionType, Identifier

Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
NEEDS: dict[ActionType, tuple[str, ...]] = {"snooze": ("until", "reason"), "assign": ("to",), "comment": ("reason",)}
"""What an action cannot do without (CONTRACT 2)."""


class Asked(BaseModel):
    """The body of a request to act. `by` is for the time before sign-in: who says that they did it."""

    model_config = ConfigDict(extra="forbid")

    type: ActionType
    by: Identifier | None = None
    reason: Reason | None = None
    until: AwareDatetime | None = None
    to: Identifier | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Asked":
        missing = [name for name in NEEDS.get(self.type, ()) if not getattr(self, name)]
        if missing:
            raise ValueError(f"{self.type} needs {' and '.join(missing)}")
        return self


def acting(desk: Desk, member: MemberOf) -> APIRouter:
    """The route on which a member acts."""
    router = APIRouter(prefix="/api")

    @router.post("/alerts/{alert_id:path}/actions", status_code=202)
    async def act(alert_id: str, asked: Asked, asking: Annotated[Member, Depends(member)]) -> Any:
        found = await run_in_threadpool(desk.store.standings, [alert_id])
        if not found:
            raise HTTPException(404, "no such alert")
        action = _action(alert_id, found[0].latest.patient, asked, asking)
        try:
            await desk.publish(action)
        except NotPublished as error:
            desk.figures.actions.labels(asked.type, "not_published").inc()
            problem = f"Not recorded: {error}. The alert still waits; please try again."
            return JSONResponse({"error": problem}, status_code=503)
        desk.figures.actions.labels(asked.type, "published").inc()
        return {"action_id": action.action_id, "at": action.at.isoformat()}

    return router


def _action(alert_id: str, patient: str, asked: Asked, asking: Member) -> Action:
    """At the edge the wall clock is right: it says when the person acted. What counts is the place in the log."""
    return Action(
        action_id=f"act-{uuid.uuid4().hex}",
        alert_id=alert_id,
        patient=patient,
        at=datetime.now(UTC),
        by=asking.id if asking.signed_in else asked.by or asking.id,
        type=asked.type,
        until=asked.until,
        to=asked.to,
        reason=asked.reason or None,
    )
