"""What is decided and what is not, on both sides of each bound: of every vital, of clocks, devices and consent."""

import json
from typing import Any

import pytest

from models.times import rfc3339
from models.vitals import VITALS
from streams.engine.intake import DAY_MARGIN_US
from streams.engine.problems import FIRST_YEAR_US
from streams.engine.state import Outcome
from tests.engine.factories import DAY_US, SETTINGS, START_US, Log, run

AHEAD_US = SETTINGS.clock_tolerance_us
MIDNIGHT_US = START_US // DAY_US * DAY_US
WATCH = "urn:dev:watch-9"
JUST = 0.001
"""Beyond a bound, in any unit: what differs by less was rounded on its way."""
MEASURED = [vital for vital in VITALS if not vital.categorical]


def came_of(profile: dict[str, Any], **reading: Any) -> tuple[Outcome, str]:
    """What became of one reading, and why."""
    log = Log()
    log.profile(**profile)
    log.read(**reading)
    told = run(log)
    (outcome,) = [outcome for outcome in Outcome if told.of(outcome)]
    return outcome, told.rejects[0].detail if told.rejects else ""


def test_every_vital_is_decided_to_the_ends_of_its_range_and_no_further() -> None:
    log, outside = Log(), list[str]()
    log.profile()
    for n, vital in enumerate(MEASURED):
        for value in (vital.low, vital.high):
            log.read(code=vital.name, unit=vital.unit, value=value, id=f"in-{n}-{value}")
        for value in (vital.low - JUST, vital.high + JUST):
            log.read(code=vital.name, unit=vital.unit, value=value, id=f"out-{n}-{value}")
            outside.append(f"out-{n}-{value}")
    rejects = run(log).rejects
    assert [json.loads(log.records[reject.offset].value or b"")["id"] for reject in rejects] == outside
    assert {reject.reason.value for reject in rejects} == {"implausible"}


@pytest.mark.parametrize(
    ("values", "said"), [([72, 9, 80], "9 /min is"), ([72, 401], "401 /min is"), ([9, 401, 500], "9 /min is")]
)
def test_of_a_series_the_sample_that_cannot_be_is_named(values: list[float], said: str) -> None:
    outcome, why = came_of({}, value=None, values=values, period=1, at_us=START_US - 3_000_000)
    assert outcome is Outcome.REJECTED
    assert why.startswith(said)


@pytest.mark.parametrize(
    ("at_us", "outcome"),
    [
        (START_US + AHEAD_US, Outcome.DECIDED), (START_US + AHEAD_US + 1, Outcome.REJECTED),
        (FIRST_YEAR_US, Outcome.DECIDED), (FIRST_YEAR_US - 1, Outcome.REJECTED),
    ],
)  # fmt: skip
def test_a_clock_may_be_ahead_by_its_tolerance_and_no_device_is_older_than_this_century(
    at_us: int, outcome: Outcome
) -> None:
    found, why = came_of({}, at_us=at_us)
    assert found is outcome
    assert found is Outcome.DECIDED or why.startswith(
        f"measured {rfc3339(at_us)}, arrived {rfc3339(START_US)}: the dev"
    )


def test_the_end_of_a_series_is_what_may_be_ahead() -> None:
    last = {"value": None, "values": [72, 73], "period": 60}
    assert came_of({}, at_us=START_US + AHEAD_US - 60_000_000, **last)[0] is Outcome.DECIDED
    assert came_of({}, at_us=START_US + AHEAD_US - 59_999_999, **last) == (
        Outcome.REJECTED,
        f"measured {rfc3339(START_US + AHEAD_US + 1)}, arrived {rfc3339(START_US)}: the device's clock is wrong",
    )


@pytest.mark.parametrize(
    ("device", "before_us", "outcome"),
    [
        (WATCH, DAY_MARGIN_US, Outcome.DECIDED), (WATCH, DAY_MARGIN_US + 1, Outcome.REJECTED),
        ("urn:dev:watch-8", DAY_MARGIN_US + 1, Outcome.DECIDED), (None, DAY_MARGIN_US + 1, Outcome.DECIDED),
    ],
)  # fmt: skip
def test_a_reading_of_before_the_patient_had_the_device_has_a_wrong_clock(
    device: str | None, before_us: int, outcome: Outcome
) -> None:
    had = {"devices": [{"device": WATCH, "since": rfc3339(MIDNIGHT_US)[:10]}]}
    assert came_of(had, device=device, at_us=MIDNIGHT_US - before_us)[0] is outcome


@pytest.mark.parametrize(
    ("code", "before_us", "outcome"),
    [
        ("heart_rate", 0, Outcome.DECIDED), ("heart_rate", 1, Outcome.WITHHELD), ("steps", 0, Outcome.WITHHELD),
        ("spo2", 0, Outcome.DECIDED),
    ],
)  # fmt: skip
def test_consent_begins_at_its_instant_and_is_for_what_is_not_withheld(
    code: str, before_us: int, outcome: Outcome
) -> None:
    consent = {"monitoring": True, "since": rfc3339(START_US), "withheld_vitals": ["steps"]}
    value = 97.0 if code == "spo2" else 72.0
    assert came_of({"consent": consent}, code=code, value=value, at_us=START_US - before_us)[0] is outcome
