"""From day to day: autocorrelated, heavy-tailed noise that several vitals share, and the rhythm of the week."""

from datetime import timedelta
from functools import cache

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.vitals import BY_NAME, VITALS
from streams.cohort.people import Random, start

Floats = npt.NDArray[np.float64]


def day_noise(random: Random, days: int) -> Floats:
    """Noise of every day and vital, (days, V), in SD of the day-to-day spread: variance one, AR(1), Student-t shocks.

    A part of each day is one that several vitals share.
    """
    df, (rho, share) = load("cohort")["noise"]["tails_df"]["value"], _figures()
    scale = np.sqrt((df - 2) / df)
    own = autocorrelated(random.standard_t(df, (days, len(VITALS))) * scale, rho)
    shared = autocorrelated(random.standard_t(df, (days, 1)) * scale, np.array([_default_rho()]))
    mixed: Floats = share * shared + np.sqrt(1 - share**2) * own
    return mixed


def week(random: Random, days: int) -> Floats:
    """What the weekend adds, (days, V), in SD of the day-to-day spread; its size is the person's own."""
    weekly = load("cohort")["noise"]["weekly"]
    size = np.abs(random.normal(0, weekly["sd"], len(VITALS)))
    sign = np.array([float(weekly["vitals"].get(vital.name, 0)) for vital in VITALS])
    weekend = np.array([(start() + timedelta(days=d)).weekday() in weekly["weekend"] for d in range(days)])
    centred: Floats = (weekend - weekend.mean())[:, None] * (2 * size * sign)
    return centred


def autocorrelated(shocks: Floats, rho: Floats) -> Floats:
    """AR(1) down the rows, with the variance of the shocks: x[t] = rho x[t-1] + sqrt(1 - rho^2) shock[t].

    shocks: (n, k); rho: (k,) in [0, 1).
    """
    level, out, share = shocks[0], np.empty_like(shocks), np.sqrt(1 - rho**2)
    out[0] = level
    for t in range(1, len(shocks)):
        level = rho * level + share * shocks[t]
        out[t] = level
    return out


@cache
def _figures() -> tuple[Floats, Floats]:
    noise = load("cohort")["noise"]
    share = np.zeros(len(VITALS))
    for name, part in noise["share_of_day"].items():
        if name in BY_NAME:
            share[BY_NAME[name].index] = part
    rho = [float(noise["rho"].get(vital.name, _default_rho())) for vital in VITALS]
    return np.array(rho), share


def _default_rho() -> float:
    return float(load("cohort")["noise"]["rho"]["default"])
