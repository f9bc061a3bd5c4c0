"""What is said of a record at the door is what the engine says of it in the log: the same reason in the same words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.step import EngineSettings
from streams.gateway.judging import judge, told
from tests.engine import test_bad_input as bad
from tests.engine.factories import SECRET, START_US, Log, panel, reading, run

ROWS = [
    pytest.param(raw, id=f"{reason}: {name}")
    for reason, rows in bad.TABLE.items()
    for name, raw in rows.items()
    if reason != "clock_fault" and raw is not None
]
CLOCKS = [pytest.param(raw, id=name) for name, raw in bad.CLOCK_FAULT.items()]


@pytest.mark.parametrize("raw", ROWS)
def test_a_hostile_record_is_told_at_the_door_what_the_engine_says(raw: bytes) -> None:
    (one,) = judge([raw])
    (reject,) = run(bad.between_neighbours(raw)).rejects
    assert not one.taken
    assert [(refusal.reason, told(refusal)) for refusal in one.refused] == [(reject.reason, reject.detail)]


@pytest.mark.parametrize("raw", CLOCKS)
def test_clocks_are_judged_where_it_is_known_when_a_record_came(raw: bytes) -> None:
    (one,) = judge([raw])
    assert (one.taken, one.refused) == (True, [])


def test_a_bad_record_hurts_none_beside_it() -> None:
    raws = [raw for rows in bad.TABLE.values() for raw in rows.values() if raw]
    mixed = [one for raw in raws for one in (bad.sent(), raw)]
    judged = judge(mixed)
    assert [one.raw for one in judged] == mixed
    assert all(one.taken and one.patient == "p-1" for one in judged[::2])


def test_of_a_panel_what_can_be_read_is_taken_and_the_rest_told() -> None:
    """A diastolic of 9,000 hides no systolic of 200."""
    (one,) = judge([panel("p-1", "bp-1", START_US, 200, 9000)])
    assert (one.taken, one.patient) == (True, "p-1")
    assert [refusal.reason for refusal in one.refused] == ["implausible"]


@pytest.mark.parametrize(
    ("raw", "patient"),
    [
        (bad.sent(unit="furlong"), "p-1"),
        (bad.sent(at="yesterday"), "p-1"),
        (bad.observation(status="cancelled"), "p-1"),
        (bad.sent(patient="p 1"), None),
        (bad.sent(patient="<script>alert(1)</script>", unit="kg"), "<script>alert(1)</script>"),
        (bad.sent(patient="source:watch"), None),
        (b"{}", None),
        (b"no", None),
        (bad.observation(subject=None), None),
        (b'{"patient": "p-\\ud800"}', None),
    ],
    ids=["unit", "time", "cancelled", "space", "script", "source", "empty", "no JSON", "no subject", "surrogate"],
)
def test_whom_a_refused_record_is_about(raw: bytes, patient: str | None) -> None:
    """It goes to its patient's partition, where consent is known; only what names nobody does not."""
    (one,) = judge([raw])
    assert (one.taken, one.patient) == (False, patient)


def records() -> st.SearchStrategy[bytes]:
    odd = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4)
    fields = st.dictionaries(st.sampled_from([*reading(), "values", "period", "quality", "context"]), odd, max_size=3)
    plausible = st.fixed_dictionaries(
        {}, optional={"value": st.floats(20, 320), "unit": st.sampled_from(["/min", "%"])}
    )
    of_readings = st.builds(lambda a, b: json.dumps(reading() | a | b).encode(), plausible, fields)
    return of_readings | st.binary(max_size=30) | st.builds(_panel, st.floats(0, 400), st.floats(0, 400))


def _panel(*values: float) -> bytes:
    return panel("p-1", "bp", START_US, *values)


@given(st.lists(records(), min_size=1, max_size=6))
def test_the_door_and_the_engine_agree(raws: list[bytes]) -> None:
    log = Log()
    for one in judge(raws):
        log.add((one.patient or "-").encode(), one.raw)
    settings = EngineSettings(SECRET, monitor_unknown=True, clock_tolerance_us=300_000_000)
    rejects: dict[int, list[tuple[Any, str]]] = {}
    for reject in run(log, settings=settings).rejects:
        if reject.reason != "clock_fault":
            rejects.setdefault(reject.offset, []).append((reject.reason, reject.detail))
    said = {i: [(r.reason, told(r)) for r in one.refused] for i, one in enumerate(judge(raws)) if one.refused}
    assert {i: sorted(found) for i, found in said.items()} == {i: sorted(found) for i, found in rejects.items()}
