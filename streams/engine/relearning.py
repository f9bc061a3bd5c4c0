"""What a patient's profile says has changed, and the baselines that were learned before.

A new version of a profile moves them when it comes. What a version only announces, a drug from tomorrow on, moves each
row with its first window of that day or after: how the row stands says by itself whether it has, wherever the log is
cut.
"""

import numpy as np

from models import baseline
from models.changes import Change, change
from models.changes import turned as what_turns
from models.changes import turns as days_of
from models.profile import Profile
from models.segments import Ints
from streams.engine.courses import date_of, day_of, local_day
from streams.engine.profiles import turned, turns
from streams.engine.state import PartitionState
from streams.engine.zones import local_offset_us

LAST_DAY = 65_535
"""Days from 1970 are kept in sixteen bits, until the year 2149."""


def reopened(state: PartitionState, slot: int, before: Profile | None, after: Profile, at_us: int) -> None:
    """Move and loosen the baselines of a patient whose drugs or course have changed. before: the profile until now."""
    vital, at = np.flatnonzero(state.row_of[slot] >= 0), np.array([at_us])
    day = int(local_day(at, local_offset_us(state, np.array([slot]), at))[0])
    noted = int(state.patients["profile_day"][slot])
    state.patients["profile_day"][slot] = min(max(day, 0), LAST_DAY)
    if before is None or not len(vital):
        return
    _announced(state, slot, before, vital, noted, day)
    found = change(before, after, date_of(day), state.off)
    if found is not None:
        row = state.row_of[slot][vital].astype(np.int64)
        _move(state, row, vital, found)
        state.weeks.relearn(row)


def pass_turns(state: PartitionState, row: Ints, slot: Ints, vital: Ints, day: Ints, offset_us: Ints) -> None:
    """Windows of rows (n,), each at most once, are about to be judged: what their patients' profiles have announced,
    and what has come since the row's last window, moves them. day (n,): of the window; offset_us: its local time minus
    UTC."""
    last = state.rows["base"]["last_at"][row]
    new = (last > 0) & (day < state.patients["course_over"][slot]) & (local_day(last, offset_us) < day)
    noted = state.patients["profile_day"][slot].astype(np.int64)
    seen = np.maximum(local_day(last, offset_us), noted)
    for i in np.flatnonzero(new & (noted > 0)).tolist():
        if (kept := state.person(int(slot[i])).kept) is None:
            continue
        for turn in turns(kept):
            if seen[i] < turn <= day[i]:
                _turn(state, row[i : i + 1], vital[i : i + 1], turned(kept, turn, state.off))


def _announced(state: PartitionState, slot: int, before: Profile, vital: Ints, noted: int, day: int) -> None:
    """What the profile until now had announced and has come by this day, for the rows that have had no window since."""
    due = [on for on in days_of(before) if noted and noted < day_of(on) <= day]
    for on in due:
        found, row = what_turns(before, on, state.off), state.row_of[slot][vital].astype(np.int64)
        last = state.rows["base"]["last_at"][row]
        seen = local_day(last, local_offset_us(state, np.full(len(row), slot), last))
        late = (last > 0) & (seen < day_of(on))
        _turn(state, row[late], vital[late], found)


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
