"""The shape of a FHIR R4 Observation, as far as it is read: what was measured, when, on whom and with what.

The names are FHIR's. Elements that are not here are ignored, as unknown fields of a Reading are. The shape is checked
by msgspec: fhir.resources, which checks every element, takes 50 to 230 us a resource where this takes 3 to 8, and lets
pass what matters here (a status or comparator that does not exist, numbers as strings). The tests hold the two against
each other.
"""

from typing import Annotated, Any

import msgspec

from models.readings import MAX_READING_BYTES, Reason, Refused

MAX_COMPONENTS = 100
"""Readings that one resource may hold. A panel of all vitals has under twenty."""

LOINC = frozenset({"http://loinc.org", "https://loinc.org", "http://loinc.org/", "urn:oid:2.16.840.1.113883.6.1"})
MDC = frozenset({"urn:iso:std:iso:11073:10101", "urn:oid:2.16.840.1.113883.6.24"})
UCUM = frozenset({"http://unitsofmeasure.org", "urn:oid:2.16.840.1.113883.6.8"})
SNOMED = frozenset({"http://snomed.info/sct", "urn:oid:2.16.840.1.113883.6.96"})
"""The address of each code system, its OID, and for LOINC two frequent misspellings."""

_Integer = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]
_MAX_QUOTED_CHARS = 64
_MAX_DETAIL_CHARS = 500


class Coding(msgspec.Struct):
    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(msgspec.Struct):
    coding: list[Coding] = []
    text: str | None = None


class Quantity(msgspec.Struct):
    value: float | None = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class SampledData(msgspec.Struct):
    origin: Quantity
    period: float
    dimensions: int
    factor: float = 1.0
    data: str | None = None


class Identifier(msgspec.Struct):
    value: str | None = None


class Reference(msgspec.Struct):
    reference: str | None = None
    identifier: Identifier | None = None
    display: str | None = None


class Period(msgspec.Struct):
    start: str | None = None


class Measured(msgspec.Struct):
    """What an Observation and each of its components have in common: a code, and a value or why there is none."""

    code: CodeableConcept
    valueQuantity: Quantity | None = None
    valueSampledData: SampledData | None = None
    valueInteger: _Integer | None = None
    valueString: str | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueBoolean: Any = None
    valueRange: Any = None
    valueRatio: Any = None
    valueTime: Any = None
    valueDateTime: Any = None
    valuePeriod: Any = None
    dataAbsentReason: CodeableConcept | None = None
    modifierExtension: Any = None

    def values(self) -> list[str]:
        """The value[x] that are given: at most one, if the resource is sound."""
        return [name for name in _VALUES if getattr(self, name) is not None]


_VALUES = tuple(name for name in Measured.__struct_fields__ if name.startswith("value"))


class Observation(Measured, kw_only=True):
    resourceType: str
    status: str
    id: str | None = None
    meta: Any = None
    identifier: list[Identifier] = []
    subject: Reference | None = None
    focus: list[Reference] = []
    effectiveDateTime: str | None = None
    effectiveInstant: str | None = None
    effectivePeriod: Period | None = None
    effectiveTiming: Any = None
    device: Reference | None = None
    bodySite: CodeableConcept | None = None
    component: list[Measured] = []
    hasMember: list[Reference] = []


class _Kind(msgspec.Struct):
    resourceType: str = ""


_DECODER = msgspec.json.Decoder(Observation)
_KIND = msgspec.json.Decoder(_Kind)


def decode_observation(raw: bytes) -> Observation:
    """The resource in these bytes. Raises Refused (too_large, not_json, bad_shape) and nothing else."""
    if len(raw) > MAX_READING_BYTES:
        raise refused(Reason.TOO_LARGE, f"{len(raw)} bytes, at most {MAX_READING_BYTES} are read")
    try:
        kind = _KIND.decode(raw).resourceType
        if kind == "Bundle":
            raise refused(
                Reason.BAD_SHAPE, "a Bundle is not read: publish each of its Observations as a record of its own"
            )
        if kind != "Observation":
            raise refused(Reason.BAD_SHAPE, f"the resourceType is {quoted(kind)}, not Observation")
        observation = _DECODER.decode(raw)
    except msgspec.ValidationError as error:
        raise refused(Reason.BAD_SHAPE, f"not a FHIR R4 Observation: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refused(Reason.NOT_JSON, str(error)) from error
    except RecursionError as error:
        raise refused(Reason.BAD_SHAPE, "nested too deeply") from error
    if len(observation.component) > MAX_COMPONENTS:
        raise refused(Reason.TOO_LARGE, f"{len(observation.component)} components, at most {MAX_COMPONENTS} are read")
    for part in (observation, *observation.component):
        if len(part.values()) > 1:
            raise refused(Reason.BAD_SHAPE, f"two values of one measurement: {', '.join(part.values())}")
        if part.modifierExtension:
            raise refused(
                Reason.BAD_SHAPE,
                "a modifierExtension may turn its meaning round, and none is known: send it without, as what it means",
            )
    return observation


def refused(reason: Reason, detail: str) -> Refused:
    """The refusal to raise, with a detail of bounded length whatever the sender put into it."""
    return Refused(reason, detail[:_MAX_DETAIL_CHARS])


def quoted(text: str) -> str:
    """A sender's text in a detail that people read: in quotes, and not longer than a line."""
    return repr(text if len(text) <= _MAX_QUOTED_CHARS else text[: _MAX_QUOTED_CHARS - 3] + "...")
