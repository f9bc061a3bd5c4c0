"""Change index: several vitals that all move a little in the direction of getting worse.

The weeks of a patient's vitals (`models.detectors.drift`), each with the sign of getting worse, summed and divided by
the SD that such a sum has: what no vital says alone, several may say together. Settings, and what a distance without a
direction found at the same rate of false alerts, in `evidence/daily.yaml`.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from models import budget
from models.evidence import load
from models.findings import SEVERITIES, Rule
from models.phrases import phrase
from models.segments import Bools, Ints
from models.vitals import BY_NAME, VITALS

Floats = npt.NDArray[np.float64]

PROBLEM = "change_index"
TITLE = phrase("Several vitals together are getting worse for this patient")


@dataclass(frozen=True, slots=True)
class Settings:
    """As in the evidence. worse (V,): sign of getting worse, 0 of a vital that does not count."""

    worse: Floats
    correlation: float
    h: float
    per_drift: float
    fresh_days: int
    contributes: float
    least_vitals: int
    clear: float
    rank: int
    rule: Rule


@dataclass(frozen=True, slots=True)
class Index:
    """Of each patient (n,): value [SD]; part (n, V): what each vital brings, in the direction of getting worse."""

    value: Floats
    part: Floats


@cache
def settings() -> Settings:
    """The settings in use."""
    document = load("daily")
    s, worse = document["change_index"], np.zeros(len(VITALS))
    for name, sign in s["worse"].items():
        worse[BY_NAME[name].index] = sign
    return Settings(
        worse, s["correlation"], s["h"], s["per_drift"], s["fresh_days"], s["contributes"], s["least_vitals"],
        s["clear"], SEVERITIES.index(s["severity"]),
        Rule(id="change_index", version=document["meta"]["version"], source="DESIGN"),
    )  # fmt: skip


def index(week: Floats, there: Bools) -> Index:
    """The index of patients (n,). week (n, V): what each vital's week says [SD]; there (n, V): it is fresh."""
    s = settings()
    counts = there & (s.worse != 0)
    part = np.where(counts, week * s.worse, 0.0)
    m, total = counts.sum(axis=1).astype(np.float64), np.zeros(len(week))
    for v in range(part.shape[1]):  # one by one: the same bits for any number of patients
        total += part[:, v]
    return Index(total / np.sqrt(np.maximum(m + s.correlation * m * (m - 1), 1.0)), part)


def enough(found: Index) -> Bools:
    """Whether it is several vitals that bring it, (n,)."""
    s = settings()
    several: Bools = (found.part >= s.contributes).sum(axis=1) >= s.least_vitals
    return several


def as_drift(value: Floats) -> Floats:
    """Indices as drifts that are as rare, (n,) [SD]: so that what a patient's limit is raised by holds for both."""
    s = settings()
    rare: Floats = budget.of_ten() + (value - s.h) / s.per_drift
    return rare


def judge(is_open: Bools, found: Index) -> tuple[Bools, Bools]:
    """Whether the problem of each patient (n,) ends, and begins. is_open (n,): there is one. Whether it is told,
    `models.budget` says."""
    s = settings()
    raised = ~is_open & (found.value >= s.h) & enough(found)
    over = is_open & (found.value <= s.clear)
    return over, raised


def contributors(part: Floats) -> Ints:
    """The vitals that bring something, by how much, the first one most; part (V,)."""
    order = np.argsort(-part, kind="stable")
    return order[part[order] >= settings().contributes]
