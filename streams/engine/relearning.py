"""What a patient's profile says has changed, and the baselines that were learned before.

A new version of a profile moves them when it comes. What a version only announces, a drug from tomorrow on, moves each
row with its first window of that day or after: how the row stands says by itself whether it has, wherever the log is
cut.
"""

from dataclasses import replace
from datetime import date

import numpy as np
import numpy.typing as npt

from models import baseline
from models.changes import Change, change, turned, turns
from models.detectors import drift
from models.expectation import Expectation, expect, of_anybody
from models.profile import Profile
from models.segments import Bools, Ints
from models.times import US_PER_DAY
from streams.engine.courses import date_of, day_of, local_day
from streams.engine.profiles import turned_of, turns_of
from streams.engine.rows import PRIOR
from streams.engine.state import PartitionState
from streams.engine.zones import local_days, offset_us

Floats = npt.NDArray[np.float64]
MOST_CHANGED_US = 3 * US_PER_DAY // 24
"""More than clocks change by in a night."""
LAST_DAY = 65_535
"""Days from 1970 are kept in sixteen bits, until the year 2149."""


def reopened(state: PartitionState, slot: int, before: Profile | None, after: Profile, at_us: int) -> None:
    """Move and loosen the baselines of a patient whose drugs or course have changed. before: the profile until now."""
    at, noted = np.array([at_us]), int(state.patients["profile_day"][slot])
    today, was = int(local_days(after, at)[0]), int(local_days(before or after, at)[0])
    # Who moves west must not live a day again of which something has passed.
    state.patients["profile_day"][slot] = min(max(today, was, noted), LAST_DAY)
    vital = np.flatnonzero(state.row_of[slot] >= 0)
    row = state.row_of[slot][vital].astype(np.int64)
    _measured(state, row, vital, slot, at_us)
    if not len(vital):
        return
    _by_the_clock_of(state, row, vital, before, after, at_us)
    if before is not None:
        for on in turns(before) if noted else ():
            if noted < day_of(on) <= max(today, was):
                _announced(state, row, vital, before, on)
    found = change(before, after, date_of(today), state.off) if before is not None else None
    _told_early(state, row, vital, before, state.expectation(slot, at_us), date_of(today), found)
    if found is not None:
        _move(state, row, vital, found)
        state.weeks.relearn(row)


def _told_early(
    state: PartitionState, row: Ints, vital: Ints, before: Profile | None, after: Expectation, on: date,
    found: Change | None,
) -> None:  # fmt: skip
    """Rows that are not known yet start from what the profile says now, where it says something else of their vital: a
    profile is often completed when the first readings have come. found: what is still to be moved of that."""
    rows = baseline.take(state.rows["base"], row)
    early = rows.n < baseline.settings().known_after[baseline.line_of(rows, vital)]
    if not early.any():
        return
    row, vital = row[early], vital[early]
    was = _prior_of(of_anybody(on) if before is None else expect(before, on, state.off), vital)
    now = _prior_of(after, vital)
    new = np.any([~_same(getattr(was, name), getattr(now, name)) for name in PRIOR.names or ()], axis=0)
    _begin_from(state, row[new], _part(was, new), _part(now, new), found.shift[vital[new]] if found else np.zeros(1))


def _begin_from(state: PartitionState, row: Ints, was: baseline.Prior, now: baseline.Prior, shift: Floats) -> None:
    """shift: what of the new expectation is still to be moved."""
    rows = baseline.take(state.rows["base"], row)
    baseline.begin_from(rows, was, replace(now, mean=now.mean - shift))
    baseline.put(state.rows["base"], row, rows)
    for name in PRIOR.names or ():
        state.rows["prior"][name][row] = getattr(now, name)


def _prior_of(expected: Expectation, vital: Ints) -> baseline.Prior:
    settled = expected.settled()
    return baseline.Prior(*(getattr(settled, name)[vital] for name in PRIOR.names or ()))


def _part(prior: baseline.Prior, which: Bools) -> baseline.Prior:
    return baseline.Prior(*(getattr(prior, name)[which] for name in PRIOR.names or ()))


def _same(a: Floats, b: Floats) -> Bools:
    same: Bools = (a == b) | (np.isnan(a) & np.isnan(b))
    return same


def _measured(state: PartitionState, row: Ints, vital: Ints, slot: int, at_us: int) -> None:
    """Let the doubt about devices be that of the new version: it is never learned, so that a skin tone which was
    measured later would widen nothing for ever."""
    if len(row):
        state.rows["prior"]["sd_meas"][row] = state.expectation(slot, at_us).sd_meas[vital]


def _by_the_clock_of(
    state: PartitionState, row: Ints, vital: Ints, before: Profile | None, after: Profile, at_us: int
) -> None:  # fmt: skip
    """Where a patient lives is told for the first time, or no more: the body's clock is as it was, and Greenwich was
    only taken for it. Who goes from one zone to another lives by the new one within days, and keeps the rhythm."""
    if (before is not None and "timezone" in before.model_fields_set) is ("timezone" in after.model_fields_set):
        return
    ahead_us = offset_us(after, at_us) - offset_us(before, at_us)
    if ahead_us:
        rows = baseline.take(state.rows["base"], row)
        baseline.by_another_clock(rows, ahead_us)
        baseline.put(state.rows["base"], row, rows)
        by_hour = drift.settings().by_night[vital] | (state.rows["prior"]["amplitude"][row] > 0)
        state.weeks.relearn(row[by_hour])


def pass_turns(state: PartitionState, row: Ints, slot: Ints, vital: Ints, day: Ints, offset_us: Ints) -> None:
    """Windows of rows (n,), each at most once, are about to be judged: what their patients' profiles have announced,
    and what has come since the row's last window, moves them. day (n,): of the window; offset_us: its local time minus
    UTC."""
    last, noted = state.rows["base"]["last_at"][row], state.patients["profile_day"][slot].astype(np.int64)
    new = (last > 0) & (local_day(last - MOST_CHANGED_US, offset_us) < day)
    for i in np.flatnonzero(new & (noted > 0) & (day < state.patients["course_over"][slot])).tolist():
        kept = state.person(int(slot[i])).kept
        due = [turn for turn in turns_of(kept) if noted[i] < turn <= day[i]] if kept is not None else []
        if not due or kept is None:
            continue
        seen = int(local_days(state.profile(int(slot[i])), last[i : i + 1])[0])
        for turn in due:
            if seen < turn:
                _turn(state, row[i : i + 1], vital[i : i + 1], turned_of(kept, turn, state.off))


def _announced(state: PartitionState, row: Ints, vital: Ints, before: Profile, on: date) -> None:
    """What the profile until now had announced for a day that has come, for the rows that have had no window since."""
    last = state.rows["base"]["last_at"][row]
    late = (last > 0) & (local_days(before, last) < day_of(on))
    _turn(state, row[late], vital[late], turned(before, on, state.off))


def _turn(state: PartitionState, row: Ints, vital: Ints, found: Change | None) -> None:
    """Move the rows that something acts on, and begin their weeks anew."""
    if found is None:
        return
    acts = (found.shift[vital] != 0) | (found.doubt[vital] > 0)
    _move(state, row[acts], vital[acts], found)
    state.weeks.relearn(row[acts])


def _move(state: PartitionState, row: Ints, vital: Ints, found: Change) -> None:
    rows = baseline.take(state.rows["base"], row)
    baseline.reopen(rows, found.shift[vital], found.doubt[vital])
    baseline.put(state.rows["base"], row, rows)
