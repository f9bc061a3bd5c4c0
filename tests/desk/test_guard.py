"""The guard alone, at its very limits: what passes and what is refused, before anything of the desk is asked."""

import asyncio
from typing import Any

import pytest

from alerts.desk.guard import MAX_BODY_BYTES, Guard

GOOD = {"host": "Desk.example:8460", "content-length": "2"}


def answered(method: str = "POST", query: str = "", path: str = "/api/alerts", **headers: str | None) -> int:
    """The status of a request with these headers beside GOOD (None: without); 200 from the desk behind the guard."""
    sent: list[Any] = []
    given = GOOD | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [(name.encode(), value.encode()) for name, value in given.items() if value is not None]
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": lines}

    async def desk(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("the guard decides without a body")

    asyncio.run(Guard(desk, ["desk.example", "::1"])(scope, receive, send))
    return int(sent[0]["status"])


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_change_comes_from_the_desks_own_page_with_a_body_that_has_an_end(method: str) -> None:
    own = [
        answered(method, **headers)
        for headers in (
            {}, {"sec_fetch_site": "same-origin"}, {"sec_fetch_site": "none"}, {"origin": "https://desk.example:8460"},
            {"content_length": str(MAX_BODY_BYTES)},
        )
    ]  # fmt: skip
    assert own == [200] * 5
    elsewhere = [{"sec_fetch_site": site} for site in ("same-site", "cross-site", "")]
    elsewhere += [
        {"origin": origin} for origin in ("null", "", "https://desk.example", "https://desk.example:8460.evil")
    ]
    assert [answered(method, **headers) for headers in elsewhere] == [403] * len(elsewhere)
    assert answered(method, content_length=str(MAX_BODY_BYTES + 1)) == 413
    endless = [{"transfer_encoding": "chunked"}, {"content_length": "-1"}, {"content_length": "1e3"}]
    assert [answered(method, **headers) for headers in endless] == [411] * 3
    assert answered(method, content_length=None) == (200 if method == "DELETE" else 411)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_whatever_is_asked_is_asked_by_a_name_of_the_desk_and_without_a_nul(method: str) -> None:
    assert [answered(method, host=host) for host in ("DESK.example", "[::1]:8460")] == [200, 200]
    foreign = [
        "",
        "evil.example",
        "desk.example.evil",
        "evil.example:desk.example",
        "[::1",
        "desk.example@evil.example",
    ]
    assert [answered(method, host=host) for host in (*foreign, None)] == [400] * 7
    assert [answered(method, path="/a\0"), answered(method, query="a=%00")] == [400, 400]


def test_a_look_may_come_from_anywhere() -> None:
    """A link in a message is opened from the mail programme; what is shown needs the session all the same."""
    assert answered("GET", sec_fetch_site="cross-site", origin="https://mail.example", content_length=None) == 200
