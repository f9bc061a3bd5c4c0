"""What is refused cannot stop the desk: kept by itself up to a bound, then counted, and never in the room of people."""

import json
import logging
from collections import Counter

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from alerts import links
from alerts.desk import create_app
from alerts.desk.accounts import ATTEMPTS_KEPT, ATTEMPTS_MAX
from alerts.desk.audit import Audit, AuditFull
from alerts.desk.hub import Hub
from alerts.desk.refusals import OF_ALL, OF_ONE, OTHERS, SENDERS_MAX, Refusals
from alerts.desk.register import ATTEMPTS as ATTEMPTS_TABLE
from tests.desk.ward import Ward

NOW_S = 1_767_600_000.0
ATTEMPTS = st.lists(
    st.tuples(
        st.sampled_from(["10.0.0.1", "10.0.0.2", "nurse-1"]), st.sampled_from(["csrf", "role"]),
        st.floats(0, 200), st.booleans(), st.integers(1, 150),
    ),
    max_size=30,
)  # fmt: skip


@given(attempts=ATTEMPTS)
def test_every_refusal_is_kept_by_itself_or_counted_to_its_sender(
    attempts: list[tuple[str, str, float, bool, int]],
) -> None:
    refusals, whole, wanted = Refusals(), Counter[str](), Counter[str]()
    told: Counter[str] = Counter()
    for sender, why, after_s, room, times in sorted(attempts, key=lambda one: one[2]):
        for _ in range(times):
            wanted[sender] += 1
            whole[sender] += refusals.keep(sender, why, NOW_S + after_s, room=room) == "whole"
        for one in refusals.take(NOW_S + after_s):
            told[one.sender] += one.whys.total()
    for one in refusals.take(NOW_S + 200, all_of_them=True):
        told[one.sender] += one.whys.total()
    assert whole + told == wanted
    assert refusals.kept == {"whole": whole.total(), "counted": told.total()}


def test_a_minute_has_its_bounds_for_one_sender_and_for_all() -> None:
    refusals = Refusals()
    first = [refusals.keep("10.0.0.1", "csrf", NOW_S, room=True) for _ in range(OF_ONE + 2)]
    assert first == ["whole"] * OF_ONE + ["first counted", "counted"]
    many = [refusals.keep(f"10.0.1.{n}", "csrf", NOW_S + 1, room=True) for n in range(OF_ALL + 5)]
    assert Counter(many) == {"whole": OF_ALL - OF_ONE, "first counted": OF_ONE + 5}
    assert refusals.take(NOW_S + 1) == [], "the minute goes on"
    assert refusals.keep("10.0.0.1", "csrf", NOW_S + 60, room=True) == "whole", "another one"
    assert len(refusals.take(NOW_S + 60)) == OF_ONE + 6


def test_ever_other_senders_take_no_more_memory_than_a_bound() -> None:
    refusals = Refusals()
    for n in range(3 * SENDERS_MAX):
        refusals.keep(f"2001:db8::{n:x}", "csrf", NOW_S, room=False)
    told = {one.sender: one.whys.total() for one in refusals.take(NOW_S, all_of_them=True)}
    assert len(told) == SENDERS_MAX + 1
    assert told[OTHERS] == 2 * SENDERS_MAX


def test_what_could_not_be_written_is_counted_still() -> None:
    refusals = Refusals()
    refusals.keep("10.0.0.1", "csrf", NOW_S, room=False)
    refusals.give_back(refusals.take(NOW_S + 60))
    refusals.keep("10.0.0.1", "role", NOW_S + 61, room=False)
    (one,) = refusals.take(NOW_S + 120)
    assert (one.whys, one.since_s, one.until_s) == ({"csrf": 1, "role": 1}, NOW_S, NOW_S + 61)


def linked(ward: Ward) -> tuple[Ward, Audit]:
    """The ward with links in messages, and its audit."""
    audit = Audit(ward.accounts.engine)
    ward.app = create_app(ward.store, ward.log, Hub(), ward.accounts, audit, link_key=links.key_of(b"of the tests"))
    return ward, audit


async def nowhere(_: bytes) -> None:
    """A topic whose records nobody needs."""


async def test_a_flood_of_forged_links_is_one_record_and_a_loud_line(
    ward: Ward, caplog: pytest.LogCaptureFixture
) -> None:
    ward, audit = linked(ward)
    sent: list[bytes] = []

    async def send(value: bytes) -> None:
        sent.append(value)

    async with ward.client() as stranger:
        with caplog.at_level(logging.WARNING):
            for _ in range(OF_ONE + 30):
                assert (await stranger.post("/a/forged")).status_code == 403
        figures = (await stranger.get("/metrics")).text
    kept = ward.audited("desk.refused")
    assert OF_ONE <= len(kept) <= OF_ONE + 30  # the minute may have turned
    await audit.drain(send)
    told = [json.loads(value)["detail"] for value in sent]
    counted = [one for one in told if one["why"] == "counted"]
    assert sum(one["refused"] for one in counted) == OF_ONE + 30 - len(kept)
    if counted:
        assert counted[0]["sender"] == "127.0.0.1"
        assert counted[0]["whys"].startswith("link_forged: ")
        assert "refused to '127.0.0.1' that more is only counted" in caplog.text
    assert f'homebeat_desk_refused_total{{kept="whole"}} {len(kept)}.0' in figures


def test_what_says_nothing_new_is_kept_once_in_a_minute_and_counted() -> None:
    refusals = Refusals()
    kept = [refusals.keep("10.0.0.1", "too_many", NOW_S, room=True) for _ in range(3)]
    assert kept == ["whole", "first counted", "counted"]
    assert refusals.keep("10.0.0.1", "wrong_password", NOW_S, room=True) == "whole"
    assert refusals.keep("10.0.0.2", "too_many", NOW_S, room=True) == "whole"
    assert refusals.keep("10.0.0.1", "too_many", NOW_S + 60, room=True) == "whole"
    assert [(one.sender, one.whys) for one in refusals.take(NOW_S + 60)] == [("10.0.0.1", {"too_many": 2})]


async def test_each_guess_that_is_judged_is_kept_and_those_that_are_not_are_counted(
    ward: Ward, client: httpx.AsyncClient
) -> None:
    """An attack is seen with its beginning, its end and its size, and takes neither the audit nor the disk."""
    ward, audit = linked(ward)
    sent: list[bytes] = []

    async def send(value: bytes) -> None:
        sent.append(value)

    judged, more = ATTEMPTS_MAX["who"], 3 * ATTEMPTS_KEPT
    async with ward.client() as stranger:
        for _ in range(judged + more):
            guess = {"name": "nurse-1", "password": "not this one either"}
            assert (await stranger.post("/api/sign-in", json=guess)).status_code in (401, 429)
    kept = Counter(one["detail"]["why"] for one in ward.audited("desk.sign_in_refused"))
    assert kept["wrong_password"] == judged
    assert 1 <= kept["too_many"] <= 3  # the minute may have turned
    await audit.drain(send)
    counted = [one for value in sent if (one := json.loads(value)["detail"])["why"] == "counted"]
    assert kept["too_many"] + sum(one["refused"] for one in counted) == more
    assert {one["sender"] for one in counted} == {"127.0.0.1"}
    with ward.accounts.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(ATTEMPTS_TABLE)).scalar_one() == ATTEMPTS_KEPT


async def test_refusals_never_stop_the_desk_and_what_people_do_is_kept(
    ward: Ward, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream is away, and strangers go on for longer than there is room."""
    monkeypatch.setattr("alerts.desk.audit.WAITING_MAX", 40)
    monkeypatch.setattr("alerts.desk.audit.REFUSALS_WAITING_MAX", 20)
    ward, audit = linked(ward)
    async with ward.client() as stranger:
        for _ in range(60):
            assert (await stranger.post("/a/forged")).status_code == 403
            assert (await stranger.post("/api/sign-in", json={}, headers={"Origin": "http://x"})).status_code == 403
    assert audit.waiting == 20
    await ward.signed_in(client)
    assert (await client.get("/api/alerts")).status_code == 200
    for _ in range(5):
        assert (await client.post("/api/alerts/a-1/actions", json={"type": "acknowledge"})).status_code == 202
    assert (await client.get("/api/patients/p-2")).status_code == 404, "refused, and counted"
    assert len(ward.audited("desk.acted")) == 5
    await audit.drain(nowhere)
    assert (audit.waiting, audit.refusals["whole"]) == (0, 20)


async def test_an_audit_that_is_full_of_what_people_did_still_shows_nothing(
    ward: Ward, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ward, audit = linked(ward)
    await ward.signed_in(client)
    for bound in ("WAITING_MAX", "REFUSALS_WAITING_MAX"):
        monkeypatch.setattr(f"alerts.desk.audit.{bound}", audit.waiting)
    assert (await client.get("/api/alerts")).status_code == 503
    with pytest.raises(AuditFull):
        audit.record("nurse-1", "desk.acted")
    audit.refused("10.0.0.1", "-", "desk.refused", why="csrf")
