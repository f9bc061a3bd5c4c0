"""What a request is answered, and the refusals of whole requests, each with its status and how to mend it."""

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

ASK_AGAIN_S = 5
"""When to try again what Kafka did not take: a cluster has elected another leader by then, or needs longer anyway."""
ASK_AGAIN_SOON_S = 1
"""When there was no room: what is under way is over in a moment."""
HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class RequestRefused(Exception):
    """A request that is not looked into. retry_s: when to ask again; challenge: how to identify oneself."""

    def __init__(self, status: int, sentence: str, *, retry_s: int | None = None, challenge: bool = False) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence
        self.headers: dict[str, str] = {}
        if retry_s is not None:
            self.headers["retry-after"] = str(retry_s)
        if challenge:
            self.headers["www-authenticate"] = 'Bearer realm="homebeat"'

    def response(self) -> Response:
        return answer(self.status, {"error": self.sentence}, self.headers)


def answer(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    """JSON, which nobody keeps or takes for a page."""
    content = msgspec.json.encode(body)
    return Response(content, status, {**HEADERS, **(headers or {})}, media_type="application/json")


def unavailable(why: str) -> RequestRefused:
    """Kafka is not there, or too slow; or we are leaving."""
    return RequestRefused(503, f"{why}: send it again", retry_s=ASK_AGAIN_S)
