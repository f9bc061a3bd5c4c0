"""Whether a channel works: several messages in a row that did not get through are trouble, the next one that does is
its end. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from alerts.channels.protocol import Outcome
from alerts.sources import SourceChange

FAILED_IN_A_ROW = 3
CHANNEL_PREFIX = "channel:"
"""Before the name of a channel where a source is named: a channel that fails is told as a source in trouble is."""


@dataclass
class _One:
    failed: int = 0
    since: datetime | None = None
    told: bool = False


@dataclass
class Health:
    """What was seen of each channel since the process began."""

    _of: dict[str, _One] = field(default_factory=dict)

    def saw(self, channel: str, outcome: Outcome, now: datetime, *, failed_before: bool = False) -> SourceChange | None:
        """Take note; what has changed, to be told to the log. failed_before: the last message that another process sent
        by it had failed; whether that was told is not known, so that it works now is."""
        new = channel not in self._of
        one = self._of.setdefault(channel, _One())
        if outcome.outcome == "delivered":
            ended = one.told or (new and failed_before)
            since = one.since or now
            self._of[channel] = _One()
            return self._change(channel, "delivering", since, now, 0) if ended else None
        one.failed += 1
        one.since = one.since or now
        if one.told or one.failed < FAILED_IN_A_ROW:
            return None
        one.told = True
        return self._change(channel, "undelivered", one.since, now, one.failed)

    def _change(
        self, channel: str, state: Literal["undelivered", "delivering"], since: datetime, now: datetime, failed: int
    ) -> SourceChange:
        name = f"{CHANNEL_PREFIX}{channel}"
        return SourceChange(source=name, state=state, since=since, at=now, counts={"failed": failed})

    def working(self, channel: str, *, failed_before: bool = False) -> bool:
        """Whether it is not known to fail. failed_before: as of `saw`; it is all that is known until one was sent."""
        one = self._of.get(channel)
        return not failed_before if one is None else not one.told
