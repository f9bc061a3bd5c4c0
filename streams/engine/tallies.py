"""What came of each source in one minute, and the counts of a partition while the minute is open."""

from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from alerts.sources import Example
from models.readings import Reason
from models.times import LONG_AGO, US_PER_S

Bits = npt.NDArray[np.int32]

MINUTE_US = 60 * US_PER_S
HALF_DAY_US = 12 * 3600 * US_PER_S
OTHER = "other"
SOURCES_MAX = 256
"""Sources of one partition that are counted apart, of about 1 KiB each in the record; the rest count under `other`, and
a metric and the log say so."""
PATIENTS_COUNTED_MAX = 4096
"""Patients of a source that one partition tells apart (by their slots); of more, so many are counted."""
UNSEEN = -2
"""No half day, and not the one before the first either."""
OUTCOMES = ("decided", "rejected", "duplicate", "withheld")
REDRIVEN = "redriven"
COLUMNS = (*OUTCOMES, *(reason.value for reason in Reason), REDRIVEN)
REJECTED, AT_REDRIVEN = 1, len(COLUMNS) - 1
AT_REASON = {reason: len(OUTCOMES) + k for k, reason in enumerate(Reason)}


class Tally(msgspec.Struct, array_like=True):
    """Readings of one source in one minute: counts by COLUMNS, first and last arrival [us] (None: only redriven ones),
    the first that was refused, and patients seen of the source since half a day to a day; ahead_us: how far the last
    was ahead of the tick that ended the minute, by the clock of whoever published it."""

    counts: list[int]
    first_us: int | None = None
    last_us: int | None = None
    example: Example | None = None
    patients: int = 0
    ahead_us: int = 0

    @property
    def received(self) -> int:
        """Readings that came by themselves: those that somebody put back say nothing about the source."""
        return sum(self.counts[: len(OUTCOMES)])

    @property
    def rejected(self) -> int:
        return self.counts[REJECTED]

    def reasons(self) -> dict[str, int]:
        """Refused readings by reason."""
        return {reason.value: self.counts[at] for reason, at in AT_REASON.items() if self.counts[at]}

    def add(self, later: "Tally") -> None:
        """What came later in the same minute."""
        self.counts = [a + b for a, b in zip(self.counts, later.counts, strict=True)]
        self.first_us = min((us for us in (self.first_us, later.first_us) if us is not None), default=None)
        self.last_us = max((us for us in (self.last_us, later.last_us) if us is not None), default=None)
        self.example, self.patients = self.example or later.example, later.patients or self.patients


@dataclass(frozen=True, slots=True)
class Report:
    """One minute of one partition, from since_us to through_us. quiet, failing: sources known to be so by then, and
    since when [us]."""

    partition: int
    since_us: int
    through_us: int
    sources: dict[str, Tally]
    quiet: dict[str, int]
    failing: dict[str, int]


@dataclass(slots=True)
class Counting:
    """The counts of a partition.

    tick_us, through_us: latest tick, and the end of the last minute that was told; names: sources in the order of their
    first reading; open: by source, of the open minute; seen (sources, PATIENTS_COUNTED_MAX): the half day in which each
    patient was last seen.
    """

    tick_us: int = LONG_AGO
    through_us: int = LONG_AGO
    names: list[str] = field(default_factory=list)
    place: dict[str, int] = field(default_factory=dict)
    open: dict[int, Tally] = field(default_factory=dict)
    seen: Bits = field(default_factory=lambda: np.empty((0, PATIENTS_COUNTED_MAX), np.int32))

    def place_of(self, name: str) -> int:
        """The source's number; that of `other` if there are too many."""
        if name not in self.place:
            if len(self.names) >= SOURCES_MAX and name != OTHER:
                return self.place_of(OTHER)
            self.place[name] = len(self.names)
            self.names.append(name)
            self.seen = np.concatenate([self.seen, np.full((1, PATIENTS_COUNTED_MAX), UNSEEN, np.int32)])
        return self.place[name]


class PackedCounting(msgspec.Struct, array_like=True):
    """The counts on the wire. seen: of each source, the patients of this half day and of the one before, as bits."""

    tick_us: int
    through_us: int
    names: list[str]
    open: dict[int, Tally]
    seen: list[tuple[bytes, bytes]]


def half_day(since_us: int) -> int:
    """Number of the half day in which a minute begins."""
    return max(since_us, 0) // HALF_DAY_US


def pack(known: Counting) -> PackedCounting:
    """What the record among the pages carries of the counts."""
    now = half_day(known.through_us)
    seen = [(_bits(line == now), _bits(line == now - 1)) for line in known.seen]
    return PackedCounting(known.tick_us, known.through_us, known.names, known.open, seen)


def unpack(packed: PackedCounting) -> Counting:
    """The same, restored."""
    known = Counting(packed.tick_us, packed.through_us, packed.names)
    known.place = {name: place for place, name in enumerate(packed.names)}
    known.open = packed.open
    known.seen = np.full((len(packed.names), PATIENTS_COUNTED_MAX), UNSEEN, np.int32)
    now = half_day(known.through_us)
    for line, (this, before) in zip(known.seen, packed.seen, strict=True):
        line[_set(before)], line[_set(this)] = now - 1, now
    return known


def _bits(mask: npt.NDArray[np.bool_]) -> bytes:
    return np.packbits(mask).tobytes().rstrip(b"\0")


def _set(bits: bytes) -> npt.NDArray[np.int64]:
    """Places of the bits that are set."""
    return np.flatnonzero(np.unpackbits(np.frombuffer(bits, np.uint8)))
