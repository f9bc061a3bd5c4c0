"""The brake: when everything is refused the worker stops; when one source is, it goes on."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.readings import Reason
from streams.engine.state import PartitionState
from streams.engine.step import step
from streams.worker.brake import IN_A_ROW, Brake, EverythingRefused
from tests.brokers import Broker
from tests.engine.factories import SETTINGS, START_US, Log
from tests.worker.live import Deployment, deployment, until


def refused(brake: Brake, n: int, sources: int, code: str = "HR", patient: str = "p-1", decided: int = 0) -> None:
    """A chunk of refused readings, and perhaps one that is decided among them."""
    log = Log()
    log.profile("p-1")
    for k in range(n):
        log.read(patient=patient, code=code, device=f"s{k % sources}-1", at_us=START_US - k)
    for _ in range(decided):
        log.read()
    brake.check(step(PartitionState(), log.slice(), SETTINGS))


def test_a_thousand_of_three_sources_stop_the_worker_with_a_clear_sentence() -> None:
    brake = Brake()
    refused(brake, IN_A_ROW - 1, 3)
    with pytest.raises(EverythingRefused) as stopped:
        refused(brake, 1, 1)
    for words in (
        "1,000 readings",
        "unknown_code 1,000",
        "3 sources",
        "code 'HR' names no vital",
        "HOMEBEAT_BRAKE=off",
    ):
        assert words in str(stopped.value)


def test_two_sources_or_one_decided_reading_or_unknown_patients_do_not() -> None:
    refused(Brake(), 2 * IN_A_ROW, 2)
    brake = Brake()
    refused(brake, IN_A_ROW - 1, 3)
    refused(brake, 1, 3, decided=1)
    refused(brake, IN_A_ROW - 1, 3)
    refused(brake, 2 * IN_A_ROW, 9, patient="nobody", code="heart_rate")
    assert brake.reasons == Counter({Reason.UNKNOWN_CODE: IN_A_ROW - 1})


def test_one_integration_cannot_stop_the_worker_by_naming_many_sources() -> None:
    """As whoever has a key of the gateway may: `watch-vendor/ward-3`."""
    log = Log()
    log.profile("p-1")
    for k in range(2 * IN_A_ROW):
        log.add(b"p-1", b"{}", [("homebeat-source", f"watch-vendor/s{k % 9}-{k % 9}".encode())])
    brake = Brake()
    brake.check(step(PartitionState(), log.slice(), SETTINGS))
    assert brake.sources == {"watch-vendor"}


@pytest.fixture
def here(broker: Broker, prefix: str, tmp_path: Path) -> Iterator[Deployment]:
    with deployment(broker, prefix, tmp_path) as made:
        yield made


def flood(here: Deployment) -> None:
    for n in range(3 * IN_A_ROW):
        here.read("p-1", code="HR", device=f"s{n % 5}-1", id=f"r-{n}")
    here.settle()


def refused_places(here: Deployment) -> set[tuple[int, int]]:
    """Where the refused readings lie. What the stopped worker told before its brake is told again by the next one."""
    return {(letter["partition"], letter["offset"]) for letter in here.topic("rejects").values()}


def test_the_worker_stops_loudly_and_its_chunk_waits_on_the_topic(here: Deployment) -> None:
    worker = here.start()
    here.enrol("p-1")
    flood(here)
    assert worker.process.wait(60) == 1
    assert "HOMEBEAT_BRAKE=off" in worker.log().splitlines()[-1]
    assert len(refused_places(here)) < IN_A_ROW
    here.homebeat.settings["brake"] = "off"
    here.start()
    until(lambda: len(refused_places(here)) == 3 * IN_A_ROW, "with the brake off it goes on")
