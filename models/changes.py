"""What a new version of a profile means for what has been learned of a patient.

A drug begun, stopped or changed moves the body; a baseline that goes on as before would call the effect a deviation, or
learn it as slowly as a whim of the day. So the learned level moves by what the evidence expects, and is held less
firmly until own data have confirmed it (design.yaml `reopening`). An operation or another day 0 moves no level: the
course is laid over it day by day. What no table says of it is left to doubt. A profile may also say what is to come, a
drug from tomorrow on: then the level moves on that day (`turns`).
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from models.evidence import load
from models.expectation import Expectation, expect
from models.profile import Condition, Medication, Profile
from models.profile_fields import coded
from models.terminology import condition_id
from models.trajectory import is_course
from models.vitals import VITALS

Floats = NDArray[np.float64]
ACTING = ("medication", "genotype")
"""Kinds of modifiers that come and go with a drug."""


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
    since = on - timedelta(days=rules["recent_days"])
    later, known = expect(after, on, off), _until_now(before, after, on, since)
    until_now = expect(known, on, off)
    shift = _acting(later) - _acting(until_now)
    doubt = rules["share"] * np.abs(shift)
    if any(since <= one.date <= on and one not in before.trajectories for one in after.trajectories):
        # What the tables move is laid over the level; of the rest nobody knows.
        untold = np.where(later.path == until_now.path, rules["event_share"], 0.0)
        doubt = np.maximum(doubt, untold * np.nan_to_num(later.sd_between))
    shift += expect(_as_told(before, known), on, off).path - until_now.path
    return Change(shift, doubt) if shift.any() or doubt.any() else None


def turns(profile: Profile) -> tuple[date, ...]:
    """The days on which by this profile a drug is begun or no more taken, or a trajectory begins; in order.

    >>> metoprolol = {"code": "metoprolol", "start": "2026-01-04", "stop": "2026-01-31"}
    >>> consent = {"monitoring": True}
    >>> known = Profile.model_validate({"patient": "p", "version": 1, "consent": consent, "medications": [metoprolol]})
    >>> [day.isoformat() for day in turns(known)]
    ['2026-01-04', '2026-02-01']
    """
    days = {drug.start for drug in profile.medications} | {_without(drug) for drug in profile.medications}
    days |= {one.date for one in profile.trajectories}
    return tuple(sorted(day for day in days if day is not None))


def turned(profile: Profile, on: date, off: frozenset[str] = frozenset()) -> Change | None:
    """What changes on one of its `turns`, of which the profile has spoken before; None if nothing that acts."""
    drugs = [
        one.model_copy(update={"stop": None}) if _without(one) == on else one
        for one in profile.medications
        if one.start != on
    ]
    courses = tuple(one for one in profile.trajectories if one.date != on)
    update = {"medications": tuple(drugs), "trajectories": courses}
    return change(profile.model_copy(update=update), profile, on, off)


def _without(drug: Medication) -> date | None:
    """The first day on which the drug is taken no more."""
    return drug.stop + timedelta(days=1) if drug.stop is not None and drug.stop < date.max else None


def _acting(expectation: Expectation) -> Floats:
    """The sum of what acts on each vital, (17,)."""
    total = np.zeros(len(VITALS))
    for modifier in expectation.modifiers:
        if modifier.kind in ACTING:
            total[modifier.vital] += modifier.delta_mean
    return total


def _until_now(before: Profile, after: Profile, on: date, since: date) -> Profile:
    """The patient as `after` knows it, with the drugs and courses of until now. What `after` says of long ago was only
    written down now: a drug taken for years, a gene, a condition. The body, and what was learned of it, has it already.
    """
    old = [one for one in after.medications if (day := _changed(one, on)) is not None and day < since]
    drugs = old + [one for one in before.medications if not _corrected(one, before, after, old)]
    courses = [one for one in after.trajectories if one.date < since]
    courses += [one for one in before.trajectories if one not in courses]
    named = [one for one in after.conditions if one in before.conditions or not _begun(one, since)]
    update = {"medications": tuple(drugs), "trajectories": tuple(courses), "conditions": tuple(named)}
    return after.model_copy(update=update)


def _corrected(drug: Medication, before: Profile, after: Profile, old: list[Medication]) -> bool:
    """Whether what `after` says of long ago (`old`) is about this entry of before: it is said of the same start, else
    of the same drug and new. A course of years ago, which both versions know, says nothing of one of now."""
    same = [one for one in after.medications if one.code == drug.code]
    about = [one for one in same if one.start == drug.start] or [one for one in same if one not in before.medications]
    return any(one in old for one in about)


def _as_told(before: Profile, known: Profile) -> Profile:
    """The same patient on the courses of which the version before told. The path of any other was learned into the
    level, from which it must go before it is laid over it."""
    named = [one for one in known.conditions if one in before.conditions or not _begun(one, date.min)]
    return known.model_copy(update={"trajectories": before.trajectories, "conditions": tuple(named)})


def _begun(condition: Condition, since: date) -> bool:
    """Whether a condition is a recovery or infection that began on that day or later."""
    return is_course(condition_id(*coded(condition.code))) and condition.since is not None and condition.since >= since


def _changed(drug: Medication, on: date) -> date | None:
    """The last day on which something about this drug changed; None if nobody says when."""
    return drug.stop if drug.stop is not None and drug.stop <= on else drug.start
