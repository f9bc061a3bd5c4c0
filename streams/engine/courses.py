"""What passes in each patient on a local day: the course of a disease or recovery, and drugs that are settling.

It is a function of the profile and the day, so nothing of it is stored: a page only keeps until when a patient's course
moves anything. Of each patient on a course two days are kept at hand, since windows of yesterday and today close
together; any other day is looked up when it is asked for.
"""

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from models.baseline import STEADY, Passing
from models.changes import turns
from models.evidence import load
from models.expectation import expect
from models.profile import Profile
from models.segments import Ints
from models.times import US_PER_DAY
from models.trajectory import ill, moving_until
from models.vitals import VITALS
from streams.engine.rows import grown

if TYPE_CHECKING:
    from streams.engine.state import PartitionState

Floats = npt.NDArray[np.float64]

AT_HAND = 2
"""Days of each patient."""
FIGURES = 4
"""In the order of `Passing`."""
DAY = np.dtype([("version", "i8"), ("day", "i8"), ("figures", "f4", (FIGURES, len(VITALS)))])
_NONE_YET = -1
_EPOCH = date(1970, 1, 1).toordinal()


def over_from(profile: Profile) -> int:
    """The first local day, counted from 1970, from which on no course or new drug of the profile passes, and nothing
    that it announces is still to move a vital which is measured seldom; 0: none does.

    >>> over_from(Profile.model_validate({"patient": "p-1", "version": 1, "consent": {"monitoring": True}}))
    0
    """
    last, days = moving_until(profile), turns(profile)
    recent = int(load("design")["reopening"]["recent_days"])
    ends = [day_of(days[-1]) + recent] if days else []
    return max(0, *ends, 0 if last is None else day_of(last) + 1)


def local_day(at: Ints, offset_us: Ints) -> Ints:
    """The local day of each time, (n,), counted from 1970; offset_us: local time minus UTC."""
    return (at + offset_us) // US_PER_DAY


def day_of(on: date) -> int:
    """The day of a date, counted from 1970."""
    return on.toordinal() - _EPOCH


def date_of(day: int) -> date:
    """The date of a day counted from 1970."""
    return date.fromordinal(_EPOCH + day)


class Courses:
    """The days at hand of a partition's patients: `_days`, AT_HAND of each patient who is or was on a course; `_first`
    by slot, the first of a patient's."""

    def __init__(self) -> None:
        self._first: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._days = np.zeros(0, DAY)
        self._used = 0

    def passing(self, state: "PartitionState", slot: Ints, vital: Ints, day: Ints) -> Passing:
        """What the course of each patient adds to a vital on a local day, (n,) each."""
        mine = np.flatnonzero(day < state.patients["course_over"][slot])
        if not len(mine):
            return STEADY
        of_mine, n = self._figures(state, slot[mine], vital[mine], day[mine]), len(slot)
        out = Passing(np.zeros(n), np.zeros(n), np.ones(n), np.zeros(n))
        for column, figures in zip((out.mean, out.sd, out.factor, out.ill), of_mine, strict=True):
            column[mine] = figures
        return out

    def _figures(self, state: "PartitionState", slot: Ints, vital: Ints, day: Ints) -> Floats:
        """Of patients on a course, (FIGURES, n)."""
        place = self._places(state, slot) + day % AT_HAND
        known = self._days[place]
        figures: Floats = known["figures"][np.arange(len(slot)), :, vital].T.astype(np.float64)
        stale = np.flatnonzero((known["day"] != day) | (known["version"] != state.patients["version"][slot]))
        if len(stale):
            wanted, of = np.unique(np.stack([slot[stale], day[stale]]), axis=1, return_inverse=True)
            made = np.stack([self._made(state, one, on) for one, on in wanted.T.tolist()])
            figures[:, stale] = made[of.ravel(), :, vital[stale]].T
        return figures

    def _made(self, state: "PartitionState", slot: int, day: int) -> npt.NDArray[np.float32]:
        """The figures of one patient and day, (FIGURES, V), kept at hand from now on."""
        profile, one = state.profile(slot), self._days[self._first[slot] + day % AT_HAND]
        one["version"], one["day"] = state.patients["version"][slot], day
        if profile is None:
            raise KeyError(f"slot {slot} is on a course without a profile")
        on = date_of(day)
        expected, sick = expect(profile, on, state.off), np.full(len(VITALS), ill(profile, on))
        sd = np.hypot(expected.path_sd, expected.settling_sd)
        figures = np.array([expected.path, sd, expected.path_factor, sick], np.float32)
        one["figures"] = figures
        return figures

    def _places(self, state: "PartitionState", slot: Ints) -> Ints:
        """Where the days of each patient are, (n,)."""
        if len(self._first) < len(state.patients):
            self._first = grown(self._first, len(state.patients), _NONE_YET)
        for one in np.unique(slot[self._first[slot] == _NONE_YET]).tolist():
            self._first[one], self._used = self._used, self._used + AT_HAND
            if self._used > len(self._days):
                self._days = grown(self._days, self._used)
            self._days["day"][self._first[one] : self._used] = _NONE_YET
        return self._first[slot]
