"""How devices send, and when they cannot be right: `cadence.yaml` and `sensors.yaml`."""

from typing import Annotated, Any, Literal

from pydantic import Field

from models.forms.form import (
    Cited,
    Count,
    Days,
    Form,
    HourOfDay,
    Hours,
    Meta,
    Minutes,
    Name,
    Number,
    Positive,
    Range,
    Seconds,
    Severity,
    Share,
)


class Silence(Cited):
    """How a pause is judged."""

    factor: Annotated[float, Field(ge=1, le=10)]
    outage: Annotated[float, Field(gt=0, le=1)]
    period_d: Annotated[int, Field(ge=1, le=60)]
    night_from_h: HourOfDay
    night_until_h: HourOfDay
    both_parts_h: Hours
    most_d: Annotated[int, Field(ge=1, le=365)]
    recheck_s: Annotated[int, Field(ge=60, le=86_400)]


class Clock(Cited):
    """How a device's clock is judged."""

    steps: Count
    behind_s: Seconds
    pace_s: Seconds
    late: list[Literal["dense", "session", "daily"]]
    quarter_s: Annotated[int, Field(ge=60, le=3600)]
    refused: Count
    severity: Severity


class GroupSilence(Form):
    """For how long a group may be silent."""

    floor_h: Annotated[float, Field(gt=0, le=30 * 24)]
    start_d: Annotated[float, Field(gt=0, le=60)]
    learn_d: Annotated[float, Field(gt=0, le=60)]
    severity: Severity


Span = Annotated[int, Field(ge=60, le=7 * 86_400)]


class Group(Cited):
    """Vitals that come alike."""

    id: Literal["dense", "session", "daily"]
    vitals: Annotated[list[Name], Field(min_length=1)]
    window_s: Annotated[int, Field(ge=60, le=86_400)]
    lateness_s: Annotated[int, Field(ge=0, le=3600)]
    live_horizon_s: Span
    cadence_s: Span
    silence: GroupSilence


class Cadence(Form):
    """cadence.yaml"""

    meta: Meta
    silence: Silence
    clock: Clock
    groups: Annotated[list[Group], Field(min_length=3, max_length=3)]


class Flat(Cited):
    """The very same value."""

    n: Count
    min: Minutes
    gap_min: Minutes


class Edge(Flat):
    """At an end of the device's range."""

    at: Range


class Leap(Cited):
    """Further than a body can go."""

    least: Positive
    per_min: Annotated[float, Field(ge=0, le=1000)]
    gap_min: Minutes


class Below(Cited):
    """Not measured on a body."""

    value: Number
    rest: bool = False


class AtTheRateOfSteps(Cited):
    """An optical sensor that counts steps."""

    within: Positive
    steps_per_min: Positive
    n: Count
    min: Minutes
    fresh_s: Seconds


class ToldOfSensor(Cited):
    """When people are told."""

    n: Count
    h: Hours
    over: Count


class Sensor(Form):
    """A vital's sensor."""

    flat: Flat | None = None
    edge: Edge | None = None
    jump: Leap | None = None
    below: Below | None = None
    cadence: AtTheRateOfSteps | None = None
    told: ToldOfSensor


class NewDevice(Cited):
    """When a device counts as new."""

    days: Days
    apart_days: Days


class Without(Form):
    """Vitals of which that cannot be said."""

    vitals: list[Name]


class Sensors(Form):
    """sensors.yaml"""

    meta: Meta
    measured: dict[str, Any]
    severity: Severity
    share: Share
    new_device: NewDevice
    not_flat: Without
    no_jump: Without
    vitals: Annotated[dict[Name, Sensor], Field(min_length=1)]
