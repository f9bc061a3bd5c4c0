"""Acknowledging by the link in a message, for somebody who is not signed in.

A link is opened by mail scanners and previews too, so GET shows a page that says nothing of anybody, and only its
button acts. A link acts once; what is forged, expired or used is refused, and stands in the audit. So is that of a
member whose account was disabled since, or whose patient is now with a team that is not theirs; nothing is used up by
that: when the reason is gone, the link holds again.

Who is asked need not have an account: a phone number is enough. So an account that may only look takes nothing away
from them: the right to say "I have it" about this one alert comes from the team, which put them on its chain. Refused,
the alert would go on to the next one while they believe that they were heard. The audit names the role of their
account, and `homebeat check` names whoever is on a chain and can do nothing at the desk but look.
"""

import time
from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from sqlalchemy import Engine, delete, insert
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool

from alerts.desk.accounts import Account, Accounts, member_of
from alerts.desk.audit import Audit
from alerts.desk.config import STATIC, NotPublished
from alerts.desk.desk import Desk
from alerts.desk.door import address
from alerts.desk.members import Role
from alerts.desk.register import ANSWERED
from alerts.desk.store import Store
from alerts.events import Action
from alerts.links import UNSAID, Link, Refused, read

SAID = {
    "forged": "This link is damaged, or not one of ours. Please sign in at the desk.",
    "expired": "This link is too old. Please sign in at the desk: the alert may still wait.",
    "used": "This link was used already, and nothing more was done. The desk shows where the alert stands.",
    "disabled": "Nothing was done: your account is disabled. Ask an admin of the desk, and somebody else to look.",
    "moved": "Nothing was done: another team answers for this patient now, and nothing is asked of you.",
}
KEPT_S = 60.0
"""A used link is remembered for so much longer than it would hold."""


class Answered:
    """Which links were used, in the accounts' database. Every method blocks for a short write."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, link: Link, now_s: float) -> bool:
        """Use the link up; False when it was used before, by whichever desk."""
        try:
            with self._engine.begin() as connection:
                connection.execute(delete(ANSWERED).where(ANSWERED.c.expires_s < now_s - KEPT_S))
                connection.execute(insert(ANSWERED).values(link=link.action_id, expires_s=link.expires_s))
        except IntegrityError:
            return False
        return True

    def give_back(self, link: Link) -> None:
        """It had no effect: it may be used again."""
        with self._engine.begin() as connection:
            connection.execute(delete(ANSWERED).where(ANSWERED.c.link == link.action_id))


def answering(desk: Desk, accounts: Accounts, key: bytes) -> APIRouter:
    """The routes of links. key: what seals them (`alerts.links.key_of`)."""
    router, answered = APIRouter(prefix="/a"), Answered(accounts.engine)

    @router.get("/{token}")
    def page(token: str) -> FileResponse:
        return FileResponse(STATIC / "answer.html", media_type="text/html")

    @router.post("/{token}")
    async def answer(token: str, request: Request) -> Response:
        try:
            link = read(key, token, time.time())
        except Refused as refused:
            return await run_in_threadpool(_refused, desk.audit, refused.why, "-", request)
        account = await run_in_threadpool(accounts.account, link.member)
        if (why := await run_in_threadpool(_not_theirs, desk.store, account, link)) is not None:
            return await run_in_threadpool(_refused, desk.audit, why, link.member, request, link)
        if not await run_in_threadpool(answered.take, link, time.time()):
            return await run_in_threadpool(_refused, desk.audit, "used", link.member, request)
        return await _acknowledged(desk, answered, link, account.role if account else None)

    return router


def _not_theirs(store: Store, account: Account | None, link: Link) -> Literal["disabled", "moved"] | None:
    """Why who was asked may no longer answer, if it is so. account: theirs, if they have one. Blocks."""
    if account is not None and account.disabled_s is not None:
        return "disabled"
    known, team = store.team_of(link.patient)
    if not known or team == link.team:  # a desk that reads its topics yet refuses nobody: the log decides
        return None
    if account is not None:
        return None if member_of(account).scope.sees(team) else "moved"
    return None if link.team == UNSAID else "moved"


async def _acknowledged(desk: Desk, answered: Answered, link: Link, role: Role | None) -> Response:
    """The action of a link that holds. What the stream does not take leaves the link as it was. role: of the account of
    whoever was asked, for the audit."""
    action = Action(
        action_id=link.action_id, alert_id=link.alert_id, patient=link.patient, at=datetime.now(UTC), by=link.member,
        type="acknowledge",
    )  # fmt: skip
    detail = {"action_id": link.action_id, "alert_id": link.alert_id, "patient": link.patient, "type": "acknowledge"}
    try:
        await run_in_threadpool(lambda: desk.audit.record(link.member, "desk.acted", link=True, role=role, **detail))
        await desk.publish(action)
    except Exception as error:
        await run_in_threadpool(answered.give_back, link)
        if not isinstance(error, NotPublished):
            raise
        desk.figures.actions.labels("acknowledge", "not_published").inc()
        return JSONResponse({"error": f"Not recorded: {error}. The alert still waits; please try again."}, 503)
    desk.figures.actions.labels("acknowledge", "published").inc()
    return JSONResponse({"said": "Recorded in your name. The desk shows where the alert stands."}, 202)


def _refused(audit: Audit, why: str, who: str, request: Request, link: Link | None = None) -> Response:
    about = {} if link is None else {"alert_id": link.alert_id, "patient": link.patient}
    came_from = address(request)
    audit.refused(came_from, who, "desk.refused", why=f"link_{why}", address=came_from, **about)
    return JSONResponse({"error": SAID[why]}, 409 if why == "used" else 403)
