"""Whatever is sent as an Observation is read or refused; nothing else happens, and nothing is read that is not FHIR."""

import json
from collections.abc import Callable
from functools import partial
from operator import setitem
from typing import Any

import pytest
from fhir.resources.R4B.observation import Observation as LibraryObservation
from hypothesis import given, settings
from hypothesis import strategies as st

from models.fhir import readings_from_observation
from models.observation import MAX_COMPONENTS
from models.readings import MAX_READING_BYTES, Reason, Refused
from tests.models.observing import code, observation, quantity, refusal, refused
from tests.models.test_fhir_examples import FILES, READ

HOSTILE: dict[str, tuple[bytes, Reason]] = {
    "nothing": (b"", Reason.NOT_JSON),
    "not JSON": (b"HR=72", Reason.NOT_JSON),
    "NaN": (json.dumps(observation(valueQuantity=quantity(float("nan"), "/min"))).encode(), Reason.NOT_JSON),
    "an array": (b"[]", Reason.BAD_SHAPE),
    "null": (b"null", Reason.BAD_SHAPE),
    "a number too large": (json.dumps(observation()).replace("72", "1" + "0" * 400).encode(), Reason.BAD_SHAPE),
    "an integer too large": (
        json.dumps(observation(code=code("55423-8"), valueQuantity=None, valueInteger=10**400)).encode(),
        Reason.BAD_SHAPE,
    ),
    "broken text": (json.dumps(observation()).encode().replace(b"o-1", b"\xff\xfe"), Reason.NOT_JSON),
    "half a surrogate": (json.dumps(observation(id="\ud800")).encode(), Reason.NOT_JSON),
    "deep and ignored": (b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}", Reason.BAD_SHAPE),
    "deep and looked at": (
        b'{"resourceType":"Observation","valueRatio":' + b'{"a":' * 9_000 + b"1" + b"}" * 9_001,
        Reason.BAD_SHAPE,
    ),
    "too large": (b" " * MAX_READING_BYTES + b"{}", Reason.TOO_LARGE),
    "many components": (
        json.dumps(observation(component=[{"code": code("8480-6")}] * (MAX_COMPONENTS + 1))).encode(),
        Reason.TOO_LARGE,
    ),
}


@pytest.mark.parametrize(("raw", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_refused_and_the_answer_stays_short(raw: bytes, reason: Reason) -> None:
    answer = refusal(raw)
    assert answer.reason is reason, answer
    assert len(answer.detail) <= 500


def test_a_long_text_of_the_sender_does_not_fill_the_dead_letters() -> None:
    assert len(refused(code=code(*["9" * 3000] * 15)).detail) <= 500
    assert len(refused(subject={"reference": "x" * 60_000}).detail) <= 500
    assert len(refused(effectiveDateTime="x" * 60_000).detail) <= 500


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
elements = st.sampled_from(sorted({*observation(), "component", "valueSampledData", "effectivePeriod", "identifier"}))


def _refused_or_sound(raw: bytes) -> None:
    try:
        readings = readings_from_observation(raw)
    except Refused:
        return
    assert readings
    assert all(one.id and one.patient and one.at.tzinfo for one in readings)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_refused_or_read(raw: bytes) -> None:
    _refused_or_sound(raw)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(elements, json_values, max_size=3))
def test_an_observation_with_any_element_broken_is_refused_or_read(broken: dict[str, Any]) -> None:
    _refused_or_sound(json.dumps({**observation(), **broken}).encode())


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_real_example_with_any_leaf_replaced_is_refused_or_read(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(READ)))
    resource = json.loads(FILES[name].read_bytes())
    put = data.draw(st.sampled_from(_places(resource)))
    put(data.draw(json_values))
    _refused_or_sound(json.dumps(resource).encode())


def _places(node: Any) -> list[Callable[[Any], None]]:
    """A setter for every element below the node."""
    children = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    here = [partial(setitem, node, key) for key, _ in children]
    return [*here, *(place for _, child in children for place in _places(child))]


def _library_accepts(resource: dict[str, Any]) -> bool:
    try:
        LibraryObservation.model_validate(resource)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", sorted(READ))
def test_what_is_read_of_the_examples_is_fhir(name: str) -> None:
    assert _library_accepts(json.loads(FILES[name].read_bytes()))


quantities = st.builds(quantity, st.floats(1, 300), st.sampled_from(["/min", "mm[Hg]", "%", "Cel"]))
parts = st.fixed_dictionaries(
    {"code": st.sampled_from([code("8867-4"), code("8480-6"), code("59408-5"), code("9999-9"), {"text": "x"}])},
    optional={"valueQuantity": quantities, "dataAbsentReason": st.just(code("error", system=None))},
)
sound = st.fixed_dictionaries(
    {"status": st.sampled_from(["final", "amended", "cancelled"])},
    optional={
        "code": st.sampled_from([code("8867-4"), code("85354-9"), code("59408-5", "150456")]),
        "valueQuantity": quantities | st.none(),
        "valueInteger": st.integers(0, 300),
        "component": st.lists(parts, min_size=1, max_size=3),
        "effectiveInstant": st.just("2026-01-05T08:00:00Z"),
        "effectiveDateTime": st.sampled_from([None, "2026-01-05", "2026-01-05T08:00:00.5+01:00"]),
        "bodySite": st.just({"text": "arm"}),
        "device": st.just({"display": "Watch"}),
    },
)


@settings(max_examples=200, deadline=None)
@given(sound)
def test_nothing_is_read_that_the_library_would_not_call_fhir(changes: dict[str, Any]) -> None:
    resource = observation(**changes)
    try:
        readings_from_observation(json.dumps(resource).encode())
    except Refused:
        return
    assert _library_accepts(resource)
