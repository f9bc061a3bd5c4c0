"""The records in a body, each with its own bytes, whatever else is in it."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.readings import Refused
from streams import limits
from streams.gateway.body import Kind
from streams.gateway.judging import judge
from streams.gateway.records import records_of
from tests.engine import test_bad_input as bad


def test_one_reading_is_one_record() -> None:
    assert records_of(b"  " + bad.sent() + b"\n", Kind.JSON) == [bad.sent()]


def test_a_list_keeps_the_bytes_of_each_of_its_records() -> None:
    twice = b'{"id": "a", "id":  "b", "value": 1e999}'
    assert records_of(b"[" + twice + b" , 7,\n" + bad.sent() + b"]", Kind.JSON) == [twice, b"7", bad.sent()]


@given(
    st.lists(
        st.recursive(st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.text(), st.lists, max_leaves=4)
    )
)
def test_no_record_of_a_list_is_lost_or_changed(values: list[object]) -> None:
    raws = [json.dumps(value).encode() for value in values]
    assert records_of(b"[" + b",".join(raws) + b"]", Kind.JSON) == raws


def test_lines_stand_each_for_themselves() -> None:
    body = bad.sent() + b"\r\n\n  \n{half\n" + bad.sent()
    assert records_of(body, Kind.LINES) == [bad.sent(), b"{half", bad.sent()]


def test_of_a_bundle_each_resource_is_a_record_and_none_is_ignored() -> None:
    other, nothing = b'{"resourceType": "Patient", "id": "p-1"}', b'{"fullUrl": "urn:uuid:1"}'
    resources = [b'{"resource": %b}' % one for one in (bad.observation(), other)]
    body = b'{"resourceType": "Bundle", "type": "batch", "entry": [%b]}' % b",".join([*resources, nothing, b"7"])
    found = records_of(body, Kind.JSON)
    assert found == [bad.observation(), other, nothing, b"7"]
    judged = judge(found)
    assert [one.taken for one in judged] == [True, False, False, False]
    assert "not Observation" in judged[1].refused[0].detail


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        (b"", "not_json", "not JSON"),
        (b"[" + bad.sent() + b",]", "not_json", "not JSON"),
        (bad.sent() + b"\n" + bad.sent(), "not_json", "application/x-ndjson"),
        (b'[{"value": NaN}]', "not_json", "leave out what was not measured"),
        (json.dumps([1]).encode("utf-16"), "not_json", "send UTF-8"),
        (b"\xef\xbb\xbf" + bad.sent(), "not_json", "byte order mark"),
        (bad.nested(100_000), "bad_shape", "nested too deeply"),
        (b'{"resourceType": "Bundle", "entry": 7}', "bad_shape", "no list of entries"),
        (b"[" + b"1," * limits.GATEWAY_RECORDS_MAX + b"1]", "too_large", "smaller batches"),
    ],
    ids=["nothing", "a comma", "lines", "NaN", "UTF-16", "mark", "deep", "no entries", "too many"],
)
def test_a_body_without_records_says_why(body: bytes, reason: str, words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        records_of(body, Kind.JSON)
    assert refused.value.reason == reason


def test_a_deep_record_among_others_is_refused_alone() -> None:
    deep = b'{"a": ' + bad.nested(700) + b"}"
    judged = judge(records_of(b"[" + deep + b"," + bad.sent() + b"]", Kind.JSON))
    assert [one.taken for one in judged] == [False, True]


def test_a_body_full_of_brackets_fills_no_memory() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Refused):
            records_of(b"[]," * 2_700_000, Kind.JSON)
        assert tracemalloc.get_traced_memory()[1] < 100 * limits.MIB
    finally:
        tracemalloc.stop()
