"""The fields of readings as columns: the one look at each of them in Python, after which everything is arrays."""

from datetime import datetime

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

from models import units
from models.readings import MAX_SERIES_SAMPLES, Reading, Refused
from models.times import US_PER_S
from models.vitals import CODE_TO_VITAL, VITALS
from streams.engine.devices import tidy
from streams.engine.log import FIRST_US, LAST_US

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

CATEGORICAL = np.array([v.categorical for v in VITALS])
DECIMALS = 6
"""Kept of a converted value: 100.4 [degF] is 38 Cel, and meets a limit of 38."""
AVPU = {"A": 0.0, "C": 1.0, "V": 2.0, "P": 3.0, "U": 4.0}
"""Alert, new confusion, voice, pain, unresponsive (NEWS2)."""
ACTIVE = ("active", "exercise")
PERIOD_MAX_S = 86_400
"""Between two samples of a series: rarer ones are readings of their own. Also keeps its end within 64 bits."""


class Columns:
    """The fields of readings as arrays: vital, at, unit row, value (canonical), hashes for duplicates, context.

    distinct_devices: in the order of their first reading; device (n,): place of each reading's among them.
    """

    def __init__(self, readings: list[Reading]) -> None:
        tidy(readings)
        self.vital, self.unit = self._codes(readings)
        seconds = np.array(list(map(datetime.timestamp, [r.at for r in readings])), np.float64)
        # An offset may put a time of the years 1 or 9999 where no calendar goes: whoever says it later would fail.
        self.at = np.clip(np.rint(seconds * US_PER_S), FIRST_US, LAST_US).astype(np.int64)
        self.bad_unit: dict[int, str] = {}
        self._resolve_units(readings)
        self.period_us: dict[int, int] = {}
        self.series: dict[int, Floats] = {}
        self.bad_value: dict[int, str] = {}
        self.value = self._canonical(self._values(readings))
        self.ids = np.array(list(map(xxh3_64_intdigest, [r.id for r in readings])), np.uint64)
        self.contents = self._contents(readings)
        contexts = [r.context for r in readings]
        still = contexts.count(None) == len(contexts)
        moving = () if still else [c is not None and c.activity in ACTIVE for c in contexts]
        self.moving = np.zeros(len(readings), bool) if still else np.array(moving, bool)
        gas = () if still else [-1 if c is None or c.oxygen is None else c.oxygen for c in contexts]
        self.oxygen = np.full(len(readings), -1, np.int8) if still else np.array(gas, np.int8)
        self.quality = np.array([r.quality for r in readings], np.float64)
        for j in np.flatnonzero((self.quality < 0) | (self.quality > 1)).tolist():
            self.bad_value.setdefault(j, f"quality {self.quality[j]:g} is outside 0..1")

    def _codes(self, readings: list[Reading]) -> tuple[Ints, Ints]:
        """Vital and unit row of each reading, -1 where unknown: looked up once for each (code, unit) there is."""
        codes, said = [r.code for r in readings], [r.unit for r in readings]
        place = {pair: k for k, pair in enumerate(set(zip(codes, said, strict=True)))}
        vital = [CODE_TO_VITAL.get(code, -1) for code, _ in place]
        unit = [units.ROWS.get((v, pair[1]), -1) for v, pair in zip(vital, place, strict=True)]
        at = np.array(list(map(place.__getitem__, zip(codes, said, strict=True))), np.int64)
        return np.array(vital, np.int64)[at], np.array(unit, np.int64)[at]

    def _canonical(self, value: Floats) -> Floats:
        """Values, and the samples of series, in canonical units. What is too large for a number there is infinite, and
        so implausible."""
        scale = np.maximum(self.unit, 0)
        with np.errstate(over="ignore"):
            for j, samples in self.series.items():
                self.series[j] = np.round(samples * units.MUL[scale[j]] + units.ADD[scale[j]], DECIMALS)
            canonical: Floats = np.round(value * units.MUL[scale] + units.ADD[scale], DECIMALS)
        return canonical

    def _resolve_units(self, readings: list[Reading]) -> None:
        """Units not seen before: parsed once, then known."""
        for j in np.flatnonzero((self.unit < 0) & (self.vital >= 0)):
            try:
                self.unit[j] = units.conversion(int(self.vital[j]), readings[j].unit)
            except Refused as refused:
                self.bad_unit[int(j)] = refused.detail

    def _values(self, readings: list[Reading]) -> Floats:
        """One number a reading; only what is no plain number is looked at one by one."""
        values, series = [r.value for r in readings], [r.values for r in readings]
        if set(map(type, values)) <= {float} and series.count(None) == len(series):
            value, odd = np.array(values, np.float64), np.zeros(len(values), bool)
        else:
            value = np.array([v if type(v) is float else np.nan for v in values], np.float64)
            odd = np.isnan(value) | np.array([samples is not None for samples in series], bool)
        for j in np.flatnonzero(odd | (CATEGORICAL[self.vital] & (self.vital >= 0))).tolist():
            value[j] = self._value(j, readings[j])
        return value

    def _value(self, j: int, reading: Reading) -> float:
        """The value of one reading, or a note of what is wrong with it."""
        categorical = self.vital[j] >= 0 and bool(CATEGORICAL[self.vital[j]])
        if (reading.value is None) == (reading.values is None):
            self.bad_value[j] = "one of value and values is wanted"
        elif categorical:
            if isinstance(reading.value, str) and reading.value in AVPU:
                return AVPU[reading.value]
            self.bad_value[j] = "one of A C V P U is wanted"
        elif reading.values is not None:
            return self._series(j, reading, reading.values)
        elif isinstance(reading.value, str):
            self.bad_value[j] = f"{reading.value!r:.40} is a text: send the number without quotation marks"
        elif reading.value is not None:
            return reading.value
        return np.nan

    def _series(self, j: int, reading: Reading, values: list[float | None]) -> float:
        """Keep the samples; the reading stands for them by its first one."""
        samples = np.array([np.nan if v is None else v for v in values], np.float64)
        if not 0 < (reading.period or 0) <= PERIOD_MAX_S:
            self.bad_value[j] = f"values need a period above 0, at most {PERIOD_MAX_S} seconds"
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
        """A hash of (device, vital, at, value). Each distinct device is looked at once."""
        self.devices = devices = [r.device or "" for r in readings]
        place = {name: k for k, name in enumerate(dict.fromkeys(devices))}
        self.distinct_devices = list(place)
        self.device = np.array(list(map(place.__getitem__, devices)), np.int64)
        self.device_hash = device = np.array(list(map(xxh3_64_intdigest, place)), np.uint64)[self.device]
        value = np.ascontiguousarray(self.value + 0.0).view(np.uint64).copy()
        for j, samples in self.series.items():
            value[j] = xxh3_64_intdigest(samples.tobytes().hex())
        return _mix(device ^ _mix(self.vital.astype(np.uint64) ^ _mix(self.at.astype(np.uint64) ^ _mix(value))))


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """splitmix64 (Steele et al. 2014): every input bit reaches every output bit."""
    x = x + _GOLDEN
    x = (x ^ (x >> _SHIFTS[0])) * _FACTORS[0]
    x = (x ^ (x >> _SHIFTS[1])) * _FACTORS[1]
    mixed: npt.NDArray[np.uint64] = x ^ (x >> _SHIFTS[2])
    return mixed


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)
_FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
