"""The burden page counts what it says: alerts a patient-day, waits, what is late, what was worth it, and from where."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.desk import cost as burden
from alerts.desk.cost import OUTCOMES, cost
from alerts.desk.members import EVERYTHING
from alerts.desk.patients import PatientProfile
from alerts.desk.store import Store
from alerts.events import AlertEvent
from models.findings import Rule
from tests.channels.events import alert
from tests.desk.databases import Databases


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    """Two patients are watched."""
    made = Store(databases.cache)
    made.put_profiles([PatientProfile("p-1", 1, "cardiology", "{}"), PatientProfile("p-2", 1, "cardiology", "{}")])
    yield made
    made.close()


def at(minutes: float = 0.0, days: float = 0.0) -> str:
    return (datetime(2026, 1, 6, 8, tzinfo=UTC) + timedelta(days=days, minutes=minutes)).isoformat()


def ended(alert_id: str, reason: str, by: str | None = "nurse-1", **changed: Any) -> list[AlertEvent]:
    """An alert, and how it was resolved."""
    over: dict[str, Any] = {"event": "resolved", "state": "resolved", "by": by, "reason": reason}
    return [alert(alert_id, **changed), alert(alert_id, 2, **over, **changed)]


def answered(alert_id: str, after: float, severity: str = "urgent") -> list[AlertEvent]:
    """An alert of eight o'clock that somebody takes up so many minutes later."""
    taken: dict[str, Any] = {"event": "acknowledged", "state": "acknowledged", "by": "nurse-1"}
    first = alert(alert_id, severity=severity, decided_at=at())
    return [first, alert(alert_id, 2, severity=severity, decided_at=at(after), **taken)]


def by_severity(store: Store, days: float) -> dict[str, dict[str, Any]]:
    return {one["severity"]: one for one in cost(store, EVERYTHING, days)["by_severity"]}


def test_a_patient_day_is_one_of_which_the_log_tells(store: Store) -> None:
    store.put_events([alert("a-1", patient="p-1", decided_at=at())])
    assert cost(store, EVERYTHING, 7)["covered_days"] == 1.0, "an instant is no measure of a day"
    later = [alert("a-2", patient="p-1", decided_at=at(days=2))]
    store.put_events([*later, alert("a-3", patient="p-1", severity="advisory", decided_at=at(days=4))])
    assert cost(store, EVERYTHING, 7)["covered_days"] == 4.0, "a new deployment has no quiet week behind it"
    week, last = by_severity(store, 7), by_severity(store, 2.5)
    assert [week[name]["per_patient_day"] for name in ("urgent", "advisory", "info")] == [2 / 8, 1 / 8, 0]
    assert [last[name]["per_patient_day"] for name in ("urgent", "advisory", "info")] == [1 / 5, 1 / 5, 0]


def test_waits_are_those_of_whoever_waited_and_late_is_late_now_or_then(store: Store) -> None:
    for minutes in range(1, 11):
        store.put_events(answered(f"u-{minutes}", minutes))
    store.put_events([*answered("e-1", 5, "emergency"), *answered("e-2", 6, "emergency")])
    store.put_events([alert("e-3", severity="emergency", decided_at=at())])
    found = by_severity(store, 7)
    assert (found["urgent"]["answered"], found["urgent"]["median_s"]) == (10, 5.5 * 60)
    assert found["urgent"]["slow_s"] == 9 * 60
    assert found["emergency"]["slow_s"] == 6 * 60, "of few waits it is the longest, and never more than was waited"
    late = [found["emergency"][name] for name in ("alerts", "answered", "overdue", "overdue_now")]
    assert late == [3, 2, 2, 1]
    assert found["advisory"]["median_s"] is found["advisory"]["slow_s"] is None


def test_what_was_worth_it_is_what_people_said_and_noise_is_named_with_where_it_comes_from(store: Store) -> None:
    noisy: dict[str, Any] = {"patient": "p-1", "rule": Rule(id="noisy", version="1", source="DESIGN")}
    worth, noise = ([one.words for one in OUTCOMES if one.useful is useful] for useful in (True, False))
    for n, words in enumerate(noise):
        store.put_events(ended(f"n-{n}", f"{words}: again", **noisy))
    for n, words in enumerate(worth):
        store.put_events(ended(f"w-{n}", words, patient="p-2"))
    store.put_events(ended("unjudged", "because", patient="p-2"))
    store.put_events(ended("by-itself", worth[0], by=None, patient="p-2"))
    store.put_events(ended("past", noise[0], retrospective=True, **noisy))
    found = cost(store, EVERYTHING, 7)
    assert (found["alerts"], found["useful"]) == (8, {"judged": 6, "useful": 3})
    loud, quiet = {"alerts": 5, "judged": 3, "useful": 3}, {"alerts": 3, "judged": 3, "useful": 0}
    there = {"list": "resolved"}
    assert found["top_patients"] == [{"patient": "p-2", **loud, **there}, {"patient": "p-1", **quiet, **there}]
    assert found["top_rules"] == [{"rule": "acute_deviation", **loud, **there}, {"rule": "noisy", **quiet, **there}]


def test_more_alerts_than_are_counted_are_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put_events([alert(f"a-{n}", decided_at=at()) for n in range(4)])
    assert cost(store, EVERYTHING, 7)["cut"] is False
    monkeypatch.setattr(burden, "ALERTS_MAX", 3)
    found = cost(store, EVERYTHING, 7)
    assert (found["alerts"], found["cut"]) == (3, True)
