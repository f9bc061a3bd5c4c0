"""Clocks that stand still, run backwards or were set back are found; late syncs, backfills and shuffles are not."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.detectors import device_clock
from models.detectors.device_clock import FINE, STATE, Hand, compare, settings
from tests.models.splits import cuts

START_S = 1_767_600_000
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
Readings = Sequence[tuple[int, int]]
"""(arrival, event time) in seconds from the start."""

LIVE: Readings = [(k * MINUTE_S, k * MINUTE_S) for k in range(60)]


def after(live: Readings, later: Readings) -> Readings:
    """`later` begins a minute after the end of `live`; its event times count from there too."""
    begin = live[-1][0] + MINUTE_S
    return [*live, *((begin + arrived, begin + event) for arrived, event in later)]


def hand_after(readings: Readings) -> list[bool]:
    """Whether the clock is wrong, after each reading."""
    first, event = readings[0]
    hand, last_s, wrong = Hand(START_S + first, START_S + event, 0, 0, FINE), START_S + first, []
    for arrived, event in readings[1:]:
        hand.compare(last_s, START_S + arrived, START_S + event)
        last_s = START_S + arrived
        wrong.append(hand.wrong)
    return wrong


WRONG = {
    "set back by three days": [(k * MINUTE_S, k * MINUTE_S - 3 * DAY_S) for k in range(30)],
    "set back by an hour": [(k * MINUTE_S, k * MINUTE_S - HOUR_S) for k in range(30)],
    "runs backwards": [(k * MINUTE_S, -k * HOUR_S) for k in range(30)],
    "stands still": [(k * MINUTE_S, 0) for k in range(30)],
    "set back, and measures every hour": [(k * HOUR_S, k * HOUR_S - 30 * DAY_S) for k in range(30)],
}
RIGHT = {
    "an hour made up for in a burst": [(k, k * MINUTE_S - 10 * HOUR_S) for k in range(60)],
    "a day made up for over ten minutes, newest first": [(k % 10 * MINUTE_S, -k * MINUTE_S) for k in range(10)],
    "a backfill at ten times the pace of time": [(k * MINUTE_S, k * 10 * MINUTE_S - 2 * DAY_S) for k in range(60)],
    "live and backfill by turns": [(k * 30, k * 30 if k % 2 else k * 30 - DAY_S) for k in range(60)],
    "out of order by a minute or two": [(k * MINUTE_S, k * MINUTE_S - k % 3 * 45) for k in range(60)],
    "read out once a day": [(day * DAY_S + k, (day - 1) * DAY_S + k * 600) for day in range(5) for k in range(144)],
    "read out every quarter of an hour": [(k // 15 * 900 + k % 15, k * MINUTE_S) for k in range(200)],
    "a phone that buffers for some hours": [(6 * HOUR_S + k, k * MINUTE_S) for k in range(360)],
}


@pytest.mark.parametrize("how", WRONG)
def test_a_clock_that_is_wrong_is_found_within_some_readings(how: str) -> None:
    wrong = hand_after(after(LIVE, WRONG[how]))
    assert not any(wrong[: len(LIVE) + settings().steps - 2])
    assert all(wrong[len(LIVE) + settings().steps :])


@pytest.mark.parametrize("how", RIGHT)
def test_what_only_came_late_is_no_wrong_clock(how: str) -> None:
    readings = sorted(after(LIVE, RIGHT[how]), key=lambda reading: reading[0])
    assert not any(hand_after(readings))


def test_a_clock_that_was_put_right_is_right_again() -> None:
    back = after(LIVE, WRONG["set back by three days"])
    assert not any(hand_after(after(back, LIVE))[len(back) :])


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(-4000, 4000)), min_size=2, max_size=40), st.data())
def test_what_is_left_out_in_bulk_would_have_changed_nothing(steps: list[tuple[int, int]], data: st.DataObject) -> None:
    now_s, readings = 0, []
    for step, behind in steps:
        now_s += step
        readings.append((START_S + now_s, START_S + now_s + (behind if behind % 5 == 0 else 0)))
    hand, last_s = Hand(START_S, START_S, 0, 0, FINE), START_S
    table, last = np.zeros(1, STATE), np.array([START_S], np.uint32)
    table[0] = START_S, START_S, 0, 0, FINE
    for piece in data.draw(cuts(len(readings))):
        at_s, event_s = (np.array([one[k] for one in readings[piece]], np.int64) for k in (0, 1))
        found = compare(table, np.zeros(len(at_s), np.int64), at_s, event_s, last)
        for arrived, event in readings[piece]:
            hand.compare(last_s, arrived, event)
            last_s = arrived
        if found.odd[0]:
            table[0] = hand.mark_s, hand.event_s, hand.lag_s, hand.run, hand.fault
        else:
            table["mark_s"], table["event_s"] = found.mark_s, found.event_s
            assert hand.run == 0
        last[0] = last_s
        assert (table["mark_s"][0], table["event_s"][0]) == (hand.mark_s, hand.event_s)


def test_the_state_is_small() -> None:
    assert STATE.itemsize <= 16
    assert settings().steps < device_clock.MOST_COUNTED
