"""Whatever lies on `alerts`: the notifier passes over what is no alert event, says so, and goes on."""

import json
from typing import cast

import msgspec
import pytest
from aiokafka import ConsumerRecord
from msgspec.structs import replace

from alerts.channels.progress import Told
from alerts.events import AlertEvent
from streams.configuration.settings import Settings
from streams.notifier.configuration import TIMES, UNREADABLE, event_of
from streams.notifier.dead_letters import asks_of
from streams.notifier.deliveries import _recall_records
from streams.worker.publisher import Publisher
from streams.worker.source_watch import Watcher
from tests.brokers import Broker
from tests.channels import topics
from tests.channels.events import alert
from tests.channels.notifying import POLICY, TEAM, alone, config, notifying, receiver
from tests.channels.waiting import until

WHOLE = msgspec.json.encode(alert("a-1"))


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("said", ["yesterday", "2026-01-05T08:00:00", "0001-01-01T00:00:00+23:59", ""])
def test_an_event_whose_times_are_none_is_no_alert_event(name: str, said: str) -> None:
    with pytest.raises(UNREADABLE):
        event_of(msgspec.json.encode(replace(alert("a-1"), **{name: said})))


@pytest.mark.parametrize(
    "raw",
    [b"", b"null", b"[" * 100_000, WHOLE[:-1], WHOLE.replace(b"a-1", b"a-\xff")],
    ids=["", "null", "deep", "cut", "bytes"],
)
def test_what_is_no_alert_event_is_unreadable(raw: bytes) -> None:
    with pytest.raises(UNREADABLE):
        event_of(raw)


def test_an_event_is_read_as_it_is() -> None:
    event: AlertEvent = alert("a-1", deadline="2026-01-05T09:00:00Z", until="2026-01-05T09:00:00+01:00")
    assert event_of(msgspec.json.encode(event)) == event


DEEP = b'{"x":' + b"[" * 100_000


def record(value: bytes | None = None, **headers: bytes) -> ConsumerRecord:
    """One on a topic to which anybody may be able to write."""
    pairs = tuple((name.replace("_", "-"), said) for name, said in headers.items())
    return ConsumerRecord("a.topic", 0, 7, 0, 0, None, value, None, -1, -1, pairs)


def test_what_others_wrote_on_deliveries_or_into_a_header_is_passed_over() -> None:
    told = Told(10)
    _recall_records([record(DEEP), record(b'{"delivery_id": "\xff"}')], told)
    assert asks_of(record(homebeat_again=b"[" + DEEP)) == []


@pytest.mark.parametrize("partition", [-1, 2, 10**30])
async def test_a_report_of_a_partition_that_there_is_not_is_passed_over(
    partition: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Who is told what it lacks has to be there: Kafka's client refuses, and the worker stopped."""
    watcher = Watcher(Settings(partitions=2), cast(Publisher, None), silent_before=0)
    said = {"partition": partition, "since": "2026-01-05T08:00:00Z", "through": "2026-01-05T08:01:00Z", "sources": {}}
    await watcher.take([record(json.dumps(said).encode()), record(DEEP)])
    passed_over = [message for message in caplog.messages if "is no report about sources" in message]
    assert len(passed_over) == 2
    await watcher.take([record(json.dumps(said | {"partition": 1}).encode())])
    assert len(passed_over) == len([message for message in caplog.messages if "is no report" in message])


async def test_what_comes_behind_it_is_told(embedded_broker: Broker, prefix: str) -> None:
    """It ended the notifier, and the worker that it is part of: at each start anew, for it lay there still."""
    await topics.made(embedded_broker.address, prefix)
    async with receiver() as (pager, nurse), notifying(config(embedded_broker, prefix, directory=alone(pager))):
        good = alert("good", severity="emergency", notify="first", care_team=TEAM, policy=POLICY)
        for event in (replace(good, alert_id="odd", decided_at="yesterday"), good):
            await topics.put(embedded_broker.address, f"{prefix}alerts", [event])
        await until(lambda: nurse.unique == 1)
