"""A small webhook receiver: what the demo posts to, and an example of how to receive homebeat's alerts.

It checks the signature, does the work once per `Idempotency-Key` however often a message comes, and shows what it has
seen at `GET /received`. Memory only, bounded.
"""

import json
import time
from collections import OrderedDict, deque
from typing import Any

from aiohttp import web

from alerts.channels.protocol import Clock
from alerts.channels.signature import KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, verified

MAX_BODY_BYTES = 256 * 1024
KEEP_EVENTS = 200
KEEP_KEYS = 10_000


class Received:
    """What has come: a count for each idempotency key, and the newest events, each once. Both bounded."""

    def __init__(self, keep_events: int = KEEP_EVENTS, keep_keys: int = KEEP_KEYS) -> None:
        self.requests = 0
        self.unique = 0
        self.refused = 0
        self.counts: OrderedDict[str, int] = OrderedDict()
        self.last: deque[dict[str, Any]] = deque(maxlen=keep_events)
        self._keep_keys = keep_keys

    def take(self, key: str, event: dict[str, Any]) -> bool:
        """Count one message; True when its key is new and the work has to be done."""
        self.requests += 1
        new = key not in self.counts
        self.counts[key] = self.counts.get(key, 0) + 1
        self.counts.move_to_end(key)
        if new:
            self.unique += 1
            self.last.append(event)
        while len(self.counts) > self._keep_keys:
            self.counts.popitem(last=False)
        return new

    def shown(self) -> dict[str, Any]:
        """Everything as plain JSON values, the newest event last."""
        return {
            "requests": self.requests,
            "unique": self.unique,
            "refused": self.refused,
            "counts": dict(self.counts),
            "last": list(self.last),
        }


RECEIVED: web.AppKey[Received] = web.AppKey("received", Received)


def create_receiver(secret: bytes | None, now: Clock = time.time) -> web.Application:
    """The receiver as an aiohttp application: POST anywhere, GET /received. Without a secret nothing is verified."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    received = app[RECEIVED] = Received()

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        refusal = _refusal(request, body, secret, now())
        event = _event(body)
        if refusal or event is None:
            received.refused += 1
            return _problem(*(refusal or (400, "the body should be a JSON object")))
        new = received.take(request.headers[KEY_HEADER], event)
        return web.json_response({"new": new})

    async def show(_: web.Request) -> web.Response:
        return web.json_response(received.shown())

    app.router.add_get("/received", show)
    app.router.add_post("/{path:.*}", take)
    return app


def _refusal(request: web.Request, body: bytes, secret: bytes | None, now_s: float) -> tuple[int, str] | None:
    key = request.headers.get(KEY_HEADER, "")
    if not key or len(key) > 256:
        return 400, f"{KEY_HEADER} is missing or too long"
    if secret is None:
        return None
    timestamp, given = request.headers.get(TIMESTAMP_HEADER, ""), request.headers.get(SIGNATURE_HEADER, "")
    if verified(secret, key, timestamp, given, body, now_s):
        return None
    return 401, f"{SIGNATURE_HEADER} does not fit, or is too old"


def _event(body: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(body)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _problem(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)
