"""Sources in `homebeat replay`: an integration's day of silence is one alert, and the same bytes whatever the batch."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.times import rfc3339
from tests.engine.factories import HOUR_US, MINUTE_US, START_US, action, profile, reading
from tests.engine.folder import Folder, Line

DAY = 24 * 60


def every(minutes: int, source: str, patients: int, end: int, out: range = range(0), **fields: Any) -> Iterator[Line]:
    """Readings of a source's patients in turn, each `minutes` apart, with a stretch left out."""
    for n in range(0, end, minutes):
        for p in range(patients):
            at = START_US + n * MINUTE_US + p * 1000
            if n not in out:
                yield reading(f"{source}-{p}", at_us=at, device=f"urn:{source}:{p}", value=70.0 + n % 3, **fields)


def made(folder: Folder, *parts: Iterator[Line], patients: dict[str, int]) -> None:
    lines = sorted((line for part in parts for line in part), key=lambda line: str(line["at"]))  # type: ignore[call-overload]
    folder.readings = folder.write("readings.jsonl", lines)
    names = [f"{source}-{p}" for source, n in patients.items() for p in range(n)]
    folder.profiles = folder.write("profiles.jsonl", [json.loads(profile(name)) for name in names])


def technical(folder: Folder) -> list[dict[str, Any]]:
    return [alert for alert in folder.alerts if alert["kind"] == "source"]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_days_outage_of_an_integration_of_a_thousand_patients_is_one_alert(folder: Folder) -> None:
    out = range(30 * 60, 54 * 60)
    dead, alive = every(60, "dead", 1000, 3 * DAY, out), every(30, "alive", 5, 3 * DAY)
    made(folder, dead, alive, patients={"dead": 1000, "alive": 5})
    folder.replay(100_000)
    opened, resolved = technical(folder)
    assert [(a["event"], a["patient"], a["category"], a["sequence"]) for a in (opened, resolved)] == [
        ("opened", "source:urn:dead", "technical", 1), ("resolved", "source:urn:dead", "technical", 2),
    ]  # fmt: skip
    assert opened["onset_at"] == rfc3339(START_US + 29 * HOUR_US + 999_000)
    assert "1,000 patients" in opened["explanation"]
    assert resolved["decided_at"] == rfc3339(START_US + 54 * HOUR_US + MINUTE_US)


def test_a_dead_mapping_is_one_alert_with_an_example_and_the_others_are_decided(folder: Folder) -> None:
    well = every(5, "sick", 4, 600)
    sick = every(5, "sick", 4, 1200, range(600), code="HR")
    made(folder, well, sick, every(5, "well", 4, 1200), patients={"sick": 4, "well": 4})
    result = folder.replay()
    assert result["rejected_by_reason"] == {"unknown_code": 480}
    assert result["decided"] == 480 + 960
    (alert,) = technical(folder)
    assert (alert["problem"], alert["patient"]) == ("source.failing", "source:urn:sick")
    assert alert["onset_at"] == rfc3339(START_US + 600 * MINUTE_US)
    assert "code 'HR' names no vital" in alert["explanation"]


def troubles(folder: Folder) -> None:
    """Outages, a dead mapping that is mended, and people who act on the alerts."""
    dead = every(5, "dead", 3, 600, range(200, 400))
    sick = [every(5, "sick", 3, 600, range(180, 360)), every(5, "sick", 3, 360, range(180), code="HR")]
    made(folder, dead, *sick, every(7, "well", 3, 600), patients={"dead": 3, "sick": 3, "well": 3})
    folder.replay()
    actions = []
    for alert in technical(folder):
        if alert["event"] == "opened":
            for n, what in enumerate(("acknowledge", "snooze", "comment")):
                at = START_US + (290 + n) * MINUTE_US
                fields = {"until": rfc3339(START_US + 370 * MINUTE_US), "reason": "known"}
                actions.append(action(alert["alert_id"], what, alert["patient"], at=rfc3339(at), **fields))
    assert len(actions) == 6
    folder.actions = folder.write("actions.jsonl", actions)


def test_the_same_bytes_whatever_the_batch(folder: Folder) -> None:
    troubles(folder)
    found = set()
    for batch in (100_000, 64, 7, 1):
        folder.replay(batch)
        found.add(folder.bytes)
    assert len(found) == 1
    events = [(a["problem"], a["event"]) for a in technical(folder)]
    assert len(events) == 12, f"{events}"
    assert {event for _, event in events} == {"opened", "acknowledged", "snoozed", "updated", "resolved"}


def test_a_file_of_observations_has_sources_too(folder: Folder) -> None:
    def observed(n: int) -> Line:
        at = rfc3339(START_US + n * MINUTE_US)
        code = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}
        quantity = {"value": 70, "system": "http://unitsofmeasure.org", "code": "/min"}
        return {
            "resourceType": "Observation", "status": "final", "id": f"o-{n}", "code": code, "valueQuantity": quantity,
            "subject": {"reference": f"Patient/dead-{n % 3}"}, "effectiveDateTime": at, "at": at,
            "device": {"reference": f"Device/{n % 3}"},
        }  # fmt: skip

    dead = (observed(n) for n in range(300) if not 100 <= n < 250)
    made(folder, dead, every(1, "well", 3, 300), patients={"dead": 3, "well": 3})
    result = folder.replay()
    assert result["rejected_by_reason"] == {}
    assert [(a["patient"], a["event"]) for a in technical(folder)] == [
        ("source:Device", "opened"), ("source:Device", "resolved"),
    ]  # fmt: skip
