"""Runs of a sorted array against loops that look at one element at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.segments import Ints, first_at_least, grouped, lasts, previous, rounds, running_max, starts
from tests.models.splits import cuts

LONG_AGO = np.iinfo(np.int64).min
values = st.one_of(st.integers(-3, 3), st.integers(-(2**62), 2**62), st.just(LONG_AGO))
runs = st.lists(st.lists(values, min_size=1, max_size=8), max_size=6)
"""Elements of each segment."""


def ints(numbers: list[int]) -> Ints:
    return np.array(numbers, np.int64)


def flat(segments: list[list[int]]) -> tuple[Ints, Ints]:
    """Segment of each element, and its value."""
    return np.repeat(np.arange(len(segments)), ints([len(s) for s in segments])), ints([v for s in segments for v in s])


def naive_running_max(segments: list[list[int]], carry: list[int]) -> list[int]:
    return [max([carry[k], *s[: i + 1]]) for k, s in enumerate(segments) for i in range(len(s))]


@given(runs, st.data())
def test_running_max_is_the_loop(segments: list[list[int]], data: st.DataObject) -> None:
    carry = data.draw(st.lists(values, min_size=len(segments), max_size=len(segments)))
    got = running_max(*flat(segments), ints(carry))
    assert got.tolist() == naive_running_max(segments, carry)


@given(st.lists(values, min_size=1, max_size=30), values, st.data())
def test_running_max_does_not_depend_on_batches(one: list[int], carry: int, data: st.DataObject) -> None:
    whole = running_max(np.zeros(len(one), np.int64), ints(one), ints([carry])).tolist()
    parts: list[int] = []
    for part in data.draw(cuts(len(one))):
        before = parts[-1] if parts else carry
        parts += running_max(np.zeros(len(one[part]), np.int64), ints(one[part]), ints([before])).tolist()
    assert parts == whole


@given(runs, st.data())
def test_previous_is_the_loop(segments: list[list[int]], data: st.DataObject) -> None:
    carry = data.draw(st.lists(values, min_size=len(segments), max_size=len(segments)))
    want = [value for k, s in enumerate(segments) for value in [carry[k], *s[:-1]]]
    assert previous(*flat(segments), ints(carry)).tolist() == want


@given(runs, st.lists(st.tuples(st.integers(0, 5), values), max_size=10))
def test_first_at_least_is_the_loop(segments: list[list[int]], wanted: list[tuple[int, int]]) -> None:
    segment, _ = flat(segments)
    running = ints(naive_running_max(segments, [LONG_AGO] * len(segments)))
    got = first_at_least(segment, running, ints([k for k, _ in wanted]), ints([v for _, v in wanted]))
    elements = list(zip(segment.tolist(), running.tolist(), strict=True))
    want = [next((i for i, (k, v) in enumerate(elements) if k == ask and v >= least), -1) for ask, least in wanted]
    assert got.tolist() == want


@given(st.lists(st.integers(-2, 4), max_size=30))
def test_rounds_take_each_row_once_and_in_its_order(row: list[int]) -> None:
    groups = [group.tolist() for group in rounds(ints(row))]
    assert sorted(i for group in groups for i in group) == list(range(len(row)))
    turns = {i: turn for turn, group in enumerate(groups) for i in group}
    assert turns == {i: row[:i].count(r) for i, r in enumerate(row)}


@given(st.lists(st.integers(0, 3), max_size=12).map(sorted))
def test_starts_marks_the_first_of_each_run(row: list[int]) -> None:
    assert starts(ints(row)).tolist() == [i == 0 or row[i - 1] != r for i, r in enumerate(row)]


@given(st.lists(st.integers(0, 3), max_size=12).map(sorted))
def test_lasts_are_the_last_of_each_run(row: list[int]) -> None:
    assert lasts(ints(row)).tolist() == [i for i, r in enumerate(row) if row[i + 1 : i + 2] != [r]]


@given(st.one_of(st.lists(st.integers(-2, 3), max_size=12), st.integers(1, 5).map(lambda n: [7] * n)))
def test_grouped_finds_each_id_its_first_place_and_whose_each_is(row: list[int]) -> None:
    ids, first, which = (part.tolist() for part in grouped(ints(row)))
    assert ids == sorted(set(row))
    assert first == [row.index(one) for one in ids]
    assert [ids[k] for k in which] == row


@pytest.mark.parametrize("kernel", [running_max, previous])
def test_nothing_in_nothing_out(kernel: object) -> None:
    none = ints([])
    assert kernel(none, none, none).tolist() == []  # type: ignore[operator]
