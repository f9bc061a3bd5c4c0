"""Who is let in, changed, signed out and kept out by an admin: every act holds at once, and stands in the audit."""

import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import Column, MetaData, Table, insert, inspect

from alerts.desk.accounts import Refused
from alerts.desk.audit import Audit
from alerts.desk.database import engine_at
from alerts.desk.door import CSRF_HEADER
from alerts.desk.members import Member, Role
from alerts.desk.register import ACCOUNTS, METADATA, PRAGMAS, WHAT
from alerts.desk.staff import DENIED, HANDED_OVER_S, Denied, Staff
from tests.desk.databases import Databases
from tests.desk.running import PASSWORD, accounts_at, sign_in
from tests.desk.ward import NOW_S, Ward

HOSTILE = "\"><img src=x onerror=1><script>1</script>'&"
ANN = {"id": "ann", "name": "Ann Lee", "role": "nurse", "teams": ["cardiology"]}
BOSS = Member("boss", "Boss", "admin", frozenset())
ACTS: list[tuple[str, str, Any]] = [
    ("GET", "/api/people", None),
    ("POST", "/api/people", ANN),
    ("PATCH", "/api/people/bob", {"role": "admin"}),
    ("POST", "/api/people/bob/link", {}),
    ("POST", "/api/people/bob/disable", {}),
    ("POST", "/api/people/bob/enable", {}),
    ("DELETE", "/api/people/bob/sessions", None),
]


@pytest.fixture
def ward(ward: Ward) -> Ward:
    ward.accounts.put("Boss", "boss", "admin", [], None, replace=False)
    ward.accounts.put("Bob", "bob", "nurse", ["lungs"], PASSWORD, replace=False)
    return ward


@contextlib.asynccontextmanager
async def signed_in(ward: Ward, who: str) -> AsyncIterator[httpx.AsyncClient]:
    async with ward.client() as made:
        await sign_in(made, ward.accounts.link(who, time.time()))
        yield made


@pytest.fixture
async def boss(ward: Ward) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(ward, "boss") as made:
        yield made


async def invited(boss: httpx.AsyncClient, **changed: Any) -> str:
    """The token of somebody's first link."""
    answer = await boss.post("/api/people", json={**ANN, **changed})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["link"]).removeprefix("/#sign-in=")


async def listed(boss: httpx.AsyncClient, who: str) -> dict[str, Any]:
    everybody = (await boss.get("/api/people")).json()["people"]
    return next(one for one in everybody if one["id"] == who)


@pytest.mark.parametrize("role", ["viewer", "nurse", "lead"])
async def test_only_admins_let_people_in_and_whoever_else_tries_is_in_the_audit(ward: Ward, role: Role) -> None:
    ward.accounts.put("Len", "len", role, ["*"], None, replace=False)
    before = ward.accounts.all()
    async with signed_in(ward, "len") as made:
        for method, path, body in ACTS:
            assert (await made.request(method, path, json=body)).status_code == 403
    told = [(event["by"], event["detail"]["why"]) for event in ward.audited("desk.refused")]
    assert told == [("len", "role")] * len(ACTS)
    assert [vars(one) | {"seen_s": 0} for one in ward.accounts.all()] == [vars(one) | {"seen_s": 0} for one in before]


async def test_whoever_has_not_signed_in_and_whoever_comes_from_elsewhere_does_nothing(
    ward: Ward, boss: httpx.AsyncClient
) -> None:
    async with ward.client() as stranger:
        for method, path, body in ACTS:
            assert (await stranger.request(method, path, json=body)).status_code == 401
    for headers in ({CSRF_HEADER: ""}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        for method, path, body in ACTS[1:]:
            assert (await boss.request(method, path, json=body, headers=headers)).status_code == 403
    assert len(ward.audited("desk.refused")) == 3 * len(ACTS[1:])
    assert [one.id for one in ward.accounts.all()] == ["bob", "boss"]


async def test_the_invited_one_signs_in_once_by_a_link_that_is_told_once(ward: Ward, boss: httpx.AsyncClient) -> None:
    token = await invited(boss)
    assert (await listed(boss, "ann"))["seen_at"] is None
    async with ward.client() as ann:
        await sign_in(ann, token)
        member = (await ann.get("/api/desk")).json()["member"]
        assert (member["name"], member["role"], member["teams"]) == ("Ann Lee", "nurse", ["cardiology"])
        assert member["may"]["admit"] is False
    async with ward.client() as thief:
        assert (await thief.post("/api/sign-in/link", json={"token": token})).status_code == 401
    shown = await listed(boss, "ann")
    assert (shown["sessions"], shown["has_password"], shown["you"]) == (1, False, False)
    assert shown["seen_at"] is not None
    assert token not in (await boss.get("/api/people")).text
    (event,) = ward.audited("desk.account_invited")
    assert event["by"] == "boss"
    assert {name: event["detail"][name] for name in ("account", "role", "teams")} == {
        "account": "ann", "role": "nurse", "teams": ["cardiology"],
    }  # fmt: skip
    assert token not in json.dumps(event)


async def test_the_invited_one_chooses_a_password_and_signs_in_by_it_from_then_on(
    ward: Ward, boss: httpx.AsyncClient
) -> None:
    first, second = "a sentence of her own", "another sentence of hers"
    path = "/api/sign-in/password"
    token = await invited(boss)
    async with ward.client() as ann, ward.client() as elsewhere:
        assert (await ann.post(path, json={"password": first})).status_code == 401
        await sign_in(ann, token)
        assert (await ann.post(path, json={"password": first}, headers={CSRF_HEADER: ""})).status_code == 403
        assert (await ann.post(path, json={"password": "too short"})).status_code == 422
        assert (await ann.post(path, json={"password": first})).status_code == 200
        assert (await elsewhere.post("/api/sign-in", json={"name": "ann", "password": first})).status_code == 200
        for wrong in ({}, {"old": "a wrong guess"}):
            assert (await ann.post(path, json={"password": second, **wrong})).status_code == 401
        assert (await ann.post(path, json={"password": second, "old": first})).status_code == 200
        assert (await ann.get("/api/desk")).status_code == 200
        assert (await elsewhere.get("/api/desk")).status_code == 401, "whoever knows the old one is out"
        assert (await elsewhere.post("/api/sign-in", json={"name": "ann", "password": first})).status_code == 401
        assert (await elsewhere.post("/api/sign-in", json={"name": "ann", "password": second})).status_code == 200
    events = ward.audited("desk.password_set")
    assert [event["by"] for event in events] == ["ann", "ann"]
    assert not any(secret in json.dumps(events) for secret in (first, second))
    assert (await listed(boss, "ann"))["has_password"] is True


async def test_an_open_page_is_not_enough_to_guess_the_password_behind_it(ward: Ward) -> None:
    async with signed_in(ward, "bob") as bob:
        asked = {"password": "mine from now on", "old": "a wrong guess"}
        statuses = [(await bob.post("/api/sign-in/password", json=asked)).status_code for _ in range(6)]
        assert statuses == [401] * 5 + [429]
    assert ward.accounts.by_password("bob", PASSWORD, "elsewhere", time.time()) == "bob"
    assert len(ward.audited("desk.sign_in_refused")) == 6


async def test_another_link_makes_the_one_before_it_worthless(ward: Ward, boss: httpx.AsyncClient) -> None:
    first = await invited(boss)
    answer = (await boss.post("/api/people/ann/link", json={})).json()
    second = answer["link"].removeprefix("/#sign-in=")
    with pytest.raises(Refused):
        ward.accounts.by_link(first, "here", time.time())
    assert ward.accounts.by_link(second, "here", time.time() + HANDED_OVER_S - 60) == "ann"
    assert [event["detail"]["account"] for event in ward.audited("desk.link_made")] == ["ann"]


async def test_a_change_holds_from_the_next_request_on_and_nobody_is_signed_out_by_it(
    ward: Ward, boss: httpx.AsyncClient
) -> None:
    async with signed_in(ward, "bob") as bob:
        assert [one["alert_id"] for one in (await bob.get("/api/alerts")).json()["alerts"]] == ["a-2"]
        asked = {"name": "Robert", "role": "viewer", "teams": ["cardiology"]}
        assert (await boss.patch("/api/people/bob", json=asked)).status_code == 200
        assert [one["alert_id"] for one in (await bob.get("/api/alerts")).json()["alerts"]] == ["a-1"]
        assert (await bob.post("/api/alerts/a-1/actions", json={"type": "acknowledge"})).status_code == 403
    shown = await listed(boss, "bob")
    assert {name: shown[name] for name in asked} == asked
    assert shown["has_password"], "stays"
    (event,) = ward.audited("desk.account_changed")
    assert event["detail"]["teams"] == ["cardiology"]
    assert (await boss.patch("/api/people/bob", json={"teams": ["*"]})).status_code == 200
    assert (await listed(boss, "bob"))["role"] == "viewer", "what is left out stays"


async def test_the_disabled_are_out_at_once_and_stay_out_until_they_are_enabled(
    ward: Ward, boss: httpx.AsyncClient
) -> None:
    waiting = (await boss.post("/api/people/bob/link", json={})).json()["link"].removeprefix("/#sign-in=")
    by_password = {"name": "bob", "password": PASSWORD}
    async with signed_in(ward, "bob") as bob:
        assert (await boss.post("/api/people/bob/disable", json={})).status_code == 200
        assert (await bob.get("/api/alerts")).status_code == 401
        answer = await bob.post("/api/sign-in", json=by_password)
        assert (answer.status_code, "disabled" in answer.json()["error"]) == (401, True)
        wrong = await bob.post("/api/sign-in", json={**by_password, "password": "a wrong guess"})
        assert "disabled" not in wrong.json()["error"], "is told to nobody but the owner of the account"
        assert (await bob.post("/api/sign-in/link", json={"token": waiting})).status_code == 401
        refused = await boss.post("/api/people/bob/link", json={})
        assert (refused.status_code, refused.json()["error"]) == (409, DENIED["disabled"])
        assert (await listed(boss, "bob"))["disabled_at"] is not None
        assert (await boss.post("/api/people/bob/enable", json={})).status_code == 200
        assert (await bob.get("/api/alerts")).status_code == 401, "the session of before is gone"
        assert (await bob.post("/api/sign-in", json=by_password)).status_code == 200
    whys = [event["detail"]["why"] for event in ward.audited("desk.sign_in_refused")]
    assert whys == ["disabled", "wrong_password", "wrong_link"]
    for what in ("desk.account_disabled", "desk.account_enabled"):
        assert [(event["by"], event["detail"]["account"]) for event in ward.audited(what)] == [("boss", "bob")]


def test_another_provider_does_not_let_the_disabled_in(ward: Ward) -> None:
    staff = Staff(ward.accounts, Audit(ward.accounts.engine))
    proven = ward.accounts.begin("bob", NOW_S)
    staff.disable(BOSS, "bob", NOW_S)
    assert ward.accounts.member(proven, NOW_S) is None
    with pytest.raises(Refused):
        ward.accounts.begin("bob", NOW_S)


async def test_signed_out_everywhere_means_every_session_and_every_link(ward: Ward, boss: httpx.AsyncClient) -> None:
    waiting = ward.accounts.link("bob", time.time())
    async with signed_in(ward, "bob") as one, signed_in(ward, "bob") as other:
        assert (await boss.delete("/api/people/bob/sessions")).status_code == 200
        for made in (one, other):
            assert (await made.get("/api/desk")).status_code == 401
    with pytest.raises(Refused):
        ward.accounts.by_link(waiting, "here", time.time())
    assert [event["detail"]["account"] for event in ward.audited("desk.signed_out_everywhere")] == ["bob"]


async def test_an_admin_signs_themself_out_everywhere_but_here(ward: Ward, boss: httpx.AsyncClient) -> None:
    async with signed_in(ward, "boss") as elsewhere:
        assert (await boss.delete("/api/people/boss/sessions")).status_code == 200
        assert (await elsewhere.get("/api/desk")).status_code == 401
    assert (await boss.get("/api/desk")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "why"),
    [
        ("POST", "/api/people/boss/disable", {}, 409, "self"),
        ("PATCH", "/api/people/boss", {"role": "lead"}, 409, "self"),
        ("POST", "/api/people", {**ANN, "id": "bob"}, 409, "exists"),
        ("PATCH", "/api/people/nobody", {"name": "Nobody"}, 404, "no_account"),
        ("POST", "/api/people/nobody/link", {}, 404, "no_account"),
        ("POST", "/api/people/nobody/disable", {}, 404, "no_account"),
        ("POST", "/api/people/nobody/enable", {}, 404, "no_account"),
        ("DELETE", "/api/people/nobody/sessions", None, 404, "no_account"),
    ],
)
async def test_what_cannot_be_done_is_said_and_in_the_audit(
    ward: Ward, boss: httpx.AsyncClient, method: str, path: str, body: Any, status: int, why: str
) -> None:
    answer = await boss.request(method, path, json=body)
    assert (answer.status_code, answer.json()["error"]) == (status, DENIED[why])
    (event,) = ward.audited("desk.refused")
    assert (event["by"], event["detail"]["why"]) == ("boss", why)
    assert (await listed(boss, "boss"))["role"] == "admin"
    acts = ("invited", "changed", "disabled", "enabled")
    assert not any(ward.audited(f"desk.account_{one}") for one in acts), "what was not done is not told as done"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/people", {**ANN, "id": "two words"}),
        ("POST", "/api/people", {**ANN, "id": ".."}),
        ("POST", "/api/people", {**ANN, "id": "x" * 129}),
        ("POST", "/api/people", {**ANN, "name": " "}),
        ("POST", "/api/people", {**ANN, "name": "\u202enna"}),
        ("POST", "/api/people", {**ANN, "name": "x" * 129}),
        ("POST", "/api/people", {**ANN, "role": "root"}),
        ("POST", "/api/people", {**ANN, "teams": [""]}),
        ("POST", "/api/people", {**ANN, "teams": ["a\0b"]}),
        ("POST", "/api/people", {**ANN, "teams": [str(number) for number in range(51)]}),
        ("POST", "/api/people", {**ANN, "password": "a password for her"}),
        ("PATCH", "/api/people/bob", {}),
        ("PATCH", "/api/people/bob", {"version": 1}),
    ],
)
async def test_a_misshapen_request_changes_nothing(
    ward: Ward, boss: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    assert (await boss.request(method, path, json=body)).status_code == 422
    assert [(one.id, one.name) for one in ward.accounts.all()] == [("bob", "Bob"), ("boss", "Boss")]


async def test_a_body_has_an_end_and_text_stays_text(ward: Ward, boss: httpx.AsyncClient) -> None:
    assert (await boss.post("/api/people", content=b"x" * 20_000)).status_code == 413
    await invited(boss, id="<b>&/x", name=HOSTILE, teams=[HOSTILE])
    shown = await listed(boss, "<b>&/x")
    assert (shown["name"], shown["teams"]) == (HOSTILE, [HOSTILE])
    assert (await boss.post("/api/people/%3Cb%3E%26%2Fx/disable", json={})).status_code == 200
    assert (await listed(boss, "<b>&/x"))["disabled_at"] is not None


async def test_teams_can_be_chosen_from_those_that_answer_for_somebody(ward: Ward, boss: httpx.AsyncClient) -> None:
    await invited(boss, teams=["new-team", "*"])
    assert (await boss.get("/api/people")).json()["teams"] == ["cardiology", "lungs", "new-team"]


def test_the_last_admin_stays_also_for_an_admin_of_another_provider(ward: Ward) -> None:
    staff, proven = Staff(ward.accounts, Audit(ward.accounts.engine)), Member("oidc-1", "O", "admin", frozenset())
    with pytest.raises(Denied) as denied:
        staff.disable(proven, "boss", NOW_S)
    assert denied.value.why == "last_admin"
    with pytest.raises(Denied):
        staff.change(proven, "boss", role="lead")
    staff.change(proven, "bob", role="admin")
    staff.disable(proven, "boss", NOW_S)
    with pytest.raises(Denied):
        staff.change(proven, "bob", role="nurse")


def test_of_admins_who_disable_each_other_at_once_one_is_left(ward: Ward) -> None:
    staff = Staff(ward.accounts, Audit(ward.accounts.engine))
    ids = [f"admin-{number}" for number in range(6)]
    for who in ids:
        ward.accounts.put(who, who, "admin", [], None, replace=False)
    ward.accounts.remove("boss")
    together = threading.Barrier(len(ids))

    def disable(by: str, who: str) -> None:
        together.wait()
        with contextlib.suppress(Denied):
            staff.disable(Member(by, by, "admin", frozenset()), who, NOW_S)

    others = [*ids[1:], ids[0]]
    threads = [threading.Thread(target=disable, args=pair) for pair in zip(ids, others, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in ward.accounts.all() if one.role == "admin" and one.disabled_s is None]) == 1


def test_the_accounts_of_an_older_desk_are_read_and_kept(databases: Databases) -> None:
    later = {"disabled_s", "seen_s"}
    older = MetaData()
    for table in METADATA.sorted_tables:
        columns = [
            Column(one.name, one.type, primary_key=one.primary_key, nullable=one.nullable)
            for one in table.c
            if table is not ACCOUNTS or one.name not in later
        ]
        Table(table.name, older, *columns)
    engine = engine_at(databases.accounts, WHAT, PRAGMAS, private=True)
    older.create_all(engine)
    old = {"id": "ann", "name": "Ann", "role": "nurse", "teams": '["lungs"]', "password": None, "version": 3}
    with engine.begin() as connection:
        connection.execute(insert(older.tables[ACCOUNTS.name]).values(**old))
    engine.dispose()
    for _ in range(2):
        with contextlib.closing(accounts_at(databases)) as accounts:
            assert later <= {one["name"] for one in inspect(accounts.engine).get_columns(ACCOUNTS.name)}
            (ann,) = accounts.all()
            assert (ann.name, ann.teams, ann.version, ann.disabled_s) == ("Ann", frozenset({"lungs"}), 3, None)
            assert accounts.member(accounts.begin("ann", NOW_S), NOW_S) is not None
