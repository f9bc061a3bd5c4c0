"""The cache of vitals: idempotent, bounded, and thinned without hiding anything."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.desk.chart import Window, thinned
from alerts.desk.config import DeskError
from alerts.desk.store import Store
from alerts.desk.worklist import instant, seconds
from models.readings import VitalSummary
from tests.channels.events import alert
from tests.desk.databases import Databases

START_S = seconds("2026-01-05T00:00:00Z")


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    made = Store(databases.cache, keep_days=10.0, keep_windows=600)
    yield made
    made.close()


def summary(number: int, **changed: Any) -> VitalSummary:
    fields: dict[str, Any] = {
        "patient": "p-1",
        "vital": "heart_rate",
        "start": instant(START_S + 900 * number),
        "period_s": 900.0,
        "n": 15,
        "mean": 70.0,
        "min": 66.0,
        "max": 75.0,
        "expected": 69.0,
        "low": 60.0,
        "high": 78.0,
        "state": "normal",
    }
    return VitalSummary(**{**fields, **changed})


def test_windows_come_back_once_and_the_last_word_counts(store: Store) -> None:
    store.put_summaries([summary(0), summary(1), summary(0)])
    store.put_summaries([summary(1, mean=90.0, state="deviating")])
    found = store.windows("p-1", "heart_rate", None, None)
    assert [(one.start_s, one.mean, one.state) for one in found] == [
        (START_S, 70.0, "normal"),
        (START_S + 900, 90.0, "deviating"),
    ]
    assert store.log_time_s == START_S + 1800


def test_only_the_time_and_the_patient_asked_for_are_answered(store: Store) -> None:
    store.put_summaries([summary(number) for number in range(8)])
    store.put_summaries([summary(0, patient="p-2"), summary(0, vital="spo2")])
    found = store.windows("p-1", "heart_rate", START_S + 1000, START_S + 2700)
    assert [one.start_s - START_S for one in found] == [900, 1800]
    assert store.vitals_of("p-1") == ["heart_rate", "spo2"]


def test_what_came_late_for_a_window_does_not_hide_what_came_in_time(store: Store) -> None:
    whole, late = summary(0, n=10, mean=72.0), summary(0, n=2, mean=80.0)
    store.put_summaries([whole])
    store.put_summaries([late])
    store.put_summaries([summary(1, n=2, mean=80.0), summary(1, n=10, mean=72.0), summary(1, n=3, mean=80.0)])
    store.put_summaries([summary(2, n=10, mean=72.0), summary(2, n=10, mean=73.0)])
    assert [one.mean for one in store.windows("p-1", "heart_rate", None, None)] == [72.0, 72.0, 73.0]


def test_a_patient_keeps_a_bounded_number_of_windows(store: Store) -> None:
    for start in range(0, 3_000, 250):
        store.put_summaries([summary(number) for number in range(start, start + 250)])
    kept = store.windows("p-1", "heart_rate", None, None)
    assert 600 <= len(kept) <= 600 + 500
    assert kept[-1].start_s == START_S + 900 * 2_999


def test_windows_beyond_the_days_to_keep_are_dropped(store: Store) -> None:
    store.put_summaries([summary(number) for number in range(100)])
    store.put_summaries([summary(96 * 30 + number) for number in range(500)])
    assert store.windows("p-1", "heart_rate", None, None)[0].start_s >= START_S + 900 * 96 * 20


def test_a_store_begins_empty_because_the_topics_are_the_truth(databases: Databases) -> None:
    url = databases.cache
    first = Store(url)
    first.put_events([alert()])
    first.close()
    second = Store(url)
    assert second.worklist() == []
    second.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "nonsense", "oracle://x", "sqlite:////proc/no/way"])
def test_a_database_that_cannot_be_used_is_one_clear_line(url: str) -> None:
    with pytest.raises(DeskError) as refused:
        Store(url)
    assert "\n" not in str(refused.value)


states = st.sampled_from(["normal", "deviating", "unknown", "withheld"])
windows = st.lists(st.tuples(st.integers(1, 6), states, st.floats(40, 200)), min_size=1, max_size=300).map(
    lambda many: [
        Window(START_S + 900 * place, 900.0, 3, mean, mean - 1, mean + 1, 70.0, 60.0, 80.0, state)
        for place, (_, state, mean) in zip(itertools.accumulate(step for step, _, _ in many), many, strict=True)
    ]
)


@given(windows, st.integers(1, 60))
def test_thinning_bounds_the_points_and_hides_nothing(full: list[Window], points: int) -> None:
    few = thinned(full, points)
    assert len(few) <= max(points, 1)
    assert few == sorted(few, key=lambda one: one.start_s)
    assert sum(one.n for one in few) == sum(one.n for one in full)
    for one in full:
        holder = next(w for w in few if w.start_s <= one.start_s < w.start_s + w.period_s)
        if one.state == "deviating":
            assert holder.state == "deviating"
        if one.state != "normal":
            assert holder.state != "normal"
        assert holder.min is not None
        assert one.min is not None
        assert holder.min <= one.min


def test_a_gap_within_a_point_is_not_normal() -> None:
    numbers = [*range(100), *range(160, 260)]
    full = [Window(START_S + 900 * n, 900.0, 3, 70.0, 69.0, 71.0, 70.0, 60.0, 80.0, "normal") for n in numbers]
    assert {one.state for one in thinned(full, 4)} == {"normal", "unknown"}
