"""Bytes to readings: the only work done for each reading in Python.

A record that is no Reading is looked at again: it may be a FHIR Observation. Whatever fails has a reason and keeps its
bytes; the records around it are decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from models import fhir, mending
from models.observation import Reference
from models.readings import MAX_READING_BYTES, Reading, Reason, Refused
from streams.engine.log import LogSlice

_decoder = msgspec.json.Decoder(Reading)
_UNREADABLE = (msgspec.DecodeError, ValueError, TypeError, RecursionError)
_shape = msgspec.json.Decoder(dict[str, msgspec.Raw])
_any_json = msgspec.json.Decoder(msgspec.Raw)


class _Named(msgspec.Struct, gc=False):
    """What a record says of its device: a Reading its id, an Observation a reference."""

    device: str | Reference | None = None


_device = msgspec.json.Decoder(_Named).decode
REQUIRED = ("id", "patient", "code", "at")
"""Of a reading. Whoever lacks several sends something else, and is told of all at once, not of one after the other."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused record: its index in the slice, why, and the device if it could be read."""

    index: int
    reason: Reason
    detail: str
    source: str | None = None


@dataclass(slots=True)
class Decoded:
    """readings and the index of the record each came from (a FHIR panel gives several with one index)."""

    readings: list[Reading] = field(default_factory=list)
    index: list[int] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def decode(log: LogSlice, places: Sequence[int]) -> Decoded:
    """Decode the records of a slice at these places."""
    return _all_readings(log, places) or _one_by_one(log, places)


def _all_readings(log: LogSlice, places: Sequence[int]) -> Decoded | None:
    """The usual case, at half the price: every record is a Reading. None if one is not."""
    values = log.value if len(places) == len(log.value) else list(map(log.value.__getitem__, places))
    try:
        if max(map(len, values), default=0) > MAX_READING_BYTES:  # type: ignore[arg-type]  # null is a TypeError
            return None
        return Decoded(list(map(_decoder.decode, values)), list(places))  # type: ignore[arg-type]
    except _UNREADABLE:
        return None


def _one_by_one(log: LogSlice, places: Sequence[int]) -> Decoded:
    """Each record for itself, so that a bad one hurts nobody else."""
    out = Decoded()
    readings, index = out.readings, out.index
    one, value = _decoder.decode, log.value
    for i in places:
        raw = value[i]
        try:
            if len(raw) > MAX_READING_BYTES:  # type: ignore[arg-type]  # null is caught below, off the fast path
                raise Refused(Reason.TOO_LARGE, f"{len(raw)} bytes; at most {MAX_READING_BYTES}")  # type: ignore[arg-type]
            readings.append(one(raw))  # type: ignore[arg-type]
            index.append(i)
        except (*_UNREADABLE, Refused) as error:
            _other(out, i, raw, error)
    return out


def _other(out: Decoded, i: int, raw: bytes | None, error: Exception) -> None:
    """A record that is no Reading: FHIR, or refused. Of an Observation some parts may be read, and others refused."""
    refused = list[Refused]()
    try:
        found = _read_other(raw, error, refused)
    except Refused as wrong:
        found, refused = [], [wrong]
    out.refused += [Refusal(i, one.reason, one.detail, device_of(raw) or None) for one in refused]
    out.readings += found
    out.index += [i] * len(found)


def _read_other(raw: bytes | None, error: Exception, unread: list[Refused]) -> list[Reading]:
    """The readings of a FHIR Observation; Refused for anything else. unread: takes why some of its parts are not."""
    if isinstance(error, Refused):
        raise error
    if raw is None:
        raise Refused(Reason.BAD_SHAPE, "the record has no value (null); a reading needs one")
    fields = _fields(raw)
    if "resourceType" in fields:
        return fhir.readings_from_observation(raw, unread)
    if len(missing := [name for name in REQUIRED if name not in fields]) > 1:
        detail = f"neither a reading ({', '.join(missing)} are missing) nor a FHIR Observation (it has no resourceType)"
        raise Refused(Reason.BAD_SHAPE, detail) from error
    if not isinstance(error, msgspec.ValidationError):
        _text(raw)
    raise Refused(_misshapen(error), mending.of_reading(str(error))) from error


def _text(raw: bytes) -> str:
    """The record as text; Refused if it is none. msgspec says that in one way before 0.23, and in another since."""
    try:
        return raw.decode()
    except UnicodeDecodeError as other:
        raise Refused(Reason.NOT_JSON, mending.of_bytes(raw, other)) from other


def device_of(raw: bytes | None) -> str:
    """The device that a refused record names, as far as it can be read; "" if it cannot."""
    try:
        named = _device(raw or b"").device
    except _UNREADABLE:
        return ""
    if isinstance(named, str):
        return named
    return fhir.device_name(named) if named is not None else ""


def _fields(raw: bytes) -> dict[str, msgspec.Raw]:
    """The fields of a JSON object; Refused if it is none."""
    try:
        _any_json.decode(raw)  # first: a damaged array is not JSON, rather than JSON of another shape
        return _shape.decode(raw)
    except msgspec.ValidationError as other:
        raise Refused(Reason.BAD_SHAPE, "the record is JSON but no object") from other
    except RecursionError as other:
        raise Refused(Reason.BAD_SHAPE, "nested too deeply") from other
    except (msgspec.DecodeError, ValueError) as other:
        raise Refused(Reason.NOT_JSON, mending.of_bytes(raw, other)) from other


def _misshapen(error: Exception) -> Reason:
    """A value that is no number is a bad value; everything else is a bad shape."""
    return Reason.BAD_VALUE if "`$.value" in str(error) else Reason.BAD_SHAPE
