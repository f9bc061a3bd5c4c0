"""What is wrong with a reading, and the words for it: as far as it can be told from the reading itself, and its clock.

The engine asks with what a partition remembers; the gateway, which remembers nothing, asks at the door. Both have it
from here, so that what is refused at the door is what the engine would refuse, in the same words.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.readings import Reading, Reason, are_ids
from models.times import US_PER_S, rfc3339
from models.vitals import NOT_A_VITAL, VITALS
from streams.engine.columns import Columns
from streams.engine.decode import Refusal
from streams.engine.log import FIRST_US, LAST_ARRIVAL_US, LAST_US
from streams.engine.sources import is_source

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FIRST_YEAR_US = 946_684_800 * US_PER_S
"""2000-01-01: no home device in use measured before; an older time is a clock that lost its battery (usually 1970)."""
LOW = np.array([v.low for v in VITALS])
HIGH = np.array([v.high for v in VITALS])


def of_ids(reading: Reading) -> str:
    """What is wrong with its id and its patient's; empty if nothing is."""
    return "" if are_ids([reading.id, reading.patient]) else "id and patient are 1-128 printable ASCII characters"


def of_patient(name: str) -> str:
    """Why nobody can be called so; empty if a patient can."""
    return f"{name:.140} is the name of a source: patients have other ids" if is_source(name) else ""


@dataclass(frozen=True, slots=True)
class Problems:
    """Which readings cannot be decided, (n,), and a way to say why. clock: because of a clock; absurd: the device's;
    low, high, last: the least and the largest sample of each, and when its last was measured; arrived: when it came."""

    bad: Bools
    columns: Columns
    absurd: Bools
    clock: Bools
    low: Floats
    high: Floats
    last: Ints
    arrived: Ints

    def refusals(self, bad: Bools, index: Ints, readings: list[Reading]) -> list[Refusal]:
        """One refusal for each reading in `bad`."""
        return [self._refusal(int(j), int(index[j]), readings[j]) for j in np.flatnonzero(bad)]

    def _refusal(self, j: int, index: int, reading: Reading) -> Refusal:
        """The first thing wrong with one reading, in words that say how to mend it."""
        c, vital = self.columns, VITALS[self.columns.vital[j]]
        source = reading.device or None
        if c.vital[j] < 0:
            return Refusal(index, Reason.UNKNOWN_CODE, _of_no_vital(reading.code), source)
        if c.unit[j] < 0:
            return Refusal(index, Reason.UNKNOWN_UNIT, c.bad_unit[j], source)
        if j in c.bad_value:
            return Refusal(index, Reason.BAD_VALUE, c.bad_value[j], source)
        if self.clock[j]:
            return Refusal(index, Reason.CLOCK_FAULT, self._clock_detail(j), source)
        worst = self.low[j] if self.low[j] < vital.low else self.high[j]
        detail = f"{worst:g} {vital.unit} is outside {vital.low:g}..{vital.high:g} {vital.unit} for {vital.name}"
        return Refusal(index, Reason.IMPLAUSIBLE, detail, source)

    def _clock_detail(self, j: int) -> str:
        measured = self.columns.at[j] if self.columns.at[j] < FIRST_YEAR_US else self.last[j]
        whose = "device" if FIRST_YEAR_US <= self.arrived[j] <= LAST_ARRIVAL_US else "publisher"
        return f"measured {_legible(measured)}, arrived {_legible(self.arrived[j])}: the {whose}'s clock is wrong"


def of_themselves(c: Columns) -> Problems:
    """Check codes, units, values and plausibility: all but clocks, which are held against when a reading arrives."""
    low, high, last = c.value.copy(), c.value.copy(), c.at.copy()
    for j, samples in c.series.items():
        low[j], high[j] = np.nanmin(samples), np.nanmax(samples)
        last[j] = c.at[j] + (len(samples) - 1) * c.period_us[j]
    implausible = ~((low >= LOW[c.vital]) & (high <= HIGH[c.vital]))
    bad = (c.vital < 0) | (c.unit < 0) | implausible
    bad[list(c.bad_value)] = True
    well = np.zeros(len(bad), bool)
    return Problems(bad, c, well, well, low, high, last, np.zeros(len(bad), np.int64))


def _of_no_vital(code: str) -> str:
    what = f"it is {NOT_A_VITAL[code]}" if code in NOT_A_VITAL else "send LOINC, an MDC_ reference id or its own name"
    return f"code {code!r:.80} names no vital: {what}"


def _legible(us: int) -> str:
    """A time as it is shown: RFC 3339 has four digits for a year, and a broken clock may be past them."""
    return rfc3339(min(max(int(us), FIRST_US), LAST_US))
