"""What is kept of a patient is small, and comes back as it was."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.profile import parse_profile
from models.times import US_PER_DAY
from streams.benching import recovery
from streams.engine.people import Person, compressed, decompressed
from streams.engine.state import PartitionState
from tests.engine.factories import START_US, profile

TAKES: dict[str, Any] = {"medications": [{"code": "bisoprolol", "start": "2019-01-01"}], "birth_date": "1950-01-06"}


@given(st.binary(max_size=300))
def test_whatever_document_comes_back_as_it_came(document: bytes) -> None:
    assert decompressed(compressed(document)) == document
    assert len(compressed(document)) <= len(document) + 1


def test_a_profile_takes_a_third_of_its_size() -> None:
    documents = [recovery.profile(n, f"p-{n}") for n in range(50)]
    assert sum(map(len, map(compressed, documents))) < sum(map(len, documents)) / 3
    assert all(json.loads(decompressed(compressed(one))) == json.loads(one) for one in documents)


@pytest.mark.parametrize("kept", [b"", b"\x02abc", b"\x01no deflate"])
def test_what_was_never_kept_is_an_error_and_not_a_profile(kept: bytes) -> None:
    with pytest.raises(ValueError, match="document"):
        decompressed(kept)


def test_a_person_of_whom_nothing_is_open_has_nothing() -> None:
    person = Person("p-1", compressed(profile()))
    assert (person.document, list(person.known_episodes), person.devices) == (profile(), [], {})
    person.devices = {7: "urn:dev:watch-9"}
    assert person.devices == {7: "urn:dev:watch-9"}
    person.devices = {}
    assert person.kept_devices == b""


def knowing(document: bytes, off: frozenset[str] = frozenset()) -> PartitionState:
    """A state that knows one patient, in slot 0."""
    state = PartitionState()
    state.off = off
    state.put_profile(state.add_patient("p-1"), parse_profile(document), document)
    return state


def test_what_is_expected_is_kept_at_hand_by_the_bytes_of_the_profile_and_by_nothing_else() -> None:
    """Another state that knows the same shares it; another profile of the same version, another day, and a deployment
    that leaves a modifier out each have their own."""
    takes, year_us = profile(**TAKES), 400 * US_PER_DAY
    first = knowing(takes).expectation(0, START_US)
    assert knowing(takes).expectation(0, START_US) is first
    others = [
        knowing(profile()).expectation(0, START_US), knowing(takes).expectation(0, START_US + year_us),
        knowing(takes, frozenset({"beta_blocker"})).expectation(0, START_US),
    ]  # fmt: skip
    assert all(one.modifiers != first.modifiers for one in others)


def test_a_new_profile_is_expected_from_at_once() -> None:
    state = knowing(profile(**TAKES))
    before = state.expectation(0, START_US)
    state.put_profile(0, parse_profile(profile()), profile())
    assert state.expectation(0, START_US).modifiers != before.modifiers
