"""What days out of the ordinary teach: an illness is taken back, a course is laid over the level and never learned."""

from dataclasses import fields

import numpy as np
import pytest

from models import baseline
from models.baseline import Rows
from models.times import US_PER_DAY
from tests.models.test_baseline import START, Cohort, Floats, days

HABITS = ["resting_heart_rate", "respiratory_rate", "body_temperature"]


def expected_at_the_end(odd: float, long: int, unlearned: bool) -> Floats:
    """By how much odd days [SD] at the end of a life of `long` days move what is expected [SD]."""
    cohort = Cohort.of(HABITS)
    usual, sd = cohort.prior.mean.copy(), cohort.prior.sd_within
    days(cohort, long, lambda day: usual + sd * 0.5 * (-1) ** day)
    at, slot = np.full(3, START + long * US_PER_DAY + US_PER_DAY // 3), np.full(3, 32)
    before = baseline.predict(copied(cohort.rows), cohort.prior, at, slot, usual, cohort.vital).mean
    days(cohort, 4, lambda _: usual + odd * sd, first=long)
    if unlearned:
        for _ in range(2):
            baseline.unlearn(cohort.rows, slot, np.array([True, True, False]))
    later = at + 4 * US_PER_DAY
    after = baseline.predict(copied(cohort.rows), cohort.prior, later, slot, usual, cohort.vital).mean
    return (after - before) / sd


def copied(rows: Rows) -> Rows:
    return Rows(*(getattr(rows, f.name).copy() for f in fields(Rows)))


@pytest.mark.parametrize("odd", [-2.5, 1.5, 3.0])
def test_what_odd_days_taught_is_taken_back_once_and_from_those_alone_who_are_ill(odd: float) -> None:
    learned = expected_at_the_end(odd, 60, unlearned=False)
    back = expected_at_the_end(odd, 60, unlearned=True)
    assert (np.sign(odd) * learned > 0.2).all()
    assert (np.abs(back[:2]) < 0.25 * np.abs(learned[:2])).all()
    assert back[2] == learned[2]


def test_who_is_only_getting_known_is_not_put_back_to_what_is_expected_of_anybody() -> None:
    cohort = Cohort.of(HABITS)
    usual = cohort.prior.mean + 3 * cohort.prior.sd_within
    days(cohort, 4, lambda _: usual)
    known = cohort.rows.x.copy()
    baseline.unlearn(cohort.rows, np.zeros(3, np.int64), np.ones(3, bool))
    np.testing.assert_array_equal(cohort.rows.x, known)


def test_a_course_is_laid_over_the_level_and_never_learned_into_it() -> None:
    """What is learned of a window on a course is what would be learned of the window without it."""
    names = ["resting_heart_rate", "body_weight"]
    plain, on_course = Cohort.of(names), Cohort.of(names)
    slot = np.zeros(2, np.int64)
    for day in range(12):
        at, step = np.full(2, START + day * US_PER_DAY), np.array([14.0, 3.0]) * np.exp(-day / 6)
        y = np.array([70.0, 80.0]) + day % 3
        passing = baseline.Passing(step, np.zeros(2), np.ones(2))
        alone = baseline.predict(plain.rows, plain.prior, at, slot, y, plain.vital)
        baseline.learn(plain.rows, plain.prior, alone, slot, y, at, plain.vital, np.ones(2, bool))
        laid = baseline.predict(on_course.rows, on_course.prior, at, slot, y + step, on_course.vital, passing)
        baseline.learn(on_course.rows, on_course.prior, laid, slot, y + step, at, on_course.vital, np.ones(2, bool))
        np.testing.assert_allclose(laid.mean, alone.mean + step)
        np.testing.assert_allclose(laid.sd, alone.sd)
    np.testing.assert_allclose(on_course.rows.x, plain.rows.x, atol=1e-9)


def test_a_course_that_is_not_sure_widens_the_band_and_slows_the_learning() -> None:
    sure, unsure = Cohort.of(["resting_heart_rate"]), Cohort.of(["resting_heart_rate"])
    at, slot, y = np.array([START]), np.zeros(1, np.int64), np.array([90.0])
    for cohort, sd in ((sure, 0.0), (unsure, 7.0)):
        passing = baseline.Passing(np.array([14.0]), np.array([sd]), np.ones(1))
        said = baseline.predict(cohort.rows, cohort.prior, at, slot, y, cohort.vital, passing)
        baseline.learn(cohort.rows, cohort.prior, said, slot, y, at, cohort.vital, np.ones(1, bool))
        cohort.rows.seen[:] = said.sd
    assert unsure.rows.seen[0] > sure.rows.seen[0]
    assert abs(unsure.rows.x[0, 0] - unsure.prior.mean[0]) < abs(sure.rows.x[0, 0] - sure.prior.mean[0])
