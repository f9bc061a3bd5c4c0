"""The budget that says how high a chart must come for a patient."""

import numpy as np
import pytest

from models import budget
from models.evidence import load

BUDGET = load("daily")["budget"]


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
