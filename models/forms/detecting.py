"""What departs from the patient's own level: `detectors.yaml` (windows) and `daily.yaml` (days)."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from models.forms.form import (
    Cited,
    Count,
    Days,
    Form,
    HourOfDay,
    Hours,
    Meta,
    Name,
    Positive,
    Seconds,
    Severity,
    Share,
    Side,
    Z,
)

Vitals = Annotated[list[Name], Field(min_length=1)]


class Told(Form):
    """How far out a window, and two in a row, have to lie."""

    from_: Z = Field(alias="from")
    pair: Z
    lasts: Count | None = None


class DetectorClass(Cited):
    """Vitals whose windows are judged alike."""

    vitals: list[Name]
    known_after: Count
    max_gap_h: Hours
    z_on: Z
    windows_on: Count
    z_urgent: Z
    z_off: Z
    windows_off: Count
    told: Told
    learn_from: Count

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.z_off < self.z_on < self.z_urgent:
            raise ValueError("z_off lies below z_on, and that below z_urgent")
        return self


class AcuteBudget(Cited):
    """How often windows may say so of whom nothing is wrong."""

    per_month: Annotated[float, Field(gt=0, le=10)]
    slope: Positive
    milder_sd: Z
    lasts: Count
    milder_lasts: Count
    clip: Z
    spare: Z
    prior: Count
    memory: Count
    highest: Z


class Baseline(Cited):
    """How a level is learned."""

    q_level_per_day: Share
    q_harmonic_per_day: Share
    huber: Z
    spread_prior_windows: Count
    spread_memory_windows: Count
    spread_floor_share: Share
    harmonic_prior_share: Share
    lately_days: Days
    settled: Positive


class Fading(Form):
    """A memory that fades."""

    hours: Annotated[float, Field(gt=0, le=240)]
    start: Annotated[float, Field(ge=0, le=20)] | None = None


class Memories(Form):
    """What the forecast remembers."""

    slow: Fading
    brisk: Fading
    low_share: Fading
    near_share: Fading
    rough: Fading


Weight = Annotated[float, Field(ge=-20, le=20)]
Row = Annotated[list[Weight], Field(min_length=1)]


class GlucoseForecast(Cited):
    """The network that foretells low glucose."""

    status: Name
    low: Positive
    step_s: Seconds
    gap_s: Seconds
    soonest_s: Seconds
    known_after: Count
    mean_days: Days
    start_mean: Positive
    start_sd: Positive
    least_sd: Positive
    floor_rises_per_h: Positive
    ceiling_falls_per_h: Positive
    near: Positive
    roughest: Positive
    fading: Memories
    features: Annotated[list[Name], Field(min_length=1)]
    hidden: Annotated[list[Row], Field(min_length=1)]
    hidden_bias: Row
    weights: Row
    bias: Weight
    raise_at: Share
    clear_at: Share
    clear_samples: Count
    come_samples: Count
    severity: Severity

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(self.hidden) != len(self.features):
            raise ValueError(f"hidden has a row for each of the {len(self.features)} features, not {len(self.hidden)}")
        if {len(self.hidden_bias), len(self.weights)} != {len(row) for row in self.hidden}:
            raise ValueError("hidden, hidden_bias and weights speak of the same units")
        if self.clear_at > self.raise_at:
            raise ValueError("clear_at lies below raise_at")
        return self


class Detectors(Form):
    """detectors.yaml"""

    meta: Meta
    classes: Annotated[dict[Name, DetectorClass], Field(min_length=1)]
    budget: AcuteBudget
    silent_vitals: list[Name]
    baseline: Baseline
    glucose_forecast: GlucoseForecast


class Night(Cited):
    """Which windows make a night."""

    until_h: HourOfDay
    least: Count
    vitals: Vitals


class ByDay(Cited):
    """Which hours make the figure of a day for who has no nights."""

    vitals: Vitals
    after_days: Count
    least: Count
    asleep_h: Annotated[int, Field(ge=0, le=23)]
    back: Count


class TwoNights(Cited):
    """When two nights say as much as a week."""

    from_: Z = Field(alias="from")
    gap_days: Days


class Jump(Cited):
    """When one day is far from all before it, and the next one as well."""

    sides: dict[Name, Side]
    from_: Z = Field(alias="from")
    alike: Z
    known_after: Count
    over: Z


class Drift(Cited):
    """Slow changes of one vital."""

    statistic: Name
    vitals: Vitals
    stands: Z
    opens: Z
    milder: dict[Name, Side]
    milder_sd: Z
    milder_days: Days
    week_days: Count
    least_figures: Count
    oldest_days: Days
    week_sd: dict[Name, Positive]
    clip: Z
    clear: Annotated[float, Field(ge=0, le=20)]
    clear_slight: Annotated[float, Field(ge=0, le=20)]
    known_after: Count
    known_looks: Count
    memory_days: Days
    spread_prior_days: dict[Name, Days]
    spread_memory_days: Days
    spread_floor_share: Share
    huber: Z
    rho_prior: dict[Name, Share]
    rho_days: dict[Name, Days]
    rho_most: Share
    anew_days: Days
    night: Night
    by_day: ByDay
    two_nights: TwoNights
    jump: Jump
    night_spread: dict[Name, Share]
    severity: Severity


class ChangeIndex(Cited):
    """Several vitals together."""

    statistic: Name
    worse: dict[Name, Side]
    correlation: Share
    h: Z
    per_drift: Share
    fresh_days: Days
    contributes: Z
    least_vitals: Count
    clear: Annotated[float, Field(ge=0, le=20)]
    severity: Severity


class DailyBudget(Cited):
    """How often days may say so of whom nothing is wrong."""

    share: Share
    told_from: Annotated[dict[int, Z], Field(min_length=1)]
    false_per_day: Share
    slope: Positive
    clip: Z
    spare: Z
    least_vitals: Count
    prior_weeks: Positive
    memory_weeks: Positive
    highest: Z
    lowest: Z
    lasts_days: Days
    returns_days: Days


class Daily(Form):
    """daily.yaml"""

    meta: Meta
    drift: Drift
    change_index: ChangeIndex
    budget: DailyBudget
