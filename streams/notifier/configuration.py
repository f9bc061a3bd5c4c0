"""What the notifier may know: its configuration, the rule of what is told, and the channels that it has."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from alerts.channels.build import channels_of
from alerts.channels.fhir import FhirChannel
from alerts.channels.post import Post
from alerts.channels.protocol import Channel
from alerts.channels.webhook import WebhookChannel, WebhookLimits
from alerts.episodes import BEGAN_EARLIER, HAS_COME
from alerts.events import AlertEvent
from alerts.language import ENGLISH
from alerts.teams import Directory

TOLD = frozenset({"opened", "updated", "escalated", "reopened", "resolved"})
"""What happened to the patient. What the team itself did (acknowledged, assigned, snoozed) is on the desk."""

UNREADABLE = (msgspec.DecodeError, ValueError, OverflowError, RecursionError)
"""What a record that is no alert event may raise: anybody may be able to write to the topic."""
TIMES = ("onset_at", "event_at", "arrived_at", "decided_at", "deadline", "until")

REBALANCE_MS = 6_000
"""How long the group waits for its members; above `grace_s`. The embedded broker waits all of it."""
REQUEST_MS = 10_000
"""Above REBALANCE_MS: a request to join is answered when the group has formed."""
RECORD_WITHIN_S = 15.0
"""So long Kafka may take to have what we tell it: an outcome, a channel that fails, how far we have come."""


@dataclass(frozen=True)
class NotifierConfig:
    """Everything the notifier may know. secret: signs the messages. slots, waiting: bounds for each channel.

    directory: whom to ask; desk_url, link_key: for links in messages; control_secret, partitions: to tell the log that
    a channel fails.
    """

    bootstrap: str
    prefix: str
    webhook_urls: tuple[str, ...]
    secret: bytes
    webhook: WebhookLimits = field(default_factory=WebhookLimits)
    slots: int = 8
    waiting: int = 5_000
    grace_s: float = 5.0
    reconnect_s: float = 2.0
    remembered: int = 100_000
    directory: Directory | None = None
    desk_url: str | None = None
    link_key: bytes = b""
    control_secret: bytes | None = None
    partitions: int = 1
    language: str = ENGLISH
    kafka: Mapping[str, Any] = field(default_factory=dict)
    """Further options of aiokafka's clients, such as TLS and SASL."""

    @property
    def group(self) -> str:
        return f"{self.prefix}notifier"

    @property
    def client(self) -> dict[str, Any]:
        """What every client of aiokafka is made with."""
        own = {"bootstrap_servers": self.bootstrap, "client_id": "homebeat-notifier", "request_timeout_ms": REQUEST_MS}
        return {**own, **self.kafka}

    def topic(self, name: str) -> str:
        return f"{self.prefix}{name}"


def event_of(raw: bytes) -> AlertEvent:
    """An alert event as it lies on its topic. Raises one of UNREADABLE, also for one whose times are none: by them it
    is decided who is asked and when."""
    event = msgspec.json.decode(raw, type=AlertEvent)
    for name in TIMES:
        said = getattr(event, name)
        if said is not None and _read(said).tzinfo is None:
            raise ValueError(f"{name} is a time without its offset")
    return event


def _read(said: str) -> datetime:
    """A time that has a place in every calendar: an offset may put one of the years 1 or 9999 beyond it."""
    at = datetime.fromisoformat(said)
    at.astimezone(UTC)
    return at


def silent_because(event: AlertEvent) -> str | None:
    """Why an event is not told of by everybody's channels, nor to whoever is asked now; None when it is. The policy has
    decided that; what follows after it is for events on the log from before there was one."""
    if event.notify == "taken":
        return "who has it is told to those who were asked before, and to nobody else"
    if event.policy:
        return None if event.notify is not None else event.policy[-1].reason
    if event.retrospective:
        return "retrospective: it is on the worklist, and is not paged as if it were now"
    if event.reason == BEGAN_EARLIER and event.event == "updated":
        return f"{BEGAN_EARLIER}: nothing is asked of anyone that was not asked before"
    if event.reason == HAS_COME and event.event == "resolved":
        return f"{HAS_COME}: the alert about it is told instead"
    if event.event not in TOLD:
        return f"{event.event}: done by the team, which sees it on the desk"
    return None


def post_of(config: NotifierConfig) -> Post:
    """Everybody's channels, the hospital's record, and people's. ValueError for an address that cannot be."""
    if config.directory is None:
        return Post(webhook_channels(config))
    found = channels_of(
        config.directory, config.secret, config.webhook, config.desk_url, config.link_key, time.time, config.language
    )
    records = [channel for channel in found.values() if isinstance(channel, FhirChannel)]
    people = {name: channel for name, channel in found.items() if channel not in records}
    return Post(webhook_channels(config), records, people, config.directory)


def webhook_channels(config: NotifierConfig) -> list[Channel]:
    """One channel for each address, each with a name of its own. ValueError for what is no web address."""
    channels: dict[str, Channel] = {}
    for number, url in enumerate(config.webhook_urls, 1):
        channel = WebhookChannel(url, config.secret, config.webhook)
        if channel.name in channels:
            channel.name = f"{channel.name}#{number}"
        channels[channel.name] = channel
    return list(channels.values())
