"""Vitals that a condition makes meaningless to hold against the patient's own band, such as the variability of a heart
in atrial fibrillation. They are unknown, and nothing is learned of them; limits and rules on them hold.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.profile import Profile
from models.profile_fields import coded
from models.segments import Bools, Ints
from models.terminology import condition_id
from models.vitals import BY_NAME, VITALS
from streams.engine.courses import day_of
from streams.engine.rows import grown
from streams.engine.versions import Versions

if TYPE_CHECKING:
    from streams.engine.state import PartitionState

NEVER = 2**62
ALWAYS = -(2**62)


class Unjudged:
    """By patient: from which local day on (from 1970) vitals are not judged."""

    def __init__(self) -> None:
        self._versions = Versions()
        self._from_day: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def on(self, state: "PartitionState", slot: Ints, vital: Ints, day: Ints) -> Bools:
        """Whether vitals of patients (n,) are not judged on these days."""
        found = np.zeros(len(slot), bool)
        mine = np.flatnonzero(_concerned()[vital])
        if len(mine):
            if len(self._from_day) < len(state.patients):
                self._from_day = grown(self._from_day, len(state.patients))
            for one in self._versions.changed(state, slot[mine]):
                self._from_day[one] = _begins(state.profile(one))
            found[mine] = self._from_day[slot[mine]] <= day[mine]
        return found

    def of(self, state: "PartitionState", slot: int, day: int) -> list[int]:
        """The vitals of a patient that are not judged on this day, in order."""
        every = np.arange(len(VITALS))
        return np.flatnonzero(self.on(state, np.full_like(every, slot), every, np.full_like(every, day))).tolist()


def _begins(profile: Profile | None) -> int:
    """The day from which on the patient is known to have such a condition."""
    listed = profile.conditions if profile is not None else ()
    days = [e.since for e in listed if condition_id(*coded(e.code)) == load("design")["not_judged"]["condition"]]
    return min((ALWAYS if since is None else day_of(since) for since in days), default=NEVER)


@cache
def _concerned() -> Bools:
    """By vital: whether a condition can make it meaningless."""
    concerned = np.zeros(len(VITALS), bool)
    concerned[[BY_NAME[name].index for name in load("design")["not_judged"]["vitals"]]] = True
    return concerned
