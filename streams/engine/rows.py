"""The numbers of one patient, and of one row: one vital of one patient."""

from typing import Any

import numpy as np
import numpy.typing as npt

from models import baseline, windows
from models.detectors import deviation
from models.pool import room_for

PATIENT = np.dtype(
    [
        ("version", "i8"),
        ("consent_since", "i8"),
        ("devices_since", "i8"),
        ("clock", "i8"),
        ("active_at", "i8"),
        ("accepted", "i8"),
        ("zone_from", "i8"),
        ("zone_until", "i8"),
        ("zone_offset", "i8"),
        ("spo2_low", "f8"),
        ("allowed", "u4"),
        ("ring", "u4"),
        ("ring_hour", "i4"),
        ("held", "u2"),
        ("ring_size", "u1"),
        ("alive", "u1"),
        ("monitored_without_profile", "u1"),
        ("profile_day", "u2"),
        ("course_over", "i4"),
    ],
    align=True,
)
"""spo2_low: a clinician's low target, NaN if none; allowed: bit v is set when vital v may be decided; devices_since:
the latest day on which a device of the profile came; clock: latest own arrival or tick applied; active_at: last
movement; zone_*: offset of local time and how long it holds [us]; course_over: local day (from 1970) from which on
no course of the profile moves anything, nor anything it announces; profile_day: local day on which the profile came (0:
a page of before does not say; it lies in what was a hole); the others: see `rings`."""

PRIOR = np.dtype([(name, "f4") for name in ("mean", "sd_between", "sd_within", "sd_meas", "amplitude", "acrophase_h")])
"""What the profile leads one to expect, kept so that a restart does not read every profile again."""

ROW = np.dtype(
    [
        ("newest_at", "i8"),
        ("late_at", "i8"),
        ("base", baseline.STATE),
        ("deviation", deviation.STATE),
        ("prior", PRIOR),
        ("slot", "i4"),
        ("floor", "u4"),
        ("open", windows.PLACES),
        ("vital", "i4"),
        ("outside", "u4"),
    ],
    align=True,
)
"""newest_at: newest event time; late_at: event time of the latest reading that came late [us]; floor, open, outside:
places in the pools of runs beyond a floor (0: none), of open windows, and of vitals outside their band (in what was a
hole of the row: pages have the form they had)."""


def prior_of(one: npt.NDArray[np.void]) -> baseline.Prior:
    """The expectations of rows (dtype PRIOR) as columns."""
    return baseline.Prior(*(one[name].astype(np.float64) for name in PRIOR.names or ()))


def grown(column: npt.NDArray[Any], at_least: int, fill: int = 0) -> npt.NDArray[Any]:
    """The column with room for at least that many."""
    size = room_for(at_least, len(column))
    wider = np.zeros((size, *column.shape[1:]), column.dtype)
    if fill:
        wider[len(column) :] = fill
    wider[: len(column)] = column
    return wider
