"""A patient's clock: the latest arrival of the patient's own records, and of ticks. Never of other patients' records.

A record without a time of arrival (`log.LAST_ARRIVAL_US`), which is refused, moves no clock: after it everything of the
patient would count as past.

Positions order what happens inside a slice: record i is at 2i + 1, a tick before record i at 2i.
"""

from dataclasses import dataclass

import numpy as np

from models.segments import Ints, first_at_least, lasts, running_max, segments_of
from streams.engine.log import LAST_ARRIVAL_US, LogSlice
from streams.engine.state import PartitionState

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Ticks:
    """Times that pass in a stretch of the log: at_us rises; before: index of the record each comes before."""

    at_us: Ints
    before: Ints


@dataclass(frozen=True, slots=True)
class Clocks:
    """Clocks over one stretch.

    slots (k,): patients with records in it, sorted; segment (index into slots), record, running (the clock) by record,
    sorted by patient; ticks, tick_before: the ticks, never falling; tick_offset: where they lie in the log (a tick that
    is no record: the record after it).
    """

    slots: Ints
    segment: Ints
    record: Ints
    running: Ints
    ticks: Ints
    tick_before: Ints
    tick_offset: Ints

    def since(self, tick: int) -> "Clocks":
        """Without the ticks before this one: what has been applied up to there does not meet them again."""
        late = self.ticks[tick:], self.tick_before[tick:], self.tick_offset[tick:]
        return Clocks(self.slots, self.segment, self.record, self.running, *late) if tick else self


def run_clocks(state: PartitionState, log: LogSlice, slot: Ints, index: Ints, ticks: Ticks) -> tuple[Clocks, Ints]:
    """Clocks over records (n,) of known patients in log order, and the clock at each. Moves the state's clocks."""
    tick_us = np.maximum.accumulate(np.maximum(ticks.at_us, state.tick_us)) if len(ticks.at_us) else ticks.at_us
    order = np.argsort(slot, kind="stable")
    slots, segment = segments_of(slot[order])
    record = index[order]
    passed = np.searchsorted(ticks.before, record, side="right") - 1
    latest = np.where(passed >= 0, tick_us[np.maximum(passed, 0)], state.tick_us) if len(tick_us) else state.tick_us
    arrived = log.arrived_us[record]
    own = np.maximum(np.where(arrived <= LAST_ARRIVAL_US, arrived, latest), latest)
    running = running_max(segment, own, state.patients["clock"][slots])
    at_record = np.empty(len(slot), np.int64)
    at_record[order] = running
    if len(slots):
        state.patients["clock"][slots] = running[lasts(segment)]
    if len(tick_us):
        state.tick_us = int(tick_us[-1])
    tick_offset = np.append(log.offset, NEVER)[ticks.before] if len(ticks.before) else ticks.before
    return Clocks(slots, segment, record, running, tick_us, ticks.before, tick_offset), at_record


def first_reached(clocks: Clocks, slot: Ints, time_us: Ints) -> tuple[Ints, Ints]:
    """When each patient's clock first reaches a time: position (NEVER if not in this stretch) and the clock then.

    slot, time_us (m,). Times reached before the stretch began must not be asked for.
    """
    position, clock = np.full(len(slot), NEVER), np.full(len(slot), NEVER)
    if len(clocks.ticks):
        tick = np.searchsorted(clocks.ticks, time_us)
        hit = tick < len(clocks.ticks)
        position[hit], clock[hit] = 2 * clocks.tick_before[tick[hit]], clocks.ticks[tick[hit]]
    if not len(clocks.slots):
        return position, clock
    want = np.minimum(np.searchsorted(clocks.slots, slot), len(clocks.slots) - 1)
    here = clocks.slots[want] == slot
    found = first_at_least(clocks.segment, clocks.running, want, time_us)
    own = np.where(here & (found >= 0), 2 * clocks.record[found] + 1, NEVER)
    sooner = own < position
    return np.where(sooner, own, position), np.where(sooner, clocks.running[found], clock)
