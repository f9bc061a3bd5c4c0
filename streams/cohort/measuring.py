"""What the device makes of the truth: its own bias, an error at every reading, artefacts, rounding."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.vitals import BY_NAME, VITALS
from streams.cohort.noise import autocorrelated
from streams.cohort.people import Person, Random
from streams.cohort.planted import Planted
from streams.cohort.sampling import DAY_S, Schedule
from streams.cohort.truth import Truth, each

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
SPO2 = BY_NAME["spo2"].index
LN, LN1P = (np.array([vital.scale == scale for vital in VITALS]) for scale in ("ln", "ln1p"))
LOW, HIGH = np.array([vital.low for vital in VITALS]), np.array([vital.high for vital in VITALS])


@dataclass(frozen=True)
class Measured:
    """Values in canonical units and the quality that the device states (NaN: it says nothing), (n,) each."""

    value: Floats
    quality: Floats


def signal(truth: Truth, noise: Floats, schedule: Schedule) -> Floats:
    """What a perfect device would read, (n,) on the working scale, with the day's part of the noise."""
    day = np.clip((schedule.local_s // DAY_S).astype(np.int64), 0, len(truth.level) - 1)
    v, hour = schedule.vital, schedule.local_s % DAY_S / 3600
    rhythm = truth.amplitude[v] * np.cos(2 * np.pi * (hour - truth.acrophase_h[v]) / 24)
    of_day = np.sqrt(1 - _within_day() ** 2)
    level: Floats = truth.level[day, v] + rhythm + truth.sd_within[v] * of_day[v] * noise[day, v]
    return level


def through_the_day(random: Random, truth: Truth, schedule: Schedule) -> Floats:
    """The part of the noise that is new at every planned measurement, (n,)."""
    part: Floats = truth.sd_within[schedule.vital] * _within_day()[schedule.vital]
    return part * random.standard_normal(len(part))


def bias(random: Random, person: Person, truth: Truth) -> Floats:
    """What this person's devices read too high, (V,) on the working scale. Oximeters read higher on dark skin."""
    known = load("cohort")["device"]
    own: Floats = random.normal(0, known["constant"]["share"], len(VITALS)) * truth.sd_meas
    skin, way = known["spo2_person"], "dark_" if person.dark else ""
    own[SPO2] += random.normal(skin[f"{way}bias"], skin[f"{way}sd"])
    return own


def measured(
    random: Random, level: Floats, truth: Truth, own_bias: Floats, vital: npt.NDArray[np.int64], sensed: Bools
) -> Measured:
    """Readings of these levels, before rounding, in the order of time. level: (n,) on the working scale; vital: (n,);
    sensed: (n,), of a glucose sensor: its error is much the same from one sample to the next, and its range ends."""
    known, n, sensor = load("cohort")["device"], len(level), load("cohort")["glucose"]["sensor"]
    error = random.standard_normal(n)
    if sensed.any():
        error[sensed] = autocorrelated(error[sensed, None], np.array([sensor["error_rho"]]))[:, 0]
    error *= truth.sd_meas[vital] * each()[vital]
    spoilt = random.random(n) < known["artefact"]["share"]
    size = random.standard_normal(n) * known["artefact"]["size_sd"] * np.hypot(truth.sd_within, truth.sd_meas)[vital]
    quality = np.where(spoilt & (random.random(n) < known["artefact"]["said"]), 0.2, np.nan)
    value = canonical(level + own_bias[vital] + error + np.where(spoilt, size, 0), vital)
    return Measured(np.where(sensed, np.clip(value, *sensor["range"]), value), quality)


def canonical(level: Floats, vital: npt.NDArray[np.int64]) -> Floats:
    """From the working scale to canonical units, within the physical range."""
    out = np.where(LN[vital], np.exp(np.clip(level, -20, 20)), level)
    out = np.where(LN1P[vital], np.expm1(np.clip(level, 0, 20)), out)
    return np.asarray(np.clip(out, LOW[vital], HIGH[vital]))


def rounded(value: Floats, vital: npt.NDArray[np.int64]) -> Floats:
    """As the devices round."""
    ten = 10.0 ** _decimals()[vital]
    return np.asarray(np.round(value * ten) / ten)


def stuck(events: list[Planted], person: Person, schedule: Schedule, value: Floats) -> Floats:
    """The same figures again and again, where an event has the device do so."""
    out = value.copy()
    for event in (event for event in events if "device" in event.entry):
        mine = load("cohort")["device"]["fleet"][event.entry["device"]]["vitals"]
        first_s, last_s = event.onset * DAY_S, (event.onset + event.entry["days"]) * DAY_S
        within = (schedule.local_s >= first_s) & (schedule.local_s < last_s)
        for name in mine:
            same = np.flatnonzero(within & (schedule.vital == BY_NAME[name].index))
            if len(same):
                out[same] = out[same[0]]
    return out


@cache
def _within_day() -> Floats:
    known = load("cohort")["noise"]["within_day"]
    return np.array([known["share"] if vital.name in known["vitals"] else 0.0 for vital in VITALS])


@cache
def _decimals() -> Floats:
    known = load("cohort")["device"]["decimals"]
    return np.array([float(known.get(vital.name, 0)) for vital in VITALS])
