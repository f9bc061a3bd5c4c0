"""The rules that homebeat is held against do what their sources say, and know nothing of the future."""

import json
import math
import statistics
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.times import US_PER_DAY, US_PER_S
from models.vitals import BY_NAME
from streams.scoring.comparators.ar2_glucose import Ar2Glucose, forecast
from streams.scoring.comparators.cusum import crossings
from streams.scoring.comparators.every import comparators
from streams.scoring.comparators.nightsignal import NightSignal, above_median, two_nights
from streams.scoring.comparators.population import Population
from streams.scoring.comparators.robust_z import RobustZ, robust_z
from streams.scoring.comparators.rule import Comparator, alert_lines
from streams.scoring.comparators.series import Series, Taken, read
from streams.scoring.comparators.weight_gain import WeightGain, gained, rules
from streams.scoring.records import opened

DAY0 = 20_000 * US_PER_DAY
RESTING, WEIGHT, GLUCOSE = (BY_NAME[name].index for name in ("resting_heart_rate", "body_weight", "glucose"))
nights = st.lists(st.one_of(st.none(), st.integers(400, 900).map(lambda tenth: tenth / 10)), min_size=1, max_size=70)


def column(values: Sequence[float | None]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([math.nan if value is None else value for value in values], np.float64)


def a_day_each(vital: int, values: Sequence[float | None], hour: int = 7) -> Series:
    """One reading a day, at seven."""
    known = [(DAY0 + d * US_PER_DAY + hour * 3600 * US_PER_S, v) for d, v in enumerate(values) if v is not None]
    at, value = (np.array(part) for part in zip(*known, strict=True))
    return Series("p", taken={vital: Taken(at.astype(np.int64), value.astype(float), np.ones(len(at), bool))})


@settings(max_examples=60, deadline=None)
@given(nights, st.sampled_from([0.1, 1.0, 3.0]))
def test_robust_z_is_median_and_mad_of_the_days_before_yesterday(values: list[float | None], floor: float) -> None:
    found = robust_z(column(values), floor)
    for day, value in enumerate(values):
        before = [v for v in values[max(0, day - 29) : max(0, day - 1)] if v is not None]
        if value is None or len(before) < 10:
            assert math.isnan(found[day])
            continue
        median = statistics.median(before)
        mad = max(floor, statistics.median(abs(v - median) for v in before))
        assert found[day] == pytest.approx((value - median) / (1.4826 * mad))


def published_nightsignal(values: Sequence[float | None], red: int) -> list[int]:
    """The public code's way: dictionaries by date, every median from scratch; the alert is of the second night."""
    day = {d: date(2026, 1, 5) + timedelta(days=d) for d in range(len(values))}
    means = {day[d]: int(value) for d, value in enumerate(values) if value is not None}
    for d in range(1, len(values) - 1):
        before, here, after = day[d - 1], day[d], day[d + 1]
        if values[d] is None and values[d - 1] is not None and values[d + 1] is not None:
            means[here] = int(round((means[before] + means[after]) / 2, 1))
    potential = []
    for here in sorted(means):
        median = int(statistics.median([means[other] for other in means if here >= other]))
        if means[here] >= median + red:
            potential.append(here)
    return [(b - day[0]).days for a, b in pairwise(potential) if (b - a).days == 1]


@settings(max_examples=80, deadline=None)
@given(nights, st.sampled_from([1, 3, 4]))
def test_nightsignal_is_its_published_rule(values: list[float | None], red: int) -> None:
    found = np.flatnonzero(two_nights(above_median(column(values)), red)).tolist()
    assert found == published_nightsignal(values, red)


def test_nightsignal_tells_of_two_high_nights_in_the_morning_after_the_second() -> None:
    series = a_day_each(RESTING, [60.0] * 30 + [64, 64, 60])
    assert [call.at_us for call in NightSignal().calls(series, 4)] == [DAY0 + 31 * US_PER_DAY + 7 * 3600 * US_PER_S]
    assert not NightSignal().calls(a_day_each(RESTING, [60.0] * 30 + [63, 63, 60]), 4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(-4, 4)), max_size=60), st.sampled_from([1.0, 5.0]))
def test_cusum_is_the_recursion(values: list[float | None], limit: float) -> None:
    total, expected = 0.0, []
    for day, value in enumerate(values):
        if value is not None:
            total = max(0.0, total + value - 0.5)
            if total >= limit:
                expected.append(day)
                total = 0.0
    assert crossings(column(values), 0.5, limit) == expected


@pytest.mark.parametrize(("limit", "run_length"), [(4, 168), (5, 465)])
def test_cusum_alerts_on_noise_as_rarely_as_published(limit: float, run_length: float) -> None:
    """Allowance 0.5: 168 and 465 days between false alerts on either side (Montgomery, Introduction to Statistical
    Quality Control, table of the two-sided tabular CUSUM); the standard error here is about 4 %."""
    noise = np.random.default_rng(4).standard_normal(200_000)
    both = len(crossings(noise, 0.5, limit)) + len(crossings(-noise, 0.5, limit))
    assert len(noise) / both == pytest.approx(run_length, rel=0.12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(700, 740)), min_size=1, max_size=30, unique_by=lambda x: x[0])
)
def test_weight_gained_is_against_every_weight_of_the_window(weights: list[tuple[int, int]]) -> None:
    ordered = sorted(weights)
    taken = Taken(
        np.array([hour * 3600 * US_PER_S for hour, _ in ordered], np.int64),
        np.array([tenth / 10 for _, tenth in ordered]),
        np.ones(len(ordered), bool),
    )
    for kg, window, strict in ((1.36, 24, False), (2.0, 72, True)):
        expected = [
            any(
                hour - 6 - window <= h <= hour and (w - t > kg * 10 if strict else w - t >= kg * 10) for h, t in ordered
            )
            for hour, w in ordered
        ]
        assert gained(taken, kg, window, strict=strict).tolist() == expected


def test_the_weight_rules_are_the_three_of_the_guidelines() -> None:
    assert sorted((rule["value"], rule["window_h"]) for rule in rules()) == [(1.36, 24), (2.0, 72), (2.27, 168)]
    gain = a_day_each(WEIGHT, [80.0, 80.1, 80.0, 80.2, 82.5, 82.5, 82.4])
    assert [call.at_us for call in WeightGain().calls(gain, 1.0)] == [DAY0 + 4 * US_PER_DAY + 7 * 3600 * US_PER_S]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([1, 5, 15]), st.integers(40, 390)), min_size=1, max_size=20))
def test_the_glucose_forecast_is_the_published_recursion(steps: list[tuple[int, int]]) -> None:
    at = np.cumsum([minutes for minutes, _ in steps]) * 60 * US_PER_S
    value = np.array([float(v) for _, v in steps])
    found = forecast(at, value)
    for i in range(len(steps)):
        newer = math.log(value[i] / 140)
        older = math.log(value[i - 1] / 140) if i and steps[i][0] < 5.1 else newer
        for step in range(6):
            older, newer = newer, -0.723 * older + 1.716 * newer
            assert found[i, step] == pytest.approx(min(400, max(36, 140 * math.exp(newer))))


def test_falling_glucose_is_foretold_before_it_is_low_and_steady_glucose_never() -> None:
    at = DAY0 + np.arange(60) * 5 * 60 * US_PER_S
    for values, low in ((np.full(60, 140.0), False), (np.linspace(180, 62, 60), True)):
        taken = Taken(at, values, np.ones(60, bool))
        calls = Ar2Glucose().calls(Series("p", taken={GLUCOSE: taken}), 70)
        assert bool(calls) == low
        assert all(values[np.flatnonzero(at == call.at_us)[0]] >= 70 for call in calls)


def test_a_limit_for_everyone_alerts_once_for_readings_of_a_day() -> None:
    spo2 = BY_NAME["spo2"].index
    at = DAY0 + np.array([0, 1, 2, 50]) * 3600 * US_PER_S
    series = Series("p", taken={spo2: Taken(at, np.array([92.0, 92, 95, 93]), np.ones(4, bool))})
    assert [call.problem for call in Population().calls(series, 1.0)] == ["spo2.low", "spo2.low"]


def test_readings_while_moving_are_not_judged() -> None:
    heart = BY_NAME["heart_rate"].index
    taken = Taken(np.array([DAY0]), np.array([150.0]), np.zeros(1, bool))
    assert not Population().calls(Series("p", taken={heart: taken}), 1.0)


def test_a_rule_does_not_see_what_a_wrong_clock_says(tmp_path: Path) -> None:
    """Nor does homebeat: such a reading is refused."""
    times = [("2026-01-05T08:00:00Z",) * 2, ("1970-01-01T00:00:00Z", "2026-01-05T08:00:00Z"),
             ("2026-03-05T08:00:00Z", "2026-01-05T08:00:00Z")]  # fmt: skip
    lines = [{"patient": "p", "code": "spo2", "value": 90, "unit": "%", "at": a, "arrived": b} for a, b in times]
    (tmp_path / "readings.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert len(Population().calls(read([tmp_path / "readings.jsonl"])[0], 1.0)) == 1


@pytest.mark.parametrize("rule", comparators(), ids=lambda rule: rule.name)
def test_no_rule_knows_the_future(rule: Comparator) -> None:
    """What a rule says of the first n days is the same whether or not the others have come."""
    random = np.random.default_rng(8)
    values = {
        RESTING: 60 + random.normal(0, 5, 90),
        WEIGHT: 80 + random.normal(0, 1, 90),
        GLUCOSE: 100 * np.exp(random.normal(0, 0.3, 90)),
    }
    gaps = random.random(90) < 0.15
    whole = _several(values, gaps, 90)
    found = rule.calls(whole, rule.limits[0])
    assert found, "the rule must say something, or nothing is shown"
    for days in (20, 45, 46, 47, 60, 89):
        cut = DAY0 + days * US_PER_DAY
        part = rule.calls(_several(values, gaps, days), rule.limits[0])
        assert sorted(part, key=str) == sorted((call for call in found if call.at_us < cut), key=str)


def _several(values: dict[int, "np.ndarray[tuple[int], np.dtype[np.float64]]"], gaps: object, days: int) -> Series:
    everything = Series("p")
    for vital, of_vital in values.items():
        known = [None if gap else float(v) for gap, v in zip(gaps, of_vital, strict=True)][:days]  # type: ignore[call-overload]
        everything.taken |= a_day_each(vital, known).taken
    return everything


def test_looser_limits_find_at_least_as_many_days() -> None:
    values = list(60 + np.random.default_rng(2).normal(0, 3, 120))
    series, rule = a_day_each(RESTING, values), RobustZ("z", 1, 3)
    counts = [len(rule.calls(series, limit)) for limit in (2, 3, 4)]
    assert counts == sorted(counts, reverse=True)


def test_the_alerts_of_a_rule_are_read_by_score() -> None:
    series = a_day_each(RESTING, [60.0] * 30 + [80, 80])
    alerts = opened(alert_lines("z", series, RobustZ("z", 1, 3).calls(series, 3)))
    assert [(alert.patient, alert.problem, alert.counts) for alert in alerts] == [
        ("p", "resting_heart_rate.high", True)
    ]
