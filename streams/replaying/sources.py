"""Sources in a replay of files: the same watch as over workers, told from what the files hold.

Which source flows follows from arrivals alone, so it is found out first and stands in the log where it was seen. Which
one fails is known when its readings have been decided, and is told after the step: nothing about a patient depends on
it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from alerts.sources import PATIENT_PREFIX, SourceChange
from models.segments import Ints
from models.times import to_us
from streams import control
from streams.control import TYPE_HEADER, ControlType
from streams.engine.clock import Ticks
from streams.engine.counting import Entries, count_entries
from streams.engine.log import LogSlice
from streams.engine.sources import Sources, source_of
from streams.engine.state import PartitionState
from streams.engine.step import Effects, EngineSettings
from streams.engine.tallies import MINUTE_US
from streams.replaying.arrivals import Records, grid_ticks, silences
from streams.sources.watch import Watch

SOURCE_PREFIX = PATIENT_PREFIX.encode()


def with_quiet_sources(records: Records, engine: EngineSettings, grid_us: int) -> Records:
    """The same records, and among them what is to be said of sources that go quiet and flow again."""
    changes = _changes(records, engine.monitor_unknown, grid_us)
    if not changes:
        return records
    at = np.array([to_us(change.at) for change in changes], np.int64)
    signed = [control.signed(control.source(change), engine.secret) for change in changes]
    before = np.searchsorted(records.arrived_us, at)
    order = np.argsort(np.concatenate([np.arange(len(records.value)), before - 0.5]), kind="stable").tolist()
    keys, values = records.key + [one[0] for one in signed], records.value + [one[1] for one in signed]
    headers, devices = records.headers + [one[2] for one in signed], records.device + [""] * len(signed)
    return Records(
        np.concatenate([records.arrived_us, at])[order], [keys[i] for i in order], [values[i] for i in order],
        [headers[i] for i in order], [devices[i] for i in order],
    )  # fmt: skip


def _changes(records: Records, monitor_unknown: bool, grid_us: int) -> list[SourceChange]:
    """Sources that go quiet and flow, in order."""
    if not len(records.arrived_us):
        return []
    known, watch = Sources(), Watch(1, refusals=None)
    arrived_us = records.passing_us
    ticks = grid_ticks(None, arrived_us, grid_us)
    passing = Ticks(ticks, np.searchsorted(arrived_us, ticks))
    log = LogSlice("readings", 0, np.arange(len(records.value)), arrived_us, records.key, records.value)
    reports = count_entries(known, log, _entries(known, records, monitor_unknown), passing)
    return [change for report in reports for change in watch.take(report)]


def _entries(known: Sources, records: Records, monitor_unknown: bool) -> Entries:
    """Every reading, whatever comes of it, under its source. Patients count who are ever known."""
    record = np.array([i for i, headers in enumerate(records.headers) if not headers], np.int64)
    devices = [records.device[i] for i in record.tolist()]
    place = {device: known.counting.place_of(source_of(device)) for device in dict.fromkeys(devices)}
    keys = [records.key[i] for i in record.tolist()]
    enrolled = set(keys) if monitor_unknown else _enrolled(records)
    seat = {key: n for n, key in enumerate(dict.fromkeys(key for key in keys if key in enrolled))}
    source = np.array([place[device] for device in devices], np.int64)
    slot = np.array([seat.get(key, -1) for key in keys], np.int64)
    return Entries(record, source, np.zeros(len(record), np.int64), slot)


def _enrolled(records: Records) -> set[bytes | None]:
    """Keys of the profiles."""
    profile = (TYPE_HEADER, ControlType.PROFILE.encode())
    return {key for key, headers in zip(records.key, records.headers, strict=True) if profile in headers}


@dataclass(slots=True)
class FailingSources:
    """Sources whose readings are refused, found out from what the steps count."""

    watch: Watch = field(default_factory=lambda: Watch(1, flows=None))

    def told(self, state: PartitionState, effects: Effects) -> Effects:
        """The effects of a step, and with them the alerts about sources that fail or recover."""
        for change in (change for report in effects.sources for change in self.watch.take(report)):
            _, events = state.sources.change(change, state.processed, home=True)
            effects.alerts += events
        return effects


def cuts(keys: list[bytes | None], arrived_us: Ints, batch: int) -> Iterator[int]:
    """Where to cut the log into slices of at most `batch` records, its ends and long silences included.

    Once somebody acts on the alert of a source, slices end with the minute: what is told of sources after a step must
    not come after what happened later.
    """
    acted = next((i for i, key in enumerate(keys) if key and key.startswith(SOURCE_PREFIX)), len(keys))
    minutes = arrived_us[acted:] // MINUTE_US
    ends = {acted, *(acted + 1 + np.flatnonzero(np.diff(minutes))).tolist()} if acted < len(keys) else set[int]()
    yield from sorted({*range(0, len(keys), batch), *ends, *silences(arrived_us).tolist(), len(keys)})
