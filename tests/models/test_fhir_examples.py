"""Every official example: the exact readings, or the exact reason why there are none."""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from models.fhir import readings_from_observation
from models.readings import Context, Reading, Reason, Refused
from tests.models.observing import AT, refusal

VECTORS = Path(__file__).parents[1] / "vectors"

TOO_LARGE = (Reason.TOO_LARGE, "at most 65536")
DATE_ONLY = (Reason.BAD_SHAPE, "only a date")
NOT_READ = {
    # A profile is no measurement, and larger than any record may be.
    **dict.fromkeys([f"{name}.profile" for name in ("bmi", "bodyheight", "bodytemp", "bodyweight", "bp")], TOO_LARGE),
    **dict.fromkeys([f"{name}.profile" for name in ("heartrate", "oxygensat", "resprate", "vitalsigns")], TOO_LARGE),
    "vitalspanel.profile": TOO_LARGE,
    # One record is one observation, so that each has its own offset and its own answer.
    "bundle-example": (Reason.BAD_SHAPE, "a Bundle is not read"),
    "device-example": (Reason.BAD_SHAPE, "'Device', not Observation"),
    "device-example-f001-feedingtube": (Reason.BAD_SHAPE, "'Device', not Observation"),
    "devicemetric-example": (Reason.BAD_SHAPE, "'DeviceMetric', not Observation"),
    # Vital signs with a date for a time. The FHIR profile allows that (vs-1: precise to the day), a monitor cannot use
    # it: midnight in which zone? A guessed hour would place a night value in the day, or page for what is long past.
    "observation-example": DATE_ONLY,
    "observation-example-bloodpressure": DATE_ONLY,
    "observation-example-bloodpressure-dar": DATE_ONLY,
    "observation-example-body-temperature": DATE_ONLY,
    "observation-example-heart-rate": DATE_ONLY,
    "observation-example-respiratory-rate": DATE_ONLY,
    # There is no result: cancelled, or taken back.
    "observation-example-bloodpressure-cancel": (Reason.BAD_VALUE, "cancelled"),
    "observation-example-f202-temperature": (Reason.BAD_VALUE, "entered-in-error"),
    "observation-example-unsat": (Reason.BAD_VALUE, "cancelled"),
    # Another statistic than a vital, and a panel that names its members but does not hold them.
    "observation-example-map-sitting": (Reason.UNKNOWN_CODE, "8478-0 is mean arterial pressure"),
    "observation-example-mbp": (Reason.UNKNOWN_CODE, "8478-0 is mean arterial pressure"),
    "observation-example-vitals-panel": (Reason.BAD_SHAPE, "members are references only"),
    # No vital of ours: the codes seen are named, so that a missing mapping can be found.
    "observation-example-abdo-tender": (Reason.UNKNOWN_CODE, "43478001"),
    "observation-example-alcohol-type": (Reason.UNKNOWN_CODE, "alcohol-type"),
    "observation-example-bgpanel": (Reason.UNKNOWN_CODE, "34532-2"),
    "observation-example-bloodgroup": (Reason.UNKNOWN_CODE, "883-9"),
    "observation-example-bmd": (Reason.UNKNOWN_CODE, "24701-5"),
    "observation-example-bmi": (Reason.UNKNOWN_CODE, "39156-5"),
    "observation-example-bmi-using-related": (Reason.UNKNOWN_CODE, "39156-5"),
    "observation-example-body-height": (Reason.UNKNOWN_CODE, "8302-2"),
    "observation-example-body-length": (Reason.UNKNOWN_CODE, "'8302-2', '8306-3'"),
    "observation-example-clinical-gender": (Reason.UNKNOWN_CODE, "76691-5"),
    "observation-example-date-lastmp": (Reason.UNKNOWN_CODE, "8665-2"),
    "observation-example-eye-color": (Reason.UNKNOWN_CODE, "no coding at all"),
    "observation-example-f002-excess": (Reason.UNKNOWN_CODE, "11555-0"),
    "observation-example-f003-co2": (Reason.UNKNOWN_CODE, "11557-6"),
    "observation-example-f004-erythrocyte": (Reason.UNKNOWN_CODE, "789-8"),
    "observation-example-f005-hemoglobin": (Reason.UNKNOWN_CODE, "718-7"),
    "observation-example-f203-bicarbonate": (Reason.UNKNOWN_CODE, "1963-8"),
    "observation-example-f204-creatinine": (Reason.UNKNOWN_CODE, "20005"),
    "observation-example-f205-egfr": (Reason.UNKNOWN_CODE, "33914-3"),
    "observation-example-f206-staphylococcus": (Reason.UNKNOWN_CODE, "600-7"),
    "observation-example-glasgow": (Reason.UNKNOWN_CODE, "9269-2"),
    "observation-example-glasgow-qa": (Reason.UNKNOWN_CODE, "9269-2"),
    "observation-example-head-circumference": (Reason.UNKNOWN_CODE, "9843-4"),
    "observation-example-herd1": (Reason.UNKNOWN_CODE, "80219-9"),
    "observation-example-phenotype": (Reason.UNKNOWN_CODE, "79716-7"),
    "observation-example-rhstatus": (Reason.UNKNOWN_CODE, "883-9"),
    "observation-example-sample-data": (Reason.UNKNOWN_CODE, "'131328', '131329'"),
    "observation-example-secondsmoke": (Reason.UNKNOWN_CODE, "39243-1"),
    "observation-example-trachcare": (Reason.UNKNOWN_CODE, "410211008"),
    "observation-example-vomiting": (Reason.UNKNOWN_CODE, "45708-5"),
    "observation-example-vp-oyster": (Reason.UNKNOWN_CODE, "41857-4"),
    # Personal health devices. The time stamps of a device's clock are no measurement of the patient.
    "bundle-continuousnonin": TOO_LARGE,
    "nonin-hdp-1542718631721": (Reason.BAD_SHAPE, "a Bundle is not read"),
    "phd-00601900010E9234.F45EABA80832": (Reason.BAD_SHAPE, "'Device', not Observation"),
    "phd-711000FEFF5F49B0.B0495F001071": (Reason.BAD_SHAPE, "'Device', not Observation"),
    "coin-1234": (Reason.UNKNOWN_CODE, "67975"),
    "coin-20181119174911": (Reason.UNKNOWN_CODE, "67975"),
    "coin-fault20": (Reason.UNKNOWN_CODE, "67975"),
    "nan-1.0.0.42": (Reason.UNKNOWN_CODE, "150320"),
    "rtsa-1234": (Reason.UNKNOWN_CODE, "150452"),
    "stringenum-1234": (Reason.UNKNOWN_CODE, "8452096"),
}
PHD_PATIENT = "sisansarahId.1.2.3.4.5.6.7.8.10"
CUFF_AT = datetime(2018, 11, 11, 11, 38, 15, tzinfo=timezone(timedelta(hours=-5)))
READ = {
    "observation-example-f001-glucose": [
        Reading(
            id="f001",
            patient="f001",
            code="15074-8",
            at=datetime(2013, 4, 2, 9, 30, 10, tzinfo=timezone(timedelta(hours=1))),
            value=6.3,
            unit="mmol/L",
        )
    ],
    "observation-example-satO2": [
        Reading(
            id="satO2",
            patient="example",
            code="2708-6",
            at=datetime(2014, 12, 5, 9, 30, 10, tzinfo=timezone(timedelta(hours=1))),
            device="DeviceMetric/example",
            value=95,
            unit="%",
        )
    ],
    "observation-example-spirometry": [  # its unit code is MDC's, its unit text is UCUM
        Reading(
            id="656",
            patient="PatientId-patientId",
            code="MDC_FLOW_AWAY_EXP_FORCED_PEAK",
            at=datetime(2017, 5, 3, 15, 54, 26, tzinfo=timezone(timedelta(hours=-4))),
            value=820,
            unit="cL/s",
        )
    ],
    "bloodPress-1.0.1": [  # the mean pressure beside them is no vital
        Reading(
            id=f"bloodPress-1.0.1#{ref}",
            patient=PHD_PATIENT,
            code=ref,
            at=CUFF_AT,
            device="Device/phd-711000FEFF5F49B0.B0495F001071",
            value=value,
            unit="mm[Hg]",
        )
        for ref, value in (("MDC_PRESS_BLD_NONINV_SYS", 116), ("MDC_PRESS_BLD_NONINV_DIA", 71))
    ],
    "spotnumeric-1.0.0.3": [
        Reading(
            id="spotnumeric-1.0.0.3",
            patient=PHD_PATIENT,
            code="MDC_PULS_OXIM_PULS_RATE",
            at=datetime(2018, 11, 13, 17, 59, 2, tzinfo=timezone(timedelta(hours=-5))),
            device="Device/phd-74E8FFFEFF051C00.001C05FFE874",
            value=48,
            unit="{beat}/min",
        )
    ],
}
FILES = {path.stem: path for folder in ("fhir_r4", "hl7_phd") for path in (VECTORS / folder).glob("*.json")}


def test_the_tables_speak_of_every_example() -> None:
    assert READ.keys() | NOT_READ.keys() == FILES.keys()
    assert not READ.keys() & NOT_READ.keys()


@pytest.mark.parametrize("name", sorted(READ))
def test_an_official_example_gives_exactly_these_readings(name: str) -> None:
    assert readings_from_observation(FILES[name].read_bytes()) == READ[name]


@pytest.mark.parametrize("name", sorted(NOT_READ))
def test_an_official_example_is_refused_for_exactly_this_reason(name: str) -> None:
    answer = refusal(FILES[name].read_bytes())
    assert (answer.reason, NOT_READ[name][1] in answer.detail) == (NOT_READ[name][0], True), answer


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("observation-example", [("example", "29463-7", 185, "[lb_av]")]),
        ("observation-example-body-temperature", [("body-temperature", "8310-5", 36.5, "Cel")]),
        ("observation-example-heart-rate", [("heart-rate", "8867-4", 44, "/min")]),
        ("observation-example-respiratory-rate", [("respiratory-rate", "9279-1", 26, "/min")]),
        ("observation-example-bloodpressure-dar", [("blood-pressure-dar#8480-6", "8480-6", 107, "mm[Hg]")]),
        (
            "observation-example-bloodpressure",
            [
                ("blood-pressure#8480-6", "8480-6", 107, "mm[Hg]"),
                ("blood-pressure#8462-4", "8462-4", 60, "mm[Hg]"),
            ],
        ),
    ],
)
def test_the_official_vital_signs_are_read_once_they_say_when(name: str, expected: list[tuple[Any, ...]]) -> None:
    resource = json.loads(FILES[name].read_bytes()) | {"effectiveDateTime": "2026-01-05T08:00:00Z"}
    readings = readings_from_observation(json.dumps(resource).encode())
    assert [(one.id, one.code, one.value, one.unit) for one in readings] == expected
    assert {(one.patient, one.at) for one in readings} == {("example", AT)}


def test_the_body_site_goes_along() -> None:
    resource = json.loads(FILES["observation-example-bloodpressure"].read_bytes())
    resource["effectiveDateTime"] = "2026-01-05T08:00:00Z"
    assert {one.context for one in readings_from_observation(json.dumps(resource).encode())} == {
        Context(body_site="Right arm")
    }


def test_observations_of_a_device_bundle_are_read_one_by_one() -> None:
    entries = json.loads(FILES["bundle-continuousnonin"].read_bytes())["entry"]
    read_codes, other = [], []
    for number, entry in enumerate(entries):
        resource = {"id": f"n-{number}", **entry["resource"]}
        try:
            read_codes += [one.code for one in readings_from_observation(json.dumps(resource).encode())]
        except Refused as answer:
            other.append(answer.reason)
    assert set(read_codes) == {"MDC_PULS_OXIM_SAT_O2", "MDC_PULS_OXIM_PULS_RATE"}
    assert set(other) == {Reason.UNKNOWN_CODE}
