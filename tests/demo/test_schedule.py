"""Simulated time: readings in order of arrival, ticks on the grid, nothing lost and nothing told before its time."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.times import US_PER_S, rfc3339
from streams.demo.schedule import Arrival, arrivals, read_lines, span_us, with_ticks

START_US = 1_767_600_000 * US_PER_S


def line(at_s: float, samples: int | None = None, arrived_s: float | None = None, number: int = 0) -> bytes:
    """A reading measured at_s seconds after the start: a single value, or a series of one-minute samples."""
    reading: dict[str, object] = {
        "id": f"r-{number}",
        "patient": "p-1",
        "at": rfc3339(START_US + round(at_s * US_PER_S)),
    }
    reading |= {"value": 60} if samples is None else {"values": [None] * samples, "period": 60}
    if arrived_s is not None:
        reading["arrived"] = rfc3339(START_US + round(arrived_s * US_PER_S))
    return json.dumps(reading).encode()


def arrived_s(found: Arrival) -> float:
    return (found.at_us - START_US) / US_PER_S


@given(st.lists(st.tuples(st.integers(0, 600), st.none() | st.integers(1, 5)), max_size=30))
def test_readings_come_in_order_of_arrival_then_of_the_file(drawn: list[tuple[int, int | None]]) -> None:
    in_file = sorted(drawn, key=lambda item: item[0])
    lines = [line(at, samples, number=n) for n, (at, samples) in enumerate(in_file)]
    expected = sorted((at + 60 * (samples or 0), n) for n, (at, samples) in enumerate(in_file))
    assert [(arrived_s(a), a.value) for a in arrivals(lines)] == [(at, lines[n]) for at, n in expected]


def test_a_series_arrives_when_its_last_sample_ends() -> None:
    assert [arrived_s(a) for a in arrivals([line(0, samples=60), line(10), line(3600)])] == [10, 3600, 3600]


def test_a_line_that_says_when_it_arrived_is_believed_unless_before_it_was_measured() -> None:
    assert [arrived_s(a) for a in arrivals([line(0, arrived_s=90), line(100, arrived_s=50)])] == [90, 100]


def test_a_reading_goes_out_under_its_patient_as_it_stands_in_the_file() -> None:
    assert list(arrivals([line(0)])) == [Arrival(START_US, b"p-1", line(0))]


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=20).map(sorted), st.sampled_from([10, 60, 300]))
def test_ticks_lie_on_the_grid_without_a_gap_and_no_reading_is_lost(at_s: list[int], step_s: int) -> None:
    readings = [Arrival(START_US + at * US_PER_S, b"p", b"{}") for at in at_s]
    made = list(with_ticks(readings, step_s))
    ticks = [a.at_us for a in made if a.value is None]
    assert [a for a in made if a.value is not None] == readings
    assert ticks == list(range(ticks[0], ticks[-1] + 1, step_s * US_PER_S))
    assert all(tick % (10 * US_PER_S) == 0 for tick in ticks)
    assert ticks[0] <= readings[0].at_us
    assert readings[-1].at_us < ticks[-1] <= readings[-1].at_us + step_s * US_PER_S
    assert [a.at_us for a in made] == sorted(a.at_us for a in made)


def test_at_one_instant_the_tick_comes_first() -> None:
    readings = [Arrival(START_US, b"p", b"{}"), Arrival(START_US + 10 * US_PER_S, b"p", b"{}")]
    assert [a.value for a in with_ticks(readings, 10)] == [None, b"{}", None, b"{}", None]


@pytest.mark.parametrize("step_s", [0, -10, 15])
def test_a_step_off_the_grid_is_refused(step_s: int) -> None:
    with pytest.raises(ValueError, match="grid"):
        list(with_ticks([], step_s))


def test_no_readings_no_ticks() -> None:
    assert list(with_ticks([])) == []


def test_the_span_is_of_arrivals(tmp_path: Path) -> None:
    path = tmp_path / "readings.jsonl"
    path.write_bytes(line(0, samples=2) + b"\n\n" + line(5) + b"\n")
    assert [b - START_US for b in span_us(path)] == [5 * US_PER_S, 120 * US_PER_S]
    assert len(list(read_lines(path))) == 2


def test_a_file_without_readings_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"\n")
    with pytest.raises(ValueError, match=r"empty\.jsonl"):
        span_us(tmp_path / "empty.jsonl")
