"""The patients of `bench desk`: synthetic profiles, alerts and windows, as the topics would bring them to the desk."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from alerts.desk.patients import PatientProfile
from alerts.events import AlertEvent, EventName, Evidence, State
from models.findings import Rule, Severity
from models.readings import VitalSummary
from models.times import US_PER_S, rfc3339

SEED = 11
NOW_S = 1_776_211_200
"""2026-04-15, an arbitrary Wednesday: 90 days after the first window."""
DAYS, DAY_S = 90, 86_400
TEAMS = 20
DENSE = ("heart_rate", "respiratory_rate", "spo2", "skin_temperature", "glucose", "steps")
DAILY = ("resting_heart_rate", "body_weight", "systolic_bp", "diastolic_bp")
DENSE_S, DAILY_S = 900, 1800
LEVEL, WIDTH, NOISE = 70.0, 8.0, 3.0
"""Of every vital: what is measured is how fast it is shown, not what it is."""
SEVERITIES: tuple[Severity, ...] = (
    *("advisory", "advisory", "advisory", "advisory"),
    *("urgent", "urgent", "info", "emergency"),
)


@dataclass(frozen=True)
class Ward:
    """How much the desk holds. followed: patients with 90 days of ten vitals; past: alerts that are resolved."""

    patients: int = 100_000
    alerts: int = 5_000
    past: int = 20_000
    followed: int = 5

    def patient(self, number: int) -> str:
        return f"p-{number:06d}"

    def profiles(self) -> Iterator[PatientProfile]:
        for number in range(self.patients):
            patient, team = self.patient(number), f"team-{number % TEAMS:02d}"
            body = {
                "patient": patient, "version": 1, "birth_date": "1950-04-02", "sex": "female", "care_team": team,
                "timezone": "Europe/London", "height_cm": 164, "weight_kg": 71.5,
                "conditions": [{"code": "heart_failure"}],
                "medications": [{"code": "metoprolol", "start": "2025-12-01", "stop": None}],
                "consent": {"monitoring": True},
            }  # fmt: skip
            yield PatientProfile(patient, 1, team, json.dumps(body))

    def events(self) -> Iterator[AlertEvent]:
        """What is resolved first, then what is open; of both, patients and severities in turn."""
        for number in range(self.past):
            at_s = NOW_S - DAYS * DAY_S + number * (DAYS - 1) * DAY_S // max(self.past, 1)
            for sequence, (event, state) in enumerate(LIFE, 1):
                yield self._event(f"a-past-{number:06d}", sequence, number, event, state, at_s + 600 * sequence)
        for number in range(self.alerts):
            yield self._event(f"a-open-{number:06d}", 1, number, "opened", "open", NOW_S - 6 * (self.alerts - number))

    def windows(self) -> Iterator[VitalSummary]:
        """Day by day, as the topic would have them: the followed among all others, who have two windows each."""
        values = np.random.default_rng(SEED).normal(LEVEL, NOISE, 65_536).round(2)
        others = range(self.followed, self.patients)
        for day in range(DAYS):
            begin_s = NOW_S - (DAYS - day) * DAY_S
            for start_s in range(begin_s, begin_s + DAY_S, DENSE_S):
                for number in range(self.followed):
                    for vital in DENSE:
                        yield self._window(number, vital, start_s, DENSE_S, values)
            for number in range(self.followed):
                for vital in DAILY:
                    yield self._window(number, vital, begin_s + 7 * 3600, DAILY_S, values)
            for number in others[day::DAYS]:
                for vital in DENSE[:2]:
                    yield self._window(number, vital, begin_s + 43_200, DENSE_S, values)

    def _window(
        self, number: int, vital: str, start_s: int, period_s: int, values: "np.ndarray[Any, Any]"
    ) -> VitalSummary:
        value = float(values[(start_s // period_s * 31 + number * 7 + len(vital)) % len(values)])
        deviating = abs(value - LEVEL) > WIDTH
        return VitalSummary(
            patient=self.patient(number), vital=vital, start=_at(start_s), period_s=float(period_s), n=12, mean=value,
            min=value - 2, max=value + 2, expected=LEVEL, low=LEVEL - WIDTH, high=LEVEL + WIDTH,
            state="deviating" if deviating else "normal",
        )  # fmt: skip

    def _event(
        self, alert_id: str, sequence: int, number: int, event: EventName, state: State, at_s: int
    ) -> AlertEvent:
        at, person = _at(at_s), sequence > 1
        return AlertEvent(
            alert_id=alert_id, sequence=sequence, event=event, state=state, category="clinical", kind="deviation",
            patient=self.patient(number % self.patients), care_team=f"team-{number % TEAMS:02d}",
            severity=SEVERITIES[number % len(SEVERITIES)], problem="heart_rate.high", onset_at=at, event_at=at,
            title="Heart rate high for this patient", arrived_at=at, decided_at=at, retrospective=False,
            evidence=[EVIDENCE, EVIDENCE], explanation=EXPLANATION, population_rule_would_fire=False,
            rule=Rule("acute_deviation", "1", "DESIGN"), by="nurse-1" if person else None,
            reason="Patient called, well" if person else None,
        )  # fmt: skip


LIFE: tuple[tuple[EventName, State], ...] = (
    ("opened", "open"),
    ("acknowledged", "acknowledged"),
    ("resolved", "resolved"),
)
EVIDENCE = Evidence(
    vital="heart_rate", value=104.0, unit="/min", at=rfc3339(NOW_S * US_PER_S), expected=62.1, low=54.0, high=71.8,
    score=5.2, baseline_days=41.0, own_weight=0.97, modifiers=["metoprolol", "CYP2D6 poor metaboliser"], quality=0.97,
)  # fmt: skip
EXPLANATION = (
    "Heart rate 104 /min, own band 54 to 72 /min at this hour, for 2 h 40 min. Respiratory rate rises with it. The "
    "band is the patient's own, learned over 41 days (97 %). Metoprolol and the CYP2D6 result are taken into account."
)


def _at(at_s: int) -> str:
    return rfc3339(at_s * US_PER_S)
