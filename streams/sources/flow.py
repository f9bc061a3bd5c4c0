"""Whether sources flow: how long each is usually without a reading, by hour of the day, and which of them is quiet now.

Pure: times come with what was seen. A source uses up its patience while nothing comes, faster at hours at which it is
never long without a reading; when all of it is used, the source is quiet.
"""

import math
from dataclasses import dataclass, field

from alerts.sources import INGEST, SourceChange
from models.times import US_PER_DAY, from_us
from streams.engine.tallies import MINUTE_US

HOUR_US = 60 * MINUTE_US
HOURS = 24
QUIET_AFTER_MIN_US = 10 * MINUTE_US
"""A source is not quiet sooner: a restart of an integration takes minutes."""
QUIET_AFTER_MAX_US = 72 * HOUR_US
"""A weekend. A source that usually is silent for longer is no stream that somebody could watch."""
GAPS = 3
"""Times its usual longest gap that a source may take."""
GAP_AT_FIRST_US = 20 * MINUTE_US
"""Taken for usual on the first day, when a night has not been seen yet: quiet after an hour."""
LEARNED_AFTER_US = US_PER_DAY
GAP_HALF_LIFE_US = 3 * US_PER_DAY
"""A gap counts for half as long after three days without such a one."""
OUTAGE_TEACHES = 2
"""An outage may at most double what is usual: a night without readings is learned within days, and a day's outage does
not blind us for a week."""
PATIENTS_MIN = 3
"""A source of one or two patients that goes quiet is the silence of these patients."""
READINGS_BACK = 3
"""Readings within ten minutes of each other that a quiet source needs in order to flow: a single straggler is none."""
ALL_USED = 0.5
"""Share of its patience that every source must have used for all to be quiet at once: one alert, and not one each."""
WATCHED_MAX = 1024
"""Sources watched; the one longest unseen makes room."""
NEVER = 2**62


@dataclass(slots=True)
class Seen:
    """What came of one source in one minute. patients: by partition."""

    received: int = 0
    first_us: int = NEVER
    last_us: int = -NEVER
    patients: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Flow:
    """One source. from_us: since when it is judged (its last reading, or the end of an outage of everything); gaps: by
    hour of the day (UTC), its longest gap and when that ended; back: readings since it went quiet."""

    first_us: int
    last_us: int
    from_us: int
    gaps: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)] * HOURS)
    patients: dict[int, tuple[int, int]] = field(default_factory=dict)
    quiet_since_us: int | None = None
    back: int = 0
    due_us: int = 0

    @property
    def patient_count(self) -> int:
        """Patients seen within a day of the last reading."""
        return sum(n for n, at in self.patients.values() if at > self.last_us - US_PER_DAY)

    def limit_us(self, hour: int) -> int:
        """How long the source may be without a reading at this hour of the day."""
        gap = max(self._gap(h % HOURS) for h in (hour - 1, hour, hour + 1))
        if self.last_us - self.first_us < LEARNED_AFTER_US:
            gap = max(GAP_AT_FIRST_US, gap, *map(self._gap, range(HOURS)))
        return round(min(max(GAPS * gap, QUIET_AFTER_MIN_US), QUIET_AFTER_MAX_US))

    def _gap(self, hour: int) -> float:
        gap, at = self.gaps[hour]
        return gap * 0.5 ** ((self.last_us - at) / GAP_HALF_LIFE_US) if gap else 0.0

    def learn(self, begin_us: int, end_us: int) -> None:
        """There was no reading between these times."""
        gap = end_us - begin_us
        if gap <= MINUTE_US:
            return
        first, last = begin_us // HOUR_US, end_us // HOUR_US
        hours = [h % HOURS for h in range(first, min(last, first + HOURS - 1) + 1)]
        most = [OUTAGE_TEACHES * self.limit_us(hour) if self.quiet_since_us is not None else gap for hour in hours]
        for hour, taught in zip(hours, (min(gap, us) for us in most), strict=True):
            if taught >= self._gap(hour):
                self.gaps[hour] = taught, end_us

    def used(self, now_us: int) -> float:
        """Share of its patience that the source has used by now."""
        used, at = 0.0, self.from_us
        while at < now_us and used < 1:
            end = min((at // HOUR_US + 1) * HOUR_US, now_us)
            used += (end - at) / self.limit_us(at // HOUR_US % HOURS)
            at = end
        return used

    def runs_out_us(self) -> int:
        """When all of its patience will be used if nothing comes."""
        left, at = 1.0, self.from_us
        while True:
            limit, end = self.limit_us(at // HOUR_US % HOURS), (at // HOUR_US + 1) * HOUR_US
            if (end - at) / limit >= left:
                return at + math.ceil(left * limit)
            left -= (end - at) / limit
            at = end


@dataclass(slots=True)
class Flows:
    """All sources. all_since_us: since when nothing at all comes (None: something does); due_us: nobody
    is due before."""

    known: dict[str, Flow] = field(default_factory=dict)
    all_since_us: int | None = None
    all_back: int = 0
    due_us: int = NEVER

    def observe(self, at_us: int, seen: dict[str, Seen]) -> list[SourceChange]:
        """The minute that ends at at_us: what came, and which sources are in another state from here on."""
        changes = self._all_back(at_us, seen)
        for name in sorted(seen):
            changes += self._came(name, seen[name], at_us)
        if self.due_us <= at_us:
            changes += self._went(at_us)
        return changes

    def _all_back(self, at_us: int, seen: dict[str, Seen]) -> list[SourceChange]:
        """The end of an outage of everything: from here on every source is judged anew."""
        if self.all_since_us is None or not seen:
            return []
        self.all_back += sum(one.received for one in seen.values())
        if self.all_back < READINGS_BACK:
            return []
        since, self.all_since_us, self.all_back = self.all_since_us, None, 0
        for flow in self.known.values():
            flow.from_us = max(flow.from_us, at_us)
            flow.due_us = flow.from_us + QUIET_AFTER_MIN_US
        self.due_us = at_us
        return [_change(INGEST, "flowing", since, at_us, {})]

    def _came(self, name: str, seen: Seen, at_us: int) -> list[SourceChange]:
        """Readings of a source."""
        flow = self.known.get(name) or self._new(name, seen)
        apart = seen.first_us - flow.last_us
        if apart > 0 and flow.from_us <= flow.last_us and self.all_since_us is None:
            flow.learn(flow.last_us, seen.first_us)
        flow.patients |= {partition: (n, at_us) for partition, n in seen.patients.items()}
        flow.last_us = max(flow.last_us, seen.last_us)
        flow.from_us = max(flow.from_us, flow.last_us)
        flow.due_us = flow.from_us + QUIET_AFTER_MIN_US
        self.due_us = min(self.due_us, flow.due_us)
        if flow.quiet_since_us is None:
            return []
        flow.back = seen.received + (flow.back if apart < QUIET_AFTER_MIN_US else 0)
        if flow.back < READINGS_BACK:
            return []
        since, flow.quiet_since_us, flow.back = flow.quiet_since_us, None, 0
        return [_change(name, "flowing", since, at_us, {"patients": flow.patient_count})]

    def _new(self, name: str, seen: Seen) -> Flow:
        if len(self.known) >= WATCHED_MAX:
            del self.known[min(self.known, key=lambda other: (self.known[other].last_us, other))]
        self.known[name] = Flow(seen.first_us, seen.first_us, seen.first_us)
        return self.known[name]

    def _went(self, at_us: int) -> list[SourceChange]:
        """Sources that are quiet from this minute on; all of them together, if so."""
        self.due_us = NEVER
        if self.all_since_us is not None:
            return []
        watched = {n: f for n, f in self.known.items() if f.quiet_since_us is None and f.patient_count >= PATIENTS_MIN}
        due = [name for name, flow in sorted(watched.items()) if _is_due(flow, at_us)]
        if due and len(watched) > 1 and all(flow.used(at_us) >= ALL_USED for flow in watched.values()):
            return [self._all_quiet(watched, at_us)]
        for name in due:
            watched[name].quiet_since_us = watched[name].last_us
        self.due_us = min((flow.due_us for name, flow in watched.items() if name not in due), default=NEVER)
        flows = ((name, watched[name]) for name in due)
        return [_change(n, "quiet", flow.last_us, at_us, {"patients": flow.patient_count}) for n, flow in flows]

    def _all_quiet(self, watched: dict[str, Flow], at_us: int) -> SourceChange:
        self.all_since_us, self.all_back = max(flow.last_us for flow in watched.values()), 0
        patients = sum(flow.patient_count for flow in watched.values())
        return _change(INGEST, "quiet", self.all_since_us, at_us, {"patients": patients})


def _is_due(flow: Flow, at_us: int) -> bool:
    """Whether the source's patience is used up. Worked out only when it may be."""
    if flow.due_us > at_us:
        return False
    flow.due_us = flow.runs_out_us()
    return flow.due_us <= at_us


def _change(source: str, state: str, since_us: int, at_us: int, counts: dict[str, int]) -> SourceChange:
    since, at = from_us(since_us), from_us(at_us)
    return SourceChange(source=source, state=state, since=since, at=at, counts=counts)  # type: ignore[arg-type]
