"""Windows that close: what was expected, whether it deviates, and what is learned from it."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from alerts.explain import withheld_here
from models import baseline, budget_acute, windows
from models.detectors import deviation, sensor
from models.detectors.crossings import RAISE
from models.readings import VitalSummary
from models.segments import Bools, Ints, rounds
from models.times import US_PER_DAY, rfc3339
from models.vitals import VITALS
from streams.engine import conditions, outside, pieces, relearning
from streams.engine.courses import local_day
from streams.engine.gathering import Closed
from streams.engine.late import Past
from streams.engine.pieces import Pieces
from streams.engine.rows import prior_of
from streams.engine.samples import STEPS
from streams.engine.scales import band_from_working, from_working, shown, to_working
from streams.engine.signals import Band, Signal, Snapshot
from streams.engine.state import PartitionState
from streams.engine.weeks import Gathered, Judged, rhythm_of, spread_of
from streams.engine.zones import local_offset_us

Floats = npt.NDArray[np.float64]

Word = Literal["normal", "deviating", "unknown", "withheld"]
Place = tuple[int, int, int, int]
"""Position, slot, vital, start: the order in which summaries are told."""

LEARN_LATE_N = 3
"""A late window of a streamed vital teaches the baseline only if it holds a few samples: late single readings would
outweigh the windows of fifteen that came in time."""


@dataclass(slots=True)
class Closings:
    """What closing windows brings: summaries with positions if wanted, signals, snapshots of the rows asked for, the
    windows that rules of conditions look at, the weeks that were judged, and what came to be outside its band or left
    off."""

    wanted: bool
    summaries: list[tuple[Place, VitalSummary]] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    snapshots: dict[int, list[Snapshot]] = field(default_factory=dict)
    ruled: list[conditions.Ruled] = field(default_factory=list)
    weeks: list[Judged] = field(default_factory=list)
    moves: list[outside.Moves] = field(default_factory=list)


def close(state: PartitionState, closed: Closed, watched: Ints, summaries: bool) -> Pieces[Closings]:
    """Judge and learn, window by window in each row. watched: rows whose baselines are wanted at every position."""
    out = Closings(wanted=summaries)
    for row in watched:
        out.snapshots[int(row)] = [_snapshot(state, int(row), -1)]
    if not len(closed.row):
        return out
    state.weeks.reach(len(state.rows), len(state.patients))
    turns = rounds(closed.row)
    closed = closed.take(np.concatenate(turns)) if len(turns) > 1 else closed
    begin = 0
    for index in turns:
        end = begin + len(index)
        for first in range(begin, end, pieces.ROWS_AT_ONCE):
            _close_round(state, closed.part(first, min(first + pieces.ROWS_AT_ONCE, end)), out)
            yield
        begin = end
    return out


def _snapshot(state: PartitionState, row: int, position: int) -> Snapshot:
    one = state.rows[row : row + 1]
    return Snapshot(position, one["base"].copy(), prior_of(one["prior"]))


@dataclass(frozen=True, slots=True)
class _Round:
    """One window of each of some rows, (n,), and what was expected of them. y, z: on the working scale; newer: than all
    that the row has learned from; quarter: of the local day; resting: at rest; full: holds enough to teach; spoilt: by
    a sensor's fault; unjudged: a condition makes it meaningless; spared: a declared illness teaches it nothing; before:
    local day of the row's window before."""

    one: Closed
    vital: Ints
    slot: Ints
    prior: baseline.Prior
    base: baseline.Rows
    newer: Bools
    ended: Bools
    line: Ints
    day: Ints
    quarter: Ints
    y: Floats
    passing: baseline.Passing
    predicted: baseline.Prediction
    z: Floats
    resting: Bools
    full: Bools
    spoilt: Bools
    unjudged: Bools
    spared: Bools
    before: Ints


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a round says, (n,). judged: could be; usable: for what is told now, or of the past; is_open: a deviation
    stands; beyond: outside the band, and told of; moved: places whose standing outside their bands may change; past: of
    windows too old to page, if there are any."""

    judged: Bools
    usable: Bools
    is_open: Bools
    beyond: Bools
    moved: Ints
    changes: deviation.Changes
    past: Past | None


def _close_round(state: PartitionState, one: Closed, out: Closings) -> None:
    """One window of each of these rows: predict, judge, learn, tell."""
    r = _predicted(state, one)
    verdict = _judged(state, r)
    _learn(state, r, verdict, out)
    _say(state, r, verdict, out)
    for row, position in zip(one.row.tolist(), one.position.tolist(), strict=True):
        if row in out.snapshots:
            out.snapshots[row].append(_snapshot(state, row, position))


def _predicted(state: PartitionState, one: Closed) -> _Round:
    row = one.row
    vital, slot = state.rows["vital"][row].astype(np.int64), state.rows["slot"][row].astype(np.int64)
    offset = local_offset_us(state, slot, one.start)
    day, quarter = local_day(one.start, offset), baseline.slot_of_day(one.start, offset)
    relearning.pass_turns(state, row, slot, vital, day, offset)
    prior, base = prior_of(state.rows["prior"][row]), baseline.take(state.rows["base"], row)
    newer, line = one.start > base.last_at, baseline.line_of(base, vital)
    ended, before = newer & baseline.ends_stream(base, one.start), local_day(base.last_at, offset)
    y = to_working(one.mean, vital)
    passing = state.courses.passing(state, slot, vital, day)
    predicted = baseline.predict(base, prior, one.start, quarter, y, line, passing)
    unjudged = state.unjudged.on(state, slot, vital, day)
    predicted = replace(predicted, known=predicted.known & ~unjudged)
    z = (y - predicted.mean) / predicted.sd
    resting = (2 * one.active <= one.n) | (vital == STEPS)  # steps are activity: taken at rest alone, none would count
    full = (one.n >= LEARN_LATE_N) | (baseline.settings().learn_from[line] == 1)
    spoilt = sensor.is_unknown(one.n, one.faulty)
    return _Round(
        one, vital, slot, prior, base, newer, ended, line, day, quarter, y, passing, predicted, z, resting, full,
        spoilt, unjudged, baseline.spared(base, passing, day, offset), before,
    )  # fmt: skip


def _judged(state: PartitionState, r: _Round) -> _Verdict:
    """Whether the windows deviate: those that may page by what is live, older ones in a lane of their own."""
    one, line, z = r.one, r.line, r.z
    judged = r.resting & ~r.spoilt & r.predicted.known & (~one.late | r.full)
    usable = judged & (~one.late | r.newer) & one.live
    per_month, more = state.policy.advisories_per_month, budget_acute.further(r.vital, z)
    changes = deviation.watch(state.rows["deviation"], one.row, line, z, one.start, usable, per_month, more)
    is_open = state.rows["deviation"]["open"][one.row] > 0
    told_of = deviation.settings().judged[r.vital]  # a few steps more in a quarter of an hour say nothing of a patient
    beyond = usable & told_of & (np.abs(z) >= deviation.settings().z_on[line])
    moved = outside.concerned(state.rows["outside"], one.row, beyond, usable | (r.spoilt & r.newer))
    past = _past(state, one, line, z, judged) if not one.live.all() else None
    if past is not None:
        usable, is_open = usable | (judged & ~one.live), is_open | past.is_open
    return _Verdict(judged, usable, is_open, beyond, moved, changes, past)


def _learn(state: PartitionState, r: _Round, verdict: _Verdict, out: Closings) -> None:
    """Learn from what is well, and from all while nothing is known.

    Frozen while a problem is open or an illness declared: it must not become the normal. A drift is open for days after
    it is over: what lies on its other side is learned, or the band would stand still, and grow, while the patient is
    well again.
    """
    one, row, z = r.one, r.one.row, r.z
    frozen = verdict.is_open | r.spared
    wrong = frozen | state.weeks.drifts(row, z)
    calm = ~wrong & (one.broken == 0)
    fit = r.resting & ~r.spoilt & ~r.unjudged & (~one.late | (r.newer & r.full))
    learns = fit & (calm | ~r.predicted.known)
    deviation.learn(state.rows["deviation"], row, r.line, z, r.base.n, verdict.judged & r.newer & one.live, calm)
    state.weeks.nights_end(row[r.ended], r.day[r.ended])
    rhythm = rhythm_of(r.prior, r.quarter, r.passing.mean)
    out.weeks += state.weeks.gather(
        Gathered(
            one.position, one.clock, r.slot, row, r.vital, one.start, r.day, r.quarter, r.y, rhythm,
            spread_of(r.prior), baseline.in_stream(r.base), fit, one.live & (~one.late | r.newer), frozen,
            one.rated, r.before,
        )
    )  # fmt: skip
    baseline.unlearn(r.base, r.quarter, wrong & r.predicted.known)
    baseline.learn(r.base, r.prior, r.predicted, r.quarter, r.y, one.start, r.line, learns)
    _put(state, row, r.base, ~one.late | r.newer)


def _say(state: PartitionState, r: _Round, verdict: _Verdict, out: Closings) -> None:
    """What others ask of the windows, once they are learned from: bands are made only if somebody does."""
    one, vital, slot = r.one, r.vital, r.slot
    changes, past, moved = verdict.changes, verdict.past, verdict.moved
    noted = conditions.noted(state, slot, vital, one.late, one.live & r.newer & r.full, r.resting)
    if not (out.wanted or len(changes.index) or past is not None or len(noted) or len(moved)):
        return
    bands = _Bands(r.predicted, r.prior, r.base, vital, r.line, r.z)
    out.signals += [_signal(one, vital, slot, bands, changes, k, int(i)) for k, i in enumerate(changes.index)]
    out.signals += _signals_of_past(one, vital, slot, bands, past) if past is not None else []
    path = np.broadcast_to(r.passing.mean, len(one.row))
    out.ruled += [_ruled(one, vital, slot, r.day, bands, path, int(i)) for i in noted]
    out.moves += [_moved(state, one.take(moved), bands, moved, verdict.beyond[moved])] if len(moved) else []
    if out.wanted:
        _tell(state, r, bands, verdict, out)


def _ruled(one: Closed, vital: Ints, slot: Ints, day: Ints, bands: "_Bands", path: Floats, i: int) -> conditions.Ruled:
    """A window for the rules of conditions."""
    return conditions.Ruled(
        int(one.position[i]), int(slot[i]), int(vital[i]), int(one.start[i]), int(one.clock[i]), int(day[i]),
        int(one.n[i]), float(one.mean[i]), float(one.low[i]), float(one.high[i]), bands.one(i), float(path[i]),
    )  # fmt: skip


def _moved(state: PartitionState, one: Closed, bands: "_Bands", which: Ints, beyond: Bools) -> outside.Moves:
    """Keep how the vitals of these windows stand from now on. which: their places in the round."""
    now = np.zeros(len(one.row), outside.STATE)
    now["row"], now["at"], now["value"] = one.row, one.start, one.mean
    now["expected"], now["low"], now["high"] = (b[which] for b in (bands.expected, bands.low, bands.high))
    now["days"], now["own"] = bands.days[which], bands.own[which]
    now["score"] = np.where(beyond, bands.z[which], 0.0)
    before = outside.note(state.rows["outside"], state.outside, now)
    return outside.Moves(one.row, one.position, one.clock, before)


def _put(state: PartitionState, row: Ints, base: baseline.Rows, moves: Bools) -> None:
    """Keep what was learned. A window older than what is known was held against the band, and leaves no trace in it."""
    if moves.all():
        baseline.put(state.rows["base"], row, base)
        return
    as_it_was = state.rows["base"][row[~moves]]
    baseline.put(state.rows["base"], row, base)
    state.rows["base"][row[~moves]] = as_it_was


def _past(state: PartitionState, one: Closed, line: Ints, z: Floats, judged: Bools) -> Past:
    """Windows too old to page, judged in a lane of their own: what is live is not touched by the past."""
    old = np.flatnonzero(~one.live)
    per_month = state.policy.advisories_per_month
    found = state.late.judge(one.row[old], line[old], z[old], one.start[old], judged[old], per_month)
    is_open, since = np.zeros(len(one.row), bool), np.zeros(len(one.row), np.int64)
    is_open[old], since[old] = found.is_open, found.since
    changes = replace(found.changes, index=old[found.changes.index])
    return Past(changes, is_open, old[found.earlier], since)


def _signals_of_past(one: Closed, vital: Ints, slot: Ints, bands: "_Bands", past: Past) -> list[Signal]:
    """What the past has to say: that something was wrong, and that it began earlier. Not that it has passed."""
    signals = [_signal(one, vital, slot, bands, past.changes, k, int(i)) for k, i in enumerate(past.changes.index)]
    found = [replace(signal, retrospective=True) for signal in signals if signal.raised and not signal.eased]
    if len(past.earlier):
        n = len(past.earlier)
        raised, sign = np.full(n, RAISE), np.where(bands.z[past.earlier] >= 0, 1, -1)
        moved = deviation.Changes(
            past.earlier, raised, sign, np.zeros(n, np.int64), past.since[past.earlier], np.zeros(n),
            np.zeros(n, np.int64),
        )  # fmt: skip
        signals = [_signal(one, vital, slot, bands, moved, k, int(i)) for k, i in enumerate(past.earlier)]
        found += [replace(signal, retrospective=True, earlier=True) for signal in signals]
    return found


class _Bands:
    """Bands of a round in canonical units, (n,)."""

    def __init__(
        self, p: baseline.Prediction, prior: baseline.Prior, base: baseline.Rows, vital: Ints, line: Ints,
        z: Floats,
    ) -> None:  # fmt: skip
        reach = deviation.settings().z_on[line] * p.sd
        self.expected = from_working(p.mean, vital)
        self.low, self.high = band_from_working(p.mean - reach, p.mean + reach, vital)
        self.line, self.z, self.known, self.reached = line, z, p.known, np.abs(z) >= deviation.settings().z_on[line]
        self.days = np.where(base.n > 0, base.last_at - base.first_at, 0) / US_PER_DAY
        self.own = baseline.own_weight(p, prior)

    def one(self, i: int) -> Band:
        return Band(
            expected=float(self.expected[i]),
            low=float(self.low[i]),
            high=float(self.high[i]),
            score=float(self.z[i]),
            baseline_days=float(self.days[i]),
            own_weight=float(self.own[i]),
            known=bool(self.known[i]),
        )


def band_at(state: PartitionState, snapshot: Snapshot, slot: Ints, v: Ints, at: Ints, y: Floats) -> Band:
    """The band of one row for a moment, and how far a raw value is from it, (1,) each: patient, vital, time [us] and
    value. The snapshot is not changed."""
    base, offset = baseline.take(snapshot.base, np.zeros(1, np.int64)), local_offset_us(state, slot, at)
    passing = state.courses.passing(state, slot, v, local_day(at, offset))
    working = to_working(y, v)
    line = baseline.line_of(base, v)
    predicted = baseline.predict(base, snapshot.prior, at, baseline.slot_of_day(at, offset), working, line, passing)
    z = (working - predicted.mean) / predicted.sd
    return _Bands(predicted, snapshot.prior, base, v, line, z).one(0)


def _signal(one: Closed, vital: Ints, slot: Ints, bands: _Bands, changes: deviation.Changes, k: int, i: int) -> Signal:
    """A deviation raised, withheld, eased or cleared."""
    v, usual = int(vital[i]), bool(changes.what[k] == deviation.WITHHELD)
    lasts = int(changes.lasts[k])
    quality = float(windows.quality_of(one.rated[i : i + 1])[0])
    return Signal(
        position=int(one.position[i]), slot=int(slot[i]), vital=v, high=bool(changes.sign[k] > 0),
        raised=bool(changes.what[k]), kind="deviation", rank=int(changes.rank[k]), rule=deviation.settings().rule,
        limit=None, onset_us=int(changes.since[k]), event_us=int(one.start[i]), arrived_us=int(one.clock[i]),
        decided_us=int(one.clock[i]), value=float(one.mean[i]), quality=quality, band=bands.one(i),
        retrospective=False, usual=usual, reason=withheld_here(changes.own[k], lasts) if usual else None,
        eased=bool(changes.what[k] == deviation.EASED),
    )  # fmt: skip


def _tell(state: PartitionState, r: _Round, bands: _Bands, verdict: _Verdict, out: Closings) -> None:
    """Summaries for the charts. What could not be judged is unknown, never normal; a band is shown once it is one."""
    one, usable, deviates = r.one, verdict.usable, verdict.is_open | bands.reached
    expected, low, high = (np.where(bands.known, b, np.nan) for b in (bands.expected, bands.low, bands.high))
    for i in range(len(one.row)):
        v = VITALS[r.vital[i]]
        word: Word = "unknown" if not usable[i] else "deviating" if deviates[i] else "normal"
        summary = VitalSummary(
            patient=state.person(int(r.slot[i])).name, vital=v.name, start=rfc3339(int(one.start[i])),
            period_s=float(v.window_s),
            n=int(one.n[i]), mean=shown(one.mean[i]), min=shown(one.low[i]), max=shown(one.high[i]),
            expected=shown(expected[i]), low=shown(low[i]), high=shown(high[i]), state=word,
            aside="sensor" if r.spoilt[i] else None if r.resting[i] else "moving",
        )  # fmt: skip
        out.summaries.append(((int(one.position[i]), int(r.slot[i]), int(r.vital[i]), int(one.start[i])), summary))
