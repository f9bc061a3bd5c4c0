"""Alert budget: everybody has the same small rate of false alerts from slow changes, whoever they are.

How far away a week must lie before people are told is the patient's own. For anybody with so many vitals it lies where
simulation finds as many false alerts as the budget allows: who is watched by one vital is told of less than who is
watched by ten, and as often. But some people's weeks lie further from their level than others', with nothing wrong:
their vitals wander, or go with the weekend; others are steadier. How far, is learned from all vitals on all days
(alerts are too rare to learn from within weeks). In proportion, the limit of who has wider weeks lies higher, so that
nobody is told of their noise, and of who has narrower ones lower, so that people are told as early as it allows.

What lasts is told: a change that still stands `lasts_days` after it was withheld is told wherever the limit lies. And
while a drift stands that is not slight, told or not, its vital teaches nothing here either: an illness must not become
what the patient is not told of. Floors and emergencies never come here; what is acute has a part of its own
(`budget_acute`). Settings in `evidence/daily.yaml`.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.segments import Bools, Ints

Floats = npt.NDArray[np.float64]

WAIT = np.dtype([("since", "u2"), ("gone", "u2"), ("noted", "u2"), ("sign", "i1"), ("told", "i1")])
"""One change: since: local day (from 1970) on which it came up (0: there is none); gone: on which it went away untold
(0: it stands); noted: day on which anybody else would have been told and this patient's limit withheld it (0: never);
sign: of its side; told: the sign that people know of (0: none)."""
STATE = np.dtype(
    [
        ("wide", "f4"),
        ("vitals", "f4"),
        ("total", "f4"),
        ("day", "u2"),
        ("learned", "u2"),
        ("count", "u1"),
        ("seen", "u1"),
        ("together", WAIT),
    ]
)
"""wide: mean square of how far this patient's weeks lie away, less the one of anybody; learned: weeks it was learned
from; vitals: how many are measured; day: local day (from 1970) that is gathered; of it: total, count: squares and how
many, seen: the most vitals of which a week is known; together: the change of several vitals."""
MEASURED_DAYS = 14
"""Days after which a vital that is measured no more does not count: longer than a week, so that weekly weights do."""
MONTH_DAYS = 30.0
MOST_SEEN, MOST_LEARNED = 255, 65_535
"""What is counted no further: more weeks in a day than there are vitals, and many more weeks than are remembered."""


@dataclass(frozen=True, slots=True)
class Settings:
    """As in the evidence. share: of the budget, for slow changes; told_from [SD]: how far away weeks must lie, by how
    many vitals are measured; false_per_day, slope: how often those of ten do by noise, and how steeply the logarithm of
    that falls; clip, spare, least_vitals, prior_weeks, memory_weeks, highest: of the patient's own part; lasts_days,
    returns_days: when what is withheld is told."""

    share: float
    told_from: dict[int, float]
    false_per_day: float
    slope: float
    clip: float
    spare: float
    least_vitals: int
    prior_weeks: float
    memory_weeks: float
    highest: float
    lowest: float
    lasts_days: int
    returns_days: int


@cache
def settings() -> Settings:
    """The settings in use."""
    b = load("daily")["budget"]
    return Settings(*(b[name] for name in Settings.__slots__))


def usual(state: npt.NDArray[np.void], per_month: float) -> Floats:
    """The limit for anybody with so many vitals, (n,) [SD]: together they alert as often as the budget says.

    per_month: alerts a person-month from noise that the deployment allows; more than what `told_from` brings is not
    made use of."""
    s = settings()
    scarce = max(s.false_per_day / (s.share * per_month / MONTH_DAYS), 1.0)
    limit: Floats = anybodys(state["vitals"]) + np.log(scarce) / s.slope
    return limit


def anybodys(vitals: npt.NDArray[np.number]) -> Floats:
    """The limit for anybody with so many vitals, (n,) [SD], where the budget is not scarce; the highest there is where
    it is not known how many there are (0). vitals (n,): how many are measured."""
    told_from = settings().told_from
    known = np.where(vitals > 0, vitals, max(told_from)).astype(np.float64)
    limit: Floats = np.interp(np.log(known), np.log(list(told_from)), list(told_from.values()))
    return limit


def of_ten() -> float:
    """The limit for anybody with ten vitals or more [SD], where the budget is not scarce."""
    return max(settings().told_from.values())


def limits(state: npt.NDArray[np.void], per_month: float) -> Floats:
    """The patient's own limit, (n,) [SD]: above anybody's for who has wider weeks, below for who has narrower ones.

    Of one or two vitals it is never below: what was learned of more does not say how steady those are that are left."""
    s = settings()
    wider = np.sqrt(np.maximum(1.0 + state["wide"].astype(np.float64), 0.0)) - 1.0
    beyond = np.sign(wider) * np.maximum(np.abs(wider) - s.spare, 0.0)
    beyond = np.where(state["vitals"] >= s.least_vitals, beyond, np.maximum(beyond, 0.0))
    own: Floats = usual(state, per_month) + np.clip(of_ten() * beyond, -s.lowest, s.highest)
    return own


def look(state: npt.NDArray[np.void], day: Ints, seen: Ints, measured: Ints) -> None:
    """Weeks are about to be judged; `state` (n,) is updated in place. A day is learned from when the next one begins.

    day (n,): local day, from 1970; seen (n,): vitals of which a week is known; measured (n,): vitals with a figure in
    the last MEASURED_DAYS, known or not: the first that is known is not the only one.
    """
    new = day > state["day"].astype(np.int64)
    _settle(state, new & (state["seen"] >= settings().least_vitals))
    for name in ("total", "count", "seen"):
        state[name] = np.where(new, 0, state[name])
    state["day"] = np.where(new, day, state["day"])
    state["seen"] = np.maximum(state["seen"], np.minimum(seen, MOST_SEEN))
    state["vitals"] = measured


def learn(state: npt.NDArray[np.void], of: Ints, away: Floats) -> None:
    """Take weeks of vitals with which nothing is wrong; `state` (n,) is updated in place. of (m,): whose they are;
    away (m,): how far away they lie [SD]."""
    square = np.minimum(away**2, settings().clip ** 2)
    total, count = state["total"].astype(np.float64), state["count"].astype(np.int64)
    np.add.at(total, of, square)
    np.add.at(count, of, 1)
    state["total"], state["count"] = total, np.minimum(count, MOST_SEEN)


def _settle(state: npt.NDArray[np.void], which: Bools) -> None:
    """The day that was gathered is over: its squares join those of before."""
    s, count = settings(), state["count"].astype(np.float64)
    learned = np.minimum(state["learned"] + count, MOST_LEARNED)
    more = state["total"] - count * (1.0 + state["wide"].astype(np.float64))
    wide = state["wide"] + more / (np.minimum(learned, s.memory_weeks) + s.prior_weeks)
    state["wide"] = np.where(which, wide, state["wide"])
    state["learned"] = np.where(which, learned, state["learned"])


@dataclass(frozen=True, slots=True)
class Told:
    """Of changes (n,): over: the sign of one that people know of, and that is over (0: none); sign: of the one there
    is; tells, lasts: it is to be told, and because it has lasted; notes: anybody else would be told, and this
    patient's limit withholds it."""

    over: Ints
    sign: Ints
    tells: Bools
    lasts: Bools
    notes: Bools


def judge(
    wait: npt.NDArray[np.void], day: Ints, over: Ints, raised: Ints, away: Floats, own: Floats, usual: Floats,
    lasts: Ints | None = None,
) -> Told:  # fmt: skip
    """Which changes are told today; `wait` (n,), dtype WAIT, is updated in place.

    day (n,): from 1970; over, raised (n,): sign of the change that goes away and of the one that comes up (0: none);
    away (n,): how far away it is today [SD], with its sign; own, usual (n,): limits of the patient and of anybody;
    lasts (n,): days after which what is withheld and still stands is told (None: `lasts_days`).
    """
    after = settings().lasts_days if lasts is None else lasts
    ended = _end(wait, day, over)
    _begin(wait, day, raised)
    size, untold = np.abs(away) * (np.sign(away) == wait["sign"]), standing(wait) & (wait["told"] == 0)
    reaches, noted = size >= own, wait["noted"].astype(np.int64)
    tells = untold & (reaches | ((noted > 0) & (day - noted >= after)))
    notes = untold & ~tells & (size >= usual) & (noted == 0)
    wait["told"] = np.where(tells, wait["sign"], wait["told"])
    wait["noted"] = np.where(notes, day, wait["noted"])
    return Told(ended, wait["sign"].astype(np.int64), tells, tells & ~reaches, notes)


def _end(wait: npt.NDArray[np.void], day: Ints, over: Ints) -> Ints:
    """Changes go away: the sign of each that people know of. What was withheld may be back, and is remembered."""
    told = wait["told"].astype(np.int64)
    ends = (over != 0) & standing(wait)
    gone = ends & (told == 0)
    wait["gone"] = np.where(gone, day, wait["gone"])
    for name in ("told", "since"):
        wait[name] = np.where(ends & ~gone, 0, wait[name])
    return np.where(ends, told, 0)


def _begin(wait: npt.NDArray[np.void], day: Ints, raised: Ints) -> None:
    """Changes come up: new ones, or those that had gone away only a few days ago."""
    begins, gone = raised != 0, wait["gone"].astype(np.int64)
    back = (wait["since"] > 0) & (wait["sign"] == raised) & (day - gone <= settings().returns_days)
    for name in ("noted", "told"):
        wait[name] = np.where(begins & ~back, 0, wait[name])
    wait["since"] = np.where(begins & ~back, day, wait["since"])
    wait["sign"], wait["gone"] = np.where(begins, raised, wait["sign"]), np.where(begins, 0, wait["gone"])


def standing(wait: npt.NDArray[np.void]) -> Bools:
    """Which changes stand, told or not, (n,)."""
    stands: Bools = (wait["since"] > 0) & (wait["gone"] == 0)
    return stands
