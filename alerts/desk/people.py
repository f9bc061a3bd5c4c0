"""The part of the API in which admins let people in, or no longer. Whatever they do holds at once, on open pages too.

A link is told once, in the answer to the request that made it, and kept nowhere.
"""

import re
import time
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from starlette.concurrency import run_in_threadpool

from alerts.desk.desk import Desk, MemberOf
from alerts.desk.members import EVERY_TEAM, Member, Role, teams_of
from alerts.desk.staff import HANDED_OVER_S, Denied, Person, Staff
from alerts.desk.worklist import instant
from alerts.events import Identifier

TEAMS_MAX = 50
STATUS = {"no_account": 404}


def _plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("only characters that can be seen")
    return text


def _in_an_address(name: str) -> str:
    if not re.search(r"[^./]", name):
        raise ValueError("a sign-in name has a letter or a digit")
    return name


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128), AfterValidator(_plain)]
Teams = Annotated[frozenset[str], Field(max_length=TEAMS_MAX), AfterValidator(teams_of)]
SignInName = Annotated[Identifier, AfterValidator(_in_an_address)]


class Invited(BaseModel):
    """The body of an invitation. id: by which they sign in, and which stands beside what they do."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    id: SignInName
    name: Name
    role: Role
    teams: Teams


class Changed(BaseModel):
    """The body of a change: what is left out stays."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Name | None = None
    role: Role | None = None
    teams: Teams | None = None

    @model_validator(mode="after")
    def _something(self) -> "Changed":
        if not self.model_dump(exclude_none=True):
            raise ValueError("nothing to change")
        return self


def people(desk: Desk, staff: Staff, member: MemberOf) -> APIRouter:
    """The routes of the admins' page. member: who asks."""
    router = APIRouter(prefix="/api/people")

    Admin = Annotated[Member, Depends(_admins(desk, member))]

    async def done(request: Request, asking: Member, what: Callable[..., Any], *given: Any, **more: Any) -> Any:
        """Do it, or say why not, and have every open page ask anew who it is for."""
        try:
            answer = await run_in_threadpool(what, asking, *given, **more)
        except Denied as denied:
            await run_in_threadpool(_denied, desk, asking, request, denied)
        desk.hub.wake()
        return answer

    @router.get("")
    def everybody(asking: Admin) -> Any:
        desk.audit.look(asking, "desk.saw_people")
        found = staff.people(time.time())
        of_accounts = {team for one in found for team in one.account.teams}
        teams = sorted(of_accounts | set(desk.store.teams()))
        shown = [_shown(one, asking) for one in found]
        return {"now": instant(time.time()), "people": shown, "teams": [one for one in teams if one != EVERY_TEAM]}

    @router.post("", status_code=201)
    async def invite(asked: Invited, request: Request, asking: Admin) -> Any:
        now_s = time.time()
        told = (asked.id, asked.name, asked.role, asked.teams, now_s)
        return _link(asked.id, await done(request, asking, staff.invite, *told), now_s)

    @router.post("/{who:path}/link", status_code=201)
    async def link(who: str, request: Request, asking: Admin) -> Any:
        now_s = time.time()
        return _link(who, await done(request, asking, staff.link, who, now_s), now_s)

    @router.post("/{who:path}/disable")
    async def disable(who: str, request: Request, asking: Admin) -> Any:
        await done(request, asking, staff.disable, who, time.time())
        return {"id": who, "disabled": True}

    @router.post("/{who:path}/enable")
    async def enable(who: str, request: Request, asking: Admin) -> Any:
        await done(request, asking, staff.enable, who)
        return {"id": who, "disabled": False}

    @router.delete("/{who:path}/sessions")
    async def sign_out(who: str, request: Request, asking: Admin) -> Any:
        await done(request, asking, staff.sign_out, who)
        return {"id": who, "signed_in": False}

    @router.patch("/{who:path}")
    async def change(who: str, asked: Changed, request: Request, asking: Admin) -> Any:
        await done(request, asking, staff.change, who, **asked.model_dump(exclude_none=True))
        return {"id": who}

    return router


def _admins(desk: Desk, member: MemberOf) -> MemberOf:
    """Who asks, if they are an admin."""

    def admin(request: Request, asking: Annotated[Member, Depends(member)]) -> Member:
        if not asking.may_admit:
            desk.refused(asking, request, "role")
            raise HTTPException(403, "People are let in by admins.")
        return asking

    return admin


def _denied(desk: Desk, asking: Member, request: Request, denied: Denied) -> NoReturn:
    desk.refused(asking, request, denied.why)
    raise HTTPException(STATUS.get(denied.why, 409), str(denied)) from None


def _link(who: str, token: str, now_s: float) -> dict[str, Any]:
    """The end of the address that signs in once; the page knows how it begins."""
    return {"id": who, "link": f"/#sign-in={token}", "until": instant(now_s + HANDED_OVER_S)}


def _shown(one: Person, asking: Member) -> dict[str, Any]:
    account = one.account
    return {
        "id": account.id,
        "name": account.name,
        "role": account.role,
        "teams": sorted(account.teams),
        "has_password": account.has_password,
        "sessions": one.sessions,
        "seen_at": instant(account.seen_s),
        "disabled_at": instant(account.disabled_s),
        "you": account.id == asking.id,
    }
