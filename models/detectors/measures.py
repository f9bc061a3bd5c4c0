"""What the rules of conditions measure over days, as of the end of the last day given. NaN: too little is known.

The words of rules.yaml (`swing`, `below`, `cv`, `of_path`, `again`, `score`, `together`, `ratio`) say which is which.
"""

from collections.abc import Mapping, Sequence
from math import nan, sqrt
from statistics import fmean, median, stdev

from models.detectors.days import Day, Spread
from models.prior import from_scale, prior, to_scale
from models.rules import Part
from models.vitals import VITALS

FIRST_DAYS = 2
"""The first days of a course, against which a later fall is held: after its day 0, whose morning was before it."""
LEAST_BEFORE = 7
"""Days from which a usual level is taken."""

Series = Mapping[int, Sequence[Day]]


def of_spread(spreads: Sequence[Spread], part: Part, today: int) -> float:
    """How much the windows of the last `days` differ: `swing`, mean of (high - low) / mean of each day with two windows
    or more, [1], of `least` such days; `below`, share of the windows under `limit`, and `cv`, SD over mean, [1], of
    `least` windows."""
    lately = [one for one in spreads if today - part.days < one.day <= today]
    if part.measure == "swing":
        both = [(one.high - one.low) / one.mean for one in lately if one.n > 1]
        return fmean(both) if len(both) >= part.least else nan
    n = sum(one.n for one in lately)
    if n < max(part.least, 2):
        return nan
    if part.measure == "below":
        return sum(one.below.get(part.limit, 0) for one in lately) / n
    mean = sum(one.n * one.mean for one in lately) / n
    squares = sum(one.squares + one.n * (one.mean - mean) ** 2 for one in lately)
    return sqrt(squares / (n - 1)) / mean


def of_path(days: Sequence[Day], paths: Mapping[int, float], usual: float, part: Part) -> bool:
    """Whether `k` of the last `n` days with a value are beyond a share of what the course leads one to expect.

    paths: by day, what the course adds; usual: the level when it began, NaN if unknown; both on the working scale.
    """
    scale = VITALS[part.vital].scale
    last = [day for day in days[-part.n :] if day.day > days[-1].day - 2 * part.n and day.day in paths]
    shares = [day.mean / from_scale(scale, usual + paths[day.day]) for day in last]
    return sum(share >= part.value if part.up else share <= part.value for share in shares) >= part.k


def again(days: Sequence[Day], since: int, part: Part) -> bool:
    """Whether what had fallen since the first days of a course has risen again on each of the last `n` days.

    since: the day on which the course began. Both steps are `value` SD of one person from day to day (vitals.yaml); the
    fallen level is the median of the `days` days before, of which at least `least` are known.
    """
    course = [day for day in days if day.day > since]
    first, last = course[:FIRST_DAYS], course[-part.n :]
    before = [day for day in course[FIRST_DAYS : -part.n] if day.day >= last[0].day - part.days]
    if len(before) < part.least or last[-1].day - last[0].day >= 2 * part.n:
        return False
    step, fallen = part.value * prior().sd_within[part.vital], median(day.mean for day in before)
    fell = fmean(day.mean for day in first) - fallen >= step
    return fell and all(day.mean - fallen >= step for day in last)


def score(series: Series, part: Part, today: int) -> bool:
    """Whether the mean of the vitals' z, each in the direction that is feared, is `value` or more on `k` of the last
    `n` days. z: of a day's difference from the own level, against those of the days before, at least `least`."""
    held = [_score(series, part, today - back) for back in range(part.n)]
    return sum(one >= part.value for one in held) >= part.k


def _score(series: Series, part: Part, day: int) -> float:
    found = []
    for vital, floor in zip((part.vital, *part.others), part.least_sd, strict=True):
        known = {one.day: one.delta for one in series.get(vital, ()) if one.deltas}
        before = [known[other] for other in known if other <= day - part.n]
        if day not in known or len(before) < part.least:
            return nan
        z = (known[day] - fmean(before)) / max(stdev(before), floor)
        found.append(z if (vital == part.vital) == part.up else -z)
    return fmean(found)


def together(series: Series, part: Part, today: int) -> bool:
    """Whether on `k` of the last `n` days the running mean (EWMA) of the vital, and that of any of the others the other
    way, were `value` of its own SD or more from the level of the days before those."""
    first = today - part.n + 1
    own = _moved(series.get(part.vital, ()), first, part.vital, part)
    others = [_moved(series.get(vital, ()), first, vital, part) for vital in part.others]
    sign = 1.0 if part.up else -1.0
    limit = part.value * sqrt(part.weight / (2 - part.weight))
    up = [day for day in own if sign * own[day] >= limit]
    return sum(any(-sign * other.get(day, nan) >= limit for other in others) for day in up) >= part.k


def _moved(days: Sequence[Day], first: int, vital: int, part: Part) -> dict[int, float]:
    """By day from `first`: EWMA of the distance from the median of the days before, in SD of one person between days.

    Lucas and Saccucci 1990; weight and limit from evidence/methods.md.
    """
    scale, before = VITALS[vital].scale, [day for day in days if day.day < first]
    if len(before) < part.least:
        return {}
    level, sd = median(to_scale(scale, day.mean) for day in before), prior().sd_within[vital]
    found, now = dict[int, float](), 0.0
    for day in days[len(before) :]:
        now += part.weight * ((to_scale(scale, day.mean) - level) / sd - now)
        found[day.day] = now
    return found


def latest(days: Sequence[Day], today: int) -> float:
    """The last value of a day, NaN where there is none."""
    return days[-1].last if days and days[-1].day == today else nan


FIGURES = ("slope", "mean", "delta_mean", "moved")
"""Measures that are a figure of the last days, not known where these are too few."""


def figure(part: Part, days: list[Day]) -> float:
    """Slope, mean or move over the last `days`; NaN where too little is known."""
    if part.measure == "moved":
        return _moved_lately(part, days)
    lately = [day for day in days if day.day > days[-1].day - part.days]
    if part.measure == "mean":
        n = sum(day.n for day in lately)
        enough = n >= part.least and len(lately) >= part.n
        return sum(day.n * day.mean for day in lately) / n if enough else nan
    if part.measure == "delta_mean":
        known = [day.delta for day in lately if day.deltas]
        return fmean(known) if len(known) >= part.least else nan
    if len(lately) < max(2, part.least):
        return nan
    x, y = fmean(day.day for day in lately), fmean(day.mean for day in lately)
    return sum((d.day - x) * (d.mean - y) for d in lately) / sum((d.day - x) ** 2 for d in lately)


def _moved_lately(part: Part, days: list[Day]) -> float:
    """Mean of the last readings, whole days of them, as few as hold `least`, less the median of the days before."""
    n, total = 0, 0.0
    for back, day in enumerate(reversed(days), start=1):
        n, total = n + day.n, total + day.n * day.mean
        if n >= part.least:
            before, recent = days[:-back], days[-1].day - day.day < part.days
            known = recent and len(before) >= LEAST_BEFORE
            return total / n - median(one.mean for one in before) if known else nan
    return nan
