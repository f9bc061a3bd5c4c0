"""Whether everybody has the same rate of alerts: the patients in ten parts, by their rate.

Sorted by the very alerts that are counted, the parts differ even if all patients are alike, by luck alone. So each part
stands next to what luck would give, and the patients are also sorted by one half of their weeks and counted in the
other: what still differs there is the patients.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streams.scoring.tally import Tally

Floats = npt.NDArray[np.float64]
PARTS = 10
MONTH_DAYS = 30.0
DRAWS = 200
"""Cohorts of patients who are alike, drawn to say what luck gives."""


@dataclass(frozen=True)
class Deciles:
    """Alerts a person-month of each tenth of the patients, from the fewest to the most, (10,) each.

    observed: sorted by their own rate; by_luck: the same if all had the mean rate; other_weeks: sorted by every other
    week, counted in the weeks between. worst_ratio: the tenth of `other_weeks` that is furthest from the mean rate, as
    a factor of it; None where nothing can be said.
    """

    observed: tuple[float, ...]
    by_luck: tuple[float, ...]
    other_weeks: tuple[float, ...]
    worst_ratio: float | None


def deciles(tallies: Sequence[Tally], what: str, seed: int) -> Deciles | None:
    """The tenths by one count of the tallies (`alerts` or `personal`); None for fewer than ten patients."""
    seen = [one for one in tallies if one.days > 0]
    if len(seen) < PARTS:
        return None
    random = np.random.default_rng(seed)
    count, days = (np.array([getattr(one, name) for one in seen], float) for name in (what, "days"))
    even, days_even = (np.array([getattr(one, name) for one in seen], float) for name in (f"{what}_even", "days_even"))
    alike = random.poisson(count.sum() / days.sum() * days, (DRAWS, len(days)))
    luck = np.mean([_parts(drawn, days, _order(drawn, days, random)) for drawn in alike], axis=0)
    halves = [(even, days_even, count - even, days - days_even), (count - even, days - days_even, even, days_even)]
    other = np.mean([_parts(b, b_days, _order(a, a_days, random)) for a, a_days, b, b_days in halves], axis=0)
    observed = _parts(count, days, _order(count, days, random))
    mean = MONTH_DAYS * count.sum() / days.sum()
    return Deciles(_plain(observed), _plain(luck), _plain(other), _worst(other, mean))


def _order(count: Floats, days: Floats, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Patients by rate; equals in an order of their own."""
    rate = np.divide(count, days, out=np.zeros(len(days)), where=days > 0)
    return np.lexsort((random.random(len(days)), rate))


def _parts(count: Floats, days: Floats, order: npt.NDArray[np.int64]) -> Floats:
    """The rate of each tenth, (10,)."""
    parts = np.array_split(order, PARTS)
    return np.array([MONTH_DAYS * count[part].sum() / max(days[part].sum(), 1e-9) for part in parts])


def _worst(rates: Floats, mean: float) -> float | None:
    if mean <= 0:
        return None
    ratios = rates / mean
    far = ratios[np.argmax(np.maximum(ratios, 1 / np.maximum(ratios, 1e-9)))]
    return float(far)


def _plain(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in values)
