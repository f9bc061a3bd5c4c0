"""Times of readings that can be: what replay refuses as a clock fault is no observation either.

One reading of a device whose clock says 1970 would make half a century of observation of one patient, and every rate
nothing.
"""

from datetime import datetime

from models.times import US_PER_S, to_us
from streams.engine.problems import FIRST_YEAR_US

AHEAD_US = 300 * US_PER_S
"""How far a device's clock may be ahead, where no setting (`clock_tolerance_s`) says otherwise."""


def measured_us(at: datetime | None, arrived: datetime | None, ahead_us: int = AHEAD_US) -> int | None:
    """When a reading was measured [us since 1970]; None if it does not say, or if that cannot be. One that does not say
    when it arrived did so as it was measured."""
    if at is None or at.tzinfo is None:
        return None
    at_us = to_us(at)
    latest_us = at_us if arrived is None or arrived.tzinfo is None else to_us(arrived) + ahead_us
    return at_us if FIRST_YEAR_US <= at_us <= latest_us else None
