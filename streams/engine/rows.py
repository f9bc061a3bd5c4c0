"""The numbers of one row: one vital of one patient."""

import numpy as np
import numpy.typing as npt

from models import baseline, windows
from models.detectors import deviation, floors

PRIOR = np.dtype([(name, "f8") for name in ("mean", "sd_between", "sd_within", "sd_meas", "amplitude", "acrophase_h")])
"""What the profile leads one to expect, kept so that a restart does not read every profile again."""

ROW = np.dtype(
    [
        ("slot", "i4"),
        ("vital", "i4"),
        ("newest_at", "i8"),
        ("late_at", "i8"),
        ("prior", PRIOR),
        ("base", baseline.STATE),
        ("open", windows.STATE),
        ("floor", floors.STATE),
        ("deviation", deviation.STATE),
    ],
    align=True,
)
"""newest_at: newest event time; late_at: event time of the latest reading that came late [us]."""


def prior_of(one: npt.NDArray[np.void]) -> baseline.Prior:
    """The expectations of rows (dtype PRIOR) as columns."""
    return baseline.Prior(*(np.ascontiguousarray(one[name]) for name in PRIOR.names or ()))
