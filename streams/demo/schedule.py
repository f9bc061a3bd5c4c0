"""When each line of a readings file arrives in simulated time, with the ticks between them.

Pure: lines in, arrivals out. A reading arrives when it was measured, a series when its last sample ends (nobody can
send it earlier), a line with `arrived` then. The log is in order of arrival; at one instant the tick comes first, then
the readings in the order of the file.
"""

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from models.times import US_PER_S, to_us
from streams.limits import DOCUMENT_MESSAGE_BYTES_MAX
from streams.lines import line_batches, opened

GRID_S = 10
"""The grid of ticks in real time (DESIGN 4.3)."""

TICK_S = 300
"""Ticks in fast time: every thirtieth of the grid. 90 simulated days on the full grid are 777,600 ticks for each
partition, four times the readings; the system would do little else. What waits for a tick (silence, escalation, the
end of a snooze) is decided at most five simulated minutes later than it would be in real time, and nothing else
changes."""


class Arrival(NamedTuple):
    """One record of `readings`: a reading as it stands in the file, or, without key and value, a tick."""

    at_us: int
    key: bytes | None = None
    value: bytes | None = None


class _Timing(msgspec.Struct):
    """The fields of a reading that say when it arrives, and where it goes."""

    patient: str
    at: datetime
    values: list[float | None] | None = None
    period: float | None = None
    arrived: datetime | None = None


_decode = msgspec.json.Decoder(_Timing).decode


def arrivals(lines: Iterable[bytes]) -> Iterator[Arrival]:
    """The readings in order of arrival, from lines in order of `at`; holds only the series that are under way.

    Raises msgspec.DecodeError (a ValueError) for a line that is no reading.
    """
    waiting: list[tuple[int, int, bytes, bytes]] = []
    for number, line in enumerate(lines):
        timing = _decode(line)
        measured_us = to_us(timing.at)
        while waiting and waiting[0][0] < measured_us:
            yield _next(waiting)
        heapq.heappush(waiting, (_arrival_us(timing, measured_us), number, timing.patient.encode(), line))
    while waiting:
        yield _next(waiting)


def with_ticks(readings: Iterable[Arrival], step_s: int = TICK_S) -> Iterator[Arrival]:
    """The same with a tick at every multiple of `step_s` from the first arrival's to the one after the last.

    step_s must be a multiple of GRID_S, else ValueError: a tick off the grid is one that real time never has.
    """
    if step_s <= 0 or step_s % GRID_S:
        raise ValueError(f"ticks lie on a grid of {GRID_S} s: {step_s} s is no multiple of it")
    step_us = step_s * US_PER_S
    due_us: int | None = None
    for reading in readings:
        if due_us is None:
            due_us = reading.at_us // step_us * step_us
        while due_us <= reading.at_us:
            yield Arrival(due_us)
            due_us += step_us
        yield reading
    if due_us is not None:
        yield Arrival(due_us)


def span_us(path: Path) -> tuple[int, int]:
    """First and last arrival in the file [us since 1970]. ValueError if it holds no reading."""
    first, last = None, 0
    for arrival in arrivals(read_lines(path)):
        first = arrival.at_us if first is None else first
        last = arrival.at_us
    if first is None:
        raise ValueError(f"{path} holds no reading")
    return first, last


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines that are not blank, of a file as it is or gzipped. Raises Failed when it cannot be read."""
    with opened(path) as stream:
        for batch in line_batches(stream, DOCUMENT_MESSAGE_BYTES_MAX):
            yield from (line.content for line in batch)


def _next(waiting: list[tuple[int, int, bytes, bytes]]) -> Arrival:
    at_us, _, key, value = heapq.heappop(waiting)
    return Arrival(at_us, key, value)


def _arrival_us(timing: _Timing, measured_us: int) -> int:
    if timing.arrived is not None:
        return max(measured_us, to_us(timing.arrived))
    if timing.values is not None and timing.period is not None:
        return measured_us + round(len(timing.values) * timing.period * US_PER_S)
    return measured_us
