"""The same engine over files, with no broker: what would have been decided, and what was.

Records are taken in order of arrival; at the same instant profiles, then actions, then readings in file order. Time
passes on the same grid as in the live system, counted in arrival time. The batch size changes nothing.
What happens to sources is found after the slice that shows it, so nobody is asked in turn about them, as ops would be.
"""

import contextlib
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from alerts.events import AlertEvent
from models.observation import Reference
from models.readings import Instant, Reason
from models.times import US_PER_S, to_us
from streams import control
from streams.configuration.settings import Settings
from streams.engine.decode import device_of
from streams.engine.log import LogSlice
from streams.engine.state import Outcome, PartitionState
from streams.engine.step import Effects, EngineSettings, step
from streams.errors import Failed
from streams.evidence_view import require_sound
from streams.lines import content_batches, opened
from streams.publish import subject_of
from streams.replaying.arrivals import QUIET_US, Records, grid_ticks, silence
from streams.replaying.fhir_times import observed_in
from streams.replaying.sources import FailingSources, cuts, with_quiet_sources
from streams.serving.process import bulk_collector

Ints = npt.NDArray[np.int64]
T = TypeVar("T")

LINE_BYTES_MAX = 32 * 1024 * 1024
"""A longer line is cut, and refused as too large like any other record that is: bounded memory for any file."""
READINGS, ACTIONS, PROFILES = 2, 1, 0
DOCUMENTS, TOLD = ("profile", "action"), frozenset({Reason.BAD_PROFILE, Reason.BAD_ACTION})
"""What can be refused and is no reading, so in no balance of them, and the reasons that say how to mend it."""
FROM_THE_START, FAR_AHEAD = -(2**62), 2**62
"""A profile that does not say since when arrives with the first record of all, and so before it."""


class _Stamp(msgspec.Struct, gc=False):
    """What says when a reading arrives, under which key, and from where. Other fields are not ours to look at."""

    device: str | Reference | None = None
    patient: str | None = None
    at: Instant | None = None
    arrived: Instant | None = None
    values: list[float | None] | None = None
    period: float | None = None


class _Dated(msgspec.Struct, gc=False):
    """The same of a profile or an action."""

    patient: str | None = None
    updated: Instant | None = None
    at: Instant | None = None


@dataclass(slots=True)
class Tally:
    """What a replay brought, beside the records it published."""

    outcomes: Ints = field(default_factory=lambda: np.zeros(len(Outcome), np.int64))
    received: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    documents: Counter[str] = field(default_factory=Counter)
    first_refused: str | None = None
    alerts: list[AlertEvent] = field(default_factory=list)

    def take(self, effects: Effects) -> None:
        self.received += effects.received
        self.outcomes += effects.outcomes
        self.rejected.update({reason.value: n for reason, n in effects.rejected.items()})
        self.alerts += effects.alerts
        self.documents.update({kind: effects.controls[kind, "refused"] for kind in DOCUMENTS})
        told = (f"{one.reason.value}, {one.key}: {one.detail}" for one in effects.rejects if one.reason in TOLD)
        self.first_refused = self.first_refused or next(told, None)

    def as_json(self, seconds: float) -> dict[str, Any]:
        """The figures of the command's `--json`."""
        decided, rejected, duplicates, withheld = (int(n) for n in self.outcomes)
        return {
            "readings": self.received, "decided": decided, "rejected": rejected, "duplicates": duplicates,
            "withheld": withheld,
            "rejected_by_reason": dict(sorted(self.rejected.items())),
            "documents_refused": {kind: n for kind, n in self.documents.items() if n},
            **({"first_document_refused": self.first_refused} if self.first_refused else {}),
            "alerts": len(self.alerts),
            "episodes": len({event.alert_id for event in self.alerts}), "seconds": round(seconds, 3),
            "readings_per_s": round(self.received / seconds) if seconds > 0 else None,
        }  # fmt: skip


def run_replay(
    *, readings: list[Path], profiles: Path | None, actions: Path | None, out: Path | None, batch: int,
    summaries: Path | None, unknown_patients: str, settings: Settings,
) -> dict[str, Any]:  # fmt: skip
    """Replay files; the figures for `--json`. Raises Failed for a file that cannot be read, or broken evidence."""
    began = time.perf_counter()
    require_sound()
    secret = secrets.token_bytes(32)  # signs our own control records, and nothing else can: no decision depends on it
    engine = EngineSettings(
        secret, settings.clock_tolerance_s * US_PER_S, unknown_patients == "monitor", summaries is not None,
        settings.policy, sources_escalate=False, off=frozenset(settings.modifiers_off),
    )  # fmt: skip
    tally = Tally()
    with bulk_collector(), _writer(summaries) as write:
        records = with_quiet_sources(merged(readings, profiles, actions, secret), engine, settings.tick_s * US_PER_S)
        for effects in decide(records, engine, batch, settings.tick_s):
            tally.take(effects)
            write(effects.summaries)
    if out is not None:
        write_alerts(out, tally.alerts)
    return tally.as_json(time.perf_counter() - began)


def merged(readings: list[Path], profiles: Path | None, actions: Path | None, secret: bytes) -> Records:
    """All records of the files in the order of their arrival."""
    found = [_documents(profiles, PROFILES, secret), _documents(actions, ACTIONS, secret)]
    found += [_readings(path) for path in readings]
    arrived = np.concatenate([np.array(part.arrived, np.int64) for part in found])
    begins = arrived[arrived != FROM_THE_START].min(initial=FAR_AHEAD)
    arrived[arrived == FROM_THE_START] = begins if begins < FAR_AHEAD else 0
    kind = np.repeat([PROFILES, ACTIONS, *[READINGS] * len(readings)], [len(part.arrived) for part in found])
    records = list(chain.from_iterable(part.records for part in found))
    order = np.lexsort((kind, arrived))
    chosen = [records[i] for i in order.tolist()]
    keys, values, headers, devices = ([record[k] for record in chosen] for k in range(4))
    return Records(arrived[order], keys, values, headers, devices)


@dataclass(slots=True)
class _Part:
    """The records of one file: arrival [us], and (key, value, headers, device)."""

    arrived: list[int] = field(default_factory=list)
    records: list[tuple[bytes | None, bytes, control.Headers, str]] = field(default_factory=list)


def _lines(path: Path | None) -> Iterator[list[bytes]]:
    """The lines of a file in batches, blank ones left out, or none."""
    if path is None:
        return
    try:
        with opened(path) as stream:
            for batch in content_batches(stream, LINE_BYTES_MAX):
                yield [line for line in batch if line and not line.isspace()]
    except OSError as wrong:
        raise Failed(f"{path} cannot be read: {wrong.strerror or wrong}") from None


_stamp = msgspec.json.Decoder(_Stamp).decode
_dated = msgspec.json.Decoder(_Dated).decode
_NO_HEADERS: control.Headers = ()
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _readings(path: Path) -> _Part:
    """The readings of a file, under their patients' keys."""
    part, last = _Part(), 0
    for lines in _lines(path):
        for line, stamp in zip(lines, _stamps(lines), strict=True):
            at = stamp.arrived or stamp.at
            if at is None or (stamp.values is not None and stamp.arrived is None) or stamp.patient is None:
                last, key = _slowly(line, stamp, last)
            else:
                last, key = to_us(at), stamp.patient.encode()
            part.arrived.append(last)
            device = stamp.device if isinstance(stamp.device, str) else device_of(line) if stamp.device else ""
            part.records.append((key, line, _NO_HEADERS, device))
    return part


def _stamps(lines: list[bytes]) -> list[_Stamp]:
    """The stamps of lines; an empty one for a line that cannot be read."""
    try:
        return list(map(_stamp, lines))
    except _UNREADABLE:
        return [_or_nothing(_stamp, line) or _Stamp() for line in lines]


def _or_nothing(decode: Callable[[bytes], T], line: bytes) -> T | None:
    try:
        return decode(line)
    except _UNREADABLE:
        return None


def _slowly(line: bytes, stamp: _Stamp, last: int) -> tuple[int, bytes | None]:
    """Arrival and key of what is no plain reading.

    A series arrives when its last sample has been taken: nobody can send it earlier. A line that says no time arrives
    with the one before it, for the engine to refuse.
    """
    patient = stamp.patient if stamp.patient is not None else subject_of(line)
    at, span = stamp.arrived or stamp.at, 0.0
    if at is None:
        observed = observed_in(line)
        at, span = observed.at(), observed.span_s()
    elif stamp.values and stamp.arrived is None:
        span = len(stamp.values) * (stamp.period or 0)
    arrived = last if at is None else to_us(at) + round(min(max(span, 0), 1e9) * US_PER_S)
    return arrived, patient.encode() if patient else None


def _documents(path: Path | None, what: int, secret: bytes) -> _Part:
    """Profiles or actions, as signed control records. A profile that says no `updated` is known from the start."""
    part, last = _Part(), 0
    for line in chain.from_iterable(_lines(path)):
        dated = _or_nothing(_dated, line) or _Dated()
        if what == PROFILES:
            last = to_us(dated.updated) if dated.updated else FROM_THE_START
        else:
            last = to_us(dated.at) if dated.at else last
        make = control.profile if what == PROFILES else control.action
        key, value, headers = control.signed(make(dated.patient or "", line), secret)
        part.arrived.append(last)
        part.records.append((key, value or b"", headers, ""))
    return part


def decide(records: Records, engine: EngineSettings, batch: int, tick_s: int) -> Iterator[Effects]:
    """Run the step over the records, `batch` at a time, on one partition."""
    state, passed, failing, grid_us = PartitionState(), None, FailingSources(), tick_s * US_PER_S
    passing_us = records.passing_us
    for begin, end in pairwise(cuts(records.key, passing_us, batch)):
        arrived = np.maximum.accumulate(passing_us[begin:end])
        if passed is not None and arrived[0] - passed > QUIET_US:
            before = int(arrived[0]) - grid_us
            for ticks in silence(passed, before, grid_us, state.next_due_us):
                yield failing.told(state, step(state, _passing(ticks), engine))
            passed = before
        ticks = grid_ticks(passed, arrived, grid_us)
        passed = int(arrived[-1])
        headers = records.headers[begin:end]
        effects = step(
            state,
            LogSlice(
                topic="readings", partition=0, offset=np.arange(begin, end), arrived_us=records.arrived_us[begin:end],
                key=records.key[begin:end], value=records.value[begin:end], headers=headers if any(headers) else None,
                tick_us=ticks, tick_before=np.searchsorted(arrived, ticks),
            ),
            engine,
        )  # fmt: skip
        yield failing.told(state, effects)
    if passed is not None:
        last = np.array([-(-passed // grid_us) * grid_us])
        yield failing.told(state, step(state, _passing(last), engine))


def _passing(ticks: Ints) -> LogSlice:
    """Time passes, and nothing comes."""
    nothing = np.empty(0, np.int64)
    return LogSlice("readings", 0, nothing, nothing, [], [], None, ticks, np.zeros(len(ticks), np.int64))


def write_alerts(path: Path, alerts: Iterable[AlertEvent]) -> None:
    """Alert events, canonical: sorted keys, ordered by decision, alert and sequence."""
    ordered = sorted(alerts, key=lambda e: (to_us(datetime.fromisoformat(e.decided_at)), e.alert_id, e.sequence))
    lines = b"".join(msgspec.json.encode(event, order="sorted") + b"\n" for event in ordered)
    try:
        path.write_bytes(lines)
    except OSError as wrong:
        raise Failed(f"{path} cannot be written: {wrong.strerror or wrong}") from None


class _Writer:
    """Summaries as JSON lines, or nowhere. Raises Failed, with the name of the file, when it cannot be written."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: Any = None

    def __enter__(self) -> "_Writer":
        if self._path is not None:
            with self._named():
                self._file = self._path.open("wb")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError) if kind else self._named():
                self._file.close()

    def __call__(self, summaries: list[Any]) -> None:
        if self._file is not None:
            with self._named():
                self._file.writelines(msgspec.json.encode(summary, order="sorted") + b"\n" for summary in summaries)

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as wrong:
            raise Failed(f"{self._path} cannot be written: {wrong.strerror or wrong}") from None


_writer = _Writer


def run_replay_from_topic(
    *, since: datetime | None, until: datetime | None, out: Path | None, batch: int, settings: Settings
) -> dict[str, Any]:
    """Replay what is on the readings topic, partition by partition, in the order of its offsets.

    With the ticks, profiles and actions that were sequenced into it, it gives what the live system said. `since` begins
    with nothing known: what earlier records taught is missing. Raises BrokerUnreachable.
    """
    from streams.kafka.topic_log import slices

    began = time.perf_counter()
    require_sound()
    secret = settings.secret.get_secret_value().encode()
    engine = EngineSettings(
        secret, settings.clock_tolerance_s * US_PER_S, settings.unknown_patients == "monitor", summaries=False,
        policy=settings.policy, off=frozenset(settings.modifiers_off),
    )  # fmt: skip
    tally, states = Tally(), dict[int, PartitionState]()
    for log in slices(settings, since, until, batch):
        state = states.setdefault(log.partition, PartitionState())
        tally.take(step(state, log, engine))
    if out is not None:
        write_alerts(out, tally.alerts)
    return tally.as_json(time.perf_counter() - began)
