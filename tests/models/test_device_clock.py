"""Clocks that stand still, run backwards or were set back are found; late syncs, backfills and shuffles are not."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.detectors import device_clock
from models.detectors.device_clock import FINE, NEVER_S, STATE, Hand, compare, settings
from models.vitals import BY_NAME
from tests.models.splits import cuts

START_S = 1_767_600_000
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
HEART_RATE = np.array([BY_NAME["heart_rate"].index], np.uint8)
Readings = Sequence[tuple[int, int]]
"""(arrival, event time) in seconds from the start."""

LATE_S = HOUR_S
LIVE: Readings = [(k * MINUTE_S, k * MINUTE_S) for k in range(60)]


def after(live: Readings, later: Readings) -> Readings:
    """`later` begins a minute after the end of `live`; its event times count from there too."""
    begin = live[-1][0] + MINUTE_S
    return [*live, *((begin + arrived, begin + event) for arrived, event in later)]


def hand_after(readings: Readings, late_s: int = LATE_S) -> list[bool]:
    """Whether the clock is wrong, after each reading."""
    first, event = readings[0]
    hand, last_s, wrong = Hand(START_S + first, START_S + event, 0, 0, FINE), START_S + first, []
    for arrived, event in readings[1:]:
        hand.compare(last_s, START_S + arrived, START_S + event, late_s)
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


CUFF_S = settings().late_s[BY_NAME["systolic_bp"].index]
MORNINGS = [7 * HOUR_S + 60 * minute for minute in (12, 3, 29, 0, 17, 41, 8, 22, 5, 33, 14, 26)]
"""When somebody measures, day by day."""
BEHIND_FROM_THE_FIRST = {
    "every minute, by an hour and five minutes": ([(k * MINUTE_S, k * MINUTE_S - 3900) for k in range(200)], LATE_S),
    "every five minutes, by the time zone": ([(k * 300 + k % 7, k * 300 - 5 * HOUR_S) for k in range(40)], LATE_S),
    "by years": ([(k * HOUR_S, k * HOUR_S - 700 * DAY_S) for k in range(20)], LATE_S),
    "and read out every quarter of an hour": (
        [(k // 15 * 900 + 60 + k % 15, k * MINUTE_S - 5 * HOUR_S) for k in range(300)], LATE_S,
    ),
    "and the phone buffers for an hour": (
        [(k // 12 * HOUR_S + HOUR_S + k % 12, k * 300 - 9 * HOUR_S) for k in range(12 * 12)], LATE_S,
    ),
    "a cuff in the mornings, set to the evening": (
        [(day * DAY_S + at_s + day, day * DAY_S + at_s - DAY_S // 2) for day, at_s in enumerate(MORNINGS)], CUFF_S,
    ),
}  # fmt: skip
NIGHTS = [(6 * HOUR_S + 60 * k % 47 * 60, 10 * HOUR_S + 60 * (k * 37 % 120)) for k in range(20)]
"""When somebody takes a ring off, and when the phone is looked at, day by day."""
LATE_FOR_ANOTHER_REASON = {
    "synced every three hours": (
        [(k // 36 * 3 * HOUR_S + 3 * HOUR_S + k % 36 * 2, k * 300) for k in range(36 * 30)], LATE_S,
    ),
    "worn at night, synced when the phone is looked at": (
        [(d * DAY_S + sync + k, d * DAY_S + off - 300 * (95 - k)) for d, (off, sync) in enumerate(NIGHTS)
         for k in range(96)], LATE_S,
    ),
    "a cuff whose phone is opened some time": (
        [(d * DAY_S + 18 * HOUR_S + d * 41 % 90 * 60, d * DAY_S + at_s) for d, at_s in enumerate(MORNINGS)], CUFF_S,
    ),
    "a cuff whose readings are fetched at noon and midnight": (
        [(d * DAY_S + 24 * HOUR_S, d * DAY_S + 8 * HOUR_S) for d in range(30)], CUFF_S,
    ),
    "the sum of every hour, stamped with its beginning": (
        [(k * HOUR_S + HOUR_S + 5 * MINUTE_S, k * HOUR_S) for k in range(60)], LATE_S,
    ),
    "the mean of every day, stamped with its beginning": (
        [(d * DAY_S + 27 * HOUR_S, d * DAY_S) for d in range(60)], LATE_S,
    ),
    "a week made up for twice as fast as time": (
        [(k * MINUTE_S, k * 2 * MINUTE_S - 7 * DAY_S) for k in range(5000)], LATE_S,
    ),
    "an hour made up for in a day": ([(k * 300, k * 300 + k * 25 - 2 * HOUR_S) for k in range(288)], LATE_S),
    "a figure of the night": ([(d * DAY_S + d, d * DAY_S - 9 * HOUR_S) for d in range(60)], NEVER_S),
}  # fmt: skip


@pytest.mark.parametrize("how", BEHIND_FROM_THE_FIRST)
def test_a_clock_that_was_never_right_is_found_and_stays_so_until_it_is(how: str) -> None:
    readings, late_s = BEHIND_FROM_THE_FIRST[how]
    wrong = hand_after(readings, late_s)
    assert wrong[-1]
    assert wrong == sorted(wrong), "once it is told, it goes on"
    step_s = readings[-1][0] - readings[-2][0]
    fresh = [*readings, (readings[-1][0] + step_s, readings[-1][0] + step_s - 60)]
    assert not hand_after(fresh, late_s)[-1]


@pytest.mark.parametrize("how", LATE_FOR_ANOTHER_REASON)
def test_what_is_late_for_another_reason_is_no_wrong_clock(how: str) -> None:
    readings, late_s = LATE_FOR_ANOTHER_REASON[how]
    assert not any(hand_after(sorted(readings, key=lambda one: one[0]), late_s))


def test_a_clock_that_drifts_or_changes_with_the_seasons_is_not_told_anew() -> None:
    behind = [(k * 300, k * 300 - 5 * HOUR_S - k * 2 - (HOUR_S if k > 400 else 0)) for k in range(800)]
    wrong = hand_after(behind)
    assert wrong == sorted(wrong)


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(-4000, 4000)), min_size=2, max_size=40), st.data())
def test_what_is_left_out_in_bulk_would_have_changed_nothing(steps: list[tuple[int, int]], data: st.DataObject) -> None:
    now_s, readings, late_s = 0, [], data.draw(st.sampled_from([0, 0, LATE_S - 1000, 5 * HOUR_S]))
    for step, behind in steps:
        now_s += step
        readings.append((START_S + now_s, START_S + now_s - late_s + (behind if behind % 5 == 0 else 0)))
    hand, last_s = Hand(START_S, START_S, 0, 0, FINE), START_S
    table, last = np.zeros(1, STATE), np.array([START_S], np.uint32)
    table[0] = START_S, START_S, 0, 0, FINE, 0
    for piece in data.draw(cuts(len(readings))):
        at_s, event_s = (np.array([one[k] for one in readings[piece]], np.int64) for k in (0, 1))
        found = compare(table, np.zeros(len(at_s), np.int64), at_s, event_s, last, HEART_RATE)
        for arrived, event in readings[piece]:
            hand.compare(last_s, arrived, event, LATE_S)
            last_s = arrived
        if found.odd[0]:
            table[0] = hand.mark_s, hand.event_s, hand.lag_s, hand.run, hand.fault, hand.age
        else:
            table["mark_s"], table["event_s"] = found.mark_s, found.event_s
            assert hand.run == 0
        last[0] = last_s
        assert (table["mark_s"][0], table["event_s"][0]) == (hand.mark_s, hand.event_s)


def test_the_state_is_small() -> None:
    assert STATE.itemsize <= 16
    assert settings().steps < device_clock.MOST_COUNTED
