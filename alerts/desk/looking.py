"""The reading half of the API: the worklist, one alert, a patient's vitals. Handlers run in threads and may block."""

import math
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import AwareDatetime

from alerts.desk.chart import Window, gap_s, thinned
from alerts.desk.desk import Desk, MemberOf
from alerts.desk.members import Member
from alerts.desk.states import standing_of
from alerts.desk.worklist import ANSWER_WITHIN_S, View, instant
from models.vitals import BY_NAME


def looking(desk: Desk, member: MemberOf) -> APIRouter:
    """The routes of everything that can be looked at."""
    router = APIRouter(prefix="/api", dependencies=[Depends(member)])
    _add_alerts(router, desk)

    @router.get("/desk")
    def about(asking: Annotated[Member, Depends(member)]) -> dict[str, Any]:
        own = {"banner": desk.banner, "member": asdict(asking), "answer_within_s": ANSWER_WITHIN_S}
        return {**own, **desk.counters()}

    @router.get("/patients/{patient:path}/vitals")
    def vitals(
        patient: str, vital: str | None = None, since: AwareDatetime | None = None, until: AwareDatetime | None = None
    ) -> dict[str, Any]:
        names = [vital] if vital else desk.store.vitals_of(patient)
        points = max(desk.points // max(len(names), 1), 1)
        span = since.timestamp() if since else None, until.timestamp() if until else None
        charts = [_chart(name, desk.store.windows(patient, name, *span), points) for name in names]
        return {"patient": patient, "log_time": instant(desk.store.log_time_s), "vitals": charts}

    @router.get("/patients/{patient:path}/states")
    def states(patient: str) -> dict[str, Any]:
        now_s = desk.store.log_time_s
        standing = [standing_of(*one, now_s) for one in desk.store.newest(patient)]
        return {"patient": patient, "log_time": instant(now_s), "vitals": standing}

    return router


def _add_alerts(router: APIRouter, desk: Desk) -> None:
    @router.get("/alerts")
    def worklist(view: View | None = None, limit: Annotated[int, Query(ge=1)] = 500) -> dict[str, Any]:
        now_s = desk.store.log_time_s
        rows = desk.store.worklist(view, min(limit, desk.rows))
        return {**desk.counters(), "alerts": [one.shown(now_s) for one in rows]}

    @router.get("/alerts/{alert_id:path}")
    def alert(alert_id: str) -> dict[str, Any]:
        found = desk.store.standings([alert_id])
        if not found:
            raise HTTPException(404, "no such alert")
        events = [msgspec.to_builtins(event) for event in desk.store.events(alert_id)]
        return {"alert": found[0].shown(desk.store.log_time_s), "events": events}


def _chart(name: str, windows: list[Window], points: int) -> dict[str, Any]:
    """One vital for a chart. gap_s: from which distance between two starts on something is missing."""
    known = BY_NAME.get(name)
    cadence_s = known.cadence_s if known else 0.0
    shown = thinned(windows, points, cadence_s)
    missing_s = gap_s(shown, cadence_s)
    return {
        "vital": name,
        "label": known.label if known else name,
        "unit": known.unit if known else None,
        "thinned": len(shown) < len(windows),
        "gap_s": missing_s if math.isfinite(missing_s) else None,
        "windows": [_shown(one) for one in shown],
    }


def _shown(one: Window) -> dict[str, Any]:
    shown = vars(one).copy()
    return {"start": instant(shown.pop("start_s")), **shown}
