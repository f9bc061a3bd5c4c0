"""The true level of every vital on every day: the expectation of the profile, the person's own level, what happens."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from models.detectors import floors
from models.evidence import load
from models.expectation import Expectation, expect
from models.prior import to_scale
from models.profile import Profile
from models.vitals import BY_NAME, VITALS
from streams.cohort.people import Json, Person, Random, start
from streams.cohort.planted import Planted

Floats = npt.NDArray[np.float64]
HEART, RESTING = BY_NAME["heart_rate"].index, BY_NAME["resting_heart_rate"].index
BREATHING = BY_NAME["respiratory_rate"].index
WEIGHT, SKIN = BY_NAME["body_weight"].index, BY_NAME["skin_temperature"].index


@dataclass(frozen=True)
class Truth:
    """level: (days, V) at local midnight, on the working scale, without the rhythm of the day; the rest (V,):
    sd_within of this person; sd_meas of the devices; amplitude and acrophase_h of the day."""

    level: Floats
    sd_within: Floats
    sd_meas: Floats
    amplitude: Floats
    acrophase_h: Floats


def truth(random: Random, person: Person, events: list[Planted], days: int) -> Truth:
    """Draw the person's own levels and lay what happens over them."""
    noise, expected = load("cohort")["noise"], _expectations(person, days)
    first, of_device = expected[0], expected[0].sd_meas * each()
    own_sd = _without(of_device, _own_spread(random, first))
    amplitude = first.amplitude * np.exp(random.normal(0, noise["rhythm_spread"]["sd_ln"], len(VITALS)))
    seen_sd = np.hypot(own_sd, of_device)
    swings = _swings(amplitude, first.acrophase_h)
    own = _steady(_own_level(random, person, first), first, seen_sd, swings)
    level = own + _moved(random, expected, days, person)
    steps = random.normal(0, np.sqrt(noise["wander_per_day"]["share"]), (days, len(VITALS))) * own_sd
    level = level + np.cumsum(steps, axis=0)
    for event in events:
        level = level + shift(event, days, seen_sd)
    return Truth(level, own_sd, first.sd_meas, amplitude, first.acrophase_h)


def _own_spread(random: Random, first: Expectation) -> Floats:
    """What this person's readings at rest scatter from day to day, (V,)."""
    noise, sd_ln, share = load("cohort")["noise"], np.empty(len(VITALS)), resting().copy()
    sd_ln[:] = noise["own_spread"]["sd_ln"]
    sd_ln[BREATHING], share[BREATHING] = (noise["own_breathing"][name] for name in ("sd_ln", "share"))
    return np.asarray(first.sd_within * share * np.exp(sd_ln * random.normal(0, 1, len(VITALS))))


def _without(of_device: Floats, spread: Floats) -> Floats:
    """The part of a spread of readings that is not the device's, (V,)."""
    least = load("cohort")["noise"]["of_readings"]["least"] * spread
    return np.asarray(np.sqrt(np.maximum(spread**2 - of_device**2, least**2)))


def _expectations(person: Person, days: int) -> list[Expectation]:
    """The expectation on every day; computed where something can change it, and kept in between."""
    versions = [(day, Profile.model_validate(version)) for day, version in person.versions]
    known: dict[tuple[int, int], Expectation] = {}
    found = []
    for day in range(days):
        which = max(n for n, (since, _) in enumerate(versions) if since <= day)
        moving = bool(versions[which][1].trajectories)
        key = (which, day if moving else int(versions[which][0]))
        if key not in known:
            known[key] = expect(versions[which][1], start() + timedelta(days=key[1]))
        found.append(known[key])
    return found


def _own_level(random: Random, person: Person, first: Expectation) -> Floats:
    """The person's own level: as far from the expectation as people are; one heart for both heart rates."""
    drawn = random.normal(0, 1, len(VITALS))
    same = load("cohort")["noise"]["same_heart"]["share"]
    drawn[HEART] = same * drawn[RESTING] + np.sqrt(1 - same**2) * drawn[HEART]
    own: Floats = first.mean + drawn * first.sd_between
    skin = load("cohort")["people"]["skin_level"]
    own[WEIGHT], own[SKIN] = person.weight_kg, skin["mean"] + skin["sd"] * drawn[SKIN]
    return np.asarray(np.clip(own, *_lived()))


@cache
def _lived() -> tuple[Floats, Floats]:
    """The lowest and the highest level at which anybody lives, (V,) on the working scale; infinite where none is cited:
    several drugs together lead one to expect of the few at the end of the spread what nobody has."""
    ends = np.tile([[-np.inf], [np.inf]], len(VITALS))
    for name, cited in load("cohort")["noise"]["lived"]["personal_means"].items():
        vital = BY_NAME[name]
        ends[:, vital.index] = [to_scale(vital.scale, end) for end in cited]
    return ends[0], ends[1]


def _steady(level: Floats, first: Expectation, seen_sd: Floats, swings: tuple[Floats, Floats]) -> Floats:
    """Nobody's own level lies at a limit for everyone when it is measured, unless the profile expects it."""
    low, high = _limits()
    down, up = swings
    away = load("cohort")["noise"]["steady"]["sd"] * seen_sd
    least = np.where(np.isnan(low), -np.inf, np.fmin(low + away + down, first.mean))
    most = np.where(np.isnan(high), np.inf, np.fmax(high - away - up, first.mean))
    return np.asarray(np.clip(level, least, most))


def _swings(amplitude: Floats, acrophase_h: Floats) -> tuple[Floats, Floats]:
    """How far the rhythm of the day lies below and above the level at the hours at which it is measured, (V,)."""
    down, up = np.zeros(len(VITALS)), np.zeros(len(VITALS))
    for name, plan in load("cohort")["measuring"]["plans"].items():
        v = BY_NAME[name].index
        away = amplitude[v] * np.cos(2 * np.pi * (np.array(plan["hours"]) - acrophase_h[v]) / 24)
        down[v], up[v] = max(0.0, float(np.nanmax(-away, initial=0))), max(0.0, float(np.nanmax(away, initial=0)))
    return down, up


@cache
def _limits() -> tuple[Floats, Floats]:
    """The innermost floors of every vital, (V,), on the working scale; NaN where there is none. Limits that may be a
    patient's habit are none: some people do live beyond them."""
    everyone = floors.population_floors()
    book = np.where(everyone.habit, np.nan, everyone.limit)
    inner = np.full((2, len(VITALS)), np.nan)
    for vital in VITALS:
        for side, (name, innermost) in enumerate((("low", max), ("high", min))):
            known = [limit for limit in book[vital.index, floors.SIDES[name]].tolist() if not np.isnan(limit)]
            if known:
                inner[side, vital.index] = to_scale(vital.scale, innermost(known))
    return inner[0], inner[1]


@cache
def each() -> Floats:
    """The part of a device's error that is new at every reading, (V,)."""
    known = load("cohort")["device"]["each"]
    return np.array([known.get(vital.name, known["share"]) for vital in VITALS])


@cache
def resting() -> Floats:
    """The part of the cited spread that readings at rest have, (V,)."""
    known = load("cohort")["noise"]["at_rest"]
    return np.array([known["share"] if vital.name in known["vitals"] else 1.0 for vital in VITALS])


def _moved(random: Random, expected: list[Expectation], days: int, person: Person) -> Floats:
    """What drugs and courses move since the first day, (days, V): more in some people, less in others, and a new drug
    takes its days to settle."""
    doubt = load("design")["moving"]["doubt"]["share"]
    response = np.clip(random.normal(1, doubt / 2, len(VITALS)), 0.3, 1.7)
    means = np.array([one.mean - one.path for one in expected])
    paths = np.array([one.path for one in expected])
    moved = np.nan_to_num(means - means[0])
    settle = load("cohort")["events"]["beta_blocker"]["settle_days"]
    for since, version in person.later:
        if version.get("medications") != person.profile["medications"] and since > 0:
            ramp = np.clip((np.arange(days) - since + 1) / settle, 0, 1)
            moved = np.where((np.arange(days) >= since)[:, None], moved * ramp[:, None], moved)
    total: Floats = (moved + paths - paths[0]) * response
    return total


def shift(event: Planted, days: int, seen_sd: Floats) -> Floats:
    """What one event adds on each day, (days, V), on the working scale. seen_sd: (V,), of this patient's readings."""
    entry, added = event.entry, np.zeros((days, len(VITALS)))
    if "shape" not in entry:
        return added
    at, share = np.array(entry["shape"], dtype=float).T
    course = np.interp(np.arange(days) + 0.3 - event.onset, at, share, left=0, right=0)
    for vital, amount in _amounts(event, seen_sd).items():
        added[:, vital] += course * amount
    if "stalls_on" in entry:
        added += _stalled(entry, event, days)
    return added


def _amounts(event: Planted, seen_sd: Floats) -> dict[int, float]:
    """The full size of an event by vital (row in VITALS), on the working scale."""
    entry: Json = event.entry
    if event.vital is not None:
        moved = BY_NAME[event.vital].index
        size = event.sign * entry["sd"] * float(seen_sd[moved])
        return {moved: size} | ({HEART: size} if moved == RESTING else {})
    raw = {BY_NAME[name].index: float(amount) for name, amount in entry.get("amounts", {}).items()}
    return raw | {BY_NAME[name].index: float(amount) for name, amount in entry.get("ln", {}).items()}


def _stalled(entry: Json, event: Planted, days: int) -> Floats:
    """What keeps the course where it was on the day on which it stalls, until recovery sets in again."""
    profile: Any = {"patient": "stalled", "version": 1, "consent": {"monitoring": True}}
    held = np.zeros((days, len(VITALS)))
    since = start() + timedelta(days=event.onset)
    course = {"condition": entry["course"], "anchor": entry["anchor"], "date": since.isoformat()}
    someone = Profile.model_validate(profile | {"trajectories": [course]})
    stalls, stays, ends = entry["holds"]
    kept = expect(someone, since + timedelta(days=stalls)).path
    for day in range(days):
        after = day - event.onset
        if stalls < after < ends:
            share = 1.0 if after <= stays else (ends - after) / (ends - stays)
            held[day] = share * (kept - expect(someone, since + timedelta(days=after)).path)
    return held
