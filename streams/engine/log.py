"""A slice of one partition of `readings`, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from aiokafka.partitioner import murmur2

from models.detectors.silence import LATEST_S
from models.times import US_PER_S

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Headers = Sequence[tuple[str, bytes]]

FIRST_US, LAST_US = -30_610_224_000 * US_PER_S, 253_402_300_799 * US_PER_S
"""The years 1000 to 9999, which RFC 3339 can say. Kafka carries whatever time stamp a producer made up."""
LAST_ARRIVAL_US = LATEST_S * US_PER_S
"""A record that says that it arrives after 2104 has no time of arrival: its publisher mistook the unit, or the day."""


def _none() -> Ints:
    return np.empty(0, np.int64)


def home_of(key: bytes, partitions: int) -> int:
    """The partition, of so many, that Kafka's default partitioner (murmur2) gives a key."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


@dataclass(frozen=True, slots=True)
class LogSlice:
    """n records in offset order.

    offset, arrived_us (n,): arrival is Kafka's record timestamp; key, value: as they came; headers: None when no record
    has any. tick_us, tick_before (m,): times that pass between records: tick j comes before record tick_before[j].
    (Live, ticks are records; `replay` over files has them without.) partitions: how many the topic has. headed (h,):
    the places of records with headers, which are few: only those need be looked at one by one.
    """

    topic: str
    partition: int
    offset: Ints
    arrived_us: Ints
    key: Sequence[bytes | None]
    value: Sequence[bytes | None]
    headers: Sequence[Headers] | None = None
    tick_us: Ints = field(default_factory=_none)
    tick_before: Ints = field(default_factory=_none)
    partitions: int = 1
    headed: Ints = field(init=False)

    def is_home_of(self, key: bytes) -> bool:
        """Whether this is the partition that Kafka's default partitioner (murmur2) gives the key."""
        return self.partitions == 1 or home_of(key, self.partitions) == self.partition

    def __post_init__(self) -> None:
        if len(self.arrived_us):
            object.__setattr__(self, "arrived_us", np.minimum(np.maximum(self.arrived_us, FIRST_US), LAST_US))
        headed = [i for i, headers in enumerate(self.headers or ()) if headers]
        object.__setattr__(self, "headed", np.array(headed, np.int64))

    def headers_of(self, index: int) -> Headers:
        """Those of one record."""
        return self.headers[index] if self.headers else ()

    def has_headers(self, index: Ints) -> Bools:
        """Which of the records at these places (n,) have headers."""
        which = np.zeros(len(self), bool)
        which[self.headed] = True
        return which[index]

    def __len__(self) -> int:
        return len(self.value)
