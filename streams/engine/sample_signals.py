"""What single samples give cause to say: a safety floor crossed, low glucose foretold; each with the patient's band of
that moment.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from alerts.explain import ahead, ahead_title, not_ahead
from models import baseline
from models.detectors import crossings, floors, forecast, habits
from models.detectors.floors import Floors
from models.phrases import phrase
from models.situation import situation
from models.windows import HORIZON_US
from streams.engine.closing import band_at
from streams.engine.foretelling import Foretold
from streams.engine.log import LogSlice
from streams.engine.raw import RawJudgement
from streams.engine.samples import Samples
from streams.engine.signals import REPEAT_GRID_US, Band, Recurrence, Signal, Snapshot
from streams.engine.state import PartitionState
from streams.engine.zones import local_date

OF_A_STREAM = phrase("This limit is for single measurements: what comes as a stream is held against the own band.")
OWN_LEVEL = phrase("This patient's own level lies at this limit, and the measurement is within the own band.")
OF_A_CONDITION = phrase("The rules of a condition of this patient speak in place of this limit.")
"""Why nobody is told of a limit."""
SILENT_CLEAR = 1
"""Lane of late readings: its problems are about the past, so nobody is told that they have passed."""


def crossing_signals(
    state: PartitionState, log: LogSlice, samples: Samples, raw: RawJudgement, snapshots: dict[int, list[Snapshot]]
) -> list[Signal | Recurrence]:
    """The floors' crossings as signals, each with the patient's band of that moment."""
    c, found = raw.crossings, list[Signal | Recurrence]()
    if not len(c.reading):
        return found
    at, newest = samples.at[c.reading], samples.newest[c.reading]
    silent = (c.what == crossings.CLEAR) & (c.lane == SILENT_CLEAR)
    silent |= (c.what == crossings.AGAIN) & (at // REPEAT_GRID_US == newest // REPEAT_GRID_US)
    for k in np.flatnonzero(~silent).tolist():
        whole = partial(_crossing, state, log, samples, raw, k, snapshots)
        found.append(_recurrence(samples, raw, k, whole) if c.what[k] == crossings.AGAIN else whole())
    return found


def _recurrence(samples: Samples, raw: RawJudgement, k: int, whole: Callable[[], Signal]) -> Recurrence:
    i, high = int(raw.crossings.reading[k]), bool(raw.crossings.side[k] == crossings.HIGH)
    return Recurrence(
        position=2 * int(samples.index[i]) + 1, slot=int(samples.slot[i]), vital=int(samples.vital[i]), high=high,
        kind="limit", rank=int(raw.crossings.rank[k]), value=float(samples.value[i]), event_us=int(samples.at[i]),
        whole=whole,
    )  # fmt: skip


def _crossing(
    state: PartitionState,
    log: LogSlice,
    samples: Samples,
    raw: RawJudgement,
    k: int,
    snapshots: dict[int, list[Snapshot]],
) -> Signal:
    c, i = raw.crossings, int(raw.crossings.reading[k])
    vital, slot, position = int(samples.vital[i]), int(samples.slot[i]), 2 * int(samples.index[i]) + 1
    line, rule_slot = int(raw.line[i]), int(c.slot[k])
    at, clock = int(samples.at[i]), int(samples.clock[i])
    raised, eased = bool(c.what[k] != crossings.CLEAR), bool(c.what[k] == crossings.EASED)
    snapshot = _snapshot_at(samples, i, snapshots)
    band = _band(state, samples, i, snapshot)
    quiet = None
    if raised:
        quiet = _usual(snapshot, band, float(samples.value[i]), raw.floors, line, rule_slot)
        quiet = quiet or _spoken_for(state, slot, at, raw.floors, line, rule_slot)
    if eased and quiet:  # what is left of the problem is nothing to be told of
        raised, eased, quiet = False, False, None
    return Signal(
        position=position, slot=slot, vital=vital, high=bool(c.side[k] == crossings.HIGH), raised=raised, kind="limit",
        rank=int(c.rank[k]), rule=raw.floors.rules[line][rule_slot] if raised else None,
        limit=floors.in_words(raw.floors, line, rule_slot) if raised else None, onset_us=int(c.since[k]),
        event_us=at, arrived_us=int(log.arrived_us[samples.index[i]]), decided_us=clock, value=float(samples.value[i]),
        quality=float(samples.quality[i]), band=band, retrospective=bool(clock - at > HORIZON_US[vital]),
        earlier=bool(c.what[k] == crossings.EARLIER), again=bool(c.what[k] == crossings.AGAIN), eased=eased,
        usual=quiet is not None, reason=quiet,
    )  # fmt: skip


def _usual(snapshot: Snapshot, band: Band | None, value: float, book: Floors, line: int, rule_slot: int) -> str | None:
    """Why a limit that advises stays quiet: it is for spot readings and this vital comes as a stream, or the patient's
    own learned level lies there and the reading within the own band. A floor that protects has neither mark, so that
    there is never a reason for it."""
    if book.spot[line, rule_slot] and baseline.in_stream(baseline.take(snapshot.base, np.zeros(1, np.int64)))[0]:
        return OF_A_STREAM
    within, limit = float(book.own_within[line, rule_slot]), float(book.limit[line, rule_slot])
    if band is None or np.isnan(within):
        return None
    beyond = limit - band.expected if rule_slot < floors.SIDES["high"].start else band.expected - limit
    return OWN_LEVEL if beyond >= -within and band.low <= value <= band.high else None


def _spoken_for(state: PartitionState, slot: int, at_us: int, book: Floors, line: int, rule_slot: int) -> str | None:
    """The same of a patient with a condition whose own rules speak in place of this limit."""
    rule, profile = book.rules[line][rule_slot], state.profile(slot)
    instead = habits.spoken_for(rule.id) if rule is not None else frozenset()
    if not instead or profile is None:
        return None
    return OF_A_CONDITION if instead & situation(profile, local_date(state, slot, at_us)).conditions else None


def _snapshot_at(samples: Samples, i: int, snapshots: dict[int, list[Snapshot]]) -> Snapshot:
    """The row's baseline when the sample was judged: after the last window that had closed by then."""
    position = 2 * int(samples.index[i]) + 1
    return [s for s in snapshots[int(samples.row[i])] if s.position <= position][-1]


def _band(state: PartitionState, samples: Samples, i: int, snapshot: Snapshot) -> Band | None:
    """The band at a sample, if it is one."""
    one = slice(i, i + 1)
    band = band_at(state, snapshot, samples.slot[one], samples.vital[one], samples.at[one], samples.value[one])
    return band if band.known else None


def band_of(state: PartitionState, samples: Samples, snapshots: dict[int, list[Snapshot]], i: int) -> Band | None:
    """The patient's band at a sample of a row that was asked for."""
    return _band(state, samples, i, _snapshot_at(samples, i, snapshots))


def forecast_signals(
    state: PartitionState, log: LogSlice, samples: Samples, foretold: Foretold, snapshots: dict[int, list[Snapshot]]
) -> list[Signal]:
    """Low glucose foretold, or no longer, each with the patient's band of that moment."""
    found, low = [], forecast.settings()["low"]
    for i, what, chance in zip(foretold.sample.tolist(), foretold.what.tolist(), foretold.chance.tolist(), strict=True):
        at, position, value = int(samples.at[i]), 2 * int(samples.index[i]) + 1, float(samples.value[i])
        raised = what == forecast.RAISE
        said = ahead(value, at, low, chance) if raised else not_ahead(value, at, low)
        snapshot = _snapshot_at(samples, i, snapshots)
        found.append(
            Signal(
                position=position, slot=int(samples.slot[i]), vital=int(samples.vital[i]), high=False, raised=raised,
                kind="condition", rank=forecast.rank(), rule=forecast.rule(), limit=None, onset_us=at, event_us=at,
                arrived_us=int(log.arrived_us[samples.index[i]]), decided_us=int(samples.clock[i]), value=value,
                quality=float(samples.quality[i]), band=_band(state, samples, i, snapshot), retrospective=False,
                problem=forecast.PROBLEM, title=ahead_title(low), said=said,
            )
        )  # fmt: skip
    return found
