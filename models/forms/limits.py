"""Limits on single readings: `floors.yaml`, and how `rules.yaml` has the alerts of conditions judged."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from models.forms.form import (
    Cited,
    Comparison,
    Count,
    DayRange,
    Days,
    Form,
    Meta,
    Name,
    Number,
    Positive,
    Seconds,
    Severity,
    Share,
)


class Clear(Form):
    """When what was beyond a limit is over."""

    readings: Count
    for_s: Seconds


class FloorsMeta(Meta):
    """How readings are told apart that stand alone, go on, or were relayed."""

    spot_gap_s: Seconds
    relayed_s: Seconds
    clear: Clear


class Floor(Cited):
    """A limit that holds for everyone."""

    id: Name
    vital: Name
    op: Comparison
    limit: Number
    unit: Name
    persist_s: Seconds
    severity: Severity
    rest: bool
    persist_src: Annotated[list[str], Field(min_length=1)]
    readings: Count | None = None
    repeat: Count | None = None
    spot: bool = False
    habit: bool = False
    own_within: Annotated[float, Field(ge=0, le=10)] | None = None
    target: Literal["low", "high"] | None = None
    spoken_for: list[Name] = Field(default_factory=list)


class Floors(Form):
    """floors.yaml"""

    meta: FloorsMeta
    floors: Annotated[list[Floor], Field(min_length=1)]


def course(given: list[Name | int]) -> list[Name | int]:
    """Anchor, first and last day. Raises ValueError."""
    match given:
        case [str(), int() as first, int() as last] if first <= last:
            return given
    raise ValueError(f"the days of a course are its anchor, the first and the last day, not {given}")


Course = Annotated[list[Name | int], AfterValidator(course)]
"""Anchor, first and last day."""


class Whom(Form):
    """Of whom a rule speaks."""

    of: Name | list[Name] | None = None
    id: Name
    as_: Name | None = Field(None, alias="as")
    label: Name | None = None
    pair: Name | None = None
    gene: list[Name] | None = None
    phenotypes: list[Name] | None = None
    classes: list[Name] | None = None
    without_classes: list[Name] | None = None
    drugs: list[Name] | None = None
    drug_days: DayRange | None = None
    severity: Severity | None = None
    src: Annotated[list[str], Field(min_length=1)] | None = None
    vital: Name | None = None
    op: Comparison | None = None
    value: Number | None = None

    @model_validator(mode="after")
    def _says_what_nobody_else_says(self) -> Self:
        missing = [name for name in self._own() if getattr(self, name) is None] if self.of is None else []
        if missing:
            raise ValueError(f"a rule that is of no condition says {missing[0]} itself")
        return self

    def _own(self) -> tuple[str, ...]:
        return ("src", "severity", "label", "vital", "op", "value")


class Limit(Whom):
    """A limit of who has a condition, takes a drug or has a variant."""

    persist_s: Seconds | None = None
    repeat: Count | None = None
    rest: bool = False
    target: bool = False
    within: Annotated[list[Number], Field(min_length=2, max_length=2)] | None = None
    on_oxygen: bool = False
    days: Course | None = None
    limit: Number | None = None
    usual_from: Number | None = None


class Part(Form):
    """One vital's share in a trend of several."""

    vital: Name
    measure: Literal[
        "again", "below", "cv", "delta", "delta_mean", "level", "ratio", "rise", "score", "share", "slope", "together"
    ]
    op: Comparison
    value: Number
    days: Days | None = None
    least: Count | None = None
    k: Count | None = None
    n: Count | None = None
    confirm: Count | None = None
    session: bool = False
    others: list[Name] = Field(default_factory=list)
    least_sd: list[Positive] | None = None
    limit: Number | None = None
    windows: Count | None = None
    weight: Share | None = None


class Reading(Form):
    """One reading of a trend that is told at once."""

    vital: Name
    op: Comparison
    value: Number
    persist_s: Seconds = 0
    rest: bool = False
    repeat: Count | None = None


class AtOnce(Form):
    """Readings that make the trend by themselves."""

    apart_s: Seconds
    of: Annotated[list[Reading], Field(min_length=2)]


class Trend(Whom):
    """What days of one vital or of several show."""

    measure: Literal[
        "any", "delta", "delta_mean", "mean", "moved", "of_path", "rise", "share", "slope", "stalled", "swing"
    ]
    days: Days | None = None
    least: Count | None = None
    k: Count | None = None
    n: Count | None = None
    confirm: Count | None = None
    session: bool = False
    seldom: bool = False
    windows: Count | None = None
    of_best: bool = False
    problem: Name | None = None
    title: Name | None = None
    at_least: Count | None = None
    within_d: Days | None = None
    parts: Annotated[list[Part], Field(min_length=1)] | None = None
    over_age: Annotated[int, Field(ge=0, le=130)] | None = None
    until: Number | None = None
    days_of: Course | None = None
    fall: Positive | None = None
    above: Positive | None = None
    fall_alone: Positive | None = None
    at_once: AtOnce | None = None

    def _own(self) -> tuple[str, ...]:
        return ("src", "severity", "label", "title", "problem") if self.parts else super()._own()


class Household(Form):
    """When a weight may be somebody else's."""

    vital: Name
    jump: Positive
    share: Share


class RuleClear(Form):
    """When a rule is over."""

    readings: Count
    days: Days


class RulesMeta(Meta):
    """What all rules share."""

    spot_gap_s: Seconds
    clear: RuleClear
    confirm_within_h: Annotated[int, Field(ge=1, le=240)]
    sessions_within_d: Annotated[int, Field(ge=1, le=14)]
    series_days: Count
    household: Household


class LeftOut(Form):
    """Alerts, or pairs of gene and drug, that are not judged."""

    ids: list[Name]
    reason: Name


class Rules(Form):
    """rules.yaml"""

    meta: RulesMeta
    limits: list[Limit]
    trends: list[Trend]
    left_out: dict[Name, LeftOut]
    pairs_left_out: dict[Name, LeftOut]
