"""The lives of the topics that profiles and actions are sequenced from: one that was made anew is another topic.

The engine passes over a record at or before the last place that it has applied (`engine.origins`). A topic that was
deleted and made anew begins at offset 0 again: what people do and withdraw there would be passed over as done already,
and nobody would be told. So places of a later life of a topic lie behind all of those before: a life is the upper bits
of an offset in an origin. In which life a partition is, the state of its patients tells: a topic that ends at or before
what was applied of it last is a new one. It follows the state, so whichever worker has the partition finds the same.

One that has grown to that place before a worker looks cannot be told from the old one by its end. But a worker that
runs meanwhile sees that the topic is not there (`inflow`): what comes after that is of a new life, wherever it ends.
"""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from streams.control import LIFE, OFFSETS_MAX
from streams.engine.origins import latest

log = logging.getLogger(__name__)

LAST_LIFE = OFFSETS_MAX // LIFE - 1


class Deletions:
    """How often topics were seen to be gone, by this process, and in which partitions that is followed already."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._followed: dict[tuple[str, int], int] = {}

    def saw(self, word: str) -> None:
        """The topic was gone for a while: when it is there again, it is another one."""
        self._seen[word] += 1

    def since(self, word: str, partition: int) -> bool:
        """Whether the topic was gone since this was last asked of the partition."""
        before, now = self._followed.get((word, partition), 0), self._seen[word]
        self._followed[word, partition] = now
        return now > before


class _Lane(NamedTuple):
    """A partition of a topic as it was met last: when partitions had been shared out that often, the place at which its
    life begins, and the offset after the last record of it that was sequenced."""

    assignments: int = -1
    begin: int = 0
    after: int = 0


class Lives:
    """applied: the origins that the state of a partition knows; end: the offset after the last record of a partition of
    `profiles` or `actions`; assignments: how often partitions were shared out; deletions: what the process saw go."""

    def __init__(
        self,
        applied: Callable[[int], Iterable[bytes]],
        end: Callable[[str, int], Awaitable[int]],
        assignments: Callable[[], int],
        deletions: Deletions | None = None,
    ) -> None:
        self._applied, self._end, self._assignments = applied, end, assignments
        self._deletions = deletions or Deletions()
        self._lanes: dict[tuple[str, int], _Lane] = {}

    async def begin(self, word: str, partition: int, first: int, after: int) -> int:
        """What to add to the offsets of the records that have come, first..after. Looks anew when partitions were
        shared out since, or when what has come does not lie behind what came before."""
        lane, assignments = self._lanes.get((word, partition), _Lane()), self._assignments()
        begin, gone = lane.begin, self._deletions.since(word, partition)
        if assignments != lane.assignments or first < lane.after or gone:
            last = max(lane.begin + lane.after - 1, latest(self._applied(partition), word, partition))
            begin = LIFE * await self._life(word, partition, last, gone)
        self._lanes[word, partition] = _Lane(assignments, begin, after)
        return begin

    async def _life(self, word: str, partition: int, last: int, gone: bool) -> int:
        """In which life the partition is, of which this place was applied or sequenced last (-1: none); gone: it was
        seen to be gone since then."""
        life, offset = divmod(last, LIFE)
        if last < 0 or ((end := await self._end(word, partition)) > offset and not gone):
            return max(life, 0)
        log.error(
            "partition %d of %s ends at offset %d, and what lay up to %d was applied: the topic was deleted and made "
            "anew, or cut short. What comes on it from here on is taken for new", partition, word, end, offset,
        )  # fmt: skip
        return min(life + 1, LAST_LIFE)
