"""What trends hold against their limits, against the words of the evidence once more, over all windows ever seen."""

from collections.abc import Callable
from math import isnan, nan
from statistics import fmean, linear_regression, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import rules
from models.detectors.condition import on_window
from models.detectors.days import Window
from models.detectors.watched import Watched
from models.evidence import load
from models.rules import Part

KEPT_DAYS, DAY_US = load("rules")["meta"]["series_days"], 86_400_000_000
Seen = tuple[int, float, float, int]
"""A window: its day, value, difference from what was expected (NaN: not known), readings."""
Days = dict[int, list[Seen]]


def beyond(part: Part, figure: float) -> bool:
    """At the limit, or beyond it; only beyond it where the evidence says so. What rounding adds is nothing."""
    over = round(figure - part.value if part.up else part.value - figure, 9)
    return over > 0 or (over == 0 and not part.strict)


def mean(windows: list[Seen]) -> float:
    return sum(value * n for _, value, _, n in windows) / sum(n for *_, n in windows)


def delta(windows: list[Seen]) -> float:
    known = [one for _, _, one, _ in windows if not isnan(one)]
    return fmean(known) if known else nan


def slope(part: Part, days: Days, today: int) -> bool:
    lately = [day for day in days if day > today - part.days]
    if len(lately) < part.least:
        return False
    return beyond(part, linear_regression(lately, [mean(days[day]) for day in lately]).slope)


def week_mean(part: Part, days: Days, today: int) -> bool:
    lately = [day for day in days if day > today - part.days]
    every = [one for day in lately for one in days[day]]
    return len(lately) >= part.n and sum(n for *_, n in every) >= part.least and beyond(part, mean(every))


def delta_mean(part: Part, days: Days, today: int) -> bool:
    known = [delta(days[day]) for day in days if day > today - part.days and not isnan(delta(days[day]))]
    return len(known) >= part.least and beyond(part, fmean(known))


def on_days(part: Part, days: Days, today: int) -> bool:
    last = [day for day in sorted(days)[-part.n :] if day > today - 2 * part.n]
    return sum(beyond(part, delta(days[day])) for day in last if not isnan(delta(days[day]))) >= part.k


def share(part: Part, days: Days, today: int) -> bool:
    usual_n = median(sum(n for *_, n in windows) for windows in days.values())
    if sum(n for *_, n in days[today]) < usual_n:
        days = {day: windows for day, windows in days.items() if day != today}
    if len(days) < max(7, 2 * part.k):
        return False
    reference, newest = median(mean(windows) for windows in days.values()), max(days)
    last = [day for day in sorted(days)[-part.n :] if day > newest - 2 * part.n]
    return sum(beyond(part, mean(days[day]) / reference) for day in last) >= part.k


def moved(part: Part, days: Days, today: int) -> bool:
    newest_first = sorted(days, reverse=True)
    for taken in range(1, len(newest_first) + 1):
        lately = [one for day in newest_first[:taken] for one in days[day]]
        if sum(n for *_, n in lately) >= part.least:
            before = [mean(days[day]) for day in newest_first[taken:]]
            known = len(before) >= 7 and today - newest_first[taken - 1] < part.days
            return known and beyond(part, mean(lately) - median(before))
    return False


CASES: dict[str, tuple[Callable[[Part, Days, int], bool], float, list[float]]] = {
    "hf_wt_trend": (slope, 80.0, [0.0, 0.2, 0.4]), "htn_uncontrolled": (week_mean, 130.0, [4.0, 5.0, 6.0]),
    "htn_delta": (delta_mean, 130.0, [19.0, 20.0, 21.0]), "hf_rhr_up": (on_days, 60.0, [9.0, 10.0, 11.0]),
    "copd_hr_delta": (on_days, 60.0, [7.0, 8.0, 9.0]), "ms_steps": (share, 4000.0, [0.0, -1200.0, -1300.0]),
    "pd_steps": (share, 4000.0, [0.0, -1600.0, -1700.0]), "qt_delta": (moved, 400.0, [0.0, 60.0, 61.0]),
}  # fmt: skip
"""By rule: the oracle of its measure, a level, and moves on both sides of the limit and at it."""


@st.composite
def windows(draw: st.DrawFn, level: float, moves: list[float], creeps: bool) -> list[Seen]:
    """Days at one level and then moved, with gaps and days of several windows; creeps: a little more each day."""
    day, out, quiet = 100, list[Seen](), draw(st.integers(0, 12))
    for k in range(draw(st.integers(quiet + 3, quiet + 14))):
        day += draw(st.sampled_from([1, 1, 1, 1, 1, 2, 5, 9]))
        for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
            move = draw(st.sampled_from(moves)) if k >= quiet else 0.0
            known = draw(st.sampled_from([True, True, True, False]))
            value = level + (moves[1] * k if creeps else move)
            out.append((day, value, move if known else nan, draw(st.sampled_from([1, 1, 2, 3]))))
    return out


@pytest.mark.parametrize("name", CASES)
def test_a_trend_holds_on_every_prefix_as_by_hand(name: str) -> None:
    rule, (oracle, level, moves) = next(one for one in rules.trends() if one.id == name), CASES[name]
    (part,) = rule.parts

    @given(windows(level, moves, creeps=oracle is slope))
    def holds(seen: list[Seen]) -> None:
        watched, days = Watched(), Days()
        for place, (day, value, away, n) in enumerate(seen):
            watched.open.clear()
            found = on_window(watched, (rule,), part.vital, Window(day * DAY_US + place, day, value, away, n))
            days.setdefault(day, []).append((day, value, away, n))
            kept = {one: windows for one, windows in days.items() if one >= day - KEPT_DAYS}
            assert any(change.raised for change in found) == oracle(part, kept, day)

    holds()


def held(name: str, seen: list[Seen]) -> bool:
    """Whether the rule holds after the last of these windows."""
    rule, watched, found = next(one for one in rules.trends() if one.id == name), Watched(), False
    for place, (day, value, away, n) in enumerate(seen):
        watched.open.clear()
        window = Window(day * DAY_US + place, day, value, away, n)
        found = any(change.raised for change in on_window(watched, (rule,), rule.parts[0].vital, window))
    return found


def steady(days: int, value: float, n: int = 1) -> list[Seen]:
    return [(100 + day, value, nan, n) for day in range(days)]


QT_BEFORE = steady(7, 400.0)


@pytest.mark.parametrize(
    ("name", "seen", "wanted"),
    [
        ("htn_uncontrolled", steady(2, 150.0, 6), False),  # twelve readings, of two days only
        ("htn_uncontrolled", steady(3, 150.0, 4), True),
        ("htn_uncontrolled", [*steady(3, 150.0, 4)[:2], (102, 150.0, nan, 3)], False),
        ("hf_wt_trend", [(100 + day, 80 + 0.2 * day, nan, 1) for day in range(9)], True),
        ("hf_wt_trend", [(100 + day, 80 + 0.2 * day, nan, 1) for day in range(8)], False),
        ("qt_delta", [*QT_BEFORE, (107, 460.0, nan, 1), (120, 460.0, nan, 4)], True),
        ("qt_delta", [*QT_BEFORE, (107, 460.0, nan, 1), (121, 460.0, nan, 4)], False),  # not within 14 days
        ("qt_delta", [*QT_BEFORE[1:], (107, 460.0, nan, 5)], False),  # six days before
        ("qt_delta", [*QT_BEFORE, (107, 460.0, nan, 5)], True),
        ("ms_steps", steady(7, 4000.0) + [(107 + day, 2000.0, nan, 1) for day in range(7)], True),
        ("ms_steps", steady(7, 4000.0)[1:] + [(107 + day, 2000.0, nan, 1) for day in range(7)], False),
    ],
)
def test_a_trend_asks_for_enough_and_no_more(name: str, seen: list[Seen], wanted: bool) -> None:
    assert held(name, seen) == wanted
