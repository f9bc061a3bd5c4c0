"""Control records: how profiles, actions and the passing of time enter the one log that decides (DESIGN 2).

They travel on `readings` among the readings, told apart by the header `homebeat-type`, and are believed only with a
signature made with the deployment's secret: anyone who may publish readings could otherwise acknowledge an alert or
move the clock.

A signature can be copied with its record, and a record may be sequenced twice. So what is sequenced from another topic
says where it lay there (`homebeat-origin`, under the signature): the engine does nothing at or before the last place
that it has applied for the patient. A tick is harmless a second time, because time does not go backwards.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from alerts.sources import SourceChange
from models.readings import Instant, Reason, Refused
from models.times import rfc3339, to_us

TYPE_HEADER = "homebeat-type"
SIGNATURE_HEADER = "homebeat-signature"
ORIGIN_HEADER = "homebeat-origin"
Headers = Sequence[tuple[str, bytes]]


class ControlType(StrEnum):
    PROFILE = "profile"
    ACTION = "action"
    TICK = "tick"
    SOURCE = "source"


PARTITIONS_MAX, OFFSETS_MAX = 1 << 15, 1 << 48
"""What an origin can say: Kafka advises against more than a few thousand partitions. Beyond them it is refused."""
LIFE = 1 << 40
"""Offsets in one life of a topic (`topic_lives`): ten thousand profiles or actions a second for three years. There is
room for 256 lives, and places of a later one lie behind all of those before."""
TOPIC_OF = {ControlType.PROFILE: "profiles", ControlType.ACTION: "actions"}
"""The topic that records of a type are sequenced from."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a control record lay before it was sequenced.

    >>> str(Origin("profiles", 3, 17))
    'profiles/3/17'
    """

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class ControlRecord:
    """One control record. `key` is the patient (None for a tick or the state of a source, which go to every partition).
    A record from a file has no origin."""

    type: ControlType
    key: bytes | None
    value: bytes | None
    origin: Origin | None = None


class _Tick(msgspec.Struct):
    at: Instant


def profile(patient: str, document: bytes | None, origin: Origin | None = None) -> ControlRecord:
    """A version of a profile as it came; None forgets the patient."""
    return ControlRecord(ControlType.PROFILE, patient.encode(), document, origin)


def action(patient: str, document: bytes, origin: Origin | None = None) -> ControlRecord:
    """What a member of the care team did."""
    return ControlRecord(ControlType.ACTION, patient.encode(), document, origin)


def tick(at_us: int) -> ControlRecord:
    """It is now at_us [us since 1970], for every patient of the partition."""
    return ControlRecord(ControlType.TICK, None, msgspec.json.encode({"at": rfc3339(at_us)}))


def tick_at_us(record: ControlRecord) -> int:
    """The time a tick carries, in us since 1970. Raises Refused."""
    try:
        return to_us(msgspec.json.decode(record.value or b"", type=_Tick).at)
    except msgspec.DecodeError as error:
        raise Refused(Reason.BAD_SHAPE, f"a tick without its time: {error}") from error


def source(change: SourceChange) -> ControlRecord:
    """A source is in another state; for every partition, because its patients are on all of them."""
    return ControlRecord(ControlType.SOURCE, None, msgspec.json.encode(change))


def source_change(record: ControlRecord) -> SourceChange:
    """What a record of a source says. Raises Refused."""
    try:
        return msgspec.json.decode(record.value or b"", type=SourceChange)
    except msgspec.DecodeError as error:
        raise Refused(Reason.BAD_SHAPE, f"no state of a source: {error}") from error


def signed(record: ControlRecord, secret: bytes) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
    """Key, value and headers to publish."""
    headers = [(TYPE_HEADER, record.type.encode()), (SIGNATURE_HEADER, _signature(record, secret))]
    if record.origin is not None:
        headers.append((ORIGIN_HEADER, str(record.origin).encode()))
    return record.key, record.value, headers


def verified(key: bytes | None, value: bytes | None, headers: Headers, secret: bytes) -> ControlRecord:
    """The control record these bytes carry; Refused if the type is unknown or the signature is not ours."""
    found = {name: value or b"" for name, value in headers}  # Kafka allows a header without a value
    try:
        kind = ControlType(found.get(TYPE_HEADER, b"").decode())
    except ValueError as error:
        raise Refused(Reason.BAD_SHAPE, f"header {TYPE_HEADER} names no control record: {error}") from error
    record = ControlRecord(kind, key, value, _origin(kind, found.get(ORIGIN_HEADER)))
    if not hmac.compare_digest(found.get(SIGNATURE_HEADER, b""), _signature(record, secret)):
        raise Refused(_REASON[kind], f"control record ({kind}) without this deployment's signature")
    return record


def is_control(headers: Headers) -> bool:
    """Whether the record claims to be one of ours."""
    return any(name == TYPE_HEADER for name, _ in headers)


_REASON = {
    ControlType.PROFILE: Reason.BAD_PROFILE,
    ControlType.ACTION: Reason.BAD_ACTION,
    ControlType.TICK: Reason.BAD_SHAPE,
    ControlType.SOURCE: Reason.BAD_SHAPE,
}


def _origin(kind: ControlType, header: bytes | None) -> Origin | None:
    """Where the record says that it comes from. Raises Refused."""
    if header is None:
        return None
    match = re.fullmatch(rb"([a-z]{1,32})/([0-9]{1,15})/([0-9]{1,15})", header)
    if match is None or match[1].decode() != TOPIC_OF.get(kind):
        raise Refused(_REASON[kind], f"header {ORIGIN_HEADER} names no place that a {kind} comes from")
    origin = Origin(match[1].decode(), int(match[2]), int(match[3]))
    if origin.partition >= PARTITIONS_MAX or origin.offset >= OFFSETS_MAX or str(origin).encode() != header:
        raise Refused(_REASON[kind], f"header {ORIGIN_HEADER} names no place in a topic: {origin}")
    return origin


def _signature(record: ControlRecord, secret: bytes) -> bytes:
    """HMAC-SHA256 over length-prefixed parts, so that no two records share a message; null differs from empty."""
    parts: tuple[bytes | None, ...] = (record.type.encode(), record.key, record.value)
    if record.origin is not None:
        parts += (str(record.origin).encode(),)
    message = b"".join(b"-" if part is None else b"%d:%b" % (len(part), part) for part in parts)
    return hmac.new(secret, message, hashlib.sha256).hexdigest().encode()
