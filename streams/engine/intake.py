"""From decoded readings to those that are decided: key, patient, consent, units, plausibility, clock, duplicates.

Columns all the way; a loop is only over what is refused. The order of the answers is a promise: a duplicate is never
counted as something else, and what is withheld by consent never reaches a dead letter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models import units
from models.readings import MAX_SERIES_SAMPLES, Reading, Reason, Refused, are_ids
from models.times import US_PER_DAY, US_PER_S, rfc3339
from models.vitals import CODE_TO_VITAL, VITALS
from streams.engine.decode import Refusal, decode
from streams.engine.duplicates import find_duplicates
from streams.engine.log import LogSlice
from streams.engine.state import PATIENTS_PER_PAGE, Outcome, PartitionState, hash_text

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FIRST_YEAR_US = 946_684_800 * US_PER_S
"""2000-01-01: no home device in use measured before; an older time is a clock that lost its battery (usually 1970)."""
DAY_MARGIN_US = 2 * US_PER_DAY
"""A date in a profile has no time zone: the device may have come up to a day before it begins in UTC; one day to spare."""
LOW = np.array([v.low for v in VITALS])
HIGH = np.array([v.high for v in VITALS])
CATEGORICAL = np.array([v.categorical for v in VITALS])
DECIMALS = 6
"""Kept of a converted value: 100.4 [degF] is 38 Cel, and meets a limit of 38."""
AVPU = {"A": 0.0, "C": 1.0, "V": 2.0, "P": 3.0, "U": 4.0}
"""Alert, new confusion, voice, pain, unresponsive (NEWS2)."""
ACTIVE = ("active", "exercise")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What came of a slice. Columns (n,) of the readings that belong to known patients, in log order.

    index: record in the slice; slot; vital (-1 if the code is unknown); at [us]; row, newest (newest event time of the row
    before), value (canonical): valid where outcome is DECIDED; moving: the context says active or exercise; series: samples of a series reading, else None.
    """

    readings: list[Reading]
    index: Ints
    slot: Ints
    vital: Ints
    at: Ints
    row: Ints
    newest: Ints
    value: Floats
    outcome: Ints
    moving: Bools
    quality: Floats
    series: dict[int, Floats]
    period_us: dict[int, int]
    refused: list[Refusal]
    rekeyed: list[tuple[int, bytes]]


def take_in(
    state: PartitionState, log: LogSlice, places: Sequence[int], tolerance_us: int, monitor_unknown: bool
) -> Accepted:
    """Decide what of the records at these places is decided. Counts go into the state's pages; nothing else of the state changes but the duplicate window."""
    decoded = decode(log, places)
    refused = [r for r in decoded.refused if log.offset[r.index] > state.meta_applied]
    state.meta_received += len(refused)
    state.meta_counted[Outcome.REJECTED] += len(refused)
    known = _known(state, log, decoded.readings, decoded.index, refused, monitor_unknown)
    readings, index, slot = known.readings, known.index, known.slot
    np.add.at(state.received, slot // PATIENTS_PER_PAGE, 1)
    columns = _Columns(readings, slot)
    problems = _problems(state, log, columns, index, slot, tolerance_us)
    withheld = _withheld(state, slot, columns.vital, columns.at)
    outcome = np.where(withheld, Outcome.WITHHELD, Outcome.DECIDED)
    bad = problems.bad & ~withheld
    outcome[bad] = Outcome.REJECTED
    row, newest = np.full(len(index), -1, np.int64), np.zeros(len(index), np.int64)
    valid = np.flatnonzero(~bad & (columns.vital >= 0))
    row[valid] = state.rows_for(slot[valid], columns.vital[valid], columns.at[valid])
    again, newest[valid] = find_duplicates(
        state, slot[valid], row[valid], columns.at[valid], columns.ids[valid], columns.contents[valid]
    )
    outcome[valid[again]] = Outcome.DUPLICATE
    refused += problems.refusals(bad, index, readings)
    np.add.at(state.counted, (slot // PATIENTS_PER_PAGE, outcome), 1)
    return Accepted(
        readings, index, slot, columns.vital, columns.at, row, newest, columns.value, outcome, columns.moving,
        columns.quality, columns.series, columns.period_us, refused, known.rekeyed,
    )  # fmt: skip


@dataclass(slots=True)
class _Known:
    readings: list[Reading]
    index: Ints
    slot: Ints
    rekeyed: list[tuple[int, bytes]]


def _known(
    state: PartitionState,
    log: LogSlice,
    readings: list[Reading],
    index: list[int],
    refused: list[Refusal],
    monitor: bool,
) -> _Known:
    """Readings of known patients under their own key, not applied before. The others are refused or put right."""
    rekeyed: list[tuple[int, bytes]] = []
    slots = [state.slot_of.get(r.patient, -1) for r in readings]
    keyed = [state.slot_of_key.get(log.key[i] or b"", -2) for i in index]
    keep: Iterable[int] = range(len(readings))
    if slots != keyed or not are_ids([r.id for r in readings]):
        keep = [
            j for j in keep if _settle(state, log, readings[j], index[j], slots, j, refused, rekeyed, monitor)
        ]  # fmt: skip
    keep = list(keep)
    slot, at = np.array(slots, np.int64)[keep], np.array(index, np.int64)[keep]
    fresh = log.offset[at] > state.applied[slot // PATIENTS_PER_PAGE]
    if not fresh.all():
        slot, at = slot[fresh], at[fresh]
        keep = [keep[j] for j in np.flatnonzero(fresh)]
    return _Known([readings[j] for j in keep] if len(keep) < len(readings) else readings, at, slot, rekeyed)


def _settle(
    state: PartitionState, log: LogSlice, reading: Reading, index: int, slots: list[int], j: int, refused: list[Refusal],
    rekeyed: list[tuple[int, bytes]], monitor: bool,
) -> bool:  # fmt: skip
    """One reading off the straight path: whether it is to be looked at here."""
    counts = log.offset[index] > state.meta_applied
    if not are_ids([reading.id, reading.patient]):
        _refuse(
            state,
            refused,
            counts,
            Refusal(index, Reason.BAD_SHAPE, "id and patient are 1-128 printable ASCII characters"),
        )
        return False
    if log.key[index] != reading.patient.encode():
        if not rekeyed or rekeyed[-1][0] != index:
            rekeyed.append((index, reading.patient.encode()))
        return False
    if slots[j] < 0:
        slots[j] = state.slot_of.get(reading.patient, -1)
    if slots[j] < 0 and monitor:
        slots[j] = state.add_unknown(reading.patient)
    if slots[j] < 0:
        detail = f"no profile for patient {reading.patient}; publish one on the profiles topic, then redrive"
        _refuse(state, refused, counts, Refusal(index, Reason.UNKNOWN_PATIENT, detail, reading.device or None))
        return False
    return True


def _refuse(state: PartitionState, refused: list[Refusal], counts: bool, refusal: Refusal) -> None:
    if counts:
        state.meta_received += 1
        state.meta_counted[Outcome.REJECTED] += 1
        refused.append(refusal)


class _Columns:
    """The fields of readings as arrays: vital, at, unit row, value (canonical), hashes for duplicates, context."""

    def __init__(self, readings: list[Reading], slot: Ints) -> None:
        n = len(readings)
        vital = [CODE_TO_VITAL.get(r.code, -1) for r in readings]
        self.vital = np.array(vital, np.int64)
        seconds = np.array([r.at.timestamp() for r in readings], np.float64)
        self.at = np.rint(seconds * US_PER_S).astype(np.int64)
        self.unit = np.array(
            [units.ROWS.get(pair, -1) for pair in zip(vital, [r.unit for r in readings], strict=True)], np.int64
        )
        self.bad_unit: dict[int, str] = {}
        self._resolve_units(readings)
        self.period_us: dict[int, int] = {}
        self.series: dict[int, Floats] = {}
        self.bad_value: dict[int, str] = {}
        self.value = self._values(readings, n)
        scale = np.maximum(self.unit, 0)
        self.value = np.round(self.value * units.MUL[scale] + units.ADD[scale], DECIMALS)
        for j, samples in self.series.items():
            self.series[j] = np.round(samples * units.MUL[scale[j]] + units.ADD[scale[j]], DECIMALS)
        self.ids = np.array([hash_text(r.id) for r in readings], np.uint64)
        self.contents = self._contents(readings)
        contexts = [r.context for r in readings]
        self.moving = np.array([c is not None and c.activity in ACTIVE for c in contexts], bool)
        self.quality = np.array([np.nan if r.quality is None else r.quality for r in readings], np.float64)

    def _resolve_units(self, readings: list[Reading]) -> None:
        """Units not seen before: parsed once, then known."""
        for j in np.flatnonzero((self.unit < 0) & (self.vital >= 0)):
            try:
                self.unit[j] = units.conversion(int(self.vital[j]), readings[j].unit)
            except Refused as refused:
                self.bad_unit[int(j)] = refused.detail

    def _values(self, readings: list[Reading], n: int) -> Floats:
        """One number a reading; series and categories apart."""
        values = [r.value for r in readings]
        if set(map(type, values)) <= {float} and not any(r.values is not None for r in readings):
            plain = np.array(values, np.float64)
            categorical = CATEGORICAL[self.vital] & (self.vital >= 0)
            for j in np.flatnonzero(categorical):
                self.bad_value[int(j)] = "one of A C V P U is wanted"
            return plain
        return np.array([self._value(j, reading) for j, reading in enumerate(readings)], np.float64).reshape(n)

    def _value(self, j: int, reading: Reading) -> float:
        """The value of one reading, or a note of what is wrong with it."""
        categorical = self.vital[j] >= 0 and bool(CATEGORICAL[self.vital[j]])
        if (reading.value is None) == (reading.values is None):
            self.bad_value[j] = "one of value and values is wanted"
        elif reading.values is not None:
            return self._series(j, reading, reading.values)
        elif isinstance(reading.value, str):
            if categorical and reading.value in AVPU:
                return AVPU[reading.value]
            self.bad_value[j] = "one of A C V P U is wanted" if categorical else f"{reading.value!r:.40} is no number"
        elif categorical:
            self.bad_value[j] = "one of A C V P U is wanted"
        elif reading.value is not None:
            return reading.value
        return np.nan

    def _series(self, j: int, reading: Reading, values: list[float | None]) -> float:
        """Keep the samples; the reading stands for them by its first one."""
        samples = np.array([np.nan if v is None else v for v in values], np.float64)
        if not 0 < (reading.period or 0) < np.inf:
            self.bad_value[j] = "values need a period in seconds above 0"
        elif not 0 < len(samples) <= MAX_SERIES_SAMPLES:
            self.bad_value[j] = f"{len(samples)} samples; 1 to {MAX_SERIES_SAMPLES} are read"
        elif np.isnan(samples).all():
            self.bad_value[j] = "no sample has a value"
        else:
            self.series[j] = samples
            self.period_us[j] = round((reading.period or 0) * US_PER_S)
            return float(samples[~np.isnan(samples)][0])
        return np.nan

    def _contents(self, readings: list[Reading]) -> npt.NDArray[np.uint64]:
        """A hash of (device, vital, at, value)."""
        self.devices = devices = [r.device for r in readings]
        by_name = {name: hash_text(name) for name in set(devices)}
        device = np.array([by_name[name] for name in devices], np.uint64)
        value = np.ascontiguousarray(self.value + 0.0).view(np.uint64).copy()
        for j, samples in self.series.items():
            value[j] = hash_text(samples.tobytes().hex())
        return _mix(device ^ _mix(self.vital.astype(np.uint64) ^ _mix(self.at.astype(np.uint64) ^ _mix(value))))


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """splitmix64 (Steele et al. 2014): every input bit reaches every output bit."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@dataclass(frozen=True, slots=True)
class _Problems:
    """Which readings cannot be decided, (n,), and a way to say why."""

    bad: Bools
    columns: _Columns
    implausible: Bools
    clock: Bools
    arrived: Ints

    def refusals(self, bad: Bools, index: Ints, readings: list[Reading]) -> list[Refusal]:
        """One refusal for each reading in `bad`."""
        return [self._refusal(int(j), int(index[j]), readings[j]) for j in np.flatnonzero(bad)]

    def _refusal(self, j: int, index: int, reading: Reading) -> Refusal:
        """The first thing wrong with one reading, in words that say how to mend it."""
        c, vital = self.columns, VITALS[self.columns.vital[j]]
        source = reading.device or None
        if c.vital[j] < 0:
            return Refusal(index, Reason.UNKNOWN_CODE, f"code {reading.code!r:.80} names no vital", source)
        if c.unit[j] < 0:
            return Refusal(index, Reason.UNKNOWN_UNIT, c.bad_unit[j], source)
        if j in c.bad_value:
            return Refusal(index, Reason.BAD_VALUE, c.bad_value[j], source)
        if self.clock[j]:
            detail = f"measured {rfc3339(int(c.at[j]))}, arrived {rfc3339(int(self.arrived[j]))}: the device's clock is wrong"
            return Refusal(index, Reason.CLOCK_FAULT, detail, source)
        detail = f"{c.value[j]:g} {vital.unit} is outside {vital.low:g}..{vital.high:g} {vital.unit} for {vital.name}"
        return Refusal(index, Reason.IMPLAUSIBLE, detail, source)


def _problems(
    state: PartitionState, log: LogSlice, c: _Columns, index: Ints, slot: Ints, tolerance_us: int
) -> _Problems:
    """Check codes, units, values, plausibility and clocks."""
    low, high, last = c.value.copy(), c.value.copy(), c.at.copy()
    for j, samples in c.series.items():
        low[j], high[j] = np.nanmin(samples), np.nanmax(samples)
        last[j] = c.at[j] + (len(samples) - 1) * c.period_us[j]
    implausible = ~((low >= LOW[c.vital]) & (high <= HIGH[c.vital]))
    arrived = log.arrived_us[index]
    clock = (last > arrived + tolerance_us) | (c.at < FIRST_YEAR_US) | _before_device(state, c, slot)
    bad = (c.vital < 0) | (c.unit < 0) | implausible | clock
    bad[list(c.bad_value)] = True
    return _Problems(bad, c, implausible, clock, arrived)


def _before_device(state: PartitionState, c: _Columns, slot: Ints) -> Bools:
    """Readings dated before the patient had the device, for patients whose profile says since when."""
    before = np.zeros(len(slot), bool)
    for j in np.flatnonzero(state.patients["has_devices"][slot]):
        since = state.device_since(int(slot[j]), c.devices[j])
        before[j] = since is not None and c.at[j] < since - DAY_MARGIN_US
    return before


def _withheld(state: PartitionState, slot: Ints, vital: Ints, at: Ints) -> Bools:
    """Readings the patient has not consented to: nothing is allowed, not this vital, or not yet."""
    allowed = state.patients["allowed"][slot]
    one = (allowed >> np.maximum(vital, 0).astype(np.uint32)) & np.uint32(1)
    withheld: Bools = (allowed == 0) | ((vital >= 0) & (one == 0)) | (at < state.patients["consent_since"][slot])
    return withheld
