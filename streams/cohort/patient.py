"""One synthetic patient from the first random number to the last reading."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.segments import Bools, Ints
from models.times import US_PER_S, rfc3339
from models.vitals import BY_NAME
from streams.cohort import measuring
from streams.cohort.noise import day_noise, week
from streams.cohort.people import SYNTHETIC, Json, Person, Random, person
from streams.cohort.planted import Planted, plan, spans, words
from streams.cohort.sampling import DAY_S, Schedule, arrivals, planned, there, to_utc_s
from streams.cohort.streamed import GLUCOSE, lows, streams_of, wears_glucose_sensor
from streams.cohort.truth import Truth, truth

Floats = npt.NDArray[np.float64]
DELIVERED_AGAIN_S = 7200
SPO2 = BY_NAME["spo2"].index


@dataclass(frozen=True)
class Readings:
    """One patient's readings in order of measurement, (n,) each: vital (row in VITALS), at_s and arrived_s [s since
    1970], value (canonical units, rounded), quality (NaN: not said), activity (place in ACTIVITIES), number (of the
    reading: one that is delivered twice is there twice)."""

    vital: Ints
    at_s: Ints
    arrived_s: Ints
    value: Floats
    quality: Floats
    activity: Ints
    number: Ints


@dataclass(frozen=True)
class Patient:
    """What is written about one patient."""

    person: Person
    profiles: list[Json]
    labels: list[Json]
    readings: Readings


def patient(seed: int, number: int, days: int, kind: str, cadence: str) -> Patient:
    """Make one patient: the same for the same seed and number, whoever else is in the cohort."""
    random = np.random.default_rng([seed, number])
    someone = person(random, number, kind)
    events = plan(random, someone, kind, days)
    true = truth(random, someone, events, days)
    readings = _readings(random, someone, events, true, days, cadence)
    profiles = _published(random, someone, true, days)
    labels = [_label(someone, event, days) for event in events]
    return Patient(someone, profiles, labels, readings)


def _readings(random: Random, someone: Person, events: list[Planted], true: Truth, days: int, cadence: str) -> Readings:
    schedule, level = _levels(random, someone, true, days, cadence)
    order = np.lexsort((schedule.vital, schedule.local_s))
    schedule, level = schedule.only(order), level[order]  # type: ignore[arg-type]  # an order selects as a mask does
    own, sugar = measuring.bias(random, someone, true), schedule.vital == GLUCOSE
    sensed = sugar & wears_glucose_sensor(someone)
    seen = measuring.measured(random, level, true, own, schedule.vital, sensed)
    value, quality, arrived = seen.value, seen.quality, arrivals(random, schedule, days)
    value[sugar] = lows(events, schedule.local_s[sugar], value[sugar])
    value = measuring.stuck(events, someone, schedule, measuring.rounded(value, schedule.vital))
    keep: Bools = there(random, schedule, events, days)
    zone = someone.profile["timezone"]
    at_s = to_utc_s(schedule.local_s[keep], zone, days)
    arrived_s = np.maximum(at_s, to_utc_s(arrived[keep], zone, days))
    number = np.arange(len(at_s))
    once = Readings(schedule.vital[keep], at_s, arrived_s, value[keep], quality[keep], schedule.activity[keep], number)
    return _redelivered(random, once)


def _redelivered(random: Random, once: Readings) -> Readings:
    """With some readings a second time, minutes later: at least once is what a phone promises."""
    again = np.flatnonzero(random.random(len(once.number)) < load("cohort")["device"]["duplicate"]["share"])
    both = np.concatenate([once.number, again])
    columns = {known.name: getattr(once, known.name)[both] for known in fields(Readings)}
    columns["arrived_s"][len(once.number) :] += random.integers(1, DELIVERED_AGAIN_S, len(again))
    return Readings(**columns)


def _levels(random: Random, someone: Person, true: Truth, days: int, cadence: str) -> tuple[Schedule, Floats]:
    """Everything that is measured, and the level that a perfect device would read."""
    noise = day_noise(random, days) + week(random, days)
    by_plan, sensors = planned(random, someone, days), streams_of(random, someone, cadence, days)
    streamed = {int(schedule.vital[0]) for schedule, _ in sensors if len(schedule.vital)}
    by_plan = by_plan.only(~np.isin(by_plan.vital, list(streamed)))
    levels = [measuring.signal(true, noise, by_plan) + measuring.through_the_day(random, true, by_plan)]
    levels += [measuring.signal(true, noise, schedule) + added for schedule, added in sensors]
    parts = [by_plan, *(schedule for schedule, _ in sensors)]
    columns = (np.concatenate([getattr(p, name) for p in parts]) for name in ("vital", "local_s", "activity"))
    return Schedule(*columns), np.concatenate(levels)


def _published(random: Random, someone: Person, true: Truth, days: int) -> list[Json]:
    """The profile as it is told within the record: some state what is usual for them. A version that came days after
    the last reading would make a replay wait for it, and everybody silent meanwhile."""
    known, usual = load("cohort")["people"]["usual"], {}
    if random.random() < known["share"]:
        level = true.level[0, BY_NAME["resting_heart_rate"].index] + random.normal(0, known["sd"])
        usual = {"usual": {"resting_heart_rate": round(float(level))}}
    told = [version for day, version in someone.versions if day < days]
    return [{**version, **usual, **_targets(someone, true)} for version in told]


def _targets(someone: Person, true: Truth) -> Json:
    """A range of its own for who lives with little oxygen."""
    known = load("cohort")["conditions"]["oxygen_target"]
    if not set(someone.conditions) & set(known["conditions"]) or true.level[0, SPO2] >= known["below"]:
        return {}
    target = {"vital": "spo2", "low": known["low"], "high": known["high"], "author": f"{SYNTHETIC}-doctor"}
    return {"targets": [target]}


def _label(someone: Person, event: Planted, days: int) -> Json:
    zone, entry = someone.profile["timezone"], event.entry
    times = dict(zip(("start", "end", "until"), spans(event, days), strict=True))
    if "event_day" in entry:
        times["event_at"] = event.onset + entry["event_day"]
    told = {name: _instant(day, zone, days) for name, day in times.items()}
    return {"patient": someone.patient, **told, **words(event)}


def _instant(day: float, zone: str, days: int) -> str:
    return rfc3339(int(to_utc_s(np.array([day * DAY_S]), zone, days)[0]) * US_PER_S)
