"""What every answer carries and every request has to pass: the page is about patients, and the browser is shared.

Host is checked, so that a foreign name that points to this machine (DNS rebinding) reads nothing; Origin, so that
another page in the same browser cannot act; sizes, so that nobody fills the memory. Plain ASGI, because the live stream
must not be buffered.
"""

import json
from collections.abc import Awaitable, Callable, Collection
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 16 * 1024
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
NO_STORE = (b"cache-control", b"no-store")
REVALIDATE = (b"cache-control", b"no-cache")


Told = Callable[[Scope, int, str], Awaitable[None]]
"""Hears of every refusal: the request, its status and why."""


async def _tell_nobody(scope: Scope, status: int, why: str) -> None:
    """For an application without an audit."""


class Guard:
    """ASGI middleware. hosts: names by which the desk may be asked, empty lets any pass; told: hears of refusals."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] = (), told: Told = _tell_nobody) -> None:
        self._app, self._hosts, self._told = app, frozenset(host.lower() for host in hosts), told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _with_ours(message.get("headers", []), str(scope["path"]))
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, guarded)
        else:
            await self._told(scope, *refusal)
            await _refuse(*refusal, guarded)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if self._hosts and _name(host) not in self._hosts:
            return 400, "this host name does not belong to the desk"
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            return 400, "no address of the desk holds a NUL"
        if scope["method"] not in ("POST", "PUT", "PATCH", "DELETE"):
            return None
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "actions are taken from the desk's own page only"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return 403, "actions are taken from the desk's own page only"
        length = headers.get("content-length", "0" if scope["method"] == "DELETE" else "")
        if "transfer-encoding" in headers or not length.isdigit():
            return 411, "a body of known length is needed"
        return None if int(length) <= MAX_BODY_BYTES else (413, f"at most {MAX_BODY_BYTES} bytes")


def _name(host: str) -> str:
    """The name without its port: `[::1]:8460` -> `::1`."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _with_ours(headers: Any, path: str) -> list[tuple[bytes, bytes]]:
    ours = (*HEADERS, REVALIDATE if path.startswith("/static/") else NO_STORE)
    names = {name for name, _ in ours}
    return [*((name, value) for name, value in headers if name.lower() not in names), *ours]


async def _refuse(status: int, why: str, send: Send) -> None:
    body = json.dumps({"error": why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
