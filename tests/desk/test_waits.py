"""How long alerts wait: operators and leads see the same figures."""

import bisect
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from alerts.desk import create_app
from alerts.desk.audit import Audit
from alerts.desk.figures import Status
from alerts.desk.hub import Hub
from alerts.desk.waits import BUCKETS_S
from alerts.events import AlertEvent
from models.findings import SEVERITIES
from tests.channels.events import alert
from tests.desk.ward import Ward


@pytest.fixture
async def client(ward: Ward, client: httpx.AsyncClient) -> httpx.AsyncClient:
    await ward.signed_in(client, "admin")
    return client


def at(minutes: float) -> str:
    return f"2026-01-06T{8 + int(minutes) // 60:02d}:{int(minutes) % 60:02d}:{round(minutes % 1 * 60):02d}Z"


def answered(alert_id: str, after: float, severity: str = "urgent", **changed: Any) -> list[AlertEvent]:
    """An alert of eight o'clock that somebody takes up so many minutes later."""
    first = alert(alert_id, severity=severity, decided_at=at(0), **changed)
    taken = {"event": "acknowledged", "state": "acknowledged", "by": "nurse-1", "decided_at": at(after)}
    return [first, alert(alert_id, 2, severity=severity, **{**taken, **changed})]


async def figures(client: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    """The samples of /metrics by name, severity, and bound of a bucket."""
    text = (await client.get("/metrics")).text
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    names = ("severity", "le")
    return {(one.name, *(one.labels[name] for name in names if name in one.labels)): one.value for one in samples}


async def put_a_day(ward: Ward) -> None:
    emergencies = [answered(f"e-{n}", minutes, "emergency") for n, minutes in enumerate((0.5, 4, 5, 7))]
    urgent = [answered(f"u-{n}", minutes) for n, minutes in enumerate((10, 60, 61, 200))]
    past = answered("past", 3, retrospective=True)
    waiting = [alert("w-1", severity="emergency", decided_at=at(300)), alert("w-2", decided_at=at(180))]
    for events in (*emergencies, *urgent, past, waiting):
        ward.store.put_events(events)
    ward.store.put_events([alert("now", severity="info", decided_at=at(310))])


async def test_page_and_metrics_say_the_same(ward: Ward, client: httpx.AsyncClient) -> None:
    await put_a_day(ward)
    told = await figures(client)
    page = (await client.get("/api/cost", params={"days": 365})).json()["by_severity"]
    assert {one["severity"] for one in page} == set(SEVERITIES)
    name = "homebeat_desk_acknowledge_seconds"
    for one in page:
        severity = one["severity"]
        assert told[f"{name}_count", severity] == one["answered"]
        assert told["homebeat_desk_overdue", severity] == one["overdue_now"]
        if one["answered"]:
            bound = BUCKETS_S[bisect.bisect_left(BUCKETS_S, one["median_s"])]
            assert told[f"{name}_bucket", severity, str(bound)] >= one["answered"] / 2
    late = {one["severity"]: one["overdue_now"] for one in page}
    assert late == {"emergency": 1, "urgent": 3, "advisory": 0, "info": 0}, "a-1, a-2 of the ward, w-2; and w-1"
    assert sum(late.values()) == (await client.get("/api/desk")).json()["overdue"]


async def test_waits_fall_into_the_times_within_which_they_should_be_answered(
    ward: Ward, client: httpx.AsyncClient
) -> None:
    await put_a_day(ward)
    told = await figures(client)
    name = "homebeat_desk_acknowledge_seconds"
    within = {bound: told[f"{name}_bucket", "emergency", str(bound)] for bound in BUCKETS_S}
    assert [within[bound] for bound in (60.0, 300.0, 900.0)] == [1, 3, 4]
    assert told[f"{name}_bucket", "urgent", "3600.0"] == 2, "the hour itself is in time"
    assert told[f"{name}_bucket", "urgent", "+Inf"] == 4
    assert told[f"{name}_sum", "emergency"] == pytest.approx(16.5 * 60)
    assert told[f"{name}_count", "info"] == 0, "there from the beginning"


async def test_what_becomes_worse_later_is_not_counted_anew(ward: Ward, client: httpx.AsyncClient) -> None:
    name = "homebeat_desk_acknowledge_seconds_count"
    ward.store.put_events(answered("a-9", 10, "advisory"))
    before = await figures(client)
    ward.store.put_events([alert("a-9", 3, severity="emergency", decided_at=at(30))])
    after = await figures(client)
    for severity in SEVERITIES:
        assert before[name, severity] == after[name, severity]
    page = {one["severity"]: one for one in (await client.get("/api/cost?days=365")).json()["by_severity"]}
    assert (page["advisory"]["answered"], page["emergency"]["answered"]) == (1, 0)


async def test_a_desk_that_reads_its_topics_yet_says_nothing_of_waits(ward: Ward) -> None:
    class Behind:
        topic, ready, connected, records, unreadable, lag = "alerts", False, True, 0, 0, 3

    audit = Audit(ward.accounts.engine)
    app = create_app(ward.store, ward.log, Hub(), ward.accounts, audit, Status([Behind()]))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as client:
        text = (await client.get("/metrics")).text
        assert "homebeat_desk_acknowledge" not in text
        assert "homebeat_desk_alerts" in text
        Behind.ready = True
        assert "homebeat_desk_acknowledge_seconds_bucket" in (await client.get("/metrics")).text
