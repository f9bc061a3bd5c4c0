"""No profile keeps a safety floor quiet: whatever moves the expectation, the urgent and emergency limits hold."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.evidence import load
from tests.engine.factories import MINUTE_US, Log, run
from tests.models.profiles import documents

LIMITS = [floor for floor in load("floors")["floors"] if floor["severity"] in ("urgent", "emergency")]
LETTERS = {"consciousness_altered": "C", "consciousness_unresponsive": "U"}
"""Consciousness is written in letters."""
MINUTES = 45
"""Longer than any floor asks a value to persist."""


def somebody(document: dict[str, Any]) -> dict[str, Any]:
    """The profile, of a patient who has agreed to everything; without limits that a clinician has set."""
    left_out = ("patient", "version", "consent", "targets")
    return {name: value for name, value in document.items() if name not in left_out}


def floors_told(floor: dict[str, Any], fields: dict[str, Any], beyond: float) -> set[tuple[str, str]]:
    """(problem, severity) of what the floors find when the vital stays at the limit, or beyond it."""
    log = Log()
    log.profile("p-1", **fields)
    value = LETTERS.get(floor["id"]) or floor["limit"] + (beyond if floor["op"].startswith(">") else -beyond)
    unit = None if floor["id"] in LETTERS else floor["unit"]
    for _ in range(MINUTES):
        log.read(patient="p-1", code=floor["vital"], value=value, unit=unit, context={"activity": "rest"})
        log.wait(MINUTE_US)
    told = run(log)
    assert not told.rejects, told.rejects
    return {(found.problem, found.severity) for found in told.findings if found.kind == "limit"}


@pytest.mark.parametrize("floor", LIMITS, ids=[floor["id"] for floor in LIMITS])
def test_every_urgent_limit_speaks_for_somebody_of_whom_nothing_is_known(floor: dict[str, Any]) -> None:
    told = floors_told(floor, {}, 0.5)
    assert floor["severity"] in {severity for _, severity in told}


@settings(max_examples=60, deadline=None)
@given(documents(), st.sampled_from(LIMITS))
def test_no_profile_keeps_a_safety_floor_quiet(document: dict[str, Any], floor: dict[str, Any]) -> None:
    plain, known = floors_told(floor, {}, 0.5), floors_told(floor, somebody(document), 0.5)
    assert {one for one in plain if one[1] in ("urgent", "emergency")} <= known
