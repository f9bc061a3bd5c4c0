"""The same engine over files, with no broker: what would have been decided, and what was.

Records are taken in order of arrival; at the same instant profiles, then actions, then readings in file order. Time
passes on the same grid as in the live system, counted in arrival time. What comes out does not depend on the batch size.
"""

import secrets
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from alerts.events import AlertEvent
from models.times import US_PER_DAY, US_PER_S, to_us
from streams import control
from streams.engine.log import LogSlice
from streams.engine.state import Outcome, PartitionState
from streams.engine.step import Effects, EngineSettings, step
from streams.errors import Failed
from streams.lines import line_batches, opened
from streams.publish import subject_of
from streams.settings import Settings

Ints = npt.NDArray[np.int64]

LINE_BYTES_MAX = 32 * 1024 * 1024
"""A longer line is cut, and refused as too large like any other record that is: bounded memory for any file."""
QUIET_US = US_PER_DAY + 2 * 3600 * US_PER_S
"""Nothing waits for a tick longer than this after the last record (windows an hour, a snooze a day): in a longer silence
the ticks in between are left out, which changes nothing and keeps years without data from costing millions of ticks."""
READINGS, ACTIONS, PROFILES = 2, 1, 0


class _Stamp(msgspec.Struct, gc=False):
    """What says when a line arrives, and under which key."""

    patient: str | None = None
    at: datetime | None = None
    arrived: datetime | None = None
    updated: datetime | None = None
    effectiveDateTime: datetime | None = None
    issued: datetime | None = None
    values: list[float | None] | None = None
    period: float | None = None
    subject: msgspec.Raw = msgspec.Raw()


@dataclass(slots=True)
class Records:
    """Records in the order in which the engine takes them: arrived_us (n,), key, value, headers."""

    arrived_us: Ints
    key: list[bytes | None]
    value: list[bytes | None]
    headers: list[control.Headers]


@dataclass(slots=True)
class Tally:
    """What a replay brought, beside the records it published."""

    outcomes: Ints = field(default_factory=lambda: np.zeros(len(Outcome), np.int64))
    received: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    alerts: list[AlertEvent] = field(default_factory=list)
    summaries: int = 0

    def take(self, effects: Effects) -> None:
        self.received += effects.received
        self.outcomes += effects.outcomes
        self.rejected.update({reason.value: n for reason, n in effects.rejected.items()})
        self.alerts += effects.alerts
        self.summaries += len(effects.summaries)

    def as_json(self, seconds: float) -> dict[str, Any]:
        """The figures of the command's `--json`."""
        decided, rejected, duplicates, withheld = (int(n) for n in self.outcomes)
        return {
            "readings": self.received, "decided": decided, "rejected": rejected, "duplicates": duplicates, "withheld": withheld,
            "rejected_by_reason": dict(sorted(self.rejected.items())), "alerts": len(self.alerts),
            "episodes": len({event.alert_id for event in self.alerts}), "seconds": round(seconds, 3),
            "readings_per_s": round(self.received / seconds) if seconds > 0 else None,
        }  # fmt: skip


def run_replay(
    *, readings: list[Path], profiles: Path | None, actions: Path | None, out: Path | None, batch: int,
    summaries: Path | None, unknown_patients: str, settings: Settings,
) -> dict[str, Any]:  # fmt: skip
    """Replay files; the figures for `--json`. Raises Failed for a file that cannot be read."""
    began = time.perf_counter()
    secret = secrets.token_bytes(32)  # signs our own control records, and nothing else can: no decision depends on it
    engine = EngineSettings(secret, settings.clock_tolerance_s * US_PER_S, unknown_patients == "monitor")
    records = merged(readings, profiles, actions, secret)
    tally = Tally()
    with _writer(summaries) as write:
        for effects in decide(records, engine, batch, settings.tick_s):
            tally.take(effects)
            write(effects.summaries)
    if out is not None:
        write_alerts(out, tally.alerts)
    return tally.as_json(time.perf_counter() - began)


def merged(readings: list[Path], profiles: Path | None, actions: Path | None, secret: bytes) -> Records:
    """All records of the files in the order of their arrival."""
    arrived: list[int] = []
    kind: list[int] = []
    records: list[tuple[bytes | None, bytes, control.Headers]] = []
    for path, what in [(profiles, PROFILES), (actions, ACTIONS), *((path, READINGS) for path in readings)]:
        last = 0
        for line in _lines(path):
            last, record = _stamped(line, what, last, secret)
            arrived.append(last)
            kind.append(what)
            records.append(record)
    order = np.lexsort((np.array(kind), np.array(arrived, np.int64))) if records else np.empty(0, np.int64)
    chosen = [records[i] for i in order.tolist()]
    return Records(
        np.array(arrived, np.int64)[order], [r[0] for r in chosen], [r[1] for r in chosen], [r[2] for r in chosen]
    )


def _lines(path: Path | None) -> Iterator[bytes]:
    """The lines of a file, or none."""
    if path is None:
        return
    try:
        with opened(path) as stream:
            for batch in line_batches(stream, LINE_BYTES_MAX):
                yield from (line.content for line in batch)
    except OSError as wrong:
        raise Failed(f"{path} cannot be read: {wrong.strerror or wrong}") from None


_stamp = msgspec.json.Decoder(_Stamp).decode
_NO_HEADERS: control.Headers = ()


def _stamped(
    line: bytes, what: int, last: int, secret: bytes
) -> tuple[int, tuple[bytes | None, bytes, control.Headers]]:
    """Arrival and record of a line. A line that cannot be read arrives with the one before it: the engine refuses it."""
    try:
        stamp = _stamp(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        stamp = _Stamp()
    if what == READINGS:
        patient = stamp.patient if stamp.patient is not None else subject_of(line)
        at = _reading_arrival(stamp)
        return last if at is None else at, (patient.encode() if patient else None, line, _NO_HEADERS)
    name = stamp.patient or ""
    if what == PROFILES:
        record, moment = control.profile(name, line), stamp.updated
        at = to_us(moment) if moment else 0
    else:
        record = control.action(name, line)
        at = to_us(stamp.at) if stamp.at else last
    return at, (record.key, line, control.signed(record, secret)[2])


def _reading_arrival(stamp: _Stamp) -> int | None:
    """`arrived` if it is said, else when the last sample was taken: nobody can send it earlier."""
    if stamp.arrived is not None:
        return to_us(stamp.arrived)
    at = stamp.at or stamp.effectiveDateTime or stamp.issued
    if at is None or at.tzinfo is None:
        return None
    more = len(stamp.values) * (stamp.period or 0) if stamp.values else 0
    return to_us(at) + round(min(max(more, 0), 1e9) * US_PER_S)


def decide(records: Records, engine: EngineSettings, batch: int, tick_s: int) -> Iterator[Effects]:
    """Run the step over the records, `batch` at a time, on one partition."""
    state, passed = PartitionState(), None
    for begin in range(0, len(records.value), batch):
        end = min(begin + batch, len(records.value))
        arrived = np.maximum.accumulate(records.arrived_us[begin:end])
        ticks = grid_ticks(passed, arrived, tick_s * US_PER_S)
        passed = int(arrived[-1])
        headers = records.headers[begin:end]
        yield step(
            state,
            LogSlice(
                topic="readings", partition=0, offset=np.arange(begin, end), arrived_us=records.arrived_us[begin:end],
                key=records.key[begin:end], value=records.value[begin:end], headers=headers if any(headers) else None,
                tick_us=ticks, tick_before=np.searchsorted(arrived, ticks),
            ),
            engine,
        )  # fmt: skip
    if passed is not None:
        nothing = np.empty(0, np.int64)
        last = np.array([-(-passed // (tick_s * US_PER_S)) * tick_s * US_PER_S])
        yield step(state, LogSlice("readings", 0, nothing, nothing, [], [], None, last, np.zeros(1, np.int64)), engine)


def grid_ticks(passed: int | None, arrived: Ints, grid_us: int) -> Ints:
    """Grid times after `passed` (the arrival before) up to the last arrival, without those of long silences.

    arrived (n,): rising. A tick at the very instant of a record comes before it.
    """
    known = arrived if passed is None else np.concatenate([[passed], arrived])
    known = known[known > 0] if passed is None else known
    if not len(known):
        return np.empty(0, np.int64)
    jumps = np.flatnonzero(np.diff(known) > QUIET_US)
    edges = [int(known[0]) if passed is not None else int(known[0]) - grid_us]
    parts = []
    for jump in jumps:
        parts.append(_grid(edges[-1], int(known[jump]) + QUIET_US, grid_us))
        edges.append(int(known[jump + 1]) - grid_us)
    parts.append(_grid(edges[-1], int(known[-1]), grid_us))
    return np.unique(np.concatenate(parts))


def _grid(after: int, until: int, grid_us: int) -> Ints:
    """Multiples of grid_us in (after, until]."""
    return np.arange(after // grid_us + 1, until // grid_us + 1) * grid_us


def write_alerts(path: Path, alerts: Iterable[AlertEvent]) -> None:
    """Alert events, canonical: sorted keys, ordered by decision, alert and sequence."""
    ordered = sorted(alerts, key=lambda e: (to_us(datetime.fromisoformat(e.decided_at)), e.alert_id, e.sequence))
    lines = b"".join(msgspec.json.encode(event, order="sorted") + b"\n" for event in ordered)
    try:
        path.write_bytes(lines)
    except OSError as wrong:
        raise Failed(f"{path} cannot be written: {wrong.strerror or wrong}") from None


class _Writer:
    """Summaries as JSON lines, or nowhere."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: Any = None

    def __enter__(self) -> "_Writer":
        if self._path is not None:
            try:
                self._file = self._path.open("wb")
            except OSError as wrong:
                raise Failed(f"{self._path} cannot be written: {wrong.strerror or wrong}") from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def __call__(self, summaries: list[Any]) -> None:
        if self._file is not None:
            self._file.writelines(msgspec.json.encode(summary, order="sorted") + b"\n" for summary in summaries)


_writer = _Writer
