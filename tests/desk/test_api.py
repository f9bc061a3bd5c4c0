"""The desk's HTTP API over a real store, asked as a browser would."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from alerts.desk import NotPublished, create_app
from alerts.desk.accounts import Accounts
from alerts.desk.audit import Audit
from alerts.desk.hub import Hub
from alerts.desk.store import Store
from alerts.events import Action
from tests.channels.events import alert
from tests.channels.waiting import until
from tests.desk.databases import Databases
from tests.desk.running import accounts_at
from tests.desk.running import client as signed_in
from tests.desk.test_store import summary

HOST = "http://127.0.0.1:8460"
HOSTILE = "<script>alert(1)</script>\"'&\u202e"


class Log:
    """Takes the place of the topic: keeps what was published, or refuses it."""

    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.away = False
        self.takes: int | None = None

    async def __call__(self, action: Action) -> None:
        if self.away or len(self.actions) == self.takes:
            raise NotPublished("the stream did not take it")
        self.actions.append(action)


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    made = Store(databases.cache)
    yield made
    made.close()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def accounts(databases: Databases) -> Iterator[Accounts]:
    made = accounts_at(databases)
    yield made
    made.close()


@pytest.fixture
async def client(store: Store, log: Log, accounts: Accounts, databases: Databases) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(store, log, Hub(), accounts, Audit(accounts.engine), hosts=("127.0.0.1",), points=100)
    async with signed_in(HOST, databases, transport=httpx.ASGITransport(app)) as made:
        yield made


async def test_the_worklist_is_ordered_and_says_what_is_overdue(client: httpx.AsyncClient, store: Store) -> None:
    store.put_events([alert("a-1", decided_at="2026-01-05T08:00:00Z")])
    store.put_events([alert("a-2", severity="emergency", decided_at="2026-01-05T09:30:00Z")])
    store.put_events([alert("a-3", state="acknowledged", event="acknowledged"), alert("a-4", retrospective=True)])
    body = (await client.get("/api/alerts", params={"view": "open"})).json()
    assert [(one["alert_id"], one["overdue"]) for one in body["alerts"]] == [("a-2", False), ("a-1", True)]
    assert body["log_time"] == "2026-01-05T09:30:00Z"
    assert body["lists"] == {"open": 2, "acknowledged": 1, "resolved": 0, "retrospective": 1}
    assert body["overdue"] == 1
    assert len((await client.get("/api/alerts")).json()["alerts"]) == 4
    assert (await client.get("/api/alerts", params={"view": "secret"})).status_code == 422


async def test_an_alert_is_shown_with_its_events(client: httpx.AsyncClient, store: Store) -> None:
    store.put_events([alert("a-1", 2, state="resolved", event="resolved"), alert("a-1", 1)])
    body = (await client.get("/api/alerts/a-1")).json()
    assert body["alert"]["view"] == "resolved"
    assert [event["sequence"] for event in body["events"]] == [1, 2]
    missing = await client.get("/api/alerts/a-404")
    assert (missing.status_code, missing.json()) == (404, {"error": "no such alert among those of your teams"})


async def test_an_action_is_published_with_an_id_and_a_time(client: httpx.AsyncClient, store: Store, log: Log) -> None:
    store.put_events([alert("a-1")])
    body = {"type": "acknowledge", "reason": "  on it "}
    answers = [await client.post("/api/alerts/a-1/actions", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    first, second = log.actions
    assert answers[0].json()["action_id"] == first.action_id != second.action_id
    assert (first.alert_id, first.patient, first.by, first.type, first.reason) == (
        "a-1",
        "p-17",
        "nurse-1",
        "acknowledge",
        "on it",
    )
    assert first.at.tzinfo is not None


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"type": "snooze"}, "snooze needs until and reason"),
        ({"type": "snooze", "until": "2026-01-05T10:00:00Z"}, "snooze needs"),
        ({"type": "snooze", "until": "2026-01-05T10:00:00", "reason": "x"}, "until"),
        ({"type": "snooze", "until": "9999-12-31T23:59:59-23:59", "reason": "x"}, "until"),
        ({"type": "assign"}, "assign needs to"),
        ({"type": "assign", "to": "two words"}, "to"),
        ({"type": "delete"}, "type"),
        ({"type": "resolve", "untill": "x"}, "untill"),
        ({"type": "resolve", "reason": "x" * 501}, "reason"),
        ({"type": "comment", "reason": "   "}, "comment needs reason"),
        ([], ""),
    ],
)
async def test_an_action_that_is_not_complete_is_refused_in_words(
    client: httpx.AsyncClient, store: Store, log: Log, body: Any, problem: str
) -> None:
    store.put_events([alert("a-1")])
    answer = await client.post("/api/alerts/a-1/actions", json=body)
    assert answer.status_code == 422
    assert problem in answer.json()["error"]
    assert log.actions == []


async def test_an_action_that_did_not_reach_the_log_is_not_called_done(
    client: httpx.AsyncClient, store: Store, log: Log
) -> None:
    store.put_events([alert("a-1")])
    log.away = True
    answer = await client.post("/api/alerts/a-1/actions", json={"type": "acknowledge"})
    assert answer.status_code == 503
    assert "Not recorded" in answer.json()["error"]


async def test_of_several_actions_it_is_said_how_many_are_recorded(
    client: httpx.AsyncClient, store: Store, log: Log
) -> None:
    ids = [f"a-{n}" for n in range(5)]
    store.put_events([alert(one, severity="advisory") for one in ids])
    log.takes = 2
    answer = await client.post("/api/alerts/acknowledge", json={"alerts": ids, "reason": "seen"})
    assert (answer.status_code, answer.json()["recorded"]) == (503, 2)
    assert answer.json()["error"].startswith("2 of 5 are recorded, the others not: ")


async def test_an_action_on_an_alert_that_nobody_knows_is_refused(client: httpx.AsyncClient, log: Log) -> None:
    assert (await client.post("/api/alerts/a-404/actions", json={"type": "acknowledge"})).status_code == 404
    assert log.actions == []


async def test_who_is_signed_in_cannot_sign_as_somebody_else(client: httpx.AsyncClient, store: Store, log: Log) -> None:
    store.put_events([alert("a-1")])
    answer = await client.post("/api/alerts/a-1/actions", json={"type": "acknowledge", "by": "dr-1"})
    assert answer.status_code == 422
    assert log.actions == []


async def test_another_page_in_the_same_browser_can_neither_act_nor_read(
    client: httpx.AsyncClient, store: Store, log: Log
) -> None:
    store.put_events([alert("a-1")])
    url, asked = "/api/alerts/a-1/actions", {"type": "acknowledge"}
    assert (await client.post(url, json=asked, headers={"Origin": "https://evil.example"})).status_code == 403
    plain = {"Content-Type": "text/plain"}  # what a form on another page may send without asking first
    assert (await client.post(url, content=json.dumps(asked), headers=plain)).status_code == 422
    assert (await client.get("/api/alerts", headers={"Host": "evil.example:8460"})).status_code == 400
    assert log.actions == []
    assert (await client.post(url, json=asked, headers={"Origin": HOST})).status_code == 202


async def test_a_body_that_is_too_large_is_not_read(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/alerts/a-1/actions", content=b"x" * 20_000)
    assert answer.status_code == 413


async def test_vitals_are_bounded_and_keep_what_departed(client: httpx.AsyncClient, store: Store) -> None:
    patient = "ward/7"
    many = [summary(n, patient=patient, state="deviating" if n == 500 else "normal") for n in range(1_000)]
    store.put_summaries(many)
    answer = await client.get("/api/patients/ward%2F7/vitals", params={"vital": "heart_rate"})
    body = answer.json()
    assert body["patient"] == patient
    chart = body["vitals"][0]
    assert (chart["unit"], chart["thinned"]) == ("/min", True)
    assert len(chart["windows"]) <= 100
    assert "deviating" in {one["state"] for one in chart["windows"]}


async def test_states_say_how_each_vital_stands_and_how_old_its_last_value_is(
    client: httpx.AsyncClient, store: Store
) -> None:
    nothing: dict[str, Any] = {"n": 0, "mean": None, "min": None, "max": None}
    store.put_summaries([summary(0), summary(1), summary(2, state="unknown", **nothing)])
    store.put_summaries([summary(0, vital="spo2"), summary(1, vital="spo2", state="withheld", **nothing)])
    store.put_summaries([summary(0, vital="glucose", patient="p-1")])
    body = (await client.get("/api/patients/p-1/states")).json()
    assert {one["vital"]: one["state"] for one in body["vitals"]} == {
        "glucose": "normal", "heart_rate": "unknown", "spo2": "withheld",
    }  # fmt: skip
    glucose, heart, spo2 = body["vitals"]
    assert (heart["last_at"], heart["last_value"] is None) > (glucose["last_at"], True)
    assert (spo2["last_at"], spo2["last_value"]) == (None, None), "a withheld value is not shown as of now"


async def test_states_come_with_the_score_of_the_newest_set_and_without_what_is_withheld(
    client: httpx.AsyncClient, store: Store
) -> None:
    seen = {"heart_rate": 118.0, "spo2": 93.0, "respiratory_rate": 23.0}
    store.put_summaries([summary(0, vital=vital, mean=value) for vital, value in seen.items()])
    score = (await client.get("/api/patients/p-1/states")).json()["news2"]
    assert (score["lower"], score["upper"]) == (6, 17)
    assert score["missing"] == ["whether oxygen is given", "pressure", "consciousness", "temperature"]
    store.put_summaries([summary(1, vital="spo2", state="withheld", n=0, mean=None, min=None, max=None)])
    assert (await client.get("/api/patients/p-1/states")).json()["news2"] is None, "two parts are too few"


async def test_vitals_are_cut_to_the_time_asked_for(client: httpx.AsyncClient, store: Store) -> None:
    store.put_summaries([summary(n) for n in range(20)])
    span = {"since": "2026-01-05T01:00:00Z", "until": "2026-01-05T02:00:00Z"}
    assert (await client.get("/api/patients/p-17/vitals", params=span)).status_code == 404
    chart = (await client.get("/api/patients/p-1/vitals", params=span)).json()["vitals"][0]
    assert [one["start"][11:16] for one in chart["windows"]] == ["01:00", "01:15", "01:30", "01:45"]
    assert (await client.get("/api/patients/p-1/vitals", params={"since": "yesterday"})).status_code == 422


async def test_every_answer_forbids_foreign_contents(client: httpx.AsyncClient) -> None:
    for path in ("/", "/api/desk", "/static/main.js", "/api/alerts/none", "/healthz"):
        headers = (await client.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    assert (await client.get("/api/desk")).headers["cache-control"] == "no-store"


async def test_the_page_names_no_other_host(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    assert "http://" not in page
    assert "https://" not in page
    assert (await client.get("/static/vendor/uplot/uPlot.iife.min.js")).status_code == 200


async def test_hostile_text_comes_back_as_data_only(client: httpx.AsyncClient, store: Store) -> None:
    store.put_events([alert("a-1", title=HOSTILE, explanation=HOSTILE)])
    answer = await client.get("/api/alerts")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["alerts"][0]["title"] == HOSTILE


async def test_operators_see_figures_and_health(client: httpx.AsyncClient, store: Store) -> None:
    store.put_events([alert("a-1")])
    await client.post("/api/alerts/a-1/actions", json={"type": "acknowledge"})
    figures = (await client.get("/metrics")).text
    assert 'homebeat_desk_alerts{list="open"} 1.0' in figures
    assert 'homebeat_desk_actions_total{outcome="published",type="acknowledge"} 1.0' in figures
    assert "p-17" not in figures
    assert (await client.get("/healthz")).status_code == 200
    assert (await client.get("/readyz")).status_code == 200


async def test_a_slow_page_hears_less_often_and_never_loses_an_alert(store: Store, log: Log) -> None:
    hub = Hub()
    with hub.page() as page:
        for number in range(150):
            hub.tell(alerts=[f"a-{number}"])
        news = await page.next(5)
        assert news is not None
        assert len(news.alerts) == 150
        hub.tell(alerts=[f"a-{number}" for number in range(201)])
        news = await page.next(5)
        assert news is not None
        assert news.everything
        assert news.alerts == set()
        hub.close()
        assert await page.next(5) is None
    await until(lambda: len(hub) == 0)
