"""Acknowledging by a link in a message: sealed, expiring, for one person and one alert, and of one use.

A token holds the alert, its patient, who was asked, until when it holds and whose patient it was, and only who has the
key can read it: it goes through channels that may not name the patient. Its action id follows from what it holds, so
the log itself makes a second use a repeat that does nothing. A link is opened by mail scanners and previews too:
whoever serves it shows a page on GET, and acts on POST only.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

VALID_S = 24 * 3600
"""How long a link holds. The alert may be acknowledged in other ways after that."""
TOKEN_CHARS_MAX = 1024
_ACTION = b"acknowledge"


class Refused(Exception):
    """The token does not hold. why: `forged` (or damaged) or `expired`."""

    def __init__(self, why: Literal["forged", "expired"]) -> None:
        super().__init__(why)
        self.why = why


UNSAID = ""
"""The team of links that were sent before they held one."""


class _Claims(msgspec.Struct, array_like=True):
    alert_id: str
    patient: str
    member: str
    expires_s: int
    team: str | None = UNSAID


@dataclass(frozen=True)
class Link:
    """What a token that holds says. action_id: always the same for the same token; team: that answered for the patient
    when it was sent, UNSAID if the token is of before it said so."""

    alert_id: str
    patient: str
    member: str
    expires_s: int
    action_id: str
    team: str | None


def key_of(secret: bytes) -> bytes:
    """What seals links. Never the deployment's secret itself: it signs control records."""
    return hmac.digest(secret, b"homebeat acknowledge link", "sha256")


def issue(
    key: bytes, alert_id: str, patient: str, member: str, now_s: float, valid_s: int = VALID_S, *, team: str | None
) -> str:
    """A token for a link: letters, digits, `-` and `_`."""
    claims = msgspec.json.encode(_Claims(alert_id, patient, member, int(now_s) + valid_s, team))
    return _text(_sealing(key).encrypt(claims, [_ACTION]))


def read(key: bytes, token: str, now_s: float) -> Link:
    """What the token says. Raises Refused."""
    claims = _opened(key, token)
    one = msgspec.json.decode(claims, type=_Claims)
    if now_s >= one.expires_s:
        raise Refused("expired")
    action_id = f"link-{hashlib.sha256(claims).hexdigest()[:24]}"
    return Link(one.alert_id, one.patient, one.member, one.expires_s, action_id, one.team)


def _opened(key: bytes, token: str) -> bytes:
    if len(token) > TOKEN_CHARS_MAX or not token.isascii():
        raise Refused("forged")
    try:
        return _sealing(key).decrypt(_bytes(token), [_ACTION])
    except (InvalidTag, ValueError):  # binascii.Error is one
        raise Refused("forged") from None


def _sealing(key: bytes) -> AESSIV:
    """AES-SIV (RFC 5297): sealed and authenticated in one, and the same claims always give the same token."""
    return AESSIV(hashlib.sha512(key).digest())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _text(raw) != text:
        raise ValueError("not written as we write it")
    return raw
