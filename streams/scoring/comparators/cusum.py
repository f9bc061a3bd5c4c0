"""One-sided CUSUM on the robust z of the day, begun anew after each alert.

Source: Page 1954; allowance and limit from evidence/methods.md (k 0.5, h 5).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.vitals import VITALS
from streams.scoring.comparators.robust_z import scored
from streams.scoring.comparators.rule import Call
from streams.scoring.comparators.series import Series

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cusum:
    """An alert when the sum reaches `limit`."""

    name: str = "cusum"
    limit: float = 5.0
    limits: Sequence[float] = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30)
    source: str = "Page 1954; evidence/methods.md, Shewhart / EWMA / CUSUM"

    def calls(self, series: Series, limit: float) -> list[Call]:
        allowance, found = load("comparators")["cusum"]["allowance"], []
        for vital, side, daily, z in scored(series):
            fired = crossings(z, allowance, limit)
            found += [Call(int(daily.known_at[day]), f"{VITALS[vital].name}.{side}") for day in fired]
        return found


def crossings(z: Floats, allowance: float, limit: float) -> list[int]:
    """The days on which S = max(0, S + z - allowance) reaches the limit; S is 0 after that.

    z: (n,), NaN where nothing is known: such a day changes nothing.
    """
    total, found = 0.0, []
    for day, one in enumerate(z.tolist()):
        if one == one:
            total = max(0.0, total + one - allowance)
            if total >= limit:
                found.append(day)
                total = 0.0
    return found
