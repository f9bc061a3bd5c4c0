"""What is normal in the population, before anything is known about the patient: one number a vital, from the evidence.

In the order of `models.vitals.VITALS`, on each vital's working scale (raw, ln or ln1p).
"""

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evidence import EvidenceError, load
from models.vitals import BY_NAME, VITALS, Scale

Floats = NDArray[np.float64]
Numbers = tuple[float, ...]

_NUMBER = r"\d+(?:\.\d+)?"
_BY_AGE = re.compile(rf"(?:ln\(({_NUMBER})\)|({_NUMBER})) ([+-]) ({_NUMBER})\*\(age-({_NUMBER})\)")


@dataclass(frozen=True, slots=True)
class Prior:
    """The population prior of every vital, 17 numbers each.

    mean, sd_between: at unknown age and sex (NaN mean: only a personal level means anything); sd_within, sd_meas.
    age_slope: change of the mean a year; sd_known_age: sd_between once the age is known; age_reference: the age at
    which `mean` holds. female_minus_male: difference of the means; sd_known_sex: as for age. source: what is cited.
    """

    mean: Numbers
    sd_between: Numbers
    sd_within: Numbers
    sd_meas: Numbers
    age_slope: Numbers
    age_reference: float
    sd_known_age: Numbers
    female_minus_male: Numbers
    sd_known_sex: Numbers
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The day of every vital, (17,) each: half peak to trough as an amount on the working scale plus a share of the
    level, and the local clock hour of the peak."""

    amount: Floats
    share: Floats
    acrophase_h: Floats


def to_scale(scale: Scale, value: float) -> float:
    """A value in the canonical unit, on the working scale."""
    return value if scale == "raw" else math.log(value) if scale == "ln" else math.log1p(value)


def from_scale(scale: Scale, value: float) -> float:
    """A value on the working scale, in the canonical unit."""
    return value if scale == "raw" else math.exp(value) if scale == "ln" else math.expm1(value)


@cache
def prior() -> Prior:
    """The population prior, from `engine_prior` of vitals.yaml and, where it has none, design.yaml."""
    rows = [_row(vital.name) for vital in VITALS]
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    age = load("design")["population"]["unknown_age"]
    slope, contrast = columns["slope"], columns["contrast"]
    known = columns["sd_between"]
    by_age = np.hypot(known, slope * age["sd"])
    by_sex = np.hypot(by_age, columns["contrast_sd"])
    return Prior(
        mean=_numbers(columns["mean"] + slope * (age["age"] - columns["pivot"])),
        sd_between=_numbers(by_sex),
        sd_within=_numbers(columns["sd_within"]),
        sd_meas=_numbers(columns["sd_meas"]),
        age_slope=_numbers(slope),
        age_reference=age["age"],
        sd_known_age=_numbers(np.hypot(known, columns["contrast_sd"])),
        female_minus_male=_numbers(contrast),
        sd_known_sex=_numbers(by_age),
        source=tuple(_source(vital.name) for vital in VITALS),
    )


def _numbers(column: Floats) -> Numbers:
    return tuple(column.tolist())


def _source(name: str) -> str:
    entry = load("vitals")["vitals"][name]
    own = load("design")["population"].get(name, {"src": ["DESIGN"]})
    return " ".join(entry.get("engine_prior", own)["src"])


def _row(name: str) -> dict[str, float]:
    """mean (at the age `pivot`), slope a year, contrast of the sexes, and the SDs of one vital."""
    row = {"slope": 0.0, "pivot": 0.0, "contrast": 0.0, "contrast_sd": 0.0}
    if name == "heart_rate":
        return row | _heart_rate()
    if name == "consciousness":
        sd = float(load("design")["population"]["consciousness"]["sd"])
        return row | {"mean": math.nan, "sd_between": sd, "sd_within": sd, "sd_meas": sd}
    entry = load("vitals")["vitals"][name]
    return row | _spreads(name, entry) | _centre(entry["engine_prior"]) | _contrasts(name, entry)


def _heart_rate() -> dict[str, float]:
    """Spot heart rate lies a fixed step above the resting one; everything else about it is design.yaml's."""
    design = load("design")["population"]["heart_rate"]
    resting = _row("resting_heart_rate")
    mean = resting["mean"] + design["over_resting"]
    return {"mean": mean, "contrast": resting["contrast"]} | {
        k: design[k] for k in ("sd_between", "sd_within", "sd_meas")
    }


def _spreads(name: str, entry: dict[str, Any]) -> dict[str, float]:
    stated = entry["engine_prior"]
    wide = load("design")["population"]["personal_only"]["sd_between"]
    # A prior on a ratio (peak flow to personal best) has its SDs in canonical units beside it.
    own_units = stated["scale"] != "ratio_to_personal_best"
    within = stated["sd_within"] if own_units else entry["sd_within"]["value"]
    meas = stated["sd_meas"] if own_units else entry["sd_meas"]["value"]
    return {"sd_between": wide.get(name, stated.get("sd_between")), "sd_within": within, "sd_meas": meas}


def _centre(stated: dict[str, Any]) -> dict[str, float]:
    if "mean_formula" in stated:
        return _by_age(stated["mean_formula"])
    if "mean_male" in stated:
        contrast = stated["mean_female"] - stated["mean_male"]
        centre = (stated["mean_female"] + stated["mean_male"]) / 2
        return {"mean": centre, "contrast": contrast, "contrast_sd": contrast / 2}
    population = isinstance(stated["mean"], int | float) and stated["scale"] in ("raw", "ln", "ln1p")
    return {"mean": stated["mean"] if population else math.nan}


def _by_age(formula: str) -> dict[str, float]:
    """'118 + 0.5*(age-40)' or 'ln(52) - 0.012*(age-20)', read and never evaluated as code."""
    found = _BY_AGE.fullmatch(formula)
    if found is None:
        raise EvidenceError("vitals", f"mean_formula {formula!r} is not 'a + b*(age-c)'")
    in_ln, raw, sign, slope, pivot = found.groups()
    mean = math.log(float(in_ln)) if in_ln else float(raw)
    return {"mean": mean, "slope": float(sign + slope), "pivot": float(pivot)}


def _contrasts(name: str, entry: dict[str, Any]) -> dict[str, float]:
    """Differences with age and sex that the evidence gives beside the prior."""
    groups = {group.get("group"): group for group in entry.get("by_age_sex", [])}
    if name == "body_temperature":
        pivot = load("design")["population"]["body_temperature_age_pivot"]["age"]
        return {"slope": _delta(groups, "per decade of age") / 10, "pivot": pivot}
    return {"contrast": _delta(groups, "women minus men")} if name == "resting_heart_rate" else {}


def _delta(groups: dict[str | None, dict[str, Any]], group: str) -> float:
    delta = groups.get(group, {}).get("delta")
    if not isinstance(delta, int | float):
        raise EvidenceError("vitals", f"by_age_sex does not say by how much: {group}")
    return float(delta)


@cache
def rhythm() -> Rhythm:
    """The rhythm of the day, from `circadian` of vitals.yaml; no amplitude where the evidence gives none."""
    skipped = load("design")["circadian"]["skipped"]["vitals"]
    entries = load("vitals")["vitals"]
    rows = [(0.0, 0.0, 0.0) if v.name in skipped else _rhythm(entries[v.name]["circadian"]) for v in VITALS]
    amount, share, acrophase_h = np.array(rows).T
    return Rhythm(amount, share, acrophase_h)


def _rhythm(entry: dict[str, Any]) -> tuple[float, float, float]:
    """(amount, share of the level, acrophase [h]) of one circadian entry."""
    sleep_h = float(load("design")["circadian"]["mid_sleep_h"]["value"])
    if "sleep_minus_awake" in entry:
        swing = _middle(entry["sleep_minus_awake"])
        return abs(swing) / 2, 0.0, sleep_h if swing > 0 else (sleep_h + 12) % 24
    if "night_dip_pct" in entry:
        return 0.0, _middle(entry["night_dip_pct"]) / 200, (_middle(entry["trough_h"]) + 12) % 24
    if "amplitude_pct" in entry:
        return 0.0, entry["amplitude_pct"] / 100, _middle(entry["peak_h"])
    peak = _middle(entry["acrophase_h"] if "acrophase_h" in entry else entry["peak_h"])
    return _amplitude(entry), 0.0, peak


def _amplitude(entry: dict[str, Any]) -> float:
    if "amplitude_total_daily_bpm" in entry:
        return float(min(entry["amplitude_total_daily_bpm"]))  # design.yaml circadian.heart_rate: the low end
    for key in ("amplitude_half_peak_trough", "amplitude_ln", "amplitude"):
        if key in entry:
            return float(entry[key])
    raise EvidenceError("vitals", f"a circadian entry gives no amplitude: {sorted(entry)}")


def _middle(value: float | list[float]) -> float:
    return sum(value) / len(value) if isinstance(value, list) else float(value)


def physical(vital: str) -> tuple[float, float]:
    """The vital's physical range on its working scale."""
    known = BY_NAME[vital]
    return to_scale(known.scale, known.low), to_scale(known.scale, known.high)
