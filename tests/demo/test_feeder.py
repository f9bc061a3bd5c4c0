"""The feeder on the embedded broker: everything in order, signed, paced, and gone soon after a stop."""

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from models.times import US_PER_S, rfc3339
from streams import control
from streams.demo import BundledData, in_folder
from streams.demo.feeder import FeedResult, feed
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import ensure_topics

START_US = 1_767_600_000 * US_PER_S
PARTITIONS = 3
SECRET = b"a secret of the test"
PATIENTS = 5
WITHIN_S = 60.0


@dataclass
class Log:
    """A broker with empty topics under a prefix of their own."""

    address: str
    prefix: str

    async def read(self, topic: str, count: int) -> dict[int, list[Any]]:
        """`count` records of a topic by partition, in order of offset."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.address, auto_offset_reset="earliest")
        await consumer.start()
        found: dict[int, list[Any]] = defaultdict(list)
        try:
            consumer.assign([TopicPartition(self.prefix + topic, p) for p in range(PARTITIONS)])
            async with asyncio.timeout(WITHIN_S):
                while sum(map(len, found.values())) < count:
                    for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                        found[partition.partition] += records
        finally:
            await consumer.stop()
        return found


@pytest.fixture
async def log(embedded_broker: EmbeddedBroker, prefix: str) -> Log:
    await ensure_topics(embedded_broker.address, prefix, PARTITIONS, 1)
    return Log(embedded_broker.address, prefix)


def single(n: int) -> dict[str, object]:
    return {"id": f"r-{n}", "patient": f"p-{n % PATIENTS}", "at": rfc3339(START_US + n * 20 * US_PER_S), "value": n}


@pytest.fixture
def data(tmp_path: Path) -> BundledData:
    """An hour: a reading every 20 s, by turns of five patients, and a series of the first ten minutes."""
    made = in_folder(tmp_path)
    series = {"id": "series", "patient": "p-0", "at": rfc3339(START_US), "values": [1] * 10, "period": 60}
    readings = [series, *(single(n) for n in range(180))]
    plain = tmp_path / "readings.jsonl"
    plain.write_text("".join(json.dumps(reading) + "\n" for reading in readings))
    made.profiles.write_text("".join(json.dumps({"patient": f"p-{n}", "version": 1}) + "\n" for n in range(PATIENTS)))
    return BundledData(plain, made.profiles, made.labels, made.shifts, made.manifest, made.notice)


async def fed(log: Log, data: BundledData, **how: Any) -> FeedResult:
    how = {"seconds": 0.0, "stop": asyncio.Event(), **how}
    return await feed(log.address, log.prefix, SECRET, data, **how)


async def test_the_log_is_in_order_with_simulated_time_stamps_and_every_partition_has_every_tick(
    log: Log, data: BundledData
) -> None:
    result = await fed(log, data)
    assert result == FeedResult(5, 181, 13, rfc3339(START_US), rfc3339(START_US + 3580 * US_PER_S), True)
    found = await log.read("readings", 181 + 13 * PARTITIONS)
    for records in found.values():
        stamps = [record.timestamp for record in records]
        assert stamps == sorted(stamps)
        ticks = [control.verified(r.key, r.value, r.headers, SECRET) for r in records if r.headers]
        assert [control.tick_at_us(tick) - START_US for tick in ticks] == [n * 300 * US_PER_S for n in range(13)]
    readings = {json.loads(r.value)["id"]: r for records in found.values() for r in records if not r.headers}
    assert len(readings) == 181
    assert readings["r-7"].timestamp == START_US // 1000 + 140_000
    assert readings["r-7"].key == b"p-2"
    assert readings["series"].timestamp == START_US // 1000 + 600_000


async def test_profiles_come_first_and_readings_wait_until_they_are_ready(log: Log, data: BundledData) -> None:
    async def ready() -> None:
        profiles = await log.read("profiles", PATIENTS)
        assert {record.key for records in profiles.values() for record in records} == {
            f"p-{n}".encode() for n in range(5)
        }
        seen.append(told[-1].readings)

    told: list[FeedResult] = []
    seen: list[int] = []
    result = await fed(log, data, ready=ready(), on_progress=told.append)
    assert (seen, told[0].profiles, told[-1]) == ([0], PATIENTS, result)


async def test_what_ready_raises_stops_the_feed(log: Log, data: BundledData) -> None:
    async def never() -> None:
        raise LookupError("no worker")

    with pytest.raises(LookupError, match="no worker"):
        await fed(log, data, ready=never())


async def test_the_file_takes_as_long_as_was_asked(log: Log, data: BundledData) -> None:
    started = asyncio.get_running_loop().time()
    result = await fed(log, data, seconds=1.0)
    took = asyncio.get_running_loop().time() - started
    assert result.complete
    assert 0.9 <= took < 1.0 + WITHIN_S


@pytest.mark.parametrize("waiting_for", ["ready", "time"])
async def test_a_stop_ends_the_feed_soon_and_says_how_far_it_came(
    log: Log, data: BundledData, waiting_for: str
) -> None:
    def told(progress: FeedResult) -> None:
        if waiting_for == "ready" or progress.readings:
            stop.set()

    stop = asyncio.Event()
    ready = asyncio.Event().wait() if waiting_for == "ready" else None
    async with asyncio.timeout(WITHIN_S):
        result = await fed(log, data, seconds=3600.0, stop=stop, ready=ready, on_progress=told)
    assert not result.complete
    assert (result.profiles, result.readings > 0) == (PATIENTS, waiting_for == "time")
    assert result.readings < 181
