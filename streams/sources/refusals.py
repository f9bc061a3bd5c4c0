"""Whether the readings of sources are suddenly refused: a mapping died, a unit changed, an update went wrong.

Pure. Each source is judged on its last readings: those of five minutes, or as many minutes as hold twenty of them.
"""

from collections import Counter, deque
from dataclasses import dataclass, field

from alerts.sources import Example, SourceChange
from models.times import US_PER_DAY, from_us, to_us
from streams.engine.tallies import MINUTE_US

WINDOW_US = 5 * MINUTE_US
READINGS_MIN = 20
"""Fewer say little about a share."""
WINDOW_MAX_US = US_PER_DAY
FAILING_SHARE = 0.5
RISE = 0.45
"""Above what was usual: a source of which a third is always refused is no news, and its sensible half is decided."""
HEALTHY_SHARE = 0.2
USUAL_HALF_LIFE_US = US_PER_DAY
WATCHED_MAX = 1024
"""Sources watched; the one longest unseen makes room."""


@dataclass(slots=True)
class Minute:
    """One source in one minute; example: the first that was refused."""

    at_us: int
    received: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    example: Example | None = None


@dataclass(slots=True)
class Record:
    """One source: its last minutes with their readings and refused ones, and what was usual before them (old ones
    fading)."""

    minutes: deque[Minute] = field(default_factory=deque)
    received: int = 0
    rejected: int = 0
    usual_n: float = 0.0
    usual_rejected: float = 0.0
    usual_at_us: int = 0
    failing_since_us: int | None = None

    @property
    def share(self) -> float:
        """Refused of the last readings."""
        return self.rejected / max(self.received, 1)

    def add(self, minute: Minute) -> None:
        """The next minute; the oldest ones go where they are not needed for a judgement."""
        self.minutes.append(minute)
        self._count(minute, 1)
        while self.minutes[0] is not minute and self._spare(self.minutes[0], minute.at_us):
            old = self.minutes.popleft()
            self._count(old, -1)
            if self.failing_since_us is None:
                self._usual(old)

    def _count(self, minute: Minute, sign: int) -> None:
        self.received += sign * minute.received
        self.rejected += sign * minute.rejected

    def _spare(self, oldest: Minute, now_us: int) -> bool:
        enough = self.received - oldest.received >= READINGS_MIN and oldest.at_us <= now_us - WINDOW_US
        return enough or oldest.at_us <= now_us - WINDOW_MAX_US

    def _usual(self, old: Minute) -> None:
        fade = 0.5 ** (max(old.at_us - self.usual_at_us, 0) / USUAL_HALF_LIFE_US)
        self.usual_n = self.usual_n * fade + old.received
        self.usual_rejected = self.usual_rejected * fade + old.rejected
        self.usual_at_us = old.at_us

    @property
    def fails(self) -> bool:
        """Whether so much is refused all of a sudden; of a new source only if nothing at all is decided."""
        if self.received < READINGS_MIN:
            return False
        if self.usual_n < READINGS_MIN:
            return self.share == 1.0
        return self.share >= max(FAILING_SHARE, self.usual_rejected / self.usual_n + RISE)

    @property
    def recovered(self) -> bool:
        return self.received >= READINGS_MIN and self.share <= HEALTHY_SHARE


@dataclass(slots=True)
class Refusals:
    """All sources."""

    known: dict[str, Record] = field(default_factory=dict)

    def observe(self, at_us: int, seen: dict[str, Minute]) -> list[SourceChange]:
        """What came in the minute that ends at at_us; which sources are in another state from here on."""
        found = (self._observed(name, seen[name], at_us) for name in sorted(seen) if seen[name].received)
        return [change for change in found if change is not None]

    def _observed(self, name: str, minute: Minute, at_us: int) -> SourceChange | None:
        record = self._of(name)
        record.add(minute)
        if record.failing_since_us is None and record.fails:
            first = next((m.example for m in record.minutes if m.example), None)
            record.failing_since_us = to_us(first.arrived) if first else at_us
            return _change(name, "failing", record, at_us, _example(record))
        if record.failing_since_us is not None and record.recovered:
            change = _change(name, "healthy", record, at_us, None)
            record.failing_since_us = None
            return change
        return None

    def _of(self, name: str) -> Record:
        if name not in self.known and len(self.known) >= WATCHED_MAX:
            del self.known[min(self.known, key=lambda other: (_last_us(self.known[other]), other))]
        return self.known.setdefault(name, Record())


def _last_us(record: Record) -> int:
    return record.minutes[-1].at_us if record.minutes else 0


def _example(record: Record) -> Example | None:
    """One of the commonest reason, if there is one."""
    reasons = sum((minute.reasons for minute in record.minutes), Counter[str]())
    commonest = min(reasons, key=lambda reason: (-reasons[reason], reason), default="")
    examples = [minute.example for minute in record.minutes if minute.example]
    return next((e for e in examples if e.reason == commonest), examples[0] if examples else None)


def _change(name: str, state: str, record: Record, at_us: int, example: Example | None) -> SourceChange:
    reasons = sum((minute.reasons for minute in record.minutes), Counter[str]())
    counts = {"received": record.received, "rejected": record.rejected, **dict(reasons)}
    since = from_us(at_us if record.failing_since_us is None else record.failing_since_us)
    return SourceChange(
        source=name, state=state, since=since, at=from_us(at_us), counts=counts, example=example  # type: ignore[arg-type]
    )  # fmt: skip
