"""What rules of conditions measure over days, against the same written down once more over all windows ever seen."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import rules
from models.detectors.condition import on_reading, on_window
from models.detectors.days import Window
from models.detectors.watched import Change, Watched
from models.evidence import load
from models.prior import prior
from models.rules import Limit, Part, Trend
from models.vitals import BY_NAME

HOUR_US, MINUTE_US = 3_600_000_000, 60_000_000
Seen = list[tuple[int, int, float, float]]
"""vital, day, value, difference."""


def rule(name: str) -> Trend:
    return next(one for one in rules.trends() if one.id == name)


def limit(name: str) -> Limit:
    return next(one for one in rules.limits() if one.id == name)


def fed(one: Trend, seen: Seen, since: int = 0, path: float = 0.0) -> list[bool]:
    """Whether the rule holds after each window."""
    watched, held = Watched(), []
    vitals = {vital for part in one.parts for vital in (part.vital, *part.others)}
    for place, (vital, day, value, delta) in enumerate(seen):
        watched.open.clear()
        mine = (one,) if vital in vitals else ()
        at = day * 24 * HOUR_US + place
        found = on_window(watched, mine, vital, Window(at, day, value, delta), path=path, since={one.id: since})
        held.append(any(change.raised for change in found))
    return held


def expected(one: Trend, seen: Seen, oracle: Callable[[Seen, Part], bool]) -> list[bool]:
    return [any(oracle(seen[: end + 1], part) for part in one.parts) for end in range(len(seen))]


def by_day(seen: Seen, vital: int) -> dict[int, list[float]]:
    days: dict[int, list[float]] = {}
    for one, day, value, _ in seen:
        if one == vital:
            days.setdefault(day, []).append(value)
    return days


def values(low: float, high: float) -> st.SearchStrategy[list[tuple[int, float]]]:
    """(days since the window before, value)."""
    return st.lists(st.tuples(st.sampled_from([0, 0, 1, 1, 1, 2]), st.floats(low, high)), min_size=1, max_size=60)


def laid(vital: str, drawn: list[tuple[int, float]]) -> Seen:
    days = np.cumsum([step for step, _ in drawn]) + 100
    return [(BY_NAME[vital].index, int(day), value, 0.0) for day, (_, value) in zip(days, drawn, strict=True)]


def swing(seen: Seen, part: Part) -> bool:
    today = seen[-1][1]
    days = [v for day, v in by_day(seen, part.vital).items() if day > today - part.days and len(v) > 1]
    return len(days) >= part.least and bool(np.mean([np.ptp(v) / np.mean(v) for v in days]) >= part.value)


def lately(seen: Seen, part: Part) -> np.ndarray:
    return np.array([value for _, day, value, _ in seen if day > seen[-1][1] - part.days])


def below(seen: Seen, part: Part) -> bool:
    values = lately(seen, part)
    return len(values) >= part.least and bool(np.mean(values < part.limit) >= part.value)


def cv(seen: Seen, part: Part) -> bool:
    values = lately(seen, part)
    return len(values) >= part.least and bool(np.std(values, ddof=1) / np.mean(values) >= part.value)


def eased(one: Trend, least: int) -> Trend:
    """The same rule on fewer windows, so that a test need not make a thousand."""
    return replace(one, parts=tuple(replace(part, least=least) for part in one.parts))


@given(values(150, 260))
def test_peak_flow_varies_by_what_each_day_swings(drawn: list[tuple[int, float]]) -> None:
    seen, one = laid("peak_flow", drawn), eased(rule("asth_var"), least=2)
    assert fed(one, seen) == expected(one, seen, swing)


@given(values(40, 180))
def test_time_below_range_is_the_share_of_windows(drawn: list[tuple[int, float]]) -> None:
    seen, one = laid("glucose", drawn), eased(rule("glu_tbr"), least=12)
    assert fed(one, seen) == expected(one, seen, below)


@given(values(40, 260))
def test_glucose_varies_as_the_sd_over_the_mean(drawn: list[tuple[int, float]]) -> None:
    seen, one = laid("glucose", drawn), eased(rule("glu_cv"), least=12)
    assert fed(one, seen) == expected(one, seen, cv)


def either(name: str) -> Trend:
    """The same rule as if one of its parts were enough."""
    return replace(rule(name), at_least=1, within_d=1)


def rises_again(seen: Seen, part: Part) -> bool:
    since = max(100, seen[-1][1] - load("rules")["meta"]["series_days"])
    days = {day: float(np.mean(v)) for day, v in by_day(seen, part.vital).items() if day >= since and day > 100}
    order = sorted(days)
    last = order[-2:]
    before = [days[day] for day in order[2:-2] if last[0] - 5 <= day]
    if len(before) < 3 or last[-1] - last[0] >= 4:
        return False
    step = 1.5 * prior().sd_within[part.vital]
    fallen, first = float(np.median(before)), (days[order[0]] + days[order[1]]) / 2
    return first - fallen >= step and min(days[day] for day in last) - fallen >= step


def test_a_second_rise_is_looked_for_as_long_as_the_first_days_are_remembered() -> None:
    assert rule("po_second_rise").scope.course == ("surgery", 4, load("rules")["meta"]["series_days"])


@given(values(60, 75))
def test_a_second_rise_is_held_against_the_days_before_it(drawn: list[tuple[int, float]]) -> None:
    seen, one = laid("resting_heart_rate", drawn), either("po_second_rise")
    assert fed(one, seen, since=100) == expected(one, seen, rises_again)


def test_a_second_rise_is_seen_on_its_second_day() -> None:
    days = [80, 80, 74, 70, 69, 68, 68, 74, 74, 74]
    seen = [(BY_NAME["resting_heart_rate"].index, 100 + n, float(v), 0.0) for n, v in enumerate(days)]
    assert fed(either("po_second_rise"), seen, since=100).index(True) == 8
    assert not any(
        fed(either("po_second_rise"), seen, since=103)
    )  # what came before the operation is not the first days


def test_the_morning_of_an_operation_is_not_of_the_days_after_it() -> None:
    """Who is watched for something else as well is remembered from before: 62 at 7 o'clock was before the operation."""
    days = [62, 80, 80, 74, 70, 69, 68, 68, 76, 76]
    seen = [(BY_NAME["resting_heart_rate"].index, 100 + n, float(v), 0.0) for n, v in enumerate(days)]
    assert fed(either("po_second_rise"), seen, since=100).index(True) == 9


STEADY = st.floats(0.1, 2.0).map(
    lambda size: [(size * (-1) ** n, 0.3 * size * (-1) ** (n // 2), True) for n in range(15)]
)
PAIRS = st.lists(st.tuples(st.floats(-3, 6), st.floats(-4, 2), st.sampled_from([True, True, True, False])), max_size=8)


def oximetry(pairs: list[tuple[float, float, bool]], end: int) -> bool:
    """The score of the last two days, each against the days up to two days before."""
    scores = []
    for day in (end - 1, end):
        before = range(max(0, end - 28), day - 1)
        zs = []
        for which, sign, least in ((0, 1, 1.0), (1, -1, 0.5)):
            past = [pairs[other][which] for other in before if which == 0 or pairs[other][2]]
            if day < 0 or len(past) < 14 or (which == 1 and not pairs[day][2]):
                return False
            zs.append(sign * (pairs[day][which] - np.mean(past)) / max(float(np.std(past, ddof=1)), least))
        scores.append(np.mean(zs))
    return bool(min(scores) >= 1.0)


@given(STEADY, PAIRS)
def test_the_oximetry_score_is_the_mean_of_both_z_on_two_days(
    steady: list[tuple[float, float, bool]], later: list[tuple[float, float, bool]]
) -> None:
    pairs = steady + later
    heart, oxygen = BY_NAME["resting_heart_rate"].index, BY_NAME["spo2"].index
    seen, wanted = Seen(), []
    for n, (rise, fall, worn) in enumerate(pairs):
        seen += [(oxygen, 100 + n, 95 + fall, fall)] if worn else []
        seen.append((heart, 100 + n, 65 + rise, rise))
        wanted.append(oximetry(pairs, n))
    found = fed(rule("copd_oxscore"), seen)
    assert [held for held, (vital, *_) in zip(found, seen, strict=True) if vital == heart] == wanted


def flare(days: list[tuple[float, float, float]], end: int) -> bool:
    first = end - 13
    past = days[max(0, end - 28) : max(first, 0)]
    if len(past) < 7:
        return False
    sd = prior().sd_within
    names = ("resting_heart_rate", "hrv_rmssd", "steps")
    scaled: list[Callable[[float], float]] = [float, math.log, math.log1p]
    runs = []
    for which, name in enumerate(names):
        level = np.median([scaled[which](day[which]) for day in past])
        now, run = 0.0, []
        for day in days[first : end + 1]:
            now = 0.8 * now + 0.2 * (scaled[which](day[which]) - level) / sd[BY_NAME[name].index]
            run.append(now)
        runs.append(np.array(run))
    edge = 2.7 * np.sqrt(0.2 / 1.8)
    return bool(np.sum((runs[0] >= edge) & ((runs[1] <= -edge) | (runs[2] <= -edge))) >= 10)


@given(
    st.lists(st.tuples(st.floats(-2, 2), st.floats(-0.1, 0.1), st.floats(-0.4, 0.4)), min_size=14, max_size=20),
    st.tuples(st.floats(0, 7), st.floats(-0.6, 0), st.floats(-1.2, 0)),
)
def test_a_coming_flare_is_ten_of_fourteen_days_of_both(
    noise: list[tuple[float, float, float]], shift: tuple[float, float, float]
) -> None:
    moved = [[a + b for a, b in zip(day, shift, strict=True)] for day in noise]
    days = [(64 + beats, 45 * math.exp(ln), 6000 * math.exp(walked)) for beats, ln, walked in moved]
    heart, hrv, steps = (BY_NAME[name].index for name in ("resting_heart_rate", "hrv_rmssd", "steps"))
    quiet = [(64.0, 45.0, 6000.0)] * 12 + days
    seen = Seen()
    for n, (beats, variability, walked) in enumerate(quiet):
        seen += [(hrv, n, variability, 0.0), (steps, n, walked, 0.0), (heart, n, beats, 0.0)]
    found = fed(rule("ai_composite"), seen)[2::3]
    assert found == [flare(quiet, end) for end in range(len(quiet))]


def test_steps_are_held_against_the_course_from_the_level_before_it() -> None:
    steps, one = BY_NAME["steps"].index, rule("po_steps")
    usual, path = 6000.0, -1.5
    on_path = float(np.expm1(np.log1p(usual) + path))
    walked = [on_path, 0.45 * on_path, 0.55 * on_path, 0.45 * on_path, 0.45 * on_path, 0.45 * on_path]
    seen = [(steps, 100 + n, value, value - on_path) for n, value in enumerate(walked)]
    assert fed(one, seen, since=100, path=path) == [False] * 5 + [True]
    unknown = [(steps, day, value, float("nan")) for _, day, value, _ in seen]
    assert not any(fed(one, unknown, since=100, path=path))


@pytest.mark.parametrize(("usual", "days", "held"), [
    (None, [], True), (95.0, [], True), (91.0, [], False), (None, [91.0] * 8, False), (None, [95.0] * 8, True),
    (None, [91.0] * 7, True), (95.0, [91.0] * 8, True),
])  # fmt: skip
def test_an_emergency_limit_is_kept_until_a_lower_own_level_is_known(
    usual: float | None, days: list[float], held: bool
) -> None:
    """Stated, or seven days before today; an ill day alone is no level."""
    one, oxygen = Watched(), BY_NAME["spo2"].index
    for day, value in enumerate(days):
        on_window(one, (rule("scd_delta"),), oxygen, Window(day * 24 * HOUR_US, day, value, 0.0))
    found = []
    for n in range(2):
        found += on_reading(
            one, (limit("scd_abs"),), n * HOUR_US, 89.0, spot=True, resting=True, usual=lambda vital: usual
        )
    assert [change.raised for change in found] == ([True] if held else [])


def test_an_open_emergency_is_not_let_go_because_the_level_follows_it() -> None:
    one, oxygen, held = Watched(), BY_NAME["spo2"].index, (limit("scd_abs"),)
    first = [on_reading(one, held, n * HOUR_US, 89.0, spot=True, resting=True) for n in range(2)]
    assert len(first[1]) == 1
    for day in range(10):
        on_window(one, (rule("scd_delta"),), oxygen, Window(day * 24 * HOUR_US, day, 89.0, 0.0))
    on = on_reading(one, held, 99 * HOUR_US, 89.0, spot=True, resting=True)
    assert [change.again for change in on] == [True], "it goes on, and nothing is new"
    closed = [on_reading(one, held, (100 + n) * HOUR_US, 95.0, spot=True, resting=True) for n in range(2)]
    assert [change.raised for change in closed[1]] == [False]


def by_turns(rule_id: str, turns: list[tuple[float, int]], step_us: int) -> list[bool]:
    """What is told of values and their devices by turns: raised, or over."""
    one, found, held = Watched(), list[Change](), (limit(rule_id),)
    for k, (value, device) in enumerate(turns):
        found += on_reading(one, held, k * step_us, value, spot=False, resting=True, device=device)
    return [change.raised for change in found if not change.again]


def test_a_watch_that_finds_the_patient_well_does_not_interrupt_an_oximeter() -> None:
    """Nor does it end what the oximeter has found, while that is in use."""
    turns = [(90.0, 1), (97.0, 2)] * 6
    assert by_turns("cov_emerg", turns, 5 * MINUTE_US) == [True]
    assert by_turns("cov_emerg", [*turns, *[(97.0, 2)] * 3], 5 * MINUTE_US) == [True]
    assert by_turns("cov_emerg", [*turns, *[(97.0, 2)] * 9], 5 * MINUTE_US) == [True, False]
    assert by_turns("cov_emerg", [*turns, *[(97.0, 1)] * 2], 5 * MINUTE_US) == [True, False]
    assert by_turns("cov_emerg", [(90.0, 1), (97.0, 2), (97.0, 1)] * 6, 5 * MINUTE_US) == []


def test_a_loose_patch_does_not_interrupt_a_fever() -> None:
    assert by_turns("fn_sustained", [(38.2, 1), (36.7, 2)] * 2, 31 * MINUTE_US) == [True]


def test_one_measurement_that_two_apps_relay_confirms_no_condition() -> None:
    assert by_turns("pe_severe", [(166.0, 1), (166.0, 2)], 9_000_000) == []
    assert by_turns("pe_severe", [(166.0, 1), (166.0, 2), (166.0, 1)], 45_000_000) == [True]
    assert by_turns("pe_severe", [(166.0, 1), (164.0, 2)], 9_000_000) == [True]
    assert by_turns("pe_severe", [(166.0, 1), (166.0, 2)], MINUTE_US) == [True]
