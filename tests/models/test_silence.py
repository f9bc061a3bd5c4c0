"""What is waited for before a silent device is told, against an oracle that keeps every pause there ever was."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from models.detectors import silence
from models.detectors.silence import DAY, DAY_S, HOUR_S, NIGHT, STATE, Pace, settings
from models.evidence import load
from models.vitals import BY_NAME, VITALS
from tests.models.splits import cuts

DOCUMENT = load("cadence")
SILENCE = DOCUMENT["silence"]
GROUP = {name: group["silence"] for group in DOCUMENT["groups"] for name in group["vitals"]}
START_S = 1_767_600_000
"""2026-01-05T08:00:00Z."""


@dataclass
class Oracle:
    """One link as `evidence/cadence.yaml` tells it, from its whole past: (end, pause, part of the day)."""

    vital: str
    first_s: int
    last_s: int
    habit: str = "heart_rate"
    pauses: list[tuple[int, int, int]] = field(default_factory=list)

    def usual_s(self, part: int) -> int:
        period_s = SILENCE["period_d"] * DAY_S
        late = [p for p in self.pauses if self.last_s // period_s - p[0] // period_s <= 1]
        return max((s for _, s, of in late if of == part or s >= SILENCE["both_parts_h"] * HOUR_S), default=0)

    def allowed_s(self, part: int) -> int:
        group, habit = GROUP[self.vital], max(GROUP[self.vital], GROUP[self.habit], key=lambda one: one["start_d"])
        watched_d = (self.last_s - self.first_s) / DAY_S
        stream = watched_d >= group["learn_d"] and self.usual_s(part) < SILENCE["both_parts_h"] * HOUR_S
        waited = 0 if watched_d >= habit["learn_d"] else round((group if stream else habit)["start_d"] * DAY_S)
        learned = int(self.usual_s(part) * SILENCE["factor"])
        return int(min(max(round(group["floor_h"] * HOUR_S), learned, waited), SILENCE["most_d"] * DAY_S))

    def arrive(self, at_s: int, part: int) -> None:
        pause, allowed_s = at_s - self.last_s, self.allowed_s(part)
        pause = pause if pause <= allowed_s else int(allowed_s * SILENCE["outage"])
        if pause > GROUP[self.vital]["floor_h"] * HOUR_S / SILENCE["factor"]:
            self.pauses.append((at_s, pause, part))
        self.last_s = at_s


def part_at(at_s: int) -> int:
    return int(silence.part_of(np.array([at_s]))[0])


def pace_of(vital: str, at_s: int, habit: str = "heart_rate") -> Pace:
    """habit: what else its device measures."""
    groups = settings().group_of[[BY_NAME[vital].index, BY_NAME[habit].index]]
    return Pace(at_s, at_s, [[0, 0], [0, 0]], BY_NAME[vital].index, int(groups.max()))


PAUSES_S = st.one_of(
    st.integers(0, 600),
    st.integers(0, 30 * HOUR_S),
    st.sampled_from([9 * HOUR_S, 12 * HOUR_S, DAY_S, 2 * DAY_S, 7 * DAY_S, 15 * DAY_S, 60 * DAY_S]),
)
SOME_VITALS = ("heart_rate", "body_weight", "sleep_duration")


@example("heart_rate", "body_weight", [6 * HOUR_S] * 20)
@example("heart_rate", "sleep_duration", [11 * HOUR_S, 13 * HOUR_S] * 10)
@given(st.sampled_from(SOME_VITALS), st.sampled_from(SOME_VITALS), st.lists(PAUSES_S, max_size=40))
def test_one_link_waits_as_the_oracle_does_after_every_arrival(vital: str, beside: str, pauses: list[int]) -> None:
    pace, oracle, now_s = pace_of(vital, START_S, beside), Oracle(vital, START_S, START_S, beside), START_S
    for pause in pauses:
        part, now_s = part_at(now_s), now_s + pause
        pace.arrive(now_s, part)
        oracle.arrive(now_s, part)
        for one in (DAY, NIGHT):
            assert (pace.usual_s(one), pace.allowed_s(one)) == (oracle.usual_s(one), oracle.allowed_s(one))


@hypothesis_settings(deadline=None, max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 2), PAUSES_S), min_size=1, max_size=60), st.sampled_from(SOME_VITALS), st.data()
)
def test_links_in_bulk_wait_as_one_by_one_whatever_the_batches(
    steps: list[tuple[int, int]], beside: str, data: st.DataObject
) -> None:
    """Arrivals of three links; the hard ones are gone through one by one, as the engine does."""
    table = np.zeros(3, STATE)
    paces = [pace_of(vital, START_S, beside) for vital in SOME_VITALS]
    for place, pace in enumerate(paces):
        put(table, place, pace)
    now_s = [START_S] * 3
    arrivals = []
    for link, pause in steps:
        now_s[link] += pause
        arrivals.append((link, now_s[link]))
        paces[link].arrive(now_s[link], part_at(now_s[link] - pause))
    for piece in data.draw(cuts(len(arrivals))):
        through(table, sorted(arrivals[piece], key=lambda arrival: arrival[0]))
    for place, pace in enumerate(paces):
        assert (table["last_s"][place], table["longest_s"][place].tolist()) == (pace.last_s, pace.longest_s)
        assert table["due_s"][place] == pace.last_s + pace.allowed_s(part_at(pace.last_s))


@pytest.mark.parametrize("at_once", [1, 7, 500])
@pytest.mark.parametrize(
    "pauses",
    [
        [HOUR_S] * 100, [6 * HOUR_S] * 60, [12 * HOUR_S] * 40, [DAY_S] * 20, [13 * HOUR_S] * 20 + [3 * HOUR_S] * 250,
        [HOUR_S] * 80 + [30 * HOUR_S] + [6 * HOUR_S] * 120,
    ],
)  # fmt: skip
def test_what_comes_steadily_is_waited_for_in_bulk_as_one_by_one_from_the_very_moment_on_at_which_it_is_known(
    pauses: list[int], at_once: int
) -> None:
    """By itself, beside a scale, and as the scale: each is known after a time of its own, to the second, and what it
    used to do is forgotten."""
    beside = [("heart_rate", "heart_rate"), ("heart_rate", "body_weight"), ("body_weight", "heart_rate")]
    table, paces = np.zeros(len(beside), STATE), [pace_of(vital, START_S, other) for vital, other in beside]
    oracles = [Oracle(vital, START_S, START_S, other) for vital, other in beside]
    for place, pace in enumerate(paces):
        put(table, place, pace)
    every = [(START_S + sum(pauses[: k + 1]), pause) for k, pause in enumerate(pauses)]
    for first in range(0, len(every), at_once):
        ends = [at_s for at_s, _ in every[first : first + at_once]]
        through(table, [(place, at_s) for place in range(len(beside)) for at_s in ends])
        for place, oracle in enumerate(oracles):
            for at_s, pause in every[first : first + at_once]:
                oracle.arrive(at_s, part_at(at_s - pause))
            assert table["due_s"][place] == oracle.last_s + oracle.allowed_s(part_at(oracle.last_s))


def through(table: np.ndarray[tuple[int], np.dtype[np.void]], arrivals: list[tuple[int, int]]) -> None:
    link, at_s = (np.array([arrival[k] for arrival in arrivals], np.int64) for k in (0, 1))
    passed = silence.passage(table, link, at_s, 0)
    for place in passed.links[passed.hard].tolist():
        one = table[place]
        pace = Pace(
            int(one["first_s"]), int(one["last_s"]), one["longest_s"].tolist(), int(one["vital"]), int(one["habit"])
        )
        for at in at_s[link == place].tolist():
            pace.arrive(at, part_at(pace.last_s))
        put(table, place, pace)
    silence.pass_by(table, passed, silence.part_of(passed.begin_s), silence.part_of(passed.last_s))


def put(table: np.ndarray[tuple[int], np.dtype[np.void]], place: int, pace: Pace) -> None:
    due_s = pace.last_s + pace.allowed_s(part_at(pace.last_s))
    table[place] = pace.first_s, pace.last_s, due_s, pace.longest_s, pace.vital, pace.habit, 0, 0


def test_one_outage_does_not_double_what_is_waited_for() -> None:
    pace, now_s = pace_of("heart_rate", START_S), START_S
    for _ in range(10):
        for pause in (10 * HOUR_S, 14 * HOUR_S):
            now_s += pause
            pace.arrive(now_s, part_at(now_s - pause))
    before = pace.allowed_s(DAY)
    now_s += 10 * DAY_S
    pace.arrive(now_s, DAY)
    assert before < pace.allowed_s(DAY) < 2 * before


def test_a_link_is_small() -> None:
    assert STATE.itemsize <= 48


def test_the_settings_name_every_vital_and_slower_groups_are_waited_for_longer() -> None:
    s = settings()
    assert len(s.floor_s) == len(s.group_of) == len(VITALS)
    assert (np.diff(s.start_s) > 0).all()
    assert (np.diff(s.learn_s) > 0).all()
    assert (s.floor_s <= s.start_s[s.group_of]).all()
    assert s.most_s >= s.start_s.max()


@pytest.mark.parametrize(("hour", "part"), [(0, NIGHT), (7, NIGHT), (8, DAY), (19, DAY), (20, NIGHT), (23, NIGHT)])
def test_the_night_is_the_evening_too(hour: int, part: int) -> None:
    now_s = START_S - START_S % DAY_S + hour * HOUR_S
    assert part_at(now_s) == silence.part_at(now_s) == part
