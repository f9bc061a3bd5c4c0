"""The morning after quiet hours: what is told is what is so by then, also by a notifier that was not there at night."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from alerts.events import AlertEvent, Answer
from alerts.teams import Directory
from streams.kafka.embedded import EmbeddedBroker
from streams.limits import QUIET_WHOLE_MAX
from tests.channels import topics
from tests.channels.events import alert
from tests.channels.notifying import (
    BY_THE_TEAM,
    POLICY,
    alone,
    config,
    notifying,
    quiet_hours,
    reached,
    receiver,
    sharing,
)
from tests.channels.waiting import WITHIN_S, until

SAID_BEFORE = [Answer("notify", "quiet", "told already")]
NIGHT_S = 40.0
"""What is left of quiet hours: on a busy machine a notifier takes ten seconds to begin, five of them its group's."""
BY_MORNING_S = NIGHT_S + WITHIN_S


def night(url: str, began_s: float, ends_s: float, now: datetime) -> Directory:
    """One nurse with one pager, and quiet hours from `began_s` to `ends_s` after now."""
    begin, end = (f"{now + timedelta(seconds=s):%H:%M:%S}" for s in (began_s, ends_s))
    return alone(url, quiet_hours(begin, end))


def told(alert_id: str, sequence: int = 1, **changed: Any) -> AlertEvent:
    usual = {"severity": "advisory", "notify": "first", "policy": POLICY}
    return alert(alert_id, sequence, **{**usual, **changed})


def silent(alert_id: str, sequence: int = 2, **changed: Any) -> AlertEvent:
    usual = {"severity": "advisory", "policy": SAID_BEFORE}
    return alert(alert_id, sequence, **{**usual, **changed})


def answered(alert_id: str, sequence: int = 2) -> AlertEvent:
    return silent(alert_id, sequence, event="acknowledged", state="acknowledged", policy=BY_THE_TEAM)


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
        settings = config(embedded_broker, prefix, directory=night(url, -3600, NIGHT_S, datetime.now(UTC)))
        quiet: dict[str, Any] = {"severity": "advisory", "policy": POLICY}
        waits = [alert(f"a-{n}", notify="first", **quiet) for n in range(QUIET_WHOLE_MAX + 5)]
        answered = alert("a-0", 2, event="acknowledged", state="acknowledged", severity="advisory", policy=BY_THE_TEAM)
        ended = alert("a-1", 2, event="resolved", state="resolved", notify="resolved", **quiet)
        just_now: dict[str, Any] = {"decided_at": datetime.now(UTC).isoformat()}
        urgent = alert("a-now", notify="first", policy=POLICY, **just_now)
        over = alert("a-now", 2, event="resolved", state="resolved", notify="resolved", **quiet, **just_now)
        async with notifying(settings):
            await topics.put(
                embedded_broker.address, f"{prefix}alerts", [urgent, over, *waits[:2], answered, ended, *waits[2:]]
            )
            await until(lambda: len(deliveries) == 1, NIGHT_S)
            assert dict(nurse.counts) == {"a-now:1": 1}
            await until(lambda: len(deliveries) == QUIET_WHOLE_MAX + 2, BY_MORNING_S)
        whole = {key for key in nurse.counts if key.startswith("a-")}
        assert (len(whole), {"a-0:1", "a-1:1", "a-1:2"} & whole) == (QUIET_WHOLE_MAX + 1, set())
        assert "a-now:2" in whole, "the end of what they were told of"
        (rest,) = (one for one in deliveries if one["alert_id"].startswith("quiet-"))
        assert (rest["outcome"], rest["member"]) == ("delivered", "ann")
        async with notifying(settings):
            later = [alert("a-later", notify="first", policy=POLICY)]
            await topics.put(embedded_broker.address, f"{prefix}alerts", later)
            await until(lambda: len(deliveries) == QUIET_WHOLE_MAX + 3)
        assert max(nurse.counts.values()) == 1
        assert len(nurse.counts) == QUIET_WHOLE_MAX + 3, "what was told as one is not told once more"


async def test_what_became_worse_in_the_night_is_told_with_its_severity_of_the_morning(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    """Also by a notifier that was started anew in between, and the older step is told by none."""
    await topics.made(embedded_broker.address, prefix)
    alerts, deliveries = f"{prefix}alerts", f"{prefix}deliveries"
    async with receiver() as (url, nurse), topics.watched(embedded_broker.address, deliveries) as done:
        now = datetime.now(UTC)
        settings = config(embedded_broker, prefix, directory=night(url, -3600, NIGHT_S, now))
        async with notifying(settings):
            first = [told("a-1"), told("a-2"), told("a-3"), told("a-now", severity="urgent")]
            worse = [silent("a-1", severity="urgent"), silent("a-2", severity="urgent"), answered("a-2", 3)]
            came = [replace(one, decided_at=now.isoformat()) for one in (*first, *worse, silent("a-3"))]
            await topics.put(embedded_broker.address, alerts, came)
            await until(lambda: len(done) == 1, NIGHT_S)
        assert dict(nurse.counts) == {"a-now:1": 1}, "the rest waits"
        async with notifying(settings):
            await until(lambda: len(done) == 3, BY_MORNING_S)
            await topics.put(embedded_broker.address, alerts, [told("a-later", severity="urgent")])
            await until(lambda: len(done) == 4)
        async with notifying(settings):
            await topics.put(embedded_broker.address, alerts, [told("a-last", severity="urgent")])
            await until(lambda: len(done) == 5)
    assert dict(nurse.counts) == {"a-now:1": 1, "a-1:2": 1, "a-3:1": 1, "a-later:1": 1, "a-last:1": 1}
    assert {(one["delivery_id"], one["member"]) for one in done if one["alert_id"] == "a-1"} == {("a-1:2:pager", "ann")}


async def test_a_notifier_that_comes_after_the_night_tells_what_one_that_was_there_would_have(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    await topics.made(embedded_broker.address, prefix)
    now = datetime.now(UTC)
    at_night, after = now - timedelta(minutes=30), now - timedelta(seconds=20)
    async with (
        receiver() as (url, nurse),
        topics.watched(embedded_broker.address, f"{prefix}deliveries") as done,
    ):
        names = [f"a-{n}" for n in range(QUIET_WHOLE_MAX + 6)]
        came: list[AlertEvent] = [told(name) for name in names]
        came += [answered("a-0"), silent("a-1", severity="urgent"), told("a-2", 2, event="resolved", state="resolved",
                                                                         notify="resolved")]  # fmt: skip
        came = [replace(one, decided_at=at_night.isoformat()) for one in came]
        came += [replace(answered("a-3"), decided_at=after.isoformat())]
        await topics.put(embedded_broker.address, f"{prefix}alerts", came)
        directory = night(url, -3600, -60, now)
        whole = QUIET_WHOLE_MAX - 3  # which were answered, or have ended
        async with notifying(config(embedded_broker, prefix, directory=directory)):
            await until(lambda: len(done) == whole + 1)
            late = replace(told("a-late"), decided_at=after.isoformat())
            await topics.put(embedded_broker.address, f"{prefix}alerts", [late])
            await until(lambda: len(done) == whole + 2)
    keys = set(nurse.counts)
    assert not {"a-0:1", "a-1:1", "a-2:1", "a-2:2", "a-3:1"} & keys
    assert {"a-1:2", "a-4:1", "a-late:1"} <= keys
    assert [key for key in keys if key.startswith("quiet-")], "beyond the bound they are told as one"
    assert max(nurse.counts.values()) == 1


async def test_what_waited_on_a_channel_that_several_share_reaches_each_by_their_own_when_it_fails(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    """Also what is told as one, and then none of it is told again by whoever comes next."""
    now = datetime.now(UTC)
    at_night, after = now - timedelta(minutes=30), now - timedelta(seconds=20)
    async with reached(embedded_broker.address, prefix) as to:
        begin, end = (f"{now - timedelta(seconds=s):%H:%M:%S}" for s in (3600, 60))
        own = ["dead", "alive"], ["dead", "lead"]
        directory = sharing(to.dead, to.alive, to.lead, *own, quiet_hours(begin, end))
        settings = config(embedded_broker, prefix, directory=directory)
        came = [replace(told(f"a-{n}"), decided_at=at_night.isoformat()) for n in range(QUIET_WHOLE_MAX + 6)]
        await topics.put(embedded_broker.address, f"{prefix}alerts", came)
        async with notifying(settings):
            await until(lambda: _delivered(to.deliveries) == 2 * (QUIET_WHOLE_MAX + 1))
        last = replace(told("a-last", severity="urgent"), decided_at=after.isoformat())
        await topics.put(embedded_broker.address, f"{prefix}alerts", [last])
        async with notifying(settings):
            await until(lambda: _delivered(to.deliveries) == 2 * (QUIET_WHOLE_MAX + 2))
    assert set(to.nurse.counts) == set(to.above.counts)
    assert {*to.nurse.counts.values(), *to.above.counts.values()} == {1}
    assert sum(key.startswith("quiet-") for key in to.nurse.counts) == 1


def _delivered(done: list[Any]) -> int:
    return sum(one["outcome"] == "delivered" for one in done)
