"""The reading half of the API: the worklist, one alert, a patient's vitals. Handlers run in threads and may block."""

import math
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime

from alerts.desk.about import in_words
from alerts.desk.chart import Window, gap_s
from alerts.desk.consent import Withdrawal
from alerts.desk.cost import OUTCOMES, cost
from alerts.desk.desk import Desk, MemberOf
from alerts.desk.early_warning import at_rest, early_warning
from alerts.desk.handover import PART_MAX, handover
from alerts.desk.incidents import others_of
from alerts.desk.members import Member
from alerts.desk.states import standing_of
from alerts.desk.wanted import Wanted, Whose
from alerts.desk.windows import Span, Thinned
from alerts.desk.worklist import ANSWER_WITHIN_S, View, instant
from alerts.events import Category
from models.findings import Severity
from models.vitals import BY_NAME

HOURS = Annotated[float, Query(gt=0, le=168)]
DAYS = Annotated[float, Query(gt=0, le=365)]
ALERTS_DAYS = 90


def looking(desk: Desk, member: MemberOf) -> APIRouter:
    """The routes of everything that can be looked at."""
    router = APIRouter(prefix="/api")
    _add_alerts(router, desk, member)
    _add_patients(router, desk, member)

    @router.get("/desk")
    def about(asking: Annotated[Member, Depends(member)]) -> Any:
        who = {"id": asking.id, "name": asking.name, "role": asking.role, "teams": sorted(asking.teams)}
        may = {"act": asking.may_act, "lead": asking.may_lead, "admit": asking.may_admit}
        own = {"banner": desk.banner, "language": desk.language, "member": {**who, "may": may}, "csrf": asking.csrf}
        words = [asdict(outcome) for outcome in OUTCOMES]
        return _json({**own, "answer_within_s": ANSWER_WITHIN_S, "outcomes": words, **desk.counters(asking)})

    @router.get("/handover")
    def shift(asking: Annotated[Member, Depends(member)], hours: HOURS = 12.0) -> Any:
        desk.audit.look(asking, "desk.saw_handover", hours=hours)
        since_s = (desk.store.log_time_s or 0.0) - hours * 3600
        return _json(
            {"since": instant(since_s), "log_time": instant(desk.store.log_time_s), **_shift(desk, asking, since_s)}
        )

    @router.get("/cost")
    def burden(request: Request, asking: Annotated[Member, Depends(member)], days: DAYS = 7.0) -> Any:
        if not asking.may_lead:
            desk.refused(asking, request, "role")
            raise HTTPException(403, "what alerts cost is for leads")
        desk.audit.look(asking, "desk.saw_cost", days=days)
        return _json({"log_time": instant(desk.store.log_time_s), **cost(desk.store, asking.scope, days)})

    return router


def _shift(desk: Desk, asking: Member, since_s: float) -> dict[str, Any]:
    """The parts of the hand-over, with the words about incidents, asked for once for all of them."""
    parts = handover(desk.store, asking.scope, since_s, min(PART_MAX, desk.rows))
    shown = iter(desk.shown([one for part in parts.values() for one in part.alerts], asking))
    found: dict[str, Any] = {name: list(islice(shown, len(part.alerts))) for name, part in parts.items()}
    return found | {f"{name}_more": part.more for name, part in parts.items()}


def _add_patients(router: APIRouter, desk: Desk, member: MemberOf) -> None:
    @router.get("/patients")
    def find(asking: Annotated[Member, Depends(member)], begins: Annotated[str, Query(max_length=128)] = "") -> Any:
        desk.audit.look(asking, "desk.searched", begins=begins)
        found = desk.store.find(begins, asking.scope)
        return _json({"patients": [{"patient": name, "care_team": team} for name, team in found]})

    @router.get("/patients/{patient:path}/vitals")
    def vitals(
        patient: str, request: Request, asking: Annotated[Member, Depends(member)], vital: str | None = None,
        since: AwareDatetime | None = None, until: AwareDatetime | None = None,
        points: Annotated[int | None, Query(ge=1)] = None, without: Annotated[tuple[str, ...], Query()] = (),
    ) -> Any:  # fmt: skip
        desk.patient(patient, asking, request)
        desk.audit.look(asking, "desk.saw_patient", patient=patient)
        names = [vital] if vital else [one for one in desk.store.vitals_of(patient) if one not in without]
        most = max(min(points or desk.points, desk.points) // max(len(names), 1), 1)
        cadences = {name: _cadence_s(name) for name in names}
        found = desk.store.thinned(patient, cadences, _span(since, until), most)
        charts = [_chart(name, one) for name, one in zip(names, found, strict=True)]
        known = {"log_time": instant(desk.store.log_time_s), "withdrawn": _withdrawn(desk.store.withdrawn(patient))}
        return _json({"patient": patient, **known, "vitals": charts})

    @router.get("/patients/{patient:path}/reach")
    def reach(
        patient: str, request: Request, asking: Annotated[Member, Depends(member)], vital: str,
        since: AwareDatetime | None = None, until: AwareDatetime | None = None,
    ) -> Any:  # fmt: skip
        desk.patient(patient, asking, request)
        desk.audit.look(asking, "desk.saw_patient", patient=patient)
        first_s, windows = desk.store.reach(patient, vital, _span(since, until))
        return _json({"patient": patient, "vital": vital, "first": instant(first_s), "windows": windows})

    @router.get("/patients/{patient:path}/states")
    def states(patient: str, request: Request, asking: Annotated[Member, Depends(member)]) -> Any:
        desk.patient(patient, asking, request)
        desk.audit.look(asking, "desk.saw_patient", patient=patient)
        now_s = desk.store.log_time_s
        standing = [standing_of(*one, now_s) for one in desk.store.newest(patient)]
        score = early_warning(desk.store.newest(patient, at_rest()), desk.store.profile(patient), now_s)
        known = {"log_time": instant(now_s), "withdrawn": _withdrawn(desk.store.withdrawn(patient))}
        return _json({"patient": patient, **known, "vitals": standing, "news2": score})

    @router.get("/patients/{patient:path}")
    def whole(patient: str, request: Request, asking: Annotated[Member, Depends(member)]) -> Any:
        team = desk.patient(patient, asking, request)
        desk.audit.look(asking, "desk.saw_patient", patient=patient)
        return _json(_whole(desk, patient, team, asking))


def _withdrawn(found: list[Withdrawal]) -> list[dict[str, Any]]:
    """What is not shown of a patient: `vital` (null: everything), `since`, `words`."""
    return [{"vital": one.vital, "since": instant(one.since_s), "words": one.words} for one in found]


def _whole(desk: Desk, patient: str, team: str | None, asking: Member) -> dict[str, Any]:
    """What the desk knows of a patient besides the vitals."""
    now_s, withdrawn = desk.store.log_time_s or 0.0, desk.store.withdrawn(patient)
    alerts = desk.store.alerts_of(patient, now_s - ALERTS_DAYS * 86_400)
    events = desk.store.events_of([one.latest.alert_id for one in alerts])
    return {
        "patient": patient,
        "care_team": team,
        "log_time": instant(desk.store.log_time_s),
        "about": in_words(
            desk.store.profile(patient), datetime.fromtimestamp(now_s, UTC), desk.language, desk.off, withdrawn
        ),
        "withdrawn": _withdrawn(withdrawn),
        "alerts": desk.shown(alerts, asking),
        "actions": [
            {"alert_id": e.alert_id, "event": e.event, "at": e.decided_at, "by": e.by, "reason": e.reason}
            for e in events
            if e.by
        ],
    }


def _add_alerts(router: APIRouter, desk: Desk, member: MemberOf) -> None:
    @router.get("/alerts")
    def worklist(
        asking: Annotated[Member, Depends(member)], view: View | None = None,
        limit: Annotated[int, Query(ge=1)] = 500, severity: Annotated[tuple[Severity, ...], Query()] = (),
        category: Category | None = None, team: Annotated[str | None, Query(max_length=128)] = None,
        patient: Annotated[str | None, Query(max_length=128)] = None, whose: Whose | None = None,
        overdue: bool = False, rule: Annotated[str | None, Query(max_length=128)] = None,
    ) -> Any:  # fmt: skip
        desk.audit.look(asking, "desk.saw_worklist", view=view or "all")
        wanted = Wanted(severity, category, team, patient, whose, asking.id, overdue, rule)
        rows = desk.store.worklist(view, min(limit, desk.rows), asking.scope, wanted)
        return _json({**desk.counters(asking), "alerts": desk.shown(rows, asking)})

    @router.get("/alerts/{alert_id:path}")
    def alert(alert_id: str, request: Request, asking: Annotated[Member, Depends(member)]) -> Any:
        found = desk.alert(alert_id, asking, request)
        desk.audit.look(asking, "desk.saw_alert", alert_id=alert_id, patient=found.latest.patient)
        events = [msgspec.to_builtins(event) for event in desk.store.events(alert_id)]
        others = others_of(desk.store, [found], asking.scope).get(alert_id, [])
        alert, *mates = desk.shown([found, *others], asking)
        return _json({"alert": alert, "events": events, "incident": mates})


def _json(content: Any) -> Response:
    """An answer as it is, without a second look at every value: there may be thousands of windows in it."""
    return Response(msgspec.json.encode(content), media_type="application/json")


def _span(since: datetime | None, until: datetime | None) -> Span:
    return since.timestamp() if since else None, until.timestamp() if until else None


def _cadence_s(vital: str) -> float:
    known = BY_NAME.get(vital)
    return known.cadence_s if known else 0.0


def _chart(name: str, found: Thinned) -> dict[str, Any]:
    """One vital for a chart. gap_s: from which distance between two starts on something is missing."""
    known = BY_NAME.get(name)
    missing_s = gap_s(found.windows, _cadence_s(name))
    return {
        "vital": name,
        "label": known.label if known else name,
        "unit": known.unit if known else None,
        "thinned": len(found.windows) < found.full,
        "gap_s": missing_s if math.isfinite(missing_s) else None,
        "windows": [_shown(one) for one in found.windows],
    }


def _shown(one: Window) -> dict[str, Any]:
    shown = vars(one).copy()
    return {"start": instant(shown.pop("start_s")), **shown}
