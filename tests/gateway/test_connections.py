"""A connection that asks for nothing is closed, and one whose request is under way is not."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from streams import limits
from streams.gateway.connections import Prompt
from streams.gateway.server import _Server
from tests.brokers import HOST, free_ports

HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n"
WITHIN_S = 0.4


async def slow(_: Any, __: Any, send: Any) -> None:
    """An application that takes its time."""
    await asyncio.sleep(4 * WITHIN_S)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(limits, "GATEWAY_HEAD_WITHIN_S", WITHIN_S)
    (found,) = free_ports(1)
    server = _Server(uvicorn.Config(slow, HOST, found, http=Prompt, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield found
    server.should_exit = True
    await serving


@pytest.mark.parametrize("said", [b"", HEAD, b"garbage"])
async def test_strangers_cannot_keep_a_place_by_asking_for_nothing(port: int, said: bytes) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(said)
    await asyncio.wait_for(reader.read(), 10 * WITHIN_S)
    writer.close()


async def test_what_is_under_way_is_answered_and_the_next_has_its_time(port: int) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(HEAD + b"\r\n" + HEAD)
    answered = await asyncio.wait_for(reader.read(), 20 * WITHIN_S)
    assert answered.startswith(b"HTTP/1.1 204")
    assert answered.count(b"HTTP/1.1") == 1
    writer.close()
