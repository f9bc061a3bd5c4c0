"""Control records: how profiles, actions and the passing of time enter the one log that decides (DESIGN 2).

They travel on `readings` among the readings, told apart by the header `homebeat-type`, and are believed only with a
signature made with the deployment's secret: anyone who may publish readings could otherwise acknowledge an alert or
move the clock. A record may be sequenced twice; profile versions, action ids and tick times make that harmless.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from models.readings import Instant, Reason, Refused
from models.times import rfc3339, to_us

TYPE_HEADER = "homebeat-type"
SIGNATURE_HEADER = "homebeat-signature"
Headers = Sequence[tuple[str, bytes]]


class ControlType(StrEnum):
    PROFILE = "profile"
    ACTION = "action"
    TICK = "tick"


@dataclass(frozen=True, slots=True)
class ControlRecord:
    """One control record. `key` is the patient (None for a tick, which goes to every partition)."""

    type: ControlType
    key: bytes | None
    value: bytes | None


class _Tick(msgspec.Struct):
    at: Instant


def profile(patient: str, document: bytes | None) -> ControlRecord:
    """A version of a profile as it came; None forgets the patient."""
    return ControlRecord(ControlType.PROFILE, patient.encode(), document)


def action(patient: str, document: bytes) -> ControlRecord:
    """What a member of the care team did."""
    return ControlRecord(ControlType.ACTION, patient.encode(), document)


def tick(at_us: int) -> ControlRecord:
    """It is now at_us [us since 1970], for every patient of the partition."""
    return ControlRecord(ControlType.TICK, None, msgspec.json.encode({"at": rfc3339(at_us)}))


def tick_at_us(record: ControlRecord) -> int:
    """The time a tick carries, in us since 1970. Raises Refused."""
    try:
        return to_us(msgspec.json.decode(record.value or b"", type=_Tick).at)
    except msgspec.DecodeError as error:
        raise Refused(Reason.BAD_SHAPE, f"a tick without its time: {error}") from error


def signed(record: ControlRecord, secret: bytes) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
    """Key, value and headers to publish."""
    headers = [(TYPE_HEADER, record.type.encode()), (SIGNATURE_HEADER, _signature(record, secret))]
    return record.key, record.value, headers


def verified(key: bytes | None, value: bytes | None, headers: Headers, secret: bytes) -> ControlRecord:
    """The control record these bytes carry; Refused if the type is unknown or the signature is not ours."""
    found = {name: value or b"" for name, value in headers}  # Kafka allows a header without a value
    try:
        kind = ControlType(found.get(TYPE_HEADER, b"").decode())
    except ValueError as error:
        raise Refused(Reason.BAD_SHAPE, f"header {TYPE_HEADER} names no control record: {error}") from error
    record = ControlRecord(kind, key, value)
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
}


def _signature(record: ControlRecord, secret: bytes) -> bytes:
    """HMAC-SHA256 over length-prefixed parts, so that no two records share a message; null differs from empty."""
    parts = (record.type.encode(), record.key, record.value)
    message = b"".join(b"-" if part is None else b"%d:%b" % (len(part), part) for part in parts)
    return hmac.new(secret, message, hashlib.sha256).hexdigest().encode()
