"""Whatever a device sends: one answer with a documented reason and its bytes, and its neighbours are decided."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.readings import MAX_READING_BYTES
from streams.engine.state import Outcome
from tests.engine.factories import START_US, Log, Told, one_by_one, reading, run

VALUE = b'"value": 72.0'
DEEP = 25_000


def sent(**fields: Any) -> bytes:
    return json.dumps(reading(id="odd", **{"value": 72.0} | fields)).encode()


def with_value(literal: bytes) -> bytes:
    return sent().replace(VALUE, b'"value": ' + literal)


def without(field: str) -> bytes:
    fields = reading(id="odd")
    del fields[field]
    return json.dumps(fields).encode()


def with_field(field: bytes) -> bytes:
    return sent().replace(b"{", b"{" + field + b", ", 1)


def series(*samples: float | None, **fields: Any) -> bytes:
    return sent(value=None, values=list(samples), **fields)


def observation(**fields: Any) -> bytes:
    code = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}
    quantity = {"value": 74, "system": "http://unitsofmeasure.org", "code": "/min"}
    made = {
        "resourceType": "Observation",
        "id": "odd",
        "status": "final",
        "code": code,
        "valueQuantity": quantity,
        "subject": {"reference": "Patient/p-1"},
        "effectiveDateTime": "2026-01-05T08:00:00Z",
    } | fields
    return json.dumps({name: value for name, value in made.items() if value is not None}).encode()


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


NOT_JSON = {
    "words": b"hello",
    "empty": b"",
    "spaces": b"   ",
    "null bytes": b"\0\0",
    "a reading and a null byte": sent() + b"\0",
    "two objects": sent() + sent(),
    "two lines": sent() + b"\n" + sent(),
    "half a reading": sent()[:-20],
    "an array that does not end": b"[" * 9,
    "invalid UTF-8": b"\xff\xfe\x00",
    "a byte order mark": b"\xef\xbb\xbf" + sent(),
    "invalid UTF-8 in an id": sent().replace(b'"odd"', b'"\xff"'),
    "NaN": with_value(b"NaN"),
    "Infinity": with_value(b"Infinity"),
    "-Infinity": with_value(b"-Infinity"),
    "half a surrogate": with_field(b'"id": "\\ud800"'),
    "single quotes": sent().replace(b'"', b"'"),
    "a comma too many": sent()[:-1] + b",}",
}
BAD_SHAPE = {
    "no value (null)": None,
    "null": b"null",
    "a number": b"7",
    "a string": b'"x"',
    "true": b"true",
    "an array": b"[1, 2]",
    "an array of readings": b"[" + sent() + b"]",
    "an empty object": b"{}",
    "no id": without("id"),
    "no patient": without("patient"),
    "no code": without("code"),
    "no at": without("at"),
    "id a number": sent().replace(b'"odd"', b"5"),
    "patient a number": sent().replace(b'"p-1"', b"5"),
    "code a number": sent(unit="/min").replace(b'"heart_rate"', b"8867"),
    "at a number": sent(at=1767600000),
    "at null": without("at").replace(b"{", b'{"at": null, '),
    "context a string": sent(context="rest"),
    "unknown activity": sent(context={"activity": "dancing"}),
    "quality a word": sent(quality="good"),
    "period a word": series(70, period="1 s"),
    "space in the id": sent().replace(b'"odd"', b'"o d"'),
    "newline after the id": sent().replace(b'"odd"', b'"odd\\n"'),
    "null byte in the id": sent().replace(b'"odd"', b'"o\\u0000"'),
    "no ASCII in the id": sent().replace(b'"odd"', '"é"'.encode()),
    "empty id": sent().replace(b'"odd"', b'""'),
    "129 characters of id": sent().replace(b'"odd"', b'"' + b"i" * 129 + b'"'),
    "space in the patient": sent().replace(b'"p-1"', b'"p 1"'),
    "newline after the patient": sent().replace(b'"p-1"', b'"p-1\\n"'),
    "no time zone": sent(at="2026-01-05T08:00:00"),
    "only a date": sent(at="2026-01-05"),
    "no time": sent(at="yesterday"),
    "day 32": sent(at="2026-01-32T08:00:00Z"),
    "year 0": sent(at="0000-01-01T00:00:00Z"),
    "deep value": with_value(nested(DEEP)),
    "deep unknown field": with_field(b'"more": ' + nested(DEEP)),
    "deep object": b'{"a":' * 9000 + b"1" + b"}" * 9000,
    "FHIR without subject": observation(subject=None),
    "FHIR that is no Observation": b'{"resourceType": "Patient"}',
    "FHIR with a deep resource type": b'{"resourceType": ' + nested(DEEP) + b"}",
}
BAD_VALUE = {
    "no value": sent(value=None),
    "value null": with_value(b"null"),
    "value true": with_value(b"true"),
    "value false": with_value(b"false"),
    "value a string": sent(value="72"),
    "value an array": with_value(b"[72]"),
    "value an object": with_value(b'{"value": 72}'),
    "NaN as a string": sent(value="NaN"),
    "Infinity as a string": sent(value="Infinity"),
    "1e999": with_value(b"1e999"),
    "-1e999": with_value(b"-1e999"),
    "an integer of 400 digits": with_value(b"9" * 400),
    "value and values": sent(values=[70, 71], period=1),
    "letters for a number": sent(value="A"),
    "a number for letters": sent(code="consciousness", value=1.0),
    "another letter": sent(code="consciousness", value="X"),
    "a series of letters": sent(code="consciousness", value=None, values=[1, 2], period=1),
    "series without period": series(70, 71),
    "series with period 0": series(70, 71, period=0),
    "series with a negative period": series(70, 71, period=-1),
    "series of 1e300 s": series(70, 71, period=1e300),
    "series of 1e12 s": series(*[70] * 4000, period=1e12),
    "series of nothing": series(period=1),
    "series of nulls": series(None, None, period=1),
    "series too long": series(*[70] * 4097, period=0.001),
    "series of words": sent(value=None, values=["70"], period=1),
    "series no array": sent(value=None, values="70", period=1),
    "quality above 1": sent(quality=97),
    "quality below 0": sent(quality=-0.1),
}
IMPLAUSIBLE = {
    "beyond every heart": sent(value=900.0),
    "negative": sent(value=-5.0),
    "1e300": with_value(b"1e300"),
    "an integer of 30 digits": with_value(b"9" * 30),
    "one sample of a series": series(70, 900, 70, period=1),
    "spo2 above 100": sent(code="spo2", value=101.0),
    "Fahrenheit said to be Celsius": sent(code="body_temperature", value=98.6),
}
CLOCK_FAULT = {
    "1970": sent(at="1970-01-01T00:00:10Z"),
    "before 1970": sent(at="1904-01-01T00:00:00Z"),
    "beyond the tolerance": sent(at_us=START_US + 301_000_000),
    "next year": sent(at="2027-01-05T08:00:00Z"),
    "the first instant": sent(at="0001-01-01T00:00:00+14:00"),
    "the last instant": sent(at="9999-12-31T23:59:59-14:00"),
    "series that ends in the future": series(70, 71, 72, period=200),
}
TOO_LARGE = {
    "a byte more than 64 KiB": sent(device="d" * (MAX_READING_BYTES + 1 - len(sent(device="")))),
    "10 MB": b"x" * 10_000_000,
    "10 MB of JSON": with_field(b'"more": "' + b"x" * 10_000_000 + b'"'),
    "an array of a million": b"[" + b"1," * 999_999 + b"1]",
    "100,000 levels": nested(100_000),
    "100,000 levels in the value": with_value(nested(100_000)),
    "100,000 levels in an unknown field": with_field(b'"z": ' + nested(100_000)),
}
UNKNOWN_CODE = {
    "no such code": sent(code="happiness", unit="1"),
    "mean arterial pressure": sent(code="8478-0", unit="mm[Hg]"),
    "empty code": sent(code="", unit="1"),
}
UNKNOWN_UNIT = {
    "furlongs": sent(unit="furlong"),
    "another dimension": sent(unit="kg"),
    "bpm": sent(unit="bpm"),
    "no unit": sent(unit=None).replace(b', "unit": "/min"', b""),
    "unit of 1,000 characters": sent(unit="/min" * 250),
}
TABLE: dict[str, dict[str, Any]] = {
    "not_json": NOT_JSON,
    "bad_shape": BAD_SHAPE,
    "bad_value": BAD_VALUE,
    "implausible": IMPLAUSIBLE,
    "clock_fault": CLOCK_FAULT,
    "too_large": TOO_LARGE,
    "unknown_code": UNKNOWN_CODE,
    "unknown_unit": UNKNOWN_UNIT,
}
ROWS = [
    pytest.param(reason, raw, id=f"{reason}: {name}") for reason, rows in TABLE.items() for name, raw in rows.items()
]


def between_neighbours(*raws: bytes | None) -> Log:
    log = Log()
    log.profile()
    log.read(id="before", value=71.0)
    for raw in raws:
        log.add(b"p-1", raw)
    log.wait(1_000_000)
    log.read(id="after", value=73.0)
    return log


def only_bytes_of(told: Told, raw: bytes | None) -> bool:
    (reject,) = told.rejects
    return base64.b64decode(reject.value_base64) == (raw or b"")


@pytest.mark.parametrize(("reason", "raw"), ROWS)
def test_a_bad_record_has_one_answer_and_its_neighbours_are_decided(reason: str, raw: bytes | None) -> None:
    told = run(between_neighbours(raw))
    assert told.reasons() == [reason]
    assert only_bytes_of(told, raw)
    (reject,) = told.rejects
    assert (reject.topic, reject.partition, reject.offset, reject.key) == ("readings", 0, 2, "p-1")
    assert (reject.arrived_at, bool(reject.detail)) == ("2026-01-05T08:00:00Z", True)
    assert len(reject.detail) <= 600
    assert (told.received, told.outcomes) == (3, [2, 1, 0, 0])


@pytest.mark.parametrize("raw", [b"{}", with_value(b"true"), sent(value=900.0), observation(subject=None)])
def test_a_bad_record_without_a_key_or_with_a_strange_one_is_answered_too(raw: bytes) -> None:
    log = between_neighbours()
    for key in (None, b"", b"\xff\xfe"):
        log.add(key, raw if b"p-1" not in raw else raw.replace(b'"p-1"', b"1"))
    told = run(log)
    assert [reject.key for reject in told.rejects] == [None, "", "\\xff\\xfe"]
    assert told.received == 5


def test_all_bad_records_at_once_are_answered_in_order() -> None:
    raws = [raw for rows in TABLE.values() for raw in rows.values()]
    told = run(between_neighbours(*raws))
    assert told.reasons() == [reason for reason, rows in TABLE.items() for _ in rows]
    assert [base64.b64decode(reject.value_base64) for reject in told.rejects] == [raw or b"" for raw in raws]
    assert told.of(Outcome.DECIDED) == 2


@pytest.mark.parametrize(
    "raw",
    [
        sent(at_us=START_US + 300_000_000),
        sent(device="d" * (MAX_READING_BYTES - len(sent(device="")))),
        sent(more={"unknown": [1, None]}),
        with_field(b'"more": "\xff"'),
        sent(unit="{beat}/min"),
        sent(quality=1),
        sent(quality=0),
        sent().replace(b'"odd"', b'"' + b"i" * 128 + b'"'),
        series(70, None, 72, period=0.5),
        observation(),
        sent(code="consciousness", value="A"),
        sent(code="MDC_PULS_OXIM_PULS_RATE", unit="/min"),
        sent(at="2026-01-05T09:00:00+01:00"),
    ],
)
def test_what_the_contract_allows_is_decided(raw: bytes) -> None:
    told = run(between_neighbours(raw))
    assert (told.reasons(), told.outcomes) == ([], [3, 0, 0, 0])


def test_a_patient_without_a_profile_is_unknown() -> None:
    log = between_neighbours()
    raw = json.dumps(reading("p-2")).encode()
    log.add(b"p-2", raw)
    told = run(log)
    assert told.reasons() == ["unknown_patient"]
    assert only_bytes_of(told, raw)
    assert "p-2" in told.rejects[0].detail


def test_what_is_another_format_is_told_of_all_that_a_reading_needs() -> None:
    """As a data point of Open mHealth: it was told of the first field that is missing, then of the next."""
    log = Log()
    log.add(b"p-1", b'{"header": {"schema_id": {}}, "body": {"heart_rate": {"value": 70, "unit": "beats/min"}}}')
    log.add(b"p-1", b'{"patient": "p-1", "code": "8867-4", "at": "2026-01-05T08:00:00Z", "value": 70, "unit": "/min"}')
    several, one = run(log).rejects
    assert several.reason == one.reason == "bad_shape"
    assert several.detail == (
        "neither a reading (id, patient, code, at are missing) nor a FHIR Observation (it has no resourceType)"
    )
    assert "`id`" in one.detail


@pytest.mark.parametrize("arrived_us", [-(2**62), -1, 0, START_US * 1000, 2**62])
def test_an_absurd_time_stamp_of_the_broker_stops_nothing(arrived_us: int) -> None:
    """One in nanoseconds, say: whatever comes of the patient after it is still of now."""
    log = Log()
    log.profile()
    log.add(b"p-1", b"no", at=arrived_us)
    log.read(code="spo2", value=70.0, arrived_us=arrived_us)
    log.read(code="spo2", value=71.0, at_us=START_US + 9)
    told = run(log)
    assert told.received == 3
    assert told.reasons() == ["not_json", "clock_fault"]
    assert [(alert.problem, alert.retrospective) for alert in told.alerts] == [("spo2.low", False)]
    assert "the publisher's clock is wrong" in told.rejects[1].detail


@given(
    st.lists(
        st.binary(max_size=40)
        | st.recursive(
            st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(reading())), inner, max_size=6)
            ),
        ).map(lambda value: json.dumps(value).encode()),
        min_size=1,
        max_size=8,
    )
)
def test_no_bytes_at_all_raise_or_vanish(raws: list[bytes]) -> None:
    log = between_neighbours(*raws)
    told = run(log)
    assert told.received == sum(told.outcomes) == 2 + len(raws)
    assert (told.of(Outcome.DECIDED), len(told.rejects)) == (2, len(raws))
    assert run(log, one_by_one(log)).lines() == told.lines()
