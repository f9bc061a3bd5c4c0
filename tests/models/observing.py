"""Observations for the tests: a plain one with any element changed, and what became of it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from models.fhir import readings_from_observation
from models.readings import Reading, Refused

AT = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
MDC = "urn:iso:std:iso:11073:10101"
SNOMED = "http://snomed.info/sct"


def code(*codes: str, system: str | None = LOINC) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": one} if system else {"code": one} for one in codes]}


def quantity(value: float, unit: str, **more: Any) -> dict[str, Any]:
    return {"value": value, "system": UCUM, "code": unit, **more}


def observation(**changes: Any) -> dict[str, Any]:
    """A heart rate of 72 at AT; `changes` replace elements, None leaves one out."""
    base = {
        "resourceType": "Observation",
        "id": "o-1",
        "status": "final",
        "code": code("8867-4"),
        "subject": {"reference": "Patient/p-1"},
        "effectiveDateTime": "2026-01-05T08:00:00Z",
        "valueQuantity": quantity(72, "/min"),
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


def read(**changes: Any) -> list[Reading]:
    return readings_from_observation(json.dumps(observation(**changes)).encode())


def refusal(raw: bytes) -> Refused:
    with pytest.raises(Refused) as refused:
        readings_from_observation(raw)
    return refused.value


def refused(**changes: Any) -> Refused:
    return refusal(json.dumps(observation(**changes)).encode())
