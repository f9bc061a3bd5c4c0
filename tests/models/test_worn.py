"""When a device is worn, against one patient worked out by hand: whose heart has days, and whose has nights."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.detectors import drift, worn
from models.evidence import load

S, DAY = load("daily")["drift"], 20_000
Hours = tuple[float, float]
"""From which hour until which one of a day the watch is worn."""
BY_DAY: Hours = (8, 22)
ALL_DAY: Hours = (0, 24)
LATE: Hours = (8, 25)
NONE: Hours = (0, 0)
"""LATE: until one in the night."""


@dataclass
class ByHand:
    """One patient: days worn without a night that counted, and of who wears it by day windows in the hour of sleep."""

    days: bool = False
    count: int = 0
    ever: bool = False

    def begins(self, slept: bool) -> None:
        """The first window of a day; slept: the day worn before had a night's figure."""
        self.ever |= slept
        if self.days:
            self.count = max(self.count - 1, 0)
        else:
            self.count = 0 if slept else self.count + 1
        limit = S["anew_days"] if self.ever else S["by_day"]["after_days"]
        if not self.days and self.count >= limit:
            self.days, self.count, self.ever = True, 0, False

    def asleep(self) -> None:
        self.count += self.days
        if self.days and self.count >= S["by_day"]["back"]:
            self.days, self.count, self.ever = False, 0, False


def windows(lives: list[list[Hours]]) -> list[tuple[int, int, int, int]]:
    """Of patients side by side: day, quarter, patient and day of the window before, in the order of time."""
    found = [
        (DAY + day + quarter // 96, quarter % 96, who)
        for who, life in enumerate(lives)
        for day, (begin, end) in enumerate(life)
        for quarter in range(int(begin * 4), int(end * 4))
    ]
    last, out = dict[int, int](), []
    for day, quarter, who in sorted(found):
        out.append((day, quarter, who, last.get(who, 0)))
        last[who] = day
    return out


def lived(lives: list[list[Hours]]) -> tuple[np.ndarray[tuple[int], np.dtype[np.void]], list[ByHand]]:
    """The states after these lives, and those by hand: at each window both say the same."""
    table, hands, slept = np.zeros(len(lives), drift.STATE), [ByHand() for _ in lives], [False] * len(lives)
    for day, quarter, who, before in windows(lives):
        one, hour = table[who : who + 1], quarter // 4
        begins, asleep = before < day, hour == S["by_day"]["asleep_h"]
        if begins or asleep:
            turned = worn.turn(one, np.array([begins]), np.array([before]), np.array([asleep]))
            drift.anew(one, turned)
        if begins:
            hands[who].begins(slept[who])
            slept[who] = False
        if asleep:
            hands[who].asleep()
        if (hour < S["night"]["until_h"]) ^ bool(worn.by_day(one)[0]):
            each = np.array([60.0]), np.array([day]), np.array([3.0]), np.array([0]), np.array([S["night"]["least"]])
            drift.gather(one, *each, np.array([False]), np.array([True]))
            slept[who] = not worn.by_day(one)[0] and bool(one["count"][0] >= S["night"]["least"])
        table[who : who + 1] = one
        assert worn.by_day(one)[0] == hands[who].days
    return table, hands


@given(st.lists(st.lists(st.sampled_from([BY_DAY, BY_DAY, ALL_DAY, LATE, NONE]), max_size=14), min_size=1, max_size=2))
def test_whose_days_count_is_as_by_hand_after_every_window(lives: list[list[Hours]]) -> None:
    lived(lives)


@pytest.mark.parametrize(
    ("life", "by_day"),
    [
        ([BY_DAY] * 6, False),
        ([BY_DAY] * 8, True),
        ([LATE] * 30, False),  # an hour after midnight is a night's figure
        ([(8, 24)] * 8, True),
        ([(8, 24.75)] * 8, True),  # less than an hour is none
        ([BY_DAY, NONE] * 8, True),
        ([ALL_DAY] * 2 + [BY_DAY] * 30, False),  # what was learned of nights holds for two months
        ([ALL_DAY] * 2 + [BY_DAY] * 62, True),
        ([BY_DAY] * 9 + [ALL_DAY] * 2, True),
        ([BY_DAY] * 9 + [ALL_DAY] * 3, False),
        ([BY_DAY] * 9 + [ALL_DAY, BY_DAY, BY_DAY, BY_DAY] * 4, True),  # a night now and then
        ([ALL_DAY] * 20, False),
    ],
)
def test_days_count_once_there_have_been_no_nights_and_nights_again_from_the_third_on(
    life: list[Hours], by_day: bool
) -> None:
    table, _ = lived([life])
    assert worn.by_day(table)[0] == by_day


def test_a_level_of_days_is_not_what_nights_are_held_against() -> None:
    table, _ = lived([[BY_DAY] * 30])
    assert (table["n"][0], table["held"][0]) == (31 - S["by_day"]["after_days"] - drift.FIGURES, drift.FIGURES)
    table, _ = lived([[BY_DAY] * 30 + [ALL_DAY] * 4])
    assert (table["n"][0], table["held"][0]) == (0, 2)
