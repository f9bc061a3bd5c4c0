"""Which way a message goes: to whom it was meant for, and by the next channel when one fails or has no room."""

import asyncio

import msgspec
import pytest
from aiohttp import web

from alerts.channels.health import FAILED_IN_A_ROW
from alerts.channels.protocol import Outcome
from alerts.channels.webhook import WebhookLimits
from streams.kafka.embedded import EmbeddedBroker
from streams.notifier.configuration import webhook_channels
from streams.notifier.deliveries import delivery_of
from tests.channels import topics
from tests.channels.events import alert
from tests.channels.notifying import (
    BY_THE_TEAM,
    POLICY,
    config,
    in_turn,
    notifying,
    reached,
    receiver,
    sharing,
    staffed,
)
from tests.channels.server import serving
from tests.channels.waiting import until

FAILED = Outcome("failed", 2, "no answer")


@pytest.mark.slow
async def test_who_is_asked_is_told_another_way_when_a_channel_fails_and_that_is_told_to_the_log(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    async with (
        reached(embedded_broker.address, prefix) as to,
        topics.watched(embedded_broker.address, f"{prefix}readings") as told,
    ):
        directory = in_turn(to.dead, to.alive, to.lead)
        settings = config(embedded_broker, prefix, directory=directory, control_secret=b"the secret", partitions=4)
        async with notifying(settings):
            events = [alert(f"a-{n}", notify="first", policy=POLICY) for n in range(3)]
            events.append(alert("a-0", 2, event="escalated", notify="escalated", rung=1, policy=POLICY))
            await topics.put(embedded_broker.address, f"{prefix}alerts", events)
            await until(lambda: len(to.deliveries) == 7)
            await until(lambda: sum(one["state"] == "undelivered" for one in told) == 4)
    assert dict(to.nurse.counts) == {"a-0:1": 1, "a-1:1": 1, "a-2:1": 1}
    assert dict(to.above.counts) == {"a-0:2": 1}
    failed = [one for one in to.deliveries if one["outcome"] == "failed"]
    assert {(one["channel"], one["member"]) for one in failed} == {("dead", "ann")}
    assert {one["source"] for one in told if one["state"] == "undelivered"} == {"channel:dead"}
    assert {one["why"] for one in to.deliveries if one["member"] == "cas"} == {
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
        directory = in_turn(dead, alive, alive)
        patient = WebhookLimits(timeout_s=60.0)
        settings = config(embedded_broker, prefix, directory=directory, webhook=patient)
        async with notifying(settings):
            events = [alert(f"a-{n}", notify="first", policy=POLICY) for n in range(FAILED_IN_A_ROW)]
            await topics.put(embedded_broker.address, f"{prefix}alerts", events)
            await until(lambda: len(deliveries) == 2 * FAILED_IN_A_ROW)
            refuses.clear()
            now = alert("a-now", severity="emergency", notify="first", policy=POLICY)
            later = alert("a-later", notify="first", policy=POLICY)
            await topics.put(embedded_broker.address, f"{prefix}alerts", [later, now])
            await until(lambda: "a-now:1" in nurse.counts and {"a-now", "a-later"} <= set(asked))
            works.set()
            await until(lambda: len(deliveries) == 2 * FAILED_IN_A_ROW + 3)
            again = alert("a-again", severity="emergency", notify="first", policy=POLICY)
            await topics.put(embedded_broker.address, f"{prefix}alerts", [again])
            await until(lambda: deliveries[-1]["alert_id"] == "a-again")
    assert {"a-later:1", "a-again:1"} & set(nurse.counts) == set(), "once it works, by it alone; and so what can wait"
    told = [one["channel"] for one in deliveries if one["alert_id"] == "a-now"]
    assert sorted(told) == ["alive", "dead"]
    assert {*nurse.counts.values()} == {1}


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
    async with reached(embedded_broker.address, prefix) as to:
        directory = sharing(to.dead, to.alive, to.lead, ann, bob)
        async with notifying(config(embedded_broker, prefix, directory=directory)):
            events = [alert(f"a-{n}", notify="first", policy=POLICY) for n in range(3)]
            await topics.put(embedded_broker.address, f"{prefix}alerts", events)
            await until(lambda: to.nurse.unique == to.above.unique == 3)
            await until(lambda: sum(one["outcome"] == "delivered" for one in to.deliveries) == 6)
    assert {*to.nurse.counts.values(), *to.above.counts.values()} == {1}
    told = {(one["channel"], one["member"]) for one in to.deliveries if one["outcome"] == "delivered"}
    assert told == {("alive", "ann"), ("lead", "bob")}
    failed = [one["delivery_id"] for one in to.deliveries if one["outcome"] == "failed"]
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
        directory = in_turn(pager, mail, mail)
        settings = config(
            embedded_broker, prefix, directory=directory, webhook=WebhookLimits(timeout_s=60.0), slots=8,
            waiting=2, grace_s=0.1, control_secret=b"the secret",
        )  # fmt: skip
        async with notifying(settings):
            events = [alert(f"a-{n}", severity="advisory", notify="first", policy=POLICY) for n in range(8)]
            await topics.put(embedded_broker.address, f"{prefix}alerts", events)
            await until(lambda: len(deliveries) == 4)
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
    async with staffed(embedded_broker, prefix) as to:
        given = alert("a-0", 2, event="assigned", by="ann", reason="to cas: please call", policy=BY_THE_TEAM)
        own = alert("a-0", 3, event="assigned", by="cas", reason="to cas", policy=BY_THE_TEAM)
        last = alert("a-9", notify="first", policy=POLICY)
        async with notifying(to.settings):
            await topics.put(embedded_broker.address, f"{prefix}alerts", [given, own, given, last])
            await until(lambda: len(to.deliveries) == 3)
    assert (dict(to.lead.counts), dict(to.nurse.counts)) == ({"a-0:2": 1}, {"a-9:1": 1})
    assert dict(to.everybody.counts) == {"a-9:1": 1}
    (one,) = (one for one in to.deliveries if one["alert_id"] == "a-0")
    assert (one["member"], one["why"], one["outcome"]) == ("cas", "assigned to cas", "delivered")


@pytest.mark.slow
async def test_who_was_asked_is_told_once_who_has_it_also_by_a_notifier_that_began_since(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    async with staffed(embedded_broker, prefix) as to:
        asked = alert("a-0", 1, notify="first", asked_since=1, policy=POLICY)
        next_one = alert("a-0", 2, event="escalated", notify="escalated", rung=1, asked_since=1, policy=POLICY)
        taken = alert(
            "a-0", 3, event="acknowledged", state="acknowledged", by="ann", notify="taken", asked_since=1, policy=POLICY
        )
        last = alert("a-9", notify="first", policy=POLICY)
        async with notifying(to.settings):
            await topics.put(embedded_broker.address, f"{prefix}alerts", [asked, next_one])
            await until(lambda: len(to.deliveries) == 4)
        async with notifying(to.settings):
            await topics.put(embedded_broker.address, f"{prefix}alerts", [taken, taken, last])
            await until(lambda: len(to.deliveries) == 7)
    assert dict(to.lead.counts) == {"a-0:2": 1, "a-0:3": 1}
    assert dict(to.nurse.counts) == {"a-0:1": 1, "a-9:1": 1}
    assert dict(to.everybody.counts) == {"a-0:1": 1, "a-0:2": 1, "a-9:1": 1}
    (one,) = (one for one in to.deliveries if one["sequence"] == 3)
    assert (one["members"], one["why"]) == (["cas"], "was asked, and ann has it")


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
        directory = in_turn(alive, alive, alive)
        async with notifying(config(embedded_broker, prefix, directory=directory)):
            await until(lambda: len(deliveries) == 2)
    assert (deliveries[-1]["channel"], nurse.unique) == ("alive", 1)
