"""The door: signing in and out, and who is asking.

The session is a signed cookie that scripts cannot read and other sites do not send; whoever changes something must also
send the session's token, which only our own page can know. Every refusal is in the audit.
"""

import time
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from alerts.desk.accounts import PASSWORD_CHARS, SESSION_S, Accounts, Refused
from alerts.desk.audit import Audit
from alerts.desk.members import Member

COOKIE = "homebeat_session"
CSRF_HEADER = "x-homebeat-csrf"
NO_NUL = r"^[^\x00]*$"
CHANGING = ("POST", "PUT", "PATCH", "DELETE")


class ByPassword(BaseModel):
    """The body of a sign-in by name and password."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=NO_NUL)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class ByLink(BaseModel):
    """The body of a sign-in by one-time link: its token."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    token: Annotated[str, StringConstraints(min_length=1, max_length=128)]


class NewPassword(BaseModel):
    """The body of a member's new password. old: theirs until now, if they have one."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    password: Annotated[str, StringConstraints(min_length=PASSWORD_CHARS[0], max_length=PASSWORD_CHARS[1])]
    old: Annotated[str, StringConstraints(max_length=PASSWORD_CHARS[1])] = ""


class Door:
    """Who asks: the FastAPI dependency `member`, and the routes of signing in and out."""

    def __init__(self, accounts: Accounts, audit: Audit) -> None:
        self.accounts = accounts
        self.audit = audit

    def member(self, request: Request) -> Member:
        """Who asks. 401 without a good session, 403 without its token where something would change. Blocks."""
        cookie = request.cookies.get(COOKIE, "")
        member = self.accounts.member(cookie, time.time()) if cookie else None
        if member is None:
            if cookie and self.accounts.forged(cookie):
                self.audit.stranger("desk.refused", why="forged_session", address=address(request))
            raise HTTPException(401, "Please sign in.")
        request.state.member = member
        if request.method in CHANGING and request.headers.get(CSRF_HEADER, "") != member.csrf:
            told = {"path": request.url.path, "address": address(request)}
            self.audit.refused(member.id, member.id, "desk.refused", why="csrf", **told)
            raise HTTPException(403, "This did not come from the desk's own page. Please load the page anew.")
        return member

    def still(self, request: Request) -> Member | None:
        """Who a long answer goes to as of now; None when their session is over. Blocks."""
        return self.accounts.member(request.cookies.get(COOKIE, ""), time.time(), touch=False)

    def routes(self) -> APIRouter:
        router = APIRouter(prefix="/api/sign-in")

        @router.post("")
        async def by_password(asked: ByPassword, request: Request) -> Response:
            return await run_in_threadpool(self._by_password, asked, request)

        @router.post("/link")
        async def by_link(asked: ByLink, request: Request) -> Response:
            return await run_in_threadpool(self._by_link, asked, request)

        @router.post("/password")
        async def password(asked: NewPassword, request: Request) -> Response:
            return await run_in_threadpool(self._set_password, asked, request)

        @router.delete("")
        def sign_out(request: Request) -> Response:
            member = self.member(request)
            self.accounts.end(request.cookies.get(COOKIE, ""))
            self.audit.record(member.id, "desk.signed_out", session=member.session)
            response = JSONResponse({"signed_in": False})
            response.delete_cookie(COOKIE, path="/")
            return response

        return router

    def _by_password(self, asked: ByPassword, request: Request) -> Response:
        try:
            who = self.accounts.by_password(asked.name, asked.password, address(request), time.time())
            return self._admitted(who, "password", request)
        except Refused as refused:
            return self._refused(refused, asked.name, request)

    def _by_link(self, asked: ByLink, request: Request) -> Response:
        try:
            who = self.accounts.by_link(asked.token, address(request), time.time())
            return self._admitted(who, "link", request)
        except Refused as refused:
            return self._refused(refused, "-", request)

    def _set_password(self, asked: NewPassword, request: Request) -> Response:
        """An open page is not enough to change a password: who has one says it, and wrong ones are counted."""
        member = self.member(request)
        if self.accounts.has_password(member.id):
            try:
                self.accounts.by_password(member.id, asked.old, address(request), time.time())
            except Refused as refused:
                return self._refused(refused, member.id, request)
        with self.audit.doing(member.id, "desk.password_set", session=member.session) as connection:
            self.accounts.set_password(connection, member, asked.password)
        return JSONResponse({"set": True})

    def _admitted(self, who: str, how: str, request: Request) -> Response:
        """Whatever way somebody has proven who they are, it ends here."""
        cookie = self.accounts.begin(who, time.time())
        member = self.accounts.member(cookie, time.time())
        self.audit.record(
            who, "desk.signed_in", how=how, address=address(request), session=getattr(member, "session", "")
        )
        response = JSONResponse({"signed_in": True})
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, cookie, int(SESSION_S), path="/", secure=secure, httponly=True, samesite="strict")
        return response

    def _refused(self, refused: Refused, who: str, request: Request) -> Response:
        came_from = address(request)
        self.audit.refused(came_from, who, "desk.sign_in_refused", why=refused.why, address=came_from)
        headers = {"Retry-After": str(int(refused.retry_s))} if refused.retry_s else {}
        return JSONResponse({"error": str(refused)}, 429 if refused.retry_s else 401, headers)


def address(request: Any) -> str:
    """Where a request comes from; behind a proxy what it says, as far as uvicorn trusts it."""
    return request.client.host if request.client else "-"
