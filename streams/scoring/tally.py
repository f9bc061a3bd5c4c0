"""One patient's sums, from which every figure of the scorecard is a ratio."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.segments import Bools, Ints
from models.times import US_PER_DAY, US_PER_S
from streams.scoring.records import Alert, Label, Span, Standing, is_about

HOUR_US = 3600 * US_PER_S
"""Quiet windows begin at every hour of the observation."""

WEEK_US = 7 * US_PER_DAY


@dataclass
class Tally:
    """One patient's sums. `chanced` labels are those that have quiet windows; `unexplained`: alerts outside everything
    that is known to have happened; `_even`: of every other week; `calm`: windows in which nothing should be found."""

    days: float = 0.0
    labels: int = 0
    hits: int = 0
    floor_hits: int = 0
    personal_hits: int = 0
    rule_hits: int = 0
    chanced: int = 0
    chanced_hits: int = 0
    expected: float = 0.0
    standing_hits: int = 0
    standing_expected: float = 0.0
    alerts: int = 0
    floor: int = 0
    personal: int = 0
    rule: int = 0
    inside: int = 0
    unexplained: int = 0
    technical: int = 0
    retrospective: int = 0
    items: int = 0
    technical_labels: int = 0
    technical_hits: int = 0
    calm: int = 0
    calm_broken: int = 0
    calm_expected: float = 0.0
    days_even: float = 0.0
    alerts_even: int = 0
    personal_even: int = 0
    leads_h: list[float] = field(default_factory=list)
    ahead_h: list[float] = field(default_factory=list)

    def row(self) -> list[float]:
        """In the order of SUMS."""
        return [getattr(self, name) for name in SUMS]


SUMS = tuple(name for name in Tally.__dataclass_fields__ if not name.endswith("_h"))


def tally(
    alerts: Sequence[Alert],
    labels: Sequence[Label],
    known: Sequence[Label],
    span: Span,
    items: int = 0,
    stood: Sequence[Standing] = (),
) -> Tally:
    """One patient's sums. known: every label of the patient, also those that are not scored here; items: entries of the
    worklist; stood: when alerts stood open."""
    counted = sorted((alert for alert in alerts if alert.counts), key=lambda alert: alert.at_us)
    found = Tally(days=(span[1] - span[0]) / US_PER_DAY, alerts=len(counted), items=items)
    found.technical = sum(alert.category != "clinical" for alert in alerts)
    found.retrospective = len(alerts) - len(counted) - found.technical
    _count(found, counted, labels, known)
    _halve(found, counted, span)
    for label in labels:
        if label.no_alert:
            _add_calm(found, label, [alert for alert in counted if label.about(alert)], known, span)
        elif label.category != "clinical":
            found.technical_labels += 1
            found.technical_hits += any(label.found_by(alert) for alert in alerts if alert.category == label.category)
        else:
            _add(found, label, [alert for alert in counted if label.about(alert)], known, span)
            _add_standing(found, label, stood, known, span)
    return found


def _count(found: Tally, counted: Sequence[Alert], labels: Sequence[Label], known: Sequence[Label]) -> None:
    """The alerts by the kind of their detector, and by whether something was there to find."""
    found.floor = sum(alert.detector == "floor" for alert in counted)
    found.personal = sum(alert.detector == "personal" for alert in counted)
    found.rule = len(counted) - found.floor - found.personal
    sought = [label for label in labels if label.sought]
    reasons = [label for label in known if label.sought]
    found.inside = sum(any(label.found_by(alert) for label in sought) for alert in counted)
    found.unexplained = sum(not any(label.explains(alert) for label in reasons) for alert in counted)


def _halve(found: Tally, counted: Sequence[Alert], span: Span) -> None:
    """The sums of the even weeks of the observation (the first is even)."""
    weeks, rest = divmod(span[1] - span[0], WEEK_US)
    even_us = (weeks + 1) // 2 * WEEK_US + (rest if weeks % 2 == 0 else 0)
    found.days_even = even_us / US_PER_DAY
    even = [alert for alert in counted if (alert.at_us - span[0]) // WEEK_US % 2 == 0]
    found.alerts_even = len(even)
    found.personal_even = sum(alert.detector == "personal" for alert in even)


def _add(found: Tally, label: Label, about: list[Alert], known: Sequence[Label], span: Span) -> None:
    """A label that clinical alerts should find. about: the alerts about it, by time."""
    hits = [alert for alert in about if label.found_by(alert)]
    found.labels += 1
    if hits:
        found.hits += 1
        for name in ("floor", "personal", "rule"):
            by = any(alert.detector == name for alert in hits)
            setattr(found, f"{name}_hits", getattr(found, f"{name}_hits") + by)
        found.leads_h.append((hits[0].at_us - label.start_us) / HOUR_US)
        if label.event_us is not None:
            found.ahead_h.append((label.event_us - hits[0].at_us) / HOUR_US)
    share = chance(label.end_us - label.start_us, [alert.at_us for alert in about], known, span)
    if share is not None:
        found.chanced += 1
        found.chanced_hits += bool(hits)
        found.expected += share


def _add_calm(found: Tally, label: Label, about: list[Alert], known: Sequence[Label], span: Span) -> None:
    """A window that no alert should break. One of which no quiet window says what is usual is expected to hold."""
    found.calm += 1
    found.calm_broken += any(label.found_by(alert) for alert in about)
    found.calm_expected += chance(label.end_us - label.start_us, [alert.at_us for alert in about], known, span) or 0.0


def _add_standing(found: Tally, label: Label, stood: Sequence[Standing], known: Sequence[Label], span: Span) -> None:
    """The same label, found also by an alert that was open already."""
    about = [one for one in stood if not label.problems or is_about(label.problems, one)]
    if not about:
        return
    found.standing_hits += any(label.stood_at(one) for one in about)
    times = [(one.start_us, one.end_us) for one in sorted(about, key=lambda one: one.start_us)]
    found.standing_expected += held_share(label.end_us - label.start_us, times, known, span) or 0.0


def chance(length_us: int, at_us: Sequence[int], not_quiet: Sequence[Label], span: Span) -> float | None:
    """The share of quiet windows of this length that hold an alert; None if there is no quiet window.

    at_us: times of the alerts, sorted. Windows begin every hour from the start of the span, end within it, include
    both ends and touch no label (nor the time after it that it explains). Exact: every start is looked at.
    """
    return held_share(length_us, [(at, at) for at in at_us], not_quiet, span)


def held_share(
    length_us: int, stood: Sequence[tuple[int, int]], not_quiet: Sequence[Label], span: Span
) -> float | None:
    """As `chance`, of alerts that stand open from a first to a last time; sorted by the first."""
    starts = np.arange(span[0], span[1] - length_us + 1, HOUR_US, dtype=np.int64)
    known = sorted((label.start_us, label.until_us) for label in not_quiet)
    quiet = starts[~_touch(starts, length_us, known)]
    return float(_touch(quiet, length_us, stood).mean()) if len(quiet) else None


def _touch(starts: Ints, length_us: int, spans: Sequence[tuple[int, int]]) -> Bools:
    """Whether each window of this length touches one of the spans, (n,): of all that begin before its end, the one that
    lasts longest does, or none. starts: (n,); spans: first and last instant, both included, sorted."""
    if not len(spans):
        return np.zeros(len(starts), bool)
    first, last = np.array(spans, dtype=np.int64).T
    begun = np.searchsorted(first, starts + length_us, side="right")
    latest = np.concatenate([[np.iinfo(np.int64).min], np.maximum.accumulate(last)])
    return np.asarray(latest[begun] >= starts)
