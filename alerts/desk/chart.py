"""Fewer points for a chart, without hiding what departed or was not known. Pure.

Neighbouring windows become one. Its mean is that of all readings in it; it counts as deviating when one of its windows
does, and as unknown when one is unknown or missing: a chart seen from afar may look worse than it was, never better.
"""

import itertools
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.readings import Aside, VitalSummary

GAP_FACTOR = 2.5
"""A distance between windows of more than so many usual distances is a gap (the usual one is the median)."""
WORST_FIRST = ("deviating", "withheld", "unknown", "normal")


@dataclass(frozen=True)
class Window:
    """A VitalSummary with its start in seconds since 1970."""

    start_s: float
    period_s: float
    n: int
    mean: float | None
    min: float | None
    max: float | None
    expected: float | None
    low: float | None
    high: float | None
    state: str
    aside: Aside | None = None


def window(summary: VitalSummary, start_s: float) -> Window:
    return Window(
        start_s,
        summary.period_s,
        summary.n,
        summary.mean,
        summary.min,
        summary.max,
        summary.expected,
        summary.low,
        summary.high,
        summary.state,
        summary.aside,
    )


def emptied(one: Window) -> Window:
    """The same time, of which nothing may be shown."""
    return Window(one.start_s, one.period_s, 0, None, None, None, None, None, None, "withheld")


def gap_s(windows: Sequence[Window], cadence_s: float = 0.0) -> float:
    """From which distance between two starts on something is missing, for windows in order of time.

    cadence_s: how often the vital is usually measured. Two sittings a day make the median step of a blood pressure
    minutes; the night between them is no gap.
    """
    if len(windows) < 2:
        return math.inf
    steps = [after.start_s - before.start_s for before, after in itertools.pairwise(windows)]
    return gap_after(statistics.median(steps), cadence_s, min(one.period_s for one in windows))


def gap_after(usual_s: float, cadence_s: float, shortest_s: float) -> float:
    """The same, of the median step between starts and of the shortest window."""
    return max(GAP_FACTOR * max(usual_s, cadence_s), 1.5 * shortest_s)


def thinned(windows: Sequence[Window], points: int, cadence_s: float = 0.0) -> list[Window]:
    """At most `points` windows in their place, in order of time. Unchanged when there are no more than that."""
    if points < 1:
        raise ValueError("a chart has one point or more")
    if len(windows) <= points:
        return list(windows)
    missing_s = gap_s(windows, cadence_s)
    period_s = min(one.period_s for one in windows)
    width_s = width_of(windows[-1].start_s - windows[0].start_s, period_s, points)
    buckets: dict[int, list[Window]] = {}
    gaps: set[int] = set()
    for before, one in zip([None, *windows[:-1]], windows, strict=True):
        bucket = math.floor((one.start_s - windows[0].start_s) / width_s)
        buckets.setdefault(bucket, []).append(one)
        if before is not None and one.start_s - before.start_s > missing_s:
            gaps |= {bucket, math.floor((before.start_s - windows[0].start_s) / width_s)}
    return [
        _merged(group, windows[0].start_s + bucket * width_s, width_s, bucket in gaps)
        for bucket, group in buckets.items()
    ]


def width_of(span_s: float, shortest_s: float, points: int) -> float:
    """How much time [s] one of so many points holds: a whole number of the shortest windows, so that none is cut."""
    period_s = shortest_s or 1.0
    return max(math.ceil((span_s + 1e-9) / points / period_s + 1e-9), 1) * period_s


def _merged(group: Sequence[Window], start_s: float, width_s: float, gap: bool) -> Window:
    states = {one.state for one in group} | ({"unknown"} if gap else set())
    measured = [one for one in group if one.mean is not None]
    return Window(
        start_s=start_s,
        period_s=width_s,
        n=sum(one.n for one in group),
        mean=_mean([(one.mean, max(one.n, 1)) for one in measured]),
        min=min((one.min for one in group if one.min is not None), default=None),
        max=max((one.max for one in group if one.max is not None), default=None),
        expected=_mean([(one.expected, 1) for one in group]),
        low=_mean([(one.low, 1) for one in group]),
        high=_mean([(one.high, 1) for one in group]),
        state=next(state for state in WORST_FIRST if state in states),
    )


def _mean(weighted: Iterable[tuple[float | None, int]]) -> float | None:
    known = [(value, weight) for value, weight in weighted if value is not None]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else None
