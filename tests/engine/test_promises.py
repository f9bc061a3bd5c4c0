"""Promises about many patients: seeded ones, whose noise from day to day is autocorrelated and heavy-tailed.

Each figure is printed: `pytest -s tests/engine/test_promises.py`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from models.evidence import load
from models.expectation import expect
from models.profile import Profile
from models.readings import VitalSummary
from models.times import US_PER_DAY, from_us
from models.vitals import BY_NAME
from tests.engine.factories import DAY_US, START_US, Log, Told, run

SEEDS, QUIET = 20, 42
Floats = npt.NDArray[np.float64]
ILLNESS = load("cohort")["events"]["illness"]
SPREAD = {"resting_heart_rate": (64.0, 3.0), "respiratory_rate": (15.0, 0.8), "body_temperature": (36.4, 0.2)}
"""By vital: a level, and the SD from day to day."""


def noise(seed: int, days: int) -> Floats:
    """AR(1) with rho 0.4, Student-t shocks with 5 df, variance one (cohort.yaml noise)."""
    shocks = np.random.default_rng(seed).standard_t(5, days) * np.sqrt(3 / 5)
    level = [shocks[0]]
    for shock in shocks[1:]:
        level.append(0.4 * level[-1] + np.sqrt(1 - 0.4**2) * shock)
    return np.array(level)


def cohort(vital: str, days: int, moved: Callable[[int, int], float], **told: Any) -> tuple[Log, Floats]:
    """A figure a day of every patient, and the true level of each day, (SEEDS, days). moved(seed, day): off the level;
    told: what a second version of everybody's profile says after the quiet days."""
    level, sd = SPREAD[vital]
    true = np.array([[level + (n % 5 - 2) * sd + moved(n, day) for day in range(days)] for n in range(SEEDS)])
    values, log = true + sd * np.array([noise(n, days) for n in range(SEEDS)]), Log()
    for n in range(SEEDS):
        log.profile(f"p-{n}")
    for day in range(days):
        for n in range(SEEDS):
            if told and day == QUIET:
                log.profile(f"p-{n}", version=2, **told)
            log.read(patient=f"p-{n}", code=vital, value=round(float(values[n, day]), 2))
        log.wait(DAY_US)
        log.tick()
    return log, true


def bands(told: Told, vital: str) -> list[list[VitalSummary]]:
    """Of each patient and day."""
    mine = [s for s in told.summaries if s.vital == vital and s.n]
    return [[s for s in mine if s.patient == f"p-{n}"] for n in range(SEEDS)]


def middle_and_width(told: Told, vital: str, day: int) -> tuple[Floats, Floats]:
    shown = [(s.expected, s.low, s.high) for s in (of[day] for of in bands(told, vital))]
    expected, low, high = np.array(shown, np.float64).T
    return expected, high - low


def illness(vital: str) -> Callable[[int, int], float]:
    """The ten days of cohort.yaml, after the quiet ones."""
    at, share = np.array(ILLNESS["shape"], float).T
    amount = float(ILLNESS["amounts"][vital])
    return lambda _, day: amount * float(np.interp(day - QUIET, at, share, left=0, right=0))


@pytest.mark.parametrize("vital", SPREAD)
def test_ten_days_of_illness_move_the_band_by_less_than_a_tenth_of_its_width(vital: str) -> None:
    """On average over the patients. The same ones without the illness are told beside it: noise moves the band too."""
    last = QUIET + 12
    ill = run(cohort(vital, last + 1, illness(vital))[0])
    well = run(cohort(vital, last + 1, lambda *_: 0.0)[0])
    before, width = middle_and_width(ill, vital, QUIET - 1)
    after, wide = middle_and_width(ill, vital, last)
    own, other = (after - before) / width, (after - middle_and_width(well, vital, last)[0]) / width
    found = {finding.patient for finding in ill.findings}
    print(  # noqa: T201
        f"\n{vital}: band moved by {own.mean():.3f} of its width (worst {np.abs(own).max():.3f}), against no illness "
        f"{other.mean():.3f}; {np.mean(wide / width):.2f} times as wide; {len(found)} of {SEEDS} found"
    )
    assert abs(own.mean()) < 0.1
    assert np.mean(wide / width) < 1.1
    assert len(found) >= 0.75 * SEEDS


@pytest.mark.parametrize("vital", SPREAD)
def test_an_illness_that_is_found_after_days_is_taken_out_of_the_band_again(vital: str) -> None:
    """Ten days, all of them 2.5 SD away: the first ones are learned, until it is known that they are an illness."""
    last, sd = QUIET + 10, SPREAD[vital][1]
    ill = run(cohort(vital, last + 1, lambda _, day: 2.5 * sd * (QUIET <= day < last))[0])
    before, width = middle_and_width(ill, vital, QUIET - 1)
    own = (middle_and_width(ill, vital, last)[0] - before) / width
    print(f"\n{vital}: band moved by {own.mean():.3f} of its width (worst {np.abs(own).max():.3f})")  # noqa: T201
    assert abs(own.mean()) < 0.1


def test_a_new_beta_blocker_is_no_alert_and_learned_within_ten_days() -> None:
    """It does in some half of what it does on average, in some half as much again, and takes three days to settle."""
    vital, begun = "resting_heart_rate", from_us(START_US // US_PER_DAY * US_PER_DAY + QUIET * DAY_US).date()
    profile = {"medications": [{"code": "metoprolol", "start": begun.isoformat()}]}
    document = {"patient": "p-0", "version": 2, "consent": {"monitoring": True}} | profile
    drug, none = (Profile.model_validate(document | {"medications": m}) for m in (profile["medications"], []))
    i = BY_NAME[vital].index
    effect = float(expect(drug, begun).mean[i] - expect(none, begun).mean[i])
    share = np.clip(np.random.default_rng(0).normal(1, 0.25, SEEDS), 0.5, 1.5)

    def slowed(n: int, day: int) -> float:
        return effect * float(share[n] * np.clip((day - QUIET + 1) / 3, 0, 1))

    days = QUIET + 12
    log, true = cohort(vital, days, slowed, **profile)
    told = run(log)
    off = middle_and_width(told, vital, QUIET + 10)[0] - true[:, QUIET + 10]
    alerts = {f.patient for f in told.findings if f.kind == "deviation" and f.event_at >= begun.isoformat()}
    unsaid = {f.patient for f in run(cohort(vital, days, slowed)[0]).findings if f.event_at >= begun.isoformat()}
    print(  # noqa: T201
        f"\nmetoprolol {effect:.1f} /min: level off by {off.mean():+.2f} /min after ten days (SD {off.std():.2f}); "
        f"{len(alerts)} of {SEEDS} alerted, {len(unsaid)} if nobody says so"
    )
    assert len(alerts) <= 1
    assert abs(off.mean()) < 0.5
    assert off.std() < SPREAD[vital][1]
    assert len(unsaid) > 5
