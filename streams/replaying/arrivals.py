"""Records of files in the order of their arrival, and the ticks that pass between them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.detectors.silence import settings
from models.times import US_PER_DAY, US_PER_S
from streams import control
from streams.engine.log import LAST_ARRIVAL_US

Ints = npt.NDArray[np.int64]

QUIET_US = settings().most_s * US_PER_S + 2 * US_PER_DAY
"""Nothing but an alert waits for a tick longer than this after the last record (windows an hour, a silent device as
long as the evidence lets it): in a longer silence only ticks at which something is due to an alert are given, which
changes nothing and keeps years without data from costing millions of ticks."""
AT_ONCE_US = 3600 * US_PER_S
"""So much time passes at once where something is due: what is due to many alerts, and what follows from it, costs few
slices, and what is due to one costs few ticks."""


@dataclass(slots=True)
class Records:
    """Records in the order in which the engine takes them: arrived_us (n,), key, value, headers, device."""

    arrived_us: Ints
    key: list[bytes | None]
    value: list[bytes | None]
    headers: list[control.Headers]
    device: list[str]

    @property
    def passing_us(self) -> Ints:
        """As time passes, (n,): for those without a time of arrival, which are the last ones, nobody waits."""
        known = self.arrived_us[self.arrived_us <= LAST_ARRIVAL_US]
        return np.minimum(self.arrived_us, known[-1]) if len(known) else self.arrived_us


def grid_ticks(passed: int | None, arrived: Ints, grid_us: int) -> Ints:
    """Grid times after `passed` (the arrival before) up to the last arrival, without those of long silences.

    arrived (n,): rising. A tick at the very instant of a record comes before it. For what reads arrivals alone: what
    time brings to alerts in a long silence is asked of the state (`silence`).
    """
    known = arrived if passed is None else np.concatenate([[passed], arrived])
    if not len(known):
        return np.empty(0, np.int64)
    after = int(known[0]) if passed is not None else int(known[0]) - grid_us
    parts = []
    for jump in np.flatnonzero(np.diff(known) > QUIET_US).tolist():
        until = int(known[jump]) + QUIET_US
        parts.append(grid(after, until, grid_us))
        after = max(until, int(known[jump + 1]) - grid_us)
    parts.append(grid(after, int(known[-1]), grid_us))
    return np.concatenate(parts)


def silences(arrived: Ints) -> Ints:
    """Numbers of the records before which nothing came for long."""
    return 1 + np.flatnonzero(np.diff(arrived) > QUIET_US)


def silence(passed: int, until: int, grid_us: int, due_us: Callable[[], int]) -> Iterator[Ints]:
    """Ticks after `passed` up to `until` within a long silence, to be applied one part after the other.

    due_us: when something is due next, as of what has been applied; what is due later may follow from it.
    """
    after = min(passed + QUIET_US, until)
    yield grid(passed, after, grid_us)
    while (due := due_us()) <= until // grid_us * grid_us and after < until:
        begin = max(after, due - 1)
        after = min(begin + AT_ONCE_US, until)
        yield grid(begin, after, grid_us)


def grid(after: int, until: int, grid_us: int) -> Ints:
    """Multiples of grid_us in (after, until]."""
    return np.arange(after // grid_us + 1, until // grid_us + 1) * grid_us
