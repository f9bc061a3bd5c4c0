"""A new version of a profile, and the baselines that were learned under the one before."""

import numpy as np

from models import baseline
from models.changes import change
from models.profile import Profile
from models.times import US_PER_DAY, from_us
from streams.engine.state import PartitionState
from streams.engine.zones import local_offset_us


def reopened(state: PartitionState, slot: int, before: Profile | None, after: Profile, at_us: int) -> None:
    """Move and loosen the baselines of a patient whose drugs or course have changed. before: the profile until now."""
    vital = np.flatnonzero(state.row_of[slot] >= 0)
    if before is None or not len(vital):
        return
    at = np.array([at_us])
    day = (at_us + int(local_offset_us(state, np.array([slot]), at)[0])) // US_PER_DAY
    found = change(before, after, from_us(day * US_PER_DAY).date(), state.off)
    if found is None:
        return
    row = state.row_of[slot][vital].astype(np.int64)
    rows = baseline.take(state.rows["base"], row)
    baseline.reopen(rows, found.shift[vital], found.doubt[vital])
    baseline.put(state.rows["base"], row, rows)
    state.weeks.relearn(row)
