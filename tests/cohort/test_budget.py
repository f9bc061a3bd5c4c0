"""The alert budget on synthetic patients with a planted shift: what lasts is told, whatever the budget has learned."""

from datetime import datetime

import numpy as np
import numpy.typing as npt

from models import budget
from models.detectors import drift
from models.times import US_PER_S, to_us
from models.vitals import BY_NAME
from streams.cohort.patient import Patient, patient
from streams.engine.scales import to_working

SEED, PATIENTS, DAYS = 815, 30, 150
"""Another seed than the one on which the budget was tuned (811)."""
DAY_S = 86_400
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def figures(one: Patient) -> Floats:
    """The figure of each day of the vital that shifts, (DAYS,), on the working scale; NaN where there is none."""
    vital, readings = BY_NAME[one.labels[0]["vital"]].index, one.readings
    mine = (readings.vital == vital) & (readings.arrived_s - readings.at_s < 2 * DAY_S)
    day, out = readings.at_s[mine] // DAY_S - readings.at_s.min() // DAY_S, np.full(DAYS + 2, np.nan)
    out[day] = to_working(readings.value[mine], readings.vital[mine])
    return out[:DAYS]


def first_told(of_day: Floats, vital: Ints, begins: Ints, own: float) -> dict[int, int]:
    """By patient, the first day from `begins` (n,) on that a drift is told; of_day (n, DAYS): figures of
    vital (n,); own: limit of all."""
    n = len(of_day)
    rows, wait, told = np.zeros(n, drift.STATE), np.zeros(n, budget.WAIT), dict[int, int]()
    spread = np.nanstd(of_day[:, :40], axis=1)
    for day in range(DAYS):
        k = np.flatnonzero(~np.isnan(of_day[:, day]))
        one, of_k, m = rows[k], wait[k], len(k)
        local = np.full(m, 20_000 + day)
        as_often = np.ones(m, int), np.zeros(m, bool), np.ones(m, bool)
        drift.gather(one, of_day[k, day], local, spread[k], vital[k], *as_often)
        week = drift.judge(one)
        limits = np.full(m, own), np.full(m, budget.of_ten())
        found = budget.judge(of_k, local, week.over, week.raised, week.away, *limits)
        rows[k], wait[k] = one, of_k
        for i in k[found.tells & (day >= begins[k])].tolist():
            told.setdefault(i, day)
    return told


def test_a_shift_that_stays_is_told_within_two_weeks_of_when_it_would_be_without_a_budget() -> None:
    people = [patient(SEED, number, DAYS, "shift", "daily") for number in range(PATIENTS)]
    people = [one for one in people if one.labels]
    starts = [to_us(datetime.fromisoformat(one.labels[0]["start"])) // US_PER_S for one in people]
    begins = [at // DAY_S - int(one.readings.at_s.min()) // DAY_S for at, one in zip(starts, people, strict=True)]
    of_day = np.array([figures(one) for one in people])
    vital = np.array([BY_NAME[one.labels[0]["vital"]].index for one in people])
    s = budget.settings()
    without = first_told(of_day, vital, np.array(begins), budget.of_ten())
    most = first_told(of_day, vital, np.array(begins), budget.of_ten() + s.highest)
    within = {i: day for i, day in without.items() if day <= begins[i] + 14}
    assert {one.labels[0]["event"] for one in people} == {"shift_2sd", "shift_3sd"}
    assert len(within) > 0.7 * len(people)
    assert all(most[i] - day <= 14 for i, day in within.items())
    assert any(most[i] > day for i, day in within.items()), "the limit does withhold some of them"
