"""The records in a body: one, a list, a line each, or the entries of a FHIR Bundle. Each keeps its own bytes."""

import msgspec

from models import mending
from models.readings import Reason, Refused
from streams import limits
from streams.gateway.body import Kind

_list = msgspec.json.Decoder(list[msgspec.Raw])
_any = msgspec.json.Decoder(msgspec.Raw)
_UNREADABLE = (msgspec.DecodeError, ValueError)
BLANK = b" \t\r\n"
AS_LINES = "; one reading a line is application/x-ndjson"


class _Kind(msgspec.Struct, gc=False):
    resourceType: str | None = None


class _Entry(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw()


class _Bundle(msgspec.Struct):
    entry: list[msgspec.Raw] = []


_kind = msgspec.json.Decoder(_Kind)
_bundle = msgspec.json.Decoder(_Bundle)
_entry = msgspec.json.Decoder(_Entry)


def records_of(body: bytes, kind: Kind) -> list[bytes]:
    """The records of a body in their order.

    Raises Refused where none can be told: `not_json`, `bad_shape` (nested too deeply, no list of entries), `too_large`
    (more than GATEWAY_RECORDS_MAX). Whether one of them can be read is for others to say.
    """
    found = _lines(body) if kind is Kind.LINES else _of_json(body)
    if len(found) > limits.GATEWAY_RECORDS_MAX:
        detail = f"{len(found)} records; at most {limits.GATEWAY_RECORDS_MAX} at once: send smaller batches"
        raise Refused(Reason.TOO_LARGE, detail)
    return found


def _lines(body: bytes) -> list[bytes]:
    return [line for raw in body.split(b"\n") if (line := raw.strip(BLANK))]


def _of_json(body: bytes) -> list[bytes]:
    try:
        _any.decode(body)
        if body.lstrip(BLANK).startswith(b"["):
            return [bytes(one) for one in _list.decode(body)]
    except RecursionError:
        raise Refused(Reason.BAD_SHAPE, "nested too deeply") from None
    except _UNREADABLE as wrong:
        hint = AS_LINES if b"}\n{" in body or b"}\r\n{" in body else ""
        raise Refused(Reason.NOT_JSON, mending.of_bytes(body, wrong) + hint) from None
    return _entries(body) if _is_bundle(body) else [body.strip(BLANK)]


def _is_bundle(body: bytes) -> bool:
    try:
        return _kind.decode(body).resourceType == "Bundle"
    except (*_UNREADABLE, RecursionError):
        return False


def _entries(body: bytes) -> list[bytes]:
    """The resource of each entry. What has none stands for itself, and is refused as any other that is no reading."""
    try:
        return [_resource(bytes(entry)) for entry in _bundle.decode(body).entry]
    except (*_UNREADABLE, RecursionError) as wrong:
        raise Refused(Reason.BAD_SHAPE, f"the Bundle has no list of entries: {wrong}") from None


def _resource(entry: bytes) -> bytes:
    try:
        return bytes(_entry.decode(entry).resource) or entry
    except (*_UNREADABLE, RecursionError):
        return entry
