"""Alert events for tests of what is told: everything has a default, a test names only what it is about."""

from typing import Any

from alerts.events import AlertEvent, Evidence
from models.findings import Rule

EVIDENCE = Evidence(
    vital="heart_rate",
    value=104.0,
    unit="/min",
    at="2026-01-05T08:00:00Z",
    expected=62.1,
    low=54.0,
    high=71.8,
    score=5.2,
    baseline_days=41.0,
    own_weight=0.97,
    modifiers=["metoprolol", "CYP2D6 poor metaboliser"],
    quality=0.97,
)


def alert(alert_id: str = "a-1", sequence: int = 1, **changed: Any) -> AlertEvent:
    """An urgent alert about a heart rate, as the worker publishes it, with what the test changes."""
    fields: dict[str, Any] = {
        "alert_id": alert_id,
        "sequence": sequence,
        "event": "opened" if sequence == 1 else "updated",
        "state": "open",
        "patient": "p-17",
        "care_team": "cardiology-home",
        "severity": "urgent",
        "category": "clinical",
        "kind": "deviation",
        "problem": "heart_rate.high",
        "title": "Heart rate high for this patient",
        "onset_at": "2026-01-05T07:40:00Z",
        "event_at": "2026-01-05T08:00:00Z",
        "arrived_at": "2026-01-05T08:00:01Z",
        "decided_at": "2026-01-05T08:00:01Z",
        "retrospective": False,
        "evidence": [EVIDENCE],
        "explanation": "Heart rate 104 /min, own band 54 to 72 /min for 20 minutes.",
        "population_rule_would_fire": False,
        "rule": Rule(id="acute_deviation", version="1", source="DESIGN"),
    }
    return AlertEvent(**{**fields, **changed})
