"""A worker that keeps its name is relieved by a new one: patients wait while their state is read back, no longer."""

import asyncio
import time
from pathlib import Path

import pytest

from streams import limits
from streams.configuration.settings import Settings
from streams.kafka.membership import Replaced
from streams.worker.balance import read_ledger
from streams.worker.worker import Worker, make_topics
from tests.brokers import Broker
from tests.transport.workers import expect_gap
from tests.worker.live import PARTITIONS, deployment, until

GAP = "the embedded broker gives a name to whoever comes, and tells the one who had it nothing"
READY_WITHIN_S = 120.0


def settings_of(broker: Broker, prefix: str, folder: Path) -> Settings:
    return Settings(
        broker=broker.address, topic_prefix=prefix, partitions=PARTITIONS, worker_id="one", notifier="off",
        data_folder=folder,
    )  # fmt: skip


@pytest.mark.slow
def test_the_old_one_steps_aside_and_the_new_one_goes_on(
    request: pytest.FixtureRequest, broker: Broker, prefix: str, tmp_path: Path
) -> None:
    within_s = expect_gap(request, broker, GAP)
    with deployment(broker, prefix, tmp_path) as here:
        old = here.begin(worker_id="one")
        old.wait_until_ready()
        here.enrol("p-1")
        here.read("p-1", code="spo2", value=78.0)
        assert here.told("p-1")["patient"] == "p-1"
        new = here.begin(worker_id="one")
        new.wait_until_ready()
        assert "records read ahead" in new.log(), "what it could read before it took over"
        until(lambda: "stepped aside" in old.get("/readyz")[1], "the old one is told", within_s)
        assert old.get("/healthz")[0] == 200, "whoever runs it has no reason to start it again"
        here.enrol("p-2")
        here.read("p-2", code="spo2", value=78.0)
        assert here.told("p-2")["patient"] == "p-2"
        assert old.stop() == 0
        assert "another worker has joined as HOMEBEAT_WORKER_ID=one" in old.log()
        settings = settings_of(broker, prefix, tmp_path)
        until(lambda: asyncio.run(read_ledger(settings)).received == here.received, "every reading counted once")


async def test_a_double_that_nobody_stops_ends_with_what_to_do(
    request: pytest.FixtureRequest, broker: Broker, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    within_s = expect_gap(request, broker, GAP)
    monkeypatch.setattr(limits, "STEPS_ASIDE_S", 0.5)
    settings, stop = settings_of(broker, prefix, tmp_path), asyncio.Event()
    await make_topics(settings)
    first, second = Worker(settings), Worker(settings)
    running = [asyncio.create_task(first.run(stop))]
    try:
        await _ready(first)
        running.append(asyncio.create_task(second.run(stop)))
        await _ready(second)
        with pytest.raises(Replaced, match=r"HOMEBEAT_WORKER_ID=one .* its own id"):
            await asyncio.wait_for(asyncio.shield(running[0]), within_s)
    finally:
        stop.set()
        await asyncio.gather(*running, return_exceptions=True)


async def _ready(worker: Worker) -> None:
    end = time.monotonic() + READY_WITHIN_S
    while not worker.ready()[0]:
        assert time.monotonic() < end, worker.ready()
        await asyncio.sleep(0.05)
