"""What a sensor sends through the day: glucose under the skin, and the heart rate where the cadence asks for it."""

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.vitals import BY_NAME
from streams.cohort.noise import autocorrelated
from streams.cohort.people import Json, Person, Random
from streams.cohort.planted import Planted
from streams.cohort.sampling import ACTIVITIES, DAY_S, Schedule

Floats = npt.NDArray[np.float64]
GLUCOSE, HEART = BY_NAME["glucose"].index, BY_NAME["heart_rate"].index
REST, SLEEP, ACTIVE = (ACTIVITIES.index(name) for name in ("rest", "sleep", "active"))
HOUR_S = 3600


def streams_of(random: Random, person: Person, cadence: str, days: int) -> list[tuple[Schedule, Floats]]:
    """Each sensor's schedule, and what is added to the level at each of its times (n,), on the working scale."""
    known, found = load("cohort")["measuring"]["cadences"][cadence], []
    if wears_glucose_sensor(person):
        found.append(_glucose(random, known["glucose_s"], days))
    if known["heart_rate_s"] is not None:
        found.append(_heart(random, known["heart_rate_s"], days))
    return found


def wears_glucose_sensor(person: Person) -> bool:
    """Whether glucose comes from under the skin, and not from a finger."""
    return bool(set(person.conditions) & set(load("cohort")["conditions"]["glucose_streamed"]))


def _grid(random: Random, every_s: int, days: int, worn: float) -> Floats:
    """Times of a sensor, from a second of its own; parts of the days are missing."""
    at = np.arange(int(random.integers(0, every_s)), days * DAY_S, every_s, dtype=np.float64)
    quarter = (at // (DAY_S // 4)).astype(np.int64)
    there: Floats = at[(random.random(quarter[-1] + 1) < worn)[quarter]]
    return there


def _glucose(random: Random, every_s: int, days: int) -> tuple[Schedule, Floats]:
    """Meals rise and fall, the dawn rises, and the rest is autocorrelated."""
    known = load("cohort")["glucose"]
    at = _grid(random, every_s, days, known["worn"]["share"])
    rho = known["rho_15_min"] ** (every_s / 900)
    shocks = random.standard_normal((len(at), 1)) * known["sd"]
    added = autocorrelated(shocks, np.array([rho]))[:, 0] + _meals(random, at, days, known["meals"])
    hour, (first, last) = at % DAY_S / HOUR_S, known["dawn"]["hours"]
    added = added + np.where((hour >= first) & (hour < last), known["dawn"]["rise"], 0)
    schedule = Schedule(np.full(len(at), GLUCOSE), at, np.full(len(at), ACTIVITIES.index("unknown")))
    return schedule, added


def _meals(random: Random, at: Floats, days: int, known: Json) -> Floats:
    added = np.zeros(len(at))
    fall_s = known["fall_h"] * HOUR_S
    for hour in known["hours"]:
        eaten = (np.arange(days) * 24 + hour + random.normal(0, known["jitter_h"], days)) * HOUR_S
        size = np.abs(random.normal(known["rise"], known["rise"] / 3, days))
        which = np.clip(np.searchsorted(eaten, at) - 1, 0, days - 1)
        since = (at - eaten[which]) / fall_s
        added += np.where(since > 0, size[which] * since * np.exp(1 - np.clip(since, 0, 50)), 0)
    return added


def lows(events: list[Planted], at_s: Floats, value: Floats) -> Floats:
    """Glucose with its planted lows, [mg/dL]: down to the limit at the onset, lower, and back.

    at_s, value: (n,) local time and glucose. Nothing else is low: see never_below in cohort.yaml.
    """
    out: Floats = np.maximum(value, load("cohort")["glucose"]["never_below"]["value"])
    for event in (event for event in events if "low" in event.entry):
        known = event.entry
        fall, stay, rise = (known[name] * 60.0 for name in ("fall_min", "stay_min", "rise_min"))
        limit, low, usual = known["limit"] - 0.5, known["low"], load("cohort")["glucose"]["never_below"]["value"] * 2
        since = at_s - event.onset * DAY_S
        times = [-fall, 0, fall / 3, fall / 3 + stay, fall / 3 + stay + rise]
        curve = np.interp(since, times, [usual, limit, low, low, usual], left=np.inf, right=np.inf)
        out = np.minimum(out, curve)
    return out


def _heart(random: Random, every_s: int, days: int) -> tuple[Schedule, Floats]:
    """At rest, asleep and moving, each said with the reading."""
    known, cohort = load("cohort")["heart"], load("cohort")
    at = _grid(random, every_s, days, known["worn"]["share"])
    hour, (wakes, sleeps) = at % DAY_S / HOUR_S, known["awake_h"]
    asleep = (hour < wakes) | (hour >= sleeps)
    moving = ~asleep & (random.random(len(at)) < known["moving"]["share"])
    rho = known["rho_hour"] ** (every_s / HOUR_S)
    spread = load("design")["population"]["heart_rate"]["sd_within"] * cohort["noise"]["within_day"]["share"] / 2
    noise = autocorrelated(random.standard_normal((len(at), 1)) * spread, np.array([rho]))[:, 0]
    rise = np.abs(random.normal(known["moving"]["rise"], known["moving"]["spread"], len(at)))
    added = noise + np.where(moving, rise, 0) - np.where(asleep, known["sleeping"]["fall"], 0)
    return Schedule(np.full(len(at), HEART), at, np.where(moving, ACTIVE, np.where(asleep, SLEEP, REST))), added
