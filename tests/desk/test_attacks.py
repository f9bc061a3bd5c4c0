"""Attacks on the desk: each is refused, and stands in the audit."""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import httpx
import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from sqlalchemy import select

from alerts.desk.accounts import ATTEMPT_WINDOW_S, ATTEMPTS_MAX, IDLE_S, SESSION_S, Accounts, Refused
from alerts.desk.audit import Audit
from alerts.desk.door import COOKIE
from alerts.desk.patients import PatientProfile
from alerts.desk.register import ACCOUNTS, METADATA
from alerts.desk.store import Store
from tests.channels.events import alert
from tests.desk.databases import Databases
from tests.desk.running import PASSWORD, SECRET, accounts_at
from tests.desk.ward import NOW_S, Ward


@pytest.mark.parametrize(
    "path",
    [
        "/api/desk", "/api/alerts", "/api/alerts/a-1", "/api/patients/p-1", "/api/patients/p-1/vitals", "/events",
        "/api/patients/p-1/states", "/api/patients/p-1/reach?vital=heart_rate", "/api/patients?begins=p",
        "/api/handover", "/api/cost",
    ],
)  # fmt: skip
async def test_nothing_about_patients_is_shown_to_whoever_has_not_signed_in(
    client: httpx.AsyncClient, path: str
) -> None:
    assert (await client.get(path)).status_code == 401
    forged = {"Cookie": f"{COOKIE}=eyJmb3JnZWQi.AAAA"}
    assert (await client.get(path, headers=forged)).status_code == 401


async def test_a_team_sees_its_own_patients_only_whatever_the_address(ward: Ward, client: httpx.AsyncClient) -> None:
    await ward.signed_in(client)
    listed = (await client.get("/api/alerts")).json()
    assert [one["alert_id"] for one in listed["alerts"]] == ["a-1"]
    assert listed["lists"]["open"] == 1
    assert (await client.get("/api/patients/p-1/vitals")).status_code == 200
    for path in ("alerts/a-2", "patients/p-2", "patients/p-2/vitals", "patients/p-2/states"):
        assert (await client.get(f"/api/{path}")).status_code == 404
    answer = await client.post("/api/alerts/a-2/actions", json={"type": "acknowledge"})
    assert answer.status_code == 404
    together = {"alerts": ["a-1", "a-2"], "reason": "mine"}
    assert (await client.post("/api/alerts/acknowledge", json=together)).status_code == 404
    assert ward.log.actions == []
    assert (await client.get("/api/patients", params={"begins": "p"})).json()["patients"] == [
        {"patient": "p-1", "care_team": "cardiology"}
    ]
    refused = [event["detail"]["why"] for event in ward.audited("desk.refused")]
    assert refused == ["other_team"] * 6


async def test_alerts_follow_a_patient_to_another_team(ward: Ward, client: httpx.AsyncClient) -> None:
    await ward.signed_in(client)
    ward.store.put_profiles([PatientProfile("p-2", 2, "cardiology", "{}"), PatientProfile("p-1", 2, "lungs", "{}")])
    listed = (await client.get("/api/alerts")).json()["alerts"]
    assert [one["alert_id"] for one in listed] == ["a-2"]


async def test_another_site_cannot_act_with_the_cookie_of_a_member(ward: Ward, client: httpx.AsyncClient) -> None:
    await ward.signed_in(client)
    url, asked = "/api/alerts/a-1/actions", {"type": "acknowledge"}
    for headers in ({"X-Homebeat-CSRF": ""}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await client.post(url, json=asked, headers=headers)).status_code == 403
    assert ward.log.actions == []
    assert len(ward.audited("desk.refused")) == 3
    assert (await client.post(url, json=asked)).status_code == 202
    assert ward.audited("desk.acted")[0]["by"] == "nurse-1"


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(ward: Ward, client: httpx.AsyncClient) -> None:
    ward.accounts.put("Nurse", "nurse-1", "nurse", [], PASSWORD, replace=True)
    answer = await client.post("/api/sign-in", json={"name": "nurse-1", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


async def test_guessing_a_password_is_stopped_and_the_right_one_waits_too(
    ward: Ward, client: httpx.AsyncClient
) -> None:
    ward.accounts.put("Nurse", "nurse-1", "nurse", [], PASSWORD, replace=True)
    for _ in range(ATTEMPTS_MAX["who"]):
        answer = await client.post("/api/sign-in", json={"name": "nurse-1", "password": "a wrong guess"})
        assert answer.status_code == 401
    answer = await client.post("/api/sign-in", json={"name": "nurse-1", "password": PASSWORD})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "900")
    whys = [event["detail"]["why"] for event in ward.audited("desk.sign_in_refused")]
    assert whys == ["wrong_password"] * ATTEMPTS_MAX["who"] + ["too_many"]
    assert PASSWORD not in str(ward.audited("desk.sign_in_refused"))


def test_after_a_while_the_right_password_signs_in_again(ward: Ward) -> None:
    ward.accounts.put("Nurse", "nurse-1", "nurse", [], PASSWORD, replace=True)
    for _ in range(ATTEMPTS_MAX["who"]):
        with pytest.raises(Refused):
            ward.accounts.by_password("nurse-1", "a wrong guess", "10.0.0.1", NOW_S)
    assert ward.accounts.by_password("nurse-1", PASSWORD, "10.0.0.2", NOW_S) == "nurse-1", "from elsewhere"
    assert ward.accounts.by_password("nurse-1", PASSWORD, "10.0.0.1", NOW_S + ATTEMPT_WINDOW_S + 1) == "nurse-1"


def test_guessing_from_ever_other_addresses_is_stopped_too(ward: Ward) -> None:
    ward.accounts.put("Nurse", "nurse-1", "nurse", [], PASSWORD, replace=True)
    for number in range(ATTEMPTS_MAX["account"]):
        with pytest.raises(Refused, match="do not belong together"):
            ward.accounts.by_password("nurse-1", "a wrong guess", f"10.0.0.{number}", NOW_S)
    with pytest.raises(Refused, match="Too many"):
        ward.accounts.by_password("nurse-1", PASSWORD, "10.0.1.1", NOW_S)


def test_who_has_a_link_is_not_kept_out_by_the_guesses_of_others_at_the_same_address(ward: Ward) -> None:
    ward.accounts.put("Nurse", "nurse-1", "nurse", [], PASSWORD, replace=True)
    link = ward.accounts.link("nurse-1", NOW_S)
    for _ in range(ATTEMPTS_MAX["address"]):
        with pytest.raises(Refused):
            ward.accounts.by_link("a guess", "10.0.0.1", NOW_S)
    with pytest.raises(Refused, match="ask for a link"):
        ward.accounts.by_password("nurse-1", PASSWORD, "10.0.0.1", NOW_S)
    assert ward.accounts.by_link(link, "10.0.0.1", NOW_S) == "nurse-1"
    with pytest.raises(Refused, match="Too many"):
        ward.accounts.by_link(link, "10.0.0.1", NOW_S)


async def test_a_link_signs_in_once_and_a_forged_one_never(ward: Ward, client: httpx.AsyncClient) -> None:
    await ward.signed_in(client)
    used = ward.accounts.link("nurse-1", NOW_S)
    late = ward.accounts.by_link
    with pytest.raises(Refused):
        late(used, "here", NOW_S + 16 * 60)
    assert ward.accounts.by_link(used, "here", NOW_S + 60) == "nurse-1"
    with pytest.raises(Refused):
        ward.accounts.by_link(used, "here", NOW_S + 61)
    assert (await client.post("/api/sign-in/link", json={"token": used + "A"})).status_code == 401
    assert ward.audited("desk.sign_in_refused")[-1]["detail"]["why"] == "wrong_link"


def test_a_session_ends_with_the_shift_with_idleness_and_with_the_account(ward: Ward) -> None:
    ward.accounts.put("Nurse", "nurse-1", "nurse", ["cardiology"], None, replace=True)
    cookie = ward.accounts.begin("nurse-1", NOW_S)
    assert ward.accounts.member(cookie, NOW_S + IDLE_S - 1) is not None
    assert ward.accounts.member(cookie, NOW_S + 3 * IDLE_S) is None
    assert ward.accounts.member(cookie, NOW_S + SESSION_S + 1) is None
    assert ward.accounts.member(cookie + "x", NOW_S) is None
    ward.accounts.put("Nurse", "nurse-1", "viewer", ["cardiology"], None, replace=True)
    assert ward.accounts.member(cookie, NOW_S) is None, "a change of role ends it"
    other = ward.accounts.begin("nurse-1", NOW_S)
    ward.accounts.remove("nurse-1")
    assert ward.accounts.member(other, NOW_S) is None


async def test_whoever_signs_out_is_out_wherever_the_cookie_is(ward: Ward, client: httpx.AsyncClient) -> None:
    await ward.signed_in(client)
    stolen = client.cookies[COOKIE]
    assert (await client.delete("/api/sign-in")).status_code == 200
    client.cookies.set(COOKIE, stolen)
    assert (await client.get("/api/desk")).status_code == 401


async def test_a_viewer_looks_and_a_nurse_does_not_lead(ward: Ward, client: httpx.AsyncClient) -> None:
    await ward.signed_in(client, "viewer")
    assert (await client.get("/api/alerts/a-1")).status_code == 200
    assert (await client.post("/api/alerts/a-1/actions", json={"type": "acknowledge"})).status_code == 403
    assert (await client.get("/api/cost")).status_code == 403
    assert [event["detail"]["why"] for event in ward.audited("desk.refused")] == ["role", "role"]


async def test_an_oversized_body_is_refused_before_it_is_read(ward: Ward, client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"

    assert (await client.post("/api/sign-in", content=b"x" * 20_000)).status_code == 413
    assert (await client.post("/api/sign-in", content=pieces())).status_code == 411
    assert [event["detail"]["status"] for event in ward.audited("desk.refused")] == [413, 411]


async def test_urgent_alerts_are_not_acknowledged_by_the_dozen(ward: Ward, client: httpx.AsyncClient) -> None:
    await ward.signed_in(client)
    ward.store.put_events([alert("a-3", patient="p-1", severity="advisory")])
    answer = await client.post("/api/alerts/acknowledge", json={"alerts": ["a-1", "a-3"], "reason": "noise"})
    assert answer.status_code == 422
    assert ward.log.actions == []
    answer = await client.post("/api/alerts/acknowledge", json={"alerts": ["a-3"], "reason": "known"})
    assert answer.status_code == 202
    assert (ward.log.actions[0].alert_id, ward.log.actions[0].reason) == ("a-3", "known")


async def test_every_look_is_in_the_audit_and_the_same_look_once_a_minute(
    ward: Ward, client: httpx.AsyncClient
) -> None:
    await ward.signed_in(client)
    for _ in range(3):
        await client.get("/api/patients/p-1/vitals")
        await client.get("/api/alerts/a-1")
    assert [event["detail"]["patient"] for event in ward.audited("desk.saw_patient")] == ["p-1"]
    assert [event["detail"]["alert_id"] for event in ward.audited("desk.saw_alert")] == ["a-1"]


async def test_what_was_recorded_reaches_the_topic_in_order_though_the_stream_was_away(ward: Ward) -> None:
    audit = Audit(ward.accounts.engine)
    for number in range(5):
        audit.record("nurse-1", "desk.acted", number=number)
    sent: list[int] = []

    async def send(value: bytes) -> None:
        sent.append(json.loads(value)["detail"]["number"])

    await Audit(ward.accounts.engine).drain(send)
    assert sent == list(range(5))
    assert Audit(ward.accounts.engine).waiting == 0


def test_accounts_outlive_the_cache_and_a_password_is_never_kept(
    ward: Ward, databases: Databases, tmp_path: Path
) -> None:
    ward.accounts.put("Nurse", "nurse-1", "nurse", ["cardiology"], PASSWORD, replace=False)
    ward.store.close()
    Store(databases.cache).close()
    again: Accounts = accounts_at(databases)
    assert [one.id for one in again.all()] == ["nurse-1"]
    again.close()
    with ward.accounts.engine.connect() as connection:
        rows = [str(row) for table in METADATA.sorted_tables for row in connection.execute(select(table))]
    assert any("nurse-1" in row for row in rows)
    assert not any(PASSWORD in row for row in rows)
    assert not any(PASSWORD.encode() in path.read_bytes() for path in tmp_path.glob("accounts.sqlite*"))


def test_whoever_takes_the_file_pays_for_every_guess(databases: Databases) -> None:
    """Argon2id with 64 MiB and three rounds: the second choice of RFC 9106, for where 2 GiB are not to be had."""
    with contextlib.closing(Accounts(databases.accounts, SECRET)) as accounts:
        accounts.put("Nurse", "nurse-1", "nurse", ["cardiology"], PASSWORD, replace=False)
        with accounts.engine.connect() as connection:
            stored = connection.execute(select(ACCOUNTS.c.password)).scalar_one()
    kept = extract_parameters(stored)
    assert (kept.type, kept.time_cost, kept.memory_cost) == (Type.ID, 3, 64 * 1024)
    assert kept.salt_len >= 16


class Counted(PasswordHasher):
    """Tells what it has been asked for."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.asked: list[str] = []

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.asked.append("hash")
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        self.asked.append("verify")
        return super().verify(hash, password)


@pytest.mark.parametrize("who", ["nurse-1", "nurse-2", "nobody"])
def test_the_work_for_a_wrong_password_does_not_tell_who_has_an_account(databases: Databases, who: str) -> None:
    """The first attempt of all no more than any other, though what only it needs is made by then and not before."""
    with contextlib.closing(accounts_at(databases)) as accounts:
        accounts.put("Nurse", "nurse-1", "nurse", ["cardiology"], PASSWORD, replace=False)
        accounts.put("Another", "nurse-2", "nurse", ["cardiology"], None, replace=False)
    hasher = Counted()
    with contextlib.closing(Accounts(databases.accounts, SECRET, hasher)) as accounts:
        accounts.link("nurse-1", NOW_S)
        assert hasher.asked == []
        for wanted in (["hash", "verify"], ["hash", "verify", "verify"]):
            with pytest.raises(Refused, match="do not belong together"):
                accounts.by_password(who, "not the password", "192.0.2.1", NOW_S)
            assert hasher.asked == wanted
