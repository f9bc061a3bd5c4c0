"""The step: a slice of the log in, its effects out, in log order. No I/O, no clock.

Readings between two control records are worked on together, as columns; a profile or an action stands between them,
because what comes after it must be decided under it. Ticks do not divide: they only move clocks.
"""

import base64
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from itertools import filterfalse

import numpy as np
import numpy.typing as npt

from alerts.events import AlertEvent
from alerts.policy import PolicySettings
from alerts.sources import patient_of
from models.findings import Finding
from models.profile import parse_profile
from models.readings import Reason, Refused, Reject, VitalSummary
from models.times import rfc3339
from models.windows import HORIZON_US, check_settings
from streams import control
from streams.engine import care, conditions, drifting, faults, outside, relearning, silences
from streams.engine.clock import Ticks, run_clocks
from streams.engine.closing import close
from streams.engine.counting import count
from streams.engine.decode import Refusal
from streams.engine.foretelling import foretell
from streams.engine.gathering import gather_closed
from streams.engine.intake import Accepted, take_in
from streams.engine.log import LogSlice
from streams.engine.origins import is_repeat
from streams.engine.pieces import Pieces, at_once
from streams.engine.problems import of_patient
from streams.engine.raw import judge_raw
from streams.engine.sample_signals import band_of, crossing_signals, forecast_signals
from streams.engine.samples import samples_of
from streams.engine.signals import Notice, Recurrence, Signal
from streams.engine.sources import declared, is_source, parse_action, source_of
from streams.engine.state import EVERY_VITAL, PATIENTS_PER_PAGE, Outcome, PartitionState
from streams.engine.tallies import Report

Ints = npt.NDArray[np.int64]

DETAIL_CHARS_MAX = 500
"""Of a reject: it may quote what came, which may be long."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What the step needs to know beside the log.

    clock_tolerance_us: how far a device's clock may be ahead; summaries: whether anybody draws charts from the effects;
    policy: who is told when; sources_escalate: whether that holds for alerts about sources too;
    off: ids of modifiers of the expectation that are left out.
    """

    secret: bytes
    clock_tolerance_us: int = 300_000_000
    monitor_unknown: bool = False
    summaries: bool = True
    policy: PolicySettings = field(default_factory=PolicySettings)
    sources_escalate: bool = True
    off: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        check_settings(self.clock_tolerance_us)

    @property
    def policy_of_sources(self) -> PolicySettings:
        return self.policy if self.sources_escalate else self.policy.unescalated


@dataclass(slots=True)
class Effects:
    """What a slice brings: records to publish, in log order, and counts.

    rekeyed: records (index, right key) to publish again; received: readings taken; outcomes: of them, by Outcome;
    rejected: by reason;
    controls: control records by (type, outcome); late: decided readings older than the live horizon of their vital;
    sources: what came of each source in the minutes that ended; unwatched: readings of devices beyond as many as are
    watched.
    """

    alerts: list[AlertEvent] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    summaries: list[VitalSummary] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    rekeyed: list[tuple[int, bytes]] = field(default_factory=list)
    outcomes: Ints = field(default_factory=lambda: np.zeros(len(Outcome), np.int64))
    rejected: Counter[Reason] = field(default_factory=Counter)
    controls: Counter[tuple[str, str]] = field(default_factory=Counter)
    received: int = 0
    late: int = 0
    sources: list[Report] = field(default_factory=list)
    unwatched: int = 0


def step(state: PartitionState, log: LogSlice, settings: EngineSettings) -> Effects:
    """Apply a slice to the state, once: what a page has already been given is skipped."""
    return at_once(stepping(state, log, settings))


def stepping(state: PartitionState, log: LogSlice, settings: EngineSettings) -> Pieces[Effects]:
    """The same in pieces. A state that is left half way can only be dropped."""
    effects = Effects()
    state.policy, state.sources.policy = settings.policy, settings.policy_of_sources
    state.off = settings.off
    before, received = state.totals(), state.received_total()
    begin = int(np.searchsorted(log.offset, state.processed, side="right"))
    state.began = int(log.offset[begin]) if begin < len(log) else state.processed + 1
    controls = _controls(state, log, begin, settings, effects)
    for index, record in controls.others:
        yield from _stretch(state, log, begin, index, controls, settings, effects)
        _apply(state, log, index, record, effects)
        begin = index + 1
        yield
    yield from _stretch(state, log, begin, len(log), controls, settings, effects)
    if len(log):
        state.stepped(int(log.offset[-1]))
    if not settings.summaries:
        effects.summaries.clear()
    effects.rejects.sort(key=lambda reject: reject.offset)
    effects.outcomes, effects.received = state.totals() - before, state.received_total() - received
    return effects


@dataclass(slots=True)
class _Controls:
    """The control records of a slice: ticks (at_us, before: lists that belong together), the others with their places,
    and the places of all that are no reading. latest_us: the latest tick so far."""

    latest_us: int
    at_us: list[int]
    before: list[int]
    others: list[tuple[int, control.ControlRecord]] = field(default_factory=list)
    forged: list[Refusal] = field(default_factory=list)
    places: set[int] = field(default_factory=set)

    def ticks(self, begin: int, end: int) -> Ticks:
        """The ticks before, between and right after the records begin..end."""
        first, last = bisect_left(self.before, begin), bisect_right(self.before, end)
        return Ticks(np.array(self.at_us[first:last], np.int64), np.array(self.before[first:last], np.int64))


def _controls(
    state: PartitionState, log: LogSlice, begin: int, settings: EngineSettings, effects: Effects
) -> _Controls:
    """Verify the control records. A forged one is refused and changes nothing."""
    out = _Controls(state.tick_us, log.tick_us.tolist(), log.tick_before.tolist())
    for i in log.headed[log.headed >= begin].tolist():
        headers = log.headers_of(i)
        if not control.is_control(headers):
            continue
        out.places.add(i)
        try:
            _place(out, i, control.verified(log.key[i], log.value[i], headers, settings.secret), log, settings, effects)
        except Refused as refused:
            effects.controls["unknown", "forged"] += 1
            if log.offset[i] > state.meta_applied:
                state.meta_received += 1
                state.meta_counted[Outcome.REJECTED] += 1
                out.forged.append(Refusal(i, refused.reason, refused.detail))
                _reject_reading(log, out.forged[-1], effects)
    return out


def _place(
    out: _Controls, i: int, record: control.ControlRecord, log: LogSlice, settings: EngineSettings, effects: Effects
) -> None:
    """Note one control record; a slice has ticks as records or beside them, never both. Raises Refused."""
    if record.type is not control.ControlType.TICK:
        out.others.append((i, record))
        return
    at_us = control.tick_at_us(record)
    if at_us > log.arrived_us[i] + settings.clock_tolerance_us:
        raise Refused(Reason.CLOCK_FAULT, f"a tick of {rfc3339(at_us)}, which had not come when it arrived")
    effects.controls["tick", "applied" if at_us > out.latest_us else "ignored"] += 1
    out.latest_us = max(out.latest_us, at_us)
    out.at_us.append(at_us)
    out.before.append(i)


def _stretch(
    state: PartitionState, log: LogSlice, begin: int, end: int, controls: _Controls, settings: EngineSettings,
    effects: Effects,
) -> Pieces[None]:  # fmt: skip
    """Records begin..end, no profile and no action among them, and the ticks around them."""
    ticks = controls.ticks(begin, end)
    places = list(filterfalse(controls.places.__contains__, range(begin, end)))
    forged = [refusal for refusal in controls.forged if begin <= refusal.index < end]
    if not places and not forged and not len(ticks.at_us):
        return
    accepted = take_in(state, log, places, settings.clock_tolerance_us, settings.monitor_unknown)
    clocks, clock = run_clocks(state, log, accepted.slot, accepted.index, ticks)
    samples = samples_of(state, accepted, clock)
    raw, sound = judge_raw(state, samples), faults.judge(state, accepted, samples)
    closed = gather_closed(state, sound.gathered(samples), raw.broken, sound.faulty, clocks)
    foretold = foretell(state.forecasts, samples)
    ruled = conditions.candidates(state, samples)
    asked = np.unique(np.concatenate([raw.crossings.row, samples.row[foretold.sample], samples.row[ruled]]))
    closings = yield from close(state, closed, asked, settings.summaries)
    watched = yield from silences.watch(state, accepted, clock, clocks)
    signals: list[Signal | Recurrence | Notice] = [*closings.signals, *watched.notices, *sound.notices]
    signals += drifting.signals_of(state, closings.weeks)
    signals += crossing_signals(state, log, samples, raw, closings.snapshots)
    signals += forecast_signals(state, log, samples, foretold, closings.snapshots)
    band_then = partial(band_of, state, samples, closings.snapshots)
    signals += yield from conditions.judge(state, log, samples, ruled, closings.ruled, band_then)
    signals.sort(key=lambda s: s.order)
    moves = outside.joined(closings.moves)
    yield from care.to_people(state, signals, moves, clocks, effects.alerts, effects.findings)
    effects.alerts += state.sources.woken(clocks.ticks, clocks.tick_offset)
    effects.unwatched += watched.unwatched
    told = sorted(closings.summaries + watched.summaries, key=lambda s: s[0])
    effects.summaries += [summary for _, summary in told]
    effects.late += _late(accepted, clock)
    effects.sources += count(state.sources, log, accepted, forged, ticks)
    _settle(state, log, accepted, closed.row, effects)


def _late(accepted: Accepted, clock: Ints) -> int:
    """How many of the decided readings are backfill; clock (n,): the patient's clock at each accepted reading."""
    of = accepted.decided
    return int(np.count_nonzero(clock[of] - accepted.at[of] > HORIZON_US[accepted.vital[of]]))


def _settle(state: PartitionState, log: LogSlice, accepted: Accepted, closed_rows: Ints, effects: Effects) -> None:
    """Dead letters, rekeyed records, and which pages have changed."""
    for refusal in sorted(accepted.refused, key=lambda r: r.index):
        _reject_reading(log, refusal, effects)
    effects.rekeyed += accepted.rekeyed
    slots = np.concatenate([accepted.slot, state.rows["slot"][closed_rows]])
    state.touch((np.unique(slots // PATIENTS_PER_PAGE) * PATIENTS_PER_PAGE).tolist())


def _reject_reading(log: LogSlice, refusal: Refusal, effects: Effects) -> None:
    """A dead letter for what came as a reading: it is a term of the balance."""
    effects.rejected[refusal.reason] += 1
    _reject(log, refusal, effects)


def _reject(log: LogSlice, refusal: Refusal, effects: Effects) -> None:
    """A dead letter with the original bytes."""
    i = refusal.index
    key, value = log.key[i], log.value[i]
    effects.rejects.append(
        Reject(
            reason=refusal.reason, detail=refusal.detail[:DETAIL_CHARS_MAX], topic=log.topic, partition=log.partition,
            offset=int(log.offset[i]), key=None if key is None else key.decode(errors="backslashreplace"),
            value_base64=base64.b64encode(value or b"").decode(), source=_source_of(log, refusal),
            arrived_at=rfc3339(int(log.arrived_us[i])),
        )
    )  # fmt: skip


def _source_of(log: LogSlice, refusal: Refusal) -> str | None:
    """What the record says of its source, else its device."""
    said = declared(log, refusal.index)
    return source_of("", said) if said else refusal.source


def _apply(state: PartitionState, log: LogSlice, index: int, record: control.ControlRecord, effects: Effects) -> None:
    """A profile, an action or the state of a source, at its place in the log."""
    name = (record.key or b"").decode(errors="backslashreplace")
    slot, of_source = state.slot_of.get(name), record.type is control.ControlType.SOURCE or is_source(name)
    if log.offset[index] <= (_applied(state, name, slot) if not of_source else state.sources.applied):
        return
    try:
        if of_source:
            outcome = _source(state, log, index, name, record, effects)
        else:
            outcome = _outcome(state, log, index, name, slot, record, effects)
    except Refused as refused:
        outcome = "refused"
        _reject(log, Refusal(index, refused.reason, refused.detail), effects)
    effects.controls[record.type.value, outcome] += 1


def _applied(state: PartitionState, name: str, slot: int | None) -> int:
    return state.gone_at(name) if slot is None else state.applied_of(slot)


def _source(
    state: PartitionState, log: LogSlice, index: int, name: str, record: control.ControlRecord, effects: Effects
) -> str:
    """The state of a source, or something done about its alert. What happened, for the metrics. Raises Refused."""
    if record.type is control.ControlType.SOURCE:
        change, offset = control.source_change(record), int(log.offset[index])
        home = log.is_home_of(patient_of(change.source).encode())
        outcome, events = state.sources.change(change, offset, home=home)
    elif record.type is control.ControlType.PROFILE:
        raise Refused(Reason.BAD_PROFILE, of_patient(name))
    else:
        done = state.sources.acted(name, record.value or b"", record.origin, int(log.arrived_us[index]))
        outcome, events = "repeated" if done is None else "applied", done or []
    effects.alerts += events
    return outcome


def _outcome(
    state: PartitionState,
    log: LogSlice,
    index: int,
    name: str,
    slot: int | None,
    record: control.ControlRecord,
    effects: Effects,
) -> str:
    """Do what the record says, unless it was done before. Refused or not, its place counts as applied: what was not
    allowed then must not be done when it comes again. It is noted where the patient is then: the page of somebody who
    was forgotten must not know of a return that the page of the return may lack. Raises Refused."""
    if record.origin is not None and is_repeat(state.origins_of(name, slot), record.origin):
        return "repeated"
    reason = Reason.BAD_PROFILE if record.type is control.ControlType.PROFILE else Reason.BAD_ACTION
    if not log.is_home_of(record.key or b""):
        raise Refused(reason, f"partition {log.partition} is not where records of {name:.80} are sequenced")
    try:
        if record.type is control.ControlType.ACTION:
            return _action(state, log, index, slot, record.value, effects)
        return _profile(state, log, index, name, slot, record.value, effects)
    finally:
        state.note_origin(name, state.slot_of.get(name), record.origin)


def _profile(
    state: PartitionState,
    log: LogSlice,
    index: int,
    name: str,
    slot: int | None,
    document: bytes | None,
    effects: Effects,
) -> str:
    """A version of a profile, or null: forget the patient. What happened, for the metrics."""
    arrived = int(log.arrived_us[index])
    if document is None:
        if slot is None:
            return "ignored"
        effects.summaries += silences.forgotten(state, slot, arrived)
        effects.alerts += care.forgotten(state, slot, arrived)
        state.touch([slot])
        state.forget(slot, int(log.offset[index]))
        return "applied"
    profile = parse_profile(document)
    if profile.patient != name:
        raise Refused(Reason.BAD_PROFILE, f"the profile is about {profile.patient}, its key says {name}")
    before = EVERY_VITAL if slot is None else int(state.patients["allowed"][slot])
    if slot is None:
        slot = state.add_patient(name)
    if profile.version <= state.patients["version"][slot]:
        return "ignored"
    known = state.profile(slot)
    state.put_profile(slot, profile, document)
    relearning.reopened(state, slot, known, profile, arrived)
    effects.summaries += silences.withheld(state, slot, before, arrived)
    effects.alerts += care.withdrawn(state, slot, arrived)
    effects.alerts += care.unjudged(state, slot, arrived)
    effects.alerts += care.handed_over(state, slot, arrived)
    state.touch([slot])
    return "applied"


def _action(
    state: PartitionState, log: LogSlice, index: int, slot: int | None, document: bytes | None, effects: Effects
) -> str:
    """Something a member of the care team did."""
    action = parse_action(document or b"")
    if slot is None or state.person(slot).name != action.patient:
        raise Refused(Reason.BAD_ACTION, f"patient {action.patient} is not known under this key")
    events = care.acted(state, slot, action, int(log.arrived_us[index]))
    state.touch([slot])
    if events is None:
        return "repeated"
    effects.alerts += events
    return "applied"
