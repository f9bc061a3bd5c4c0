"""How a receiver knows that a message is ours and fresh.

The scheme is that of Standard Webhooks (https://www.standardwebhooks.com, version 1): HMAC-SHA256 over
`id.timestamp.body`, base64, with a version before it. The id is the idempotency key, so a signature cannot be moved to
another message; the timestamp bounds how long a recorded message can be played back.
"""

import base64
import binascii
import hashlib
import hmac

KEY_HEADER = "Idempotency-Key"
TIMESTAMP_HEADER = "Homebeat-Timestamp"
SIGNATURE_HEADER = "Homebeat-Signature"
VERSION = "v1"
TOLERANCE_S = 300
"""How far a receiver lets the timestamp be from its own clock. Source: Standard Webhooks, reference libraries."""


def signature(secret: bytes, key: str, timestamp: int, body: bytes) -> str:
    """The value of `Homebeat-Signature`: `v1,<base64>`. timestamp: whole seconds since 1970."""
    if not secret:
        raise ValueError("a webhook cannot be signed with an empty secret")
    signed = b".".join((key.encode(), str(timestamp).encode(), body))
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return f"{VERSION},{base64.b64encode(digest).decode()}"


def verified(secret: bytes, key: str, timestamp: str, given: str, body: bytes, now_s: float) -> bool:
    """Whether one of the space-separated signatures is ours and the timestamp is within `TOLERANCE_S` of now."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        return False
    if abs(now_s - int(timestamp)) > TOLERANCE_S:
        return False
    expected = _digest(signature(secret, key, int(timestamp), body))
    return any(hmac.compare_digest(expected, _digest(one)) for one in given.split(" "))


def _digest(one: str) -> bytes:
    version, _, encoded = one.partition(",")
    if version != VERSION:
        return b""
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""
