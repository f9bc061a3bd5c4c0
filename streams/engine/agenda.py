"""What time alone brings to patients' episodes in one stretch of the log, at the ticks that reach it.

An escalation, the end of a snooze or of a calm happens at the first tick at or after its time that lies behind its
cause in the log: never earlier, and wherever the log is cut.
"""

import heapq
from collections.abc import Iterator

import numpy as np

from streams.engine.clock import NEVER, Clocks
from streams.engine.state import PartitionState


class Agenda:
    """Due times of a stretch, in the order of the log. Keeps the state's notes of what is next up to date."""

    def __init__(self, state: PartitionState, clocks: Clocks) -> None:
        self._state, self._clocks = state, clocks
        self._due: list[tuple[int, int, int]] = []  # position, tick, slot
        if len(clocks.ticks) and clocks.ticks[-1] >= state.next_wake_us():
            for slot in [slot for slot, at in state.wake_us.items() if at <= clocks.ticks[-1]]:
                self._place(slot, 0)

    def until(self, position: int, clock_us: int = NEVER) -> Iterator[tuple[int, int]]:
        """(clock, slot) of what is due up to a position, and where several ticks share it, up to a time; each is noted
        anew after it has been done."""
        while self._due and self._due[0][0] <= position:
            at_position, tick, slot = self._due[0]
            clock = int(self._clocks.ticks[tick])
            if at_position == position and clock > clock_us:
                return
            heapq.heappop(self._due)
            at = self._state.wake_us.get(slot)
            if at is not None and at <= clock:
                yield clock, slot
                self._state.note_wake(slot)
                self._place(slot, tick + 1)

    def note(self, slot: int, position: int) -> None:
        """Something has happened to a patient's episodes at a position: what is next may be another time."""
        self._state.note_wake(slot)
        self._place(slot, int(np.searchsorted(2 * self._clocks.tick_before, position)))

    def _place(self, slot: int, first: int) -> None:
        """Put the patient's next due time at its tick, from the tick `first` on.

        A tick that comes again after a crash has passed for pages that knew it: it must not end a snooze made since.
        """
        at, clocks = self._state.wake_us.get(slot), self._clocks
        if at is None or first >= len(clocks.ticks):
            return
        passed = int(np.searchsorted(clocks.tick_offset, self._state.applied_of(slot), side="right"))
        tick = max(first, passed, int(np.searchsorted(clocks.ticks, at)))
        if tick < len(clocks.ticks):
            heapq.heappush(self._due, (2 * int(clocks.tick_before[tick]), tick, slot))
