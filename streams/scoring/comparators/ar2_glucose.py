"""Glucose forecast by two autoregressive terms with the same constants for everybody.

Source: the forecast of the Nightscout project (plugin ar2, cgm-remote-monitor): y is the logarithm of glucose over
140 mg/dL, y[t+1] = -0.723 y[t-1] + 1.716 y[t] in steps of five minutes; without a reading five minutes before, the last
one stands for both. The alert is ours: a forecast below the limit within half an hour, while glucose is still above.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.segments import Ints
from models.times import US_PER_S
from models.vitals import BY_NAME
from streams.scoring.comparators.rule import Call, joined
from streams.scoring.comparators.series import Series

Floats = npt.NDArray[np.float64]
GLUCOSE = BY_NAME["glucose"].index
MINUTE_US = 60 * US_PER_S


@dataclass(frozen=True)
class Ar2Glucose:
    """An alert when the forecast falls below `limit` [mg/dL]."""

    name: str = "ar2 glucose"
    limit: float = 70.0
    limits: Sequence[float] = (90, 85, 80, 75, 70, 65, 60, 55, 50, 45, 40)
    source: str = "Nightscout cgm-remote-monitor, plugin ar2"

    def calls(self, series: Series, limit: float) -> list[Call]:
        if GLUCOSE not in series.taken:
            return []
        known, taken = load("comparators")["ar2"], series.taken[GLUCOSE]
        ahead = forecast(taken.at, taken.value).min(axis=1)
        fires = (ahead < limit) & (taken.value >= known["limit"])
        return [Call(at, "glucose.low") for at in joined(fires, taken.at, int(known["again_min"] * MINUTE_US))]


def forecast(at: Ints, value: Floats) -> Floats:
    """Forecasts of the next half hour at each reading, (n, steps) [mg/dL]. at [us], value [mg/dL]: (n,)."""
    known = load("comparators")["ar2"]
    older, newer = known["constants"]
    now = np.log(value / known["reference"])
    fresh = np.concatenate([[False], np.diff(at) < known["fresh_min"] * MINUTE_US])
    before = np.where(fresh, np.concatenate([now[:1], now[:-1]]), now)
    out = np.empty((len(value), known["steps"]))
    for step in range(known["steps"]):
        before, now = now, older * before + newer * now
        out[:, step] = np.clip(known["reference"] * np.exp(now), *known["range"])
    return out
