"""The real `homebeat gateway` as a process among its topics, and what its senders say to it."""

import json
import os
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from streams.gateway.keys import Scope, add_key
from streams.kafka.embedded import EmbeddedBroker
from tests.brokers import HOST
from tests.worker.live import ANSWER_WITHIN_S, Deployment, Worker, until


@dataclass
class Running:
    """One gateway, and an integration with a key for everything."""

    made: Deployment
    process: Worker
    key: str

    def post(self, *readings: dict[str, Any] | bytes, **headers: str) -> httpx.Response:
        raws = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in readings]
        return self.ask("POST", "/readings", b"[" + b",".join(raws) + b"]", **headers)

    def ask(self, method: str, path: str, content: bytes = b"", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.request(
            method, f"http://{HOST}:{self.process.port}{path}", content=content, timeout=ANSWER_WITHIN_S,
            verify=False,  # or it reads the system's certificates for each
            headers={"authorization": f"Bearer {self.key}", "content-type": "application/json"} | named,
        )  # fmt: skip

    def counted(self, door: str = "http") -> dict[str, float]:
        """Records that came by a door, and what became of them. What there was nothing of is 0."""
        page = self.process.get("/metrics")[1]
        words = ("received", "accepted", "rejected", "failed")
        lines = [line.rpartition(" ") for line in page.splitlines() if f'door="{door}"' in line]
        return {
            word: sum(float(count) for name, _, count in lines if name.startswith(f"homebeat_gateway_{word}_total"))
            for word in words
        }


def started(made: Deployment, **settings: str) -> Running:
    """A gateway that is ready, with a file of keys of its own."""
    scopes: tuple[Scope, ...] = ("readings", "profiles")
    path = Path(tempfile.mkdtemp(dir=made.homebeat.folder)) / "keys.toml"
    key = add_key(path, "watch-vendor", scopes, replace=False)
    process = made.begin("gateway", **{"gateway_keys_file": str(path)} | settings)
    until(process.ready, f"the gateway is ready: {process.log()}")
    return Running(made, process, key)


def on_readings(running: Running, patient: str) -> list[dict[str, Any]]:
    """Everything of a patient that lies on `readings`."""
    records = running.made.topic("readings").all()
    return [json.loads(one.value() or b"") for one in records if one.key() == patient.encode()]


def freeze(broker: EmbeddedBroker, how: signal.Signals = signal.SIGSTOP) -> None:
    """A Kafka that takes connections and answers nothing; SIGCONT ends it."""
    if broker.pid is not None:
        os.killpg(broker.pid, how)
