"""Alert budget of acute deviations: how far away the windows of a vital must lie before people are told.

From `z_on` on a deviation stands, is on the record and teaches nothing; whether people are told depends on a limit that
lies higher. For anybody it lies where simulation finds as many false alerts as the budget allows. But some people's
windows lie further away two at a time, with nothing wrong: what is odd one night is odd the next. How far, is learned
from the patient's own windows, vital by vital, and the limit of who has wider pairs lies higher in proportion, never
below the one for anybody, and never above `z_urgent`: what is urgent is told, and so is what goes on. On the side on
which a vital seldom means harm it lies further away. Of streams a window is a quarter of an hour, and its like the next
one: they are told from further away, or after hours, and learned from as slowly as the hours say something new.
Settings in `evidence/detectors.yaml`.
"""

from dataclasses import dataclass
from functools import cache
from math import inf, log

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.segments import Bools, Ints
from models.vitals import VITALS

Floats = npt.NDArray[np.float64]
STEP = 1 / 32
"""The last window is kept in steps of this [SD], in eight bits: what lies beyond 4 SD counts as 4."""


@dataclass(frozen=True, slots=True)
class Settings:
    """By line (V + 1,), the last one `baseline.SPARSE`: z_on, z_urgent; told_from: the limit for anybody [SD], at
    `per_month`; pair: mean square of anybody's pairs; looks: windows that say as much as one look; kept: it has a
    limit. slope: how steeply the logarithm of false alerts falls [1/SD]; clip, spare, prior, memory, highest: of the
    patient's own part, prior and memory in looks; milder_sd: see `further`; milder (V,): the sign of the side on
    which a vital seldom means harm (0: of neither)."""

    z_on: Floats
    z_urgent: Floats
    told_from: Floats
    pair: Floats
    looks: Ints
    kept: Bools
    milder: Ints
    per_month: float
    slope: float
    clip: float
    spare: float
    prior: float
    memory: float
    highest: float
    milder_sd: float


@cache
def settings() -> Settings:
    """The settings in use."""
    document = load("detectors")
    classes, b = document["classes"], document["budget"]
    group = {name: g for g in classes.values() for name in g["vitals"]}
    lines = [group.get(vital.name, classes["dense"]) for vital in VITALS] + [classes["session"]]
    z_on, z_urgent = (np.array([g[name] for g in lines], float) for name in ("z_on", "z_urgent"))
    told = [g.get("told", {"from": g["z_on"], "pair": 1.0}) for g in lines]
    told_from, pair = (np.array([t[name] for t in told], float) for name in ("from", "pair"))
    milder = np.array([load("daily")["drift"]["milder"].get(vital.name, 0) for vital in VITALS])
    figures = (b[n] for n in ("per_month", "slope", "clip", "spare", "prior", "memory", "highest", "milder_sd"))
    looks, kept = np.array([g["learn_from"] for g in lines]), np.array(["told" in g for g in lines])
    return Settings(z_on, z_urgent, told_from, pair, looks, kept, milder, *figures)


def further(vital: Ints, z: Floats) -> Floats:
    """How much further away windows must lie on the side on which they do, (n,) [SD]; vital, z (n,): of the windows."""
    s = settings()
    return np.where(s.milder[vital] * z > 0, s.milder_sd, 0.0)


def limits(wide: Floats, line: Ints, per_month: float, more: Floats | float = 0.0) -> Floats:
    """The patient's own limit, (n,) [SD]; wide (n,): how much wider the pairs are than anybody's, see `learned`.

    per_month: alerts a person-month from noise that the deployment allows; infinite: nothing is withheld; more (n,):
    see `further`."""
    s = settings()
    rarer = -inf if per_month == inf else log(s.per_month / per_month) / s.slope
    usual = np.maximum(s.told_from[line] + rarer, s.z_on[line])
    wider = np.clip(np.sqrt(np.maximum(1.0 + wide, 0.0)) - 1.0 - s.spare, 0.0, s.highest)
    own = np.where(rarer == -inf, s.z_on[line], np.minimum(usual * (1.0 + wider) + more, s.z_urgent[line]))
    return np.where(s.kept[line], own, s.z_on[line])


def learned(wide: Floats, last: Ints, z: Floats, line: Ints, n: Floats) -> Floats:
    """`wide` (n,) after windows with which nothing is wrong: mean square of what two windows in a row have on one
    side, as a share of anybody's, less one.

    last (n,): the window before, in STEPs; z (n,): this one [SD]; n (n,): windows learned from.
    """
    s, before = settings(), last * STEP
    both = np.where(before * z > 0, np.minimum(np.abs(before), np.abs(z)), 0.0)
    share = np.minimum(both, s.clip) ** 2 / s.pair[line]
    looks = s.looks[line]
    moved: Floats = wide + (share - 1.0 - wide) / (np.minimum(n, s.memory * looks) + s.prior * looks)
    return moved


def in_steps(z: Floats) -> Ints:
    """A window as it is kept, (n,)."""
    return np.clip(np.rint(z / STEP), -127, 127).astype(np.int64)
