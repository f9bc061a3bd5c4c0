"""What this project decided on top of the evidence: `design.yaml`."""

from typing import Annotated, Literal

from pydantic import Field

from models.forms.form import (
    Cited,
    Days,
    Form,
    HourOfDay,
    Meta,
    Name,
    Number,
    Positive,
    Share,
)

Age = Annotated[float, Field(ge=0, le=130)]


class UnknownAge(Cited):
    """Of whom no age is known."""

    age: Age
    sd: Positive


class AgeRange(Cited):
    """Between which ages formulas hold."""

    min: Age
    max: Age


class Pivot(Cited):
    """At which age a mean was taken."""

    age: Age


class Part(Cited):
    """A share of something."""

    share: Share


class HeartRate(Cited):
    """Of spot heart rates, by the resting one."""

    over_resting: Number
    sd_between: Positive
    sd_within: Positive
    sd_meas: Positive


class Ordinal(Cited):
    """Of a vital that is no amount."""

    sd: Positive


class PersonalOnly(Cited):
    """Vitals of which only the own level means anything."""

    sd_between: dict[Name, Positive]
    units: dict[Name, Name]


class Older(Cited):
    """How breathing varies in older people."""

    over_age: Age
    cv: Share


class Population(Form):
    """People in general."""

    unknown_age: UnknownAge
    age_range: AgeRange
    body_temperature_age_pivot: Pivot
    sex_contrast: Part
    heart_rate: HeartRate
    consciousness: Ordinal
    personal_only: PersonalOnly
    older_breathing: Older


class Value(Cited):
    """A figure."""

    value: Positive


class Stated(Cited):
    """A level that somebody stated."""

    counts_as_days: Value
    sd_between: dict[Name, Positive]


class Stacking(Cited):
    """How effects of several things add up."""

    conditions: Share
    medications: Share


class Named(Cited):
    """Vitals."""

    vitals: list[Name]


class Moving(Form):
    """How effects move a prior."""

    doubt: Part
    stacking: Stacking
    bound_sd: Value
    mirror: Named


class NotJudged(Cited):
    """Vitals that a condition makes meaningless."""

    condition: Name
    vitals: list[Name]


class Reopening(Cited):
    """How learning begins anew."""

    share: Share
    event_share: Share
    recent_days: Days


class Dark(Cited):
    """What counts as dark skin."""

    monk_min: Annotated[int, Field(ge=1, le=10)]
    ita_below: Annotated[int, Field(ge=-90, le=90)]
    fitzpatrick_min: Annotated[int, Field(ge=1, le=6)]


class Oximetry(Cited):
    """What that means for an oximeter."""

    device_sd: Positive
    person_sd: Positive
    person_bias: Annotated[float, Field(ge=0, le=10)]


class SkinTone(Form):
    """Skin and light."""

    dark: Dark
    spo2: Oximetry


class Hour(Cited):
    """An hour of the day."""

    value: HourOfDay


class Take(Cited):
    """Which end of a published range."""

    take: Literal["low"]


class Rhythm(Form):
    """The rhythm of the day."""

    mid_sleep_h: Hour
    heart_rate: Take
    skipped: Named


class Codes(Cited):
    """Codes that mean one condition."""

    codes: dict[Name, Name]


class Match(Form):
    """Which of the effects of a vital a line is about."""

    at: Name | None = None
    context: Name | None = None
    delta: Number | None = None
    delta_pct: Number | None = None
    genotype: Name | None = None


class Applies(Cited):
    """When an effect applies, or that it never does."""

    of: Name
    vital: Name
    match: Match | None = None
    never: bool = False
    standing: bool = False
    conditions: list[Name] = Field(default_factory=list)
    without_conditions: list[Name] = Field(default_factory=list)
    members: list[Name] = Field(default_factory=list)
    without_classes: Name | list[Name] = Field(default_factory=list)
    days: list[int] | None = None


class Anchors(Cited):
    """From which day a course is counted, in words."""

    words: Annotated[dict[Name, Name], Field(min_length=1)]
    first_day: dict[Name, Annotated[int, Field(ge=0, le=1)]]
    weeks: list[Name]
    last: list[Name]


class Words(Cited):
    """What a class of drugs is called."""

    words: dict[Name, Name]


class Course(Cited):
    """The path of a vital: days after the anchor, and by how much it lies off its level."""

    of: Name
    anchor: Name
    vital: Name
    points: Annotated[list[Annotated[list[Number], Field(min_length=2, max_length=3)]], Field(min_length=2)]
    main: bool = False


class Illness(Form):
    """Days of an illness that a profile declares."""

    anchor: Name
    days: Annotated[list[int], Field(min_length=2, max_length=2)]


class Declared(Cited):
    """Illnesses that a profile declares."""

    courses: dict[Name, Illness]


class Phenotypes(Form):
    """What laboratories call them."""

    PM: list[Name]
    IM: list[Name]
    NM: list[Name]
    UM: list[Name]


class Results(Form):
    """Results of tests that are no phenotype."""

    deficient: list[Name]
    affected: list[Name]


class Shifting(Cited):
    """A pair of gene and drug that moves vitals."""

    of: Name
    shift: Literal["prior_hr_delta", "prior_qtc_delta_ms"]
    vitals: list[Name]
    drugs: list[Name]


class Level(Cited):
    """A pair of a gene and a disease of which the variant alone sets what is expected of a vital."""

    of: Name
    gene: Name
    level: Literal["prior_qtc_mean", "prior_fasting_mean", "prior_spo2_mean"]
    within: Literal["sd_within"] | None = None
    vital: Name
    conditions: list[Name] = Field(default_factory=list)


class Drug(Form):
    """A drug."""

    name: Name
    rxnorm: Name


class Phenoconversion(Cited):
    """Drugs that make somebody act like another phenotype."""

    gene: Name
    becomes: Literal["PM", "IM", "NM", "UM"]
    drugs: list[Drug]


class Genomics(Cited):
    """How genes are read."""

    phenotypes: Phenotypes
    results: Results
    pairs: list[Shifting]
    levels: list[Level]
    phenoconversion: list[Phenoconversion]
    reference: Literal["NM"]


class Design(Form):
    """design.yaml"""

    meta: Meta
    population: Population
    stated: Stated
    moving: Moving
    not_judged: NotJudged
    reopening: Reopening
    skin_tone: SkinTone
    circadian: Rhythm
    icd10_categories: Codes
    applies: list[Applies]
    anchors: Anchors
    class_words: Words
    courses: list[Course]
    declared_illness: Declared
    genomics: Genomics
