"""Drift against a plain-Python one on every prefix, and what it finds; the change index."""

from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.detectors import change_index, drift
from models.evidence import load
from models.vitals import BY_NAME, VITALS

S, SPREAD = load("daily")["drift"], 3.0
HEART, OTHER = BY_NAME["resting_heart_rate"].index, BY_NAME["hrv_rmssd"].index
f4, f2 = np.float32, np.float16


@dataclass
class Plain:
    """What `evidence/daily.yaml` asks for, one window at a time. days: [day, sum, windows, whether it teaches nothing]
    of those at hand, the last one being today; before: (day, SD from the level) of the one that left last."""

    days: list[list[float]] = field(default_factory=list)
    level: float = 0.0
    s2: float = 0.0
    rho: float = 0.0
    n: int = 0
    before: tuple[float, float] = (0, 0.0)
    open: int = 0
    """Its sign; twice that while the drift is slight."""
    by_night: bool = False
    jumps: bool = False
    week_sd: float = 1.0

    def window(self, y: float, day: int, frozen: bool, least: int) -> None:
        if not self.days or day > self.days[-1][0]:
            self._begin(day, least)
        today = self.days[-1]
        today[1], today[2] = float(f4(today[1] + y)), today[2] + 1
        today[3] = today[3] or frozen or (abs(self.open) == 1 and self.known())

    def _begin(self, day: int, least: int) -> None:
        if self.days and day - self.days[-1][0] > S["anew_days"]:
            self.__init__(  # type: ignore[misc]
                open=self.open, by_night=self.by_night, jumps=self.jumps, week_sd=self.week_sd
            )
        if self.days and self.days[-1][2] < least:
            self.days.pop()
        if len(self.days) == drift.FIGURES:
            self._leave(self.days.pop(0))
        self.days.append([day, 0.0, 0, False])

    def _leave(self, one: list[float]) -> None:
        y, gap, n = float(f4(one[1] / one[2])), one[0] - self.before[0], self.n
        z, rho = 0.0, self.rho
        if not one[3] and n == 0:
            self.level, self.s2, self.rho = y, float(f4(SPREAD**2)), float(f2(S["rho_prior"]["resting_heart_rate"]))
        elif not one[3]:
            z = (y - self.level) / sqrt(self.s2)
            clipped = max(-S["huber"], min(S["huber"], z))
            a = max(-S["huber"], min(S["huber"], self.before[1]))
            if gap == 1:
                looks = S["rho_days"]["resting_heart_rate"] + min(n, S["spread_memory_days"])
                closer = self.rho + (a * clipped - self.rho * a * a) / looks
                self.rho = float(f2(max(0.0, min(S["rho_most"], closer))))
            self.level = float(f4(self.level + clipped * sqrt(self.s2) / (min(n, S["memory_days"]) + 1)))
            share = clipped**2 * 1.0863 / (1 + 2 / min(n, S["memory_days"]))
            worth = (1 - rho**2) / (1 + rho**2)
            looks = min(S["spread_prior_days"]["default"] / worth + n, S["spread_memory_days"])
            self.s2 = float(f4(max(self.s2 * (1 + (share - 1) / (looks + 1)), S["spread_floor_share"] * SPREAD**2)))
        self.before = one[0], self.before[1] if one[3] else float(f2(z))
        self.n += not one[3]

    def known(self) -> bool:
        looks = self.n * (1 - self.rho) / (1 + self.rho)
        return self.n >= int(S["known_after"]) and looks >= float(S["known_looks"])

    def judge(self) -> tuple[float, float, int, int]:
        """How far away the week is, how far with its last two nights or a jump, and what is over and raised: signs."""
        known = self.known() and len(self._in_week()) > 1
        jump, was = self._jump(), (self.open > 0) - (self.open < 0)
        away = self._away() / self.week_sd if known else 0.0
        size = max(away, self._two_nights() if known else 0.0, jump, key=abs)
        over = was if was and self._ends(size if known else None, was) else 0
        raised = (1 if size >= 0 else -1) if abs(size) >= S["stands"] and (not was or over) else 0
        if raised or over:
            self.open = 2 * raised
        if abs(self.open) == 2 and size * self.open / 2 >= S["opens"]:
            self.open //= 2
            for one in self.days:
                one[3] = True
        return away, size, over, raised

    def _two_nights(self) -> float:
        if not self.by_night or len(self.days) < 2 or self.days[-1][0] - self.days[-2][0] > S["two_nights"]["gap_days"]:
            return 0.0
        nights = self.days[-2][1] / self.days[-2][2], self.days[-1][1] / self.days[-1][2]
        both = [(night - self.level) / sqrt(self.s2) for night in nights]
        looks = min(self.n, S["memory_days"]) * (1 - self.rho) / (1 + self.rho)
        nearer = min(both, key=abs) / sqrt(1 + 1 / looks)
        return nearer / S["two_nights"]["from"] * S["opens"] if both[0] * both[1] > 0 else 0.0

    def _z(self, back: int) -> float:
        """A figure at hand, in SD from the level."""
        one = self.days[-1 - back]
        return (float(f4(one[1] / one[2])) - self.level) / sqrt(self.s2)

    def _jump(self) -> float:
        """Of the last two figures the one nearer to where the figure before both led to expect it, as a week."""
        j, last = S["jump"], self.days[-3:]
        gaps = [later[0] - one[0] for one, later in pairwise(last)]
        alike = self.rho >= j["alike"] and self.n >= j["known_after"]
        if not self.jumps or len(gaps) < 2 or not alike or max(gaps) > S["two_nights"]["gap_days"]:
            return 0.0
        found = []
        for back, days in ((1, gaps[0]), (0, sum(gaps))):
            share = self.rho**days
            found.append((self._z(back) - share * self._z(2)) / sqrt(1 - share**2))
        return min(found) / j["from"] * S["opens"] if min(found) >= j["from"] else 0.0

    def _ends(self, size: float | None, was: int) -> bool:
        up = self.jumps and was > 0
        if size is None:
            return up and self.n >= S["jump"]["known_after"] and self._z(0) * was <= S["jump"]["over"]
        back = not up or self.rho < S["jump"]["alike"] or self._z(0) * was <= S["jump"]["over"]
        return bool(back and size * was <= (S["clear_slight"] if abs(self.open) == 2 else S["clear"]))

    def _in_week(self) -> list[int]:
        """Places of the days that make a week: those of the last seven, or the last three figures of four weeks."""
        ages = [self.days[-1][0] - one[0] for one in self.days]
        few = len(ages) - int(S["least_figures"])
        return [k for k, age in enumerate(ages) if age < S["week_days"] or (k >= few and age < S["oldest_days"])]

    def _away(self) -> float:
        total, count, last, week = 0.0, 0, self.before, self._in_week()
        for k, one in enumerate(self.days):
            y = one[1] / one[2] if one is self.days[-1] else float(f4(one[1] / one[2]))
            z = (y - self.level) / sqrt(self.s2)
            share = self.rho ** max(1, min(255, one[0] - last[0]))
            e = (z - share * max(-S["clip"], min(S["clip"], last[1]))) / sqrt(1 - share**2)
            last = (one[0], z)
            if k in week:
                total, count = total + max(-S["clip"], min(S["clip"], e)), count + 1
        return total / sqrt(count + count**2 / min(self.n, S["memory_days"]))


step = st.tuples(st.sampled_from([0, 1, 1, 1, 1, 2, 9, 40, 70]), st.floats(-3, 3), st.booleans())


@given(
    st.lists(st.tuples(step, st.integers(0, 12)), min_size=60, max_size=90),
    st.lists(st.sampled_from([0.0, 0.0, 6.0, -9.0]), min_size=6, max_size=6),
    st.sampled_from(["", "night", "smoothed"]),
    st.sampled_from([1.0, 0.82, 1.3]),
)
def test_a_week_is_what_the_plain_one_says_after_every_window(
    life: list[tuple[tuple[int, float, bool], int]], moved: list[float], how: str, sd: float
) -> None:
    by_night, jumps = how == "night", how == "smoothed"
    plain = Plain(by_night=by_night, jumps=jumps, week_sd=sd)
    table, day, smooth = np.zeros(2, drift.STATE), 20_000, 0.0
    for k, ((later, noise, frozen), rare) in enumerate(life):
        day += min(later, 2) if rare else later
        smooth = 0.85 * smooth + 0.5 * noise if jumps else noise
        y, ill = 60 + smooth + moved[k // 16], frozen and rare == 1
        plain.window(y, day, ill, 1)
        take(table, y, day, frozen=ill)
        week = drift.judge(table, np.array([False, by_night]), np.array([0, jumps]), np.array([1.0, sd]))
        away, size, over, raised = plain.judge()
        assert (week.away[1], week.size[1]) == (pytest.approx(away, abs=1e-4), pytest.approx(size, abs=1e-3))
        assert bool(week.two[1] | week.jumped[1]) == (abs(size) > abs(away))
        assert (week.over[1], week.raised[1], table["open"][1]) == (over, raised, plain.open)
        assert table["n"][1] == plain.n


def take(table: npt.NDArray[np.void], y: float, day: int, frozen: bool = False, least: int = 1) -> None:
    n = len(table)
    each = np.full(n, y), np.full(n, day), np.full(n, SPREAD), np.full(n, HEART)
    drift.gather(table, *each, np.full(n, least), np.full(n, frozen), np.ones(n, bool))


def lived(levels: list[float], by_night: bool = False) -> list[tuple[int, drift.Week]]:
    """The weeks of one who was at 60 for 40 days, and then at these levels; by day since."""
    table, random, found = np.zeros(1, drift.STATE), np.random.default_rng(3), []
    for day, level in enumerate([60.0] * 40 + levels):
        take(table, level + random.normal(0, SPREAD), 20_000 + day)
        found.append((day - 40, drift.judge(table, np.array([by_night]))))
    return found


def test_a_shift_of_two_and_a_half_sd_is_found_within_a_week_and_its_beginning_is_known() -> None:
    raised = [(day, week) for day, week in lived([60 + 2.5 * SPREAD] * 30) if week.raised[0]]
    assert [(0 <= day < 7, int(week.raised[0])) for day, week in raised] == [(True, 1)]
    day, week = raised[0]
    assert week.days[0] == pytest.approx(day, abs=2)


def test_people_are_told_later_on_the_side_on_which_a_vital_seldom_means_harm_and_only_there() -> None:
    names = ["resting_heart_rate", "hrv_rmssd", "respiratory_rate", "body_weight", "systolic_bp", "body_temperature"]
    vital = np.array([BY_NAME[name].index for name in names])
    assert drift.milder(vital, np.full(6, -4.0)).tolist() == [True, False, True, False, False, False]
    assert drift.milder(vital, np.full(6, 4.0)).tolist() == [False, True, False, False, False, False]


def test_it_is_over_when_the_week_is_back_and_not_taken_for_normal_before() -> None:
    told = [
        (day, week.raised[0], week.over[0])
        for day, week in lived([60 + 3 * SPREAD] * 20 + [60.0] * 12)
        if week.known[0]
    ]
    assert [sign for _, sign, _ in told if sign] == [1]
    assert [20 < day < 32 for day, _, over in told if over] == [True]


def test_one_day_that_nobody_can_believe_does_not_fire() -> None:
    for by_night in (False, True):
        assert not any(week.raised[0] for _, week in lived([160.0, *[60.0] * 10], by_night))


@pytest.mark.parametrize("days", [28, 40, 59])
def test_the_first_day_after_a_long_break_is_no_week(days: int) -> None:
    """Whose drift was told by one vital, at 2.2 SD, heard of one reading. What stands stands until there are two."""
    table, random = np.zeros(1, drift.STATE), np.random.default_rng(3)
    for day in range(40):
        take(table, 60 + random.normal(0, SPREAD), 20_000 + day)
        drift.judge(table)
    drifting = table.copy()
    for day, wanted in ((40 + days, 0), (41 + days, 1)):
        take(table, 60 + 4 * SPREAD, 20_000 + day)
        week = drift.judge(table)
        assert (week.raised[0], bool(week.known[0])) == (wanted, bool(wanted))
    drifting["open"] = 1
    take(drifting, 60, 20_040 + days)
    assert drift.judge(drifting).over[0] == 0


def test_an_illness_shows_in_two_nights_of_a_stream_before_it_shows_in_a_week() -> None:
    ill = [60 + 5 * SPREAD] * 6
    first, by_night = (next(day for day, week in lived(ill, night) if week.raised[0]) for night in (False, True))
    assert (by_night, first) == (1, 3)
    between = [week for _, week in lived([60 + 5 * SPREAD, 60.0] * 3, by_night=True)]
    assert not any(week.two[0] and abs(week.size[0]) >= S["stands"] for week in between), "a night between"


def smoothed(higher: list[float], learned: int = 60, alike: float = 0.84, pause: int = 0) -> list[drift.Week]:
    """The last weeks of one whose days are as a band smooths them, and lie so much higher [SPREAD] in the end; pause:
    days without a figure before each of these."""
    table, random, y, found = np.zeros(1, drift.STATE), np.random.default_rng(6), 0.0, []
    for day, more in enumerate([0.0] * learned + higher):
        y = alike * y + random.normal(0, SPREAD * sqrt(1 - alike**2))
        take(table, 60 + y + more * SPREAD, 20_000 + day + pause * max(0, day - learned + 1))
        found.append(drift.judge(table, None, np.array([1])))
    return found[learned:]


@pytest.mark.parametrize("learned", [20, 60])
def test_what_a_device_smooths_is_told_by_its_jump_and_over_when_a_day_is_back(learned: int) -> None:
    weeks = smoothed([3.0] * 10 + [0.0] * 3, learned)
    assert [bool(week.jumped[0]) for week in weeks[:2]] == [False, True]
    assert weeks[1].raised[0] == 1
    assert weeks[1].size[0] >= S["opens"]
    assert [10 <= k <= 11 for k, week in enumerate(weeks) if week.over[0]] == [True]


def test_an_odd_day_of_what_a_device_smooths_is_no_jump() -> None:
    assert not any(week.jumped[0] for week in smoothed([3.0, 0.0, 0.0, -3.0, 0.0, 3.0, -3.0]))


def test_days_that_are_not_alike_or_lie_apart_do_not_jump() -> None:
    assert not any(week.jumped[0] for week in smoothed([4.0] * 6, alike=0.2))
    assert not any(week.jumped[0] for week in smoothed([4.0] * 6, pause=3))


def test_a_jump_to_the_side_that_seldom_means_harm_waits_for_its_week() -> None:
    assert not any(week.jumped[0] for week in smoothed([-3.0] * 6))


def drifts_of_nothing(vital: int, people: int = 300) -> int:
    """Drifts, not slight ones, within nine weeks of those whose days are as a band smooths them, with nothing wrong."""
    table, random, y, found = np.zeros(people, drift.STATE), np.random.default_rng(5), np.zeros(people), 0
    each = np.full(people, SPREAD), np.full(people, vital), np.ones(people, int)
    for day in range(63):
        y = 0.84 * y + random.normal(0, SPREAD * sqrt(1 - 0.84**2), people)
        drift.gather(table, 60 + y, np.full(people, 20_000 + day), *each, np.zeros(people, bool), np.ones(people, bool))
        was = np.abs(table["open"]) == 1
        drift.judge(table)
        found += int((~was & (np.abs(table["open"]) == 1)).sum())
    return found


def test_a_resting_heart_rate_that_the_device_smooths_is_not_taken_for_drifting() -> None:
    assert drifts_of_nothing(HEART) < drifts_of_nothing(OTHER) / 3


def test_a_resting_heart_rate_that_is_not_smoothed_soon_counts_as_such() -> None:
    """For its shifts are found sooner then."""
    table, random, each = np.zeros(100, drift.STATE), np.random.default_rng(6), np.ones(100, bool)
    for day in range(35):
        y, of = random.normal(60, SPREAD, 100), (np.full(100, SPREAD), np.full(100, HEART), np.ones(100, int))
        drift.gather(table, y, np.full(100, 20_000 + day), *of, ~each, each)
    assert np.median(table["rho"]) < 0.3


def test_days_that_are_alike_leave_the_spread_nearer_to_what_is_expected() -> None:
    table = np.zeros(2, drift.STATE)
    each = np.full(2, SPREAD), np.array([HEART, OTHER]), np.ones(2, int), np.zeros(2, bool), np.ones(2, bool)
    for day in range(30):
        drift.gather(table, np.full(2, 60.0 + day // 2 % 2), np.full(2, 20_000 + day), *each)
    assert SPREAD**2 > table["s2"][0] > 1.2 * table["s2"][1]


def test_days_while_something_else_is_wrong_teach_nothing() -> None:
    table = np.zeros(2, drift.STATE)
    for day in range(30):
        take(table, 60 + day % 2, 20_000 + day)
    before = table["level"].copy()
    for day in range(30, 38):
        take(table, 70.0, 20_000 + day, frozen=True)
    for day in range(38, 60):
        take(table, 60.5, 20_000 + day)
    assert table["level"] == pytest.approx(before, abs=0.1)


def test_a_night_of_too_few_windows_is_no_figure() -> None:
    table = np.zeros(1, drift.STATE)
    for day in range(3):
        for _ in range(4 if day != 1 else 3):
            take(table, 50.0, 20_000 + day, least=4)
    assert (int(table["held"][0]), table["gap"][0].tolist()) == (2, [0, 0, 0, 0, 0, 0, 2])


def test_a_person_who_ends_it_begins_a_new_week_against_the_same_level() -> None:
    table = np.zeros(1, drift.STATE)
    for day in range(40):
        take(table, 60 + day % 2, 20_000 + day)
    level = float(table["level"][0])
    drift.rearm(table)
    assert (float(table["level"][0]), int(table["held"][0])) == (level, 0)
    drift.forget(table, np.zeros(1, np.int64))
    assert (float(table["level"][0]), int(table["n"][0])) == (0.0, 0)


def index(**weeks: float) -> change_index.Index:
    week, there = np.zeros((1, len(VITALS))), np.zeros((1, len(VITALS)), bool)
    for name, away in weeks.items():
        week[0, BY_NAME[name].index], there[0, BY_NAME[name].index] = away, True
    return change_index.index(week, there)


def begins(**weeks: float) -> bool:
    return bool(change_index.judge(np.zeros(1, bool), index(**weeks))[1][0])


def test_several_vitals_that_get_worse_a_little_say_together_what_none_says_alone() -> None:
    assert begins(resting_heart_rate=2.2, respiratory_rate=1.9, hrv_rmssd=-1.6, body_weight=2.0)
    assert not begins(resting_heart_rate=2.2, respiratory_rate=-1.9, hrv_rmssd=1.6, body_weight=2.0)
    assert not begins(resting_heart_rate=-2.2, respiratory_rate=-1.9, hrv_rmssd=1.6, body_weight=-2.0), "better"
    assert not begins(resting_heart_rate=9.0, respiratory_rate=1.0), "one vital alone is a drift"


def test_a_vital_without_a_direction_counts_for_nothing_and_a_missing_one_is_not_normal() -> None:
    assert index(resting_heart_rate=3, systolic_bp=9).value[0] == index(resting_heart_rate=3).value[0]
    assert index(resting_heart_rate=3, spo2=0).value[0] < index(resting_heart_rate=3).value[0]


def test_the_index_ends_well_below_where_it_begins_and_names_the_most_first() -> None:
    high, low = index(resting_heart_rate=2.0, spo2=-1.0), index(resting_heart_rate=1.0, spo2=-0.2)
    assert [bool(change_index.judge(np.ones(1, bool), one)[0][0]) for one in (high, low)] == [False, True]
    found = index(resting_heart_rate=1.6, spo2=-2.6, respiratory_rate=0.3)
    assert [VITALS[v].name for v in change_index.contributors(found.part[0])] == ["spo2", "resting_heart_rate"]
