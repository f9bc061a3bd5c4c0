"""The live half of the API: server-sent events to every open page.

`counters`: the head of the page; also the sign of life of the stream behind the desk. `alerts`: alerts with news, as
the worklist shows them. `vitals`: patients with new windows. `reload`: so much is new that the page should ask for all.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Depends, HTTPException
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from alerts.desk.desk import Desk, MemberOf
from alerts.desk.hub import News

BEAT_S = 5.0
"""How often a page hears of the counters when nothing happens."""
SEND_TIMEOUT_S = 30.0


def live(desk: Desk, member: MemberOf) -> APIRouter:
    """The route on which pages listen."""
    router = APIRouter(dependencies=[Depends(member)])

    @router.get("/events")
    async def events() -> EventSourceResponse:
        if desk.hub.full:
            raise HTTPException(503, "too many pages are open already")
        return EventSourceResponse(_messages(desk), ping=15, send_timeout=SEND_TIMEOUT_S)

    return router


async def _messages(desk: Desk) -> AsyncIterator[ServerSentEvent]:
    with desk.hub.page() as page:
        yield await _counters(desk)
        while (news := await page.next(BEAT_S)) is not None:
            if news.everything:
                yield _message("reload", {})
            elif news.alerts:
                yield await run_in_threadpool(_alerts, desk, news)
            if news.patients:
                yield _message("vitals", {"patients": sorted(news.patients)})
            yield await _counters(desk)


def _alerts(desk: Desk, news: News) -> ServerSentEvent:
    now_s = desk.store.log_time_s
    return _message("alerts", {"alerts": [one.shown(now_s) for one in desk.store.standings(news.alerts)]})


async def _counters(desk: Desk) -> ServerSentEvent:
    return _message("counters", await run_in_threadpool(desk.counters))


def _message(event: str, data: dict[str, Any]) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(data), event=event)
