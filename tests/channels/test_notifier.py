"""From the alerts topic to a webhook and back to the deliveries topic, on real brokers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from aiohttp import web

from alerts.channels.health import FAILED_IN_A_ROW
from alerts.channels.protocol import Outcome
from alerts.channels.receiver import RECEIVED, Received, create_receiver
from alerts.channels.webhook import WebhookLimits
from alerts.episodes import BEGAN_EARLIER, REPEAT
from alerts.events import Answer
from alerts.teams import read_directory
from streams.broker import EmbeddedBroker
from streams.deliveries import delivery_of
from streams.limits import QUIET_WHOLE_MAX
from streams.notifier import run_notifier
from streams.notifying import NotifierConfig, silent_because, webhook_channels
from tests.brokers import Broker
from tests.channels import topics
from tests.channels.events import alert
from tests.channels.server import running, serving
from tests.channels.waiting import until

SECRET = b"a secret of the deployment"
QUICK = WebhookLimits(attempts=2, timeout_s=0.5, first_wait_s=0.01, longest_wait_s=0.01)


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
        await asyncio.wait_for(running_notifier, 30)


@contextlib.asynccontextmanager
async def receiver() -> AsyncIterator[tuple[str, Received]]:
    app = create_receiver(SECRET)
    async with running(app) as url:
        yield url, app[RECEIVED]


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
        await until(lambda: len(deliveries) == 3, 40)
        await topics.put(broker.address, f"{prefix}alerts", [first, alert("a-1", 4)])  # told long ago, and news
        await until(lambda: len(deliveries) == 4, 40)
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
            await until(lambda: len(deliveries) == 2, 40)
        again = [alert("a-1"), alert("a-2"), alert("a-3")]  # a worker that repeats what it had said
        await topics.put(broker.address, f"{prefix}alerts", again)
        async with notifying(config(broker, prefix, url)):
            await until(lambda: len(deliveries) == 3, 40)
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
            await asyncio.wait_for(asked.wait(), 40)
        assert deliveries == []
        async with receiver() as (url, received), notifying(config(embedded_broker, prefix, url)):
            await until(lambda: len(deliveries) == 1, 40)
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
            await until(lambda: received.unique == 50, 40)
            await topics.put(embedded_broker.address, f"{prefix}alerts", [alert("a-now", severity="emergency")])
            await asyncio.wait_for(emergency.wait(), 20)
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
        await until(lambda: len(deliveries) == 1, 40)
    assert (deliveries[0]["outcome"], deliveries[0]["attempts"]) == ("failed", 2)


@pytest.mark.slow
async def test_the_notifier_outlives_its_broker(prefix: str) -> None:
    broker = EmbeddedBroker()
    await broker.start()
    try:
        await topics.made(broker.address, prefix)
        async with receiver() as (url, received), notifying(config(broker, prefix, url)):
            async with topics.watched(broker.address, f"{prefix}deliveries") as deliveries:
                await topics.put(broker.address, f"{prefix}alerts", [alert("a-1")])
                await until(lambda: len(deliveries) == 1, 40)  # it knows that it was told: else it tells it again
            broker.stop()
            await broker.start()  # the same port; its memory is gone, so the topics are new
            await topics.made(broker.address, prefix)
            await topics.put(broker.address, f"{prefix}alerts", [alert("a-1"), alert("a-2")])
            await until(lambda: received.unique == 2, 60)
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


TEAMS = """
[channels]
dead = {kind = "webhook", url = "DEAD", safe = true}
alive = {kind = "webhook", url = "ALIVE", safe = true}
lead = {kind = "webhook", url = "LEAD", safe = true}
[members.ann]
name = "Ann"
reach = ["dead", "alive"]
[members.cas]
name = "Cas"
reach = ["lead"]
[teams.cardiology-home]
members = ["ann", "cas"]
chain = ["ann", "cas"]
"""


@pytest.mark.slow
async def test_who_is_asked_is_told_another_way_when_a_channel_fails_and_that_is_told_to_the_log(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    await topics.made(embedded_broker.address, prefix)
    async with receiver() as (gone, _):
        dead = gone
    async with (
        receiver() as (alive, nurse),
        receiver() as (above, lead),
        topics.watched(embedded_broker.address, f"{prefix}deliveries") as deliveries,
        topics.watched(embedded_broker.address, f"{prefix}readings") as told,
    ):
        text = TEAMS.replace("DEAD", dead).replace("ALIVE", alive).replace("LEAD", above)
        settings = config(
            embedded_broker, prefix, directory=read_directory(text), control_secret=b"the secret", partitions=4
        )
        async with notifying(settings):
            events = [alert(f"a-{n}", notify="first", policy=POLICY) for n in range(3)]
            events.append(alert("a-0", 2, event="escalated", notify="escalated", rung=1, policy=POLICY))
            await topics.put(embedded_broker.address, f"{prefix}alerts", events)
            await until(lambda: len(deliveries) == 7, 40)
            await until(lambda: sum(one["state"] == "undelivered" for one in told) == 4, 20)
    assert dict(nurse.counts) == {"a-0:1": 1, "a-1:1": 1, "a-2:1": 1}
    assert dict(lead.counts) == {"a-0:2": 1}
    failed = [one for one in deliveries if one["outcome"] == "failed"]
    assert {(one["channel"], one["member"]) for one in failed} == {("dead", "ann")}
    assert {one["source"] for one in told if one["state"] == "undelivered"} == {"channel:dead"}
    assert {one["why"] for one in deliveries if one["member"] == "cas"} == {
        "cardiology-home, rung 2 of 2: named: cas"
    }  # fmt: skip


async def test_an_emergency_does_not_wait_for_a_channel_that_is_known_to_fail_which_is_tried_all_the_same(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    """The pager refuses, then does not answer at all, and then works again."""
    await topics.made(embedded_broker.address, prefix)
    refuses, works, asked = asyncio.Event(), asyncio.Event(), list[str]()
    refuses.set()

    async def pager(request: web.Request) -> web.Response:
        asked.append((await request.json())["alert_id"])
        if refuses.is_set():
            return web.Response(status=404)
        await works.wait()
        return web.Response()

    async with (
        serving(pager) as dead,
        receiver() as (alive, nurse),
        topics.watched(embedded_broker.address, f"{prefix}deliveries") as deliveries,
    ):
        text = TEAMS.replace("DEAD", dead).replace("ALIVE", alive).replace("LEAD", alive)
        patient = WebhookLimits(timeout_s=60.0)
        settings = config(embedded_broker, prefix, directory=read_directory(text), webhook=patient)
        async with notifying(settings):
            events = [alert(f"a-{n}", notify="first", policy=POLICY) for n in range(FAILED_IN_A_ROW)]
            await topics.put(embedded_broker.address, f"{prefix}alerts", events)
            await until(lambda: len(deliveries) == 2 * FAILED_IN_A_ROW, 40)
            refuses.clear()
            now = alert("a-now", severity="emergency", notify="first", policy=POLICY)
            later = alert("a-later", notify="first", policy=POLICY)
            await topics.put(embedded_broker.address, f"{prefix}alerts", [later, now])
            await until(lambda: "a-now:1" in nurse.counts and {"a-now", "a-later"} <= set(asked), 20)
            works.set()
            await until(lambda: len(deliveries) == 2 * FAILED_IN_A_ROW + 3, 20)
            again = alert("a-again", severity="emergency", notify="first", policy=POLICY)
            await topics.put(embedded_broker.address, f"{prefix}alerts", [again])
            await until(lambda: deliveries[-1]["alert_id"] == "a-again", 20)
    assert {"a-later:1", "a-again:1"} & set(nurse.counts) == set(), "once it works, by it alone; and so what can wait"
    told = [one["channel"] for one in deliveries if one["alert_id"] == "a-now"]
    assert sorted(told) == ["alive", "dead"]
    assert {*nurse.counts.values()} == {1}


SHARED = """
[channels]
dead = {kind = "webhook", url = "DEAD", safe = true}
gone = {kind = "webhook", url = "DEAD", safe = true}
alive = {kind = "webhook", url = "ALIVE", safe = true}
lead = {kind = "webhook", url = "LEAD", safe = true}
[members.ann]
name = "Ann"
reach = ANN
[members.bob]
name = "Bob"
reach = BOB
[teams.cardiology-home]
members = ["ann", "bob"]
chain = ["everybody"]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ann", "bob"),
    [
        (["dead", "alive"], ["dead", "lead"]),
        (["dead", "gone", "alive"], ["dead", "gone", "lead"]),
        (["dead", "gone", "alive"], ["gone", "dead", "lead"]),
    ],
)
async def test_of_several_who_share_a_channel_that_fails_each_is_told_by_their_own_next_one(
    embedded_broker: EmbeddedBroker, prefix: str, ann: list[str], bob: list[str]
) -> None:
    await topics.made(embedded_broker.address, prefix)
    async with receiver() as (refused, _):
        dead = refused
    async with (
        receiver() as (alive, nurse),
        receiver() as (above, lead),
        topics.watched(embedded_broker.address, f"{prefix}deliveries") as deliveries,
    ):
        text = SHARED.replace("DEAD", dead).replace("ALIVE", alive).replace("LEAD", above)
        directory = read_directory(text.replace("ANN", str(ann)).replace("BOB", str(bob)))
        async with notifying(config(embedded_broker, prefix, directory=directory)):
            events = [alert(f"a-{n}", notify="first", policy=POLICY) for n in range(3)]
            await topics.put(embedded_broker.address, f"{prefix}alerts", events)
            await until(lambda: nurse.unique == lead.unique == 3, 40)
            await until(lambda: sum(one["outcome"] == "delivered" for one in deliveries) == 6, 20)
    assert {*nurse.counts.values(), *lead.counts.values()} == {1}
    told = {(one["channel"], one["member"]) for one in deliveries if one["outcome"] == "delivered"}
    assert told == {("alive", "ann"), ("lead", "bob")}
    failed = [one["delivery_id"] for one in deliveries if one["outcome"] == "failed"]
    assert len(failed) == len(set(failed)) == 3 * len({*ann, *bob} - {"alive", "lead"}), "each channel is tried once"


@pytest.mark.slow
async def test_what_finds_no_room_on_a_channel_that_hangs_goes_on_by_the_next_one(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    """Of eight advisories four are under way by the pager, and two wait behind them: the oldest of the others gave way
    to those, and Ann has a second channel."""
    await topics.made(embedded_broker.address, prefix)

    async def never(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with (
        serving(never) as pager,
        receiver() as (mail, second),
        topics.watched(embedded_broker.address, f"{prefix}deliveries") as deliveries,
        topics.watched(embedded_broker.address, f"{prefix}readings") as told,
    ):
        text = TEAMS.replace("DEAD", pager).replace("ALIVE", mail).replace("LEAD", mail)
        settings = config(
            embedded_broker, prefix, directory=read_directory(text), webhook=WebhookLimits(timeout_s=60.0), slots=8,
            waiting=2, grace_s=0.1, control_secret=b"the secret",
        )  # fmt: skip
        async with notifying(settings):
            events = [alert(f"a-{n}", severity="advisory", notify="first", policy=POLICY) for n in range(8)]
            await topics.put(embedded_broker.address, f"{prefix}alerts", events)
            await until(lambda: len(deliveries) == 4, 40)
    assert dict(second.counts) == {"a-4:1": 1, "a-5:1": 1}
    assert {(one["channel"], one["alert_id"], one["outcome"], one["member"]) for one in deliveries} == {
        (channel, f"a-{n}", outcome, "ann")
        for n in (4, 5)
        for channel, outcome in (("dead", "failed"), ("alive", "delivered"))
    }
    assert [one for one in told if one["state"] == "undelivered"] == [], "it says nothing about the channel"


@pytest.mark.slow
async def test_to_whom_an_alert_is_assigned_is_told_once_and_nobody_else(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    await topics.made(embedded_broker.address, prefix)
    async with (
        receiver() as (everybodys, all_of_them),
        receiver() as (ward, nurse),
        receiver() as (above, lead),
        topics.watched(embedded_broker.address, f"{prefix}deliveries") as deliveries,
    ):
        text = TEAMS.replace("DEAD", ward).replace("ALIVE", ward).replace("LEAD", above)
        given = alert("a-0", 2, event="assigned", by="ann", reason="to cas: please call", policy=BY_THE_TEAM)
        own = alert("a-0", 3, event="assigned", by="cas", reason="to cas", policy=BY_THE_TEAM)
        last = alert("a-9", notify="first", policy=POLICY)
        settings = config(embedded_broker, prefix, everybodys, directory=read_directory(text))
        async with notifying(settings):
            await topics.put(embedded_broker.address, f"{prefix}alerts", [given, own, given, last])
            await until(lambda: len(deliveries) == 3, 40)
    assert (dict(lead.counts), dict(nurse.counts)) == ({"a-0:2": 1}, {"a-9:1": 1})
    assert dict(all_of_them.counts) == {"a-9:1": 1}
    (one,) = (one for one in deliveries if one["alert_id"] == "a-0")
    assert (one["member"], one["why"], one["outcome"]) == ("cas", "assigned to cas", "delivered")


@pytest.mark.slow
async def test_a_letter_that_failed_before_a_crash_goes_on_by_the_next_way(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    """The failure was on the log when the process ended, and nothing was committed."""
    await topics.made(embedded_broker.address, prefix)
    event = alert("a-7", notify="first", policy=POLICY)
    before = delivery_of(webhook_channels(config(embedded_broker, prefix, "http://x/"))[0], event, FAILED, None)
    known = msgspec.structs.replace(before, channel="dead", delivery_id="a-7:1:dead")
    async with (
        receiver() as (alive, nurse),
        topics.watched(embedded_broker.address, f"{prefix}deliveries") as deliveries,
    ):
        await topics.put(embedded_broker.address, f"{prefix}deliveries", [known])
        await topics.put(embedded_broker.address, f"{prefix}alerts", [event])
        text = TEAMS.replace("DEAD", alive).replace("ALIVE", alive).replace("LEAD", alive)
        async with notifying(config(embedded_broker, prefix, directory=read_directory(text))):
            await until(lambda: len(deliveries) == 2, 40)
    assert (deliveries[-1]["channel"], nurse.unique) == ("alive", 1)


@pytest.mark.slow
async def test_in_the_morning_only_what_still_waits_is_told_and_nobody_is_woken_for_want_of_room(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    """One alert was answered in the night, one has ended, and three more wait than are told one by one."""
    await topics.made(embedded_broker.address, prefix)
    async with (
        receiver() as (url, nurse),
        topics.watched(embedded_broker.address, f"{prefix}deliveries") as deliveries,
    ):
        now = datetime.now(UTC)
        begin, end = (f"{now + timedelta(seconds=s):%H:%M:%S}" for s in (-3600, 25))
        text = NIGHT.replace("URL", url).replace("BEGIN", begin).replace("END", end)
        settings = config(embedded_broker, prefix, directory=read_directory(text))
        quiet: dict[str, Any] = {"severity": "advisory", "policy": POLICY}
        waits = [alert(f"a-{n}", notify="first", **quiet) for n in range(QUIET_WHOLE_MAX + 5)]
        answered = alert("a-0", 2, event="acknowledged", state="acknowledged", severity="advisory", policy=BY_THE_TEAM)
        ended = alert("a-1", 2, event="resolved", state="resolved", notify="resolved", **quiet)
        urgent = alert("a-now", notify="first", policy=POLICY)
        over = alert("a-now", 2, event="resolved", state="resolved", notify="resolved", **quiet)
        async with notifying(settings):
            await topics.put(
                embedded_broker.address, f"{prefix}alerts", [urgent, over, *waits[:2], answered, ended, *waits[2:]]
            )
            await until(lambda: len(deliveries) == 1, 24)
            assert dict(nurse.counts) == {"a-now:1": 1}
            await until(lambda: len(deliveries) == QUIET_WHOLE_MAX + 2, 40)
        whole = {key for key in nurse.counts if key.startswith("a-")}
        assert (len(whole), {"a-0:1", "a-1:1", "a-1:2"} & whole) == (QUIET_WHOLE_MAX + 1, set())
        assert "a-now:2" in whole, "the end of what they were told of"
        (rest,) = (one for one in deliveries if one["alert_id"].startswith("quiet-"))
        assert (rest["outcome"], rest["member"]) == ("delivered", "ann")
        async with notifying(settings):
            later = [alert("a-later", notify="first", policy=POLICY)]
            await topics.put(embedded_broker.address, f"{prefix}alerts", later)
            await until(lambda: len(deliveries) == QUIET_WHOLE_MAX + 3, 40)
        assert max(nurse.counts.values()) == 1
        assert len(nurse.counts) == QUIET_WHOLE_MAX + 3, "what was told as one is not told once more"


ONE = """
[channels]
pager = {kind = "webhook", url = "URL", safe = true}
[members.ann]
name = "Ann"
reach = ["pager"]
[teams.cardiology-home]
members = ["ann"]
chain = ["ann"]
"""
NIGHT = ONE + "quiet_hours = {begin = BEGIN, end = END}\n"
BY_THE_TEAM = [Answer("notify", "quiet", "done by the team, which sees it on the desk")]
POLICY = [Answer("notify", "told", "first")]
FAILED = Outcome("failed", 2, "no answer")


def test_the_policy_says_whether_a_message_is_sent() -> None:
    assert silent_because(alert(policy=[Answer("notify", "quiet", "told already")])) == "told already"
    assert silent_because(alert(event="acknowledged", notify="first", policy=POLICY)) is None
