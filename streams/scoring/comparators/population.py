"""The same limits for everyone, on every single reading at rest.

Source: signs that score two or three in NEWS2 (Royal College of Physicians 2017), crisis blood pressure (ACC/AHA),
glucose outside 70 to 250 mg/dL (ADA).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.evidence import load
from models.prior import prior
from models.times import US_PER_S
from models.vitals import BY_NAME
from streams.scoring.comparators.rule import Call, joined
from streams.scoring.comparators.series import Series, level, on_scale


@dataclass(frozen=True)
class Population:
    """`limit`: how far out the limits lie, as a share of their distance from the population's mean."""

    name: str = "population limits"
    limit: float = 1.0
    limits: Sequence[float] = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0)
    source: str = "RCP 2017 (NEWS2), ACC/AHA 2017, ADA"

    def calls(self, series: Series, limit: float) -> list[Call]:
        known, found = load("comparators")["population"], []
        apart_us = int(known["again_h"] * 3600 * US_PER_S)
        for name, sides in known["limits"].items():
            vital = BY_NAME[name].index
            if vital in series.taken:
                taken = series.taken[vital]
                value = on_scale(taken.value, vital)
                for side in sides.keys() & {"low", "high"}:
                    edge = _moved(vital, sides[side], limit)
                    beyond = (value <= edge if side == "low" else value >= edge) & taken.still
                    found += [Call(at, f"{name}.{side}") for at in joined(beyond, taken.at, apart_us)]
        return found


def _moved(vital: int, edge: float, share: float) -> float:
    """The limit on the working scale, at that share of its distance from the population's mean."""
    mean, out = prior().mean[vital], level(vital, edge)
    return float(out if share == 1 or np.isnan(mean) else mean + share * (out - mean))
