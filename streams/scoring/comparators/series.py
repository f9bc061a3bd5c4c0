"""A patient's readings as arrays, and one figure a local day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

from models.prior import to_scale
from models.profile_fields import is_timezone
from models.readings import Instant, Refused
from models.segments import Bools, Ints
from models.times import US_PER_DAY, US_PER_S, from_us
from models.units import convert
from models.vitals import BY_NAME, CODE_TO_VITAL, VITALS
from streams.errors import Failed
from streams.limits import DOCUMENT_MESSAGE_BYTES_MAX
from streams.lines import line_batches, opened
from streams.scoring.clocks import AHEAD_US, measured_us

Floats = npt.NDArray[np.float64]
RESTING, HEART = BY_NAME["resting_heart_rate"].index, BY_NAME["heart_rate"].index
NIGHT_H = (0, 7)
UNKNOWN_ZONE = "UTC"
_MOVING = frozenset({"active", "exercise"})


class _Context(msgspec.Struct):
    activity: str = "unknown"


class _Measured(msgspec.Struct):
    patient: str
    code: str
    at: Instant
    arrived: Instant | None = None
    value: float | str | None = None
    unit: str | None = None
    context: _Context | None = None


@dataclass(frozen=True)
class Taken:
    """Readings of one vital in order of time, (n,): at [us since 1970], value (canonical unit), still: not known to
    move. A reading that came twice is there once."""

    at: Ints
    value: Floats
    still: Bools


@dataclass(frozen=True)
class Daily:
    """One figure a local day, on the working scale, for every day from the first to the last: value (n,), NaN where
    there is none; known_at (n,): when its last reading was taken [us since 1970]."""

    value: Floats
    known_at: Ints


@dataclass
class Series:
    """What a rule sees of one patient: readings by vital (row in VITALS), and the time zone of the profile."""

    patient: str
    zone: str = UNKNOWN_ZONE
    conditions: frozenset[str] = frozenset()
    taken: dict[int, Taken] = field(default_factory=dict)
    notes: dict[str, object] = field(default_factory=dict)
    """What a rule has computed once and uses for every limit."""

    def daily(self, vital: int) -> Daily | None:
        """The day's mean of the readings at rest; for the resting heart rate, where no device states it, the mean
        heart rate at rest from midnight to seven."""
        if vital == RESTING and vital not in self.taken:
            return self.nights
        return _daily(self.taken[vital], self.zone, vital, None) if vital in self.taken else None

    @cached_property
    def nights(self) -> Daily | None:
        """The mean heart rate at rest of each night."""
        return _daily(self.taken[HEART], self.zone, HEART, NIGHT_H) if HEART in self.taken else None


def _daily(taken: Taken, zone: str, vital: int, hours: tuple[int, int] | None) -> Daily | None:
    local = taken.at + offsets_us(taken.at, zone)
    keep = taken.still.copy()
    if hours is not None:
        hour = local % US_PER_DAY // (3600 * US_PER_S)
        keep &= (hour >= hours[0]) & (hour < hours[1])
    if not keep.any():
        return None
    day = local[keep] // US_PER_DAY
    place = day - day[0]
    n = int(place[-1]) + 1
    count = np.bincount(place, minlength=n)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(place, on_scale(taken.value[keep], vital), minlength=n) / np.where(count, count, np.nan)
    known_at = np.zeros(n, np.int64)
    known_at[place] = taken.at[keep]
    return Daily(mean, known_at)


def on_scale(value: Floats, vital: int) -> Floats:
    """Values of one vital on its working scale."""
    scale = VITALS[vital].scale
    return np.log(value) if scale == "ln" else np.log1p(value) if scale == "ln1p" else value


def level(vital: int, value: float) -> float:
    """One value on the vital's working scale."""
    return to_scale(VITALS[vital].scale, value)


def offsets_us(at: Ints, zone: str) -> Ints:
    """Local time minus UTC, (n,) [us], as it was at noon of the (UTC) day."""
    day, which = np.unique(at // US_PER_DAY, return_inverse=True)
    found: Ints = np.array([_offset_us(int(one), zone) for one in day], np.int64)[which]
    return found


@lru_cache(maxsize=100_000)
def _offset_us(day: int, zone: str) -> int:
    noon: datetime = from_us(day * US_PER_DAY + US_PER_DAY // 2).astimezone(ZoneInfo(zone))
    offset = noon.utcoffset()
    return 0 if offset is None else round(offset.total_seconds()) * US_PER_S


def read(
    readings: Iterable[Path], profiles: Iterable[Mapping[str, object]] = (), ahead_us: int = AHEAD_US
) -> list[Series]:
    """The series of every patient of these files, by patient. What is no single numeric reading of a known vital
    within its physical range (a series of steps, a FHIR Observation), or of a time that cannot be (ahead_us: see
    `clocks`), is passed over. Raises Failed."""
    rows: dict[tuple[str, int], list[tuple[int, float, bool]]] = {}
    for reading in (reading for path in readings for reading in _readings(path)):
        vital, at_us = CODE_TO_VITAL.get(reading.code), measured_us(reading.at, reading.arrived, ahead_us)
        value = None if vital is None else _value(vital, reading)
        if vital is not None and value is not None and at_us is not None:
            still = reading.context is None or reading.context.activity not in _MOVING
            rows.setdefault((reading.patient, vital), []).append((at_us, value, still))
    series = {patient: Series(patient) for patient in sorted({patient for patient, _ in rows})}
    for profile in profiles:
        known = series.get(str(profile.get("patient")))
        if known is not None:
            known.zone = _zone(profile)
            listed = profile.get("conditions", [])
            codes = [entry.get("code") for entry in listed] if isinstance(listed, list) else []
            known.conditions = frozenset(code for code in codes if isinstance(code, str))
    for (patient, vital), taken in rows.items():
        series[patient].taken[vital] = _arrays(taken)
    return list(series.values())


def _zone(profile: Mapping[str, object]) -> str:
    """The time zone of a profile; that of nobody known where it names none that there is: homebeat refuses such a
    profile."""
    try:
        return is_timezone(str(profile.get("timezone", UNKNOWN_ZONE)))
    except ValueError:
        return UNKNOWN_ZONE


def _arrays(rows: list[tuple[int, float, bool]]) -> Taken:
    at, value, still = (np.array(column) for column in zip(*sorted(set(rows)), strict=True))
    return Taken(at.astype(np.int64), value.astype(np.float64), still.astype(bool))


def _value(vital: int, reading: _Measured) -> float | None:
    if not isinstance(reading.value, float | int) or VITALS[vital].categorical:
        return None
    try:
        value = convert(vital, float(reading.value), reading.unit)
    except Refused:
        return None
    return value if VITALS[vital].low <= value <= VITALS[vital].high else None


def _readings(path: Path) -> Iterable[_Measured]:
    decode = msgspec.json.Decoder(_Measured).decode
    try:
        with opened(path) as stream:
            for batch in line_batches(stream, DOCUMENT_MESSAGE_BYTES_MAX):
                for _, content in batch:
                    try:
                        yield decode(content)
                    except (msgspec.DecodeError, UnicodeDecodeError):
                        continue
    except OSError as wrong:
        raise Failed(f"{path} cannot be read: {wrong.strerror or wrong}") from None
