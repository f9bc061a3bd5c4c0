"""How well alerts found what truly happened, against chance, and at what burden.

Sensitivity alone flatters: whoever alerts often hits by chance. So each label is also held against the quiet windows
of the same patient and the same length, and what a rule finds is the excess over these. Patients, not alerts, are
independent: intervals come from resampling patients (evidence/alarm_burden.md, section 7).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.times import US_PER_DAY, US_PER_S
from streams.scoring.records import Alert, Label, Span

HOUR_US = 3600 * US_PER_S
"""Quiet windows begin at every hour of the observation."""

MONTH_DAYS = 30.0
"""A person-month."""

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
    first alert [h], of the labels that were found.
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
    excess: Figure
    ppv: Figure
    alerts_per_patient_day: Figure
    alerts_per_person_month: Figure
    technical_alerts_per_person_month: Figure
    lead_time_h: Figure
    lead_time_h_quartiles: Interval


SUMS = (
    "days", "labels", "hits", "chanced", "chanced_hits", "expected", "alerts", "inside", "technical", "retrospective"
)  # fmt: skip


@dataclass
class Tally:
    """One patient's sums, from which every figure is a ratio. `chanced` labels are those that have quiet windows."""

    days: float = 0.0
    labels: int = 0
    hits: int = 0
    chanced: int = 0
    chanced_hits: int = 0
    expected: float = 0.0
    alerts: int = 0
    inside: int = 0
    technical: int = 0
    retrospective: int = 0
    leads_h: list[float] = field(default_factory=list)

    def row(self) -> list[float]:
        """In the order of SUMS."""
        return [getattr(self, name) for name in SUMS]


def tally(alerts: Sequence[Alert], labels: Sequence[Label], not_quiet: Sequence[Label], span: Span) -> Tally:
    """One patient's sums. not_quiet: every label of the patient, also those that are not scored here."""
    counted = sorted((alert for alert in alerts if alert.counts), key=lambda alert: alert.at_us)
    found = Tally(days=(span[1] - span[0]) / US_PER_DAY, labels=len(labels), alerts=len(counted))
    found.technical = sum(alert.category != "clinical" for alert in alerts)
    found.retrospective = len(alerts) - len(counted) - found.technical
    found.inside = sum(any(label.found_by(alert) for label in labels) for alert in counted)
    for label in labels:
        _add(found, label, [alert for alert in counted if label.about(alert)], not_quiet, span)
    return found


def _add(found: Tally, label: Label, about: list[Alert], not_quiet: Sequence[Label], span: Span) -> None:
    hit = next((alert.at_us for alert in about if label.found_by(alert)), None)
    if hit is not None:
        found.hits += 1
        found.leads_h.append((hit - label.start_us) / HOUR_US)
    share = chance(label.end_us - label.start_us, [alert.at_us for alert in about], not_quiet, span)
    if share is not None:
        found.chanced += 1
        found.chanced_hits += hit is not None
        found.expected += share


def chance(length_us: int, at_us: Sequence[int], not_quiet: Sequence[Label], span: Span) -> float | None:
    """The share of quiet windows of this length that hold an alert; None if there is no quiet window.

    at_us: times of the alerts, sorted. Windows begin every hour from the start of the span, end within it, include
    both ends and touch no label. Exact: every start is looked at.
    """
    starts = np.arange(span[0], span[1] - length_us + 1, HOUR_US, dtype=np.int64)
    for label in not_quiet:
        starts = starts[(starts > label.end_us) | (starts + length_us < label.start_us)]
    if not len(starts):
        return None
    times = np.asarray(at_us, dtype=np.int64)
    held = np.searchsorted(times, starts + length_us, side="right") > np.searchsorted(times, starts, side="left")
    return float(held.mean())


def scorecard(tallies: Sequence[Tally], seed: int) -> Scorecard:
    """The figures of these patients, with 95 % intervals from RESAMPLES resamples of whole patients."""
    table = np.array([found.row() for found in tallies], dtype=np.float64).reshape(len(tallies), len(SUMS))
    whole = dict(zip(SUMS, table.sum(axis=0), strict=True))
    leads_h = [found.leads_h for found in tallies]
    resampled, medians = _resampled(table, leads_h, seed)
    figures = _figures(whole, dict(zip(SUMS, resampled.T, strict=True)))
    return Scorecard(
        patients=len(tallies),
        patient_days=float(whole["days"]),
        labels=int(whole["labels"]),
        hits=int(whole["hits"]),
        labels_without_quiet_window=int(whole["labels"] - whole["chanced"]),
        alerts=int(whole["alerts"]),
        technical_alerts=int(whole["technical"]),
        retrospective_alerts=int(whole["retrospective"]),
        sensitivity=figures["sensitivity"],
        expected_by_chance=figures["expected_by_chance"],
        excess=figures["excess"],
        ppv=figures["ppv"],
        alerts_per_patient_day=figures["alerts_per_patient_day"],
        alerts_per_person_month=figures["alerts_per_person_month"],
        technical_alerts_per_person_month=figures["technical_alerts_per_person_month"],
        lead_time_h=Figure(_quantile(leads_h, 0.5), _interval(medians)),
        lead_time_h_quartiles=_quartiles(leads_h),
    )


RATIOS: dict[str, Callable[[Sums], Floats]] = {
    "sensitivity": lambda s: s["hits"] / s["labels"],
    "expected_by_chance": lambda s: np.where(s["chanced"] > 0, s["expected"], np.nan),
    "excess": lambda s: np.where(s["chanced"] > 0, s["chanced_hits"] - s["expected"], np.nan),
    "ppv": lambda s: s["inside"] / s["alerts"],
    "alerts_per_patient_day": lambda s: s["alerts"] / s["days"],
    "alerts_per_person_month": lambda s: MONTH_DAYS * s["alerts"] / s["days"],
    "technical_alerts_per_person_month": lambda s: MONTH_DAYS * s["technical"] / s["days"],
}


def _figures(whole: Sums, resampled: Sums) -> dict[str, Figure]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return {name: Figure(_number(of(whole)), _interval(of(resampled))) for name, of in RATIOS.items()}


def _resampled(table: Floats, leads_h: Sequence[list[float]], seed: int) -> tuple[Floats, Floats]:
    """Sums (RESAMPLES, SUMS) and median lead times (RESAMPLES,) of patients drawn with replacement.

    A single patient says nothing about others: no resamples, so no interval.
    """
    patients = len(table)
    if patients < 2:
        return np.empty((0, len(SUMS))), np.empty(0)
    random = np.random.default_rng(seed)
    owner = np.repeat(np.arange(patients), [len(of_patient) for of_patient in leads_h])
    leads = np.array([lead for of_patient in leads_h for lead in of_patient])
    sums, medians = [], []
    for _ in range(RESAMPLES // RESAMPLES_AT_ONCE):
        drawn = random.multinomial(patients, np.full(patients, 1 / patients), size=RESAMPLES_AT_ONCE)
        sums.append(drawn @ table)
        medians += [_median(np.repeat(leads, times)) for times in drawn[:, owner]]
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
