"""Acknowledging by a link in a message: signed, expiring, for one person and one alert, and of one use.

A token names the alert, its patient, who was asked and until when it holds. Its action id follows from the token, so
the log itself makes a second use a repeat that does nothing. A link is opened by mail scanners and previews too:
whoever serves it shows a page on GET, and acts on POST only.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

import msgspec

VALID_S = 24 * 3600
"""How long a link holds. The alert may be acknowledged in other ways after that."""
TOKEN_CHARS_MAX = 1024
_ACTION = "acknowledge"


class Refused(Exception):
    """The token does not hold. why: `forged` (or damaged) or `expired`."""

    def __init__(self, why: Literal["forged", "expired"]) -> None:
        super().__init__(why)
        self.why = why


class _Claims(msgspec.Struct, array_like=True):
    alert_id: str
    patient: str
    member: str
    expires_s: int


@dataclass(frozen=True)
class Link:
    """What a token that holds says. action_id: always the same for the same token."""

    alert_id: str
    patient: str
    member: str
    expires_s: int
    action_id: str


def key_of(secret: bytes) -> bytes:
    """What signs links. Never the deployment's secret itself: it signs control records."""
    return hmac.digest(secret, b"homebeat acknowledge link", "sha256")


def issue(key: bytes, alert_id: str, patient: str, member: str, now_s: float, valid_s: int = VALID_S) -> str:
    """A token for a link: letters, digits, `-`, `_` and one dot."""
    claims = msgspec.json.encode(_Claims(alert_id, patient, member, int(now_s) + valid_s))
    return f"{_text(claims)}.{_text(_signature(key, claims))}"


def read(key: bytes, token: str, now_s: float) -> Link:
    """What the token says. Raises Refused."""
    claims, given = _parts(token)
    if not hmac.compare_digest(_signature(key, claims), given):
        raise Refused("forged")
    one = msgspec.json.decode(claims, type=_Claims)
    if now_s >= one.expires_s:
        raise Refused("expired")
    action_id = f"link-{hashlib.sha256(claims).hexdigest()[:24]}"
    return Link(one.alert_id, one.patient, one.member, one.expires_s, action_id)


def _parts(token: str) -> tuple[bytes, bytes]:
    claims, dot, signature = token.partition(".")
    if not dot or len(token) > TOKEN_CHARS_MAX or not token.isascii():
        raise Refused("forged")
    try:
        return _bytes(claims), _bytes(signature)
    except (binascii.Error, ValueError):
        raise Refused("forged") from None


def _signature(key: bytes, claims: bytes) -> bytes:
    return hmac.digest(key, _ACTION.encode() + b"\n" + claims, "sha256")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _text(raw) != text:
        raise ValueError("not written as we write it")
    return raw
