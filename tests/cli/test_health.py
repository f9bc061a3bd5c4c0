"""What operations see: metrics under the names of the contract, alive and ready told apart."""

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from models.readings import Reason
from streams.errors import Failed, PortTaken
from streams.serving import metrics
from streams.serving.health import HealthServer

CONTRACT = {
    "homebeat_readings_received_total": set(),
    "homebeat_readings_decided_total": set(),
    "homebeat_readings_rejected_total": {"reason"},
    "homebeat_readings_duplicate_total": set(),
    "homebeat_readings_withheld_total": set(),
    "homebeat_reading_to_alert_seconds_bucket": {"le"},
    "homebeat_alerts_total": {"event", "severity", "category"},
    "homebeat_alerts_open": set(),
    "homebeat_deliveries_total": {"channel", "outcome"},
    "homebeat_checkpoint_seconds_bucket": {"le"},
    "homebeat_state_patients": set(),
    "homebeat_consumer_lag": {"partition"},
    "homebeat_patients_by_state": {"state"},
    "homebeat_vitals_by_state": {"vital", "state"},
}
"""CONTRACT 3, metrics, with their labels; and vitals by state, which it does not name."""


async def fetch(url: str) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answered:
        return answered.status, answered.headers["Content-Type"], await answered.text()


async def test_metrics_have_the_names_and_labels_of_the_contract() -> None:
    metrics.alerts.labels(event="opened", severity="urgent", category="clinical")
    metrics.deliveries.labels(channel="webhook", outcome="delivered")
    metrics.consumer_lag.labels(partition="0")
    metrics.patients_by_state.labels(state="unknown")
    metrics.vitals_by_state.labels(vital="spo2", state="unknown")
    async with HealthServer("127.0.0.1", 0, ready=lambda: (True, "ready")) as server:
        status, kind, body = await fetch(f"{server.url}/metrics")
    assert status == 200
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    samples = {s.name: set(s.labels) for family in text_string_to_metric_families(body) for s in family.samples}
    assert {name: samples.get(name) for name in CONTRACT} == CONTRACT


async def test_every_reason_of_rejection_counts_from_zero() -> None:
    body = metrics.exposition()[0].decode()
    for reason in Reason:
        assert f'homebeat_readings_rejected_total{{reason="{reason}"}}' in body


async def test_ready_and_alive_are_told_apart() -> None:
    ready = (False, "waiting for its partitions")
    async with HealthServer("127.0.0.1", 0, ready=lambda: ready, alive=lambda: (True, "alive")) as server:
        assert await fetch(f"{server.url}/healthz") == (200, "text/plain; charset=utf-8", "alive\n")
        assert (await fetch(f"{server.url}/readyz"))[::2] == (503, "waiting for its partitions\n")
        ready = (True, "has 4 partitions")
        assert (await fetch(f"{server.url}/readyz"))[::2] == (200, "has 4 partitions\n")


async def test_dead_process_says_so() -> None:
    async with HealthServer("127.0.0.1", 0, lambda: (True, ""), alive=lambda: (False, "no step in 60 s")) as server:
        assert (await fetch(f"{server.url}/healthz"))[::2] == (503, "no step in 60 s\n")


async def test_taken_port_is_typed() -> None:
    async with HealthServer("127.0.0.1", 0, lambda: (True, "")) as server:
        with pytest.raises(PortTaken, match=f"port {server.port} on 127.0.0.1 is taken"):
            async with HealthServer("127.0.0.1", server.port, lambda: (True, "")):
                pytest.fail("two servers on one port")


async def test_address_that_is_not_ours_names_the_setting() -> None:
    with pytest.raises(Failed, match="HOMEBEAT_HTTP_HOST"):
        async with HealthServer("192.0.2.1", 0, lambda: (True, "")):
            pytest.fail("192.0.2.1 is reserved for documentation")


async def test_port_is_free_again_afterwards() -> None:
    async with HealthServer("127.0.0.1", 0, lambda: (True, "")) as server:
        port = server.port
    async with HealthServer("127.0.0.1", port, lambda: (True, "again")) as server:
        assert server.port == port
