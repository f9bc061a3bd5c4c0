"""The watch over sources: from the minutes of all partitions to sources that go quiet, flow, fail or recover.

Pure, and a function of the reports alone. A minute is judged when every partition has told it: while a worker of ours
is away nothing is said about sources.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from alerts.sources import INGEST, TROUBLE_OF, SourceChange, Trouble
from models.times import LONG_AGO, from_us, to_us
from streams.engine.tallies import MINUTE_US, Report, Tally
from streams.sources.flow import NEVER, Flow, Flows, Seen
from streams.sources.refusals import Minute, Record, Refusals

SETTLES_US = 2 * MINUTE_US
"""A change is in the log, and in the reports of every partition, that long after it was seen; else it is told again."""


@dataclass(slots=True)
class Watch:
    """All partitions together. through: by partition, the end of its last minute; waiting: tallies by the minute that
    they belong to; done_us: the end of the last minute judged; last: the latest change of each trouble of a source."""

    partitions: int
    flows: Flows | None = field(default_factory=Flows)
    refusals: Refusals | None = field(default_factory=Refusals)
    through: dict[int, int] = field(default_factory=dict)
    waiting: dict[int, list[tuple[int, str, Tally]]] = field(default_factory=dict)
    done_us: int = LONG_AGO
    last: dict[tuple[str, Trouble], SourceChange] = field(default_factory=dict)

    def take(self, report: Report) -> list[SourceChange]:
        """One minute of one partition; what changes with it. A minute that is told again is left out."""
        if report.through_us <= self.through.get(report.partition, LONG_AGO):
            return []
        self.through[report.partition] = report.through_us
        for name, tally in report.sources.items():
            self.waiting.setdefault(self._minute_of(tally, report), []).append((report.partition, name, tally))
        if len(self.through) < self.partitions:
            return []
        if not self.waiting and self.flows_due_us > report.through_us:
            self.done_us = max(self.done_us, min(self.through.values()))
            return []  # nothing came, and nobody is due
        changes = self._judge(min(self.through.values()))
        self.last |= {(change.source, TROUBLE_OF[change.state]): change for change in changes}
        return changes

    @property
    def flows_due_us(self) -> int:
        """No source is quiet before."""
        return self.flows.due_us if self.flows is not None else NEVER

    def _minute_of(self, tally: Tally, report: Report) -> int:
        """Where a tally belongs. A report of many minutes (nobody had the partition) is about when readings began."""
        began = report.through_us if tally.first_us is None else tally.first_us
        minute = min(-(-began // MINUTE_US) * MINUTE_US, report.through_us)
        return max(minute, self.done_us + MINUTE_US)

    def _judge(self, until_us: int) -> list[SourceChange]:
        """All minutes up to one that every partition has told; those in which nothing can happen are passed over."""
        changes: list[SourceChange] = []
        for minute in sorted({at for at in self.waiting if at <= until_us} | {until_us}):
            while self.flows is not None and (due := -(-self.flows_due_us // MINUTE_US) * MINUTE_US) < minute:
                changes += self.flows.observe(due, {})
            tallies = self.waiting.pop(minute, [])
            if self.flows is not None:
                changes += self.flows.observe(minute, _seen(tallies))
            if self.refusals is not None:
                changes += self.refusals.observe(minute, _minutes(minute, tallies))
        self.done_us = max(self.done_us, until_us)
        return changes

    def unsettled(self, report: Report) -> list[SourceChange]:
        """What a partition should know by now and does not: told again, it does no harm.

        A worker that has just begun to watch also learns here what was said before it.
        """
        found = [*self._flow_differs(report), *self._refusal_differs(report)]
        return [change for change in found if to_us(change.at) <= report.through_us - SETTLES_US]

    def _flow_differs(self, report: Report) -> Iterable[SourceChange]:
        if self.flows is None:
            return
        known = {name: flow.quiet_since_us for name, flow in self.flows.known.items()}
        known[INGEST] = self.flows.all_since_us
        for name, since_us in sorted(report.quiet.items()):
            if known.get(name) is None and not self._adopted(self.flows, name, since_us):
                yield self._again(name, "quiet", "flowing", since_us)
        for name, quiet_us in sorted(known.items()):
            if quiet_us is not None and name not in report.quiet:
                yield self._again(name, "quiet", "quiet", quiet_us)

    def _adopted(self, flows: Flows, name: str, since_us: int) -> bool:
        """Whether a source is quiet that somebody before us found so: nothing has come of it that we know of."""
        if (name, "quiet") in self.last:
            return False
        latest = [flow.last_us for known, flow in flows.known.items() if name in (known, INGEST)]
        if max(latest, default=LONG_AGO) > since_us:
            return False
        if name == INGEST:
            flows.all_since_us = since_us
        else:
            flows.known[name] = Flow(since_us, since_us, since_us, quiet_since_us=since_us)
        return True

    def _refusal_differs(self, report: Report) -> Iterable[SourceChange]:
        if self.refusals is None:
            return
        known = {name: record.failing_since_us for name, record in self.refusals.known.items()}
        for name, since_us in sorted(report.failing.items()):
            if name not in known:
                self.refusals.known[name] = Record(failing_since_us=since_us)
            elif known[name] is None and (name, "failing") in self.last:
                yield self._again(name, "failing", "healthy", since_us)
            elif known[name] is None:
                self.refusals.known[name].failing_since_us = since_us
        for name, failing_us in sorted(known.items()):
            if failing_us is not None and name not in report.failing:
                yield self._again(name, "failing", "failing", failing_us)

    def _again(self, name: str, trouble: Trouble, state: str, since_us: int) -> SourceChange:
        """The last change once more; one of our own making if it was told before we began to watch."""
        last = self.last.get((name, trouble))
        if last is None or last.state != state:
            since, at = from_us(since_us), from_us(self.done_us)
            last = SourceChange(source=name, state=state, since=since, at=at)  # type: ignore[arg-type]
            self.last[name, trouble] = last
        return last

    def states(self) -> dict[str, int]:
        """How many sources are in which state."""
        quiet = sum(flow.quiet_since_us is not None for flow in self.flows.known.values()) if self.flows else 0
        failing = sum(r.failing_since_us is not None for r in self.refusals.known.values()) if self.refusals else 0
        known = len(self.flows.known) if self.flows else 0
        return {"quiet": quiet, "failing": failing, "flowing": known - quiet}


def _seen(tallies: list[tuple[int, str, Tally]]) -> dict[str, Seen]:
    """What came of each source by itself, all partitions together."""
    found: dict[str, Seen] = {}
    for partition, name, tally in tallies:
        if tally.first_us is not None and tally.last_us is not None:
            one = found.setdefault(name, Seen())
            one.received += tally.received
            one.first_us, one.last_us = min(one.first_us, tally.first_us), max(one.last_us, tally.last_us)
            one.patients[partition] = max(tally.patients, one.patients.get(partition, 0))
    return found


def _minutes(at_us: int, tallies: list[tuple[int, str, Tally]]) -> dict[str, Minute]:
    """What was refused of each source, all partitions together."""
    found: dict[str, Minute] = {}
    for _, name, tally in tallies:
        one = found.setdefault(name, Minute(at_us))
        one.received += tally.received
        one.rejected += tally.rejected
        if tally.rejected:
            one.reasons.update(tally.reasons())
        examples = [e for e in (one.example, tally.example) if e is not None]
        one.example = min(examples, key=lambda e: (e.arrived, e.partition, e.offset), default=None)
    return found
