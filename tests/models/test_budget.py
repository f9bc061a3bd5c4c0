"""The budget: how far away a week must lie for this patient before people are told, and what is told in any case."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import budget
from models.detectors import drift

PER_MONTH = 0.25
S = budget.settings()


def judged(wait: "np.ndarray[tuple[int], np.dtype[np.void]]", day: int, away: float, own: float) -> budget.Told:
    """One day of one change that comes up at 3.9 SD and goes away at 1.5."""
    stands, sign = bool(budget.standing(wait)[0]), int(wait["sign"][0])
    over = sign if stands and away * sign <= 1.5 else 0
    raised = (1 if away > 0 else -1) if abs(away) >= 3.9 and (not stands or over) else 0
    one = (np.array([value]) for value in (day, over, raised))
    return budget.judge(wait, *one, *(np.array([value], float) for value in (away, own, 3.9)))


def after(days: int, spread: float, *, weeks: int = 10, n: int = 1, seed: int = 4) -> "np.ndarray":
    """Patients whose weeks lie `spread` times as far away as anybody's, after so many days."""
    state, random = np.zeros(n, budget.STATE), np.random.default_rng(seed)
    of = np.repeat(np.arange(n), weeks)
    for day in range(1, days + 1):
        budget.look(state, np.full(n, day), np.full(n, weeks), np.full(n, weeks))
        budget.learn(state, of, spread * random.standard_normal(n * weeks))
    return state


@pytest.mark.parametrize("spread", [0.7, 0.85, 1.0, 1.15, 1.3])
def test_the_limit_goes_with_how_wide_a_patients_weeks_are_within_eight_weeks(spread: float) -> None:
    """Weeks of ten vitals on each of 55 days, clipped, and mixed with those that are taken for granted."""
    state, weeks = after(56, spread, n=200), 55 * 10
    squares = np.minimum((spread * np.random.default_rng(1).standard_normal(400_000)) ** 2, S.clip**2)
    wider = np.sqrt((S.prior_weeks + weeks * squares.mean()) / (S.prior_weeks + weeks)) - 1
    wanted = max(0.0, abs(wider) - S.spare) * np.sign(wider) * budget.of_ten()
    more = budget.limits(state, PER_MONTH) - budget.usual(state, PER_MONTH)
    assert float(np.median(more)) == pytest.approx(wanted, abs=0.03)
    assert np.quantile(np.abs(more - wanted), 0.9) < 0.2, "luck of eight weeks"


@given(st.integers(3, 12), st.floats(0, 5), st.floats(0.01, 4))
def test_nobodys_limit_falls_below_what_stands_or_rises_above_what_is_still_told_in_time(
    vitals: int, spread: float, per_month: float
) -> None:
    state = after(120, spread, weeks=vitals)
    usual, own = budget.usual(state, per_month), budget.limits(state, per_month)
    assert usual - S.lowest <= own <= usual + S.highest
    assert own >= drift.settings().stands


def test_what_a_patient_begins_with_is_the_limit_for_anybody() -> None:
    state = after(1, 3.0)
    assert budget.limits(state, PER_MONTH) == budget.usual(state, PER_MONTH)
    assert budget.limits(after(900, 9.0), PER_MONTH) == budget.usual(state, PER_MONTH) + S.highest, "and no higher"


def watched_by(*vitals: int) -> "np.ndarray":
    """Patients of whom so many vitals are measured, of which one is known so far."""
    state, measured = np.zeros(len(vitals), budget.STATE), np.array(vitals)
    budget.look(state, np.ones(len(vitals), int), np.ones(len(vitals), int), measured)
    return state


def test_the_limit_falls_with_what_is_allowed_but_not_below_what_so_many_vitals_need() -> None:
    state = watched_by(5, 10)
    few, many = budget.usual(state, 0.05)
    assert budget.usual(state, 0.025) == pytest.approx([few + np.log(2) / S.slope, many + np.log(2) / S.slope])
    assert budget.usual(state, 4.0).tolist() == [S.told_from[5], S.told_from[10]]


def test_who_is_watched_by_fewer_vitals_is_told_of_less_and_never_of_what_does_not_stand() -> None:
    limits = budget.usual(watched_by(*range(1, 11)), PER_MONTH)
    assert (np.diff(limits) > 0).all()
    assert limits[0] >= drift.settings().stands, "what does not stand cannot be told"
    assert budget.anybodys(np.array([1, 2, 5, 10])) == pytest.approx(list(S.told_from.values()))


def test_of_whom_nobody_knows_how_many_vitals_there_are_is_judged_like_one_with_ten() -> None:
    assert budget.anybodys(np.array([0, 10, 12])).tolist() == [budget.of_ten()] * 3
    assert budget.usual(np.zeros(1, budget.STATE), PER_MONTH) == budget.usual(watched_by(10), PER_MONTH)


def test_what_is_withheld_is_noted_once_and_told_when_it_grows() -> None:
    wait = np.zeros(1, budget.WAIT)
    told = [judged(wait, 100 + day, away, 4.5) for day, away in enumerate([3.0, 4.0, 4.2, 3.8, 4.6, 4.8, 1.0])]
    assert [bool(one.notes[0]) for one in told] == [False, True, False, False, False, False, False]
    assert [bool(one.tells[0]) for one in told] == [False, False, False, False, True, False, False]
    assert [int(one.over[0]) for one in told] == [0, 0, 0, 0, 0, 0, 1]
    assert not told[4].lasts[0]


def test_what_is_withheld_and_passes_is_never_told() -> None:
    wait = np.zeros(1, budget.WAIT)
    told = [judged(wait, 100 + day, away, 4.5) for day, away in enumerate([4.0, 3.5, 2.0, 1.0, *[0.0] * 30])]
    assert not any(one.tells[0] or one.over[0] for one in told)


@settings(max_examples=200)
@given(
    shift=st.floats(0, S.highest),
    days=st.lists(st.floats(1.6, 5.0), min_size=30, max_size=30),
    dips=st.sets(st.integers(1, 29), max_size=3),
    sign=st.sampled_from([-1, 1]),
)
def test_what_lasts_is_told_in_time_whatever_the_budget_has_learned(
    shift: float, days: list[float], dips: set[int], sign: int
) -> None:
    """From the first day on which anybody else would be told, also if it seems to be over for a few days."""
    wait, own, first, told = np.zeros(1, budget.WAIT), 3.9 + shift, None, None
    dips = {d for d in dips if d - 1 not in dips}
    days = [4.0 if d - 1 in dips else 1.0 if d in dips else size for d, size in enumerate(days)]
    for day, size in enumerate(days):
        one = judged(wait, 100 + day, sign * size, own)
        first = day if first is None and size >= 3.9 and budget.standing(wait)[0] else first
        told = day if told is None and one.tells[0] else told
    if first is not None and first + S.lasts_days + 2 < len(days):
        assert told is not None
        assert told <= first + S.lasts_days + 1


def test_what_may_last_for_longer_is_told_after_that_time() -> None:
    wait, told = np.zeros(1, budget.WAIT), list[int]()
    for day in range(40):
        days = np.array([100 + day]), np.zeros(1, int), np.array([int(day == 0)])
        away, own, usual = (np.array([size]) for size in (3.9, 9.0, 3.6))
        one = budget.judge(wait, *days, away, own, usual, lasts=np.array([28]))
        told += [day] if one.tells[0] else []
    assert told == [28]


def test_who_has_one_or_two_vitals_keeps_the_limit_for_anybody() -> None:
    state = after(200, 3.0, weeks=2)
    assert budget.limits(state, PER_MONTH) == budget.usual(state, PER_MONTH)


@pytest.mark.parametrize("left", [1, 2])
def test_who_was_steady_by_many_vitals_and_is_watched_by_one_or_two_has_the_limit_for_anybody(left: int) -> None:
    state = after(120, 0.7)
    assert budget.limits(state, PER_MONTH) < budget.usual(state, PER_MONTH)
    budget.look(state, *(np.array([one]) for one in (121, left, left)))
    assert budget.limits(state, PER_MONTH) == budget.usual(state, PER_MONTH)


def test_an_illness_of_one_vital_before_it_comes_up_moves_the_limit_little() -> None:
    """A month in which one of ten vitals drifts as far as is slight, which is the most that it can teach."""
    state = after(200, 1.0)
    before, random = float(budget.limits(state, PER_MONTH)[0]), np.random.default_rng(1)
    for day in range(201, 231):
        budget.look(state, *(np.array([one]) for one in (day, 10, 10)))
        budget.learn(state, np.zeros(10, np.int64), np.append(random.standard_normal(9), 3.4))
    assert float(budget.limits(state, PER_MONTH)[0]) - before < 0.4
