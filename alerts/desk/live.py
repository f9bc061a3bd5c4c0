"""The live half of the API: server-sent events to every open page.

`counters`: the head of the page; also the sign of life of the stream behind the desk. `alerts`: alerts with news, as
the worklist shows them, and as `beside` what changes of others because they are one incident with them. `vitals`:
patients with new windows. Both name, as `gone`, who could be seen until now and went to another team. `reload`: so
much is new that the page should ask for all. `member`: who listens may see or do something else from now on.
`signed_out`: their session is over.
"""

import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from alerts.desk.desk import Desk, MemberOf
from alerts.desk.hub import News
from alerts.desk.incidents import others_of
from alerts.desk.members import Member
from alerts.desk.worklist import Standing

BEAT_S = 5.0
"""How often a page hears of the counters when nothing happens."""
SEND_TIMEOUT_S = 30.0
Still = Callable[[Request], Member | None]


def live(desk: Desk, member: MemberOf, still: Still | None) -> APIRouter:
    """The route on which pages listen. still: who listens as of now, asked again with every message; None where only
    another provider knows that."""
    router = APIRouter()

    @router.get("/events")
    def events(request: Request, asking: Annotated[Member, Depends(member)]) -> EventSourceResponse:
        if desk.hub.full:
            raise HTTPException(503, "too many pages are open already")
        desk.audit.look(asking, "desk.listened")
        messages = _messages(desk, asking, lambda: still(request) if still else asking)
        return EventSourceResponse(messages, ping=15, send_timeout=SEND_TIMEOUT_S)

    return router


async def _messages(desk: Desk, asking: Member, still: Callable[[], Member | None]) -> AsyncIterator[ServerSentEvent]:
    with desk.hub.page() as page:
        yield await _counters(desk, asking)
        while (news := await page.next(BEAT_S)) is not None:
            now = await run_in_threadpool(still)
            if now is None:
                yield _message("signed_out", {})
                return
            if now != asking:
                asking = now
                yield _message("member", {})
            if news.everything:
                yield _message("reload", {})
            elif news.alerts:
                yield await run_in_threadpool(_alerts, desk, asking, news)
            if news.patients:
                yield await run_in_threadpool(_patients, desk, asking, news)
            yield await _counters(desk, asking)


def _alerts(desk: Desk, asking: Member, news: News) -> ServerSentEvent:
    sees = asking.scope.sees
    found = desk.store.standings(news.alerts)
    mine = [one for one in found if sees(one.team)]
    gone = [one.latest.alert_id for one in found if not sees(one.team) and _saw(asking, one.latest.patient, news)]
    told = {"alerts": desk.shown(mine, asking), "gone": gone, "beside": _beside(desk, asking, mine)}
    return _message("alerts", told)


def _beside(desk: Desk, asking: Member, news: list[Standing]) -> list[dict[str, Any]]:
    """What is said from now on of others of the same incidents, of which there are no news of their own."""
    own = {one.latest.alert_id for one in news}
    several = others_of(desk.store, news, asking.scope).values()
    others = {one.latest.alert_id: one for mates in several for one in mates}
    shown = desk.shown([one for name, one in others.items() if name not in own], asking)
    return [{name: one[name] for name in ("alert_id", "incident_words")} for one in shown]


def _patients(desk: Desk, asking: Member, news: News) -> ServerSentEvent:
    seen = desk.store.seen(sorted(news.patients), asking.scope)
    gone = [one for one in sorted(news.former) if one not in seen and _saw(asking, one, news)]
    return _message("vitals", {"patients": seen, "gone": gone})


def _saw(asking: Member, patient: str, news: News) -> bool:
    """Whether a patient who has moved could be seen before: of whom else it is said would tell them who that is."""
    return any(asking.scope.sees(team) for team in news.former.get(patient, ()))


async def _counters(desk: Desk, asking: Member) -> ServerSentEvent:
    return _message("counters", await run_in_threadpool(desk.counters, asking))


def _message(event: str, data: dict[str, Any]) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(data), event=event)
