"""The desk as it runs: caught up before it is ready, live by server-sent events, and able to lose its broker."""

import asyncio
import contextlib
import json
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from alerts.desk import PortTaken, run_desk, server
from streams.kafka.embedded import EmbeddedBroker
from tests.brokers import Broker
from tests.channels import topics
from tests.channels.events import alert
from tests.channels.waiting import until, until_answer
from tests.desk.databases import Databases, in_folder
from tests.desk.running import END_S, desk, made_config
from tests.desk.running import client as signed_in
from tests.desk.test_store import summary


async def test_the_desk_is_ready_when_it_has_read_what_was_there(
    broker: Broker, prefix: str, databases: Databases
) -> None:
    await topics.made(broker.address, prefix)
    events = [alert(f"a-{number}", patient=f"p-{number}") for number in range(300)]
    await topics.put(broker.address, f"{prefix}alerts", [*events, b"not an alert"])
    await topics.put(broker.address, f"{prefix}vitals", [summary(number) for number in range(300)])
    async with desk(broker.address, prefix, databases) as url, signed_in(url, databases) as client:
        assert (await client.get("/readyz")).status_code == 200
        body = (await client.get("/api/desk")).json()
        assert body["lists"]["open"] == 300
        chart = (await client.get("/api/patients/p-1/vitals")).json()["vitals"][0]
        assert len(chart["windows"]) == 300
        assert (
            f'homebeat_desk_records_total{{outcome="unreadable",topic="{prefix}alerts"}} 1.0'
            in (await client.get("/metrics")).text
        )


async def test_a_profile_that_is_nested_too_deeply_stops_nobody(
    broker: Broker, prefix: str, databases: Databases
) -> None:
    await topics.made(broker.address, prefix)
    await topics.put(broker.address, f"{prefix}profiles", [b'{"patient": "p-1", "consent": ' + b"[" * 50_000])
    await topics.put(broker.address, f"{prefix}alerts", [alert("a-1")])
    async with desk(broker.address, prefix, databases) as url, signed_in(url, databases) as client:
        assert (await client.get("/api/desk")).json()["lists"]["open"] == 1


async def test_a_profile_that_the_worker_refuses_takes_no_patient_to_another_team(
    broker: Broker, prefix: str, databases: Databases
) -> None:
    """The worker goes on asking the team of the profile before: theirs is the page the alert must be on."""
    await topics.made(broker.address, prefix)
    sound = {"patient": "p-17", "version": 1, "care_team": "cardiology", "consent": {"monitoring": True}}
    misspelt = sound | {"version": 2, "care_team": "lungs", "medication": []}
    await topics.put(broker.address, f"{prefix}profiles", [json.dumps(one).encode() for one in (sound, misspelt)])
    await topics.put(broker.address, f"{prefix}alerts", [alert("a-1", care_team="cardiology")])
    async with desk(broker.address, prefix, databases) as url, signed_in(url, databases) as client:
        (shown,) = (await client.get("/api/alerts")).json()["alerts"]
        assert shown["team"] == "cardiology"


async def test_an_action_lands_on_the_topic_under_its_patient(
    broker: Broker, prefix: str, databases: Databases
) -> None:
    await topics.made(broker.address, prefix)
    await topics.put(broker.address, f"{prefix}alerts", [alert("a-1")])
    async with (
        desk(broker.address, prefix, databases) as url,
        signed_in(url, databases) as client,
        topics.watched(broker.address, f"{prefix}actions") as actions,
    ):
        answer = await client.post("/api/alerts/a-1/actions", json={"type": "resolve", "reason": "well"})
        assert answer.status_code == 202
        await until(lambda: len(actions) == 1)
    assert actions[0]["action_id"] == answer.json()["action_id"]
    assert (actions[0]["patient"], actions[0]["type"], actions[0]["reason"]) == ("p-17", "resolve", "well")


async def test_a_page_hears_of_an_alert_without_asking(
    embedded_broker: EmbeddedBroker, prefix: str, databases: Databases
) -> None:
    bootstrap = embedded_broker.address
    await topics.made(bootstrap, prefix)
    async with desk(bootstrap, prefix, databases) as url, signed_in(url, databases) as client:
        heard: list[tuple[str, Any]] = []
        listening = asyncio.create_task(_listen(client, heard))
        await until(lambda: any(name == "counters" for name, _ in heard))
        await topics.put(bootstrap, f"{prefix}alerts", [alert("a-1"), alert("a-1", 2, event="acknowledged")])
        await topics.put(bootstrap, f"{prefix}vitals", [summary(1)])
        await until(lambda: _last_sequence(heard) == 2)
        await until(lambda: ("vitals", {"patients": ["p-1"], "gone": []}) in heard)
        listening.cancel()


async def test_a_page_that_listens_does_not_keep_the_desk_from_stopping(
    embedded_broker: EmbeddedBroker, prefix: str, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "GRACE_S", END_S)  # for which a desk waits whose pages do not let go of it
    await topics.made(embedded_broker.address, prefix)
    clock = asyncio.get_running_loop().time
    async with contextlib.AsyncExitStack() as stack:
        heard: list[tuple[str, Any]] = []
        async with desk(embedded_broker.address, prefix, databases) as url:
            client = await stack.enter_async_context(signed_in(url, databases))
            listening = asyncio.create_task(_listen(client, heard))
            await until(lambda: bool(heard))
            began = clock()
        assert clock() - began < END_S / 2
        await asyncio.wait_for(listening, END_S)


async def test_the_desk_outlives_its_broker_and_says_that_it_is_cut_off(prefix: str, databases: Databases) -> None:
    broker = EmbeddedBroker()
    await broker.start()
    try:
        await topics.made(broker.address, prefix)
        async with desk(broker.address, prefix, databases) as url, signed_in(url, databases) as client:

            async def connected(wanted: bool) -> bool:
                return bool((await client.get("/api/desk")).json()["connected"]) is wanted

            await until_answer(lambda: connected(True))
            broker.stop()
            await until_answer(lambda: connected(False))
            await broker.start()
            await topics.made(broker.address, prefix)
            await topics.put(broker.address, f"{prefix}alerts", [alert("a-1")])

            async def shown() -> bool:
                return len((await client.get("/api/alerts")).json()["alerts"]) == 1

            await until_answer(shown)
            await until_answer(lambda: connected(True))
            answer = await client.post("/api/alerts/a-1/actions", json={"type": "acknowledge"})
            assert answer.status_code == 202
    finally:
        broker.stop()


async def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        config = made_config("localhost:1", "t.", in_folder(tmp_path), port=other.getsockname()[1])
        with pytest.raises(PortTaken, match=r"port \d+ on 127.0.0.1 is taken"):
            await run_desk(config, asyncio.Event())


async def test_a_desk_without_a_broker_serves_says_so_and_stops(tmp_path: Path) -> None:
    config = made_config("127.0.0.1:1", "t.", in_folder(tmp_path), port=_free_port())
    stop = asyncio.Event()
    running = asyncio.create_task(run_desk(config, stop))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{config.port}") as client:

        async def alive() -> bool:
            try:
                return (await client.get("/healthz")).status_code == 200
            except httpx.ConnectError:
                return False

        await until_answer(alive)
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.text) == (503, "still reading t.profiles, t.alerts, t.vitals, t.sources\n")
    stop.set()
    await asyncio.wait_for(running, END_S)


async def _listen(client: httpx.AsyncClient, heard: list[tuple[str, Any]]) -> None:
    name = ""
    async with client.stream("GET", "/events") as answer:
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                heard.append((name, json.loads(line.removeprefix("data: "))))


def _last_sequence(heard: list[tuple[str, Any]]) -> int:
    told = [one["sequence"] for name, data in heard if name == "alerts" for one in data["alerts"]]
    return max(told, default=0)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
