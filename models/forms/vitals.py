"""What each vital is, and what is expected of people in general: `vitals.yaml`.

What decides has a form; what was published beside it (reference ranges, errors of devices) is read by people.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from models.forms.form import Cited, Count, Form, Meta, Minutes, Name, Number, Positive, Range


class Loinc(Cited):
    """A code of LOINC, or none and why."""

    code: Name | None
    display: Name


class Mdc(Cited):
    """A code of IEEE 11073, or none and why."""

    ref_id: Name | None
    code: Annotated[int, Field(ge=0, lt=2**32)] | None


class Conversion(Form):
    """canonical = mul * value + add; of temperature too."""

    unit: Name
    mul: Annotated[float, Field(gt=0, le=1e6)]
    add: Annotated[float, Field(ge=-1000, le=1000)]


class Plausible(Cited):
    """What a body, or the device on it, can show; other bounds beside it are numbers too."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    __pydantic_extra__: dict[str, Number | Range | Name]

    min: Annotated[float, Field(ge=0, le=1e6)]
    max: Positive

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min >= self.max:
            raise ValueError(f"min {self.min:g} does not lie below max {self.max:g}")
        return self


class Glucose(Plausible):
    """Where meters and sensors end."""

    meter_min: Positive
    meter_max: Positive
    cgm_min: Positive
    cgm_max: Positive
    max_rate_per_min: Positive


class Spread(Form):
    """An SD."""

    value: Positive | None = None
    value_pct: Positive | None = None
    range: Range | None = None
    range_pct: Range | None = None
    cv_pct: Range | None = None
    abs_below_100: Positive | None = None
    unit: Name | None = None
    scale: Literal["ln"] | None = None
    also: Name | None = None


class EnginePrior(Cited):
    """What is expected of somebody of whom nothing is known."""

    scale: Literal["raw", "ln", "ln1p", "raw_deviation", "ratio_to_personal_best", "zero_inflated"]
    mean: Number | Literal["personal_only", "personal_or_GLI"] | None = None
    mean_formula: Name | None = None
    mean_male: Positive | None = None
    mean_female: Positive | None = None
    sd_between: Positive | None = None
    sd_between_pct_pred: Positive | None = None
    sd_within: Positive | None = None
    sd_meas: Positive | None = None
    process_sd_per_day: Positive | None = None
    min_days_for_personal: Count | None = None
    rule: Name | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.scale == "zero_inflated":
            return self
        if self.scale != "ratio_to_personal_best" and (self.sd_within is None or self.sd_meas is None):
            raise ValueError("sd_within and sd_meas are missing")
        if (self.mean_male is None) != (self.mean_female is None):
            raise ValueError("a mean of men goes with one of women")
        if self.mean is None and self.mean_formula is None and self.mean_male is None:
            raise ValueError("it gives no mean")
        return self


class Circadian(Cited):
    """The rhythm of a day: hours, amounts, or ranges of them."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    __pydantic_extra__: dict[str, Number | Range | Name | list[str]]


class Group(Cited):
    """How people differ by age, sex, season."""

    group: Name | None = None
    age: Name | None = None
    delta: Number | Range | None = None
    delta_per_decade: Range | None = None
    amplitude: Range | None = None
    cv_90pct_range: Range | None = None
    mean: Positive | None = None
    sd: Positive | None = None
    unit: Name | None = None


class RestWindow(Cited):
    """When somebody is at rest."""

    steps_zero_min: Minutes
    alt: Name | None = None


class Level(Cited):
    """A level of consciousness."""

    value: Annotated[int, Field(ge=0, le=4)]
    label: Name
    loinc: list[Name]
    snomed: list[Name]
    words: list[Name]


class Vital(Form):
    """A vital."""

    label: Name
    loinc: list[Loinc]
    mdc: list[Mdc]
    local_code: Name | None = None
    ucum_canonical: Name
    ucum_accepted: Annotated[list[Conversion], Field(min_length=1)]
    plausible: Plausible
    sd_within: Spread | None = None
    sd_meas: Spread | None = None
    engine_prior: EnginePrior | None = None
    circadian: Circadian | None = None
    by_age_sex: list[Group] = Field(default_factory=list)
    rest_window_rule: RestWindow | None = None
    levels: dict[Literal["A", "C", "V", "P", "U"], Level] | None = None
    reference: list[dict[str, Any]] = Field(default_factory=list)
    measurement_error: list[dict[str, Any]] = Field(default_factory=list)
    activity_effect: dict[str, Any] | None = None
    altitude_effect: dict[str, Any] | None = None
    site_offset_to_oral: dict[str, Any] | None = None
    schedule: dict[str, Any] | None = None
    weekly: dict[str, Any] | None = None
    confounders: list[Name] = Field(default_factory=list)
    rule: Name | None = None


class OfGlucose(Vital):
    """The one vital of which a device's own ends count."""

    plausible: Glucose


class OfHeartRate(Vital):
    """The one vital that says what rest is."""

    rest_window_rule: RestWindow


class OfConsciousness(Vital):
    """The one vital that is a letter."""

    levels: Annotated[dict[Literal["A", "C", "V", "P", "U"], Level], Field(min_length=5)]


class Catalogue(Form):
    """All vitals, by name."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    __pydantic_extra__: dict[str, Vital]

    heart_rate: OfHeartRate
    glucose: OfGlucose
    consciousness: OfConsciousness


class Vitals(Form):
    """vitals.yaml"""

    meta: Meta
    vitals: Catalogue
    derived_vitals: list[dict[str, Any]]
