"""The application in this process, before a Kafka that remembers, fails and waits as it is told: the one thing in it
that is not the gateway's own is aiokafka's producer, for no real broker loses a record on demand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError
from fastapi import FastAPI
from prometheus_client import REGISTRY

from streams.configuration.environment import load_settings
from streams.gateway.admission import Admission
from streams.gateway.app import Doors, create_app
from streams.gateway.audit import Audit
from streams.gateway.keys import KeyRing, add_key
from streams.gateway.producing import Producing
from streams.gateway.profiles import Profiles

SETTINGS = load_settings()
NOW_S = 1_770_000_000.0
"""What is refused within a minute is refused within this one, however slow the machine is."""
JSON = {"content-type": "application/json"}


@dataclass
class Sent:
    """What lies on a topic."""

    topic: str
    key: str | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


@dataclass
class Kafka:
    """takes: which of the records it acknowledges; silent: it answers nothing."""

    takes: Callable[[Sent], bool] = lambda _: True
    silent: bool = False
    sent: list[Sent] = field(default_factory=list)

    async def send(
        self, topic: str, value: bytes | None, *, key: bytes | None, headers: list[tuple[str, bytes]]
    ) -> "asyncio.Future[object]":
        """As aiokafka's: the future is done when the broker has answered."""
        one = Sent(topic.removeprefix(SETTINGS.topic_prefix), None if key is None else key.decode(), value, headers)
        done = asyncio.get_running_loop().create_future()
        if self.silent:
            return done
        if self.takes(one):
            self.sent.append(one)
            done.set_result(None)
        else:
            done.set_exception(KafkaTimeoutError())
        return done

    @property
    def producing(self) -> Producing:
        """What the gateway sends with."""
        return Producing(SETTINGS, cast(AIOKafkaProducer, self))

    def on(self, topic: str) -> list[Sent]:
        return [one for one in self.sent if one.topic == topic]


@dataclass
class Gateway:
    """The application, and what stands around it. away: why no broker answers."""

    kafka: Kafka
    client: httpx.AsyncClient
    audit: Audit
    stop: asyncio.Event
    keys: dict[str, str]
    app: FastAPI
    away: str = ""

    async def post(self, content: Any, key: str = "watch-vendor", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post("/readings", content=content, headers={**JSON, **self.bearer(key), **named})

    def bearer(self, key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.keys.get(key, key)}"}


@contextlib.asynccontextmanager
async def gateway(folder: Path, kafka: Kafka | None = None) -> AsyncIterator[Gateway]:
    kafka, stop, path = kafka or Kafka(), asyncio.Event(), folder / "keys.toml"
    keys = {
        "watch-vendor": add_key(path, "watch-vendor", ("readings",), replace=True),
        "ehr": add_key(path, "ehr", ("profiles",), replace=True),
    }
    producing = kafka.producing
    audit = Audit(lambda value: producing.confirmed("audit", None, value), lambda: NOW_S)
    doors = Doors(
        KeyRing(path), Admission(SETTINGS, producing), Profiles(SETTINGS, producing), audit,
        ready=lambda: (True, "ready"), broker_away=lambda: made.away, stop=stop,
    )  # fmt: skip
    app = create_app(doors)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        made = Gateway(kafka, client, audit, stop, keys, app)
        yield made


def counted(door: str = "http") -> dict[str, float]:
    """What the metrics say, summed over reasons."""
    found = dict.fromkeys(("received", "accepted", "rejected", "failed"), 0.0)
    for metric in REGISTRY.collect():
        for sample in metric.samples:
            word = sample.name.removeprefix("homebeat_gateway_").removesuffix("_total")
            if sample.name.endswith("_total") and word in found and sample.labels.get("door") == door:
                found[word] += sample.value
    return found
