"""Rules of conditions in the step: which patients have any, what is remembered of them, and what the rules say.

Readings and windows are judged together in log order, patient by patient, so that the answer does not depend on how
the log is cut. Readings that are no longer live, and windows gathered again from late ones, are left to the floors and
the record.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from alerts.explain import title
from models import rules
from models.detectors import condition, moment, watched
from models.detectors.days import Window
from models.detectors.watched import Change, Watched
from models.phrases import phrase
from models.rules import Limit, Plan, Trend
from models.segments import Bools, Ints
from models.vitals import VITALS
from models.windows import HORIZON_US
from streams.engine.courses import day_of
from streams.engine.log import LogSlice
from streams.engine.pieces import Pieces
from streams.engine.samples import Samples
from streams.engine.signals import REPEAT_GRID_US, Band, Recurrence, Signal
from streams.engine.state import PartitionState
from streams.engine.zones import local_date

Every = tuple[Limit, ...] | tuple[Trend, ...]
NOT_MEANT = phrase("by the profile, the last rule that saw it is no longer meant for this patient")
"""Why an alert ends of which no reading says that it is over."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """A window, closed in time, of a patient who has rules. at_us, clock_us; day: local; n readings; value: their mean,
    low, high: the lowest and the highest; band; path: of the course on that day."""

    position: int
    slot: int
    vital: int
    at_us: int
    clock_us: int
    day: int
    n: int
    value: float
    low: float
    high: float
    band: Band
    path: float


@cache
def _near() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """By vital: the highest low limit and the lowest high limit of any rule (infinite where there is none), but those
    about oxygen that is given: their limit is where most people live."""
    low, high = np.full(len(VITALS), -np.inf), np.full(len(VITALS), np.inf)
    at_once = (limit for trend in rules.trends() for limit in trend.at_once)
    for rule in (*rules.limits(), *at_once):
        if rule.on_oxygen:
            continue
        if rule.high:
            high[rule.vital] = min(high[rule.vital], rule.limit)
        else:
            low[rule.vital] = max(low[rule.vital], rule.limit)
    return low, high


@cache
def _asked(vitals: frozenset[int]) -> Bools:
    """By vital: whether it is one of these."""
    asked = np.zeros(len(VITALS), bool)
    asked[list(vitals)] = True
    return asked


def candidates(state: PartitionState, samples: Samples) -> Ints:
    """Indices of the samples that the limits of conditions must look at: live ones, of patients who are near a limit in
    this stretch or have something running. The others change nothing."""
    if not len(samples):
        return np.empty(0, np.int64)
    mine = np.flatnonzero(state.rules.concern(state, samples.slot))
    live = samples.clock[mine] - samples.at[mine] <= HORIZON_US[samples.vital[mine]]
    mine = mine[live]
    if not len(mine):
        return mine
    (low, high), vital, value = _near(), samples.vital[mine], samples.value[mine]
    close = (value <= low[vital]) | (value >= high[vital]) | (samples.oxygen[mine] > 0)
    near = np.unique(samples.slot[mine][close]).tolist()
    busy = state.rules.running(np.unique(samples.slot[mine]).tolist())
    return mine[np.isin(samples.slot[mine], np.array([*near, *busy], np.int64))]


def judge(
    state: PartitionState,
    log: LogSlice,
    samples: Samples,
    which: Ints,
    closed: list[Ruled],
    band_of: Callable[[int], Band | None],
) -> Pieces[list[Signal | Recurrence]]:
    """What the rules say of these samples and windows, in log order. band_of: the band at a sample."""
    order: list[tuple[tuple[int, int, int, int, int], Any]] = [
        ((w.position, 0, w.slot, w.at_us, w.vital), w) for w in closed
    ]
    order += [((2 * int(samples.index[i]) + 1, 1, int(i), 0, 0), int(i)) for i in which]
    found = list[Signal | Recurrence]()
    for _, event in sorted(order, key=lambda pair: pair[0]):
        if isinstance(event, Ruled):
            found += _window(state, event)
        else:
            found += _sample(state, log, samples, event, band_of)
        yield
    return found


def _sample(
    state: PartitionState, log: LogSlice, samples: Samples, i: int, band_of: Callable[[int], Band | None]
) -> list[Signal | Recurrence]:
    slot, vital, at, clock = (int(c[i]) for c in (samples.slot, samples.vital, samples.at, samples.clock))
    plan = state.rules.plan(state, slot, clock)
    held, one = plan.limits.get(vital, ()), state.rules.known(slot)
    pairs = [trend for trend in plan.trends.get(vital, ()) if trend.at_once]
    if not held and not pairs and one is None:
        return []
    one, behind = state.rules.of(slot), int(samples.newest[i]) - at
    held += tuple(rule for rule in _going_on(one, plan) if isinstance(rule, Limit) and rule.vital == vital)
    value, resting = float(samples.value[i]), bool(samples.resting[i])
    spot, device = -behind > condition.spot_gap_us(), int(samples.device[i])
    changes = _retired(one, plan, plan.limits, rules.limits()) + condition.on_reading(
        one, held, at, value, spot=spot, resting=resting, behind_us=behind, device=device,
        usual=lambda vital: _usual(state, slot, vital), oxygen=int(samples.oxygen[i]),
    )  # fmt: skip
    if pairs:
        changes += moment.on_reading(
            one, pairs, vital, at, value, day_of(local_date(state, slot, at)), spot=spot, resting=resting,
            behind_us=behind, device=device,
        )  # fmt: skip
    position, arrived = 2 * int(samples.index[i]) + 1, int(log.arrived_us[samples.index[i]])
    times, quality = (position, at, arrived, clock), float(samples.quality[i])

    def told(change: Change) -> Signal:
        return _signal(one, slot, vital, change, times, value, quality, band_of(i))

    skipped = at // REPEAT_GRID_US == int(samples.newest[i]) // REPEAT_GRID_US
    return [
        _recurrence(change, position, slot, vital, value, at, partial(told, change)) if change.again else told(change)
        for change in changes
        if not (change.again and skipped)
    ]


def _recurrence(
    change: Change, position: int, slot: int, vital: int, value: float, at: int, whole: Callable[[], Signal]
) -> Recurrence:
    high = not change.rule.problem.endswith(".low")
    return Recurrence(position, slot, vital, high, "condition", change.rule.rank, value, at, whole)


def _window(state: PartitionState, w: Ruled) -> list[Signal]:
    plan = state.rules.plan(state, w.slot, w.clock_us)
    held, one, remembered = plan.trends.get(w.vital, ()), state.rules.known(w.slot), w.vital in plan.ahead
    if not (held or remembered) and one is None:
        return []
    one = state.rules.of(w.slot)
    changes = _retired(one, plan, plan.trends, rules.trends())
    held += tuple(rule for rule in _going_on(one, plan) if isinstance(rule, Trend) and w.vital in rule.vitals)
    if held or remembered:
        delta = w.value - w.band.expected if w.band.known else float("nan")
        window = Window(w.at_us, w.day, w.value, delta, w.n, w.low, w.high)
        best, since = _usual(state, w.slot, w.vital), _since(state, plan, w)
        changes += condition.on_window(one, held, w.vital, window, best, w.path, since)
    times = w.position, w.at_us, w.clock_us, w.clock_us
    band = w.band if w.band.known else None
    return [_signal(one, w.slot, w.vital, change, times, w.value, float("nan"), band) for change in changes]


def _since(state: PartitionState, plan: Plan, w: Ruled) -> dict[str, int]:
    """The local day on which the course of each trend began."""
    today = day_of(local_date(state, w.slot, w.clock_us))
    return {rule: today - days for rule, days in plan.since.items()}


def _usual(state: PartitionState, slot: int, vital: int) -> float | None:
    profile = state.profile(slot)
    return profile.usual.get(VITALS[vital].name) if profile else None


def _going_on(one: Watched, plan: Plan) -> list[Limit | Trend]:
    """Of the rules whose days are over, those that have opened something."""
    return [rule for rule in plan.passed if rule.id in one.open.get(rule.problem, {})]


def _retired(
    one: Watched, plan: Plan, held: Mapping[int, tuple[Limit, ...]] | Mapping[int, tuple[Trend, ...]], every: Every
) -> list[Change]:
    """Close what is no longer for the patient; limits when a reading is judged, trends when a window is: a stretch of
    the log that is cut elsewhere must not close one earlier."""
    if not one.open:
        return []
    known = {rule.id for group in held.values() for rule in group} | {rule.id for rule in plan.passed}
    return watched.retired(one, known, every)


def _signal(
    one: Watched, slot: int, vital: int, change: Change, times: tuple[int, int, int, int], value: float,
    quality: float, band: Band | None,
) -> Signal:  # fmt: skip
    rule, (position, event_us, arrived_us, decided_us) = change.rule, times
    high = not rule.problem.endswith(".low")
    own = VITALS[vital].name == rule.problem.partition(".")[0]
    said = title(VITALS[vital].name, "high" if high else "low", "limit", rule.title) if own else rule.title
    return Signal(
        position=position, slot=slot, vital=vital, high=high, raised=change.raised, kind="condition",
        rank=rule.rank if change.left is None else change.left, eased=change.left is not None,
        rule=rule.rule if change.raised else None, limit=None, onset_us=change.since_us, event_us=event_us,
        arrived_us=arrived_us, decided_us=decided_us, value=value, quality=quality, band=band, retrospective=False,
        problem=rule.problem, title=said, reason=NOT_MEANT if change.retired else None, again=change.again,
        beside=moment.beside(one, rule, vital) if change.raised else (),
    )  # fmt: skip


def noted(state: PartitionState, slot: Ints, vital: Ints, late: Bools, in_order: Bools, resting: Bools) -> Ints:
    """Indices of the windows that the trends of conditions look at: those that came in time, and later ones that are
    `in_order`: live and the newest of their row. Night figures come in the morning, and a cuff's when the phone is
    opened: left out, every fifth pressure and weight of the simulated would be missing in the mean of a week."""
    asked = resting | _asked(rules.at_any_time())[vital]
    return np.flatnonzero(state.rules.concern(state, slot) & (~late | in_order) & asked)
