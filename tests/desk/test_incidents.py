"""Problems of one incident are shown as what they are: on the row, on the page, on pages that are open already."""

import json
from typing import Any

import httpx
import pytest

from alerts.desk.audit import Audit
from alerts.desk.colleagues import Colleagues
from alerts.desk.desk import Desk
from alerts.desk.figures import Figures, Status
from alerts.desk.handover import PARTS
from alerts.desk.hub import Hub, News
from alerts.desk.incidents import NAMED_MAX, in_words, others_of
from alerts.desk.live import _alerts
from alerts.desk.members import EVERYTHING, Member, Scope
from alerts.desk.store import Store
from alerts.events import AlertEvent
from tests.channels.events import alert
from tests.desk.ward import Ward

HOT, FAST = "Temperature high for this patient", "Respiratory rate high for this patient"
NURSE = Member("nurse-1", "Nurse", "nurse", frozenset({"cardiology"}))


@pytest.fixture
async def client(ward: Ward, client: httpx.AsyncClient) -> httpx.AsyncClient:
    await ward.signed_in(client)
    return client


def joined(alert_id: str, title: str, **changed: Any) -> AlertEvent:
    """A problem of the first patient that is one incident with the first alert, which does not say so itself."""
    return alert(alert_id, patient="p-1", title=title, incident="a-1", **{"severity": "advisory", **changed})


async def test_a_row_says_how_many_problems_the_incident_has_and_which(ward: Ward, client: httpx.AsyncClient) -> None:
    ward.store.put_events([joined("a-5", HOT), joined("a-6", FAST, state="acknowledged", event="acknowledged")])
    listed = {one["alert_id"]: one for one in (await client.get("/api/alerts")).json()["alerts"]}
    begins = "One of 3 problems in this incident. Also:"
    assert listed["a-1"]["incident_words"] == f"{begins} {HOT}; {FAST} (acknowledged)"
    assert listed["a-5"]["incident_words"] == f"{begins} Heart rate high for this patient; {FAST} (acknowledged)"
    assert listed["a-6"]["incident_words"].startswith(begins)


async def test_a_problem_that_stands_alone_says_nothing_of_incidents(ward: Ward, client: httpx.AsyncClient) -> None:
    (alone,) = (await client.get("/api/alerts")).json()["alerts"]
    assert alone["incident_words"] is None
    assert (await client.get("/api/alerts/a-1")).json()["incident"] == []


async def test_the_page_of_an_alert_lists_the_others_as_they_stand(ward: Ward, client: httpx.AsyncClient) -> None:
    ward.store.put_events([joined("a-5", HOT), joined("a-6", FAST, state="resolved", event="resolved")])
    found = (await client.get("/api/alerts/a-5")).json()
    assert [(one["alert_id"], one["state"]) for one in found["incident"]] == [("a-1", "open"), ("a-6", "resolved")]
    assert all(one["incident_words"] for one in (found["alert"], *found["incident"]))


async def test_the_hand_over_says_of_each_part_what_is_one_incident(ward: Ward, client: httpx.AsyncClient) -> None:
    snoozed = {"state": "snoozed", "event": "snoozed", "until": "2026-01-05T12:00:00Z"}
    done = {"state": "resolved", "event": "resolved"}
    ward.store.put_events([joined("a-5", HOT, **snoozed), joined("a-6", FAST, **done), alert("a-7", patient="p-1")])
    found = (await client.get("/api/handover?hours=24")).json()
    said = {one["alert_id"]: (part, one["incident_words"]) for part in PARTS for one in found[part]}
    begins = "One of 3 problems in this incident. Also:"
    assert said == {
        "a-1": ("open", f"{begins} {HOT} (snoozed); {FAST} (resolved)"),
        "a-5": ("snoozed", f"{begins} Heart rate high for this patient; {FAST} (resolved)"),
        "a-6": ("done", f"{begins} Heart rate high for this patient; {HOT} (snoozed)"),
        "a-7": ("open", None),
    }
    assert not any(found[f"{part}_more"] for part in PARTS)


async def test_nobody_hears_of_another_team_or_patient_through_an_incident(
    ward: Ward, client: httpx.AsyncClient
) -> None:
    ward.store.put_events([alert("a-7", patient="p-2", care_team="lungs", title="of a stranger", incident="a-1")])
    assert "stranger" not in (await client.get("/api/alerts")).text
    (first,) = ward.store.standings(["a-1"])
    assert others_of(ward.store, [first], EVERYTHING) == {}, "an incident is of one patient"
    ward.store.put_events([joined("a-5", HOT)])
    assert others_of(ward.store, [first], Scope(frozenset({"lungs"}))) == {}


def test_who_listens_hears_of_the_others_when_one_joins(ward: Ward) -> None:
    store: Store = ward.store
    audit = Audit(ward.accounts.engine)
    colleagues, figures = Colleagues(ward.accounts, None), Figures(store, Hub(), Status(), audit)
    desk = Desk(store, audit, ward.log, Hub(), colleagues, Status(), figures, None, 10, 10)
    store.put_events([joined("a-5", HOT)])
    told = json.loads(str(_alerts(desk, NURSE, News(alerts={"a-5"})).data))
    assert [one["alert_id"] for one in told["alerts"]] == ["a-5"]
    assert told["beside"] == [{"alert_id": "a-1", "incident_words": f"One of 2 problems in this incident. Also: {HOT}"}]
    assert json.loads(str(_alerts(desk, NURSE, News(alerts={"a-1", "a-5"})).data))["beside"] == []


def test_a_row_names_a_few_and_says_how_many_more_there_are_in_the_language_of_the_alerts(ward: Ward) -> None:
    ward.store.put_events([joined(f"a-1{n}", f"Problem {n} {{x}}") for n in range(NAMED_MAX + 2)])
    (first,) = ward.store.standings(["a-1"])
    others = others_of(ward.store, [first], EVERYTHING)["a-1"]
    assert len(others) == NAMED_MAX + 2
    assert in_words(others).startswith("One of 7 problems in this incident. Also: Problem 0 {x}; Problem 1 {x};")
    assert in_words(others).endswith("; 2 more")
    assert in_words(others[:1], "de") == "Eines von 2 Problemen in diesem Vorfall. Außerdem: Problem 0 {x}"
