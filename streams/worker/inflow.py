"""Whether profiles and actions get into the log, and whether the topics of a worker are there at all.

Of `readings` a worker hears with each chunk how much waits. What lies on the other two is sequenced by others of its
agents: acknowledgements and withdrawn consents that do not get into the log must be seen as well.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from faust.types import TP

from streams import limits
from streams.kafka.outage import TopicGone, passing
from streams.serving import metrics
from streams.serving.standstill import Still

Places = Callable[[], Awaitable[Mapping[TP, tuple[int, int]]]]
"""Of each partition of profiles and actions that is ours: up to where it is in the log, and where it ends."""

GONE_LOOKS = 2


class Inflow:
    """What waits on `profiles` and `actions`, by partition of ours. Time is the event loop's. saw_gone: is told of a
    topic that is missing at GONE_LOOKS looks, so not merely unknown to a broker that has just started."""

    def __init__(self, saw_gone: Callable[[str], None]) -> None:
        self._saw_gone = saw_gone
        self._upto: dict[TP, int] = {}
        self._lag: dict[TP, int] = {}
        self._still: Still[TP] = Still()
        self._gone: dict[str, tuple[float, int]] = {}

    def begins(self, tp: TP, start: int) -> None:
        """A chunk that begins there is taken up."""
        self._upto.setdefault(tp, start)

    def done(self, tp: TP, end: int) -> None:
        """All before `end` is in the log."""
        self._upto[tp] = end

    def upto(self, tp: TP) -> int | None:
        """Up to where the partition is in the log; None when nothing of it has come since it is ours."""
        return self._upto.get(tp)

    def look(self, tp: TP, position: int, end: int) -> None:
        """The partition is in the log up to `position`, and ends at `end`."""
        self._still.look(tp, position, end)
        self._lag[tp] = max(0, end - position)
        metrics.control_lag.labels(tp.topic, str(tp.partition)).set(self._lag[tp])

    def stuck(self) -> str:
        """A sentence for /readyz; empty when all gets into the log."""
        if self._gone:
            return f"not there: {', '.join(sorted(self._gone))}; made anew if that lasts"
        waiting = [f"{tp.topic} {tp.partition}" for tp in self._still.for_long() if self._lag.get(tp)]
        return f"stuck: {', '.join(waiting)}: records wait, and none gets into the log" if waiting else ""

    def missing(self, topics: Iterable[str]) -> None:
        """Kafka does not know these topics. Raises TopicGone for those that it has not known for STUCK_S: for less, a
        broker that has just started may not have heard of them yet."""
        now_s = asyncio.get_running_loop().time()
        before = {name: self._gone.get(name, (now_s, 0)) for name in topics}
        self._gone = {name: (since_s, looks + 1) for name, (since_s, looks) in before.items()}
        for name in (name for name, (_, looks) in self._gone.items() if looks == GONE_LOOKS):
            self._saw_gone(name)
        if gone := sorted(name for name, (since_s, _) in self._gone.items() if now_s - since_s >= limits.STUCK_S):
            raise TopicGone(gone)

    def forget(self) -> None:
        """The partitions are being shared out anew."""
        for tp in self._lag:
            metrics.control_lag.labels(tp.topic, str(tp.partition)).set(0)
        self._upto, self._lag = {}, {}
        self._still.clear()


async def keep_looking(inflow: Inflow, missing: Callable[[], Iterable[str]], places: Places) -> None:
    """A look every LAG_LOOK_EVERY_S. That Kafka is away is said by others; then nothing is known. Raises TopicGone."""
    while True:
        await asyncio.sleep(limits.LAG_LOOK_EVERY_S)
        inflow.missing(missing())
        try:
            async with asyncio.timeout(limits.BROKER_ANSWER_WITHIN_S):
                found = await places()
        except Exception as error:  # told apart here
            if not passing(error):
                raise
            continue
        for tp, (position, end) in found.items():
            inflow.look(tp, position, end)
