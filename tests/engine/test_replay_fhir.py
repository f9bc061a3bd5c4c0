"""Observations in a file say in several ways when they were measured, and that is when they arrive."""

from pathlib import Path
from typing import Any

import pytest

from models.times import rfc3339
from tests.engine.factories import HOUR_US, MINUTE_US, START_US, profile
from tests.engine.folder import Folder, Line

AT_US = START_US + HOUR_US
AN_HOUR = {"data": " ".join(["72"] * 60), "origin": {"value": 0, "code": "/min"}, "period": 60_000, "dimensions": 1}
TIMES: dict[str, dict[str, Any]] = {
    "dateTime": {"effectiveDateTime": rfc3339(AT_US)},
    "instant": {"effectiveInstant": rfc3339(AT_US)},
    "period": {"effectivePeriod": {"start": rfc3339(AT_US), "end": rfc3339(AT_US + MINUTE_US)}},
}


def observation(ident: str, **fields: Any) -> dict[str, Any]:
    given = {"valueQuantity": {"value": 72, "code": "/min"}} if "valueSampledData" not in fields else {}
    coding = {"system": "http://loinc.org", "code": "8867-4"}
    return {
        "resourceType": "Observation", "id": ident, "status": "final", "code": {"coding": [coding]},
        "subject": {"reference": "Patient/p-1"}, **given, **fields,
    }  # fmt: skip


def replayed(tmp_path: Path, *lines: Line) -> dict[str, Any]:
    folder = Folder(tmp_path)
    folder.write("readings.jsonl", lines)
    folder.profiles = folder.write("profiles.jsonl", [profile()])
    return folder.replay()


@pytest.mark.parametrize("said", TIMES.values(), ids=TIMES)
def test_an_observation_arrives_when_it_was_measured_however_it_says_that(said: dict[str, Any], tmp_path: Path) -> None:
    """One with a period or an instant arrived with the line before it, an hour too early: "the clock is wrong"."""
    answer = replayed(tmp_path, observation("o-1", effectiveDateTime=rfc3339(START_US)), observation("o-2", **said))
    assert (answer["decided"], answer["rejected_by_reason"]) == (2, {})


def test_a_series_of_fhir_arrives_when_its_last_sample_has_been_taken(tmp_path: Path) -> None:
    answer = replayed(tmp_path, observation("o-1", effectiveDateTime=rfc3339(START_US), valueSampledData=AN_HOUR))
    assert (answer["decided"], answer["rejected_by_reason"]) == (1, {})
