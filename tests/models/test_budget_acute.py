"""The budget of acute deviations: what is withheld stands all the same, and is told when it grows or goes on."""

from math import inf

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from models import baseline, budget_acute
from models.detectors import deviation
from models.detectors.crossings import CLEAR, RAISE
from models.detectors.deviation import ADVISORY, STATE, URGENT, WITHHELD, learn, rearm, watch
from models.vitals import BY_NAME

Floats = npt.NDArray[np.float64]
NAMES = ("resting_heart_rate", "body_weight", "systolic_bp", "heart_rate")
PULSE, WEIGHT, PRESSURE, STREAM = (BY_NAME[name].index for name in NAMES)
NIGHT_US, QUARTER_US, START, PER_MONTH = 86_400_000_000, 900_000_000, 1_767_600_000_000_000, 0.25
S = budget_acute.settings()
STANDING = [name for name in STATE.names or () if name not in ("withheld", "n_own", "last", "wide")]
Said = tuple[int, int, int]
"""Night, what, rank."""


def nights(
    zs: "list[float]", per_month: float = PER_MONTH, wide: float = 0.0, vital: int = PULSE, more: float = 0.0
) -> tuple[list[Said], "np.ndarray"]:
    """What is said of these nights, and how the row then stands."""
    state, one = np.zeros(1, STATE), np.zeros(1, np.int64)
    state["wide"], found, line = wide, list[Said](), np.array([vital])
    for k, z in enumerate(zs):
        at = START + k * (QUARTER_US if vital == STREAM else NIGHT_US)
        c = watch(state, one, line, np.array([z]), np.array([at]), np.array([True]), per_month, np.array([more]))
        found += [(k, int(what), int(rank)) for what, rank in zip(c.what, c.rank, strict=True)]
    return found, state


def test_what_stays_below_the_own_limit_is_withheld_and_told_when_it_goes_on() -> None:
    found, _ = nights([2.3] * 6)
    assert found == [(1, WITHHELD, ADVISORY), (3, RAISE, ADVISORY)]
    assert nights([2.3, 2.3, 2.3, 0.0, 0.0, 0.0])[0] == [(1, WITHHELD, ADVISORY)], "what passes is over without a word"


def test_what_grows_is_told_when_it_has_been_beyond_the_limit_for_as_long_as_anybodys() -> None:
    assert nights([2.3, 2.3, 2.9])[0] == [(1, WITHHELD, ADVISORY)], "one night is never enough"
    found, _ = nights([2.3, 2.9, 2.9, 0.0, 0.0])
    assert found == [(1, WITHHELD, ADVISORY), (2, RAISE, ADVISORY), (4, CLEAR, 0)]


def test_an_hour_of_a_stream_that_stands_out_is_withheld_and_four_hours_or_a_worse_hour_are_told() -> None:
    found, _ = nights([3.3] * 20, vital=STREAM)
    assert found == [(3, WITHHELD, ADVISORY), (15, RAISE, ADVISORY)]
    assert nights([3.3] * 5 + [0.0] * 5, vital=STREAM)[0] == [(3, WITHHELD, ADVISORY)], "an odd hour is no message"
    assert nights([4.1] * 4, vital=STREAM)[0] == [(3, RAISE, ADVISORY)]
    assert nights([5.1] * 4, vital=STREAM, wide=50.0)[0] == [(3, RAISE, URGENT)], "whatever was learned"


def test_on_the_side_that_seldom_means_harm_it_goes_on_for_two_weeks_of_nights_before_it_is_told() -> None:
    """Four times as long as on the other (detectors.yaml milder_lasts), and what is urgent as soon as on the other."""
    assert nights([-2.3] * 20, more=S.milder_sd)[0] == [(1, WITHHELD, ADVISORY), (15, RAISE, ADVISORY)]
    assert nights([-4.1] * 3, more=S.milder_sd)[0] == [(1, RAISE, URGENT)]


def test_what_is_urgent_is_told_at_once_whatever_was_learned() -> None:
    found, _ = nights([4.1, 4.1], per_month=0.02, wide=50.0)
    assert found == [(1, RAISE, URGENT)]
    found, _ = nights([2.3, 2.3, 4.1, 4.1], wide=50.0)
    assert found == [(1, WITHHELD, ADVISORY), (3, RAISE, URGENT)]


def test_an_urgent_run_that_began_before_there_was_a_budget_is_not_counted_anew() -> None:
    """A page of before has no count of windows beyond the own limit: as many as are urgent are enough."""
    _, state = nights([4.1])
    state["n_own"], one = 0, np.zeros(1, np.int64)
    c = watch(state, one, np.array([PULSE]), np.array([4.1]), np.array([START + NIGHT_US]), np.array([True]), PER_MONTH)
    assert list(zip(c.what.tolist(), c.rank.tolist(), strict=True)) == [(RAISE, URGENT)]


def test_what_turns_round_untold_is_not_said_to_be_over() -> None:
    assert nights([2.3, 2.3, -2.9, -2.9])[0] == [(1, WITHHELD, ADVISORY), (3, RAISE, ADVISORY)]


zs = st.lists(st.sampled_from([0.0, 0.9, 1.5, 2.0, 2.4, 2.75, 3.0, 3.6, 4.0, 4.4]), min_size=1, max_size=30)


@hypothesis_settings(max_examples=150)
@given(zs, st.lists(st.booleans(), min_size=30, max_size=30), st.sampled_from([0.02, 0.25, 1.0]), st.floats(-1, 9))
def test_what_stands_is_the_same_without_a_budget_and_every_end_is_of_what_was_told(
    sizes: list[float], up: list[bool], per_month: float, wide: float
) -> None:
    values = [size if side else -size for size, side in zip(sizes, up, strict=False)]
    plain, without = nights(values, inf)
    found, within = nights(values, per_month, wide)
    assert all(within[name] == without[name] for name in STANDING)
    begins = [(k, rank) for k, what, rank in plain if what == RAISE]
    assert set(begins) <= {(k, rank) for k, what, rank in found if what != CLEAR}, "told or withheld, none is lost"
    assert [(k, r) for k, w, r in plain if w == RAISE and r == URGENT] == [
        (k, r) for k, w, r in found if w == RAISE and r == URGENT
    ]
    open_now, known = False, False
    for _, what, _ in found:
        assert what != CLEAR or known
        open_now, known = what != CLEAR, (what == RAISE) or (known and what != CLEAR)
    assert bool(within["withheld"][0]) == (open_now and not known and within["open"][0] > 0)


def limit(wide: float, line: int = PULSE, per_month: float = PER_MONTH) -> float:
    return float(budget_acute.limits(np.array([wide]), np.array([line]), per_month)[0])


def test_the_limit_is_anybodys_at_first_never_lower_and_never_above_what_is_urgent() -> None:
    usual = limit(0.0)
    assert usual == pytest.approx(2.75)
    assert limit(-1.0) == limit(0.05) == usual, "who has narrow pairs has no lower one"
    assert usual < limit(0.5) < limit(1.0) <= limit(99.0) == pytest.approx(usual * (1 + S.highest))
    assert limit(99.0, per_month=0.02) == S.z_urgent[PULSE]
    assert limit(0.0, per_month=4.0) == S.z_on[PULSE]
    assert limit(0.0, per_month=0.125) == pytest.approx(usual + np.log(2) / S.slope)
    assert limit(0.0, STREAM) == pytest.approx(4.0)
    assert limit(0.0, STREAM) < limit(0.5, STREAM) < limit(9.0, STREAM) == S.z_urgent[STREAM], "what is urgent is told"
    assert limit(0.0, baseline.SPARSE) == limit(0.0, PRESSURE) == pytest.approx(2.75)
    assert limit(0.0, WEIGHT) == pytest.approx(3.2)


def test_the_limit_lies_further_away_on_the_side_on_which_a_vital_seldom_means_harm() -> None:
    vital, sides = np.array([PULSE, WEIGHT]), (np.array([-3.0, -3.0]), np.array([3.0, 3.0]))
    low, high = (budget_acute.further(vital, z) for z in sides)
    assert (low.tolist(), high.tolist()) == ([S.milder_sd, 0.0], [0.0, 0.0])
    more, one = np.array([S.milder_sd]), (np.zeros(1), np.array([PULSE]))
    assert budget_acute.limits(*one, PER_MONTH, more)[0] == pytest.approx(2.75 + S.milder_sd)
    assert budget_acute.limits(np.array([99.0]), one[1], PER_MONTH, more)[0] == S.z_urgent[PULSE], "urgent is told"
    assert budget_acute.limits(*one, inf, more)[0] == S.z_on[PULSE], "where nothing is withheld"


def correlated(rho: float, rows: int, count: int) -> Floats:
    """Nights of people whose odd nights come in runs, (rows, count), in their own SD."""
    random = np.random.default_rng(3)
    shocks = random.standard_t(5, (rows, count)) * np.sqrt(3 / 5)
    level = shocks[:, 0]
    out: Floats = np.empty_like(shocks)
    for k in range(count):
        level = rho * level + np.sqrt(1 - rho**2) * shocks[:, k] if k else level
        out[:, k] = level
    return out


def after(rho: float, count: int, rows: int = 200) -> "np.ndarray":
    state, row = np.zeros(rows, STATE), np.arange(rows)
    line, ones = np.full(rows, PULSE), np.ones(rows, bool)
    for k, z in enumerate(correlated(rho, rows, count).T):
        watch(state, row, line, z, np.full(rows, START + k * NIGHT_US), ones, PER_MONTH)
        learn(state, row, line, z, np.full(rows, float(k)), ones, state["open"] == 0)
    return state


def test_whose_odd_nights_come_in_runs_has_a_higher_limit_within_eight_weeks() -> None:
    usual, runs = ([limit(float(w)) for w in after(rho, 56)["wide"]] for rho in (0.3, 0.8))
    assert np.median(usual) == pytest.approx(2.75)
    assert np.mean(usual) < 2.85, "among people who are alike it is nearly anybody's"
    assert np.median(runs) > 2.85
    assert np.mean([limit(float(w)) for w in after(0.8, 180)["wide"]]) > 3.1


def test_a_stream_is_learned_from_as_slowly_as_its_hours_say_something_new() -> None:
    """Eight quarters of an hour are one look: a restless evening must not make a restless patient."""
    looks = int(S.looks[STREAM])
    assert (looks, int(S.looks[PULSE])) == (8, 1)
    z, last, none = np.array([2.5]), budget_acute.in_steps(np.array([2.5])), np.zeros(1)
    night, quarter = (
        budget_acute.learned(none, last, z, np.array([line]), np.array([100.0 * n]))[0] / (S.clip**2 / S.pair[line] - 1)
        for line, n in ((PULSE, 1), (STREAM, looks))
    )
    assert quarter == pytest.approx(night / looks)


def test_while_something_is_wrong_nothing_is_learned_and_who_is_resolved_keeps_what_was() -> None:
    state = after(0.5, 60, rows=1)
    wide, one, line = float(state["wide"][0]), np.zeros(1, np.int64), np.array([PULSE])
    for _ in range(20):
        learn(state, one, line, np.array([9.0]), np.array([60.0]), np.array([True]), np.array([False]))
    assert state["wide"][0] == np.float32(wide)
    state["open"], state["n"] = 2, 5
    rearm(state)
    assert (state["open"][0], state["n"][0], state["wide"][0]) == (0, 0, np.float32(wide))


def test_the_fields_of_the_budget_lie_in_the_holes_of_before() -> None:
    """So pages of before need no other form: what lay there is zero."""
    before = np.dtype(
        [
            ("n", "i2"), ("n_urgent", "i2"), ("sign", "i1"), ("open", "u1"), ("open_sign", "i1"), ("ok_n", "i2"),
            ("since", "i8"), ("last_at", "i8"),
        ],
        align=True,
    )  # fmt: skip
    assert STATE.itemsize == before.itemsize
    assert all(STATE.fields[name][:2] == before.fields[name][:2] for name in before.names)  # type: ignore[index, union-attr]
    assert deviation.settings().lasts_windows[PULSE] == 2 * deviation.settings().windows_on[PULSE]
