"""Links that acknowledge: sealed, expiring, of one use by the log itself."""

import base64
import hashlib

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st

from alerts.links import UNSAID, VALID_S, Refused, issue, key_of, read

KEY, NOW = key_of(b"a secret of the deployment"), 1_767_600_000.0
TOKEN = issue(KEY, "a-1", "p-1", "ann", NOW, team="cardiology")


def test_a_token_says_whose_alert_and_who_was_asked_and_always_the_same_action() -> None:
    link = read(KEY, TOKEN, NOW + VALID_S - 1)
    assert (link.alert_id, link.patient, link.member) == ("a-1", "p-1", "ann")
    assert read(KEY, TOKEN, NOW + 5).action_id == link.action_id, "a second use is a repeat, which the log ignores"
    assert read(KEY, issue(KEY, "a-1", "p-1", "bob", NOW, team="cardiology"), NOW).action_id != link.action_id
    assert all(character.isalnum() or character in "-_." for character in TOKEN)


def test_who_has_no_key_reads_nobody_out_of_it() -> None:
    said = base64.urlsafe_b64decode(TOKEN + "=" * (-len(TOKEN) % 4))
    assert not any(name in said for name in (b"a-1", b"p-1", b"ann"))
    assert issue(KEY, "a-1", "p-1", "ann", NOW, team="cardiology") == TOKEN, "the same message again has the same link"


def test_a_link_that_was_sent_before_links_held_a_team_is_still_read() -> None:
    claims = msgspec.json.encode(["a-1", "p-1", "ann", int(NOW) + VALID_S])
    sealed = AESSIV(hashlib.sha512(KEY).digest()).encrypt(claims, [b"acknowledge"])
    link = read(KEY, base64.urlsafe_b64encode(sealed).decode().rstrip("="), NOW)
    assert (link.member, link.team) == ("ann", UNSAID)
    assert read(KEY, TOKEN, NOW).team == "cardiology"


def test_it_expires() -> None:
    with pytest.raises(Refused, match="expired"):
        read(KEY, TOKEN, NOW + VALID_S)


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from("abcXYZ019-_."))
def test_no_changed_character_passes(place: int, character: str) -> None:
    changed = TOKEN[:place] + character + TOKEN[place + 1 :]
    if changed != TOKEN:
        with pytest.raises(Refused, match="forged"):
            read(KEY, changed, NOW)


@given(st.text(max_size=60))
def test_nonsense_is_forged(text: str) -> None:
    with pytest.raises(Refused, match="forged"):
        read(KEY, text, NOW)


def test_another_deployment_signs_otherwise() -> None:
    with pytest.raises(Refused, match="forged"):
        read(key_of(b"another secret"), TOKEN, NOW)
