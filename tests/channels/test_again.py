"""Dead letters of a channel are sent again: each once, and only to whom it still says something."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from alerts.channels.again import Back, needless
from alerts.channels.post import Letter, Post
from alerts.channels.progress import Progress, Told
from alerts.channels.protocol import Outcome
from alerts.channels.webhook import WebhookChannel, WebhookLimits
from alerts.events import AlertEvent, Delivery
from streams.configuration.settings import Settings
from streams.errors import Failed
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.whole import records
from streams.notifier.dead_letters import AGAIN_HEADER, Ask, Resent, WantedAgain, _Dead, asks_of, send_again
from streams.notifier.deliveries import delivery_of
from streams.notifier.lookback import RECORDS_MAX
from streams.notifier.resending import Resending
from tests.channels import topics
from tests.channels.events import alert
from tests.channels.notifying import BY_THE_TEAM, POLICY, alone, config, notifying, quiet_hours, receiver
from tests.channels.server import Answer as Said
from tests.channels.server import answering
from tests.channels.waiting import until

NOW = datetime(2026, 1, 5, 23, tzinfo=UTC)
NAMED = WebhookChannel("http://127.0.0.1:9/", b"s", name="pager")
UNHURRIED = WebhookLimits(attempts=1, timeout_s=20.0)


def told(alert_id: str, sequence: int = 1, **changed: Any) -> AlertEvent:
    return alert(alert_id, sequence, **{"notify": "first", "policy": POLICY, **changed})


def answered(alert_id: str) -> AlertEvent:
    return alert(alert_id, 2, event="acknowledged", state="acknowledged", policy=BY_THE_TEAM)


@pytest.mark.parametrize(
    ("changed", "goes"),
    [({"state": "acknowledged"}, False), ({"state": "resolved"}, False), ({"care_team": "x"}, False),
     ({"notify": "escalated"}, False), ({"reason": "a comment"}, True)],
)  # fmt: skip
def test_who_answered_or_heard_of_something_newer_is_not_woken(changed: dict[str, Any], goes: bool) -> None:
    old, news = told("a-1"), alert("a-1", 2, **changed)
    assert (needless(old, news) is None) is goes
    assert needless(news, old) is None, "what was before says nothing"
    back = Back()
    back.hold("a-1:1:pager", Letter("pager"), old)
    assert back.news(alert("a-2", 2, **changed)) == []
    assert back.news(news) == ([] if goes else ["a-1:1:pager"])
    assert ("a-1" in back) is goes
    assert [one[0] for one in back.take(NOW)] == (["a-1:1:pager"] if goes else [])


@pytest.mark.slow
async def test_dead_letters_are_sent_again_once_and_what_was_answered_is_not(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    await topics.made(embedded_broker.address, prefix)
    settings = Settings(broker=embedded_broker.address, topic_prefix=prefix)
    alerts = f"{prefix}alerts"

    async def again(*, dry_run: bool = False, **changed: Any) -> Resent:
        wanted = WantedAgain(frozenset({"pager"}), **changed)
        return await send_again(settings, wanted, dry_run=dry_run, now=lambda: datetime.now(UTC))

    async with topics.watched(embedded_broker.address, f"{prefix}deliveries") as done:
        async with (
            answering([Said(503)] * 9) as broken,
            notifying(config(embedded_broker, prefix, directory=alone(broken.url), webhook=UNHURRIED)),
        ):
            await topics.put(embedded_broker.address, alerts, [told(f"a-{n}") for n in range(4)])
            await until(lambda: len(done) == 4)
            assert (await again(dry_run=True)).by_reason == {"HTTP 503, after 1 tries": 4}
            assert (await again()).letters == 4
            await until(lambda: len(done) == 8)
        assert {(one["outcome"], one["again"]) for one in done[4:]} == {("failed", 1)}
        await topics.put(embedded_broker.address, alerts, [answered("a-0")])
        assert (await again(because="no such cause")).letters == 0
        asked = [await again(), await again()]
        assert [(one.letters, dict(one.left)) for one in asked] == [(3, {"answered, or over, since": 1})] * 2
        await topics.put(embedded_broker.address, alerts, [answered("a-1")])  # while nobody was there to send
        async with receiver() as (url, nurse):
            settled = config(embedded_broker, prefix, directory=alone(url), webhook=UNHURRIED)
            async with notifying(settled):
                await until(lambda: len(done) >= 10)
            for number in range(2):  # a notifier that is started anew sends nothing twice
                async with notifying(settled):
                    await topics.put(embedded_broker.address, alerts, [told(f"a-last-{number}")])
                    await until(lambda: len(done) >= 11 + number)  # noqa: B023 - awaited within its turn
            assert dict(nurse.counts) == {"a-2:1": 1, "a-3:1": 1, "a-last-0:1": 1, "a-last-1:1": 1}
        assert len(done) == 12
        assert {(one["outcome"], one["again"], one["member"]) for one in done[8:10]} == {("delivered", 2, "ann")}
        assert (await again()).letters == 0
    looks = [(one.seen, at.offset) async for at in records(settings, "alerts") for one in asks_of(at) or ()]
    assert looks
    assert all(4 <= seen <= offset for seen, offset in looks), "whoever asks says how far they had looked"
    assert msgspec.json.encode(asked[0].as_json())


async def ask_by_hand(address: str, topic: str, seen: int, *events: AlertEvent) -> None:
    """As `send_again` does, but for an answer that came after it had looked: it is not that slow in a test."""
    producer = AIOKafkaProducer(bootstrap_servers=address)
    await producer.start()
    try:
        for event in events:
            headers = [(AGAIN_HEADER, msgspec.json.encode([Ask(channel="pager", again=1, seen=seen, member="ann")]))]
            await producer.send_and_wait(topic, msgspec.json.encode(event), event.patient.encode(), headers=headers)
    finally:
        await producer.stop()


@pytest.mark.slow
async def test_an_answer_between_the_look_and_the_asking_is_known_to_a_notifier_that_began_after_it(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    await topics.made(embedded_broker.address, prefix)
    alerts = f"{prefix}alerts"
    first, second = told("a-0"), told("a-1")
    async with topics.watched(embedded_broker.address, f"{prefix}deliveries") as done:
        async with (
            answering([Said(503)] * 9) as broken,
            notifying(config(embedded_broker, prefix, directory=alone(broken.url), webhook=UNHURRIED)),
        ):
            await topics.put(embedded_broker.address, alerts, [first, second])
            await until(lambda: len(done) == 2)
            await topics.put(embedded_broker.address, alerts, [answered("a-0"), told("a-read")])
            await until(lambda: len(done) == 3)
        await ask_by_hand(embedded_broker.address, alerts, 2, first, second)  # one patient: all in one partition
        async with receiver() as (url, nurse):
            async with notifying(config(embedded_broker, prefix, directory=alone(url), webhook=UNHURRIED)):
                await until(lambda: len(done) >= 4)
                await topics.put(embedded_broker.address, alerts, [told("a-last")])
                await until(lambda: len(done) >= 5)
            assert dict(nurse.counts) == {"a-1:1": 1, "a-last:1": 1}


def test_a_letter_to_several_is_dead_until_each_of_them_is_told_another_way() -> None:
    dead = _Dead()
    lost = Delivery(
        delivery_id="a-1:1:pager", alert_id="a-1", sequence=1, patient="p-17", channel="pager", outcome="failed",
        attempts=1, detail=None, at="2026-01-05T08:00:00Z", member="ann", members=["ann", "bob"],
    )  # fmt: skip
    dead.take(lost)
    for channel, member in (("mail-ann", "ann"), ("mail-bob", "bob")):
        assert dead.why_not(lost) is None, "not everybody has heard yet"
        dead.take(msgspec.structs.replace(lost, channel=channel, outcome="delivered", member=member, members=[member]))
    assert dead.why_not(lost) == "the same person was told another way"


async def test_a_channel_whose_name_is_misspelt_is_not_told_as_one_without_dead_letters(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    await topics.made(embedded_broker.address, prefix)
    settings, wanted = Settings(broker=embedded_broker.address, topic_prefix=prefix), WantedAgain(frozenset({"pagre"}))

    async def look() -> Resent:
        return await send_again(settings, wanted, dry_run=True, now=lambda: NOW)

    assert (await look()).letters == 0, "nothing has gone by any channel yet"
    delivered = delivery_of(NAMED, told("a-1"), Outcome("delivered", 1), None)
    async with AIOKafkaProducer(bootstrap_servers=embedded_broker.address) as producer:
        await producer.send_and_wait(f"{prefix}deliveries", msgspec.json.encode(delivered))
    with pytest.raises(Failed, match="nothing ever went by a channel pagre: there are pager"):
        await look()


def test_what_is_sent_again_names_each_of_those_who_share_the_channel() -> None:
    ask = Ask(channel="pager", again=1, member="ann", instead_of="cas", why="on call", members=["ann", "bob"])
    record = delivery_of(NAMED, told("a-1"), Outcome("delivered", 1), ask.letter)
    assert (record.member, record.instead_of, record.members, record.again) == ("ann", "cas", ["ann", "bob"], 1)


async def test_what_was_asked_by_too_old_a_look_is_not_sent_and_holds_nothing_up() -> None:
    progress: Progress[TopicPartition] = Progress()
    here, again = TopicPartition("alerts", 0), Resending({}, Told(10), progress)
    again.ask((here, RECORDS_MAX + 7), told("a-1"), [Ask(channel="pager", again=1, seen=6)], ())
    assert [await again.due(NOW) for _ in range(2)] == [[], []]
    assert progress.committable() == {here: RECORDS_MAX + 8}


async def test_more_is_waited_for_while_an_asking_goes_on_and_an_answer_frees_the_log() -> None:
    progress: Progress[TopicPartition] = Progress()
    here, again = TopicPartition("alerts", 0), Resending({}, Told(10), progress)
    again.ask((here, 7), told("a-1"), [Ask(channel="pager", again=1, seen=7)], ())
    again.ask((here, 8), told("a-1"), [Ask(channel="pager", again=1, seen=7)], ())
    assert await again.due(NOW) == [], "another turn may bring more of it"
    assert progress.committable() == {here: 7}
    again.news(answered("a-1"))
    assert progress.committable() == {here: 9}


@pytest.mark.parametrize("to_a_person", [True, False])
async def test_who_sleeps_is_not_woken_by_what_is_sent_again_and_an_answer_ends_the_waiting(to_a_person: bool) -> None:
    progress: Progress[TopicPartition] = Progress()
    here, again = TopicPartition("alerts", 0), Resending({}, Told(10), progress)
    morning = NOW + timedelta(hours=8)
    member = "ann" if to_a_person else None
    for offset, alert_id in ((7, "a-1"), (8, "a-2")):
        ask = Ask(channel="pager", again=1, seen=offset, member=member)
        again.ask((here, offset), told(alert_id), [ask], (), morning)
    assert await again.due(NOW) == [], "more of it may come"
    assert len(await again.due(NOW)) == (0 if to_a_person else 2)
    again.news(answered("a-1"))
    assert [one[2].alert_id for one in await again.due(morning)] == (["a-2"] if to_a_person else [])
    assert progress.committable() == {here: 8 if to_a_person else 7}


def test_quiet_hours_hold_back_what_is_sent_again_as_they_do_what_is_new() -> None:
    there = Post([], directory=alone("http://127.0.0.1:9/", quiet_hours("22:00:00", "07:00:00")))
    assert there.quiet_until(told("a-1", severity="advisory"), NOW) == datetime(2026, 1, 6, 7, tzinfo=UTC)
    assert there.quiet_until(told("a-1", severity="urgent"), NOW) is None
    assert Post([]).quiet_until(told("a-1", severity="advisory"), NOW) is None
