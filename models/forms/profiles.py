"""What a profile does to what is expected: `conditions.yaml`, `medications.yaml`, `genomics.yaml`."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from models.forms.form import (
    Cited,
    Comparison,
    Days,
    Form,
    Hours,
    Meta,
    Minutes,
    Name,
    Number,
    Positive,
    Range,
    Severity,
    ordered,
)


class Point(Form):
    """A published course at one time: median, and between which figures 94 of 100 lie."""

    week: Days | None = None
    day: Days | None = None
    median: Positive
    p3: Positive
    p97: Positive


class Shift(Cited):
    """By how much a condition moves a vital: in its unit, in its logarithm, or in percent."""

    vital: Name
    unit: Name | None = None
    mean_delta: Number | None = None
    mean_delta_ln: Annotated[float, Field(ge=-3, le=3)] | None = None
    mean_delta_pct: Range | None = None
    sd_mult: Annotated[float, Field(gt=0, le=10)] | None = None
    sd_within_abs: Positive | None = None
    sd: Positive | None = None
    slope: Number | None = None
    mean: Positive | None = None
    sd_between: Positive | None = None
    genotype: Name | None = None
    trajectory: list[Point] = Field(default_factory=list)


End = Annotated[int, Field(ge=-4000, le=40_000)] | None


class Phase(Cited):
    """A part of a course."""

    id: Name
    anchor: Name | None = None
    days: Annotated[list[End], Field(min_length=2, max_length=2), BeforeValidator(ordered)] | None = None
    hours: Range | None = None
    weeks: Range | None = None
    expected: Name
    sd_mult: Annotated[float, Field(gt=0, le=10)] | None = None
    trajectory: dict[Name, list[Point]] | None = None


class Other(Form):
    """The same alert on another vital."""

    vital: Name
    op: Comparison
    value: Number


class BySex(Form):
    """A limit that differs."""

    male: Number
    female: Number


class Alert(Cited):
    """An alert as a guideline or a study has it; `rules.yaml` says how it is judged."""

    id: Name
    vital: Name | None = None
    kind: Literal["absolute", "change", "composite", "count", "delta", "relative", "slope", "trend"]
    op: Comparison | None = None
    value: Number | BySex | None = None
    unit: Name | None = None
    severity: Severity
    window_h: Hours | None = None
    persist_min: Minutes | None = None
    persist_h: Hours | None = None
    persist: Name | None = None
    confirm: Name | None = None
    rule: Name | None = None
    text: Name | None = None
    action: Name | None = None
    applies_if: Name | None = None
    context: Name | None = None
    or_: Other | None = Field(None, alias="or")
    escalate: Name | None = None
    statistic: Name | None = None
    site: Name | None = None


class Term(Form):
    """A code of SNOMED CT."""

    code: Name
    term: Name


class Condition(Form):
    """A condition."""

    id: Name
    label: Name
    icd10: list[Name]
    snomed: list[Term]
    shifts: list[Shift]
    phases: list[Phase]
    alerts: list[Alert]
    extra_alerts: list[Alert] = Field(default_factory=list)
    notes: list[Name] = Field(default_factory=list)
    evidence_warning: Name | None = None
    evidence_warnings: list[Name] = Field(default_factory=list)
    trajectory_model: dict[str, Any] | None = None


class ResponseTimes(Form):
    """In so many minutes an alert is to be answered."""

    emergency: Minutes
    urgent: Minutes
    advisory: Minutes
    info: None


class ConditionsMeta(Meta):
    """What all conditions share."""

    severity_response_min: ResponseTimes


class Conditions(Form):
    """conditions.yaml"""

    meta: ConditionsMeta
    conditions: Annotated[list[Condition], Field(min_length=1)]


Span = Annotated[list[Number], Field(min_length=2, max_length=2)]
"""From the lesser effect to the greater one: of what falls, the second is the lower."""


class Effect(Cited):
    """By how much a drug moves a vital."""

    vital: Name
    unit: Name | None = None
    delta: Number | None = None
    delta_ln: Annotated[float, Field(ge=-3, le=3)] | None = None
    delta_pct: Annotated[float, Field(ge=-100, le=300)] | None = None
    factor: Annotated[float, Field(gt=0, le=10)] | None = None
    slope: Annotated[float, Field(ge=-10, le=10)] | None = None
    range: Span | None = None
    range_pct: Span | None = None
    onset_h: Hours | None = None
    peak_h: Hours | None = None
    duration_h: Hours | None = None
    settle_days: Days | None = None
    at_days: Annotated[float, Field(gt=0, le=4000)] | None = None
    at: Name | None = None
    context: Name | None = None
    pattern: Name | None = None


class Member(Form):
    """A drug."""

    name: Name
    rxnorm: Name | None


class DrugClass(Form):
    """Drugs that move vitals alike."""

    id: Name
    members: Annotated[list[Member], Field(min_length=1)]
    effects: list[Effect]
    monitor_changes: list[Name] = Field(default_factory=list)
    genomics: list[Name] = Field(default_factory=list)


class MedicationsMeta(Meta):
    """What all drugs share."""

    generic_settle_days: Days


class Medications(Form):
    """medications.yaml"""

    meta: MedicationsMeta
    classes: Annotated[list[DrugClass], Field(min_length=1)]


class Published(Cited):
    """How far a pair is recommended."""

    cpic: Name
    pharmgkb: Name | None = None
    clingen: Name | None = None


class Observed(Cited):
    """What was observed with a variant: shown, and without effect on its own."""

    phenotype: Name | None = None
    genotype: Name | None = None
    variant: Name | None = None
    what: Name | None = None
    context: Name | None = None
    vital: Name | None = None
    unit: Name | None = None
    value: Number | None = None
    delta: Number | None = None
    delta_pp: Number | None = None
    mean: Positive | None = None
    sd: Positive | None = None
    ci: Range | None = None
    ci95: Range | None = None
    at_days: Days | None = None
    cmax_fold: Positive | None = None
    half_life_fold: Positive | None = None
    or_bradycardia: Positive | None = None
    rr_severe_toxicity: Positive | None = None
    fasting_mgdl: Range | None = None
    fasting_mmol: Range | None = None
    hba1c_pct: Range | None = None


class Thresholds(Form):
    """Limits of a pair."""

    qtc_advisory: Annotated[int, Field(ge=400, le=600)] | None = None
    qtc_urgent: Annotated[int, Field(ge=400, le=600)] | None = None
    temp_advisory: Annotated[float, Field(ge=36, le=42)] | None = None
    temp_urgent: Annotated[float, Field(ge=36, le=42)] | None = None
    high_advisory: Annotated[int, Field(ge=100, le=400)] | None = None
    suppress: Name | None = None


class ByPhenotype(Form):
    """A shift by how fast a drug is broken down."""

    PM: Annotated[float, Field(ge=-60, le=60)]
    IM: Annotated[float, Field(ge=-60, le=60)]
    NM: Annotated[float, Field(ge=-60, le=60)]
    UM: Annotated[float, Field(ge=-60, le=60)]


class Apply(Cited):
    """What a pair does here."""

    prior_hr_delta: ByPhenotype | None = None
    prior_qtc_delta_ms: ByPhenotype | None = None
    prior_qtc_mean: Annotated[int, Field(ge=300, le=600)] | None = None
    prior_spo2_mean: Annotated[int, Field(ge=70, le=100)] | None = None
    prior_fasting_mean: Annotated[int, Field(ge=50, le=300)] | None = None
    sd_within: Annotated[float, Field(gt=0, le=100)] | None = None
    settle_days: Days | None = None
    thresholds: Thresholds | None = None
    watch_h: Range | None = None
    fn_window_days: Range | None = None
    temp_recheck_line: Annotated[float, Field(ge=35, le=42)] | None = None
    alerts: Name | None = None
    rule: Name | None = None
    rules: list[Name] = Field(default_factory=list)
    hr_rule: Name | None = None
    extra: Name | None = None
    also: Name | None = None
    avoid_drugs: Name | None = None
    PM: Name | None = None
    UM: Name | None = None


class Drug(Form):
    """The drug of a pair."""

    drug: Name
    rxnorm: Name | None = None


class Pair(Form):
    """A gene, alone or with a drug."""

    id: Name
    gene: Name
    with_: Drug | None = Field(None, alias="with")
    variant: Name | None = None
    disease: Name | None = None
    frequency: Name | None = None
    evidence: Published
    effects: list[Observed] = Field(default_factory=list)
    apply: Apply
    dosing: dict[str, Any] | None = None


class Genomics(Form):
    """genomics.yaml"""

    meta: Meta
    pairs: Annotated[list[Pair], Field(min_length=1)]
    ancestry_note: Name
