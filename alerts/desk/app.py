"""The desk as one web application: the page, its API (`looking`, `acting`, `live`), and what operators ask.

| | |
|---|---|
| `GET /` | the page, which asks to sign in |
| `POST /api/sign-in`, `POST /api/sign-in/link`, `DELETE /api/sign-in` | in by password or one-time link, and out |
| `POST /api/sign-in/password` | one's own new password |
| `GET /api/desk` | banner, member, lists, time of the log |
| `GET /api/alerts?view=&limit=&rule=` | the worklist: where each alert stands, most urgent first |
| `GET /api/alerts/{id}` | one alert and its events |
| `POST /api/alerts/{id}/actions` | what a member did; 202 with the action's id |
| `POST /api/alerts/acknowledge` | several advisories at once, with one reason |
| `GET /api/patients?begins=` | patients by the beginning of their id, or the first of all |
| `GET /api/patients/{id}` | the profile in words, the alerts of 90 days and their events |
| `GET /api/handover?hours=` | open, snoozed, in hand, done |
| `GET /api/cost?days=` | what alerts cost the team, for leads |
| `GET /api/people`, `POST /api/people`, `PATCH /api/people/{id}` | accounts, for admins: all, invite, change |
| `POST /api/people/{id}/link`, `/disable`, `/enable`, `DELETE .../sessions` | a link, no longer, again, signed out |
| `GET /api/patients/{id}/vitals?vital=&without=&since=&until=&points=` | windows against the patient's own band |
| `GET /api/patients/{id}/reach?vital=&since=&until=` | when its first window begins, and how many there are |
| `GET /a/{token}`, `POST /a/{token}` | acknowledging by the link in a message |
| `GET /events` | server-sent events: `alerts`, `vitals`, `counters`, `reload`, `member`, `signed_out` |
| `/healthz` `/readyz` `/metrics` | for operators |
"""

import logging
from collections.abc import Collection
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Scope

from alerts.desk.accounts import Accounts
from alerts.desk.acting import acting
from alerts.desk.answering import answering
from alerts.desk.audit import Audit, AuditFull
from alerts.desk.colleagues import Colleagues
from alerts.desk.config import STATIC
from alerts.desk.database import AWAY, one_line
from alerts.desk.desk import Desk, MemberOf
from alerts.desk.door import Door
from alerts.desk.figures import Figures, Status
from alerts.desk.guard import Guard, Told
from alerts.desk.hub import Hub
from alerts.desk.live import live
from alerts.desk.looking import looking
from alerts.desk.people import people
from alerts.desk.publish import Publish
from alerts.desk.staff import Staff
from alerts.desk.store import Store
from alerts.language import ENGLISH
from alerts.teams import Directory

log = logging.getLogger(__name__)


def create_app(
    store: Store,
    publish: Publish,
    hub: Hub,
    accounts: Accounts,
    audit: Audit,
    status: Status | None = None,
    *,
    banner: str | None = None,
    points: int = 2_000,
    rows: int = 500,
    hosts: Collection[str] = (),
    member: MemberOf | None = None,
    link_key: bytes = b"",
    language: str = ENGLISH,
    off: frozenset[str] = frozenset(),
    directory: Directory | None = None,
) -> FastAPI:
    """The application over a store that somebody else fills (`feed`) and a hub that somebody else tells.

    points, rows: bounds of one answer. hosts: the names it answers to, empty for any. member: another
    way to know who asks than the door's session; link_key: what signs the links in messages, empty for none;
    language: in which alerts are told; off: ids of modifiers and gene pairs that the deployment leaves out;
    directory: the care teams, if there is a file of them.
    """
    status = status or Status()
    door = Door(accounts, audit)
    figures = Figures(store, hub, status, audit)
    colleagues = Colleagues(accounts, directory)
    desk = Desk(store, audit, publish, hub, colleagues, status, figures, banner, points, rows, language, off)
    who = member or door.member
    app = FastAPI(title="homebeat desk", docs_url=None, redoc_url=None, openapi_url=None)
    routers = (acting(desk, who), looking(desk, who), people(desk, Staff(accounts, audit), who))
    for router in (door.routes(), *routers, live(desk, who, door.still if member is None else None)):
        app.include_router(router)
    if link_key:
        app.include_router(answering(desk, accounts, link_key))
    _add_operators(app, desk)
    _add_page(app)
    _add_problems(app, desk)
    app.add_middleware(GZipMiddleware, minimum_size=2048, compresslevel=4)
    app.add_middleware(Guard, hosts=hosts, told=_told_to(audit))
    return app


def _told_to(audit: Audit) -> Told:
    """What the guard refuses goes to the audit, with where it came from: nobody knows yet who it was."""

    async def told(scope: Scope, status: int, why: str) -> None:
        came_from = scope["client"][0] if scope.get("client") else "-"
        detail = {"status": status, "path": str(scope["path"]), "address": came_from}
        await run_in_threadpool(lambda: audit.refused(came_from, "-", "desk.refused", why=why, **detail))

    return told


def _add_page(app: FastAPI) -> None:
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", media_type="text/html")


def _add_operators(app: FastAPI, desk: Desk) -> None:
    @app.get("/healthz", include_in_schema=False)
    def healthz() -> PlainTextResponse:
        return PlainTextResponse("alive\n")

    @app.get("/readyz", include_in_schema=False)
    def readyz() -> PlainTextResponse:
        return PlainTextResponse(desk.status.sentence + "\n", 200 if desk.status.ready else 503)

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(generate_latest(desk.figures.registry), media_type=CONTENT_TYPE_LATEST)


def _add_problems(app: FastAPI, desk: Desk) -> None:
    """Every refusal is JSON with one `error` that a person can read."""

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": error.detail}, error.status_code, dict(error.headers or {}))

    @app.exception_handler(AuditFull)
    async def unaudited(_: Request, error: AuditFull) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 503)

    async def away(_: Request, error: Exception) -> JSONResponse:
        log.warning("the desk's database does not answer: %s", one_line(error))
        return JSONResponse({"error": "The desk's database does not answer. Please try again."}, 503)

    for kind in AWAY:
        app.add_exception_handler(kind, away)

    @app.exception_handler(RequestValidationError)
    async def misshapen(request: Request, error: RequestValidationError) -> JSONResponse:
        fields = [_field(one) for one in error.errors()]
        asking = getattr(request.state, "member", None)
        if asking is not None and request.method != "GET":
            names = ",".join(sorted(one["field"] for one in fields))
            await run_in_threadpool(desk.refused, asking, request, "misshapen", fields=names)
        sentence = "; ".join(f"{one['field']}: {one['problem']}" if one["field"] else one["problem"] for one in fields)
        return JSONResponse({"error": sentence, "fields": fields}, 422)


def _field(error: dict[str, Any]) -> dict[str, str]:
    """What is wrong and where. What was sent is not repeated: it may be about a patient."""
    place = [str(part) for part in error["loc"] if part not in ("body", "query", "path")]
    return {"field": ".".join(place), "problem": str(error["msg"]).removeprefix("Value error, ")}
