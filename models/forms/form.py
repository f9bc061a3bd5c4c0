"""What a mapping of the evidence is made of: numbers of a kind, words, and names that have to be known.

A form names the figures of its mapping. The reasons, notes and sources that stand beside them are words and lists of
ids; that every figure is covered by a source is asked of all files alike (`models.evidence`).
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

DAY_S = 86_400
WORDS = ("reason", "note", "statement", "finding", "basis")
SOURCES = "src"

Severity = Literal["info", "advisory", "urgent", "emergency"]
Comparison = Literal["<", "<=", ">", ">="]
Side = Annotated[int, Field(ge=-1, le=1)]
Name = Annotated[str, Field(pattern=r"^[^\s].*$")]

Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
Positive = Annotated[float, Field(gt=0, le=1e6)]
Share = Annotated[float, Field(ge=0, le=1)]
Z = Annotated[float, Field(gt=0, le=20)]
"""Standard deviations."""
Count = Annotated[int, Field(ge=1, le=1000)]
Seconds = Annotated[int, Field(ge=0, le=90 * DAY_S)]
Minutes = Annotated[float, Field(ge=0, le=90 * 1440)]
Hours = Annotated[float, Field(ge=0, le=90 * 24)]
HourOfDay = Annotated[float, Field(ge=0, le=24)]
Days = Annotated[float, Field(ge=0, le=400)]
DayOfCourse = Annotated[int, Field(ge=-400, le=4000)]
"""Pregnancy is counted from its first day, years after an operation are 0 and more."""


class Form(BaseModel):
    """A mapping of which every key is known. Raises pydantic.ValidationError."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _figures(cls, given: Any) -> Any:
        """Without the words about it, which no code reads."""
        if not isinstance(given, dict):
            return given
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {key: value for key, value in given.items() if key in known or not _is_said(str(key), value)}


class Cited(Form):
    """A mapping that says itself where its figures come from."""

    src: Annotated[list[str], Field(min_length=1)]


def _is_said(key: str, value: object) -> bool:
    if key == SOURCES or key.endswith(f"_{SOURCES}"):
        return True
    return key.endswith(WORDS) and isinstance(value, str)


def ordered(given: Any) -> Any:
    """Two numbers of which the first is not the larger one. Raises ValueError."""
    if isinstance(given, list) and len(given) == 2 and all(isinstance(end, int | float) for end in given):
        low, high = given
        if low > high:
            raise ValueError(f"a range begins at its lower end, not at {low}")
    return given


Range = Annotated[list[Number], Field(min_length=2, max_length=2), BeforeValidator(ordered)]
DayRange = Annotated[list[DayOfCourse], Field(min_length=2, max_length=2), BeforeValidator(ordered)]


class Meta(Form):
    """At the head of each file."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    schema_version: Count
    version: Name
