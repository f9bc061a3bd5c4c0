"""Robust z: the day against the trailing median and MAD of the patient's own days.

Source: evidence/methods.md, first row. For the resting heart rate: 28 days, yesterday left out, at least ten days,
MAD not under 1 /min.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.prior import prior
from models.vitals import BY_NAME, VITALS
from streams.scoring.comparators.rule import Call, joined
from streams.scoring.comparators.series import Daily, Series

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RobustZ:
    """An alert from `limit` SD, `days` days running."""

    name: str
    days: int
    limit: float
    limits: Sequence[float] = (1.5, 1.75, 2, 2.25, 2.5, 2.75, 3, 3.5, 4, 4.5, 5, 6, 8)
    source: str = "evidence/methods.md, robust median / MAD"

    def calls(self, series: Series, limit: float) -> list[Call]:
        found = []
        for vital, side, daily, z in scored(series):
            hot = np.nan_to_num(z, nan=-np.inf) > limit
            fires = hot.copy()
            for back in range(1, self.days):
                fires[back:] &= hot[:-back]
                fires[:back] = False
            found += [Call(at, f"{VITALS[vital].name}.{side}") for at in joined(fires, daily.known_at)]
        return found


def scored(series: Series) -> list[tuple[int, str, Daily, Floats]]:
    """Every vital and side that is judged: vital, side, daily figures, z in the direction of the side."""
    if "robust_z" not in series.notes:
        found = []
        for name, sides in load("comparators")["sides"].items():
            daily = series.daily(BY_NAME[name].index)
            if daily is not None:
                z = robust_z(daily.value, prior().sd_meas[BY_NAME[name].index])
                found += [(BY_NAME[name].index, side, daily, z if side == "high" else -z) for side in sides]
        series.notes["robust_z"] = found
    known: list[tuple[int, str, Daily, Floats]] = series.notes["robust_z"]  # type: ignore[assignment]
    return known


def robust_z(value: Floats, mad_floor: float) -> Floats:
    """z of each day against the days before yesterday, (n,); NaN without a value or with too few days behind it.

    value: (n,) one a day, NaN where there is none; mad_floor: the least MAD.
    """
    known = load("comparators")["robust_z"]
    left_out, window = known["left_out_days"] + 1, known["window_days"]
    padded = np.concatenate([np.full(window + left_out - 1, np.nan), value[: len(value) - left_out + 1]])
    before = np.lib.stride_tricks.sliding_window_view(padded, window)[: len(value)]
    centre, enough = _median(before), (~np.isnan(before)).sum(axis=1) >= known["days_min"]
    spread = known["mad_to_sd"] * np.maximum(_median(np.abs(before - centre[:, None])), mad_floor)
    return np.asarray(np.where(enough, (value - centre) / spread, np.nan))


def _median(rows: Floats) -> Floats:
    """Median of each row without its NaN; NaN of a row that has nothing else."""
    ordered, count = np.sort(rows, axis=1), (~np.isnan(rows)).sum(axis=1)
    at = np.arange(len(rows))
    low, high = ordered[at, np.maximum(count - 1, 0) // 2], ordered[at, np.minimum(count // 2, rows.shape[1] - 1)]
    return np.asarray(np.where(count > 0, (low + high) / 2, np.nan))
