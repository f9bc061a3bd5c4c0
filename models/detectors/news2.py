"""National Early Warning Score 2, with bounds when parts are missing.

A missing part is never taken for normal: the score lies between what the known parts add up to and that plus the most
the missing ones could add. Whoever alerts does so on the lower bound. Tables, rounding and validity come from
`evidence/news2.yaml` (RCP 2017). At home it is context for verified spot sets, not a trigger on streams.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.segments import Bools, Ints

Floats = npt.NDArray[np.float64]

PARTS = ("respiratory_rate", "spo2", "air_or_oxygen", "systolic_bp", "pulse", "consciousness", "temperature")
MOST = 3
"""Points of one parameter that ask for a look by themselves."""
RISKS = ("low", "low_medium", "medium", "high")
MEDIUM_FROM, HIGH_FROM = 5, 7


@dataclass(frozen=True, slots=True)
class Observations:
    """Sets of observations, (n,) each, NaN where missing: /min, %, mm[Hg], /min, Cel; consciousness 0..4 for A C V P U.

    on_oxygen: 1 on oxygen, 0 on air; scale2 (n,): a prescribed SpO2 target of 88-92 % is on record.
    """

    respiratory_rate: Floats
    spo2: Floats
    on_oxygen: Floats
    systolic_bp: Floats
    pulse: Floats
    consciousness: Floats
    temperature: Floats
    scale2: Bools


@dataclass(frozen=True, slots=True)
class Scores:
    """points (7, n): of each of PARTS, -1 where missing; lower, upper (n,): bounds of the total; red (n,): a known
    parameter scores 3; missing (n,): how many parts."""

    points: Ints
    lower: Ints
    upper: Ints
    red: Bools
    missing: Ints

    def risk(self) -> Ints:
        """Index into RISKS, by the lower bound, (n,)."""
        low = np.where(self.red, 1, 0)
        return np.where(self.lower >= HIGH_FROM, 3, np.where(self.lower >= MEDIUM_FROM, 2, low))


@dataclass(frozen=True, slots=True)
class _Table:
    """Points by band: value <= upper[i] scores points[i]; above the last one, points[-1]."""

    upper: Floats
    points: Ints

    def of(self, value: Floats) -> Ints:
        scored = self.points[np.searchsorted(self.upper, np.nan_to_num(value), side="left")]
        return np.where(np.isnan(value), -1, scored)


def score(seen: Observations) -> Scores:
    """The scores of n sets."""
    t = _tables()
    spo2 = _whole(seen.spo2)
    points = np.stack(
        [
            t["respiratory_rate"].of(_whole(seen.respiratory_rate)),
            np.where(seen.scale2, _scale2(t, spo2, seen.on_oxygen), t["spo2_scale1"].of(spo2)),
            np.where(np.isnan(seen.on_oxygen), -1, np.where(seen.on_oxygen > 0, _oxygen_points(), 0)),
            t["systolic_bp"].of(_whole(seen.systolic_bp)),
            t["pulse"].of(_whole(seen.pulse)),
            np.where(np.isnan(seen.consciousness), -1, np.where(seen.consciousness > 0, MOST, 0)),
            t["temperature"].of(_tenths(seen.temperature)),
        ]
    )
    known = points >= 0
    lower = np.where(known, points, 0).sum(axis=0)
    upper = lower + np.where(known, 0, _most(t)[:, None]).sum(axis=0)
    return Scores(points, lower, upper, (points == MOST).any(axis=0), (~known).sum(axis=0))


def _scale2(t: dict[str, _Table], spo2: Floats, on_oxygen: Floats) -> Ints:
    """Above 92 % scale 2 asks whether oxygen is given: not known is missing there."""
    on_air, on_gas = t["spo2_scale2_air"].of(spo2), t["spo2_scale2_oxygen"].of(spo2)
    either = np.where(on_air == on_gas, on_air, -1)
    return np.where(np.isnan(on_oxygen), either, np.where(on_oxygen > 0, on_gas, on_air))


def _whole(value: Floats) -> Floats:
    """Half up, to a whole number (news2.yaml, rounding)."""
    rounded: Floats = np.floor(value + 0.5)
    return rounded


def _tenths(value: Floats) -> Floats:
    """Half up, to one decimal: 38.05 is 38.1. The nudge undoes that 38.05 has no exact binary form."""
    rounded: Floats = np.floor(value * 10 + 0.5 + 1e-9) / 10
    return rounded


@cache
def _tables() -> dict[str, _Table]:
    tables = load("news2")["tables"]
    plain = {name: _table(tables[name]["bands"]) for name in tables if "bands" in tables[name]}
    both = tables["spo2_scale2"]
    scale2 = {
        "spo2_scale2_air": _table(both["bands_any"] + both["bands_on_air"]),
        "spo2_scale2_oxygen": _table(both["bands_any"] + both["bands_on_oxygen"]),
    }
    return plain | scale2


def _table(bands: list[dict[str, Any]]) -> _Table:
    upper = [band["hi"] for band in bands if band["hi"] is not None]
    return _Table(np.array(upper, float), np.array([band["score"] for band in bands]))


def _oxygen_points() -> int:
    points: int = load("news2")["tables"]["air_or_oxygen"]["oxygen"]
    return points


def _most(t: dict[str, _Table]) -> Ints:
    """The most that each part can score, (7,)."""
    by_part = {"spo2": t["spo2_scale1"].points.max(), "air_or_oxygen": _oxygen_points(), "consciousness": MOST}
    return np.array([by_part.get(part, t[part].points.max() if part in t else 0) for part in PARTS])


@cache
def validity_us() -> dict[str, int]:
    """How long each part counts as present [us]."""
    return {part: minutes * 60_000_000 for part, minutes in load("news2")["meta"]["validity_windows_min"].items()}
