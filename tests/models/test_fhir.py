"""One FHIR Observation at a time: what is read, and what is refused and why."""

import json
from datetime import datetime
from typing import Any

import pytest

from models.fhir import readings_from_observation
from models.readings import MAX_SERIES_SAMPLES, Context, Reading, Reason, Refused
from tests.models.observing import AT, LOINC, MDC, SNOMED, UCUM, code, observation, quantity, read, refused


def test_a_plain_observation() -> None:
    assert read() == [Reading(id="o-1", patient="p-1", code="8867-4", at=AT, value=72, unit="/min")]


@pytest.mark.parametrize(
    ("codings", "wanted"),
    [
        (code("X-1", "8867-4"), "8867-4"),
        (code("59408-5", "2708-6"), "59408-5"),
        (code("150456", system=MDC), "MDC_PULS_OXIM_SAT_O2"),
        (code("149530", system="urn:oid:2.16.840.1.113883.6.24"), "MDC_PULS_OXIM_PULS_RATE"),
        (code("MDC_PULS_OXIM_PULS_RATE", system=MDC), "MDC_PULS_OXIM_PULS_RATE"),
        (code("heart_rate", system=None), "heart_rate"),
        # The profile demands 8867-4 and 8310-5 beside the exact code: skin is not body, a day's rest is not now.
        (code("8867-4", "40443-4"), "40443-4"),
        (code("40443-4", "8867-4"), "40443-4"),
    ],
)
def test_the_first_coding_that_is_a_vital_counts(codings: dict[str, Any], wanted: str) -> None:
    unit = "%" if "SAT" in wanted or wanted == "59408-5" else "/min"
    assert [one.code for one in read(code=codings, valueQuantity=quantity(72, unit))] == [wanted]


def test_a_skin_temperature_is_not_read_as_a_body_temperature() -> None:
    both = {"coding": [{"system": LOINC, "code": "8310-5"}, {"system": MDC, "code": "150388"}]}
    assert [one.code for one in read(code=both, valueQuantity=quantity(33, "Cel"))] == ["MDC_TEMP_SKIN"]


@pytest.mark.parametrize(
    "codings",
    [
        code("8867-4", system="http://acme.org/codes"),
        code("8867-4", system=SNOMED),
        code("150456", system=None),
        code("150456", system=LOINC),
        code("8867-4", "8873-2"),  # the highest of 24 hours, which the profile makes say 8867-4 as well
        code("8480-6", "8478-0"),
        {"text": "Heart rate"},
        {},
    ],
)
def test_what_only_looks_like_a_vital_is_an_unknown_code(codings: dict[str, Any]) -> None:
    assert refused(code=codings).reason is Reason.UNKNOWN_CODE


@pytest.mark.parametrize("status", ["preliminary", "final", "amended", "corrected"])
def test_a_result_that_may_be_used_is_read(status: str) -> None:
    assert len(read(status=status)) == 1


@pytest.mark.parametrize("status", ["preliminary", "amended", "corrected"])
def test_a_result_before_the_final_one_or_after_it_is_no_redelivery_of_it(status: str) -> None:
    """It has the same id, as FHIR demands; each of its versions is a reading of its own."""
    before = read(status="final")[0].id
    assert read(status=status)[0].id == f"{before}#{status}"
    assert read(status=status, meta={"versionId": "3"})[0].id == f"{before}#{status}.3"
    odd_ones: list[Any] = [[], "3", {"versionId": 3}]
    for odd in odd_ones:
        assert read(status=status, meta=odd)[0].id == f"{before}#{status}"
    assert read(status=status, meta={"versionId": "9" * 200})[0].id == before
    assert read(status="final", meta={"versionId": "3"})[0].id == before


@pytest.mark.parametrize("status", ["registered", "cancelled", "entered-in-error", "unknown"])
def test_a_result_that_may_not_be_used_is_refused_with_its_status(status: str) -> None:
    answer = refused(status=status)
    assert answer.reason is Reason.BAD_VALUE
    assert status in answer.detail


def test_what_may_turn_the_meaning_of_a_result_round_is_refused_and_not_read_over() -> None:
    """FHIR: who does not know a modifier extension may not process what it stands in."""
    extension = [{"url": "http://example.org/not-of-this-patient", "valueBoolean": True}]
    assert refused(modifierExtension=extension).reason is Reason.BAD_SHAPE
    systolic = {"valueQuantity": {"value": 142, "code": "mm[Hg]"}, "modifierExtension": extension}
    assert "modifierExtension" in refused(**pressure(systolic=systolic)).detail
    assert len(read(modifierExtension=[])) == 1


def pressure(**components: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": code("85354-9"),
        "valueQuantity": None,
        "component": [
            {"code": code({"systolic": "8480-6", "diastolic": "8462-4"}[name])} | rest
            for name, rest in components.items()
        ],
    }


BAD_SHAPES: dict[str, dict[str, Any]] = {
    "no status": {"status": None},
    "status of no value set": {"status": "done"},
    "no code": {"code": None},
    "no id": {"id": None},
    "id with a space": {"id": "o 1"},
    "id with a newline at the end": {"id": "o-1\n"},
    "no subject": {"subject": None},
    "subject by name only": {"subject": {"display": "Roel"}},
    "subject is a herd": {"subject": {"reference": "Group/herd1"}},
    "subject in the resource": {"subject": {"reference": "#p"}},
    "subject in a bundle": {"subject": {"reference": "urn:uuid:187e0c12-8dd2-67e2-99b2-bf273c878281"}},
    "patient id too long": {"subject": {"reference": "Patient/" + "x" * 129}},
    "measured on the child": {"focus": [{"reference": "Patient/p-2"}]},
    "no time": {"effectiveDateTime": None},
    "a year": {"effectiveDateTime": "2026"},
    "a month": {"effectiveDateTime": "2026-01"},
    "a day": {"effectiveDateTime": "2026-01-05"},
    "no zone": {"effectiveDateTime": "2026-01-05T08:00:00"},
    "no seconds": {"effectiveDateTime": "2026-01-05T08:00Z"},
    "no such day": {"effectiveDateTime": "2026-02-30T08:00:00Z"},
    "a schedule": {"effectiveDateTime": None, "effectiveTiming": {"event": ["2026-01-05T08:00:00Z"]}},
    "an open beginning": {"effectiveDateTime": None, "effectivePeriod": {"end": "2026-01-05T08:00:00Z"}},
    "two times": {"effectiveInstant": "2026-01-05T08:00:00Z"},
    "two values": {"valueInteger": 72},
    "two values beside components": pressure(systolic={"valueQuantity": quantity(107, "mm[Hg]")})
    | {"valueInteger": 1, "valueString": "x"},
    "value in quotes": {"valueQuantity": quantity(0, "/min") | {"value": "72"}},
    "infinite value": {"valueQuantity": quantity(0, "/min") | {"value": "Infinity"}},
    "components no list": {"component": {"code": code("8867-4")}},
}


@pytest.mark.parametrize("changes", BAD_SHAPES.values(), ids=BAD_SHAPES)
def test_a_resource_that_cannot_be_placed_is_a_bad_shape(changes: dict[str, Any]) -> None:
    assert refused(**changes).reason is Reason.BAD_SHAPE


@pytest.mark.parametrize(
    ("effective", "at"),
    [
        ({"effectiveDateTime": "2026-01-05T09:30:00+01:30"}, AT),
        ({"effectiveInstant": "2026-01-05T08:00:00.000Z"}, AT),
        ({"effectivePeriod": {"start": "2026-01-05T08:00:00Z", "end": "2026-01-06T08:00:00Z"}}, AT),
    ],
)
def test_the_effective_time_is_when_it_was_measured(effective: dict[str, Any], at: datetime) -> None:
    assert read(**{"effectiveDateTime": None, "issued": "2026-01-07T00:00:00Z"} | effective)[0].at == at


@pytest.mark.parametrize(
    ("subject", "patient"),
    [
        ({"reference": "Patient/p-1"}, "p-1"),
        ({"reference": "https://ehr.example/fhir/Patient/p-1"}, "p-1"),
        ({"reference": "https://ehr.example/fhir/Patient/p-1/_history/3"}, "p-1"),
        ({"identifier": {"system": "urn:oid:1.2.3", "value": "MRN-17"}}, "MRN-17"),
        ({"reference": "Patient/p-1", "identifier": {"value": "MRN-17"}}, "p-1"),
    ],
)
def test_the_patient_is_the_subject(subject: dict[str, Any], patient: str) -> None:
    assert read(subject=subject, focus=[subject])[0].patient == patient


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ({"reference": "Device/w-9", "display": "Watch"}, "Device/w-9"),
        ({"identifier": {"value": "SN-9"}, "display": "Watch"}, "SN-9"),
        ({"display": "Watch"}, "Watch"),
        (None, ""),
    ],
)
def test_the_device_is_named(device: dict[str, Any] | None, name: str) -> None:
    assert read(device=device)[0].device == name


def test_an_identifier_stands_in_for_a_missing_id() -> None:
    assert read(id=None, identifier=[{"system": "x"}, {"value": "urn:uuid:1"}, {"value": "2"}])[0].id == "urn:uuid:1"


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        ({"value": 72, "system": UCUM, "code": "/min", "unit": "beats/minute"}, "/min"),
        ({"value": 72, "unit": "/min"}, "/min"),
        ({"value": 72, "code": "/min", "unit": "beats/minute"}, "/min"),
        ({"value": 72, "system": MDC, "code": "264864", "unit": "{beat}/min"}, "{beat}/min"),
    ],
)
def test_the_ucum_code_goes_before_the_unit_text(value: dict[str, Any], unit: str) -> None:
    assert read(valueQuantity=value)[0].unit == unit


@pytest.mark.parametrize(
    "value",
    [
        {"value": 72, "unit": "bpm"},
        {"value": 72},
        {"value": 72, "system": UCUM, "code": "bpm", "unit": "/min"},
        {"value": 72, "system": MDC, "code": "264864", "unit": "bpm"},
        quantity(72, "kg"),
    ],
)
def test_a_unit_that_is_not_understood_is_refused(value: dict[str, Any]) -> None:
    assert refused(valueQuantity=value).reason is Reason.UNKNOWN_UNIT


def test_a_count_may_be_an_integer_without_unit() -> None:
    steps = read(code=code("55423-8"), valueQuantity=None, valueInteger=5123)
    assert [(one.value, one.unit) for one in steps] == [(5123, None)]
    assert refused(valueQuantity=None, valueInteger=72).reason is Reason.UNKNOWN_UNIT


@pytest.mark.parametrize(
    "changes",
    [
        {"valueQuantity": {"system": UCUM, "code": "/min"}},
        {"valueQuantity": quantity(200, "/min", comparator=">")},
        {"valueQuantity": quantity(40, "/min", comparator="<")},
        {"valueQuantity": None, "valueString": "72"},
        {"valueQuantity": None, "valueBoolean": True},
        {"valueQuantity": None, "valueRange": {"low": quantity(60, "/min")}},
        {"valueQuantity": None},
    ],
)
def test_what_is_no_number_for_certain_is_a_bad_value(changes: dict[str, Any]) -> None:
    assert refused(**changes).reason is Reason.BAD_VALUE


@pytest.mark.parametrize(
    ("comparator", "value", "unit"),
    [
        ("<", 40, "mg/dL"),
        ("<", 20, "mg/dL"),
        ("<=", 1.1, "mmol/L"),
        ("<", 2.2, "mmol/L"),
        (">", 400, "mg/dL"),
        (">=", 33.3, "mmol/L"),
        (">", 22.2, "mmol/L"),
    ],
)
def test_a_glucose_meter_that_shows_lo_or_hi_is_not_silenced(comparator: str, value: float, unit: str) -> None:
    readings = read(code=code("2339-0"), valueQuantity=quantity(value, unit, comparator=comparator))
    assert [(one.value, one.unit) for one in readings] == [(value, unit)]


@pytest.mark.parametrize(
    ("comparator", "value"), [("<", 100), (">", 100), (">", 398), (">", 40), ("<", 400), ("~", 30), ("ad", 30)]
)
def test_a_bound_in_the_middle_of_the_range_says_nothing(comparator: str, value: float) -> None:
    bounded = quantity(value, "mg/dL", comparator=comparator)
    assert refused(code=code("2339-0"), valueQuantity=bounded).reason is Reason.BAD_VALUE


@pytest.mark.parametrize("code_of_reason", ["not-a-number", "error", "positive-infinity"])
def test_an_absent_value_is_refused_with_its_reason(code_of_reason: str) -> None:
    absent = code(code_of_reason, system="http://terminology.hl7.org/CodeSystem/data-absent-reason")
    answer = refused(valueQuantity=None, dataAbsentReason=absent)
    assert answer.reason is Reason.BAD_VALUE
    assert code_of_reason in answer.detail
    assert refused(dataAbsentReason=absent).reason is Reason.BAD_VALUE


def test_an_absent_component_is_left_out_and_the_other_is_read() -> None:
    absent = {"dataAbsentReason": code("not-performed", system=None)}
    both = pressure(systolic={"valueQuantity": quantity(107, "mm[Hg]")}, diastolic=absent)
    assert [(one.id, one.value) for one in read(**both)] == [("o-1#8480-6", 107)]
    answer = refused(**pressure(systolic=absent, diastolic=absent))
    assert (answer.reason, "not-performed" in answer.detail) == (Reason.BAD_VALUE, True)


def test_a_component_that_cannot_be_read_is_told_beside_those_that_are() -> None:
    """As one that is implausible is: what can be read for certain is decided."""
    parts = pressure(systolic={"valueQuantity": quantity(142, "mm[Hg]")}, diastolic={"valueQuantity": quantity(9, "?")})
    unread = list[Refused]()
    readings = readings_from_observation(json.dumps(observation(**parts)).encode(), unread)
    assert [reading.value for reading in readings] == [142]
    assert [one.reason for one in unread] == [Reason.UNKNOWN_UNIT]
    both = pressure(systolic={"valueQuantity": quantity(1, "?")}, diastolic={"valueQuantity": quantity(9, "?")})
    assert refused(**both).reason is Reason.UNKNOWN_UNIT


def test_the_same_component_twice_gives_two_ids() -> None:
    twice = [{"code": code("8480-6"), "valueQuantity": quantity(value, "mm[Hg]")} for value in (120, 124)]
    readings = read(code=code("85354-9"), valueQuantity=None, component=twice)
    assert [one.id for one in readings] == ["o-1#8480-6", "o-1#8480-6.2"]


def test_a_value_and_a_vital_component_are_both_read() -> None:
    pulse = {"code": code("8867-4"), "valueQuantity": quantity(72, "/min")}
    readings = read(code=code("59408-5"), valueQuantity=quantity(95, "%"), component=[pulse])
    assert [(one.id, one.code) for one in readings] == [("o-1", "59408-5"), ("o-1#8867-4", "8867-4")]


@pytest.mark.parametrize(("flow", "oxygen"), [(2, True), (0, False)])
def test_a_saturation_says_whether_oxygen_was_given(flow: float, oxygen: bool) -> None:
    inhaled = {"code": code("3151-8"), "valueQuantity": quantity(flow, "L/min")}
    readings = read(code=code("59408-5"), valueQuantity=quantity(95, "%"), component=[inhaled])
    assert [one.context for one in readings] == [Context(oxygen=oxygen)]


def series(data: str | None, **changes: Any) -> dict[str, Any]:
    sampled = {"origin": quantity(0, "/min"), "period": 1000, "dimensions": 1, "data": data} | changes
    return {"valueQuantity": None, "valueSampledData": {key: one for key, one in sampled.items() if one is not None}}


def test_a_series_is_scaled_and_its_missing_samples_stay_missing() -> None:
    wave = series("10 E 12.5 U L -1e1", origin=quantity(60, "/min"), factor=2, period=500, lowerLimit=-100)
    (reading,) = read(**wave)
    assert reading.values == [80, None, 85, None, None, 40]
    assert (reading.value, reading.unit, reading.period, reading.at) == (None, "/min", 0.5, AT)


BAD_SERIES: dict[str, tuple[dict[str, Any], Reason]] = {
    "two dimensions": (series("1 2", dimensions=2), Reason.BAD_SHAPE),
    "no period": (series("1 2", period=0), Reason.BAD_SHAPE),
    "no origin": (series("1 2", origin={"code": "/min", "system": UCUM}), Reason.BAD_SHAPE),
    "nothing": (series(None), Reason.BAD_VALUE),
    "only errors": (series("E E"), Reason.BAD_VALUE),
    "not a number": (series("1 NaN"), Reason.BAD_VALUE),
    "infinite": (series("1 1e999"), Reason.BAD_VALUE),
    "words": (series("1 1_0"), Reason.BAD_VALUE),
    "no unit": (series("1 2", origin={"value": 0}), Reason.UNKNOWN_UNIT),
    "too many": (series("1 " * (MAX_SERIES_SAMPLES + 1)), Reason.TOO_LARGE),
}


@pytest.mark.parametrize(("changes", "reason"), BAD_SERIES.values(), ids=BAD_SERIES)
def test_a_series_that_cannot_be_read_is_refused(changes: dict[str, Any], reason: Reason) -> None:
    assert refused(**changes).reason is reason


@pytest.mark.parametrize(
    ("value", "letter"),
    [
        ({"valueString": "V"}, "V"),
        ({"valueString": " alert "}, "A"),
        ({"valueCodeableConcept": code("LA9343-0")}, "U"),
        ({"valueCodeableConcept": code("LA6560-2")}, "C"),
        ({"valueCodeableConcept": code("450847001", system=SNOMED)}, "P"),
        ({"valueCodeableConcept": code("300202002", system=SNOMED)}, "V"),
        ({"valueCodeableConcept": code("C", system="http://acme.org/acvpu")}, "C"),
        ({"valueCodeableConcept": {"text": "New confusion"}}, "C"),
    ],
)
@pytest.mark.parametrize("loinc", ["67775-7", "80288-4"])
def test_a_level_of_consciousness_becomes_its_letter(value: dict[str, Any], letter: str, loinc: str) -> None:
    assert [one.value for one in read(code=code(loinc), valueQuantity=None, **value)] == [letter]


@pytest.mark.parametrize(
    "value",
    [
        {"valueString": "X"},
        {"valueString": "a"},
        {"valueString": "not alert"},
        {"valueCodeableConcept": code("LA9340-6", "LA9343-0")},
        {"valueCodeableConcept": code("A", system=LOINC)},
        {"valueInteger": 1},
        {"valueCodeableConcept": {}},
    ],
)
def test_a_level_that_is_not_clear_is_refused(value: dict[str, Any]) -> None:
    assert refused(code=code("67775-7"), valueQuantity=None, **value).reason is Reason.BAD_VALUE
