"""The HTTP door: what is answered, what reaches Kafka, and that every record is accounted for."""

import asyncio
import base64
import gzip
import inspect
import itertools
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from streams import control, limits
from tests.engine import test_bad_input as bad
from tests.engine.factories import START_US, panel, profile, reading
from tests.gateway.doors import JSON, Gateway, Kafka, counted, gateway


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway(tmp_path) as made:
        yield made


def readings(count: int, patients: int = 3) -> list[bytes]:
    return [
        json.dumps(reading(f"p-{n % patients}", id=f"r-{n}", at_us=START_US + n * 1_000_000)).encode()
        for n in range(count)
    ]


def listed(raws: list[bytes]) -> bytes:
    return b"[" + b",".join(raws) + b"]"


def statuses(answered: httpx.Response) -> list[str]:
    body = answered.json()
    assert body["received"] == body["accepted"] + body["rejected"] + body["failed"] == len(body["records"])
    assert [one["index"] for one in body["records"]] == list(range(body["received"]))
    return [one["status"] for one in body["records"]]


async def test_readings_reach_their_patients_byte_for_byte_in_their_order(door: Gateway) -> None:
    raws = readings(1200)
    answered = await door.post(listed(raws))
    assert answered.status_code == 202
    assert statuses(answered) == ["accepted"] * 1200
    assert [one.value for one in door.kafka.on("readings")] == raws
    assert [one.key for one in door.kafka.on("readings")] == [f"p-{n % 3}" for n in range(1200)]
    assert len(door.kafka.sent) == 1200


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (readings(1)[0], {}),
        (listed(readings(1)), {}),
        (readings(1)[0] + b"\n", {"content_type": "application/x-ndjson"}),
        (gzip.compress(readings(1)[0]), {"content_encoding": "gzip"}),
        (bad.observation(), {"content_type": "application/fhir+json"}),
        (b'{"resourceType": "Bundle", "entry": [{"resource": %b}]}' % bad.observation(), {}),
    ],
    ids=["a reading", "a list", "lines", "gzip", "an Observation", "a Bundle"],
)
async def test_every_shape_of_a_body(door: Gateway, body: bytes, headers: dict[str, str]) -> None:
    answered = await door.post(body, **headers)
    assert (answered.status_code, statuses(answered)) == (202, ["accepted"])
    assert len(door.kafka.on("readings")) == 1


async def test_a_bad_record_is_told_its_reason_and_hurts_none_beside_it(door: Gateway) -> None:
    good, unit = readings(2), bad.sent(unit="furlong")
    answered = await door.post(listed([good[0], unit, b'{"a": 1}', good[1]]))
    assert answered.status_code == 207
    assert statuses(answered) == ["accepted", "rejected", "rejected", "accepted"]
    told = answered.json()["records"]
    assert (told[1]["reason"], "furlong" in told[1]["detail"]) == ("unknown_unit", True)
    assert told[2]["reason"] == "bad_shape"


async def test_what_names_its_patient_is_refused_in_the_log_where_consent_is_known(door: Gateway) -> None:
    """Put on `rejects` from here, the bytes of somebody who has not consented would stand in a dead letter."""
    await door.post(bad.sent(unit="furlong"))
    assert [(one.topic, one.key, one.value) for one in door.kafka.sent] == [
        ("readings", "p-1", bad.sent(unit="furlong"))
    ]


async def test_what_names_nobody_is_a_dead_letter_from_here(door: Gateway) -> None:
    await door.post(b'{"id": "r-1", "at": 7}', homebeat_source="ward-3")
    (one,) = door.kafka.sent
    letter = json.loads(one.value or b"")
    assert (one.topic, one.key) == ("rejects", None)
    assert base64.b64decode(letter["value_base64"]) == b'{"id": "r-1", "at": 7}'
    assert {name: letter[name] for name in ("reason", "topic", "partition", "offset", "key", "source")} == {
        "reason": "bad_shape", "topic": "homebeat.readings", "partition": -1, "offset": -1, "key": None,
        "source": "watch-vendor/ward-3",
    }  # fmt: skip


async def test_of_a_body_that_is_not_json_no_more_is_kept_than_of_a_reading(door: Gateway) -> None:
    body = listed(readings(2000))[:-1]
    answered = await door.post(body)
    assert (answered.status_code, statuses(answered)) == (400, ["rejected"])
    letter = json.loads(door.kafka.sent[0].value or b"")
    assert base64.b64decode(letter["value_base64"]) == body[: limits.READING_BYTES_MAX]
    assert "are not kept" in letter["detail"]


async def test_of_a_panel_the_parts_that_are_refused_are_told(door: Gateway) -> None:
    answered = await door.post(panel("p-1", "bp-1", START_US, 200, 9000))
    assert (answered.status_code, statuses(answered)) == (202, ["accepted"])
    assert [part["reason"] for part in answered.json()["records"][0]["parts"]] == ["implausible"]
    assert [one.topic for one in door.kafka.sent] == ["readings"]


@pytest.mark.parametrize(
    ("bodies", "status"),
    [
        ([bad.sent(unit="furlong")] * 2, 422),
        ([bad.sent(unit="furlong"), bad.sent(code="nonsense")], 422),
        ([bad.sent(device="d" * limits.READING_BYTES_MAX)], 413),
        ([], 202),
    ],
)
async def test_one_status_for_all(door: Gateway, bodies: list[bytes], status: int) -> None:
    assert (await door.post(listed(bodies))).status_code == status


async def test_a_source_is_under_the_name_of_the_key_and_no_other_header_comes_in(door: Gateway) -> None:
    _, value, headers = control.signed(control.profile("p-1", profile("p-1")), b"a secret that somebody has")
    given = {name: text.decode("latin-1") for name, text in headers}
    for source in ("", "ward-3", "watch-vendor/ward-3"):
        named = {"homebeat-source": source} if source else {}
        await door.post(readings(1)[0], **given, **named)
    assert [one.headers for one in door.kafka.on("readings")] == [
        [("homebeat-source", b"watch-vendor")], *[[("homebeat-source", b"watch-vendor/ward-3")]] * 2
    ]  # fmt: skip
    answered = await door.post(value, **given)
    assert answered.status_code == 422
    for odd in ("a b", "x" * 200):
        assert (await door.post(readings(1)[0], homebeat_source=odd)).status_code == 400


async def test_who_has_no_key_or_the_wrong_one_is_told_how_to_mend_it(door: Gateway) -> None:
    for headers in ({}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer "}, door.bearer("wrong")):
        answered = await door.client.post("/readings", content=b"{}", headers={**JSON, **headers})
        assert answered.status_code == 401
        assert answered.headers["www-authenticate"].startswith("Bearer")
    assert (await door.post(b"{}", key="ehr")).status_code == 403
    answered = await door.client.put(
        "/profiles/p-1", content=profile("p-1"), headers={**JSON, **door.bearer("watch-vendor")}
    )
    assert answered.status_code == 403
    assert "the scope profiles" in answered.json()["error"]
    await door.audit.drain()
    told = [json.loads(one.value or b"") for one in door.kafka.sent]
    assert {one.topic for one in door.kafka.sent} == {"audit"}
    assert [one["detail"]["why"] for one in told] == ["no_key"] * 3 + ["wrong_key"] + ["no_scope"] * 2
    assert told[-1]["by"] == "watch-vendor"
    assert not any(key in json.dumps(told) for key in door.keys.values())


async def test_guesses_are_counted_and_never_lock_out_a_right_key(door: Gateway) -> None:
    answers = [(await door.post(b"{}", key="guess")).status_code for _ in range(150)]
    assert answers == [401] * 100 + [429] * 50
    assert (await door.post(readings(1)[0])).status_code == 202
    await door.audit.drain(last=True)
    told = [json.loads(one.value or b"")["detail"] for one in door.kafka.on("audit")]
    assert len(told) == 101
    assert (told[-1]["why"], told[-1]["refused"]) == ("counted", 50)


async def test_refusals_wait_for_kafka_within_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GATEWAY_AUDIT_WAITING_MAX", 5)
    async with gateway(tmp_path, Kafka(takes=lambda _: False)) as door:
        for _ in range(20):
            await door.post(b"{}", key="guess")
        await door.audit.drain()
        door.kafka.takes = lambda _: True
        await door.audit.drain()
        await door.audit.drain(last=True)
        told = [json.loads(one.value or b"")["detail"] for one in door.kafka.on("audit")]
    assert len(told) == 6
    assert told[-1]["refused"] == 15


async def test_nothing_is_claimed_that_kafka_has_not_acknowledged(tmp_path: Path) -> None:
    raws = readings(9)
    async with gateway(tmp_path, Kafka(takes=lambda one: one.key != "p-1")) as door:
        answered = await door.post(listed(raws))
    assert answered.status_code == 503
    assert int(answered.headers["retry-after"]) > 0
    assert statuses(answered) == ["accepted", "failed", "accepted"] * 3


async def test_a_kafka_that_is_too_slow_is_said_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GATEWAY_KAFKA_WITHIN_S", 0.1)
    async with gateway(tmp_path, Kafka(silent=True)) as door:
        answered = await door.post(listed([*readings(2), bad.sent(unit="furlong")]))
    assert answered.status_code == 503
    assert statuses(answered) == ["failed"] * 3


async def test_where_no_broker_answers_or_the_gateway_leaves_no_body_is_read(door: Gateway) -> None:
    door.away = "no broker has answered for 7 s"
    for why in ("no broker has answered for 7 s", "stopping"):
        answered = await door.post(_never())
        assert (answered.status_code, answered.headers["retry-after"]) == (503, "5")
        assert why in answered.json()["error"]
        door.away = ""
        door.stop.set()
    assert door.kafka.sent == []


async def _never() -> AsyncIterator[bytes]:
    raise AssertionError("the body was read")
    yield b""


async def test_a_body_under_way_when_the_gateway_stops_is_answered_503(door: Gateway) -> None:
    begun = asyncio.Event()
    waiting = asyncio.create_task(door.post(_slowly(begun)))
    await begun.wait()
    door.stop.set()
    answered = await asyncio.wait_for(waiting, 5)
    assert (answered.status_code, door.kafka.sent) == (503, [])


async def _slowly(begun: asyncio.Event) -> AsyncIterator[bytes]:
    """A body that begins, and never ends."""
    yield b"["
    begun.set()
    await asyncio.Event().wait()


async def test_a_sender_that_dawdles_loses_its_place(door: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GATEWAY_BODY_WITHIN_S", 0.05)
    assert (await door.post(_slowly(asyncio.Event()))).status_code == 408
    assert (await door.post(readings(1)[0])).status_code == 202


async def test_one_request_more_than_there_is_room_for_is_told_to_come_back(
    door: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "GATEWAY_REQUESTS_MAX", 2)
    begun = [asyncio.Event() for _ in range(2)]
    waiting = [asyncio.create_task(door.post(_slowly(one))) for one in begun]
    await asyncio.gather(*(one.wait() for one in begun))
    answered = await door.post(readings(1)[0])
    assert (answered.status_code, answered.headers["retry-after"]) == (429, "1")
    door.stop.set()
    await asyncio.gather(*waiting)


async def test_bodies_that_are_not_taken(door: Gateway) -> None:
    many = listed([b"1"] * (limits.GATEWAY_RECORDS_MAX + 1))
    large = {"content_length": str(limits.GATEWAY_BODY_BYTES_MAX + 1)}
    bomb = gzip.compress(b" " * (limits.GATEWAY_UNPACKED_BYTES_MAX + 1))
    found = [
        await door.post(many),
        await door.post(_never(), **large),
        await door.post(bomb, content_encoding="gzip"),
        await door.post(b"{}", content_type="text/xml"),
        await door.post(b"{}", content_encoding="br"),
        await door.client.get("/readings", headers=door.bearer("watch-vendor")),
        await door.client.get("/../etc/passwd"),
    ]
    assert [one.status_code for one in found] == [413, 413, 413, 415, 415, 405, 404]
    assert all(one.json()["error"] for one in found)
    assert door.kafka.sent == []


async def test_an_answer_is_no_page_whatever_was_sent(door: Gateway) -> None:
    odd = "<script>alert(1)</script>"
    answered = await door.post(json.dumps(reading("p-1", code=odd)).encode())
    assert answered.headers["content-type"] == "application/json"
    assert answered.headers["x-content-type-options"] == "nosniff"
    assert statuses(answered) == ["rejected"]


def _bodies() -> st.SearchStrategy[bytes]:
    one = st.sampled_from([*readings(6), bad.sent(unit="kg"), b"{}", b"7", panel("p-1", "b", START_US, 1, 80)])
    return st.lists(one | st.binary(max_size=9), max_size=7).map(listed) | st.binary(max_size=40)


@given(st.lists(st.tuples(_bodies(), st.sets(st.integers(0, 20))), max_size=4))
@hypothesis_settings(max_examples=60)
async def test_received_is_accepted_and_rejected_and_failed(requests: list[tuple[bytes, set[int]]]) -> None:
    """After each request, whatever is in it and whatever Kafka does; and accepted is what lies on the topic."""
    with tempfile.TemporaryDirectory() as folder:
        async with gateway(Path(folder)) as door:
            for body, failing in requests:
                await _balanced(door, body, failing)


async def _balanced(door: Gateway, body: bytes, failing: set[int]) -> None:
    before, numbers, door.kafka.sent = counted(), itertools.count(), []
    door.kafka.takes = lambda _: next(numbers) not in failing
    answered = await door.post(body)
    told: dict[str, Any] = answered.json()
    change = {word: counted()[word] - before[word] for word in before}
    assert change == {word: told[word] for word in before}
    assert change["received"] == change["accepted"] + change["rejected"] + change["failed"]
    assert change["accepted"] + change["rejected"] == len(door.kafka.sent)


async def test_a_profile_is_on_the_audit_before_it_is_published(door: Gateway) -> None:
    document = profile("p/1", conditions=[{"code": "nonsense"}])
    answered = await door.client.put("/profiles/p%2F1", content=document, headers={**JSON, **door.bearer("ehr")})
    assert (answered.status_code, answered.json()) == (
        202, {"patient": "p/1", "status": "accepted", "unknown": ["conditions[0]: nonsense"]}
    )  # fmt: skip
    answered = await door.client.delete("/profiles/p%2F1", headers=door.bearer("ehr"))
    assert answered.status_code == 202
    assert [one.topic for one in door.kafka.sent] == ["audit", "profiles"] * 2
    assert [(one.key, one.value) for one in door.kafka.on("profiles")] == [("p/1", document), ("p/1", None)]
    told = [json.loads(one.value or b"") for one in door.kafka.on("audit")]
    assert [(one["by"], one["what"], one["detail"]["patient"]) for one in told] == [
        ("ehr", "gateway.profile_put", "p/1"), ("ehr", "gateway.profile_forgotten", "p/1")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("patient", "document", "status", "words"),
    [
        ("p-2", profile("p-1"), 422, "have to be the same"),
        ("p-1", b'{"patient": "p-1", "version": 1, "consent": {"monitoring": true}, "witheld": []}', 422, "witheld"),
        ("source:watch", profile("source:watch"), 422, "name of a source"),
        ("p-1", b"{", 400, "not_json"),
        ("p-1", b" " * (limits.PROFILE_BYTES_MAX + 1), 413, "at most"),
    ],
    ids=["another patient", "a misspelt field", "a source", "no JSON", "too large"],
)
async def test_a_profile_that_is_refused_says_why_and_is_a_dead_letter(
    door: Gateway, patient: str, document: bytes, status: int, words: str
) -> None:
    answered = await door.client.put(f"/profiles/{patient}", content=document, headers={**JSON, **door.bearer("ehr")})
    assert answered.status_code == status
    assert words in answered.json()["error"]
    (one,) = door.kafka.sent
    letter = json.loads(one.value or b"")
    assert (one.topic, letter["topic"], letter["key"], letter["source"]) == (
        "rejects", "homebeat.profiles", patient, "ehr"
    )  # fmt: skip
    assert base64.b64decode(letter["value_base64"]) == document


@pytest.mark.parametrize("lost", ["audit", "profiles"])
async def test_a_profile_that_kafka_does_not_take_is_not_claimed(tmp_path: Path, lost: str) -> None:
    async with gateway(tmp_path, Kafka(takes=lambda one: one.topic != lost)) as door:
        for method in ("PUT", "DELETE"):
            answered = await door.client.request(
                method, "/profiles/p-1", content=profile("p-1"), headers={**JSON, **door.bearer("ehr")}
            )
            assert (answered.status_code, answered.headers["retry-after"]) == (503, "5")
        assert door.kafka.on("profiles") == []


async def test_an_id_that_nobody_can_have_is_refused(door: Gateway) -> None:
    for odd in ("p%201", "x" * 129, "p%00"):
        answered = await door.client.delete(f"/profiles/{odd}", headers=door.bearer("ehr"))
        assert answered.status_code == 422
    assert door.kafka.sent == []


async def test_figures_are_read_where_they_are_counted(door: Gateway) -> None:
    """In a thread of their own they would be read in the middle of a count, and not fit together."""
    routes = [route for route in door.app.routes if isinstance(route, APIRoute)]
    assert len(routes) == 6
    assert all(inspect.iscoroutinefunction(route.endpoint) for route in routes)


async def test_an_address_that_is_not_quite_right_is_told_and_leads_nowhere_else(door: Gateway) -> None:
    answered = await door.client.post("/readings/", headers=door.bearer("watch-vendor"))
    assert (answered.status_code, "POST /readings" in answered.json()["error"]) == (404, True)
