"""Alert budget: everybody has the same small rate of false alerts from the personal detectors, whoever they are.

How high a chart must come to alert is the patient's own. It begins where simulation puts it for so many vitals, and is
moved by adaptive conformal inference (Gibbs and Candes 2021): up a step whenever a level that should be reached eight
times as often as an alert is reached, down a little on each day that it is not. That level is met often enough to learn
from within weeks; alerts are not. Floors and emergencies never come here. Settings in `evidence/daily.yaml`.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.segments import Bools

Floats = npt.NDArray[np.float64]

STATE = np.dtype([("shift", "f4"), ("vitals", "f4"), ("over", "u1")])
"""shift: of the patient's limit against anybody's [SD]; vitals: how many are judged on a day, smoothed; over: the level
that is learned from was reached on the day before."""
VITALS_MEMORY = 14.0
"""Days over which the number of vitals is smoothed: longer than a week, so that weekly weights count."""


@dataclass(frozen=True, slots=True)
class Settings:
    """per_day: alerts a day from noise; the others as in the evidence."""

    per_day: float
    at_least: float
    false_per_day: float
    slope: float
    near: float
    gain: float
    lowest: float
    highest: float


@cache
def settings() -> Settings:
    """The settings in use."""
    b = load("daily")["budget"]
    names = ("at_least", "false_per_day", "slope", "near", "gain", "lowest", "highest")
    return Settings(b["alerts_per_month"] / b["days_per_month"], *(b[name] for name in names))


def usual(state: npt.NDArray[np.void]) -> Floats:
    """The limit for anybody with so many vitals, (n,) [SD]: together they alert as often as the budget says."""
    s = settings()
    share = np.maximum(state["vitals"].astype(np.float64), 1.0) * s.false_per_day / s.per_day
    return s.at_least + np.log(share) / s.slope


def limits(state: npt.NDArray[np.void]) -> Floats:
    """The patient's own limit, (n,) [SD]."""
    own: Floats = usual(state) + state["shift"].astype(np.float64)
    return own


def meet(state: npt.NDArray[np.void], vitals: Floats) -> None:
    """Note how many vitals (n,) are judged today; `state` (n,) is updated in place."""
    before = state["vitals"].astype(np.float64)
    smooth = np.where(before == 0, vitals, before + (vitals - before) / VITALS_MEMORY)
    state["vitals"] = np.where(vitals > 0, smooth, before)


def learn(state: npt.NDArray[np.void], vitals: Floats, largest: Floats, counts: Bools) -> None:
    """Take a day that has been judged; `state` (n,) is updated in place.

    vitals (n,): judged on it; largest (n,): the largest sum of any chart; counts (n,): nothing is known to be wrong
    with the patient, so that what is reached is noise.
    """
    s = settings()
    reached = largest >= limits(state) - np.log(s.near) / s.slope
    met = reached & (state["over"] == 0)
    moved = state["shift"] + s.gain * (met - s.near * s.per_day)
    state["shift"] = np.where(counts & (vitals > 0), np.clip(moved, s.lowest, s.highest), state["shift"])
    state["over"] = np.where(vitals > 0, reached, state["over"])
