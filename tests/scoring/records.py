"""Alerts and labels as files hold them, their times in hours from one midnight."""

from datetime import UTC, datetime, timedelta
from typing import Any

from models.times import to_us

DAY0 = datetime(2026, 1, 5, tzinfo=UTC)
Json = dict[str, Any]


def at(hours: float) -> str:
    return (DAY0 + timedelta(hours=hours)).isoformat()


def us(hours: float) -> int:
    return to_us(DAY0 + timedelta(hours=hours))


def alert(hours: float, patient: str = "p", problem: str = "heart_rate.high", **more: Any) -> Json:
    return {"patient": patient, "event": "opened", "event_at": at(hours), "problem": problem, **more}


def label(start: float, end: float, patient: str = "p", problem: str | None = None, **more: Any) -> Json:
    named = {} if problem is None else {"problem": problem}
    return {"patient": patient, "start": at(start), "end": at(end), **named, **more}
