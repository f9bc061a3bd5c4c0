"""Low glucose foretold in the step, on raw live samples.

A sample that was measured before the newest one has been overtaken: it foretells nothing, and the filter leaves it out.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.detectors import forecast
from models.segments import Ints, rounds
from models.vitals import BY_NAME
from models.windows import HORIZON_US
from streams.engine.forecasts import Forecasts
from streams.engine.samples import Samples

Floats = npt.NDArray[np.float64]

GLUCOSE = BY_NAME["glucose"].index


@dataclass(frozen=True, slots=True)
class Foretold:
    """Forecasts raised and cleared, in no particular order: index into the samples, what, chance, (k,)."""

    sample: Ints
    what: Ints
    chance: Floats


NOTHING = Foretold(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


def foretell(forecasts: Forecasts, samples: Samples) -> Foretold:
    """Take the live glucose samples in their order, one of each row at a time."""
    mine = np.flatnonzero(samples.vital == GLUCOSE)
    mine = mine[samples.clock[mine] - samples.at[mine] <= HORIZON_US[GLUCOSE]]
    if not len(mine):
        return NOTHING
    place, found = forecasts.places(samples.row[mine]), list[tuple[Ints, Ints, Floats]]()
    for turn in rounds(place):
        turn = turn[samples.at[mine[turn]] > forecasts.table["at"][place[turn]]]
        which = mine[turn]
        changes = forecast.watch(forecasts.table, place[turn], samples.at[which], samples.value[which])
        if len(changes.index):
            found.append((which[changes.index], changes.what, changes.chance))
    return Foretold(*(np.concatenate(column) for column in zip(*found, strict=True))) if found else NOTHING
