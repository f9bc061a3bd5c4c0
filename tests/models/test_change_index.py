"""Several vitals together, against the sum written down once more for one patient from the words of the evidence."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import budget
from models.detectors import change_index
from models.evidence import load
from models.vitals import BY_NAME, VITALS

S = load("daily")["change_index"]
NAMES = [*S["worse"], "systolic_bp", "glucose"]
Weeks = dict[str, tuple[float, bool]]
"""By vital: what its week says [SD], and whether it is fresh."""
SIZES = st.one_of(st.floats(-4, 4), st.sampled_from([0.0, 1.5, -1.5, 1.49, 2.95, np.nan]))
PEOPLE = st.dictionaries(st.sampled_from(NAMES), st.tuples(SIZES, st.booleans()), max_size=8)


def by_hand(weeks: Weeks) -> tuple[float, dict[str, float]]:
    """The index of one patient, and what each vital brings. What is not fresh, or has no direction, is not there."""
    part = {
        name: size * S["worse"][name] for name, (size, fresh) in weeks.items() if fresh and name in S["worse"]
    }  # fmt: skip
    variance = sum(1 if one == other else S["correlation"] for one in part for other in part)
    return sum(part.values()) / sqrt(variance) if part else 0.0, part


def of(people: list[Weeks]) -> change_index.Index:
    """All of them in one batch. Of what was never measured nothing is known."""
    week, there = np.full((len(people), len(VITALS)), np.nan), np.zeros((len(people), len(VITALS)), bool)
    for who, weeks in enumerate(people):
        for name, (size, fresh) in weeks.items():
            known = fresh and not np.isnan(size)
            week[who, BY_NAME[name].index], there[who, BY_NAME[name].index] = size, known
            weeks[name] = (size, known)
    return change_index.index(week, there)


@given(st.lists(PEOPLE, min_size=1, max_size=4), st.booleans())
def test_each_patient_of_a_batch_is_judged_as_by_hand(people: list[Weeks], is_open: bool) -> None:
    found = of(people)
    over, raised = change_index.judge(np.full(len(people), is_open), found)
    for who, weeks in enumerate(people):
        value, part = by_hand(weeks)
        assert found.value[who] == pytest.approx(value, abs=1e-12)
        size, bring = float(found.value[who]), [name for name in part if part[name] >= S["contributes"]]
        assert raised[who] == (not is_open and size >= S["h"] and len(bring) >= S["least_vitals"])
        assert over[who] == (is_open and size <= S["clear"])
        assert {VITALS[v].name for v in change_index.contributors(found.part[who])} == set(bring)
        alone = of([dict(weeks)])
        assert (alone.value[0], alone.part[0].tobytes()) == (found.value[who], found.part[who].tobytes())


def test_it_begins_and_ends_at_the_very_limits() -> None:
    """Two that each bring just enough, and a sum that is just enough."""
    one = BY_NAME["spo2"].index, BY_NAME["steps"].index
    part = np.zeros((4, len(VITALS)))
    part[:, one[0]], part[:, one[1]] = S["contributes"], [S["contributes"], S["contributes"] - 1e-9] * 2
    value = np.array([S["h"], S["h"], S["h"] - 1e-9, S["h"]])
    calm, wide = np.zeros(4, bool), change_index.Index(value, part)
    assert change_index.judge(calm, wide)[1].tolist() == [True, False, False, False]
    ends = change_index.Index(np.array([S["clear"], S["clear"] + 1e-9]), part[:2])
    assert change_index.judge(np.ones(2, bool), ends)[0].tolist() == [True, False]


def test_an_index_is_as_rare_as_the_drift_that_it_is_taken_for() -> None:
    """From where it is told, so much more makes it as much rarer as 1 SD makes a drift: what raises a patient's limit
    raises that of the index."""
    sizes = change_index.as_drift(np.array([S["h"], S["h"] + S["per_drift"], S["h"] - S["per_drift"]]))
    assert sizes.tolist() == pytest.approx([budget.of_ten(), budget.of_ten() + 1, budget.of_ten() - 1])
