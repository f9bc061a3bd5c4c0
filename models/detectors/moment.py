"""A trend of several vitals that readings make by themselves: told when the last of them arrives.

A heart at 160 and a pressure of 85 are an emergency together as they are measured; waiting for the quarter of an hour
of each to be over, as a trend does, was half an hour. Each vital has a run of readings beyond its limit, as the limits
of conditions have (`condition`), which opens nothing by itself; the trend is opened once all of them last, and none was
measured too long before the others. Whether it goes on, its windows say.
"""

from collections.abc import Iterable

from models.detectors.condition import counts, ends, goes_on
from models.detectors.watched import Change, Watched, opened
from models.rules import Limit, Trend

Value = tuple[int, float, int]
"""A vital (row in VITALS), what was measured of it, and when [us]."""
COMPARED = frozenset({"level", "ratio"})
"""Measures that hold values of several vitals against each other, or each against a limit of its own."""


def beside(one: Watched, rule: Limit | Trend, vital: int) -> tuple[Value, ...]:
    """Of a trend of several vitals: what was measured last of the others."""
    if isinstance(rule, Limit) or not all(part.measure in COMPARED for part in rule.parts):
        return ()
    found = [(v, _latest(one, rule, v)) for v in rule.vitals if v != vital]
    return tuple((v, *known) for v, known in found if known is not None)


def _latest(one: Watched, rule: Trend, vital: int) -> tuple[float, int] | None:
    """The last reading beyond its limit, or the last window, if that came after it."""
    runs = [one.runs[limit.id] for limit in rule.at_once if limit.vital == vital and limit.id in one.runs]
    known = [(o.last_us, o.value) for run in runs for o in run.own.values()]
    known += [(window.at_us, window.value) for window in one.windows.get(vital, ())]
    return (max(known)[1], max(known)[0]) if known else None


def on_reading(
    one: Watched, rules: Iterable[Trend], vital: int, at_us: int, value: float, day: int, *, spot: bool,
    resting: bool, behind_us: int, device: int,
) -> list[Change]:  # fmt: skip
    """A live reading; arguments as of `condition.on_reading`, and the local day."""
    found = list[Change]()
    for rule in rules:
        asked = [limit for limit in rule.at_once if limit.vital == vital and (resting or not limit.rest)]
        lasting = [_lasts(one, limit, at_us, value, spot, behind_us, device) for limit in asked]
        since_us = _all_since_us(one, rule, at_us) if any(lasting) else None
        if since_us is not None:
            found += opened(one, rule, since_us, day)
    return found


def _lasts(
    one: Watched, limit: Limit, at_us: int, value: float, spot: bool, behind_us: int, device: int
) -> bool:  # fmt: skip
    """Whether a reading makes its run long enough. That is remembered as `ok` of the run, which is of no problem."""
    if not counts(one, limit, value, behind_us):
        return False
    if not limit.broken(value):
        ends(one, limit, at_us, device)
        return False
    lasts = goes_on(one, limit, at_us, value, spot, device)
    one.runs[limit.id].ok = int(lasts)
    return lasts


def _all_since_us(one: Watched, rule: Trend, at_us: int) -> int | None:
    """Since when all vitals are beyond their limits, if they are."""
    runs = [one.runs[limit.id] for limit in rule.at_once if limit.id in one.runs]
    near = [run for run in runs if run.ok and any(abs(at_us - o.last_us) <= rule.apart_us for o in run.own.values())]
    return max(run.since_us for run in near) if len(near) == len(rule.at_once) else None
