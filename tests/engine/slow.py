"""Patients whose vitals move slowly: one reading of each a morning, and a shift that comes after so many days."""

from typing import Any

import numpy as np

from tests.engine.factories import DAY_US, HOUR_US, Log, Told

QUIET, ILL = 40, 14
"""Days at one level, and at the other."""
Vitals = dict[str, tuple[float, float, str, float]]
HEART: Vitals = {"resting_heart_rate": (60, 5.2, "/min", 2.6)}
"""By vital: level, the shift that comes, unit, SD of a day."""
FAST: Vitals = {"resting_heart_rate": (60, 5.5, "/min", 2.6)}
OTHERS: Vitals = {"respiratory_rate": (15, 1.0, "/min", 0.9), "body_weight": (80, 0.55, "kg", 0.5)}
PRESSURES: Vitals = {"systolic_bp": (120, 0, "mm[Hg]", 6), "diastolic_bp": (75, 0, "mm[Hg]", 5)}
"""With which nothing is wrong, and of which no change index speaks: with them a drift is told from further away."""
ALL: Vitals = {
    "resting_heart_rate": (60, 2.6, "/min", 2.6), "respiratory_rate": (15, 1.0, "/min", 0.9),
    "body_weight": (80, 0.7, "kg", 0.5), **PRESSURES,
}  # fmt: skip


def life(vitals: Vitals, days: int = QUIET + ILL, **profile: Any) -> Log:
    """One reading of each vital a morning, moved from day QUIET on."""
    log = Log()
    log.profile("p-1", **profile)
    lived(log, vitals, range(days))
    return log


def lived(log: Log, vitals: Vitals, days: range) -> None:
    """Some days of it."""
    random = np.random.default_rng(11 + days.start)
    for day in days:
        for name, (level, shift, unit, sd) in vitals.items():
            value = level + shift * (day >= QUIET) + random.normal(0, sd)
            log.read(patient="p-1", code=name, value=round(value, 2), unit=unit)
        log.wait(2 * HOUR_US)
        log.tick()
        log.wait(DAY_US - 2 * HOUR_US)


def kinds(told: Told) -> list[tuple[str, str]]:
    return [(found.kind, found.problem) for found in told.findings if found.kind in ("drift", "change_index")]


STILL: Vitals = {
    "hrv_rmssd": (40, 0, "ms", 5), "respiratory_rate": (15, 0, "/min", 0.9), "body_weight": (80, 0, "kg", 0.5),
    "spo2": (97, 0, "%", 0.7), "body_temperature": (36.5, 0, "Cel", 0.2), "skin_temperature": (34, 0, "Cel", 0.4),
    **PRESSURES,
}  # fmt: skip
"""Vitals with which nothing is wrong."""
