"""A notifier as the tests run it: webhooks whose receivers know a repeat, and the care teams that are told by them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from alerts.channels.receiver import RECEIVED, Received, create_receiver
from alerts.channels.webhook import WebhookLimits
from alerts.events import Answer
from alerts.teams import Directory, read_directory
from streams.notifier.configuration import NotifierConfig
from streams.notifier.notifier import run_notifier
from tests.brokers import Broker
from tests.channels import topics
from tests.channels.server import running
from tests.teams import team, written

SECRET = b"a secret of the deployment"
QUICK = WebhookLimits(attempts=2, timeout_s=20.0, first_wait_s=0.01, longest_wait_s=0.01)
"""Who refuses is tried again at once. A machine that is busy answers late, and a second try would be counted: so nobody
is given up for that."""
BY_THE_TEAM = [Answer("notify", "quiet", "done by the team, which sees it on the desk")]
POLICY = [Answer("notify", "told", "first")]
TEAM = "cardiology-home"


def config(broker: Broker, prefix: str, *urls: str, **changed: Any) -> NotifierConfig:
    return NotifierConfig(
        **{
            "bootstrap": broker.address,
            "prefix": prefix,
            "webhook_urls": urls,
            "secret": SECRET,
            "webhook": QUICK,
            "grace_s": 1.0,
            "reconnect_s": 0.1,
            **changed,
        }
    )


@contextlib.asynccontextmanager
async def notifying(settings: NotifierConfig) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    running_notifier = asyncio.create_task(run_notifier(settings, stop))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(running_notifier, 60)


@contextlib.asynccontextmanager
async def receiver() -> AsyncIterator[tuple[str, Received]]:
    app = create_receiver(SECRET)
    async with running(app) as url:
        yield url, app[RECEIVED]


@dataclass(frozen=True)
class Staffed:
    """A notifier's settings; what came to the ward, to who is above it, and to everybody; the records of deliveries."""

    settings: NotifierConfig
    nurse: Received
    lead: Received
    everybody: Received
    deliveries: list[dict[str, Any]]


@contextlib.asynccontextmanager
async def staffed(broker: Broker, prefix: str) -> AsyncIterator[Staffed]:
    """With topics of their own."""
    await topics.made(broker.address, prefix)
    async with (
        receiver() as (everybodys, everybody),
        receiver() as (ward, nurse),
        receiver() as (above, lead),
        topics.watched(broker.address, f"{prefix}deliveries") as deliveries,
    ):
        settings = config(broker, prefix, everybodys, directory=in_turn(ward, ward, above))
        yield Staffed(settings, nurse, lead, everybody, deliveries)


@dataclass(frozen=True)
class Reached:
    """Three addresses, at the first of which nobody answers; what came to Ann at the second, and to who is above her at
    the third; and the records of deliveries."""

    dead: str
    alive: str
    lead: str
    nurse: Received
    above: Received
    deliveries: list[dict[str, Any]]


@contextlib.asynccontextmanager
async def reached(bootstrap: str, prefix: str) -> AsyncIterator[Reached]:
    """With topics of their own."""
    await topics.made(bootstrap, prefix)
    async with receiver() as (dead, _):
        pass
    async with (
        receiver() as (alive, nurse),
        receiver() as (lead, above),
        topics.watched(bootstrap, f"{prefix}deliveries") as deliveries,
    ):
        yield Reached(dead, alive, lead, nurse, above, deliveries)


def in_turn(dead: str, alive: str, lead: str) -> Directory:
    """Ann, by two channels of which the first is `dead`, and Cas above her."""
    webhooks, people = {"dead": dead, "alive": alive, "lead": lead}, {"ann": ["dead", "alive"], "cas": ["lead"]}
    return read_directory(written(webhooks, people, team(TEAM, ["ann", "cas"])))


def sharing(dead: str, alive: str, lead: str, ann: Sequence[str], bob: Sequence[str], more: str = "") -> Directory:
    """Ann and Bob, who are asked together and reached as is said; `gone` is as dead as `dead`. more: of their team."""
    webhooks = {"dead": dead, "gone": dead, "alive": alive, "lead": lead}
    together = team(TEAM, ["ann", "bob"], ["everybody"]) + more
    return read_directory(written(webhooks, {"ann": ann, "bob": bob}, together))


def alone(url: str, more: str = "") -> Directory:
    """One nurse with one pager. more: of their team."""
    return read_directory(written({"pager": url}, {"ann": ["pager"]}, team(TEAM, ["ann"]) + more))


def quiet_hours(begin: str, end: str) -> str:
    """Of a team: between these times people are told of nothing that can wait."""
    return f"quiet_hours = {{begin = {begin}, end = {end}}}\n"
