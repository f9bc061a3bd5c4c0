"""Drift: a vital that stays a little away from the patient's own level, day after day.

A two-sided CUSUM (Page 1954) of whitened daily residuals. It adds up what each day lies beyond an allowance, so that
several days of 2 SD weigh as much as one that nobody can believe; a single day counts for three SD at most. How high
the sum must come is the patient's own (`models.budget`). Settings in `evidence/daily.yaml`.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.findings import SEVERITIES, Rule
from models.segments import Bools, Ints

Floats = npt.NDArray[np.float64]

STATE = np.dtype(
    [
        ("up", "f4"),
        ("down", "f4"),
        ("up_since", "i4"),
        ("down_since", "i4"),
        ("open", "i1"),
        ("ok_n", "u1"),
        ("told", "u1"),
    ]
)
"""up, down: sums of the two sides, not negative [SD]; *_since: the day on which each left zero; open: sign of the open
problem (0 none); ok_n: days in a row well inside; told: what is not told to anybody has been recorded of this run."""


@dataclass(frozen=True, slots=True)
class Settings:
    """allowance, clip, clear_z [SD]; clear_days."""

    allowance: float
    clip: float
    clear_z: float
    clear_days: int
    rank: int
    rule: Rule


@dataclass(frozen=True, slots=True)
class Changes:
    """By row (n,): over: sign of the problem that is over (0 none); raised: sign of the one that begins; withheld: sign
    of one that the usual limit would have begun and the patient's own does not."""

    over: Ints
    raised: Ints
    withheld: Ints


@cache
def settings() -> Settings:
    """The settings in use."""
    document = load("daily")
    s = document["drift"]
    rule = Rule(id="drift", version=document["meta"]["version"], source=s["src"][0])
    return Settings(
        s["allowance"],
        s["clip"],
        s["clear_z"],
        s["clear_days"],
        SEVERITIES.index(s["severity"]),
        rule,
    )


def add(chart: npt.NDArray[np.void], e: Floats, day: Ints) -> None:
    """Add a day to the sums. chart (n,) is updated in place; e (n,): whitened residuals [SD]; day (n,): its number."""
    s = settings()
    step = np.clip(e, -s.clip, s.clip)
    for name, sign in (("up", 1.0), ("down", -1.0)):
        before = chart[name].astype(np.float64)
        after = np.maximum(0.0, before + sign * step - s.allowance)
        chart[f"{name}_since"] = np.where(after > 0, np.where(before > 0, chart[f"{name}_since"], day), 0)
        chart[name] = after
    chart["told"] = np.where((chart["up"] == 0) & (chart["down"] == 0), 0, chart["told"])


def largest(chart: npt.NDArray[np.void]) -> Floats:
    """The larger sum of each row, (n,) [SD]; of a row with an open problem nothing, it has been told."""
    sums = np.maximum(chart["up"], chart["down"]).astype(np.float64)
    return np.where(chart["open"] == 0, sums, 0.0)


def judge(chart: npt.NDArray[np.void], z: Floats, limit: Floats, usual: Floats) -> Changes:
    """Open and close problems after a day was added; `chart` (n,) is updated in place.

    z (n,): the day against the level [SD]; limit (n,): the sum that opens; usual (n,): as it would be for anybody.
    """
    s = settings()
    was = chart["open"].astype(np.int64)
    inside = (was != 0) & (z * was <= s.clear_z)
    ok_n = np.where(inside, np.minimum(chart["ok_n"].astype(np.int64) + 1, 255), 0)
    over = np.where(ok_n >= s.clear_days, was, 0)
    sign = np.where(chart["up"] >= chart["down"], 1, -1)
    size = np.where(was == 0, np.maximum(chart["up"], chart["down"]).astype(np.float64), 0.0)
    raised = np.where((size >= limit) & (size > 0), sign, 0)
    near = (size >= usual) & (raised == 0) & (chart["told"] == 0) & (size > 0)
    chart["open"] = np.where(over != 0, 0, np.where(raised != 0, raised, was))
    chart["ok_n"] = np.where(over != 0, 0, ok_n)
    chart["told"] = np.where(near | (raised != 0), 1, chart["told"])
    clear(chart, over != 0)
    return Changes(over, raised, np.where(near, sign, 0))


def clear(chart: npt.NDArray[np.void], which: Bools) -> None:
    """Begin the sums anew."""
    for name in ("up", "down", "up_since", "down_since", "told"):
        chart[name] = np.where(which, 0, chart[name])


def calm(chart: npt.NDArray[np.void]) -> Bools:
    """Rows (n,) in which nothing is suspicious: both sums are zero and nothing is open."""
    quiet: Bools = (chart["up"] == 0) & (chart["down"] == 0) & (chart["open"] == 0)
    return quiet


def since(chart: npt.NDArray[np.void], sign: Ints) -> Ints:
    """The day on which the run of that side began, (n,)."""
    return np.where(sign > 0, chart["up_since"], chart["down_since"]).astype(np.int64)
