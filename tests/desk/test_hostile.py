"""Script and forgery in whatever people, profiles and devices can write: refused and in the audit, or shown as data."""

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from alerts import links
from alerts.desk import create_app
from alerts.desk.about import in_words
from alerts.desk.audit import Audit
from alerts.desk.door import COOKIE
from alerts.desk.feed import patient_profile
from alerts.desk.guard import CSP, MAX_BODY_BYTES
from alerts.desk.hub import Hub
from alerts.desk.patients import PatientProfile
from models.profile import Profile, parse_profile
from models.readings import Refused
from tests.channels.events import alert
from tests.desk.test_api import HOST
from tests.desk.ward import Ward
from tests.models.profiles import EXAMPLE

SCRIPT = "<script>window.pwned=1</script>"
SPACED = '"><img src=x onerror=window.pwned=1>'
KEY = links.key_of(b"a deployment of the tests")
FULL: dict[str, Any] = EXAMPLE | {
    "patient": "p-1", "care_team": "cardiology",
    "conditions": [*EXAMPLE["conditions"], {"code": {"system": "ICD-10", "code": "I50"}}],
    "strata": EXAMPLE["strata"] | {"ethnicity": "unsaid"},
}  # fmt: skip
"""A profile in which every field is there (CONTRACT 2)."""


def texts(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the texts of a document stand, names of entries included as those of their values."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from texts(inner, (*path, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from texts(inner, (*path, place))
    elif isinstance(value, str):
        yield path


def replaced(document: Any, path: tuple[str | int, ...], text: str) -> Any:
    made = json.loads(json.dumps(document))
    inner = made
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = text
    return made


PLACES = list(texts(FULL))


@pytest.fixture
async def client(ward: Ward, client: httpx.AsyncClient) -> httpx.AsyncClient:
    await ward.signed_in(client)
    return client


def data_only(answer: httpx.Response) -> None:
    """That no browser reads markup or script out of an answer."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == CSP
    assert "unsafe" not in CSP


def test_no_field_of_a_profile_is_forgotten_here() -> None:
    assert set(FULL) == set(Profile.model_fields)
    assert parse_profile(json.dumps(FULL).encode()).patient == "p-1"

    def inner(model: type[BaseModel], given: dict[str, Any]) -> None:
        assert set(given) == set(model.model_fields), model.__name__

    for name in ("conditions", "medications", "genomics", "trajectories", "targets", "devices"):
        (kind,) = {type(one) for one in getattr(parse_profile(json.dumps(FULL).encode()), name)}
        inner(kind, FULL[name][0])
    inner(type(parse_profile(json.dumps(FULL).encode()).consent), FULL["consent"])


@pytest.mark.parametrize("script", [SCRIPT, SPACED], ids=["without spaces", "with spaces"])
@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_script_in_a_field_of_a_profile_is_refused_without_a_word_of_it_or_kept_as_it_is(
    path: tuple[str | int, ...], script: str
) -> None:
    body = json.dumps(replaced(FULL, path, script))
    told = in_words(body, datetime(2026, 1, 5, tzinfo=UTC))
    assert told is not None
    if told["problem"] is not None:
        with pytest.raises(Refused) as refused:
            parse_profile(body.encode())
        assert "pwned" not in str(refused.value) + json.dumps(told), "what is wrong is said without repeating it"
    else:
        assert "&lt;" not in json.dumps(told), "it is the page that shows text as text: nothing is escaped twice"


async def test_a_patient_whose_profile_is_full_of_script_is_shown_as_data(
    ward: Ward, client: httpx.AsyncClient
) -> None:
    for number, path in enumerate(PLACES):
        if path in (("patient",), ("care_team",)):
            continue
        body = json.dumps(replaced(FULL | {"version": 10 + number}, path, SCRIPT))
        ward.store.put_profiles([PatientProfile("p-1", 10 + number, "cardiology", body)])
        answer = await client.get("/api/patients/p-1")
        assert answer.status_code == 200, path
        data_only(answer)


async def test_a_patient_a_device_and_a_team_whose_names_are_script_are_data(
    ward: Ward, client: httpx.AsyncClient
) -> None:
    ward.accounts.put("Nurse", "nurse-1", "nurse", ["cardiology", SCRIPT], None, replace=True)
    async with ward.client() as made:
        token = ward.accounts.link("nurse-1", time.time())
        await made.post("/api/sign-in/link", json={"token": token})
        body = replaced(FULL, ("patient",), SCRIPT) | {"care_team": SCRIPT, "devices": [{"device": SCRIPT}]}
        ward.store.put_profiles([patient_profile(SCRIPT.encode(), json.dumps(body).encode())])
        problem: dict[str, Any] = {"kind": "silence", "category": "technical", "problem": f"silence.{SCRIPT}"}
        told: dict[str, Any] = {"title": f"No data from {SCRIPT}", "explanation": SPACED, "care_team": SCRIPT}
        ward.store.put_events([alert(f"a-{SCRIPT}", patient=SCRIPT, **problem, **told)])
        for path in (f"patients/{SCRIPT}", f"patients/{SCRIPT}/states", f"alerts/a-{SCRIPT}", "alerts", "handover"):
            answer = await made.get(f"/api/{path}")
            assert answer.status_code == 200, path
            data_only(answer)
        assert (await made.get(f"/api/patients/{SCRIPT}")).json()["patient"] == SCRIPT
        assert (await made.get("/api/patients", params={"begins": "<"})).json()["patients"][0]["patient"] == SCRIPT


@pytest.mark.parametrize(
    "asked",
    [
        {"type": SCRIPT},
        {"type": "assign", "to": SPACED},
        {"type": "snooze", "until": SCRIPT, "reason": "x"},
        {"type": "acknowledge", "by": "somebody else"},
        {"type": "acknowledge", "patient": "p-2"},
        {"type": "acknowledge", "action_id": SCRIPT},
        {"type": "comment", "reason": "x" * 501},
        {"type": "comment", "reason": ["a", "list"]},
        [SCRIPT],
    ],
    ids=str,
)
async def test_an_action_that_is_forged_or_misshapen_is_refused_and_in_the_audit(
    ward: Ward, client: httpx.AsyncClient, asked: Any
) -> None:
    answer = await client.post("/api/alerts/a-1/actions", json=asked)
    assert (answer.status_code, ward.log.actions) == (422, [])
    assert "pwned" not in answer.text
    (event,) = ward.audited("desk.refused")
    assert (event["by"], event["detail"]["why"], event["detail"]["path"]) == (
        "nurse-1", "misshapen", "/api/alerts/a-1/actions",
    )  # fmt: skip
    assert "pwned" not in json.dumps(event), "what was sent may be about a patient"


async def test_script_in_the_reason_of_an_action_is_published_as_it_is_and_stays_out_of_the_audit(
    ward: Ward, client: httpx.AsyncClient
) -> None:
    ward.accounts.put(SCRIPT, SCRIPT, "nurse", ["cardiology"], None, replace=False)
    asked = {"type": "assign", "to": SCRIPT, "reason": SPACED}
    answer = await client.post("/api/alerts/a-1/actions", json=asked)
    assert answer.status_code == 202
    data_only(answer)
    (action,) = ward.log.actions
    assert (action.reason, action.to, action.by, action.patient) == (SPACED, SCRIPT, "nurse-1", "p-1")
    (event,) = ward.audited("desk.acted")
    assert SPACED not in json.dumps(event)


async def test_a_misshapen_change_of_an_account_is_in_the_audit_too(ward: Ward) -> None:
    async with ward.client() as made:
        await ward.signed_in(made, "admin")
        asked = {"id": "bob", "name": "Bob\u0000", "role": "king", "teams": []}
        assert (await made.post("/api/people", json=asked)).status_code == 422
    (event,) = ward.audited("desk.refused")
    assert (event["detail"]["why"], event["detail"]["fields"]) == ("misshapen", "name,role")


async def test_a_forged_session_is_in_the_audit_and_cannot_fill_it(ward: Ward, client: httpx.AsyncClient) -> None:
    mine = client.cookies[COOKIE]
    session, signature = mine.rsplit(".", 1)
    changed = ("B" if signature[0] == "A" else "A") + signature[1:]  # bits of the last letter may mean nothing
    async with ward.client() as stranger:
        for cookie in (f"{session}.{changed}", "eyJmb3JnZWQi.AAAA", SCRIPT):
            answer = await stranger.get("/api/alerts", headers={"Cookie": f"{COOKIE}={cookie}"})
            assert answer.status_code == 401
    (event,) = ward.audited("desk.refused")
    assert (event["by"], event["detail"]["why"]) == ("-", "forged_session")
    assert mine[:20] not in json.dumps(event)


async def test_an_old_session_is_no_attack(ward: Ward, client: httpx.AsyncClient) -> None:
    old = client.cookies[COOKIE]
    assert (await client.delete("/api/sign-in")).status_code == 200
    answer = await client.get("/api/alerts", headers={"Cookie": f"{COOKIE}={old}"})
    assert answer.status_code == 401
    assert ward.audited("desk.refused") == []


CHANGES = [
    ("POST", "/api/alerts/a-1/actions"), ("POST", "/api/alerts/acknowledge"), ("POST", "/api/sign-in/password"),
    ("DELETE", "/api/sign-in"), ("POST", "/api/people"), ("PATCH", "/api/people/bob"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_every_change_refuses_what_is_too_large_or_comes_from_elsewhere_and_says_so_in_the_audit(
    ward: Ward, client: httpx.AsyncClient, method: str, path: str
) -> None:
    large = b"x" * (MAX_BODY_BYTES + 1)
    assert (await client.request(method, path, content=large)).status_code == 413
    evil = {"Origin": "https://evil.example"}
    assert (await client.request(method, path, json={}, headers=evil)).status_code == 403
    asked = {"password": "a sentence of hers"} if path.endswith("password") else {}
    guessed = {"X-Homebeat-CSRF": "guess"}
    assert (await client.request(method, path, json=asked, headers=guessed)).status_code in (403, 422)
    told = [event["detail"] for event in ward.audited("desk.refused")]
    assert [one["path"] for one in told] == [path] * len(told)
    assert len(told) == 3
    assert ward.log.actions == []


@pytest.mark.parametrize("alert_id", ["a-2", "../a-2", "a-2%2F..%2Fa-2", SCRIPT, "a-1/../a-2"])
async def test_no_way_of_writing_an_address_leads_to_another_team(
    ward: Ward, client: httpx.AsyncClient, alert_id: str
) -> None:
    for method, path in (("GET", f"/api/alerts/{alert_id}"), ("POST", f"/api/alerts/{alert_id}/actions")):
        answer = await client.request(method, path, json={"type": "acknowledge"} if method == "POST" else None)
        assert answer.status_code in (404, 405, 422), path
        assert "p-2" not in answer.text
    assert ward.log.actions == []


async def test_a_link_for_one_alert_answers_no_other_and_tells_nobody_whose_it_is(ward: Ward) -> None:
    app = create_app(ward.store, ward.log, Hub(), ward.accounts, Audit(ward.accounts.engine), link_key=KEY)
    one, other = (links.issue(KEY, f"a-{n}", f"p-{n}", "ann", time.time(), team=None) for n in (1, 2))
    middle = min(len(one), len(other)) // 2
    spliced = [one[:middle] + other[middle:], one + other, one[::-1], other[:-4] + one[-4:], SCRIPT]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOST) as stranger:
        for token in spliced:
            answer = await stranger.post(f"/a/{token}")
            assert answer.status_code in (403, 404), token
            assert "pwned" not in answer.text
        page = await stranger.get(f"/a/{one}")
        assert (await stranger.get("/a/anything")).content == page.content, "it says the same to everybody"
        assert "p-1" not in page.text
    assert ward.log.actions == []
    whys = {event["detail"]["why"] for event in ward.audited("desk.refused")}
    assert whys == {"link_forged"}
    raw = base64.urlsafe_b64decode(one + "=" * (-len(one) % 4))
    assert not any(words in raw for words in (b"a-1", b"p-1", b"ann"))
