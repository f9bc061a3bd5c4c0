"""Low glucose foretold: the chance that glucose falls below 70 mg/dL within half an hour.

A small filter (level and damped slope) and running figures of the patient (mean, spread, recent low and high) feed a
logistic regression whose coefficients, and the people they were fitted on, stand in `evidence/detectors.yaml`. Judged
on raw samples in event order; what comes late has been overtaken and foretells nothing.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.findings import SEVERITIES, Rule
from models.segments import Bools, Ints
from models.times import US_PER_S

Floats = npt.NDArray[np.float64]

RAISE, CLEAR = 1, 0
PROBLEM, FORETELLS = "glucose.low_ahead", "glucose.low"
"""What is foretold, and the problem that it becomes."""
STATE = np.dtype(
    [
        ("at", "i8"),
        ("level", "f4"),
        ("slope", "f4"),
        ("p", "f4", 3),
        ("mean", "f4"),
        ("variance", "f4"),
        ("floor", "f4"),
        ("ceiling", "f4"),
        ("n", "i4"),
        ("run", "i2"),
        ("open", "u1"),
        ("ok_n", "u1"),
    ],
    align=True,
)
"""One row, mg/dL. at: event time of the last sample [us], 0 if none; p: covariance of (level, slope); floor, ceiling:
recent extremes, which fade; n: samples seen; run: samples since the last gap; open, ok_n: a forecast is open, and how
many samples in a row have been well."""
MOST_COUNTED = 30_000
CLIP = 12.0
"""Features are held within this, as they were when fitted: no artefact weighs without bound."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Forecasts raised and cleared: index into the samples, what, chance."""

    index: Ints
    what: Ints
    chance: Floats


@cache
def settings() -> dict[str, Any]:
    """The settings in use."""
    return dict(load("detectors")["glucose_forecast"])


@cache
def rule() -> Rule:
    """What a finding of this detector names."""
    return Rule(id="glucose_forecast", version=load("detectors")["meta"]["version"], source=settings()["src"][0])


@cache
def rank() -> int:
    """Severity as an index into SEVERITIES."""
    return SEVERITIES.index(settings()["severity"])


def watch(states: npt.NDArray[np.void], row: Ints, at: Ints, value: Floats) -> Changes:
    """Take one sample a row (each row at most once); `states` is updated in place.

    at (n,): event time, later than the row's last [us]; value (n,): mg/dL.
    """
    old = states[row]
    new = _advanced(old, at, value)
    chance = np.where(new["run"] >= settings()["known_after"], _chance(new, value), 0.0)
    found = _judged(old, new, value, chance)
    states[row] = new
    return found


def _advanced(old: npt.NDArray[np.void], at: Ints, y: Floats) -> npt.NDArray[np.void]:
    """The states after the samples."""
    s, new = settings(), old.copy()
    steps = (at - old["at"]) / (s["step_s"] * US_PER_S)
    fresh = (old["at"] == 0) | (steps > s["gap_s"] / s["step_s"])
    _filtered(new, old, np.where(fresh, 1.0, steps), y, fresh)
    _figures(new, old, np.where(old["at"] == 0, 0.0, steps), y, fresh)
    new["at"], new["n"] = at, np.minimum(old["n"] + 1, MOST_COUNTED)
    new["run"] = np.where(fresh, 1, np.minimum(old["run"] + 1, MOST_COUNTED))
    new["open"] = np.where(fresh, 0, old["open"])
    return new


def _filtered(new: npt.NDArray[np.void], old: npt.NDArray[np.void], steps: Floats, y: Floats, fresh: Bools) -> None:
    """Level and damped slope, one Kalman update."""
    f = settings()["filter"]
    decay = f["damp"] ** steps
    gain = f["damp"] * (1 - decay) / (1 - f["damp"])
    p00, p01, p11 = (old["p"][:, k].astype(np.float64) for k in range(3))
    a = p00 + 2 * gain * p01 + gain * gain * p11 + f["q_level"] * steps
    b, c = decay * (p01 + gain * p11), decay * decay * p11 + f["q_slope"] * steps
    slope = decay * old["slope"]
    level = old["level"] + gain * old["slope"].astype(np.float64)
    total, error = a + f["r"], y - level
    new["level"] = np.where(fresh, y, level + a / total * error)
    new["slope"] = np.where(fresh, 0.0, slope + b / total * error)
    start = (f["r"], 0.0, f["slope_sd"] ** 2)
    for k, moved in enumerate((a - a * a / total, b - a * b / total, c - b * b / total)):
        new["p"][:, k] = np.where(fresh, start[k], moved)


def _figures(new: npt.NDArray[np.void], old: npt.NDArray[np.void], steps: Floats, y: Floats, fresh: Bools) -> None:
    """Mean and spread over about two days, and extremes that fade."""
    s, first = settings(), old["at"] == 0
    hours = steps * s["step_s"] / 3600
    per_day = 86_400 / s["step_s"]
    weight = np.where(fresh, 0.0, 1 - np.exp(-steps / (per_day * s["mean_days"])))
    weight = np.where(old["n"] < per_day * s["mean_days"], np.maximum(weight, 1 / (old["n"] + 2.0)), weight)
    mean = np.where(first, float(s["start_mean"]), old["mean"])
    variance = np.where(first, float(s["start_sd"]) ** 2, old["variance"])
    gap = y - mean
    new["mean"] = mean + weight * gap
    new["variance"] = (1 - weight) * (variance + weight * gap * gap)
    new["floor"] = np.where(first, y, np.minimum(old["floor"] + s["floor_rises_per_h"] * hours, y))
    new["ceiling"] = np.where(first | fresh, y, np.maximum(old["ceiling"] - s["ceiling_falls_per_h"] * hours, y))


def _chance(new: npt.NDArray[np.void], y: Floats) -> Floats:
    """The chance of a low, (n,)."""
    s = settings()
    low, level, slope = s["low"], new["level"].astype(np.float64), new["slope"].astype(np.float64)
    spread = np.sqrt(np.maximum(new["variance"], s["least_sd"] ** 2))
    features = [
        np.ones(len(y)), (level - low) / 10, slope, (y - level) / 5, (y - low) / 10 * slope / 5,
        np.maximum(y - 85, 0) / 10, np.maximum(y - 100, 0) / 10, (new["ceiling"] - y) / 30, (new["floor"] - low) / 10,
        (new["mean"] - 100) / 20, np.log(spread / 20), np.minimum((level - low) / np.maximum(-slope, 0.2), 60) / 10,
    ]  # fmt: skip
    score = sum(w * np.clip(x, -CLIP, CLIP) for w, x in zip(s["weights"], features, strict=True))
    chance: Floats = 1 / (1 + np.exp(-np.clip(score, -30, 30)))
    return chance


def _judged(old: npt.NDArray[np.void], new: npt.NDArray[np.void], y: Floats, chance: Floats) -> Changes:
    """Raise on a chance of `raise_at` above the limit; clear after some samples in a row away from it, or a gap."""
    s = settings()
    was, still = old["open"] > 0, new["open"] > 0
    well = (chance < s["clear_at"]) & (y >= s["clear_above"])
    ok_n = np.where(still & well, new["ok_n"] + 1, 0)
    over = was & (~still | (ok_n >= s["clear_samples"]))
    raised = ~was & (chance >= s["raise_at"]) & (y >= s["low"])
    new["open"], new["ok_n"] = (still & ~over) | raised, np.where(over, 0, ok_n)
    off, on = np.flatnonzero(over), np.flatnonzero(raised)
    what = np.concatenate([np.full(len(off), CLEAR), np.full(len(on), RAISE)])
    index = np.concatenate([off, on])
    return Changes(index, what, chance[index])
