"""Low glucose foretold: the chance that glucose falls below 70 mg/dL within half an hour.

The last samples, five minutes apart, and running figures of the patient (mean, spread, recent low and high) feed a
small network whose weights, and the people they were fitted on, stand in `evidence/detectors.yaml`. Judged on raw
samples in event order; what comes late has been overtaken and foretells nothing.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

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
KEPT = 6
"""Samples that are remembered: 25 minutes, which tell a fall from one sample that is off."""
STATE = np.dtype(
    [
        ("at", "i8"),
        ("past", "f2", KEPT),
        ("mean", "f4"),
        ("variance", "f4"),
        ("floor", "f4"),
        ("ceiling", "f4"),
        ("slow", "f4"),
        ("brisk", "f4"),
        ("low_share", "f4"),
        ("near_share", "f4"),
        ("rough", "f4"),
        ("n", "i4"),
        ("run", "i2"),
        ("open", "u1"),
        ("ok_n", "u1"),
    ],
    align=True,
)
"""One row, mg/dL. at: event time of the last sample [us], 0 if none; past: that sample and those before, a step apart;
floor, ceiling: recent extremes, which fade; slow, brisk: running means; low_share, near_share: of the time, low or
nearly so; rough: how much the sensor jumps; n: samples seen; run: samples since the last gap; open, ok_n: a forecast
is open, and how many samples in a row have been well, or low as was foretold."""
MOST_COUNTED = 30_000
CLIP = 12.0
"""Features are held within this, as they were when fitted: no artefact weighs without bound."""


class Network(NamedTuple):
    """Weights of the hidden units (features, units) and their offsets (units,), weights of what they say (units,) and
    its offset; the chances from which a low is foretold, and below which that is over."""

    hidden: Floats
    hidden_bias: Floats
    weights: Floats
    bias: float
    raise_at: float
    clear_at: float


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
def network() -> Network:
    """The network in use."""
    s = settings()
    hidden, hidden_bias, weights = (np.array(s[name]) for name in ("hidden", "hidden_bias", "weights"))
    return Network(hidden, hidden_bias, weights, float(s["bias"]), float(s["raise_at"]), float(s["clear_at"]))


@cache
def rule() -> Rule:
    """What a finding of this detector names."""
    return Rule(id="glucose_forecast", version=load("detectors")["meta"]["version"], source=settings()["src"][0])


@cache
def rank() -> int:
    """Severity as an index into SEVERITIES."""
    return SEVERITIES.index(settings()["severity"])


def watch(states: npt.NDArray[np.void], row: Ints, at: Ints, value: Floats, by: Network | None = None) -> Changes:
    """Take one sample a row (each row at most once); `states` is updated in place.

    at (n,): event time, later than the row's last [us]; value (n,): mg/dL; by: another network than the one in use. A
    sensor that measures more often than every five minutes is looked at so often and no more.
    """
    by = by or network()
    taken = np.flatnonzero(at - states["at"][row] >= settings()["soonest_s"] * US_PER_S)
    old = states[row[taken]]
    new = _advanced(old, at[taken], value[taken])
    chance = np.where(new["run"] >= settings()["known_after"], chance_of(new, by), 0.0)
    found = _judged(old, new, value[taken], chance, by)
    states[row[taken]] = new
    return Changes(taken[found.index], found.what, found.chance)


def _advanced(old: npt.NDArray[np.void], at: Ints, y: Floats) -> npt.NDArray[np.void]:
    """The states after the samples."""
    s, new = settings(), old.copy()
    steps = (at - old["at"]) / (s["step_s"] * US_PER_S)
    fresh = (old["at"] == 0) | (steps > s["gap_s"] / s["step_s"])
    new["past"] = np.where(fresh[:, None], y[:, None], _moved(old["past"], np.where(fresh, 1.0, steps), y))
    since = np.where(old["at"] == 0, 0.0, steps)
    _figures(new, old, since, y, fresh)
    _fade(new, old, since * s["step_s"] / 3600, y)
    new["at"], new["n"] = at, np.minimum(old["n"] + 1, MOST_COUNTED)
    new["run"] = np.where(fresh, 1, np.minimum(old["run"] + 1, MOST_COUNTED))
    new["open"] = np.where(fresh, 0, old["open"])
    return new


def _moved(past: Floats, steps: Floats, y: Floats) -> Floats:
    """The remembered samples with a new one in front, (n, KEPT): what is missing between lies on a straight line."""
    whole = np.maximum(np.rint(steps), 1).astype(np.int64)[:, None]
    back = np.arange(KEPT) - whole
    known = np.take_along_axis(past.astype(np.float64), np.clip(back, 0, KEPT - 1), axis=1)
    between = y[:, None] + (past[:, :1] - y[:, None]) * (np.arange(KEPT) / whole)
    return np.where(back >= 0, known, between)


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


def _fade(new: npt.NDArray[np.void], old: npt.NDArray[np.void], hours: Floats, y: Floats) -> None:
    """Running means of what is seen, each over its own time."""
    s, past = settings(), new["past"].astype(np.float64)
    turn = np.abs(past[:, 0] - 2 * past[:, 1] + past[:, 2])
    seen = {
        "slow": y, "brisk": y, "low_share": y < s["low"], "near_share": y < s["near"],
        "rough": np.minimum(turn, s["roughest"]),
    }  # fmt: skip
    for name, of in s["fading"].items():
        before = np.where(old["at"] == 0, of.get("start", y), old[name])
        new[name] = before + (1 - np.exp(-np.minimum(hours, 1) / of["hours"])) * (seen[name] - before)


def chance_of(states: npt.NDArray[np.void], by: Network | None = None) -> Floats:
    """The chance of a low, as these states know it, (n,)."""
    chance: Floats = 1 / (1 + np.exp(-log_odds(features(states), by or network())))
    return chance


def log_odds(given: Floats, by: Network) -> Floats:
    """What a network says of features (n, features), (n,)."""
    hidden = np.tanh(_weighed(given, by.hidden, by.hidden_bias))
    return _weighed(hidden, by.weights[:, None], np.array([by.bias]))[:, 0]


def _weighed(inputs: Floats, weights: Floats, offsets: Floats) -> Floats:
    """inputs (n, k) by weights (k, m), on top of offsets (m,): term after term. A product of matrices sums in an order
    that depends on how many rows there are, and a chance must not depend on who else is in a batch."""
    total: Floats = np.tile(offsets, (len(inputs), 1))
    for column, weight in zip(inputs.T, weights, strict=True):
        total += column[:, None] * weight
    return total


def features(new: npt.NDArray[np.void]) -> Floats:
    """What the network is given of these states, (n, features), in the order of `features` in the evidence."""
    s, past = settings(), new["past"].astype(np.float64)
    y, low = past[:, 0], s["low"]
    above, moves = (y - low) / 10, (past[:, :-1] - past[:, 1:]) / 5
    fall = np.maximum((past[:, 3] - y) / 3, 0.2)
    spread = np.sqrt(np.maximum(new["variance"].astype(np.float64), s["least_sd"] ** 2))
    rest = [
        np.log(y / low), np.maximum(y - 75, 0) / 5, np.maximum(y - 78, 0) / 10, np.maximum(y - 85, 0) / 10,
        np.maximum(y - 100, 0) / 10, moves[:, 0] * above, moves[:, :3].sum(axis=1) * above, (new["ceiling"] - y) / 30,
        (new["floor"] - low) / 10, (new["mean"] - 100) / 20, np.log(spread / 20), np.minimum((y - low) / fall, 60) / 10,
        np.log(new["low_share"] + 0.005), np.log(new["near_share"] + 0.01), np.log(new["rough"] + 0.5),
        (new["brisk"] - y) / 10, (new["slow"] - 100) / 20,
    ]  # fmt: skip
    given: Floats = np.clip(np.column_stack([moves, *rest]), -CLIP, CLIP)
    return given


def _leaps(new: npt.NDArray[np.void]) -> Bools:
    """Whether a step among the remembered samples is one that no body makes: a sensor was wrong on one side of it, and
    what it shows is no course that could be carried on."""
    most = load("vitals")["vitals"]["glucose"]["plausible"]["max_rate_per_min"] * settings()["step_s"] / 60
    leaps: Bools = np.any(np.abs(np.diff(new["past"].astype(np.float64), axis=1)) > most, axis=1)
    return leaps


def _judged(old: npt.NDArray[np.void], new: npt.NDArray[np.void], y: Floats, chance: Floats, by: Network) -> Changes:
    """Raise on a chance of `raise_at` above the limit, but not after a leap; clear after some samples in a row away
    from it, after a gap, or when the low has come and has lasted."""
    s = settings()
    was, still = old["open"] > 0, new["open"] > 0
    come = y < s["low"]
    ok_n = np.where(still & (come | (chance < by.clear_at)), new["ok_n"] + 1, 0)
    over = was & (~still | (ok_n >= np.where(come, s["come_samples"], s["clear_samples"])))
    raised = ~was & (chance >= by.raise_at) & ~come & ~_leaps(new)
    new["open"], new["ok_n"] = (still & ~over) | raised, np.where(over, 0, ok_n)
    off, on = np.flatnonzero(over), np.flatnonzero(raised)
    what = np.concatenate([np.full(len(off), CLEAR), np.full(len(on), RAISE)])
    index = np.concatenate([off, on])
    return Changes(index, what, chance[index])
