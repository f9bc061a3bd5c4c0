"""The catalogue of vitals agrees with the contract and the evidence, and no code is read as what it is not."""

import pytest

from models.evidence import load
from models.vitals import (
    BY_NAME,
    CODE_TO_VITAL,
    CONSCIOUSNESS_LEVELS,
    MDC_BY_NUMBER,
    NOT_A_VITAL,
    VITALS,
    Vital,
)

CONTRACT_ORDER = [
    "heart_rate",
    "resting_heart_rate",
    "hrv_rmssd",
    "respiratory_rate",
    "spo2",
    "body_temperature",
    "skin_temperature",
    "systolic_bp",
    "diastolic_bp",
    "glucose",
    "body_weight",
    "steps",
    "sleep_duration",
    "fev1",
    "peak_flow",
    "qtc",
    "consciousness",
]
DENSE = {"heart_rate", "spo2", "respiratory_rate", "glucose", "steps", "skin_temperature"}
DAILY = {"resting_heart_rate", "hrv_rmssd", "sleep_duration"}


def test_vitals_stand_in_the_order_of_the_contract() -> None:
    assert [vital.name for vital in VITALS] == CONTRACT_ORDER
    assert [vital.index for vital in VITALS] == list(range(len(CONTRACT_ORDER)))
    assert list(BY_NAME) == CONTRACT_ORDER


@pytest.mark.parametrize("vital", VITALS, ids=lambda vital: vital.name)
def test_every_vital_is_found_by_its_own_name_and_all_its_codes(vital: Vital) -> None:
    assert {CODE_TO_VITAL[code] for code in (vital.name, *vital.loinc, *vital.mdc)} == {vital.index}
    assert vital.low < vital.high


@pytest.mark.parametrize("vital", VITALS, ids=lambda vital: vital.name)
def test_time_spans_follow_how_the_vital_is_measured(vital: Vital) -> None:
    expected = (900, 3600) if vital.name in DENSE else (3600, 36 * 3600) if vital.name in DAILY else (1800, 6 * 3600)
    assert (vital.window_s, vital.live_horizon_s) == expected
    assert vital.lateness_s == 60
    assert vital.lateness_s < vital.window_s < vital.live_horizon_s <= 36 * 3600 <= 86400 * 2


# Means and extremes of 24 h, panels, mean pressure, SDNN, raw QT, sleep stages, a coded answer, a personal best.
MISLEADING = ["55425-3", "8873-2", "8883-1", "85354-9", "85353-1", "8478-0", "80404-7", "8634-8", "93831-6", "93830-8"]
MISLEADING += ["93829-0", "39106-0", "MDC_PRESS_BLD_NONINV", "MDC_FLOW_AWAY_EXP_FORCED_PEAK_PB"]


@pytest.mark.parametrize("code", MISLEADING)
def test_another_statistic_or_a_panel_is_never_read_as_the_vital(code: str) -> None:
    assert code in NOT_A_VITAL
    assert code not in CODE_TO_VITAL
    assert code not in {code for vital in VITALS for code in (*vital.loinc, *vital.mdc)}


def test_every_code_of_the_evidence_is_either_read_or_left_out_for_a_stated_reason() -> None:
    entries = load("vitals")["vitals"]
    listed = {
        row[key] for name in BY_NAME for key in ("code", "ref_id") for row in entries[name]["loinc"] if key in row
    }
    listed |= {row["ref_id"] for name in BY_NAME for row in entries[name]["mdc"]}
    assert listed - {None} <= CODE_TO_VITAL.keys() | NOT_A_VITAL.keys()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("8867-4", "heart_rate"),
        ("40443-4", "resting_heart_rate"),
        ("59408-5", "spo2"),
        ("2708-6", "spo2"),
        ("93832-4", "sleep_duration"),
        ("67775-7", "consciousness"),
        ("80288-4", "consciousness"),
        ("MDC_PULS_OXIM_PULS_RATE", "heart_rate"),
        ("MDC_TEMP_SKIN", "skin_temperature"),
        ("MDC_CONC_GLU_ISF", "glucose"),
    ],
)
def test_codes_of_the_field_mean_what_they_mean_there(code: str, name: str) -> None:
    assert VITALS[CODE_TO_VITAL[code]].name == name


def test_numeric_mdc_codes_name_their_reference_id() -> None:
    assert MDC_BY_NUMBER["149530"] == "MDC_PULS_OXIM_PULS_RATE"
    assert MDC_BY_NUMBER["150456"] == "MDC_PULS_OXIM_SAT_O2"
    assert set(MDC_BY_NUMBER.values()) <= CODE_TO_VITAL.keys() | NOT_A_VITAL.keys()


def test_only_consciousness_is_a_category_and_only_ratios_and_counts_have_no_dimension() -> None:
    assert [vital.name for vital in VITALS if vital.categorical] == ["consciousness"]
    assert {vital.name for vital in VITALS if vital.dimensionless} == {"spo2", "steps", "consciousness"}
    assert CONSCIOUSNESS_LEVELS == {"A": 0, "C": 1, "V": 2, "P": 3, "U": 4}


def test_scales_follow_the_evidence() -> None:
    scales = {vital.name: vital.scale for vital in VITALS if vital.scale != "raw"}
    assert scales == {"hrv_rmssd": "ln", "glucose": "ln", "steps": "ln1p"}
