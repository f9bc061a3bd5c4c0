"""Sources among real topics: an outage and a dead mapping are one alert each, and a replay says the same."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.times import rfc3339
from streams import control
from streams.settings import DEVELOPMENT_SECRET
from tests.brokers import Broker
from tests.engine.factories import HOUR_US, MINUTE_US
from tests.worker.live import PARTITIONS, Deployment, deployment, until
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
    secret = DEVELOPMENT_SECRET.encode()
    for minute in range(MINUTES + 1):
        at_us = BEGIN_US + minute * MINUTE_US
        key, value, headers = control.signed(control.tick(at_us), secret)
        for partition in range(PARTITIONS):
            here.put("readings", key, value, headers=headers, partition=partition, timestamp=at_us // 1000)
        for source in SOURCES if minute % 3 == 0 else ():
            if source != "dead" or minute not in OUTAGE:
                read(here, source, minute, at_us)
    here.settle()


def read(here: Deployment, source: str, minute: int, at_us: int) -> None:
    code = "HR" if source == "sick" and minute in SICK else "heart_rate"
    for n, patient in enumerate(patients(source)):
        at = at_us + 1_000_000 * (n + 1)
        here.read(patient, code=code, at_us=at, device=f"urn:{source}:{n}", timestamp=at // 1000)


def technical(here: Deployment) -> list[tuple[str, str, int]]:
    return [(a["patient"], a["event"], a["sequence"]) for a in here.alerts() if a["kind"] == "source"]


def test_an_outage_and_a_dead_mapping_are_one_alert_each(here: Deployment) -> None:
    worker = here.start()
    for source in SOURCES:
        for patient in patients(source):
            here.enrol(patient)
    play(here)
    wanted = {
        (f"source:urn:{source}", event, n)
        for source in ("dead", "sick")
        for n, event in ((1, "opened"), (2, "resolved"))
    }
    until(lambda: len(technical(here)) >= len(wanted), f"the alerts about sources; there are {technical(here)}")
    assert sorted(technical(here)) == sorted(wanted)
    dead = here.told("source:urn:dead")
    assert (dead["category"], dead["care_team"]) == ("technical", None)
    assert dead["onset_at"] == rfc3339(BEGIN_US + (OUTAGE[0] - 3) * MINUTE_US + 3_000_000)
    sick = here.told("source:urn:sick")
    assert sick["onset_at"] == rfc3339(BEGIN_US + SICK[0] * MINUTE_US + 1_000_000)
    assert "code 'HR' names no vital" in sick["explanation"]
    assert worker.metric("homebeat_sources", state="quiet") == 0
    counted: dict[str, int] = {}
    for report in here.topic("sources").values():
        for source, tally in report["sources"].items():
            counted[source] = counted.get(source, 0) + tally["received"]
    assert sum(counted.values()) <= here.received
    assert counted["urn:well"] >= 3 * (MINUTES // 3)
    again, _ = retold(here.topic("readings").look(), here.prefix + "readings")
    assert set(again) == {json.dumps(alert, sort_keys=True) for alert in here.alerts()}
