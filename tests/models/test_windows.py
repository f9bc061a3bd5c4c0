"""Windows conserve readings: every one is counted once, in its own window, whatever the order and the batches."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import windows
from models.pool import Pool
from models.segments import Ints
from models.times import US_PER_S
from models.vitals import VITALS, Vital
from models.windows import FIXED, OPEN, STATE, WIDTH_US, Windows, check_settings, closes_at, gather, keep, window_of
from tests.models.splits import cuts

ROWS = 3
Figures = tuple[int, int, int, int, int, int, int]
"""n, active, broken, total, low, high, rated."""


@dataclass(frozen=True)
class One:
    row: int
    index: int
    value: int
    active: int = 0
    broken: int = 0
    quality: float = float("nan")


ones = st.builds(
    One, st.integers(0, ROWS - 1), st.integers(40, 40 + OPEN - 1), st.integers(0, 10**9), st.integers(0, 1),
    st.integers(0, 1), st.sampled_from([float("nan"), 0.0, 0.9, 1.0]),
)  # fmt: skip


Table = tuple[npt.NDArray[np.uint32], Pool]


def empty(rows: int = ROWS) -> Table:
    """Rows without open windows: their places, and the pool."""
    return np.zeros((rows, OPEN), np.uint32), windows.pool()


def as_windows(readings: list[One]) -> Windows:
    row, index, value, active, broken = (
        np.array([getattr(r, name) for r in readings], np.int64)
        for name in ("row", "index", "value", "active", "broken")
    )
    rated = windows.rated(np.array([r.quality for r in readings], np.float64))
    return Windows(row, index, np.ones_like(row), active, broken, value, value, value, np.zeros_like(row), rated)


def figures(w: Windows) -> dict[tuple[int, int], Figures]:
    columns = (c.tolist() for c in (w.n, w.active, w.broken, w.total, w.low, w.high, w.rated))
    pairs = list(zip(w.row.tolist(), w.index.tolist(), strict=True))
    assert pairs == sorted(set(pairs)), "sorted by (row, index), each once"
    return dict(zip(pairs, zip(*columns, strict=True), strict=True))


def by_hand(readings: list[One]) -> dict[tuple[int, int], Figures]:
    groups = defaultdict(list)
    for r in readings:
        groups[r.row, r.index].append(r)
    return {
        key: (
            len(g), sum(r.active for r in g), sum(r.broken for r in g), sum(r.value for r in g),
            min(r.value for r in g), max(r.value for r in g),
            sum((round(1000 * r.quality) << 20) + 1 for r in g if r.quality == r.quality),
        )
        for key, g in groups.items()
    }  # fmt: skip


@given(st.lists(ones, max_size=30), st.data())
def test_windows_are_free_of_order_and_grouping(readings: list[One], data: st.DataObject) -> None:
    table, every = empty(), np.arange(ROWS)
    for part in data.draw(cuts(len(readings))):
        keep(*table, every, gather(*table, every, as_windows(readings[part])))
    shuffled = data.draw(st.permutations(readings))
    assert figures(gather(*table, every, as_windows([]))) == by_hand(readings)
    assert figures(gather(*empty(), every, as_windows(shuffled))) == by_hand(readings)


@given(st.lists(ones, max_size=12), st.lists(ones, max_size=12), st.sets(st.integers(0, ROWS - 1)))
def test_rows_that_are_not_asked_for_stay_as_they_are(first: list[One], then: list[One], some: set[int]) -> None:
    table, every = empty(), np.arange(ROWS)
    keep(*table, every, gather(*table, every, as_windows(first)))
    rows, new = np.array(sorted(some), np.int64), [r for r in then if r.row in some]
    keep(*table, rows, gather(*table, rows, as_windows(new)))
    assert figures(gather(*table, every, as_windows([]))) == by_hand(first + new)


@dataclass
class Walk:
    """One row's windows as the engine keeps them: closed once the clock has passed their end by the lateness."""

    vital: int
    table: Table = field(default_factory=lambda: empty(1))
    closed: list[tuple[tuple[int, int], Figures]] = field(default_factory=list)

    def batch(self, readings: list[One], clock: int) -> None:
        row = np.zeros(1, np.int64)
        merged = gather(*self.table, row, as_windows(readings))
        due = closes_at(merged.index, np.full(len(merged.index), self.vital)) <= clock
        keep(*self.table, row, merged.take(~due))
        self.closed += figures(merged.take(due)).items()


@settings(max_examples=60)
@given(st.data())
def test_every_reading_is_counted_once_while_windows_open_and_close(data: st.DataObject) -> None:
    vital = data.draw(st.sampled_from(VITALS))
    width, lateness = vital.window_s, vital.lateness_s
    tolerance = (OPEN - 1) * width - lateness - 1
    moves = data.draw(
        st.lists(st.tuples(st.integers(0, 2 * width), st.integers(-tolerance, width + lateness)), max_size=40)
    )
    clock, log = 1_000 * width, []
    for step, behind in moves:
        clock += step
        at = np.array([(clock - behind) * US_PER_S])
        index = int(window_of(at, np.array([vital.index]))[0])
        if closes_at(np.array([index]), np.array([vital.index]))[0] > clock * US_PER_S:
            log.append((One(0, index, step), clock * US_PER_S))
    walk = Walk(vital.index)
    for part in data.draw(cuts(len(log))):
        if log[part]:
            walk.batch([one for one, _ in log[part]], log[part][-1][1])
    walk.batch([], 10**18)
    assert len(walk.closed) == len(dict(walk.closed)), "a window closes once"
    assert dict(walk.closed) == by_hand([one for one, _ in log])


@given(st.lists(st.floats(0, 100_000).map(lambda v: round(v, 4)), min_size=1, max_size=50))
def test_the_mean_is_that_of_the_readings(values: list[float]) -> None:
    readings = [One(0, 40, round(v * FIXED)) for v in values]
    table = empty()
    keep(*table, np.arange(1), gather(*table, np.arange(1), as_windows(readings)))
    mean = gather(*table, np.arange(1), as_windows([])).mean()
    assert mean == pytest.approx([sum(values) / len(values)], rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("vital", VITALS, ids=lambda v: v.name)
def test_plausible_values_fit_where_they_are_kept(vital: Vital) -> None:
    assert vital.high * FIXED <= np.iinfo(STATE["high"].base).max


def longest_s() -> int:
    return min((OPEN - 1) * v.window_s - v.lateness_s for v in VITALS) - 1


def test_a_tolerance_that_needs_more_windows_than_are_kept_is_refused() -> None:
    check_settings(longest_s() * US_PER_S)
    with pytest.raises(ValueError, match=rf"heart_rate.* windows of 900 s want less than {longest_s() + 1} s"):
        check_settings((longest_s() + 1) * US_PER_S)


@given(st.integers(0, 10**15), st.sampled_from(VITALS))
def test_a_reading_lies_in_its_window(at: int, vital: Vital) -> None:
    place = np.array([vital.index])
    index = window_of(np.array([at]), place)
    begin, end = int(index[0]) * int(WIDTH_US[place[0]]), (int(index[0]) + 1) * int(WIDTH_US[place[0]])
    assert begin <= at < end
    assert closes_at(index, place)[0] == end + windows.LATENESS_US[place[0]]


def test_nothing_gathered_from_nothing() -> None:
    none: Ints = np.empty(0, np.int64)
    assert figures(gather(*empty(), none, as_windows([]))) == {}


def test_places_of_windows_that_have_closed_are_used_again() -> None:
    places, pool = empty()
    for index in range(100):
        keep(places, pool, np.arange(1), gather(places, pool, np.arange(1), as_windows([])).take(np.zeros(0, np.int64)))
        keep(places, pool, np.arange(1), as_windows([One(0, index, 5)]))
        assert pool.used == 1
    windows.drop(places, pool, np.arange(1))
    assert pool.used == 0
    assert figures(gather(places, pool, np.arange(1), as_windows([]))) == {}
