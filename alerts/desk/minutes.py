"""The minutes that workers tell of, each partition its own, on `sources`: by them the page's time goes on while nothing
else is said, and by their absence it is seen that nobody decides any more.

Without them the newest alert or window would be the page's now. In a quiet hour what is overdue would not be, ages
would stand still, and a snooze of an hour would be over sooner.
"""

import time
from collections.abc import Callable, Sequence

import msgspec

from alerts.desk.store import Store
from alerts.desk.worklist import seconds

TAIL = 2_048
"""Records that are read back at the start: a minute of as many partitions as there can be, twice."""


class Minute(msgspec.Struct, frozen=True):
    """One minute of one partition, as far as the desk must know it. through: its end."""

    partition: int
    through: str


def told_minute(_: bytes, value: bytes, __: float | None = None) -> Minute:
    """A record of `sources`. ValueError for anything else."""
    minute = msgspec.json.decode(value, type=Minute)
    seconds(minute.through)
    return minute


class Minutes:
    """What was told. still_after_s: None where time passes only while a feeder writes it. Used from several threads."""

    def __init__(self, store: Store, still_after_s: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._still_after_s, self._clock = store, still_after_s, clock
        self._began_s = clock()
        self._heard_s: dict[int, float] = {}

    def take(self, minutes: Sequence[Minute]) -> None:
        """Time has passed on these partitions."""
        self._store.go_on(max(seconds(one.through) for one in minutes))
        now_s = self._clock()
        self._heard_s = {**self._heard_s, **{one.partition: now_s for one in minutes}}

    @property
    def still(self) -> bool:
        """Whether a partition, or all of them, has not gone on for too long: its patients are watched by nobody."""
        last_s = min(self._heard_s.values(), default=self._began_s)
        return self._still_after_s is not None and self._clock() - last_s > self._still_after_s
