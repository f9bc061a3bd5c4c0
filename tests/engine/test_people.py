"""What is kept of a patient is small, and comes back as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.benching import recovery
from streams.engine.people import Person, compressed, decompressed
from tests.engine.factories import profile


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
