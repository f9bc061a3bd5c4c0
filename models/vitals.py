"""The catalogue of vitals: what is measured, under which codes, in which unit, within which physical range.

Codes, units and ranges come from `evidence/vitals.yaml`, the time spans from `evidence/cadence.yaml`. The place of a
vital in `VITALS` is its row everywhere in the engine, also in stored pages: new vitals are added at the end.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, cast

from models.evidence import EvidenceError, load

Scale = Literal["raw", "ln", "ln1p"]

NAMES = (
    "heart_rate", "resting_heart_rate", "hrv_rmssd", "respiratory_rate", "spo2", "body_temperature", "skin_temperature",
    "systolic_bp", "diastolic_bp", "glucose", "body_weight", "steps", "sleep_duration", "fev1", "peak_flow", "qtc",
    "consciousness",
)  # fmt: skip
"""CONTRACT 2, in its order."""

NOT_A_VITAL = MappingProxyType(
    {
        "85353-1": "a panel of vital signs: its members are the readings",
        "85354-9": "a panel of blood pressures: its components are the readings",
        "55284-4": "a panel of blood pressures: its components are the readings",
        "MDC_PRESS_BLD_NONINV": "a panel of blood pressures: its components are the readings",
        "8478-0": "mean arterial pressure, about 30 mm[Hg] below the systolic",
        "55425-3": "a mean over 24 hours, which hides what a spot heart rate shows",
        "8873-2": "the highest heart rate of 24 hours, which is not raised in a healthy person",
        "8883-1": "the lowest heart rate of 24 hours, which is not low in a healthy person",
        "80404-7": "SDNN, another statistic of heart rate variability than RMSSD",
        "8634-8": "the QT interval without correction for rate",
        "93831-6": "deep sleep only, a part of the sleep duration",
        "93830-8": "light sleep only, a part of the sleep duration",
        "93829-0": "REM sleep only, a part of the sleep duration",
        "39106-0": "a coded answer (cold, warm), not a skin temperature",
        "MDC_FLOW_AWAY_EXP_FORCED_PEAK_PB": "the patient's personal best, not a measurement of now",
    }
)
"""Codes that come next to a vital but are another statistic, or a part, or a panel. To read one of them as the vital
would be a wrong reading that looks right. The other codes of the evidence stay: body sites of temperature differ by at
most 0.4 Cel, both step counts (41950-7 of 24 h, 55423-8 of an unspecified time) count steps, and Bazett and Fridericia
both give a QTc."""

# The evidence states some priors on derived scales; the readings themselves stay as they are.
_SCALES: dict[str, Scale] = {"ln": "ln", "ln1p": "ln1p"}


@dataclass(frozen=True, slots=True)
class Vital:
    """One vital sign.

    `unit` is its canonical UCUM unit, and `low`..`high` the physically plausible range in it. `scale` says in which
    transform it is compared. Time spans are in seconds; their meaning is at the head of `evidence/cadence.yaml`.
    """

    index: int
    name: str
    label: str
    unit: str
    dimensionless: bool
    loinc: tuple[str, ...]
    mdc: tuple[str, ...]
    scale: Scale
    low: float
    high: float
    categorical: bool
    window_s: int
    lateness_s: int
    live_horizon_s: int
    cadence_s: int


def _vital(index: int, name: str, entry: dict[str, Any], spans: dict[str, Any]) -> Vital:
    unit = str(entry["ucum_canonical"])
    plausible = entry["plausible"]
    return Vital(
        index=index,
        name=name,
        label=entry["label"],
        unit=unit,
        dimensionless=unit in ("%", "1") or unit.startswith("{"),
        loinc=_codes(entry["loinc"], "code"),
        mdc=_codes(entry["mdc"], "ref_id"),
        scale=_SCALES.get(entry.get("engine_prior", {}).get("scale"), "raw"),
        low=float(plausible["min"]),
        high=float(plausible["max"]),
        categorical="levels" in entry,
        window_s=spans["window_s"],
        lateness_s=spans["lateness_s"],
        live_horizon_s=spans["live_horizon_s"],
        cadence_s=spans["cadence_s"],
    )


def _codes(entries: list[dict[str, Any]], key: str) -> tuple[str, ...]:
    return tuple(entry[key] for entry in entries if entry[key] is not None and entry[key] not in NOT_A_VITAL)


def _catalogue() -> tuple[Vital, ...]:
    entries = load("vitals")["vitals"]
    spans = {name: group for group in load("cadence")["groups"] for name in group["vitals"]}
    for name in NAMES:
        if name not in entries or name not in spans:
            raise EvidenceError("vitals" if name not in entries else "cadence", f"says nothing about {name}")
    return tuple(_vital(index, name, entries[name], spans[name]) for index, name in enumerate(NAMES))


def _code_index(vitals: tuple[Vital, ...]) -> dict[str, int]:
    index: dict[str, int] = {}
    for vital in vitals:
        for code in (vital.name, *vital.loinc, *vital.mdc):
            if index.setdefault(code, vital.index) != vital.index:
                raise EvidenceError("vitals", f"the code {code} belongs to two vitals")
    return index


def _mdc_numbers() -> dict[str, str]:
    entries = cast("dict[str, dict[str, Any]]", load("vitals")["vitals"])
    listed = [row for name in NAMES for row in entries[name]["mdc"]]
    return {str(row["code"]): row["ref_id"] for row in listed if row["code"] is not None}


VITALS: tuple[Vital, ...] = _catalogue()
BY_NAME: dict[str, Vital] = {vital.name: vital for vital in VITALS}
CODE_TO_VITAL: dict[str, int] = _code_index(VITALS)
"""LOINC code, MDC reference id or own name, to the place in VITALS."""
MDC_BY_NUMBER: dict[str, str] = _mdc_numbers()
"""Numeric MDC code (decimal, 32 bits, as FHIR carries it) to reference id, also of codes that are not a vital."""
CONSCIOUSNESS_LEVELS: dict[str, int] = {
    letter: level["value"] for letter, level in load("vitals")["vitals"]["consciousness"]["levels"].items()
}
"""The number that is kept for a letter (A 0, C 1, V 2, P 3, U 4); it orders the levels and is not an amount."""
LEVEL_LABELS: dict[int, str] = {
    level["value"]: level["label"] for level in load("vitals")["vitals"]["consciousness"]["levels"].values()
}
"""What a number that is kept for a letter stands for, in words."""
