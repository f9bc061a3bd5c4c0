"""How well alerts found what truly happened, against chance, and at what burden.

Sensitivity alone flatters: whoever alerts often hits by chance. So each label is also held against the quiet windows
of the same patient and the same length, and what a rule finds is the excess over these. Patients, not alerts, are
independent: intervals come from resampling patients (evidence/alarm_burden.md, section 7).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.scoring.deciles import Deciles, deciles
from streams.scoring.tally import SUMS, Tally

MONTH_DAYS, YEAR_DAYS = 30.0, 365.25
"""A person-month, a patient-year."""

RESAMPLES = 2_000
RESAMPLES_AT_ONCE = 100
"""Bounds memory: this many resamples times all patients are held at a time."""

Interval = tuple[float, float] | None
Floats = NDArray[np.float64]
Sums = dict[str, Floats]


@dataclass(frozen=True)
class Figure:
    """An estimate with its 95 % interval; None where the data give none (no label, a single patient)."""

    value: float | None
    interval: Interval


@dataclass(frozen=True)
class Scorecard:
    """One group of patients. Rates are of clinical alerts about now; technical and retrospective ones stand apart.

    `labels_without_quiet_window` cannot be held against chance: `expected_by_chance` and `excess` leave them out.
    `ppv`: share of the alerts that lie in a label they are about. `lead_time_h`: median from a label's start to its
    first alert [h], of the labels that were found; `lead_before_event_h`: from that alert to the event that a label
    leads to. `standing_hits`: labels in which an alert about them was open, also one opened before. `unexplained`:
    alerts at a time at which nothing is known to have happened. Floors are limits for everyone, personal alerts are
    against the patient's own level, rules are those of a condition. Worklist items are everything that comes to the
    desk, technical and retrospective ones too. In `no_alert_windows` nothing should be found; `by_chance`: so many as
    long windows of the same patients, in which nothing is known to have happened, hold an alert.
    """

    patients: int
    patient_days: float
    labels: int
    hits: int
    labels_without_quiet_window: int
    alerts: int
    technical_alerts: int
    retrospective_alerts: int
    sensitivity: Figure
    expected_by_chance: Figure
    standing_hits: int
    standing_expected_by_chance: Figure
    excess: Figure
    ppv: Figure
    alerts_per_patient_day: Figure
    alerts_per_person_month: Figure
    technical_alerts_per_person_month: Figure
    lead_time_h: Figure
    lead_time_h_quartiles: Interval
    lead_before_event_h: Figure
    lead_before_event_h_quartiles: Interval
    floor_alerts: int
    personal_alerts: int
    rule_alerts: int
    floor_hits: int
    personal_hits: int
    rule_hits: int
    floor_alerts_per_person_month: Figure
    personal_alerts_per_person_month: Figure
    rule_alerts_per_person_month: Figure
    unexplained_alerts: int
    unexplained_alerts_per_patient_year: Figure
    worklist_items_per_patient_day: Figure
    technical_labels: int
    technical_hits: int
    no_alert_windows: int
    no_alert_windows_with_alert: int
    no_alert_windows_by_chance: Figure
    deciles: Deciles | None
    personal_deciles: Deciles | None


def scorecard(tallies: Sequence[Tally], seed: int) -> Scorecard:
    """The figures of these patients, with 95 % intervals from RESAMPLES resamples of whole patients."""
    table = np.array([found.row() for found in tallies], dtype=np.float64).reshape(len(tallies), len(SUMS))
    whole = dict(zip(SUMS, table.sum(axis=0), strict=True))
    leads_h, ahead_h = [found.leads_h for found in tallies], [found.ahead_h for found in tallies]
    resampled, medians = _resampled(table, [leads_h, ahead_h], seed)
    return Scorecard(
        patients=len(tallies),
        patient_days=float(whole["days"]),
        **{name: int(whole[of]) for name, of in COUNTS.items()},  # type: ignore[arg-type]
        labels_without_quiet_window=int(whole["labels"] - whole["chanced"]),
        **_figures(whole, dict(zip(SUMS, resampled.T, strict=True))),  # type: ignore[arg-type]
        lead_time_h=Figure(_quantile(leads_h, 0.5), _interval(medians[0])),
        lead_time_h_quartiles=_quartiles(leads_h),
        lead_before_event_h=Figure(_quantile(ahead_h, 0.5), _interval(medians[1])),
        lead_before_event_h_quartiles=_quartiles(ahead_h),
        deciles=deciles(tallies, "alerts", seed),
        personal_deciles=deciles(tallies, "personal", seed),
    )


COUNTS = {
    "labels": "labels", "hits": "hits", "alerts": "alerts", "technical_alerts": "technical",
    "retrospective_alerts": "retrospective", "standing_hits": "standing_hits", "floor_alerts": "floor",
    "personal_alerts": "personal", "rule_alerts": "rule", "floor_hits": "floor_hits",
    "personal_hits": "personal_hits", "rule_hits": "rule_hits",
    "unexplained_alerts": "unexplained", "technical_labels": "technical_labels", "technical_hits": "technical_hits",
    "no_alert_windows": "calm", "no_alert_windows_with_alert": "calm_broken",
}  # fmt: skip
"""Fields of the scorecard that are a sum."""

RATIOS: dict[str, Callable[[Sums], Floats]] = {
    "sensitivity": lambda s: s["hits"] / s["labels"],
    "expected_by_chance": lambda s: np.where(s["chanced"] > 0, s["expected"], np.nan),
    "standing_expected_by_chance": lambda s: np.where(s["chanced"] > 0, s["standing_expected"], np.nan),
    "no_alert_windows_by_chance": lambda s: np.where(s["calm"] > 0, s["calm_expected"], np.nan),
    "excess": lambda s: np.where(s["chanced"] > 0, s["chanced_hits"] - s["expected"], np.nan),
    "ppv": lambda s: s["inside"] / s["alerts"],
    "alerts_per_patient_day": lambda s: s["alerts"] / s["days"],
    "alerts_per_person_month": lambda s: MONTH_DAYS * s["alerts"] / s["days"],
    "technical_alerts_per_person_month": lambda s: MONTH_DAYS * s["technical"] / s["days"],
    "floor_alerts_per_person_month": lambda s: MONTH_DAYS * s["floor"] / s["days"],
    "personal_alerts_per_person_month": lambda s: MONTH_DAYS * s["personal"] / s["days"],
    "rule_alerts_per_person_month": lambda s: MONTH_DAYS * s["rule"] / s["days"],
    "unexplained_alerts_per_patient_year": lambda s: YEAR_DAYS * s["unexplained"] / s["days"],
    "worklist_items_per_patient_day": lambda s: s["items"] / s["days"],
}


def _figures(whole: Sums, resampled: Sums) -> dict[str, Figure]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return {name: Figure(_number(of(whole)), _interval(of(resampled))) for name, of in RATIOS.items()}


def _resampled(table: Floats, times_h: Sequence[Sequence[list[float]]], seed: int) -> tuple[Floats, Floats]:
    """Sums (RESAMPLES, SUMS), and medians of each list of times (k, RESAMPLES), of patients drawn with replacement.

    A single patient says nothing about others: no resamples, so no interval.
    """
    patients = len(table)
    if patients < 2:
        return np.empty((0, len(SUMS))), np.empty((len(times_h), 0))
    random = np.random.default_rng(seed)
    owners = [np.repeat(np.arange(patients), [len(of_patient) for of_patient in times]) for times in times_h]
    flat = [np.array([one for of_patient in times for one in of_patient]) for times in times_h]
    sums, medians = [], [list[float]() for _ in times_h]
    for _ in range(RESAMPLES // RESAMPLES_AT_ONCE):
        drawn = random.multinomial(patients, np.full(patients, 1 / patients), size=RESAMPLES_AT_ONCE)
        sums.append(drawn @ table)
        for found, owner, values in zip(medians, owners, flat, strict=True):
            found += [_median(np.repeat(values, times)) for times in drawn[:, owner]]
    return np.concatenate(sums), np.array(medians)


def _median(leads: Floats) -> float:
    return float(np.median(leads)) if len(leads) else float("nan")


def _quantile(leads_h: Sequence[list[float]], q: float) -> float | None:
    every = [lead for of_patient in leads_h for lead in of_patient]
    return float(np.quantile(every, q)) if every else None


def _quartiles(leads_h: Sequence[list[float]]) -> Interval:
    low, high = _quantile(leads_h, 0.25), _quantile(leads_h, 0.75)
    return None if low is None or high is None else (low, high)


def _number(value: Floats) -> float | None:
    return float(value) if np.isfinite(value) else None


def _interval(values: Floats) -> Interval:
    usable = values[np.isfinite(values)]
    if not len(usable):
        return None
    low, high = np.quantile(usable, (0.025, 0.975))
    return float(low), float(high)
