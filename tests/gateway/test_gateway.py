"""The gateway as a process, on both brokers: what it says it has accepted is on the topic, whatever happens to it."""

import itertools
import re
import shlex
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from models.times import rfc3339
from streams.kafka.embedded import EmbeddedBroker
from tests.brokers import HOST, Broker
from tests.engine import test_bad_input as bad
from tests.engine.factories import profile, reading
from tests.gateway.running import Running, freeze, on_readings, started
from tests.worker.live import deployment, until


@pytest.fixture(scope="module", params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One gateway for the tests of this module; each uses patients of its own."""
    broker: Broker = request.getfixturevalue(f"{request.param}_broker")
    with deployment(broker, f"gateway-{request.param}.", tmp_path_factory.mktemp("gateway")) as made:
        yield started(made)


def now() -> str:
    return rfc3339(time.time_ns() // 1000)


def test_readings_are_on_the_topic_when_they_are_answered(gateway: Running) -> None:
    sent = [reading("p-order", id=f"r-{number}") for number in range(700)]
    answered = gateway.post(*sent, homebeat_source="ward-3")
    assert (answered.status_code, answered.json()["accepted"]) == (202, 700)
    assert on_readings(gateway, "p-order") == sent
    (headers,) = {tuple(r.headers() or ()) for r in gateway.made.topic("readings").records if r.key() == b"p-order"}
    assert headers == (("homebeat-source", b"watch-vendor/ward-3"),)


def test_the_whole_way_from_http_to_an_alert(gateway: Running) -> None:
    """A profile and a reading by HTTP; the worker decides, and refuses what the door refused, in the same words."""
    gateway.made.start()
    put = gateway.ask("PUT", "/profiles/p-whole", profile("p-whole"))
    silent = gateway.ask("PUT", "/profiles/p-silent", profile("p-silent", monitoring=False))
    assert (put.status_code, silent.status_code) == (202, 202)
    until(lambda: len([r for r in gateway.made.topic("readings").look() if r.headers() and r.key() in
                       (b"p-whole", b"p-silent")]) == 2, "both profiles are in the log")  # fmt: skip
    low = reading("p-whole", code="spo2", value=78.0, at=now())
    answered = gateway.post(low, bad.sent(patient="p-whole", unit="furlong"), bad.sent(patient="p-silent", unit="kg"))
    assert [one["status"] for one in answered.json()["records"]] == ["accepted", "rejected", "rejected"]
    alert = gateway.made.told("p-whole")
    assert (alert["problem"], alert["severity"]) == ("spo2.low", "emergency")
    (reject,) = until(
        lambda: [one for one in gateway.made.topic("rejects").values() if one["key"] == "p-whole"], "the reject"
    )
    said = answered.json()["records"][1]
    assert (reject["reason"], reject["detail"], reject["source"]) == (said["reason"], said["detail"], "watch-vendor")
    assert gateway.ask("DELETE", "/profiles/p-whole").status_code == 202
    until(
        lambda: any(r.key() == b"p-whole" and r.value() is None for r in gateway.made.topic("profiles").look()), "gone"
    )
    assert "p-silent" not in [one["key"] for one in gateway.made.topic("rejects").all_values()]


def test_what_names_nobody_and_who_may_not_are_on_record(gateway: Running) -> None:
    assert gateway.ask("POST", "/readings", b'{"at": ').status_code == 400
    assert gateway.ask("POST", "/readings", b"{}", authorization="Bearer wrong").status_code == 401
    (letter,) = [one for one in gateway.made.topic("rejects").all_values() if one["partition"] == -1]
    assert (letter["reason"], letter["source"], letter["key"]) == ("not_json", "watch-vendor", None)
    refused = until(
        lambda: [one for one in gateway.made.topic("audit").values() if one["what"] == "gateway.refused"], "the audit"
    )
    assert (refused[0]["by"], refused[0]["detail"]) == ("-", {"why": "wrong_key", "address": HOST})


def test_hostile_bodies_leave_it_standing_and_are_all_counted(gateway: Running) -> None:
    before = gateway.counted()
    raws = [raw for rows in bad.TABLE.values() for raw in rows.values() if raw and len(raw) < 1_000_000]
    for raw in raws:
        assert gateway.ask("POST", "/readings", raw).status_code in (202, 400, 413, 422)
    change = {word: count - before[word] for word, count in gateway.counted().items()}
    assert change["received"] == change["accepted"] + change["rejected"] + change["failed"]
    assert change["received"] >= len(raws)
    assert change["failed"] == 0
    assert gateway.post(reading("p-after")).status_code == 202


def test_asked_to_stop_it_answers_what_it_has_taken(gateway: Running) -> None:
    other = started(gateway.made)
    accepted, refused = _sending(other, "p-stop", lambda: other.process.process.terminate())
    assert other.process.process.wait(30) == 0
    assert accepted
    assert set(refused) <= {0, 503}
    there = [one["id"] for one in on_readings(gateway, "p-stop")]
    assert set(accepted) <= set(there)
    assert len(there) == len(set(there))


def test_killed_in_the_middle_of_a_batch_what_it_accepted_is_there(gateway: Running) -> None:
    other = started(gateway.made)
    accepted, _ = _sending(other, "p-kill", lambda: other.process.process.kill())
    assert accepted
    assert set(accepted) <= {one["id"] for one in on_readings(gateway, "p-kill")}


def _sending(other: Running, patient: str, end: Any) -> tuple[list[str], list[int]]:
    """Four senders post batches until nobody answers; after a while the gateway is ended. What was answered accepted,
    and the statuses of the rest (0: no answer)."""
    accepted, refused, numbers, enough = list[str](), list[int](), itertools.count(), threading.Event()

    def send() -> None:
        while True:
            sent = [reading(patient, id=f"r-{next(numbers)}") for _ in range(300)]
            try:
                answered = other.post(*sent)
            except httpx.HTTPError:
                refused.append(0)
                return
            if answered.status_code != 202:
                refused.append(answered.status_code)
                return
            accepted.extend(sent[one["index"]]["id"] for one in answered.json()["records"])
            if len(accepted) > 3000:
                enough.set()

    senders = [threading.Thread(target=send) for _ in range(4)]
    for one in senders:
        one.start()
    assert enough.wait(30)
    end()
    for one in senders:
        one.join(30)
    return accepted, refused


def test_without_a_key_it_does_not_start(gateway: Running) -> None:
    ended = gateway.made.homebeat("gateway", gateway_keys_file="none.toml")
    assert ended.code == 2
    assert "homebeat gateway add-key NAME --scope readings" in ended.complaint


def test_keys_are_made_listed_and_taken_away(gateway: Running) -> None:
    homebeat = gateway.made.homebeat
    made = homebeat("gateway", "add-key", "scale-vendor", "--scope", "readings", gateway_keys_file="others.toml")
    assert made.code == 0
    assert made.out.startswith("homebeat_")
    assert len(made.out.splitlines()) == 1
    listed = homebeat("gateway", "keys", "--json", gateway_keys_file="others.toml").json["keys"]
    assert [(one["name"], one["scopes"]) for one in listed] == [("scale-vendor", ["readings"])]
    assert made.out.strip() not in (homebeat.folder / "others.toml").read_text()
    assert homebeat("gateway", "remove-key", "scale-vendor", gateway_keys_file="others.toml").code == 0
    assert homebeat("gateway", "remove-key", "scale-vendor", gateway_keys_file="others.toml").code == 2


def test_a_kafka_that_is_silent_or_dead_is_said_and_nothing_is_claimed(mortal: tuple[EmbeddedBroker, Running]) -> None:
    broker, gateway = mortal
    assert gateway.post(reading("p-1", id="before")).status_code == 202
    freeze(broker)
    silent = gateway.post(reading("p-1", id="silent"))
    assert (silent.status_code, silent.headers["retry-after"]) == (503, "5")
    until(lambda: gateway.process.get("/readyz")[0] == 503, "it says that no broker answers")
    began = time.monotonic()
    known = gateway.post(reading("p-1", id="known"))
    assert (known.status_code, time.monotonic() - began < 2) == (503, True)
    assert "no broker" in known.json()["error"]
    assert gateway.ask("PUT", "/profiles/p-1", profile("p-1")).status_code == 503
    freeze(broker, signal.SIGCONT)
    until(lambda: gateway.process.get("/readyz")[0] == 200, "it is ready again")
    assert gateway.post(reading("p-1", id="after")).status_code == 202
    there = [one["id"] for one in on_readings(gateway, "p-1")]
    assert [one for one in there if one != "silent"] == ["before", "after"]
    counted = gateway.counted()
    assert counted["received"] == counted["accepted"] + counted["failed"]
    assert counted["accepted"] == 2
    broker.stop()
    until(lambda: gateway.process.get("/readyz")[0] == 503, "it says that no broker answers")
    assert gateway.post(reading("p-1", id="dead")).status_code == 503
    assert gateway.process.get("/healthz")[0] == 200


def test_the_line_of_the_readme_works(gateway: Running) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (found,) = re.findall(r"^curl (.*?)\n```", readme, re.M | re.S)
    line = found.replace("\\\n", "").replace("$KEY", gateway.key).replace("'$(date -u +%FT%TZ)'", now())
    url, *options = shlex.split(line)
    given = list(zip(options[::2], options[1::2], strict=True))
    headers = dict(value.split(": ", 1) for option, value in given if option == "-H")
    (body,) = [value for option, value in given if option == "-d"]
    answered = httpx.post(url.replace("8462", str(gateway.process.port)), headers=headers, content=body)
    assert (answered.status_code, answered.json()["accepted"]) == (202, 1)
