"""FHIR R4 Observation in: one resource becomes the readings that it holds, or is refused with the reason.

What cannot be read for certain is refused, never guessed: a time without a clock, a unit that is not UCUM, a value that
is only bounded, a code that means another statistic, a measurement on someone else than the subject.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from models.evidence import load
from models.observation import (
    LOINC,
    MDC,
    SNOMED,
    UCUM,
    CodeableConcept,
    Coding,
    Identifier,
    Measured,
    Observation,
    Quantity,
    Reference,
    SampledData,
    decode_observation,
    quoted,
    refused,
)
from models.readings import ID_PATTERN, MAX_SERIES_SAMPLES, Context, Instant, Reading, Reason, Refused
from models.units import conversion, convert
from models.vitals import CODE_TO_VITAL, CONSCIOUSNESS_LEVELS, MDC_BY_NUMBER, NOT_A_VITAL, VITALS, Vital

_READ = frozenset({"preliminary", "final", "amended", "corrected"})
_NOT_READ = frozenset({"registered", "cancelled", "entered-in-error", "unknown"})
_OF_ITS_OWN = frozenset({"preliminary", "amended", "corrected"})
# The FHIR profiles demand the general code beside the exact one, in any order: then the exact one is what was measured.
_NARROWER = {"heart_rate": "resting_heart_rate", "body_temperature": "skin_temperature"}
# US Core pulse oximetry: inhaled oxygen flow rate [L/min], and concentration [%] of which air has 21.
_OXYGEN = {"3151-8": 0.0, "3150-6": 21.0}
_ID = re.compile(ID_PATTERN.removeprefix("^").removesuffix("$"))
_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_NO_SAMPLE = frozenset("EUL")  # FHIR: error, below and above the limit of detection


def readings_from_observation(raw: bytes, unread: list[Refused] | None = None) -> list[Reading]:
    """The readings in an Observation (at least one), in the order of the resource, with the sender's units.

    unread: takes why a part is refused beside which others are read: a pulse in "bpm" hides no pressure of 200.

    A component's reading has the id `<id>#<code>` (from the second of the same code on `<id>#<code>.2`); of a result
    that is preliminary or was changed, `<id>#<status>.<versionId>` stands for the id. Components with a
    dataAbsentReason are left out. Raises Refused; whatever the bytes are, it raises nothing else.
    """
    observation = decode_observation(raw)
    if observation.status in _NOT_READ:
        raise refused(Reason.BAD_VALUE, f"the status is {observation.status}: there is no result that may be used")
    if observation.status not in _READ:
        raise refused(Reason.BAD_SHAPE, f"{quoted(observation.status)} is not a status of an Observation")
    measured = _measured(observation)
    frame = _frame(observation)
    suffixes = Counter[str]()
    readings, refusals = list[Reading](), list[Refused]()
    for part, code in measured:
        if part.values() and part.dataAbsentReason is None:
            suffix = "" if part is observation else _suffix(code, suffixes)
            try:
                readings.append(_reading(frame, part, code, suffix))
            except Refused as wrong:
                refusals.append(wrong)
    if not readings:
        raise refusals[0] if refusals else _absent([part for part, _ in measured])
    if unread is not None:
        unread += refusals
    return readings


def _measured(observation: Observation) -> list[tuple[Measured, str]]:
    """The parts (the resource itself, its components) that are vitals, each with the code that said so."""
    parts: list[Measured] = [observation, *observation.component]
    found = [(part, code) for part in parts if (code := _vital_code(part.code)) is not None]
    if found:
        return found
    panel = any(_named(coding) in NOT_A_VITAL for coding in observation.code.coding)
    if panel and observation.hasMember and not observation.component:
        raise refused(Reason.BAD_SHAPE, "its members are references only: publish each member as a record of its own")
    seen = [code for part in parts for coding in part.code.coding if (code := _named(coding))]
    why = [f"{code} is {NOT_A_VITAL[code]}" for code in seen if code in NOT_A_VITAL]
    listed = ", ".join(quoted(code) for code in seen[:8]) or "no coding at all"
    raise refused(Reason.UNKNOWN_CODE, "; ".join([f"no code of a vital, seen: {listed}", *why[:2]]))


def _vital_code(concept: CodeableConcept) -> str | None:
    """The first code that is a vital. None if there is none, or if another coding says that it is not that vital."""
    codes = [code for coding in concept.coding if (code := _named(coding))]
    if any(code in NOT_A_VITAL for code in codes):
        return None
    known = [code for code in codes if code in CODE_TO_VITAL]
    if not known:
        return None
    narrower = _NARROWER.get(VITALS[CODE_TO_VITAL[known[0]]].name)
    exact = (code for code in known if VITALS[CODE_TO_VITAL[code]].name == narrower)
    return next(exact, known[0])


def _named(coding: Coding) -> str | None:
    """The code in the words of a Reading: LOINC, MDC reference id (also from the decimal code) or a vital's own name.

    An own name comes without a system. A code of another system keeps it, so that it cannot be mistaken for ours.
    """
    if not coding.code:
        return None
    if coding.system in MDC:
        return MDC_BY_NUMBER.get(coding.code, coding.code)
    if coding.system in LOINC or not coding.system:
        return coding.code
    return f"{coding.system}|{coding.code}"


def _frame(observation: Observation) -> Reading:
    """What all readings of the resource share, as a reading without code and value."""
    patient = _patient(observation.subject)
    for other in observation.focus:
        if _patient(other) != patient:
            raise refused(Reason.BAD_SHAPE, "its focus is not its subject: it was not measured on this patient")
    site = _site(observation.bodySite) if observation.bodySite else None
    oxygen = _oxygen(observation.component)
    return Reading(
        id=_observation_id(observation),
        patient=patient,
        code="",
        at=_at(observation),
        device=device_name(observation.device) if observation.device else "",
        context=Context(oxygen=oxygen, body_site=site) if site or oxygen is not None else None,
    )


def device_name(device: Reference) -> str:
    """What names a device: its reference, else its identifier, else what is displayed."""
    return device.reference or _value_of(device.identifier) or device.display or ""


def _oxygen(components: list[Measured]) -> bool | None:
    """Whether oxygen was given, if a component says so: a flow, or a concentration above that of air."""
    given = None
    for part in components:
        air = next((_OXYGEN[coding.code] for coding in part.code.coding if coding.code in _OXYGEN), None)
        if air is not None and part.valueQuantity is not None and part.valueQuantity.value is not None:
            given = bool(given) or part.valueQuantity.value > air
    return given


def _observation_id(observation: Observation) -> str:
    ident = observation.id or next(filter(None, map(_value_of, observation.identifier)), None)
    if not ident:
        raise refused(
            Reason.BAD_SHAPE, "has neither id nor identifier: a redelivery could not be told from a new reading"
        )
    return _with_version(_checked_id(ident, "id"), observation)


def _with_version(ident: str, observation: Observation) -> str:
    """The id of a result that is not the final one: they all come under one id, and none is a redelivery of another.
    If nothing has changed, it is found by its time and value."""
    if observation.status not in _OF_ITS_OWN:
        return ident
    version = observation.meta.get("versionId") if isinstance(observation.meta, dict) else None
    changed = f"{ident}#{observation.status}" + (f".{version}" if isinstance(version, str) else "")
    return changed if _ID.fullmatch(changed) else ident


def _patient(subject: Reference | None) -> str:
    """'Patient/x', also below an absolute address and with a version, is x; else the value of the identifier."""
    if subject is not None and subject.reference:
        path = subject.reference.split("/")
        if len(path) >= 4 and path[-2] == "_history":
            path = path[:-2]
        if len(path) < 2 or path[-2] != "Patient":
            raise refused(Reason.BAD_SHAPE, f"{quoted(subject.reference)} is no reference to a patient, Patient/<id>")
        return _checked_id(path[-1], "patient id")
    ident = subject and _value_of(subject.identifier)
    if not ident:
        raise refused(Reason.BAD_SHAPE, "names no patient: neither subject.reference nor subject.identifier")
    return _checked_id(ident, "patient id")


def _checked_id(ident: str, what: str) -> str:
    if not _ID.fullmatch(ident):
        raise refused(
            Reason.BAD_SHAPE, f"the {what} {quoted(ident)} is not 1 to 128 characters of ASCII without spaces"
        )
    return ident


def _at(observation: Observation) -> Instant:
    """The effective time. A time that is only a date, or has no zone, is not on any clock: it is never guessed."""
    period = observation.effectivePeriod and observation.effectivePeriod.start
    given = [text for text in (observation.effectiveDateTime, observation.effectiveInstant, period) if text]
    if len(given) != 1:
        raise refused(
            Reason.BAD_SHAPE, "needs one effective time: effectiveDateTime, effectiveInstant or effectivePeriod.start"
        )
    text = given[0]
    if _DATE.fullmatch(text):
        raise refused(
            Reason.BAD_SHAPE, f"{text} is only a date: the time of a measurement is not guessed, send it with zone"
        )
    try:
        return msgspec.convert(text, Instant)
    except msgspec.ValidationError as error:
        raise refused(
            Reason.BAD_SHAPE, f"the effective time {quoted(text)} is not RFC 3339 with an offset: {error}"
        ) from error


def _reading(frame: Reading, part: Measured, code: str, suffix: str) -> Reading:
    vital = VITALS[CODE_TO_VITAL[code]]
    reading = msgspec.structs.replace(frame, id=_checked_id(frame.id + suffix, "id"), code=code)
    if vital.categorical:
        reading.value = _level(vital, part)
    elif part.valueQuantity is not None:
        reading.value, reading.unit = _number(vital, part.valueQuantity)
    elif part.valueInteger is not None:
        conversion(vital.index, None)
        reading.value = float(part.valueInteger)
    elif part.valueSampledData is not None:
        sampled = part.valueSampledData
        reading.unit = _unit(vital, sampled.origin)
        reading.values, reading.period = list(_samples(vital, sampled)), sampled.period / 1000
    else:
        raise refused(Reason.BAD_VALUE, f"{vital.name} takes a number, not {part.values()[0]}")
    return reading


def _suffix(code: str, seen: Counter[str]) -> str:
    seen[code] += 1
    return f"#{code}" if seen[code] == 1 else f"#{code}.{seen[code]}"


def _number(vital: Vital, quantity: Quantity) -> tuple[float, str | None]:
    if quantity.value is None:
        raise refused(Reason.BAD_VALUE, f"the quantity of {vital.name} has no value")
    unit = _unit(vital, quantity)
    if quantity.comparator and not _beyond_the_meter(vital, quantity, convert(vital.index, quantity.value, unit)):
        bound = f"{quoted(quantity.comparator)} {quantity.value}"
        raise refused(Reason.BAD_VALUE, f"{vital.name} is only bounded ({bound}): the true value lies somewhere beyond")
    return quantity.value, unit


def _beyond_the_meter(vital: Vital, quantity: Quantity, canonical: float) -> bool:
    """A glucose meter that shows LO or HI gives its most urgent reading: to refuse that would hide a severe low.

    The bound is then read as the value. It lies on the safe side: the true value is further out.
    """
    if vital.name != "glucose":
        return False
    meter = load("vitals")["vitals"]["glucose"]["plausible"]
    shown = round(canonical)  # 22.2 mmol/L, where a meter ends that shows mmol/L, is 399.9 mg/dL
    low = quantity.comparator in ("<", "<=") and shown <= meter["cgm_min"]
    high = quantity.comparator in (">", ">=") and shown >= meter["cgm_max"]
    return bool(low or high)


def _unit(vital: Vital, quantity: Quantity) -> str | None:
    """The UCUM code, or without one the unit text, if that is UCUM. Raises Refused (unknown_unit)."""
    coded = quantity.code and (quantity.system in UCUM or not quantity.system)
    unit = quantity.code if coded else quantity.unit
    conversion(vital.index, unit)
    return unit or None


def _samples(vital: Vital, sampled: SampledData) -> Iterator[float | None]:
    tokens = (sampled.data or "").split()
    if sampled.dimensions != 1 or sampled.origin.value is None or not 0 < sampled.period < math.inf:
        raise refused(
            Reason.BAD_SHAPE, f"the series of {vital.name} needs dimensions 1, an origin and a positive period"
        )
    if len(tokens) > MAX_SERIES_SAMPLES:
        raise refused(Reason.TOO_LARGE, f"{len(tokens)} samples, at most {MAX_SERIES_SAMPLES} are read")
    if not set(tokens) - _NO_SAMPLE:
        raise refused(Reason.BAD_VALUE, f"the series of {vital.name} holds no sample")
    for token in tokens:
        yield None if token in _NO_SAMPLE else _sample(token, sampled.origin.value, sampled.factor)


def _sample(token: str, origin: float, factor: float) -> float:
    value = origin + factor * float(token) if _NUMBER.fullmatch(token) else math.nan
    if not math.isfinite(value):
        raise refused(Reason.BAD_VALUE, f"the sample {quoted(token)} is not a number")
    return value


def _level(vital: Vital, part: Measured) -> str:
    """The letter A C V P U of a coded or written level of consciousness."""
    concept = part.valueCodeableConcept or CodeableConcept(text=part.valueString)
    letters = {letter for coding in concept.coding if (letter := _coded_level(coding))}
    if not letters and concept.text:
        text = concept.text.strip()
        letters = {text} & CONSCIOUSNESS_LEVELS.keys() or {_WORDS.get(text.lower(), "")} - {""}
    if len(letters) != 1:
        raise refused(Reason.BAD_VALUE, f"{vital.name} takes one of A C V P U, or its LOINC or SNOMED CT code")
    return letters.pop()


def _coded_level(coding: Coding) -> str | None:
    system = "loinc" if coding.system in LOINC else "snomed" if coding.system in SNOMED else "letter"
    return _LEVELS.get((system, coding.code or ""))


_CONSCIOUSNESS: dict[str, dict[str, Any]] = load("vitals")["vitals"]["consciousness"]["levels"]
_LEVELS = {
    (system, code): at for at, row in _CONSCIOUSNESS.items() for system in ("loinc", "snomed") for code in row[system]
}
_LEVELS |= {("letter", letter): letter for letter in _CONSCIOUSNESS}
_WORDS = {word: letter for letter, row in _CONSCIOUSNESS.items() for word in row["words"]}


def _absent(parts: list[Measured]) -> Refused:
    codes = [_reason_code(part.dataAbsentReason) for part in parts if part.dataAbsentReason is not None]
    if not codes:
        return refused(Reason.BAD_VALUE, "has no value, and does not say why it is absent")
    return refused(Reason.BAD_VALUE, f"the value is absent: {', '.join(sorted(set(codes))[:4])}")


def _reason_code(concept: CodeableConcept) -> str:
    return quoted(next((coding.code for coding in concept.coding if coding.code), concept.text or "no reason given"))


def _site(concept: CodeableConcept) -> str | None:
    """The place on the body in words, else its code."""
    named = (coding.display or coding.code for coding in concept.coding)
    return concept.text or next(filter(None, named), None)


def _value_of(identifier: Identifier | None) -> str | None:
    return identifier.value if identifier is not None else None
