"""Records of files in the order of their arrival, and the ticks that pass between them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.detectors import silence
from models.times import US_PER_DAY, US_PER_S
from streams import control

Ints = npt.NDArray[np.int64]

QUIET_US = silence.settings().most_s * US_PER_S + 2 * US_PER_DAY
"""Nothing waits for a tick longer than this after the last record (windows an hour, a snooze a day, a silent device as
long as the evidence lets it): in a longer silence the ticks in between are left out, which changes nothing and keeps
years without data from costing millions of ticks."""


@dataclass(slots=True)
class Records:
    """Records in the order in which the engine takes them: arrived_us (n,), key, value, headers, device."""

    arrived_us: Ints
    key: list[bytes | None]
    value: list[bytes | None]
    headers: list[control.Headers]
    device: list[str]


def grid_ticks(passed: int | None, arrived: Ints, grid_us: int) -> Ints:
    """Grid times after `passed` (the arrival before) up to the last arrival, without those of long silences.

    arrived (n,): rising. A tick at the very instant of a record comes before it.
    """
    known = arrived if passed is None else np.concatenate([[passed], arrived])
    if not len(known):
        return np.empty(0, np.int64)
    after = int(known[0]) if passed is not None else int(known[0]) - grid_us
    parts = []
    for jump in np.flatnonzero(np.diff(known) > QUIET_US).tolist():
        until = int(known[jump]) + QUIET_US
        parts.append(_grid(after, until, grid_us))
        after = max(until, int(known[jump + 1]) - grid_us)
    parts.append(_grid(after, int(known[-1]), grid_us))
    return np.concatenate(parts)


def _grid(after: int, until: int, grid_us: int) -> Ints:
    """Multiples of grid_us in (after, until]."""
    return np.arange(after // grid_us + 1, until // grid_us + 1) * grid_us
