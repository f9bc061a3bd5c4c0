"""From the alerts topic to a webhook and back to the deliveries topic, on real brokers."""

import asyncio

import pytest
from aiohttp import web
from prometheus_client import REGISTRY

from alerts.channels.webhook import WebhookLimits
from alerts.episodes import BEGAN_EARLIER, REPEAT
from alerts.events import Answer
from streams.kafka.embedded import EmbeddedBroker
from streams.notifier.configuration import silent_because, webhook_channels
from tests.brokers import Broker
from tests.channels import topics
from tests.channels.events import alert
from tests.channels.notifying import POLICY, config, notifying, receiver
from tests.channels.server import serving
from tests.channels.waiting import WITHIN_S, until


async def test_each_event_is_delivered_once_and_the_outcome_is_on_the_log(broker: Broker, prefix: str) -> None:
    await topics.made(broker.address, prefix)
    first, second = alert("a-1", 1), alert("a-1", 2, event="escalated", severity="emergency")
    silent = [alert("a-1", 3, event="acknowledged"), alert("a-2", 1, retrospective=True)]
    async with (
        receiver() as (url, received),
        notifying(config(broker, prefix, url)),
        topics.watched(broker.address, f"{prefix}deliveries") as deliveries,
    ):
        events = [first, second, first, *silent, second, b"not an alert", alert("a-3")]
        await topics.put(broker.address, f"{prefix}alerts", events)
        await until(lambda: len(deliveries) == 3)
        await topics.put(broker.address, f"{prefix}alerts", [first, alert("a-1", 4)])  # told long ago, and news
        await until(lambda: len(deliveries) == 4)
    assert dict(received.counts) == {"a-1:1": 1, "a-1:2": 1, "a-1:4": 1, "a-3:1": 1}
    assert sorted((one["alert_id"], one["sequence"], one["outcome"]) for one in deliveries) == [
        ("a-1", 1, "delivered"),
        ("a-1", 2, "delivered"),
        ("a-1", 4, "delivered"),
        ("a-3", 1, "delivered"),
    ]
    assert all(one["channel"].startswith("webhook:127.0.0.1") and one["attempts"] == 1 for one in deliveries)


@pytest.mark.slow
async def test_a_notifier_that_comes_back_does_not_tell_again(broker: Broker, prefix: str) -> None:
    await topics.made(broker.address, prefix)
    async with receiver() as (url, received), topics.watched(broker.address, f"{prefix}deliveries") as deliveries:
        async with notifying(config(broker, prefix, url)):
            await topics.put(broker.address, f"{prefix}alerts", [alert("a-1"), alert("a-2")])
            await until(lambda: len(deliveries) == 2)
        again = [alert("a-1"), alert("a-2"), alert("a-3")]  # a worker that repeats what it had said
        await topics.put(broker.address, f"{prefix}alerts", again)
        async with notifying(config(broker, prefix, url)):
            await until(lambda: len(deliveries) == 3)
    assert dict(received.counts) == {"a-1:1": 1, "a-2:1": 1, "a-3:1": 1}


@pytest.mark.slow
async def test_what_was_under_way_when_the_notifier_ended_is_told_by_the_next(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    await topics.made(embedded_broker.address, prefix)
    asked = asyncio.Event()

    async def never(_: web.Request) -> web.Response:
        asked.set()
        await asyncio.Event().wait()
        return web.Response()

    async with topics.watched(embedded_broker.address, f"{prefix}deliveries") as deliveries:
        patient = WebhookLimits(timeout_s=60.0)
        async with (
            serving(never) as dead,
            notifying(config(embedded_broker, prefix, dead, webhook=patient, grace_s=0.0)),
        ):
            await topics.put(embedded_broker.address, f"{prefix}alerts", [alert("a-1")])
            await asyncio.wait_for(asked.wait(), WITHIN_S)
        assert deliveries == []
        async with receiver() as (url, received), notifying(config(embedded_broker, prefix, url)):
            await until(lambda: len(deliveries) == 1)
    assert dict(received.counts) == {"a-1:1": 1}


async def test_a_dead_webhook_delays_neither_the_other_channel_nor_an_emergency(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    await topics.made(embedded_broker.address, prefix)
    emergency = asyncio.Event()

    async def answers_emergencies_only(request: web.Request) -> web.Response:
        if (await request.json())["severity"] != "emergency":
            await asyncio.Event().wait()
        emergency.set()
        return web.Response()

    patient = WebhookLimits(timeout_s=60.0)
    async with serving(answers_emergencies_only) as dead, receiver() as (url, received):
        async with notifying(config(embedded_broker, prefix, dead, url, webhook=patient, grace_s=0.0)):
            events = [alert(f"a-{number}") for number in range(50)]
            await topics.put(embedded_broker.address, f"{prefix}alerts", events)
            await until(lambda: received.unique == 50)
            await topics.put(embedded_broker.address, f"{prefix}alerts", [alert("a-now", severity="emergency")])
            await asyncio.wait_for(emergency.wait(), WITHIN_S)
        assert "a-now:1" in received.counts


async def test_a_dead_address_ends_in_a_failed_delivery(embedded_broker: EmbeddedBroker, prefix: str) -> None:
    await topics.made(embedded_broker.address, prefix)
    async with receiver() as (url, _):
        gone = url
    async with (
        notifying(config(embedded_broker, prefix, gone)),
        topics.watched(embedded_broker.address, f"{prefix}deliveries") as deliveries,
    ):
        await topics.put(embedded_broker.address, f"{prefix}alerts", [alert()])
        await until(lambda: len(deliveries) == 1)
    assert (deliveries[0]["outcome"], deliveries[0]["attempts"]) == ("failed", 2)


async def test_the_first_delivery_that_fails_is_a_rise_to_prometheus(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    """A counter that is born at 1 has not risen: the rule on failed deliveries kept quiet about a first lost alert."""
    url = "http://first.invalid:1/alerts"
    (channel,) = webhook_channels(config(embedded_broker, prefix, url))
    labels = {"channel": channel.name, "outcome": "failed"}
    assert REGISTRY.get_sample_value("homebeat_deliveries_total", labels) is None
    async with notifying(config(embedded_broker, prefix, url)):
        await until(lambda: REGISTRY.get_sample_value("homebeat_deliveries_total", labels) == 0)


@pytest.mark.slow
async def test_the_notifier_outlives_its_broker(prefix: str) -> None:
    broker = EmbeddedBroker()
    await broker.start()
    try:
        await topics.made(broker.address, prefix)
        async with receiver() as (url, received), notifying(config(broker, prefix, url)):
            async with topics.watched(broker.address, f"{prefix}deliveries") as deliveries:
                await topics.put(broker.address, f"{prefix}alerts", [alert("a-1")])
                await until(lambda: len(deliveries) == 1)  # it knows that it was told: else it tells it again
            broker.stop()
            await broker.start()  # the same port; its memory is gone, so the topics are new
            await topics.made(broker.address, prefix)
            await topics.put(broker.address, f"{prefix}alerts", [alert("a-1"), alert("a-2")])
            await until(lambda: received.unique == 2)
        assert dict(received.counts) == {"a-1:1": 1, "a-2:1": 1}
    finally:
        broker.stop()


async def test_a_notifier_without_a_broker_stops_when_asked(prefix: str) -> None:
    broker = EmbeddedBroker(port=1)
    async with notifying(config(broker, prefix, "http://127.0.0.1:9/")) as stop:
        stop.set()


@pytest.mark.parametrize("event", ["acknowledged", "assigned", "snoozed", "expired"])
def test_what_the_team_did_itself_is_not_sent_to_it(event: str) -> None:
    assert silent_because(alert(event=event)) is not None


@pytest.mark.parametrize("event", ["opened", "updated", "escalated", "reopened", "resolved"])
def test_what_happened_to_the_patient_is_sent_unless_it_is_past(event: str) -> None:
    assert silent_because(alert(event=event)) is None
    assert silent_because(alert(event=event, retrospective=True)) is not None


def test_an_onset_that_was_put_right_asks_nothing_of_anyone() -> None:
    assert silent_because(alert(event="updated", reason=BEGAN_EARLIER)) is not None
    assert silent_because(alert(event="updated", reason="now emergency")) is None
    assert silent_because(alert(event="updated", reason=REPEAT)) is None


def test_two_addresses_of_one_host_are_two_channels(embedded_broker: EmbeddedBroker) -> None:
    made = webhook_channels(config(embedded_broker, "t.", "https://example.org/a", "https://example.org/b"))
    assert [channel.name for channel in made] == ["webhook:example.org", "webhook:example.org#2"]


def test_the_policy_says_whether_a_message_is_sent() -> None:
    assert silent_because(alert(policy=[Answer("notify", "quiet", "told already")])) == "told already"
    assert silent_because(alert(event="acknowledged", notify="first", policy=POLICY)) is None
    assert silent_because(alert(event="acknowledged", notify="taken", policy=POLICY)) is not None
