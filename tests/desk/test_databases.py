"""What the desk promises of its databases, and what only a real PostgreSQL can break."""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import InternalError

from alerts.desk import keeping, schema
from alerts.desk.accounts import ATTEMPTS_MAX, Accounts, Refused
from alerts.desk.audit import Audit
from alerts.desk.cost import cost
from alerts.desk.database import engine_at
from alerts.desk.feed import alert_event, patient_profile, vital_summary
from alerts.desk.handover import handover
from alerts.desk.members import EVERYTHING, Scope
from alerts.desk.patients import PatientProfile
from alerts.desk.schema import METADATA
from alerts.desk.store import Store
from alerts.desk.wanted import Wanted
from alerts.desk.writing import Taken
from streams.kafka.embedded import EmbeddedBroker
from tests.channels import topics
from tests.channels.events import alert
from tests.channels.waiting import until, until_answer
from tests.desk.databases import Databases, in_folder
from tests.desk.running import QUICK, SECRET, accounts_at, desk
from tests.desk.running import client as signed_in
from tests.desk.test_store import summary
from tests.desk.ward import Ward
from tests.postgres import Postgres, programs

CARDIOLOGY = Scope(frozenset({"cardiology"}), without_team=False)


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    made = Store(databases.cache)
    yield made
    made.close()


def test_every_alert_that_came_is_on_the_worklist_and_comes_as_news_once(store: Store) -> None:
    assert store.put_events([alert("a-2"), alert("a-1"), alert("a-2"), alert("a-2", 2)]) == ["a-2", "a-1"]
    assert store.put_events([alert("a-1"), alert("a-3"), alert("a-2", 2)]) == ["a-3"]
    assert {(one.latest.alert_id, one.events) for one in store.worklist()} == {("a-1", 1), ("a-2", 2), ("a-3", 1)}
    assert store.counts()["open"] == 3


def test_names_are_compared_letter_by_letter_in_every_database(store: Store) -> None:
    names = ["P-1", "p-1", "p-10", "p-2", "p_1", "P-é", "p-%", "~z"]
    store.put_profiles([PatientProfile(name, 1, "cardiology", "{}") for name in names])
    store.put_events([alert(f"a-{number}", patient=name) for number, name in enumerate(names)])
    assert store.find("p", EVERYTHING) == [(name, "cardiology") for name in sorted(names) if name.startswith("p")]
    for begins in ("p-", "P", "p-%", "p_", "~", "q"):
        found = store.worklist("open", wanted=Wanted(patient=begins))
        assert {one.latest.patient for one in found} == {name for name in names if name.startswith(begins)}


def test_what_is_of_large_numbers_is_kept(store: Store) -> None:
    newest = 2**63 - 1
    store.put_profiles([PatientProfile("p-1", newest, "cardiology", '{"a": 1}'), PatientProfile("p-1", 3, "x", "{}")])
    store.put_profiles([PatientProfile("p-1", newest - 1, "lungs", "{}")])
    assert store.profile("p-1") == '{"a": 1}'


def test_a_reason_with_a_nul_in_it_takes_nothing_from_the_worklist(store: Store) -> None:
    """JSON can hold one, PostgreSQL's text cannot."""
    store.put_events([alert("a-1"), alert("a-1", 2, event="resolved", state="resolved", by="n", reason="fine\0!")])
    (one,) = store.worklist("resolved")
    assert one.outcome == "fine!"
    assert one.latest.reason == "fine\0!"


@pytest.mark.parametrize(
    "read",
    [
        lambda: patient_profile(b"p", b'{"patient": "p\\u0000", "version": 1}'),
        lambda: patient_profile(b"p", b'{"patient": "p", "version": 9223372036854775808}'),
        lambda: patient_profile(b"p" * 300, b""),
        lambda: alert_event(b"p", _json(alert("a" * 300))),
        lambda: alert_event(b"p", _json(alert("a-1", 2**31))),
        lambda: vital_summary(b"p", _json(summary(0, vital="v" * 65))),
        lambda: vital_summary(b"p", _json(summary(0, n=2**31))),
    ],
)
def test_what_no_table_takes_is_unreadable_and_never_stops_the_desk(read: object) -> None:
    with pytest.raises(ValueError):
        read()  # type: ignore[operator]


def test_lists_hand_over_and_cost_are_of_the_own_teams(store: Store) -> None:
    store.put_profiles([PatientProfile("p-1", 1, "cardiology", "{}"), PatientProfile("p-2", 1, "lungs", "{}")])
    store.put_events([alert("a-1", patient="p-1"), alert("a-2", patient="p-2"), alert("a-3", patient="p-3")])
    store.put_events([alert("a-1", 2, patient="p-1", event="acknowledged", state="acknowledged", by="n")])
    assert [one.latest.alert_id for one in store.worklist(scope=CARDIOLOGY)] == ["a-1"]
    assert store.counts(CARDIOLOGY)["acknowledged"] == 1
    assert [one.latest.alert_id for one in handover(store, CARDIOLOGY, 0.0)["in_hand"].alerts] == ["a-1"]
    mine, all_of_it = cost(store, CARDIOLOGY, 7), cost(store, EVERYTHING, 7)
    assert (mine["alerts"], mine["patients"]) == (1, 1)
    assert (all_of_it["alerts"], all_of_it["patients"]) == (3, 3), "also the one who has no profile"
    assert store.seen(["p-1", "p-2", "p-9"], CARDIOLOGY) == ["p-1"]


def test_of_many_attempts_at_once_no_more_are_judged_than_are_allowed(databases: Databases) -> None:
    async def tried() -> int:
        with contextlib.closing(accounts_at(databases)) as accounts:
            judged = await asyncio.gather(
                *(asyncio.to_thread(accounts.by_password, "nora", "wrong", "::1", 0.0) for _ in range(12)),
                return_exceptions=True,
            )
        return sum(1 for one in judged if isinstance(one, Refused) and one.why == "wrong_password")

    assert asyncio.run(tried()) <= ATTEMPTS_MAX["who"]


async def test_an_address_with_a_nul_is_refused(databases: Databases, store: Store) -> None:
    store.close()
    ward = Ward(databases)
    try:
        async with ward.client() as client:
            await ward.signed_in(client)
            for path in ("/api/alerts?patient=%00", "/api/patients/%00", "/api/alerts/a%00"):
                assert (await client.get(path)).status_code == 400
            asked = {"name": "n\0", "password": "x"}
            assert (await client.post("/api/sign-in", json=asked)).status_code == 422
    finally:
        ward.close()


@pytest.mark.postgres
def test_a_second_desk_does_not_empty_the_cache_of_the_first(postgres_server: Postgres) -> None:
    url = postgres_server.schema()
    first = Store(url)
    first.put_events([alert()])
    with pytest.raises(Taken, match="another desk"):
        Store(url)
    assert len(first.worklist()) == 1
    Store(postgres_server.schema()).close()
    first.close()
    Store(url).close()


@pytest.mark.postgres
def test_tables_of_others_in_the_same_database_are_left_alone(postgres_server: Postgres) -> None:
    url = postgres_server.database()
    engine = engine_at(url, "it", ())
    with engine.begin() as connection:
        for name in ("patients", "alerts", "alert_events", "vital_windows"):
            connection.execute(text(f"CREATE TABLE {name} (own int)"))
    Store(url).close()
    tables = set(inspect(engine).get_table_names())
    engine.dispose()
    assert tables == {"patients", "alerts", "alert_events", "vital_windows", *METADATA.tables}


@pytest.mark.postgres
def test_a_cache_that_fills_is_not_asked_by_the_plans_of_an_empty_one(postgres_server: Postgres) -> None:
    """A prepared statement's plan is kept, and that of an empty table reads all of it: it took five times as long."""
    engine = engine_at(postgres_server.schema(), "it", ())
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE these (name varchar PRIMARY KEY)"))
        asked = text("EXPLAIN (FORMAT TEXT) EXECUTE one('a')")
        connection.execute(text("PREPARE one (varchar) AS SELECT name FROM these WHERE name = $1"))
        for _ in range(10):
            connection.execute(text("EXECUTE one('a')"))
        assert "'a'" in str(connection.execute(asked).all()), "planned for what was asked, not once for all"
    engine.dispose()


@pytest.mark.postgres
async def test_the_desk_outlives_its_database_and_misses_nothing(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    server = Postgres(programs())
    try:
        server.start()
        await topics.made(embedded_broker.address, prefix)
        url = server.database()
        databases = Databases(url, url)
        async with desk(embedded_broker.address, prefix, databases) as page, signed_in(page, databases) as client:
            await topics.put(embedded_broker.address, f"{prefix}alerts", [alert("a-1")])
            await until_answer(lambda: _open(client, 1))
            server.stop()
            await topics.put(embedded_broker.address, f"{prefix}alerts", [alert("a-2")])
            answer = await client.get("/api/alerts")
            assert (answer.status_code, "does not answer" in answer.json()["error"]) == (503, True)
            server.start()
            await until_answer(lambda: _open(client, 2))
    finally:
        server.remove()


@pytest.mark.postgres
async def test_the_desk_outlives_a_database_that_is_read_only_for_a_while(
    postgres_server: Postgres, embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    """As after a fail-over, or when its disk is nearly full. The desk ended, with the alert in its log."""
    await topics.made(embedded_broker.address, prefix)
    url = postgres_server.database()
    databases = Databases(url, url)
    async with desk(embedded_broker.address, prefix, databases) as page, signed_in(page, databases) as client:
        await topics.put(embedded_broker.address, f"{prefix}alerts", [alert("a-1")])
        await until_answer(lambda: _open(client, 1))
        _only_read(postgres_server, url, "on")
        await topics.put(embedded_broker.address, f"{prefix}alerts", [alert("a-2")])
        assert (await client.get("/api/alerts")).status_code == 503
        await until_answer(lambda: _says(client, 503, "accounts takes nothing (cannot execute"))
        _only_read(postgres_server, url, "off")
        await until_answer(lambda: _open(client, 2))
        await until_answer(lambda: _says(client, 200, "ready"))


async def test_a_desk_whose_database_is_locked_is_not_ready_says_so_and_is_back_by_itself(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worklist was shown as live, without the alert that had come, and /readyz said that it was ready."""
    monkeypatch.setattr(schema, "SQLITE_PRAGMAS", [one.replace("5000", "100") for one in schema.SQLITE_PRAGMAS])
    monkeypatch.setattr(keeping, "LOOK_EVERY_S", 0.1)
    databases = in_folder(tmp_path)
    await topics.made(embedded_broker.address, prefix)
    async with desk(embedded_broker.address, prefix, databases) as page, signed_in(page, databases) as client:
        with contextlib.closing(sqlite3.connect(tmp_path / "desk.sqlite")) as other:
            other.execute("BEGIN IMMEDIATE")
            await topics.put(embedded_broker.address, f"{prefix}alerts", [alert("a-1")])
            await until_answer(lambda: _says(client, 503, "the desk's database takes nothing (database is locked)"))
            await until_answer(lambda: _says(client, 503, f"still reading {prefix}alerts"))
            assert (await client.get("/api/desk")).json()["keeping"] is False
            figures = (await client.get("/metrics")).text
            assert 'homebeat_desk_database_up{database="the desk\'s database"} 0.0' in figures
            other.rollback()
        await until_answer(lambda: _says(client, 200, "ready"))
        assert await _open(client, 1)


async def test_a_database_that_does_not_answer_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(keeping, "LOOK_WITHIN_S", 0.01)
    answers = threading.Event()
    asked: list[None] = []

    def hangs() -> None:
        asked.append(None)
        answers.wait()

    looking = keeping.Keeping({"it": hangs, "the other": lambda: None})
    running = asyncio.create_task(looking.run())
    await until(lambda: looking.why_not == "it takes nothing (no answer within 0.01 s)")
    assert (looking.up, len(asked)) == ({"it": False, "the other": True}, 1)
    answers.set()
    await until(lambda: not looking.why_not)
    running.cancel()


async def _says(client: httpx.AsyncClient, status: int, words: str) -> bool:
    answer = await client.get("/readyz")
    return answer.status_code == status and words in answer.text


@pytest.mark.postgres
async def test_desks_that_share_the_accounts_send_each_record_of_the_audit_once(postgres_server: Postgres) -> None:
    """Both sent all of it. And who had recorded what the other sent first counted it as waiting for ever: after 200,000
    looks nothing would have been shown any more."""
    url, sent = postgres_server.schema(), list[bytes]()

    async def send(body: bytes) -> None:
        await asyncio.sleep(0.001)
        sent.append(body)

    with (
        contextlib.closing(Accounts(url, SECRET, QUICK)) as one,
        contextlib.closing(Accounts(url, SECRET, QUICK)) as two,
    ):
        desks = [Audit(one.engine), Audit(two.engine)]
        running = [asyncio.create_task(desk.run(send)) for desk in desks]
        for number in range(60):
            await asyncio.to_thread(desks[number % 2].record, "ann", "desk.saw_patient", number=number)
        await until(lambda: len(sent) >= 60 and not any(desk.waiting for desk in desks))
        await asyncio.sleep(0.5)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    assert sorted(msgspec.json.decode(body)["detail"]["number"] for body in sent) == list(range(60))
    assert sum(desk.sent for desk in desks) == 60


def _only_read(server: Postgres, url: str, state: str) -> None:
    """For every session of the database; those that there are end, as those to a server that goes away do."""
    name = url.rpartition("/")[2]
    with server.connection() as connection:
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {state}".encode())
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


@pytest.mark.postgres
def test_a_session_that_only_reads_is_given_up_and_no_error_says_what_was_written(postgres_server: Postgres) -> None:
    engine = engine_at(postgres_server.schema(), "it", ())
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE these (name varchar)"))
    insert = text("INSERT INTO these VALUES (:name)")
    with engine.connect() as connection, connection.begin():
        connection.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
    with pytest.raises(InternalError) as refused, engine.begin() as connection:
        connection.execute(insert, {"name": "of a patient"})
    assert "of a patient" not in str(refused.value)
    with engine.begin() as connection:
        connection.execute(insert, {"name": "by another session"})
    engine.dispose()


async def _open(client: httpx.AsyncClient, wanted: int) -> bool:
    answer = await client.get("/api/alerts", params={"view": "open"})
    return answer.status_code == 200 and len(answer.json()["alerts"]) == wanted


def _json(record: object) -> bytes:
    return msgspec.json.encode(record)
