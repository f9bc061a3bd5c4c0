"""Rules of thumb for heart failure: so much weight gained in a day, in three days, in a week.

Source: AHA self-check (1.36 kg in a day, 2.27 kg in a week), ESC 2021 (more than 2 kg in three days); the figures are
those of conditions.yaml.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.evidence import load
from models.segments import Bools
from models.times import US_PER_S
from models.vitals import BY_NAME
from streams.scoring.comparators.rule import Call, joined
from streams.scoring.comparators.series import Series, Taken

WEIGHT = BY_NAME["body_weight"].index
SLACK_US = 6 * 3600 * US_PER_S
"""Nobody steps on the scale at the same minute every day: a day is up to six hours longer."""


@dataclass(frozen=True)
class WeightGain:
    """`limit`: how much must be gained, as a share of what the guidelines say. For everybody who weighs in."""

    name: str = "weight gain"
    limit: float = 1.0
    limits: Sequence[float] = (0.5, 0.6, 0.75, 0.9, 1.0, 1.25, 1.5, 2.0, 3.0)
    source: str = "AHA self-check, ESC 2021"

    def calls(self, series: Series, limit: float) -> list[Call]:
        if WEIGHT not in series.taken:
            return []
        taken = series.taken[WEIGHT]
        fires = np.zeros(len(taken.at), bool)
        for rule in rules():
            fires |= gained(taken, rule["value"] * limit, rule["window_h"], strict=rule["op"] == ">")
        return [Call(at, "body_weight.high") for at in joined(fires, taken.at)]


def rules() -> list[dict[str, Any]]:
    """The weight-gain rules of conditions.yaml."""
    known = load("comparators")["weight"]["rules"]
    entry = next(one for one in load("conditions")["conditions"] if one["id"] == known["condition"])
    return [
        row
        for row in entry["alerts"]
        if row.get("vital") == "body_weight" and row["kind"] == known["kind"] and row["op"] in known["op"]
    ]


def gained(taken: Taken, kg: float, window_h: float, *, strict: bool) -> Bools:
    """Whether each weight lies so much above any of the window before it, (n,)."""
    window_us = int(window_h * 3600 * US_PER_S) + SLACK_US
    first = np.searchsorted(taken.at, taken.at - window_us)
    gain = np.array([taken.value[i] - taken.value[a : i + 1].min() for i, a in enumerate(first.tolist())])
    return np.asarray(gain > kg + 1e-9 if strict else gain >= kg - 1e-9, bool)
