"""The HTTP doors: `POST /readings`, `PUT` and `DELETE /profiles/{patient}`, and the pages for operators.

Who asks is known before a byte of the body is read, and there is room before it is.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from models.readings import Reason, Refused
from streams import limits
from streams.engine.sources import NAME_CHARS_MAX
from streams.gateway import figures
from streams.gateway.admission import Admission, Answer
from streams.gateway.answers import ASK_AGAIN_S, ASK_AGAIN_SOON_S, RequestRefused, answer, unavailable
from streams.gateway.audit import NOBODY, Audit, Why
from streams.gateway.body import Kind, check_length, is_packed, kind_of, read_body
from streams.gateway.keys import KeyRing, Scope, Sender
from streams.gateway.producing import NotTaken
from streams.gateway.profiles import Profiles
from streams.gateway.records import records_of
from streams.serving import metrics
from streams.serving.process import done_before

SOURCE = "homebeat-source"
STATUS_OF = {Reason.NOT_JSON: 400, Reason.TOO_LARGE: 413}
"""Where all records are refused for one reason that HTTP has a word for; else 422."""
STOPPING = "the gateway is stopping"
WHO = {
    "no_key": (401, "say who you are: Authorization: Bearer KEY, with a key of `homebeat gateway add-key`"),
    "wrong_key": (401, "no integration has this key: `homebeat gateway add-key NAME` makes one"),
}  # fmt: skip


@dataclass(frozen=True)
class Doors:
    """What the application stands on. ready: for /readyz; broker_away: why Kafka cannot be asked, empty when it can;
    stop: set when the gateway leaves."""

    keys: KeyRing
    admission: Admission
    profiles: Profiles
    audit: Audit
    ready: Callable[[], tuple[bool, str]]
    broker_away: Callable[[], str]
    stop: asyncio.Event


def create_app(doors: Doors) -> FastAPI:
    """The application. It keeps nothing but how many requests are under way."""
    app = FastAPI(title="homebeat gateway", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    http = _Http(doors)
    app.add_api_route("/readings", http.readings, methods=["POST"])
    app.add_api_route("/profiles/{patient:path}", http.put_profile, methods=["PUT"])
    app.add_api_route("/profiles/{patient:path}", http.forget, methods=["DELETE"])
    app.add_api_route("/metrics", _metrics, methods=["GET"])
    app.add_api_route("/healthz", _alive, methods=["GET"])
    app.add_api_route("/readyz", http.ready, methods=["GET"])
    app.add_exception_handler(RequestRefused, _refused)
    app.add_exception_handler(HTTPException, _no_door)
    return app


class _Http:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._under_way = 0

    async def readings(self, request: Request) -> Response:
        """Readings, in any of the shapes that a body may have."""
        sender, source = self._sender(request, "readings"), request.headers.get(SOURCE, "")
        source = _source(sender, source)
        kind, began = kind_of(request.headers.get("content-type", "")), time.perf_counter()
        with self._room():
            body = await self._body(request)
            answers = await self._admitted(body, kind, source)
        figures.seconds.observe(time.perf_counter() - began)
        return _of_records(answers)

    async def put_profile(self, request: Request, patient: str) -> Response:
        """A version of a profile."""
        sender = self._sender(request, "profiles")
        if kind_of(request.headers.get("content-type", "")) is not Kind.JSON:
            raise RequestRefused(415, "a profile is one JSON text: send application/json")
        with self._room():
            document = await self._body(request)
            with _of_profile("put"):
                unknown = await self._doors.profiles.put(patient, document, sender)
        return answer(202, {"patient": patient, "status": "accepted", "unknown": unknown})

    async def forget(self, request: Request, patient: str) -> Response:
        """The patient's profile is withdrawn, and the patient forgotten."""
        sender = self._sender(request, "profiles")
        with self._room(), _of_profile("forgotten"):
            await self._doors.profiles.forget(patient, sender)
        return answer(202, {"patient": patient, "status": "accepted"})

    async def ready(self) -> Response:
        """Whether what is sent now would be taken."""
        return _plain(*self._doors.ready())

    def _sender(self, request: Request, scope: Scope) -> Sender:
        """Whose key it is, who may do this. Raises RequestRefused (401, 403, and 429 for who does not give up)."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise self._turned_away(request, NOBODY, "no_key", *WHO["no_key"])
        sender = self._doors.keys.sender(key.strip())
        if sender is None:
            raise self._turned_away(request, NOBODY, "wrong_key", *WHO["wrong_key"])
        if scope not in sender.scopes:
            sentence = f"the key of {sender.name} may not do this: it needs the scope {scope}"
            raise self._turned_away(request, sender.name, "no_scope", 403, sentence)
        return sender

    def _turned_away(self, request: Request, by: str, why: Why, status: int, sentence: str) -> RequestRefused:
        address = request.client.host if request.client else NOBODY
        if self._doors.audit.refused(address, by, why):
            return RequestRefused(429, f"{sentence}. So much was refused to you that it is only counted", retry_s=60)
        return RequestRefused(status, sentence, challenge=status == 401)

    @contextlib.contextmanager
    def _room(self) -> Iterator[None]:
        """A place for a request. Raises RequestRefused where there is none, or nothing could come of it."""
        if self._doors.stop.is_set():
            raise unavailable(STOPPING)
        if why := self._doors.broker_away():
            raise unavailable(why)
        if self._under_way >= limits.GATEWAY_REQUESTS_MAX:
            most = limits.GATEWAY_REQUESTS_MAX
            raise RequestRefused(429, f"{most} requests are under way: send it again", retry_s=ASK_AGAIN_SOON_S)
        self._under_way += 1
        figures.under_way.set(self._under_way)
        try:
            yield
        finally:
            self._under_way -= 1
            figures.under_way.set(self._under_way)

    async def _body(self, request: Request) -> bytes:
        """The body, unpacked. Raises RequestRefused."""
        packed = is_packed(request.headers.get("content-encoding", ""))
        check_length(request.headers.get("content-length"))
        reading = asyncio.ensure_future(read_body(request.stream(), packed=packed))
        try:
            async with asyncio.timeout(limits.GATEWAY_BODY_WITHIN_S):
                if await done_before(self._doors.stop, _awaited(reading)):
                    return reading.result()
        except TimeoutError:
            seconds = f"{limits.GATEWAY_BODY_WITHIN_S:g} s"
            raise RequestRefused(408, f"the body did not come within {seconds}: send smaller batches") from None
        except ClientDisconnect:
            raise RequestRefused(400, "the body ended before its end") from None
        raise unavailable(STOPPING)

    async def _admitted(self, body: bytes, kind: Kind, source: str) -> list[Answer]:
        """An answer for each record, counted. Raises RequestRefused for more of them than are taken."""
        admission = self._doors.admission
        try:
            records = records_of(body, kind)
        except Refused as refused:
            if refused.reason is Reason.TOO_LARGE:
                raise RequestRefused(413, refused.detail) from None
            answers = await admission.refuse(body, refused, source)
        else:
            answers = await admission.admit(records, source)
        figures.count("http", answers)
        return answers


async def _awaited(reading: "asyncio.Future[bytes]") -> None:
    await reading


def _source(sender: Sender, named: str) -> str:
    """The key's name, or a source that the request names under it. Raises RequestRefused."""
    if not named:
        return sender.name
    source = named if named.startswith(f"{sender.name}/") else f"{sender.name}/{named}"
    if len(source) > NAME_CHARS_MAX or not all("!" <= letter <= "~" for letter in source):
        raise RequestRefused(
            400, f"the header {SOURCE} names a source under the key's name: printable ASCII without spaces, "
            f"{NAME_CHARS_MAX} characters at most with the name",
        )  # fmt: skip
    return source


def _of_records(answers: list[Answer]) -> Response:
    found = Counter(one.status for one in answers)
    counts = {status: found[status] for status in ("accepted", "rejected", "failed")}
    headers = {"retry-after": str(ASK_AGAIN_S)} if found["failed"] else {}
    return answer(_status(answers, found), {"received": len(answers), **counts, "records": answers}, headers)


def _status(answers: list[Answer], found: Counter[Any]) -> int:
    """One word for all of them."""
    if found["failed"]:
        return 503
    if not found["rejected"]:
        return 202
    if found["accepted"]:
        return 207
    reasons = {one.reason for one in answers}
    return STATUS_OF.get(reasons.pop(), 422) if len(reasons) == 1 else 422  # type: ignore[arg-type]


@contextlib.contextmanager
def _of_profile(done: str) -> Iterator[None]:
    """Count what became of a profile. Raises RequestRefused for what can be answered."""
    outcome = "failed"
    try:
        yield
        outcome = done
    except Refused as refused:
        outcome = "rejected"
        raise RequestRefused(STATUS_OF.get(refused.reason, 422), f"{refused.reason}: {refused.detail}") from None
    except NotTaken:
        raise unavailable("Kafka did not acknowledge it in time") from None
    finally:
        figures.profiles.labels(outcome).inc()


async def _refused(_: Request, refused: Exception) -> Response:
    if not isinstance(refused, RequestRefused):  # for which alone it is registered
        raise refused
    figures.refused.labels(refused.status).inc()
    return refused.response()


async def _no_door(_: Request, wrong: Exception) -> Response:
    status = wrong.status_code if isinstance(wrong, HTTPException) else 500
    figures.refused.labels(status).inc()
    sentence = "there is POST /readings, PUT and DELETE /profiles/PATIENT, GET /metrics /healthz /readyz"
    return answer(status, {"error": sentence}, getattr(wrong, "headers", None))


async def _metrics() -> Response:
    """In the loop, in which all is counted, and not in a thread: so the figures fit together."""
    body, content_type = metrics.exposition()
    return Response(body, headers={"content-type": content_type})


async def _alive() -> Response:
    return _plain(True, "alive")


def _plain(good: bool, sentence: str) -> Response:
    return Response(f"{sentence}\n", 200 if good else 503, media_type="text/plain")
