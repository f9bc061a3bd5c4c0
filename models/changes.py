"""What a new version of a profile means for what has been learned of a patient.

A drug begun, stopped or changed, and an operation or another day 0, move the body; a baseline that goes on as before
would call the effect a deviation, or learn it as slowly as a whim of the day. So the learned level moves by what the
evidence expects, and is held less firmly until own data have confirmed it (design.yaml `reopening`).
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from models.evidence import load
from models.expectation import Expectation, expect
from models.profile import Profile
from models.vitals import VITALS

Floats = NDArray[np.float64]
ACTING = ("medication", "genotype", "course")
"""Kinds of modifiers that act on a body anew. What was only written down now (a condition, an age) changes nobody."""


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """shift (17,): by how much each level is expected to move; doubt (17,): SD of not knowing whether and how soon it
    does. Both on the vital's working scale."""

    shift: Floats
    doubt: Floats


def change(before: Profile, after: Profile, on: date, off: frozenset[str] = frozenset()) -> Change | None:
    """What changes on this day (the patient's date) from one version to the next; None if nothing that acts.

    off: ids of modifiers that are left out.
    """
    rules = load("design")["reopening"]
    earlier, later = expect(before, on, off), expect(after, on, off)
    shift = _acting(later) - _acting(earlier)
    doubt = rules["share"] * np.abs(shift)
    if _begun(after, on, rules["recent_days"]) - _begun(before, on, rules["recent_days"]):
        doubt = np.maximum(doubt, rules["event_share"] * np.nan_to_num(later.sd_between))
    return Change(shift, doubt) if doubt.any() else None


def _acting(expectation: Expectation) -> Floats:
    """The sum of what acts on each vital, (17,)."""
    total = np.zeros(len(VITALS))
    for modifier in expectation.modifiers:
        if modifier.kind in ACTING:
            total[modifier.vital] += modifier.delta_mean
    return total


def _begun(profile: Profile, on: date, days: int) -> frozenset[tuple[str, str, date]]:
    """Courses whose day 0 was within the last `days`."""
    begun = ((str(one.condition), one.anchor, one.date) for one in profile.trajectories)
    return frozenset(one for one in begun if on - timedelta(days=days) <= one[2] <= on)
