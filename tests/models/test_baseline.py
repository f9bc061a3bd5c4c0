"""The personal baseline against a filter with whole matrices, and what it promises about people."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import date
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import baseline
from models.baseline import PAIRS, STATE, Prediction, Prior, Rows
from models.expectation import expect
from models.segments import Bools, Ints
from models.times import US_PER_DAY
from models.vitals import BY_NAME, VITALS
from tests.models.filter_oracle import CLIP_CORRECTION, DOCUMENT, B, Filter
from tests.models.profiles import profile

Floats = npt.NDArray[np.float64]
CLASS = {name: group for group in DOCUMENT["classes"].values() for name in group["vitals"]}
START = 20_454 * US_PER_DAY
QUARTER_US = US_PER_DAY // 96


def population(names: list[str]) -> tuple[Prior, Ints]:
    """What is expected of someone of whom nothing is known, one row a vital; their places."""
    vital = np.array([BY_NAME[name].index for name in names])
    e = expect(profile(), date(2026, 1, 5))
    return Prior(*(getattr(e, f.name)[vital] for f in fields(Prior))), vital


@dataclass
class Cohort:
    """Rows that take their windows together."""

    prior: Prior
    vital: Ints
    rows: Rows

    @classmethod
    def of(cls, names: list[str]) -> "Cohort":
        prior, vital = population(names)
        return cls(prior, vital, baseline.start(prior))

    def window(self, at: Ints, y: Floats, which: Bools | None = None) -> Prediction:
        """Predict, then learn (all rows, or some)."""
        slot = baseline.slot_of_day(at, np.zeros_like(at))
        prediction = baseline.predict(self.rows, self.prior, at, slot, y, self.vital)
        chosen = np.ones(len(at), bool) if which is None else which
        baseline.learn(self.rows, self.prior, prediction, slot, y, at, self.vital, chosen)
        return prediction


@dataclass(frozen=True)
class Window:
    """One window of each row: how long after the one before [min], surprises in SD of the spread, who learns."""

    minutes: list[int]
    surprise: list[float]
    which: list[bool]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[str], list[Window]]:
    names = draw(st.lists(st.sampled_from([v.name for v in VITALS]), min_size=1, max_size=4))
    k = len(names)
    minutes = st.sampled_from([0, 15, 15, 60, 1440, 1440, 10_000, -30])
    surprise = st.floats(-3, 3) | st.sampled_from([-40.0, 15.0, 0.0])
    one = st.builds(
        Window,
        st.lists(minutes, min_size=k, max_size=k),
        st.lists(surprise, min_size=k, max_size=k),
        st.lists(st.sampled_from([True, True, True, False]), min_size=k, max_size=k),
    )
    return names, draw(st.lists(one, min_size=1, max_size=25))


def windows_of(prior: Prior, history: list[Window]) -> Iterator[tuple[Ints, Floats, Bools]]:
    """Times, values and who learns, window by window."""
    at = np.full(len(prior.mean), START)
    level = np.where(np.isnan(prior.mean), 80.0, prior.mean)
    for w in history:
        at = at + np.array(w.minutes) * 60_000_000
        yield at, level + np.array(w.surprise) * prior.sd_within, np.array(w.which)


@settings(max_examples=60)
@given(histories())
def test_the_filter_is_the_one_with_matrices_on_every_prefix(drawn: tuple[list[str], list[Window]]) -> None:
    names, history = drawn
    cohort = Cohort.of(names)
    oracle = [
        Filter.of(cohort.prior, i, CLASS[name]["learn_from"] if name in CLASS else 1) for i, name in enumerate(names)
    ]
    for at, y, which in windows_of(cohort.prior, history):
        got = cohort.window(at, y, which)
        for i, f in enumerate(oracle):
            slot = int(at[i] % US_PER_DAY // QUARTER_US)
            mean, sd = f.predict(int(at[i]), slot, float(y[i]))
            np.testing.assert_allclose([got.mean[i], got.sd[i]], [mean, sd], rtol=1e-7)
            if which[i]:
                f.learn(slot, float(y[i]), mean, sd)
            same(cohort.rows, i, f)


def same(rows: Rows, i: int, f: Filter) -> None:
    """State of row i and of the oracle."""
    scale = np.sqrt(f.spread)
    np.testing.assert_allclose(rows.x[:, i], f.mean, rtol=1e-7, atol=1e-7 * scale)
    np.testing.assert_allclose(rows.p[:, i], [f.cov[p] for p in PAIRS], rtol=1e-6, atol=1e-7 * scale**2)
    np.testing.assert_allclose(rows.s2[i], f.spread, rtol=1e-7)
    assert (rows.n[i], rows.last_at[i]) == (f.n, f.last_at)
    assert np.linalg.eigvalsh(f.cov).min() > 0


@settings(max_examples=40)
@given(histories(), st.data())
def test_a_row_has_the_same_bits_whoever_shares_the_call(
    drawn: tuple[list[str], list[Window]], data: st.DataObject
) -> None:
    names, history = drawn
    crowd = names * data.draw(st.integers(1, 9))
    some = data.draw(st.permutations(range(len(crowd))))[: data.draw(st.integers(1, len(crowd)))]
    together, apart = Cohort.of(crowd), Cohort.of([crowd[i] for i in some])
    wide = [Window(*(getattr(w, f.name) * (len(crowd) // len(names)) for f in fields(Window))) for w in history]
    for at, y, which in windows_of(together.prior, wide):
        all_ = together.window(at, y, which)
        few = apart.window(at[some], y[some], which[some])
        for f in fields(Prediction):
            assert getattr(all_, f.name)[some].tobytes() == getattr(few, f.name).tobytes()
    for f in fields(Rows):
        assert getattr(together.rows, f.name)[..., some].tobytes() == getattr(apart.rows, f.name).tobytes(), f.name


@given(histories())
def test_rows_come_back_from_the_table_in_single_precision(
    drawn: tuple[list[str], list[Window]],
) -> None:
    names, history = drawn
    cohort, table = Cohort.of(names), np.zeros(len(names) + 2, STATE)
    for at, y, which in windows_of(cohort.prior, history):
        cohort.window(at, y, which)
    place = np.arange(len(names))[::-1] + 1
    baseline.put(table, place, cohort.rows)
    back = baseline.take(table, place)
    for f in fields(Rows):
        ours = getattr(cohort.rows, f.name)
        stored = ours if ours.dtype == np.int64 else ours.astype(np.float32).astype(np.float64)
        assert getattr(back, f.name).tobytes() == stored.tobytes()
    baseline.put(table, place, back)
    assert baseline.take(table, place).p.tobytes() == back.p.tobytes(), "what was rounded once stays as it is"
    back.x[:], back.s2[:] = 0, 0
    assert (table["s2"][place] == cohort.rows.s2.astype(np.float32)).all(), "what is taken is a copy"


def days(cohort: Cohort, count: int, value: Callable[[int], Floats], first: int = 0) -> list[Prediction]:
    """One window a day, at eight in the morning."""
    at = [np.full(len(cohort.vital), START + (first + d) * US_PER_DAY + US_PER_DAY // 3) for d in range(count)]
    return [cohort.window(at[d], value(d)) for d in range(count)]


def test_it_starts_from_the_profile_and_moves_to_the_patients_own_level() -> None:
    cohort = Cohort.of(["resting_heart_rate"])
    own = cohort.prior.mean + 15
    said = days(cohort, 30, lambda _: own)
    assert said[0].mean[0] == cohort.prior.mean[0]
    assert baseline.own_weight(said[0], cohort.prior)[0] == pytest.approx(0, abs=1e-9)
    assert [p.known[0] for p in said[:6]] == [False] * 5 + [True]
    assert abs(said[5].mean[0] - own[0]) < 1.0
    assert abs(said[-1].mean[0] - own[0]) < 0.1
    assert baseline.own_weight(said[-1], cohort.prior)[0] > 0.95


def test_the_band_is_wide_while_little_is_known() -> None:
    cohort = Cohort.of(["resting_heart_rate"])
    said = days(cohort, 30, lambda _: cohort.prior.mean)
    between, within, meas = (float(getattr(cohort.prior, f"sd_{name}")[0]) for name in ("between", "within", "meas"))
    assert said[0].sd[0] ** 2 > between**2 + within**2 + meas**2
    assert all(a.sd[0] >= b.sd[0] for a, b in pairwise(said))


def test_someone_without_a_population_level_is_taken_at_the_first_window() -> None:
    cohort = Cohort.of(["body_weight"])
    assert np.isnan(cohort.prior.mean[0])
    said = days(cohort, 3, lambda d: np.array([71.5 + d / 10]))
    assert said[0].mean[0] == 71.5
    assert 71.4 < said[2].mean[0] < 71.7
    assert said[2].sd[0] < 1.0


@pytest.mark.parametrize("name", ["resting_heart_rate", "heart_rate", "systolic_bp", "qtc", "body_weight"])
@pytest.mark.parametrize("known_days", [0, 1, 30])
def test_an_artefact_moves_the_level_exactly_as_two_sd_would(name: str, known_days: int) -> None:
    def moved(surprise: float) -> float:
        cohort = Cohort.of([name])
        level = np.where(np.isnan(cohort.prior.mean), 80.0, cohort.prior.mean)
        days(cohort, known_days, lambda _: level)
        before = np.where(np.isnan(cohort.rows.x[0]), level, cohort.rows.x[0])
        at = np.array([START + known_days * US_PER_DAY + US_PER_DAY // 3])
        expected = baseline.predict(
            cohort.rows, cohort.prior, at, baseline.slot_of_day(at, at * 0), level, cohort.vital
        )
        cohort.window(at, expected.mean + surprise * expected.sd)
        return float((cohort.rows.x[0] - before)[0])

    assert moved(60.0) == pytest.approx(moved(2.0), rel=1e-9)
    assert moved(-60.0) == pytest.approx(-moved(2.0), rel=1e-9)
    assert abs(moved(1.0)) == pytest.approx(moved(2.0) / 2, rel=1e-9)


def test_one_artefact_after_a_month_moves_the_level_by_less_than_half_a_usual_day() -> None:
    cohort = Cohort.of(["resting_heart_rate"])
    rng = np.random.default_rng(7)
    days(cohort, 30, lambda _: cohort.prior.mean + rng.normal(0, cohort.prior.sd_within))
    before, width = cohort.rows.x[0].copy(), np.sqrt(cohort.rows.s2.copy())
    days(cohort, 1, lambda _: np.array([140.0]), first=30)
    assert abs(cohort.rows.x[0] - before)[0] < 0.5 * cohort.prior.sd_within[0]
    assert np.sqrt(cohort.rows.s2)[0] < 1.1 * width[0]


@pytest.mark.parametrize("name", [n for n in CLASS if n != "steps"])
def test_a_flat_patient_keeps_a_band_that_an_ordinary_day_fits_into(name: str) -> None:
    cohort = Cohort.of([name])
    level = np.where(np.isnan(cohort.prior.mean), 80.0, cohort.prior.mean)
    least = B["spread_floor_share"] * cohort.prior.sd_within**2
    days(cohort, 5, lambda _: level)
    assert (least < cohort.rows.s2).all()
    assert (cohort.rows.s2 < cohort.prior.sd_within**2).all()
    cohort.rows.s2[:] = 1.01 * least
    days(cohort, 15, lambda _: level, first=5)
    assert (cohort.rows.s2 == least).all()


def test_what_is_learned_by_some_leaves_the_others_alone() -> None:
    cohort = Cohort.of(["heart_rate", "heart_rate"])
    days(cohort, 3, lambda d: cohort.prior.mean + d)
    before = Rows(*(getattr(cohort.rows, f.name).copy() for f in fields(Rows)))
    at = np.full(2, START + 3 * US_PER_DAY)
    cohort.window(at, cohort.prior.mean + 30, np.array([False, True]))
    for name in ("x", "s2", "n", "first_at"):
        own = getattr(cohort.rows, name) == getattr(before, name)
        assert own[..., 0].all(), name
        assert own[..., 1].all() == (name == "first_at")
    grown = cohort.rows.p[list(baseline.DIAGONAL), 0] > before.p[list(baseline.DIAGONAL), 0]
    assert grown.all(), "time makes it less sure, also of what it does not learn from"


def test_a_late_window_takes_no_time_and_gives_none_back() -> None:
    cohort = Cohort.of(["heart_rate"])
    days(cohort, 3, lambda _: cohort.prior.mean)
    before, last = cohort.rows.p.copy(), cohort.rows.last_at.copy()
    cohort.window(last - US_PER_DAY, cohort.prior.mean, np.array([False]))
    assert (cohort.rows.p == before).all()
    assert cohort.rows.last_at == last


def test_it_learns_the_shape_of_the_patients_own_day() -> None:
    """A night worker: the peak twelve hours from where the profile puts it, and a dip after lunch."""
    cohort, rng = Cohort.of(["heart_rate"]), np.random.default_rng(3)
    hour = 2 * np.pi * np.arange(96) / 96
    curve = 73.5 + 10 * np.cos(hour - 2 * np.pi * 3 / 24) + 4 * np.cos(2 * hour)
    residual = []
    for k in range(21 * 96):
        y = np.array([curve[k % 96] + rng.normal(0, 2)])
        said = cohort.window(np.array([START + k * QUARTER_US]), y)
        residual.append(float(curve[k % 96] - said.mean[0]))
    first, last = (float(np.sqrt(np.mean(np.square(part)))) for part in (residual[:96], residual[-96:]))
    assert last < 1.5
    assert last < 0.2 * first


@pytest.mark.parametrize("name", ["heart_rate", "resting_heart_rate", "hrv_rmssd", "systolic_bp", "spo2", "glucose"])
def test_the_band_covers_about_what_it_says(name: str) -> None:
    """People as the prior says they are: about one window in twenty beyond two SD, once learned."""
    people, count = 150, 400 if CLASS[name]["learn_from"] > 1 else 90
    cohort, rng = Cohort.of([name] * people), np.random.default_rng(11)
    prior = cohort.prior
    level = prior.mean + rng.normal(0, prior.sd_between)
    step, beyond = QUARTER_US if CLASS[name]["learn_from"] > 1 else US_PER_DAY, []
    for k in range(count):
        hour = 2 * np.pi * (((START + k * step) % US_PER_DAY) / US_PER_DAY - prior.acrophase_h / 24)
        y = level + prior.amplitude * np.cos(hour) + rng.normal(0, prior.sd_within) + rng.normal(0, prior.sd_meas)
        said = cohort.window(np.full(people, START + k * step), y)
        if k >= count // 2:
            beyond.append(np.abs(y - said.mean) > 2 * said.sd)
    assert 0.02 < float(np.mean(beyond)) < 0.08


@given(st.integers(0, 10**16), st.integers(-12 * 60, 14 * 60))
def test_the_quarter_of_the_day_is_that_of_the_patients_clock(at: int, offset_min: int) -> None:
    offset = offset_min * 60_000_000
    slot = baseline.slot_of_day(np.array([at]), np.array([offset]))
    minute_of_day = (at + offset) // 60_000_000 % 1440
    assert slot.tolist() == [minute_of_day // 15]


def test_the_clipped_squares_of_a_normal_add_up_to_its_variance() -> None:
    z = (np.arange(-80_000, 80_000) + 0.5) / 10_000
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) / 10_000
    assert CLIP_CORRECTION * np.sum(np.minimum(z**2, B["huber"] ** 2) * density) == pytest.approx(1, abs=1e-4)


def test_a_streamed_vital_that_comes_once_a_night_is_judged_like_a_spot_check() -> None:
    nightly, streamed = Cohort.of(["respiratory_rate"]), Cohort.of(["respiratory_rate"])
    said = days(nightly, 9, lambda _: nightly.prior.mean)
    lines = [baseline.line_of(nightly.rows, nightly.vital)[0]]
    assert lines == [baseline.SPARSE]
    assert not said[-1].known[0], "predict was asked with the stream's line here"
    for quarter in range(3 * 96):
        at = np.array([START + quarter * (US_PER_DAY // 96)])
        streamed.window(at, streamed.prior.mean)
        assert baseline.line_of(streamed.rows, streamed.vital)[0] == streamed.vital[0]


def test_a_stream_stays_one_through_a_long_problem_in_which_nothing_is_learned() -> None:
    cohort = Cohort.of(["heart_rate"])
    for quarter in range(40 * 96):
        at = np.array([START + quarter * (US_PER_DAY // 96)])
        cohort.window(at, cohort.prior.mean, np.array([quarter < 3 * 96]))
    assert baseline.line_of(cohort.rows, cohort.vital)[0] == cohort.vital[0]


@pytest.mark.parametrize("days", [10, 60, 200])
def test_a_stream_that_goes_over_into_spot_checks_is_one_no_more_after_weeks_however_long_it_was(days: int) -> None:
    cohort = Cohort.of(["heart_rate"])
    for hour in range(days * 24):
        cohort.window(np.array([START + 4 * hour * QUARTER_US]), cohort.prior.mean)
    assert baseline.line_of(cohort.rows, cohort.vital)[0] == cohort.vital[0]
    for half_day in range(2 * 21):
        cohort.window(np.array([START + days * US_PER_DAY + half_day * US_PER_DAY // 2]), cohort.prior.mean)
    assert baseline.line_of(cohort.rows, cohort.vital)[0] == baseline.SPARSE
    assert not baseline.in_stream(cohort.rows)[0]


def test_a_stream_that_begins_again_after_a_long_pause_is_one_at_once() -> None:
    cohort, pause = Cohort.of(["heart_rate"]), 120 * US_PER_DAY
    for quarter in range(10 * 96):
        cohort.window(np.array([START + quarter * QUARTER_US]), cohort.prior.mean)
    for quarter in range(10 * 96, 10 * 96 + 4):
        cohort.window(np.array([START + quarter * QUARTER_US + pause]), cohort.prior.mean)
    assert baseline.line_of(cohort.rows, cohort.vital)[0] == cohort.vital[0]


@given(st.integers(-12 * 4, 14 * 4))
def test_by_another_clock_the_same_is_expected_at_the_same_moments(quarters: int) -> None:
    cohort = Cohort.of(["heart_rate", "body_weight"])  # of a weight no level is expected
    days(cohort, 3, lambda day: np.array([70.0 + day, 80.0]))
    later, slot = np.full(2, START + 4 * US_PER_DAY), np.array([10, 11])
    y, said = np.array([70.0, 80.0]), list[Prediction]()
    before = baseline.Rows(*(getattr(cohort.rows, field.name).copy() for field in fields(baseline.Rows)))
    said.append(baseline.predict(before, cohort.prior, later, slot, y, cohort.vital))
    baseline.by_another_clock(cohort.rows, quarters * QUARTER_US)
    said.append(baseline.predict(cohort.rows, cohort.prior, later, (slot + quarters) % 96, y, cohort.vital))
    np.testing.assert_allclose(said[1].mean, said[0].mean)
    np.testing.assert_allclose(said[1].sd, said[0].sd)


def test_settings_are_those_of_the_evidence() -> None:
    s = baseline.settings()
    for vital in VITALS:
        group = CLASS.get(vital.name, {"learn_from": 1, "known_after": np.inf})
        assert (s.learn_from[vital.index], s.known_after[vital.index]) == (group["learn_from"], group["known_after"])
