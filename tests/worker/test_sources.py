"""Sources among real topics: an outage and a dead mapping are one alert each, and a replay says the same."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.times import rfc3339
from streams import control
from streams.configuration.settings import DEVELOPMENT_SECRET
from tests.brokers import Broker
from tests.engine.factories import HOUR_US, MINUTE_US
from tests.worker.live import PARTITIONS, Deployment, Worker, deployment, until
from tests.worker.retelling import retold

BEGIN_US = time.time_ns() // 1000 // HOUR_US * HOUR_US - 72 * HOUR_US
OUTAGE, SICK, MINUTES = range(90, 270), range(120, 270), 360
SOURCES = ("dead", "sick", "well")


@pytest.fixture
def here(broker: Broker, prefix: str, tmp_path: Path) -> Iterator[Deployment]:
    with deployment(broker, prefix, tmp_path, ticks="off") as made:
        yield made


def patients(source: str) -> list[str]:
    return [f"{source}-{n}" for n in range(3)]


def play(here: Deployment) -> None:
    """Six hours: one integration goes away for three, another sends a code that nobody knows, the third is well."""
    for minute in range(MINUTES + 1):
        tick(here, minute)
        for source in SOURCES if minute % 3 == 0 else ():
            if source != "dead" or minute not in OUTAGE:
                read(here, source, minute, BEGIN_US + minute * MINUTE_US)
    here.settle()


def tick(here: Deployment, minute: int) -> None:
    at_us = BEGIN_US + minute * MINUTE_US
    key, value, headers = control.signed(control.tick(at_us), DEVELOPMENT_SECRET.encode())
    for partition in range(PARTITIONS):
        here.put("readings", key, value, headers=headers, partition=partition, timestamp=at_us // 1000)


def wait_until_watched(here: Deployment, worker: Worker) -> None:
    """Whoever watches over sources speaks of what comes after they have begun, and says nothing of what was there."""
    tick(here, -2)
    tick(here, -1)
    here.settle()
    until(lambda: "homebeat_sources{" in worker.get("/metrics")[1], "somebody watches over sources")


def read(here: Deployment, source: str, minute: int, at_us: int) -> None:
    code = "HR" if source == "sick" and minute in SICK else "heart_rate"
    for n, patient in enumerate(patients(source)):
        at = at_us + 1_000_000 * (n + 1)
        here.read(patient, code=code, at_us=at, device=f"urn:{source}:{n}", timestamp=at // 1000)


def technical(here: Deployment) -> list[tuple[str, str]]:
    """What was told of sources, but for how long nobody answered: that depends on how many of the hours, all of which
    are played at once, lie after an alert in the log."""
    told = ((a["patient"], a["event"]) for a in here.alerts() if a["kind"] == "source")
    return [one for one in told if one[1] != "escalated"]


def counted(here: Deployment) -> "Counter[str]":
    """How many readings of each source its minutes tell of."""
    told = Counter[str]()
    for report in here.topic("sources").values():
        told.update({source: tally["received"] for source, tally in report["sources"].items()})
    return told


def published(here: Deployment) -> set[str]:
    return {json.dumps(alert, sort_keys=True) for alert in here.alerts()}


def test_an_outage_and_a_dead_mapping_are_one_alert_each(here: Deployment) -> None:
    worker = here.start()
    for source in SOURCES:
        for patient in patients(source):
            here.enrol(patient)
    wait_until_watched(here, worker)
    play(here)
    wanted = [(f"source:urn:{source}", event) for source in ("dead", "sick") for event in ("opened", "resolved")]
    until(lambda: len(technical(here)) >= len(wanted), f"the alerts about sources; there are {technical(here)}")
    assert sorted(technical(here)) == wanted
    dead = here.told("source:urn:dead")
    assert (dead["category"], dead["care_team"]) == ("technical", None)
    assert dead["onset_at"] == rfc3339(BEGIN_US + (OUTAGE[0] - 3) * MINUTE_US + 3_000_000)
    sick = here.told("source:urn:sick")
    assert sick["onset_at"] == rfc3339(BEGIN_US + SICK[0] * MINUTE_US + 1_000_000)
    assert "code 'HR' names no vital" in sick["explanation"]
    until(lambda: counted(here)["urn:well"] >= 3 * (MINUTES // 3), "the minutes of the source that is well")
    assert counted(here).total() <= here.received
    until(lambda: worker.metric("homebeat_sources", state="quiet") == 0, "no source is quiet")
    again, _ = retold(here.topic("readings").all(), here.prefix + "readings")
    until(lambda: published(here) >= set(again), "every alert of the log")
    assert published(here) == set(again)
