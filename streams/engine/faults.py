"""Sensor faults in the step: which samples are at fault, and what is told of their devices.

Rows in which nothing is odd cost a few passes over arrays; the others are gone through (`models.detectors.sensor`). A
device with faults in several vitals has one alert, from the first to the last of them.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from alerts import technical
from alerts.raised import RETURNED
from models.detectors import sensor
from models.detectors.sensor import HEART_RATE, Fault, Readings, Told, Watch
from models.segments import Bools, Ints, lasts, previous, running_max, segments_of
from models.times import US_PER_S
from models.vitals import VITALS
from models.windows import HORIZON_US
from streams.engine.intake import Accepted
from streams.engine.samples import STEPS, Samples
from streams.engine.signals import Notice
from streams.engine.silences import told_again
from streams.engine.state import PartitionState
from streams.engine.watching import called

Floats = npt.NDArray[np.float64]
STEP_S = (30, 90)
"""Between two counts of steps that are a rate: a count of a quarter of an hour says nothing about a minute."""
STREAMED = np.array([vital.window_s <= 900 for vital in VITALS])
"""Vitals of which a window holds many samples."""


@dataclass(frozen=True, slots=True)
class Event:
    """People must know of a sample's device, or need not any more. late: it was so in the past, for the record; lasts:
    they knew, and a person has ended the alert."""

    sample: int
    raised: bool
    late: bool
    kind: Fault
    since_s: int
    device: int
    lasts: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """faulty (n,): the sample is at fault; value (n,): as it is gathered, a spike in a stream as the value before it;
    notices: about devices."""

    faulty: Bools
    value: Floats
    notices: list[Notice] = field(default_factory=list)

    def gathered(self, samples: Samples) -> Samples:
        """The samples as windows take them."""
        return replace(samples, value=self.value) if self.faulty.any() else samples


def judge(state: PartitionState, accepted: Accepted, samples: Samples) -> Judged:
    """Judge samples by what their rows remember, each row's in log order."""
    out = Judged(np.zeros(len(samples), bool), samples.value)
    state.sensors.reach(len(state.rows))
    steps = _steps(state, samples)
    watched = np.flatnonzero(sensor.watched()[samples.vital])
    if not len(watched):
        return out
    order = watched[np.argsort(samples.row[watched], kind="stable")]
    one = _readings(samples, order, steps)
    rows, begin, left = sensor.quiet(state.sensors.table, one)
    odd = np.flatnonzero(left)
    if not len(odd):
        return out
    before = state.sensors.told(_of_patients(state, rows[odd]))
    out, events = replace(out, value=samples.value.copy()), list[Event]()
    ends = np.append(begin[1:], len(order))
    for k in odd.tolist():
        events += _gone_through(state, samples, one, order, range(int(begin[k]), int(ends[k])), out)
    out.notices.extend(_notices(state, accepted, samples, sorted(events, key=lambda e: e.sample), before))
    return out


def _of_patients(state: PartitionState, rows: Ints) -> Ints:
    """All rows of the patients of these rows."""
    every = state.row_of[np.unique(state.rows["slot"][rows])]
    found: Ints = every[every >= 0].astype(np.int64)
    return found


def _readings(samples: Samples, order: Ints, steps: Floats | None) -> Readings:
    at_s, value = samples.at[order] // US_PER_S, samples.value[order].astype(np.float32).astype(np.float64)
    device, resting = samples.device[order], samples.resting[order]
    rate = None if steps is None else steps[order]
    return Readings(samples.row[order], samples.vital[order], at_s, value, device, resting, rate)


def _steps(state: PartitionState, samples: Samples) -> Floats | None:
    """The rate of steps that goes with each heart rate of somebody who moves, (n,) [/min]: by the latest count before
    it in the log; NaN if there is none, None if nobody moves. Notes the rates of this stretch for the next."""
    c = sensor.cadence()
    counted = np.flatnonzero(samples.vital == STEPS)
    moving = np.flatnonzero((samples.vital == HEART_RATE) & ~samples.resting & (samples.value >= c.least - c.within))
    if not len(counted) + len(moving):
        return None
    steps = np.full(len(samples), np.nan)
    key, at_s, rate = _rates(state, samples, counted[np.argsort(samples.row[counted], kind="stable")])
    slot, row = samples.slot[moving], state.row_of[samples.slot[moving], STEPS].astype(np.int64)
    known, table = row >= 0, state.sensors.table
    if len(moving):
        found = np.searchsorted(key, slot * len(samples) + moving) - 1
        here = (found >= 0) & (key[found] // len(samples) == slot) if len(key) else np.zeros(len(moving), bool)
        then_s, then = _earlier(table, row, known)
        if len(key):
            then_s, then = np.where(here, at_s[found], then_s), np.where(here, rate[found], then)
        fresh = np.abs(samples.at[moving] // US_PER_S - then_s) <= c.fresh_s
        steps[moving] = np.where(fresh & (then >= c.least), then, np.nan)
    _keep(state, samples, key, at_s, rate)
    return steps


def _earlier(table: npt.NDArray[np.void], row: Ints, known: Bools) -> tuple[Ints, Floats]:
    """Time and rate of the steps of before."""
    one = table[np.where(known, row, 0)]
    return np.where(known, one["at_s"], 0).astype(np.int64), np.where(known, one["value"], np.nan)


def _rates(state: PartitionState, samples: Samples, order: Ints) -> tuple[Ints, Ints, Floats]:
    """Counts of steps that are newer than those before, by patient and place: key (slot and place), time [s], rate."""
    rows, segment = segments_of(samples.row[order])
    at_s, table = samples.at[order] // US_PER_S, state.sensors.table
    latest_s = table["at_s"][rows].astype(np.int64)
    before_s = previous(segment, running_max(segment, at_s, latest_s), latest_s)
    passed_s, newer = at_s - before_s, at_s > before_s
    timed = newer & (passed_s >= STEP_S[0]) & (passed_s <= STEP_S[1])
    rate = np.where(timed, samples.value[order] * 60 / np.maximum(passed_s, 1), np.nan)
    key, newest = samples.slot[order] * len(samples) + order, np.flatnonzero(newer)
    newest = newest[np.argsort(key[newest], kind="stable")]
    return key[newest], at_s[newest], rate[newest]


def _keep(state: PartitionState, samples: Samples, key: Ints, at_s: Ints, rate: Floats) -> None:
    """The latest rate of each patient, in the row of the steps."""
    if not len(key):
        return
    last = lasts(key // len(samples))
    row, table = state.row_of[key[last] // len(samples), STEPS], state.sensors.table
    table["at_s"][row], table["value"][row], table["n"][row] = at_s[last], rate[last], 1


def _gone_through(
    state: PartitionState, samples: Samples, one: Readings, order: Ints, places: range, out: Judged
) -> list[Event]:
    """The readings of one row, one by one."""
    row, vital = int(one.row[places[0]]), int(one.vital[places[0]])
    table, watches, events = state.sensors.table, state.sensors.watch, list[Event]()
    watch = Watch.of_row(vital, table[row], watches.get(row))
    part = slice(places.start, places.stop)
    steps = np.full(len(order), np.nan) if one.steps is None else one.steps
    columns = [c[part] for c in (one.at_s, one.value, one.device, one.resting, steps)]
    columns.append(samples.clock[order[part]] - samples.at[order[part]] > HORIZON_US[vital])
    for i, figures in zip(order[part].tolist(), zip(*(c.tolist() for c in columns), strict=True), strict=True):
        before = watch.device
        fault, told = watch.take(*figures)
        if told is not None:
            device = watch.device if told else before
            events.append(Event(i, told, told and watch.told == Told.PAST, fault, watch.bad_s, device))
        elif fault and watch.told == Told.LIVE and not figures[-1] and _ended(state, samples, i):
            events.append(Event(i, True, False, fault, watch.bad_s, watch.device, lasts=True))
        out.faulty[i] = fault > 0
        if fault is Fault.JUMP and STREAMED[vital]:
            out.value[i] = watch.good
    table[row] = watch.state()
    if watch.busy:
        watches[row] = np.array([watch.watch()], sensor.WATCH)[0]
    else:
        watches.pop(row, None)
    return events


def _ended(state: PartitionState, samples: Samples, i: int) -> bool:
    """Whether people hear again of the fault that this sample shows."""
    slot = int(samples.slot[i])
    name = state.person(slot).devices.get(int(samples.device[i]))
    return name is not None and told_again(state, slot, f"sensor.{called(name)}", name, int(samples.clock[i]))


def _notices(
    state: PartitionState, accepted: Accepted, samples: Samples, events: list[Event], before: dict[int, int]
) -> list[Notice]:
    """What is new about devices, in log order. before: rows of which people knew, and their devices. What was in the
    past is noted as often as a vital of the device is concerned: it wakes nobody, and one episode holds all of it."""
    known, names = set(before.items()), dict[int, str]()
    if events:
        names = {int(device): one.device or "" for device, one in zip(accepted.device, accepted.readings, strict=True)}
    found = list[Notice]()
    for event in events:
        row, slot = int(samples.row[event.sample]), int(samples.slot[event.sample])
        mine = {pair for pair in known if pair[1] == event.device and int(state.rows["slot"][pair[0]]) == slot}
        if event.raised and not event.late:
            known.add((row, event.device))
        elif not event.raised:
            known.discard((row, event.device))
        anew = event.late or event.lasts or not mine
        if (event.raised and anew) or (not event.raised and mine == {(row, event.device)}):
            name = names.get(event.device) or state.person(slot).devices.get(event.device, "")
            found.append(_notice(samples, event, name))
    return found


def _notice(samples: Samples, event: Event, device: str) -> Notice:
    i, since_us = event.sample, event.since_s * US_PER_S
    vital, clock = int(samples.vital[i]), int(samples.clock[i])
    said = technical.sensor_fault(device, VITALS[vital].name, event.kind.name, since_us) if event.raised else None
    return Notice(
        position=2 * int(samples.index[i]) + 1, slot=int(samples.slot[i]), vital=vital, raised=event.raised,
        kind="sensor", problem=f"sensor.{called(device)}", vitals=[vital], rank=sensor.rank(), rule=sensor.rule(),
        onset_us=since_us if event.raised else clock, decided_us=clock, title=technical.sensor_title(device), said=said,
        reason=_reason(event), retrospective=event.late, lasts=event.lasts,
    )  # fmt: skip


def _reason(event: Event) -> str:
    if not event.raised:
        return technical.SENSOR_RIGHT_AGAIN
    return technical.LASTS if event.lasts else RETURNED
