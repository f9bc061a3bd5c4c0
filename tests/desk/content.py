"""A morning at the desk: made-up patients with weeks of windows and a worklist as the worker would publish it."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from alerts.events import AlertEvent, Evidence
from models.findings import Rule
from models.readings import VitalSummary
from tests.channels.events import alert

NOW = datetime(2026, 1, 19, 8, 5, tzinfo=UTC)
HEART = "p-0417"


def at(**ago: float) -> str:
    """RFC 3339, so long before the morning's now."""
    return (NOW - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Course:
    """How one vital of one patient goes: a level, a daily swing, noise, and what departs from it."""

    vital: str
    period: timedelta
    level: float
    swing: float
    noise: float
    width: float
    departs: Callable[[float], float] = lambda hours_ago: 0.0
    days: float = 21.0
    every: timedelta | None = None
    missing: Callable[[float], bool] = lambda hours_ago: False
    poor: Callable[[float], bool] = lambda hours_ago: False


def summaries(patient: str, course: Course, seed: int) -> Iterator[VitalSummary]:
    """The windows of a course, oldest first; the band narrows as it is learned."""
    dice = random.Random(seed)
    step = course.every or course.period
    start = NOW.replace(minute=0) - timedelta(days=course.days)
    while start + course.period <= NOW:
        hours_ago = (NOW - start).total_seconds() / 3600
        noise = dice.gauss(0, course.noise)
        if not course.missing(hours_ago):
            yield _window(patient, course, start, hours_ago, noise)
        start += step


def _window(patient: str, course: Course, start: datetime, hours_ago: float, noise: float) -> VitalSummary:
    expected = course.level + course.swing * math.sin((start.hour + start.minute / 60 - 9) / 24 * 2 * math.pi)
    width = course.width * (1 + 1.1 * math.exp(-(course.days * 24 - hours_ago) / 80))
    mean = expected + course.departs(hours_ago) + noise
    low, high = expected - width, expected + width
    poor = course.poor(hours_ago)
    return VitalSummary(
        patient=patient,
        vital=course.vital,
        start=start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        period_s=course.period.total_seconds(),
        n=1 if poor else 12,
        mean=round(mean, 2),
        min=round(mean - course.noise, 2),
        max=round(mean + course.noise, 2),
        expected=round(expected, 2),
        low=round(low, 2),
        high=round(high, 2),
        state="unknown" if poor else "normal" if low <= mean <= high else "deviating",
    )


def _rising(since_hours: float, by: float, over_hours: float = 3.0) -> Callable[[float], float]:
    return lambda hours_ago: by * max(0.0, min(1.0, (since_hours - hours_ago) / over_hours))


QUARTER, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
HEART_COURSES = (
    Course(
        "heart_rate",
        QUARTER,
        66,
        6,
        2.2,
        9.5,
        departs=_rising(4.2, 31),
        missing=lambda hours_ago: 60 < hours_ago < 71,
        poor=lambda hours_ago: 110 < hours_ago < 116,
    ),
    Course("respiratory_rate", QUARTER, 15.5, 0.8, 0.5, 2.2, departs=_rising(3.0, 3.4)),
    Course("spo2", QUARTER, 95.5, 0.3, 0.5, 2.0, departs=_rising(3.0, -1.4)),
    Course("skin_temperature", QUARTER, 33.6, 0.4, 0.15, 0.6),
    Course("body_weight", timedelta(minutes=30), 71.4, 0, 0.25, 0.9, days=60, every=DAY),
)


def vitals() -> Iterator[VitalSummary]:
    """All windows of the morning."""
    for seed, course in enumerate(HEART_COURSES):
        yield from summaries(HEART, course, seed)
    weight = Course("body_weight", timedelta(minutes=30), 83.1, 0, 0.3, 1.0, _rising(110, 2.9, 90), days=60, every=DAY)
    yield from summaries("p-1180", weight, 11)
    spo2 = Course("spo2", QUARTER, 93.2, 0.3, 0.6, 2.4, departs=_rising(1.6, -9.0), days=10)
    yield from summaries("p-2203", spo2, 12)
    night = Course("resting_heart_rate", HOUR, 58, 0, 0.9, 3.1, departs=_rising(90, 5.2, 60), days=90, every=DAY)
    yield from summaries("p-0952", night, 13)


def evidence(vital: str, value: float, unit: str, expected: float, low: float, high: float, **more: Any) -> Evidence:
    fields: dict[str, Any] = {
        "at": at(minutes=5),
        "score": round((value - expected) / ((high - low) / 4), 1),
        "baseline_days": 41.0,
        "own_weight": 0.97,
        "modifiers": [],
        "quality": 0.96,
    }
    return Evidence(vital=vital, value=value, unit=unit, expected=expected, low=low, high=high, **{**fields, **more})


def heart_alert(sequence: int = 1, **changed: Any) -> AlertEvent:
    """The urgent alert that the morning is about."""
    fields: dict[str, Any] = {
        "alert_id": "a-5f0c11d2",
        "sequence": sequence,
        "patient": HEART,
        "onset_at": at(hours=2, minutes=40),
        "event_at": at(minutes=20),
        "arrived_at": at(minutes=20),
        "decided_at": at(minutes=20),
        "evidence": [
            evidence("heart_rate", 95.4, "/min", 64.8, 55.3, 74.3, modifiers=["metoprolol", "CYP2D6 poor metaboliser"]),
            evidence("respiratory_rate", 18.9, "/min", 15.2, 13.0, 17.4),
        ],
        "explanation": (
            "Heart rate 95 /min, own band 55 to 74 /min at this hour, for 2 h 40 min. Respiratory rate rises with it. "
            "The band is the patient's own, learned over 41 days (97 %). Metoprolol and the CYP2D6 result are taken "
            "into account. No limit for everyone is broken: a fixed limit of 100 /min would have stayed silent."
        ),
    }
    return alert(**{**fields, **changed})


def empty(vital: str, state: Any, **ago: float) -> VitalSummary:
    """A window of the heart patient that holds no reading and says only how the vital stands."""
    nothing: dict[str, Any] = dict.fromkeys(("mean", "min", "max", "expected", "low", "high"))
    return VitalSummary(patient=HEART, vital=vital, start=at(**ago), period_s=900.0, n=0, state=state, **nothing)


def silence_alert() -> AlertEvent:
    """A device that no longer sends: nothing was measured, so there is no evidence."""
    return alert(
        "a-silent", patient=HEART, severity="advisory", category="technical", kind="silence",
        problem="silence.urn:dev:watch-9", title="No data from urn:dev:watch-9", evidence=[],
        explanation="Nothing has come from urn:dev:watch-9 since this morning. Check that it is worn and charged.",
        onset_at=at(minutes=50), event_at=at(minutes=20), arrived_at=at(minutes=20), decided_at=at(minutes=20),
    )  # fmt: skip


def worklist() -> list[AlertEvent]:
    """Every list has something on it; one alert is overdue."""
    return [*_open(), *_answered(), *_past()]


def _open() -> list[AlertEvent]:
    return [
        heart_alert(),
        alert(
            "a-90b2aa10",
            patient="p-2203",
            care_team="respiratory-home",
            severity="emergency",
            kind="limit",
            problem="spo2.low",
            title="Oxygen saturation below 86 %",
            onset_at=at(minutes=48),
            decided_at=at(minutes=2),
            evidence=[
                evidence("spo2", 84.2, "%", 93.1, 90.7, 95.5, modifiers=["COPD", "skin tone: wider device error"])
            ],
            explanation="Oxygen saturation 84 % for 10 minutes, own band 91 to 96 %. The floor here is 86 %.",
            population_rule_would_fire=True,
            rule=Rule(id="spo2_floor", version="2", source="NEWS2"),
        ),
        alert(
            "a-33c7de01",
            patient="p-1180",
            kind="condition",
            problem="body_weight.gain",
            title="Weight up 2.6 kg in four days",
            onset_at=at(days=3, hours=1),
            decided_at=at(hours=2, minutes=12),
            evidence=[evidence("body_weight", 86.0, "kg", 83.1, 82.1, 84.1, quality=None)],
            explanation="Weight 86.0 kg, 2.6 kg above four days ago. In heart failure, 2 kg in three days is fluid "
            "until shown otherwise. Own band 82.1 to 84.1 kg.",
            rule=Rule(id="hf_weight_gain", version="1", source="ESC_HF"),
        ),
        alert(
            "a-71e00b5c",
            patient="p-0952",
            care_team="oncology-home",
            severity="advisory",
            kind="drift",
            problem="resting_heart_rate.high",
            title="Resting heart rate drifting up for this patient",
            onset_at=at(days=3),
            decided_at=at(hours=1, minutes=40),
            evidence=[evidence("resting_heart_rate", 63.1, "/min", 58.0, 54.9, 61.1, baseline_days=88.0)],
            explanation="Resting heart rate 63 /min, rising for three nights; own band 55 to 61 /min.",
        ),
        alert(
            "a-0c44f7d9",
            patient="p-3340",
            care_team="cardiology-home",
            severity="advisory",
            category="technical",
            kind="silence",
            problem="heart_rate.silence",
            title="No readings from the watch for 9 hours",
            onset_at=at(hours=9),
            decided_at=at(hours=6, minutes=3),
            evidence=[],
            explanation="This patient's watch reports every 5 minutes. Heart rate and activity are unknown since.",
        ),
    ]


def _answered() -> list[AlertEvent]:
    taken = {"patient": "p-2011", "severity": "advisory", "title": "Temperature high for this patient"}
    return [
        alert("a-12aa0001", 1, decided_at=at(hours=5), **taken),
        alert(
            "a-12aa0001", 2, event="acknowledged", state="acknowledged", by="nurse-2", decided_at=at(hours=4), **taken
        ),
        *(_resolved(number) for number in range(7)),
    ]


def _resolved(number: int) -> AlertEvent:
    return alert(
        f"a-77bb000{number}",
        event="resolved",
        state="resolved",
        patient=f"p-{1500 + 37 * number}",
        by="nurse-2",
        reason="Patient called, well",
        decided_at=at(hours=6 + 3 * number),
    )


def _past() -> list[AlertEvent]:
    return [
        alert(
            "a-6600dd12",
            retrospective=True,
            patient="p-0733",
            severity="advisory",
            title="Heart rate was high for this patient",
            onset_at=at(days=2, hours=3),
            decided_at=at(hours=3),
        )
    ]
