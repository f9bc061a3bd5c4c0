"""The drift chart against a plain-Python one on every prefix, and the budget that says how high it must come."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import budget
from models.detectors import drift
from models.evidence import load

DRIFT, BUDGET = load("daily")["drift"], load("daily")["budget"]


@dataclass
class Chart:
    """What `evidence/daily.yaml` asks for, one day at a time."""

    up: float = 0.0
    down: float = 0.0
    open: int = 0
    calm: int = 0
    told: bool = False

    def day(self, e: float, z: float, limit: float, usual: float) -> tuple[int, int, int]:
        """What is over, raised and withheld: signs."""
        step = max(-DRIFT["clip"], min(DRIFT["clip"], e))
        self.up = float(np.float32(max(0.0, self.up + step - DRIFT["allowance"])))
        self.down = float(np.float32(max(0.0, self.down - step - DRIFT["allowance"])))
        self.told = self.told and (self.up > 0 or self.down > 0)
        if self.open:
            self.calm = self.calm + 1 if z * self.open <= DRIFT["clear_z"] else 0
            if self.calm < DRIFT["clear_days"]:
                return 0, 0, 0
            over = self.open
            self.__init__()  # type: ignore[misc]  # begins anew
            return over, 0, 0
        size, sign = max(self.up, self.down), 1 if self.up >= self.down else -1
        if size >= limit and size > 0:
            self.open, self.told = sign, True
            return 0, sign, 0
        if size >= usual and size > 0 and not self.told:
            self.told = True
            return 0, 0, sign
        return 0, 0, 0


days = st.lists(st.floats(-6, 6, width=32), min_size=1, max_size=60)


@given(st.lists(days, min_size=1, max_size=4), st.floats(1, 6), st.floats(1, 6))
def test_the_chart_says_what_the_plain_one_says_after_every_day(
    rows: list[list[float]], limit: float, usual: float
) -> None:
    length = min(map(len, rows))
    plain, chart = [Chart() for _ in rows], np.zeros(len(rows), drift.STATE)
    for day in range(length):
        z = np.array([row[day] for row in rows])
        drift.add(chart, z, np.full(len(rows), day + 1))
        changes = drift.judge(chart, z, np.full(len(rows), limit), np.full(len(rows), usual))
        want = [one.day(float(e), float(e), limit, usual) for one, e in zip(plain, z, strict=True)]
        assert list(zip(changes.over, changes.raised, changes.withheld, strict=True)) == want
        assert chart["open"].tolist() == [one.open for one in plain]


def test_a_shift_of_two_sd_is_found_within_a_week_and_began_on_its_first_day() -> None:
    chart, raised = np.zeros(1, drift.STATE), 0
    for day in range(1, 8):
        drift.add(chart, np.array([2.0]), np.array([day]))
        begun = drift.since(chart, np.array([1]))
        raised += int(drift.judge(chart, np.array([2.0]), np.array([4.78]), np.array([4.78])).raised[0])
    assert (raised, begun.tolist(), drift.calm(chart).tolist()) == (1, [1], [False])


def test_one_day_that_nobody_can_believe_does_not_fire_alone() -> None:
    chart = np.zeros(1, drift.STATE)
    drift.add(chart, np.array([50.0]), np.array([1]))
    assert drift.judge(chart, np.array([50.0]), np.array([2.94]), np.array([2.94])).raised.tolist() == [0]


@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_a_quiet_and_a_noisy_patient_come_to_the_same_rate(noise: float) -> None:
    """The size of the largest sum falls off as in simulation, but `noise` times as often as for anybody."""
    state, random = np.zeros(400, budget.STATE), np.random.default_rng(4)
    per_day, reached = BUDGET["alerts_per_month"] / BUDGET["days_per_month"], 0
    for day in range(160):
        budget.meet(state, np.ones(400))
        chance = random.random(400) / noise / BUDGET["false_per_day"]
        largest = BUDGET["at_least"] - np.log(chance) / BUDGET["slope"]
        reached += int((largest >= budget.limits(state)).sum()) if day >= 56 else 0
        budget.learn(state, np.ones(400), largest, np.ones(400, bool))
    assert 0.5 < reached / (400 * 104) / per_day < 2


def test_a_patient_who_is_ill_teaches_the_budget_nothing() -> None:
    state = np.zeros(1, budget.STATE)
    budget.learn(state, np.ones(1), np.array([9.0]), np.zeros(1, bool))
    assert state["shift"].tolist() == [0.0]
