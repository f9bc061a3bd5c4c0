"""A request's body: which kind it is, and its bytes, unpacked within bounds before anything looks at them."""

import zlib
from collections.abc import AsyncIterable
from enum import Enum

from streams import limits
from streams.gateway.answers import RequestRefused

GZIP_WBITS = 31
"""Of zlib: gzip, and nothing else."""
AS_IT_IS = ("", "identity")
KIND_OF = {
    "application/json": "json", "application/fhir+json": "json",
    "application/x-ndjson": "lines", "application/ndjson": "lines", "application/jsonl": "lines",
    "application/fhir+ndjson": "lines",
}  # fmt: skip


class Kind(Enum):
    """One JSON text, or one a line."""

    JSON = "json"
    LINES = "lines"


def kind_of(content_type: str) -> Kind:
    """What a body of this type is. Raises RequestRefused (415)."""
    name, _, parameters = content_type.partition(";")
    kind = KIND_OF.get(name.strip().lower())
    if kind is None:
        raise RequestRefused(
            415, f"the Content-Type {name.strip()!r:.80} is not read here: send application/json, application/x-ndjson "
            "(one reading a line) or application/fhir+json",
        )  # fmt: skip
    charset = parameters.partition("charset=")[2].split(";")[0].strip().strip('"').lower()
    if charset not in ("", "utf-8", "utf8"):
        raise RequestRefused(415, f"the charset {charset!r:.40} is not read here: send UTF-8")
    return Kind(kind)


def is_packed(encoding: str) -> bool:
    """Whether a body with this Content-Encoding is gzip. Raises RequestRefused (415)."""
    name = encoding.strip().lower()
    if name not in (*AS_IT_IS, "gzip"):
        raise RequestRefused(415, f"the Content-Encoding {name!r:.40} is not read here: send gzip, or none")
    return name == "gzip"


def check_length(length: str | None) -> None:
    """Refuse what says itself that it is too large, before any of it is read. Raises RequestRefused."""
    if length is not None and length.isascii() and length.isdigit() and int(length) > limits.GATEWAY_BODY_BYTES_MAX:
        raise too_large(limits.GATEWAY_BODY_BYTES_MAX, "")


async def read_body(chunks: AsyncIterable[bytes], *, packed: bool) -> bytes:
    """The bytes of a body, unpacked. Never holds more than the bounds. Raises RequestRefused (400, 413)."""
    body, came = bytearray(), 0
    unpacking = zlib.decompressobj(GZIP_WBITS) if packed else None
    async for chunk in chunks:
        came += len(chunk)
        if came > limits.GATEWAY_BODY_BYTES_MAX:
            raise too_large(limits.GATEWAY_BODY_BYTES_MAX, "")
        room = limits.GATEWAY_UNPACKED_BYTES_MAX - len(body)
        body += chunk if unpacking is None else _unpacked(unpacking, chunk, room)
    if unpacking is not None and not unpacking.eof:
        raise RequestRefused(400, "the body is not whole gzip: it ends too early")
    return bytes(body)


def _unpacked(unpacking: "zlib._Decompress", chunk: bytes, room: int) -> bytes:
    """What a chunk brings, as long as there is room: a bomb is stopped where it begins to go off."""
    if unpacking.eof and chunk:
        raise RequestRefused(400, "something follows the end of the gzip body: send one gzip member")
    try:
        found = unpacking.decompress(chunk, room + 1)
    except zlib.error as wrong:
        raise RequestRefused(400, f"the body is not gzip: {wrong}") from None
    if len(found) > room:
        raise too_large(limits.GATEWAY_UNPACKED_BYTES_MAX, " unpacked")
    if unpacking.unused_data:
        raise RequestRefused(400, "something follows the end of the gzip body: send one gzip member")
    return found


def too_large(most: int, how: str) -> RequestRefused:
    """A body, or what is in it."""
    return RequestRefused(413, f"the body has more than {most} bytes{how}: send smaller batches, one after the other")
