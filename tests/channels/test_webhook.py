"""The webhook channel against real servers that fail, hang, redirect and come back."""

import contextlib
import random
from collections.abc import AsyncIterator

import msgspec
import pytest

from alerts.channels.protocol import idempotency_key
from alerts.channels.receiver import RECEIVED, create_receiver
from alerts.channels.retrying import Backoff, retry_after_s
from alerts.channels.signature import verified
from alerts.channels.webhook import WebhookChannel, WebhookLimits
from alerts.events import AlertEvent
from tests.channels.events import alert
from tests.channels.server import Answer, answering, running

SECRET = b"a secret of the deployment"
NOW_S = 1_767_600_000.0
EVENT = alert()
KEY = idempotency_key(EVENT)


class Sleeps:
    """Takes the place of waiting, and remembers how long it would have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@contextlib.asynccontextmanager
async def channel(
    url: str, limits: WebhookLimits | None = None, sleeps: Sleeps | None = None
) -> AsyncIterator[WebhookChannel]:
    made = WebhookChannel(url, SECRET, limits, randomness=random.Random(7), now=lambda: NOW_S, sleep=sleeps or Sleeps())
    try:
        yield made
    finally:
        await made.close()


async def test_the_event_arrives_as_json_with_its_key_and_a_signature() -> None:
    async with answering([]) as server, channel(server.url) as webhook:
        outcome = await webhook.send(EVENT, KEY)
    assert (outcome.outcome, outcome.attempts) == ("delivered", 1)
    headers, body = server.requests[0]
    assert msgspec.json.decode(body, type=AlertEvent) == EVENT
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == "a-1:1"
    given = headers["Homebeat-Timestamp"], headers["Homebeat-Signature"]
    assert verified(SECRET, KEY, *given, body, NOW_S)
    assert not verified(b"another secret", KEY, *given, body, NOW_S)
    assert not verified(SECRET, "a-1:2", *given, body, NOW_S)
    assert not verified(SECRET, KEY, *given, body + b" ", NOW_S)
    assert not verified(SECRET, KEY, *given, body, NOW_S + 301)


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
async def test_what_may_pass_is_tried_again_until_it_is_delivered(status: int) -> None:
    async with answering([Answer(status), Answer(status)]) as server, channel(server.url) as webhook:
        outcome = await webhook.send(EVENT, KEY)
    assert (outcome.outcome, outcome.attempts) == ("delivered", 3)
    assert len({headers["Idempotency-Key"] for headers, _ in server.requests}) == 1


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 410, 413, 422])
async def test_what_will_not_pass_is_tried_once(status: int) -> None:
    refusal = Answer(status, {"Location": "/elsewhere"}, "no such place")
    async with answering([refusal]) as server, channel(server.url) as webhook:
        outcome = await webhook.send(EVENT, KEY)
    assert (outcome.outcome, outcome.attempts) == ("failed", 1)
    assert outcome.detail == f"HTTP {status}: no such place"
    assert len(server.requests) == 1


async def test_tries_are_bounded_and_waits_grow() -> None:
    sleeps = Sleeps()
    limits = WebhookLimits(attempts=4, first_wait_s=1.0)
    async with answering([Answer(503)] * 10) as server, channel(server.url, limits, sleeps) as webhook:
        outcome = await webhook.send(EVENT, KEY)
    assert (outcome.outcome, outcome.attempts, outcome.detail) == ("failed", 4, "HTTP 503, after 4 tries")
    assert len(server.requests) == 4
    for waited, ceiling in zip(sleeps.seconds, [1.0, 2.0, 4.0], strict=True):
        assert ceiling / 2 <= waited <= ceiling


async def test_a_server_that_says_when_is_left_alone_until_then() -> None:
    sleeps = Sleeps()
    async with answering([Answer(429, {"Retry-After": "17"})]) as server, channel(server.url, None, sleeps) as webhook:
        outcome = await webhook.send(EVENT, KEY)
    assert (outcome.outcome, sleeps.seconds) == ("delivered", [17.0])


async def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    sleeps = Sleeps()
    busy = Answer(503, {"Retry-After": "3600"})
    async with answering([busy]) as server, channel(server.url, None, sleeps) as webhook:
        outcome = await webhook.send(EVENT, KEY)
    assert (outcome.outcome, outcome.attempts, sleeps.seconds) == ("failed", 1, [])


async def test_a_server_that_hangs_costs_its_timeout_only() -> None:
    limits = WebhookLimits(attempts=2, timeout_s=0.05)
    async with answering([Answer(0), Answer(0)]) as server, channel(server.url, limits) as webhook:
        outcome = await webhook.send(EVENT, KEY)
    assert (outcome.outcome, outcome.attempts) == ("failed", 2)
    assert outcome.detail == "no answer within 0.05 s, after 2 tries"


async def test_nobody_at_the_address_is_a_failure_that_does_not_show_the_address() -> None:
    async with answering([]) as server:
        gone = server.url
    async with channel(f"{gone}/password-in-the-path") as webhook:
        outcome = await webhook.send(EVENT, KEY)
        assert outcome.outcome == "failed"
        assert "password" not in f"{outcome.detail} {webhook.name}"


async def test_a_slow_answer_that_repeats_the_message_has_its_effect_once() -> None:
    """The receiver does its work, the answer comes too late, and the message comes again."""
    app = create_receiver(SECRET, now=lambda: NOW_S)
    async with running(app) as url, channel(url) as webhook:
        for _ in range(3):
            assert (await webhook.send(EVENT, KEY)).outcome == "delivered"
    received = app[RECEIVED]
    assert (received.requests, received.unique, dict(received.counts)) == (3, 1, {KEY: 3})
    assert [event["alert_id"] for event in received.last] == ["a-1"]


async def test_the_receiver_refuses_what_is_not_signed_by_us() -> None:
    app = create_receiver(b"the secret of somebody else", now=lambda: NOW_S)
    async with running(app) as url, channel(url) as webhook:
        outcome = await webhook.send(EVENT, KEY)
    assert (outcome.outcome, outcome.attempts) == ("failed", 1)
    assert (app[RECEIVED].refused, app[RECEIVED].unique) == (1, 0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("Mon, 05 Jan 2026 08:00:30 GMT", 30.0),
        ("Mon, 05 Jan 2026 07:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_read_as_rfc_9110_writes_it(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, NOW_S) == seconds


def test_waits_stay_within_their_bounds_whatever_the_attempt() -> None:
    backoff = Backoff(0.5, 30.0, random.Random(1))
    assert all(0.25 <= backoff.wait_s(attempt, None) <= 30.0 for attempt in range(1, 10_000))
    assert backoff.wait_s(10_000, 45.0) == 45.0


@pytest.mark.parametrize("url", ["", "ftp://example.org", "https://", "example.org/hook"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        WebhookChannel(url, SECRET)
