"""The kinds of field a profile is made of: bounded texts, strict numbers, dates as dates and nothing else.

Every refusal says what the value should look like; `Document` is the shape all parts of a profile share.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
)

from models.readings import ID_PATTERN
from models.vitals import BY_NAME, VITALS

_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2200, 1, 1)
"""Dates outside are typing errors (0205, 20256). There is no clock here, so 'in the future' cannot be asked."""

_FIRST_INSTANT, _LAST_INSTANT = (datetime(day.year, 1, 1, tzinfo=UTC) for day in (_FIRST_DAY, _LAST_DAY))
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def _as_instant(value: object) -> object:
    if isinstance(value, str | int | float) and not _RFC3339.fullmatch(str(value)):
        raise ValueError("is not an RFC 3339 time with an offset, such as 2026-01-05T07:00:00Z")
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:  # its offset puts it before the year 1, or after 9999
        raise ValueError("is a time that no calendar has") from error


def _as_day(value: object) -> object:
    if isinstance(value, str | int | float) and not _DATE.fullmatch(str(value)):
        raise ValueError("is not a date, such as 2025-12-20")
    return value


def is_timezone(name: str) -> str:
    """The name itself; ValueError if the IANA database does not have it."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("is not an IANA time zone, such as Europe/London") from error
    return name


def _vital(name: str) -> str:
    if name not in BY_NAME:
        raise ValueError(f"is not a vital; known are {', '.join(vital.name for vital in VITALS)}")
    return name


Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,500}$")]
"""Free text that people read: bounded, and no control characters, because it ends in messages and logs."""
Name = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,128}$")]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Day = Annotated[date, BeforeValidator(_as_day), Field(ge=_FIRST_DAY, lt=_LAST_DAY)]
Instant = Annotated[
    AwareDatetime, AfterValidator(_in_utc), Field(ge=_FIRST_INSTANT, lt=_LAST_INSTANT), BeforeValidator(_as_instant)
]
VitalName = Annotated[str, AfterValidator(_vital)]


class Document(BaseModel):
    """Frozen, and no unknown fields. The input stays out of errors: they are logged, and it is about a patient."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Coding(Document):
    """A code of ICD-10, SNOMED CT or RxNorm."""

    system: Name
    code: Name


def _code_form(value: object) -> str:
    return "<coding>" if isinstance(value, dict | Coding) else "<id>"


Code = Annotated[Annotated[Name, Tag("<id>")] | Annotated[Coding, Tag("<coding>")], Discriminator(_code_form)]
"""An id of the evidence files, or a Coding. The tags keep an error to the form that was meant."""


def coded(code: str | Coding) -> tuple[str, str | None]:
    """(code, system), the system None for an id of the evidence files."""
    return (code, None) if isinstance(code, str) else (code.code, code.system)


def in_order(first: date | None, last: date | None, names: str) -> None:
    """ValueError if both dates are known and the last is before the first; `names` is 'start, stop' in words."""
    if first is not None and last is not None and last < first:
        raise ValueError(f"{names} are in the wrong order: {first} comes after {last}")


def physical(vital: str, value: float) -> None:
    """ValueError if the value [canonical unit] lies outside the vital's physical range, so no reading could meet it."""
    known = BY_NAME[vital]
    if not known.low <= value <= known.high:
        raise ValueError(f"{vital} must lie in {known.low:g}..{known.high:g} {known.unit}")
