"""Failure to improve, against the words of the evidence once more, over all windows of one patient ever seen."""

from dataclasses import dataclass
from math import isnan, nan
from statistics import fmean

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models import rules
from models.detectors.condition import on_window
from models.detectors.days import Window
from models.detectors.watched import Watched
from models.evidence import load

RULE = next(one for one in rules.trends() if one.id == "po_stalled")
(PART,) = RULE.parts
KEPT_DAYS, DAY_US, FIRST = load("rules")["meta"]["series_days"], 86_400_000_000, 2


@dataclass(frozen=True)
class Seen:
    """A window: its day, what was measured, what had been expected (NaN: not known), and what the course adds."""

    day: int
    value: float
    expected: float
    path: float


def by_hand(seen: list[Seen]) -> bool:
    """Whether recovery is stalled as of the last window: at the end of each of the last `k` days with a value. Days are
    forgotten after a while, the level that was known when the course began is not."""
    outside = [place for place, one in enumerate(seen) if one.path == 0]
    course = seen[outside[-1] + 1 :] if outside else seen
    if not course:
        return False
    usual, kept = course[0].expected - course[0].path, seen[-1].day - KEPT_DAYS
    seen, course = ([one for one in some if one.day >= kept] for some in (seen, course))
    days = sorted({one.day for one in seen})
    return all(stalled(seen, course, days[: len(days) - back], usual) for back in range(PART.k))


def stalled(seen: list[Seen], course: list[Seen], days: list[int], usual: float) -> bool:
    """The same, of these days. usual: NaN if it was not known."""
    value = {day: fmean(one.value for one in seen if one.day == day) for day in days}
    path = {one.day: one.path for one in course if one.day in days}
    come = sorted(path)
    lately = [day for day in come if day > days[-1] - PART.days]
    if len(come) < FIRST or len(lately) < PART.least or lately[0] <= come[FIRST - 1]:
        return False
    begun, now = fmean(value[day] for day in come[:FIRST]), fmean(value[day] for day in lately)
    should = fmean(path[day] for day in come[:FIRST]) - fmean(path[day] for day in lately)
    if isnan(usual):
        return should >= PART.fall_alone and begun <= now
    high = now - fmean(path[day] for day in lately) - usual >= PART.above
    return should >= PART.fall and begun - now <= PART.value * should and high


def held(seen: list[Seen]) -> list[bool]:
    """What the detector says after each of these windows."""
    watched, out = Watched(), list[bool]()
    for place, one in enumerate(seen):
        watched.open.clear()
        window = Window(one.day * DAY_US + place, one.day, one.value, one.value - one.expected)
        found = on_window(watched, (RULE,), PART.vital, window, path=one.path, since={RULE.id: -1})
        out.append(any(change.raised for change in found))
    return out


@st.composite
def recoveries(draw: st.DrawFn) -> list[Seen]:
    """Days before an operation, if any, and days after it, with gaps, and now and then a second window; and another
    operation, before which the level may be known no more."""
    day, out, known = 100, list[Seen](), draw(st.booleans())
    before, rise, slope = draw(st.integers(0, 3)), draw(st.sampled_from([8.0, 12.0, 16.0])), draw(st.integers(1, 3))
    stays = draw(st.sampled_from([0.0, 0.0, 1.0, 8.0]))
    first = list(range(draw(st.integers(8, 14))))
    for k in first + (first[: draw(st.integers(0, 10))] if before else []):
        day += draw(st.sampled_from([1, 1, 1, 1, 1, 2, 4, 29]))
        path = 0.0 if k < before else max(rise - slope * (k - before), 0.5)
        known &= day < 115
        for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
            noise = draw(st.sampled_from([-0.5, 0.0, 0.0, 0.5, -4.0]))
            value = 60 + (rise - stays * min(k - before, 4) if k >= before else 0) + noise
            out.append(Seen(day, value, 60 + path if known else nan, path))
    return out


FORGOTTEN = [Seen(day, 67.5, 60 + path, path) for day, path in ((101, 8.0), (102, 7.0))] + [
    Seen(131 + k, 67.5, nan, path) for k, path in enumerate([6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.5, 0.5, 0.5])
]  # fmt: skip
"""The days on which the course began are no longer kept; the level that was known then is."""


@given(recoveries())
@example(FORGOTTEN)
def test_recovery_is_stalled_on_every_prefix_as_by_hand(seen: list[Seen]) -> None:
    assert held(seen) == [by_hand(seen[: end + 1]) for end in range(len(seen))]


def course(values: list[float], known: bool = True, rise: float = 16, slope: float = 2) -> list[Seen]:
    """A day each, on a course that falls by `slope` a day."""
    paths = [max(rise - slope * k, 0.5) for k in range(len(values))]
    return [
        Seen(k, v, 60 + path if known else nan, path) for k, (v, path) in enumerate(zip(values, paths, strict=True))
    ]


def test_what_stays_up_is_stalled_on_the_second_day_on_which_it_can_be_seen_and_what_falls_is_not() -> None:
    assert held(course([76.0] * 9)).index(True) == FIRST + PART.days
    assert not any(held(course([76.0 - 2 * k for k in range(9)])))


@pytest.mark.parametrize(("lower", "wanted"), [(-0.5, True), (0.0, True), (1e-6, False), (0.5, False)])
def test_of_a_level_that_was_not_known_anything_that_has_fallen_is_enough(lower: float, wanted: bool) -> None:
    assert held(course([76.0] * 2 + [76.0 - lower] * 9, known=False))[-1] == wanted


@pytest.mark.parametrize(
    ("slope", "begun", "now", "wanted"),
    [(1.0, 83.5, 81.5, True), (1.0 - 1e-6, 83.5, 81.5, False), (1.0, 83.5 + 1e-6, 81.5, False),
     (1.0, 83.5 - 1e-6, 81.5 - 1e-6, False)],
)  # fmt: skip
def test_it_is_stalled_at_the_very_limits(slope: float, begun: float, now: float, wanted: bool) -> None:
    """A fall of 4 expected, of which no more than half has come, and 6 above the path; the third day is missing."""
    seen = [Seen(k, begun if k < FIRST else now, 80 - slope * k, 20 - slope * k) for k in (0, 1, 3, 4, 5, 6, 7)]
    assert held(seen) == [False] * 6 + [wanted]


def test_a_second_operation_is_held_against_itself() -> None:
    """What was known before the first one, and how fast the heart was after it, says nothing of the second."""
    between = Seen(3, 62.0, nan, 0.0)
    first = course([90.0] * 3)
    second = [Seen(4 + one.day, one.value, nan, one.path) for one in course([62.0] * 9)]
    assert held([*first, between, *second])[-9:] == held(second)
    assert held(second)[-1]
