"""What people are told, and whether everybody is served alike: `incidents.yaml`, `equity.yaml`, `news2.yaml`."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from models.forms.form import Cited, Count, Days, Form, Hours, Meta, Minutes, Name, Number, Positive, Severity, Share


class Span(Cited):
    """So many hours."""

    value: Hours


class Rise(Cited):
    """How many organ systems make what is milder more severe."""

    systems: Count
    from_: Severity = Field(alias="from")
    to: Severity


class Hovers(Form):
    """What goes in and out of its limit."""

    within_h: Hours
    calm_most_h: Hours
    further: Annotated[dict[Name, Positive], Field(min_length=1)]


class Outage(Form):
    """Devices that fall silent together."""

    within_h: Hours
    waits_h: Hours


class Incidents(Form):
    """incidents.yaml"""

    meta: Meta
    merge_within_h: Span
    same_change_within_h: Span
    rise: Rise
    returns_quietly_within_h: Span
    hovers: Hovers
    outage: Outage
    organ_systems: Annotated[dict[Name, list[Name]], Field(min_length=1)]


class GateFigure(Form):
    """A figure by which a group may be worse off."""

    figure: Name
    worse: Literal["higher", "lower"]
    difference: Share | None = None
    ratio: Annotated[float, Field(ge=1, le=10)] | None = None

    @model_validator(mode="after")
    def _says_by_how_much(self) -> Self:
        if (self.difference is None) == (self.ratio is None):
            raise ValueError("says either a difference or a ratio")
        return self


class Gate(Cited):
    """When a group is known to be worse off."""

    level: Annotated[float, Field(gt=0, lt=1)]
    patients_min: Count
    events_min: Count
    days_min: Days
    figures: Annotated[list[GateFigure], Field(min_length=1)]


class FairnessReport(Cited):
    """What is reported by group."""

    groups: list[Name]
    metrics: list[dict[str, Any]]
    gate: Gate


class Equity(Form):
    """equity.yaml: what decides is the gate; the rest is read by people."""

    meta: Meta
    pulse_oximetry: dict[str, Any]
    wrist_ppg: dict[str, Any]
    blood_pressure_cuff: dict[str, Any]
    spirometry: dict[str, Any]
    glucose: dict[str, Any]
    sex_age: list[dict[str, Any]]
    coverage: list[dict[str, Any]]
    fairness_report: FairnessReport


Points = Annotated[int, Field(ge=0, le=3)]


class Band(Form):
    """Values of one score; without an end it goes on."""

    lo: Number | None
    hi: Number | None
    score: Points

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.lo is not None and self.hi is not None and self.lo > self.hi:
            raise ValueError(f"a band begins at its lower end, not at {self.lo}")
        return self


Bands = Annotated[list[Band], Field(min_length=1)]


class Table(Form):
    """The bands of a sign."""

    unit: Name
    bands: Bands


class Scale2(Form):
    """Oxygen saturation of who is to have less."""

    unit: Name
    bands_any: Bands
    bands_on_air: Bands
    bands_on_oxygen: Bands


class Air(Form):
    """What oxygen counts."""

    air: Points
    oxygen: Points


class Levels(Form):
    """What each level of consciousness counts."""

    A: Points
    C: Points
    V: Points
    P: Points
    U: Points


class Tables(Form):
    """All signs."""

    respiratory_rate: Table
    spo2_scale1: Table
    spo2_scale2: Scale2
    air_or_oxygen: Air
    systolic_bp: Table
    pulse: Table
    consciousness: Levels
    temperature: Table


class AtHome(Cited):
    """How the score is shown of who is at home."""

    least_parts: Count
    shown_h: Hours
    scale2_target: Annotated[list[int], Field(min_length=2, max_length=2)]
    at_rest: list[Name]


class AppliesTo(Form):
    """For whom the score was made."""

    age_min_years: Annotated[int, Field(ge=0, le=130)]
    exclude: list[Name]
    caution: list[Name]


class ScoreMeta(Meta):
    """What the score is of."""

    applies_to: AppliesTo
    validity_windows_min: Annotated[dict[Name, Minutes], Field(min_length=1)]
    home: AtHome


class News2(Form):
    """news2.yaml: what decides are the tables; its vectors are what the tests hold them against."""

    meta: ScoreMeta
    tables: Tables
    spo2_scale_rule: dict[str, Any]
    escalation: list[dict[str, Any]]
    home_mapping: dict[str, Any]
    performance: list[dict[str, Any]]
    test_vectors: list[dict[str, Any]]
