"""NightSignal: two nights running well above the median of all nights so far.

Source: Alavi et al. 2022 (doi 10.1038/s41591-021-01593-2) and its public code. A night is the mean heart rate at rest
from midnight to seven, cut to a whole number; the median, cut too, is that of all nights so far with this one. One
missing night between two known ones is the mean of its neighbours: what it says is known the morning after.
"""

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.evidence import load
from streams.scoring.comparators.rule import Call, joined
from streams.scoring.comparators.series import RESTING, Series

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NightSignal:
    """The red alert: from `limit` beats a minute above the median."""

    name: str = "nightsignal"
    limit: float = 4.0
    limits: Sequence[float] = (2, 3, 4, 5, 6, 7, 8, 10, 12)
    source: str = "Alavi et al. 2022, doi 10.1038/s41591-021-01593-2"

    def calls(self, series: Series, limit: float) -> list[Call]:
        nights = series.daily(RESTING)
        if nights is None:
            return []
        excess = above_median(nights.value)
        fires = two_nights(excess, limit)
        known_at = nights.known_at.copy()
        missing = np.flatnonzero(known_at == 0)
        known_at[missing] = known_at[np.minimum(missing + 1, len(known_at) - 1)]
        return [Call(at, "resting_heart_rate.high") for at in joined(fires, known_at)]


def above_median(nights: Floats) -> Floats:
    """How far each night lies above the median of the nights so far, (n,) [/min], NaN where it is not known.

    nights: (n,) means, NaN where missing.
    """
    whole = np.trunc(nights)
    lone = np.isnan(whole[1:-1]) & ~np.isnan(whole[:-2]) & ~np.isnan(whole[2:])
    filled = whole.copy()
    filled[1:-1][lone] = np.trunc((whole[:-2] + whole[2:])[lone] / 2)
    ordered: list[float] = []
    out = np.full(len(nights), np.nan)
    for night, value in enumerate(filled.tolist()):
        if value == value:
            insort(ordered, value)
            middle = len(ordered) // 2
            median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
            out[night] = value - np.trunc(median)
    return out


def two_nights(excess: Floats, limit: float) -> npt.NDArray[np.bool_]:
    """The nights that are the last of so many running at or above the limit."""
    hot = np.nan_to_num(excess, nan=-np.inf) >= limit
    fires = hot.copy()
    for back in range(1, load("comparators")["nightsignal"]["nights"]):
        fires[back:] &= hot[:-back]
        fires[:back] = False
    return fires
