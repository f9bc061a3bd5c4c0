"""Local time of patients: the offset of their time zone, looked up once a local day and kept in the columns."""

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from models.profile import Profile
from models.segments import Ints
from models.times import US_PER_DAY, from_us

if TYPE_CHECKING:
    from streams.engine.state import PartitionState

MINUTE_US = US_PER_DAY // 1440
DAYS_KEPT = 16_384
"""Days of zones looked up once for all patients; beyond it the oldest are looked up again."""


def local_offset_us(state: "PartitionState", slot: Ints, at: Ints) -> Ints:
    """Local time minus UTC at each time, (n,) [us]. A patient without a zone lives in UTC."""
    zone_from, until = state.patients["zone_from"][slot], state.patients["zone_until"][slot]
    offset: Ints = state.patients["zone_offset"][slot].copy()
    for i in np.flatnonzero((at < zone_from) | (at >= until)):
        offset[i] = _look_up(state, int(slot[i]), int(at[i]))
    return offset


def local_date(state: "PartitionState", slot: int, at: int) -> date:
    """The date by the clocks around a patient."""
    one = state.patients[slot]
    if not one["zone_from"] <= at < one["zone_until"]:
        _look_up(state, slot, at)
    return from_us(at + int(one["zone_offset"])).date()


def local_days(profile: Profile | None, at: Ints) -> Ints:
    """The local day of each time by a profile, (n,), counted from 1970; kept nowhere."""
    zone = ZoneInfo(_name_of(profile))
    return np.array([(one + _offset(zone, one)) // US_PER_DAY for one in at.tolist()], np.int64)


def offset_us(profile: Profile | None, at: int) -> int:
    """Local time minus UTC by a profile [us]; kept nowhere."""
    return _offset(ZoneInfo(_name_of(profile)), at)


def _look_up(state: "PartitionState", slot: int, at: int) -> int:
    """The offset now, kept for the UTC day, or for this minute on the day the clocks change.

    Clocks have changed at a minute past midnight (St John's, until 2011): kept for longer than a minute, an offset
    would depend on which reading asked first.
    """
    name = _name_of(state.profile(slot))
    day = at - at % US_PER_DAY
    offset = _of_day(name, day)
    steady = offset is not None
    offset = _offset(ZoneInfo(name), at) if offset is None else offset
    one = state.patients[slot]
    one["zone_from"] = day if steady else at - at % MINUTE_US
    one["zone_until"] = one["zone_from"] + (US_PER_DAY if steady else MINUTE_US)
    one["zone_offset"] = offset
    return offset


def _name_of(profile: Profile | None) -> str:
    return profile.timezone if profile and profile.timezone else "UTC"


@lru_cache(maxsize=DAYS_KEPT)
def _of_day(zone: str, day: int) -> int | None:
    """The offset of a zone on a whole UTC day; None if it changes on that day."""
    rules = ZoneInfo(zone)
    offset = _offset(rules, day)
    same = all(_offset(rules, at) == offset for at in (day + US_PER_DAY // 2, day + US_PER_DAY))
    return offset if same else None


def _offset(zone: ZoneInfo, at: int) -> int:
    delta = from_us(at).astimezone(zone).utcoffset()
    return round(delta.total_seconds() * 1_000_000) if delta else 0
