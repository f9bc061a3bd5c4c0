"""When a device is worn: whether the figure of a stream's day is of the night, or of the hours by day.

Who takes the watch off in the evening has no nights. A drift of such a heart could never be told: its days count, at
rest only, once no night has made a figure for some days. What was learned of the one says nothing of the other, so the
level begins anew on either change. Sources and reasons: `by_day` in `evidence/daily.yaml`.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.segments import Bools, Ints
from models.vitals import VITALS

JUDGED, BY_DAY, COUNTED = 1, 2, 4
"""Marks of a row (`marks` of `drift.STATE`): today's figure was judged; figures are of the day; and above them either
the days worn since a night made a figure, or, of who wears it by day, windows in the hour of sleep."""
MOST = 255 // COUNTED
"""What is counted is counted no further."""


@dataclass(frozen=True, slots=True)
class Settings:
    """As in the evidence. watched (V,): of which vitals the day may count; after_days: worn without a night, from the
    beginning; least: windows that make a day's figure; asleep_h: the hour in which who wears the device is asleep;
    back: such windows, one less each day, from which on nights count again; night_least, anew_days: as of nights."""

    watched: Bools
    after_days: int
    least: int
    asleep_h: int
    back: int
    night_least: int
    anew_days: int


@cache
def settings() -> Settings:
    """The settings in use."""
    drift = load("daily")["drift"]
    s = drift["by_day"]
    watched = np.array([vital.name in s["vitals"] for vital in VITALS])
    return Settings(
        watched, s["after_days"], s["least"], s["asleep_h"], s["back"], drift["night"]["least"],
        drift["anew_days"],
    )  # fmt: skip


def by_day(one: npt.NDArray[np.void]) -> Bools:
    """Of which rows (n,) the figures are of the day, should they stream."""
    days: Bools = one["marks"] & BY_DAY > 0
    return days


def unjudged(one: npt.NDArray[np.void]) -> Bools:
    """Whose figure of today, (n,), nobody has held against the level."""
    left: Bools = one["marks"] & JUDGED == 0
    return left


def turn(one: npt.NDArray[np.void], begins: Bools, before: Ints, asleep: Bools) -> Bools:
    """A window comes of rows that stream, (n,), dtype `drift.STATE`, of which the marks are updated in place. Returns
    whose figures are of other hours from now on: their level begins anew.

    begins (n,): it is the first one of its local day; before (n,): day of the window before it, from 1970; asleep (n,):
    it is of the hour of sleep.
    """
    s, days, count = settings(), by_day(one), one["marks"].astype(np.int64) // COUNTED
    slept = (one["count"] >= s.night_least) & (one["day"] == before)
    count = np.where(days, np.maximum(count - begins, 0) + asleep, np.where(slept, 0, count + begins))
    never = (one["n"] == 0) & (one["held"] <= 1)
    turned: Bools = count >= np.where(days, s.back, np.where(never, s.after_days, s.anew_days))
    marks = one["marks"] & JUDGED | days * BY_DAY | np.minimum(count, MOST) * COUNTED
    one["marks"] = np.where(turned, ~days * BY_DAY, marks)
    return turned
