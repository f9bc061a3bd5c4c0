"""Silence: for how long a link (one vital of one patient from one device) may be silent before somebody is told.

The longest pause of the last weeks is the device's habit, night and day apart: a pause belongs to the part of the local
day in which it began. What counts is when data arrive, not when they were measured: a device that is read out once a
day arrives once a day. Whole seconds throughout, so that a link worked on reading by reading and one worked on in bulk
agree exactly.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.findings import SEVERITIES, Rule
from models.segments import Bools, Ints, lasts, previous, segments_of
from models.vitals import VITALS

HOUR_S, DAY_S = 3600, 86_400
NEVER_S = 2**32 - 1
LATEST_S = NEVER_S - 400 * DAY_S
"""Arrivals are kept up to then (December 2104), so that what is waited for still fits."""
PARTS = 2
DAY, NIGHT = range(PARTS)
PERIODS = 2

STATE = np.dtype(
    [
        ("first_s", "u4"),
        ("last_s", "u4"),
        ("due_s", "u4"),
        ("longest_s", "u4", (PERIODS, PARTS)),
        ("vital", "u1"),
        ("habit", "u1"),
        ("told", "u1"),
        ("stale", "u1"),
    ],
    align=True,
)
"""One link. first_s, last_s: first and latest arrival [s since 1970]; due_s: when to look at it (NEVER_S: not before
data come); longest_s: longest pause learned, by period (even, odd) and part of the day in which it began, 0 if none was
long enough to matter; habit: the slowest group of vitals that its device measures; told: what people know (for the
caller); stale: its own threshold has passed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Seconds. floor_s, rank by vital (V,); start_s, learn_s by habit, slowest last; group_of: habit of each vital."""

    floor_s: Ints
    rank: Ints
    start_s: Ints
    learn_s: Ints
    group_of: Ints
    percent: int
    outage_percent: int
    period_s: int
    night_from_s: int
    night_until_s: int
    both_parts_s: int
    most_s: int
    recheck_s: int
    rule: Rule

    @property
    def least_s(self) -> Ints:
        """By vital: a shorter pause cannot lift the threshold over its floor, and is not kept."""
        return self.floor_s * 100 // self.percent


@cache
def settings() -> Settings:
    """The settings in use (`evidence/cadence.yaml`)."""
    document = load("cadence")
    s, groups = document["silence"], sorted(document["groups"], key=lambda group: group["silence"]["start_d"])
    of = {name: place for place, group in enumerate(groups) for name in group["vitals"]}
    by_vital = [groups[of[vital.name]]["silence"] for vital in VITALS]
    return Settings(
        floor_s=np.array([round(one["floor_h"] * HOUR_S) for one in by_vital], np.int64),
        rank=np.array([SEVERITIES.index(one["severity"]) for one in by_vital], np.int64),
        start_s=np.array([round(group["silence"]["start_d"] * DAY_S) for group in groups], np.int64),
        learn_s=np.array([round(group["silence"]["learn_d"] * DAY_S) for group in groups], np.int64),
        group_of=np.array([of[vital.name] for vital in VITALS], np.int64), percent=round(s["factor"] * 100),
        outage_percent=round(s["outage"] * 100),
        period_s=s["period_d"] * DAY_S, night_from_s=s["night_from_h"] * HOUR_S,
        night_until_s=s["night_until_h"] * HOUR_S, both_parts_s=s["both_parts_h"] * HOUR_S, most_s=s["most_d"] * DAY_S,
        recheck_s=s["recheck_s"], rule=Rule("silence", document["meta"]["version"], document["meta"]["src"][0]),
    )  # fmt: skip


def part_of(local_s: Ints) -> Ints:
    """NIGHT or DAY of local times (n,) [s]."""
    s, time = settings(), local_s % DAY_S
    return np.where((time >= s.night_from_s) | (time < s.night_until_s), NIGHT, DAY)


def part_at(local_s: int) -> int:
    """The same of one local time."""
    s, time = settings(), local_s % DAY_S
    return NIGHT if time >= s.night_from_s or time < s.night_until_s else DAY


def allowed_s(longest_s: Ints, watched_s: Ints, vital: Ints, habit: Ints) -> Ints:
    """For how long links may be silent, (n,) [s]. longest_s (n,): longest usual pause; watched_s (n,): known for. What
    has come day and night for as long as its own group is watched is not weekly because its device is weighed on, too.
    """
    s, own = settings(), settings().group_of[vital]
    stream = (watched_s >= s.learn_s[own]) & (longest_s < s.both_parts_s)
    waited = np.where(watched_s >= s.learn_s[habit], 0, s.start_s[np.where(stream, np.minimum(own, habit), habit)])
    return np.minimum(np.maximum(np.maximum(s.floor_s[vital], longest_s * s.percent // 100), waited), s.most_s)


@dataclass(frozen=True, slots=True)
class Passage:
    """Arrivals of a stretch, by link. links (k,), last_s (k,): latest arrival; hard (k,): a pause or the end
    of a period that must be gone through arrival by arrival; pauses worth learning: link, begin_s, end_s, (m,)."""

    links: Ints
    last_s: Ints
    hard: Bools
    link: Ints
    begin_s: Ints
    end_s: Ints


def passage(states: npt.NDArray[np.void], link: Ints, at_s: Ints, now_s: int) -> Passage:
    """What these arrivals mean for their links, without changing them.

    states: dtype STATE; link (n,): sorted; at_s (n,): arrivals, not falling in a link; now_s: the latest tick.
    A link is hard when in doubt: as little as it may be allowed anywhere in the stretch is what is compared with. An
    arrival at the very second at which the link is due comes after the tick of that second.
    """
    s = settings()
    links, segment = segments_of(link)
    old = states[links]
    before = previous(segment, at_s, old["last_s"].astype(np.int64))
    last_s = at_s[lasts(segment)]
    vital = old["vital"].astype(np.int64)
    least = old["longest_s"].max(axis=1).min(axis=1).astype(np.int64)
    allowed = allowed_s(least, last_s - old["first_s"], vital, old["habit"].astype(np.int64))
    pause = at_s - before
    hard = (old["told"] > 0) | (old["stale"] > 0) | (last_s + allowed <= now_s)
    hard |= last_s // s.period_s != old["last_s"] // s.period_s
    hard[segment[pause >= allowed[segment]]] = True
    worth = np.flatnonzero((pause > s.least_s[vital][segment]) & ~hard[segment])
    return Passage(links, last_s, hard, link[worth], before[worth], at_s[worth])


def pass_by(states: npt.NDArray[np.void], passed: Passage, begun: Ints, part: Ints) -> None:
    """Apply the arrivals of links that are not hard. begun (m,): part of the day in which each pause began; part (k,):
    of each link's last arrival."""
    s = settings()
    period, pause = passed.end_s // s.period_s % PERIODS, passed.end_s - passed.begin_s
    longest = states["longest_s"]
    np.maximum.at(longest, (passed.link, period, begun), pause)
    both = np.flatnonzero(pause >= s.both_parts_s)
    np.maximum.at(longest, (passed.link[both], period[both], PARTS - 1 - begun[both]), pause[both])
    easy = np.flatnonzero(~passed.hard)
    links, last_s = passed.links[easy], passed.last_s[easy]
    one = states[links]
    usual = one["longest_s"].max(axis=1)[np.arange(len(links)), part[easy]].astype(np.int64)
    allowed = allowed_s(usual, last_s - one["first_s"], one["vital"].astype(np.int64), one["habit"].astype(np.int64))
    states["last_s"][links], states["due_s"][links] = last_s, last_s + allowed


@dataclass(slots=True)
class Pace:
    """One link, for what must be gone through arrival by arrival. Fields as of STATE; longest_s: [period][part]."""

    first_s: int
    last_s: int
    longest_s: list[list[int]]
    vital: int
    habit: int

    def usual_s(self, part: int) -> int:
        """Longest usual pause that began in this part of the day; 0 if none was long enough to matter."""
        return max(period[part] for period in self.longest_s)

    @property
    def known(self) -> bool:
        """Whether the link has been watched long enough for its own habit to count."""
        return bool(self.last_s - self.first_s >= settings().learn_s[self.habit])

    def _waited_s(self, part: int) -> int:
        """For how long is waited for what is not known yet, as of `allowed_s`."""
        s, own = settings(), int(settings().group_of[self.vital])
        stream = self.last_s - self.first_s >= s.learn_s[own] and self.usual_s(part) < s.both_parts_s
        return 0 if self.known else int(s.start_s[min(own, self.habit) if stream else self.habit])

    def allowed_s(self, part: int) -> int:
        """For how long it may be silent after its latest arrival, in this part of the day."""
        s, waited = settings(), self._waited_s(part)
        learned = self.usual_s(part) * s.percent // 100
        return min(max(int(s.floor_s[self.vital]), learned, waited), s.most_s)

    def arrive(self, at_s: int, part: int, *, learn: bool = True) -> None:
        """Data come again, after a pause that began in this part of the day. An outage is learned as a part of what
        was waited for; a pause that was none of the device's is not learned."""
        s = settings()
        pause, allowed_s = at_s - self.last_s if learn else 0, self.allowed_s(part)
        if pause > allowed_s:
            pause = allowed_s * s.outage_percent // 100
        passed = at_s // s.period_s - self.last_s // s.period_s
        for back in range(min(passed, PERIODS)):
            self.longest_s[(at_s // s.period_s - back) % PERIODS] = [0] * PARTS
        if pause > s.least_s[self.vital]:
            here = self.longest_s[at_s // s.period_s % PERIODS]
            for one in range(PARTS) if pause >= s.both_parts_s else (part,):
                here[one] = max(here[one], pause)
        self.last_s = at_s
