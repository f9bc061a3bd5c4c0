"""A refusal tells a person what to change, and not what the library that found it thinks."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.profile import parse_profile
from models.readings import ID_PATTERN, Reason, Refused, are_ids
from streams.engine.sources import parse_action
from tests.engine.factories import Log, profile, run

GOOD = {"id": "r-1", "patient": "p-1", "code": "8867-4", "value": 72, "unit": "/min", "at": "2026-01-05T08:00:00Z"}
READINGS: dict[str, tuple[dict[str, Any], str]] = {
    "a time without seconds": ({"at": "2026-01-05T08:00Z"}, "send RFC 3339 with an offset, such as 2026-01-05T08:00"),
    "a time without offset": ({"at": "2026-01-05T08:00:00"}, "send RFC 3339 with an offset"),
    "a date": ({"at": "2026-01-05"}, "send RFC 3339 with an offset"),
    "an activity": ({"context": {"activity": "running"}}, "send one of rest, sleep, active, exercise, unknown"),
    "a number as text": ({"value": "72"}, "'72' is a text: send the number without quotation marks"),
    "no value": ({"value": True}, "send a number without quotation marks, or for consciousness one of A C V P U"),
    "a code": ({"code": "HR"}, "code 'HR' names no vital: send LOINC, an MDC_ reference id or its own name"),
    "a mean": ({"code": "8478-0"}, "names no vital: it is mean arterial pressure"),
}  # fmt: skip
BYTES = {
    "a byte order mark": (b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), "send UTF-8 without one"),
    "UTF-16": (json.dumps(GOOD).encode("utf-16"), "looks like UTF-16: send UTF-8"),
    "UTF-16 without a mark": (json.dumps(GOOD).encode("utf-16-be"), "looks like UTF-16: send UTF-8"),
    "NaN": (json.dumps(GOOD | {"value": float("nan")}).encode(), "JSON has no NaN"),
}
PROFILES: dict[str, tuple[dict[str, Any], str]] = {
    "a team with a space": (
        {"care_team": "Ward 7"},
        "care_team: is not 1 to 128 characters of printable ASCII without",
    ),
    "an empty code": ({"conditions": [{"code": ""}]}, "conditions[0].code: is not 1 to 128 characters without control"),
    "a birth long ago": ({"birth_date": "1850-04-02"}, "birth_date: must be not before 1900-01-01"),
    "news from far ahead": ({"updated": "2300-01-01T00:00:00Z"}, "updated: must be before 2200-01-01"),
    "two faults": (
        {"care_team": "Ward 7", "height_cm": 3},
        "height_cm: Input should be greater than or equal to 30 (and 1 more)",
    ),
    "a field of our own": (
        {"consent": {"monitoring": True, "x" * 70: 1}},
        "consent." + "x" * 64 + ": is not a field of a",
    ),
    "too many": ({"conditions": [{"code": "copd"}] * 300}, "conditions: has 300 entries; at most 256 are kept"),
}


def told(raw: bytes) -> str:
    log = Log()
    log.profile()
    log.add(b"p-1", raw)
    return run(log).rejects[0].detail


@pytest.mark.parametrize("name", READINGS)
def test_a_refused_reading_says_what_to_send(name: str) -> None:
    fields, says = READINGS[name]
    assert says in told(json.dumps(GOOD | fields).encode())


@pytest.mark.parametrize("name", BYTES)
def test_bytes_that_are_no_json_are_told_apart_by_what_made_them(name: str) -> None:
    raw, says = BYTES[name]
    assert says in told(raw)


@pytest.mark.parametrize("name", PROFILES)
def test_a_refused_profile_shows_no_pattern_and_no_python(name: str) -> None:
    fields, says = PROFILES[name]
    with pytest.raises(Refused) as refused:
        parse_profile(profile(**fields))
    assert refused.value.detail.startswith(says)


def test_a_refused_action_names_its_field() -> None:
    """In a replay it was "Field required", of whatever field."""
    given = {"action_id": "x", "alert_id": "a-1", "patient": "p-1", "at": "2026-01-05T08:00:00Z", "type": "comment"}
    with pytest.raises(Refused, match="by: is required; add it"):
        parse_action(json.dumps(given).encode())
    with pytest.raises(Refused, match="untill: is not a field of an action; correct its name or remove it"):
        parse_action(json.dumps(given | {"by": "ann", "untill": "2026-01-05T09:00:00Z"}).encode())


def test_where_a_document_breaks_off_is_said() -> None:
    with pytest.raises(Refused) as refused:
        parse_profile(b'{"patient": "p-1", "version":')
    assert (refused.value.reason, "EOF" in refused.value.detail) == (Reason.NOT_JSON, True)


@given(st.lists(st.text(st.characters(max_codepoint=0x100), max_size=3) | st.sampled_from(["p" * 128, "p" * 129])))
def test_ids_of_a_chunk_are_ids_when_each_of_them_is(texts: list[str]) -> None:
    assert are_ids(texts) == all(re.fullmatch(ID_PATTERN, text) is not None for text in texts)
