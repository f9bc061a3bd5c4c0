"""When a synthetic patient's vitals are measured, and when the readings arrive."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.segments import Bools, Ints
from models.vitals import BY_NAME, VITALS
from streams.cohort.people import Person, Random, start
from streams.cohort.planted import Planted

Floats = npt.NDArray[np.float64]
DAY_S = 86_400
ACTIVITIES = ("rest", "sleep", "active", "unknown")


@dataclass(frozen=True)
class Schedule:
    """Planned measurements, arrays of one length: vital (row in VITALS), local time [s of the record], activity (place
    in ACTIVITIES). Several vitals of one measurement share their time."""

    vital: Ints
    local_s: Floats
    activity: Ints

    def only(self, keep: Bools) -> "Schedule":
        """Those that are kept."""
        return Schedule(self.vital[keep], self.local_s[keep], self.activity[keep])


def joined(parts: Sequence[Schedule]) -> Schedule:
    """All of several schedules, in order of time."""
    vital, local_s, activity = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("vital", "local_s", "activity")
    )
    order = np.lexsort((vital, local_s))
    return Schedule(vital[order], local_s[order], activity[order])


def planned(random: Random, person: Person, days: int) -> Schedule:
    """What is measured at set hours: at night by the watch, in the morning and evening by hand."""
    known, parts = load("cohort")["measuring"], []
    jitter: dict[tuple[str, float], Floats] = {}
    for name, plan in known["plans"].items():
        every = _every_days(person, name, plan)
        if every is None:
            continue
        for hour in plan["hours"]:
            group = (known["together"].get(name, name), hour)
            if group not in jitter:
                jitter[group] = random.normal(0, plan["jitter_min"] * 60, days)
            made = (random.random(days) < plan["made"]) & ((np.arange(days) + person.number) % every == 0)
            at = np.flatnonzero(made)
            local = np.floor(at * DAY_S + hour * 3600 + jitter[group][at])
            what, doing = BY_NAME[name].index, ACTIVITIES.index(plan["activity"])
            parts.append(Schedule(np.full(len(at), what), local, np.full(len(at), doing)))
    return joined(parts)


def _every_days(person: Person, vital: str, plan: dict[str, int]) -> int | None:
    """Every how many days this patient measures the vital by plan; None if not at all."""
    conditions, has = load("cohort")["conditions"], set(person.conditions)
    if vital == "glucose" and not has & set(conditions["glucose_fasting"]):
        return None
    daily = {"body_weight": "weight_daily", "systolic_bp": "pressure_daily", "diastolic_bp": "pressure_daily"}
    if vital in daily and has & set(conditions[daily[vital]]):
        return 1
    return plan.get("every_days", 1)


def there(random: Random, schedule: Schedule, events: Iterable[Planted], days: int) -> Bools:
    """Which measurements take place, (n,): worn at night, at home, and not where an event takes the patient."""
    known = load("cohort")["measuring"]
    worn = np.array([vital.name in known["not_worn"]["vitals"] for vital in VITALS])
    day = np.clip((schedule.local_s // DAY_S).astype(np.int64), 0, days - 1)
    off, away = _runs(random, days), np.zeros(days, bool)
    for _ in range(int(random.poisson(known["away"]["per_100_days"] * days / 100))):
        first = int(random.integers(0, days))
        away[first : first + int(random.choice(known["away"]["days"]))] = True
    keep: Bools = ~(off[day] & worn[schedule.vital]) & ~away[day]
    for event in events:
        if event.away is not None:
            first_s, last_s = (at * DAY_S for at in event.away)
            keep &= (schedule.local_s < first_s) | (schedule.local_s >= last_s)
    return keep & (schedule.local_s >= 0) & (schedule.local_s < days * DAY_S)


def _runs(random: Random, days: int) -> Bools:
    """Nights without the watch: they come in runs."""
    known, off, drawn = load("cohort")["measuring"]["not_worn"], False, random.random(days)
    out = np.zeros(days, bool)
    for day in range(days):
        off = bool(drawn[day] < (known["goes_on"] if off else known["share"]))
        out[day] = off
    return out


def arrivals(random: Random, schedule: Schedule, days: int) -> Floats:
    """When each reading arrives, local [s]: minutes later, or with the first sync after a phone that was off."""
    late = load("cohort")["measuring"]["late"]
    usual = np.exp(random.normal(np.log(late["usual_min"] * 60), 0.8, len(schedule.vital)))
    off = np.where(random.random(days) < late["share"], random.integers(1, late["days_max"] + 1, days), 0)
    day = np.clip((schedule.local_s // DAY_S).astype(np.int64), 0, days - 1)
    sync = (day + off[day]) * DAY_S + 9 * 3600
    arrived: Floats = np.where(off[day] > 0, np.maximum(schedule.local_s, sync), schedule.local_s) + np.floor(usual)
    return arrived


def to_utc_s(local_s: Floats, zone: str, days: int) -> Ints:
    """Seconds since 1970 of local times of the record. The offset is that of the day's noon."""
    offsets = offsets_s(zone, days + 8)
    day = np.clip((local_s // DAY_S).astype(np.int64), 0, len(offsets) - 1)
    utc: Ints = np.floor(local_s).astype(np.int64) + _start_s() - offsets[day]
    return utc


@lru_cache(maxsize=256)
def offsets_s(zone: str, days: int) -> Ints:
    """Local time minus UTC at noon of each day of the record, (days,) [s]."""
    where, first = ZoneInfo(zone), start()
    noons = (datetime.combine(first + timedelta(days=d), time(12), where) for d in range(days))
    return np.array([int(noon.utcoffset().total_seconds()) for noon in noons], np.int64)  # type: ignore[union-attr]


@cache
def _start_s() -> int:
    return int(datetime.combine(start(), time(), UTC).timestamp())
