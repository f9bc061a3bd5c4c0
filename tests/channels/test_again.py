"""Dead letters of a channel are sent again: each once, and only to whom it still says something."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from alerts.channels.again import Back, needless
from alerts.channels.post import Letter
from alerts.channels.webhook import WebhookLimits
from alerts.events import AlertEvent
from alerts.teams import Directory, read_directory
from streams.again import Resent, WantedAgain, send_again
from streams.broker import EmbeddedBroker
from streams.settings import Settings
from tests.channels import topics
from tests.channels.events import alert
from tests.channels.server import Answer as Said
from tests.channels.server import answering
from tests.channels.test_notifier import BY_THE_TEAM, ONE, POLICY, config, notifying, receiver
from tests.channels.waiting import until

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
    assert back.hold("a-1:1:pager", Letter("pager"), old)
    assert back.news(alert("a-2", 2, **changed)) == []
    assert back.news(news) == ([] if goes else ["a-1:1:pager"])
    assert [one[0] for one in back.take()] == (["a-1:1:pager"] if goes else [])
    assert back.hold("a-1:1:pager", Letter("pager"), old) is goes, "also when the answer came first"


def directory(url: str) -> Directory:
    return read_directory(ONE.replace("URL", url))


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
            notifying(config(embedded_broker, prefix, directory=directory(broken.url), webhook=UNHURRIED)),
        ):
            await topics.put(embedded_broker.address, alerts, [told(f"a-{n}") for n in range(4)])
            await until(lambda: len(done) == 4, 40)
            assert (await again(dry_run=True)).by_reason == {"HTTP 503, after 1 tries": 4}
            assert (await again()).letters == 4
            await until(lambda: len(done) == 8, 40)
        assert {(one["outcome"], one["again"]) for one in done[4:]} == {("failed", 1)}
        await topics.put(embedded_broker.address, alerts, [answered("a-0")])
        assert (await again(because="no such cause")).letters == 0
        asked = [await again(), await again()]
        assert [(one.letters, dict(one.left)) for one in asked] == [(3, {"answered, or over, since": 1})] * 2
        await topics.put(embedded_broker.address, alerts, [answered("a-1")])  # while nobody was there to send
        async with receiver() as (url, nurse):
            settled = config(embedded_broker, prefix, directory=directory(url), webhook=UNHURRIED)
            async with notifying(settled):
                await until(lambda: len(done) >= 10, 40)
            for number in range(2):  # a notifier that is started anew sends nothing twice
                async with notifying(settled):
                    await topics.put(embedded_broker.address, alerts, [told(f"a-last-{number}")])
                    await until(lambda: len(done) >= 11 + number, 40)  # noqa: B023 - awaited within its turn
            assert dict(nurse.counts) == {"a-2:1": 1, "a-3:1": 1, "a-last-0:1": 1, "a-last-1:1": 1}
        assert len(done) == 12
        assert {(one["outcome"], one["again"], one["member"]) for one in done[8:10]} == {("delivered", 2, "ann")}
        assert (await again()).letters == 0
    assert msgspec.json.encode(asked[0].as_json())
