"""One rule against another on the same data: what each finds, at what burden, and what it would find at the other's.

A published rule has a limit that can be moved. So it is also asked how much it finds at the strictest limit that still
gives no more alerts than homebeat, and how few alerts it gives at the strictest limit that still finds as much. The
limit is chosen on the very data that are scored, to the advantage of the published rule.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from streams.scoring.card import MONTH_DAYS
from streams.scoring.records import Alert, Label, Span
from streams.scoring.tally import SUMS, Tally, tally

Half = Literal["tune", "hold"]


@dataclass(frozen=True)
class Point:
    """A rule at one limit: hits, of them beyond chance, and alerts a person-month."""

    limit: float
    hits: int
    excess: float
    alerts_per_person_month: float


def sums(alerts: Iterable[Alert], labels: Sequence[Label], of: Mapping[str, Span]) -> dict[str, float]:
    """The summed tallies (streams.scoring.tally.SUMS) of all patients who were observed."""
    mine: dict[str, tuple[list[Alert], list[Label]]] = {patient: ([], []) for patient in of}
    for alert in alerts:
        if alert.patient in mine:
            mine[alert.patient][0].append(alert)
    for label in labels:
        if label.patient in mine:
            mine[label.patient][1].append(label)
    found = [tally(given, known, known, of[patient]) for patient, (given, known) in mine.items()]
    rows = [one.row() for one in found] or [Tally().row()]
    return dict(zip(SUMS, map(sum, zip(*rows, strict=True)), strict=True))


def point(limit: float, alerts: Iterable[Alert], labels: Sequence[Label], of: Mapping[str, Span]) -> Point:
    """What a rule does at one limit."""
    total = sums(alerts, labels, of)
    rate = MONTH_DAYS * total["alerts"] / total["days"] if total["days"] else 0.0
    return Point(limit, int(total["hits"]), total["chanced_hits"] - total["expected"], rate)


def at_equal_alerts(points: Iterable[Point], alerts_per_person_month: float) -> Point | None:
    """The most that is found at no more alerts than these; None if every limit gives more."""
    fit = [one for one in points if one.alerts_per_person_month <= alerts_per_person_month]
    return max(fit, key=lambda one: (one.hits, -one.alerts_per_person_month), default=None)


def at_equal_finding(points: Iterable[Point], hits: int) -> Point | None:
    """The fewest alerts at which as much is found; None if no limit finds as much."""
    fit = [one for one in points if one.hits >= hits]
    return min(fit, key=lambda one: one.alerts_per_person_month, default=None)


def of_half(patient: str, half: Half | None) -> bool:
    """Whether a patient belongs to this half of all patients: told by the id alone, so that no patient is ever in both.

    Whatever is tuned is tuned on `tune` and reported on `hold`.
    """
    if half is None:
        return True
    return (hashlib.sha256(patient.encode()).digest()[0] % 2 == 0) == (half == "tune")
