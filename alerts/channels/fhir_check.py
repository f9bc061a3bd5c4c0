"""Whether a FHIR bundle may be sent: what the library of the standard says about R4, and what it lets pass.

An invalid one is a fault of homebeat's own. It is not sent: a server that takes it keeps a wrong record of a patient.

The library is loaded with the first bundle, so only where there is a FHIR server: 0.3 s of CPU and 6 MB, and 1.5 ms for
each bundle after that (measured).
"""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
"""FHIR's own pattern of an id. The library knows the characters, not the length."""
REFERENCE = re.compile(rf"#{ID.pattern}|[A-Z][A-Za-z]+/{ID.pattern}")
FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""Control characters that no FHIR string may have; the library takes them."""
PLACES_MAX = 3
"""Wrong places that are named: enough to find the fault, and a Delivery's detail is bounded."""


def wrong_in(bundle: Any) -> str | None:
    """What is wrong with a bundle, as plain JSON values, or None. Names places and rules, never a patient's text."""
    from fhir.resources.R4B.bundle import Bundle  # R4 and R4B agree on what we send; the library has no R4

    found = [f"{place}: {what}" for place, what in _passed_over(bundle, "Bundle")]
    try:
        Bundle.model_validate(bundle)
    except ValidationError as wrong:
        said = wrong.errors(include_url=False, include_context=False, include_input=False)
        found += [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in said]
    return "; ".join(found[:PLACES_MAX]) or None


def _passed_over(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """What FHIR forbids and the library lets pass: where, and what it is."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _passed_over(inner, f"{place}.{name}")
            if name == "id" and not (isinstance(inner, str) and ID.fullmatch(inner)):
                yield f"{place}.id", "is no FHIR id"
            if name == "reference" and not (isinstance(inner, str) and REFERENCE.fullmatch(inner)):
                yield f"{place}.reference", "is no reference to one resource"
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _passed_over(inner, f"{place}.{number}")
    if value is None or value in ("", [], {}):
        yield place, "is empty"
    if isinstance(value, str) and FORBIDDEN.search(value):
        yield place, "has control characters"
