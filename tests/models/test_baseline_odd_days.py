"""What days out of the ordinary teach: an illness is taken back, a course is laid over the level and never learned."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import baseline
from models.baseline import Passing, Prior, Rows
from models.times import US_PER_DAY
from tests.models.filter_oracle import B
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


expected = st.tuples(st.floats(40, 120), st.floats(2, 20), st.floats(1, 8))
"""Level, SD between people and SD within one."""


def prior_of(level: float, between: float, within: float) -> Prior:
    one = (np.array([value]) for value in (level, between, within, 1.0, 3.0, 15.0))
    return Prior(*one)


@given(expected, expected, st.integers(0, 400), st.floats(40, 120))
def test_who_begins_from_another_expectation_is_as_if_it_had_been_theirs_when_their_own_days_came(
    was: tuple[float, float, float], now: tuple[float, float, float], n: int, own: float
) -> None:
    """The level by Bayes' rule, from n looks of variance 9 at `own`; the spread as far as it is still the profile's."""

    def seen(level: float, between: float) -> tuple[float, float]:
        weight = between**-2 + n / 9
        return (level * between**-2 + own * n / 9) / weight, 1 / weight

    rows, before, after = baseline.start(prior_of(*was)), prior_of(*was), prior_of(*now)
    (rows.x[0], rows.p[0]), rows.n[:], rows.lately[:] = seen(*was[:2]), n, 1.0
    baseline.begin_from(rows, before, after)
    assert (rows.x[0, 0], rows.p[0, 0]) == (pytest.approx(seen(*now[:2])[0]), pytest.approx(seen(*now[:2])[1]))
    share, least = B["spread_prior_windows"] / (B["spread_prior_windows"] + n), B["spread_floor_share"] * now[2] ** 2
    assert rows.s2[0] == pytest.approx(max(was[2] ** 2 + share * (now[2] ** 2 - was[2] ** 2), least))
    fresh = baseline.start(after)
    np.testing.assert_array_equal(rows.x[1:], fresh.x[1:], "the rhythm of the day begins anew")
    np.testing.assert_array_equal(rows.p[1:], fresh.p[1:])
    assert (rows.lately[0], rows.n[0]) == (0, n)


def test_a_level_is_reopened_once_however_often_it_is_told_and_what_was_looser_stays() -> None:
    rows = baseline.start(Prior(*(np.full(3, value) for value in (60.0, 3.0, 4.0, 1.0, 0.0, 0.0))))
    rows.lately[:] = 1.0
    for shift in (np.array([5.0, 0.0, 0.0]), np.zeros(3)):
        baseline.reopen(rows, shift, np.array([0.0, 7.0, 0.0]))
        assert (rows.x[0].tolist(), rows.p[0].tolist()) == ([65.0, 60.0, 60.0], [9.0, 49.0, 9.0])
        assert rows.lately.tolist() == [0.0, 0.0, 1.0]
    baseline.reopen(rows, np.zeros(3), np.full(3, 2.0))
    assert rows.p[0].tolist() == [9.0, 49.0, 9.0]


@pytest.mark.parametrize("hours", [-9, 0, 13])
def test_a_declared_illness_spares_who_was_known_before_its_first_midnight_where_they_live(hours: int) -> None:
    day, offset = 20_454, hours * US_PER_DAY // 24
    midnight, none = (day - 3) * US_PER_DAY - offset, np.zeros(3)  # today is the fourth day of it
    rows = baseline.start(Prior(*(np.full(3, 1.0) for _ in fields(Prior))))
    rows.first_at[:], rows.n[:] = (midnight - 1, midnight, midnight - 1), (1, 1, 0)
    said = [
        baseline.spared(rows, Passing(none, none, np.ones(3), np.full(3, ill)), np.full(3, day), np.full(3, offset))
        for ill in (4.0, 0.0)
    ]
    assert [one.tolist() for one in said] == [[True, False, False], [False, False, False]]
