"""One person of the bundled data: readings, profile and labels in the words of the contract, days moved by whole weeks.

Everybody starts in the same simulated week, so that the demo shows 28 people side by side. Only whole weeks are moved:
the weekday and the time of day stay what they were, and with them everything a baseline learns from them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

START = date(2026, 1, 5)
"""The Monday of the simulated week in which everybody's data begin."""

Json = dict[str, Any]


def weeks_to_start(first: date) -> int:
    """Whole weeks (may be negative) that bring the week of `first` to the week of START."""
    return (START - (first - timedelta(days=first.weekday()))).days // 7


def rfc3339(instant: datetime) -> str:
    """RFC 3339 to the second; an offset of zero is written Z."""
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass
class Clock:
    """Turns a published wall-clock time without zone into an instant of the simulated time.

    An hour that the clocks skip in spring is read with the offset before the change (so 01:30 becomes 02:30 summer
    time); an hour that they repeat in autumn is read as its first occurrence. `mended` counts the former.
    """

    zone: ZoneInfo
    weeks: int
    mended: int = 0

    def at(self, wall: datetime) -> datetime:
        """The instant of `wall` (naive, as published), moved by the person's weeks, in the person's zone."""
        moved = wall + timedelta(weeks=self.weeks)
        instant = moved.replace(tzinfo=self.zone).astimezone(UTC).astimezone(self.zone)
        self.mended += instant.replace(tzinfo=None) != moved
        return instant


@dataclass(frozen=True)
class Draft:
    """A reading before it has its number: the instant for sorting, and the fields of the contract."""

    at: datetime
    fields: Json


@dataclass
class Person:
    """What is bundled about one person. `mended`: local times that the zone's clocks skip."""

    patient: str
    weeks: int
    profile: Json
    drafts: list[Draft] = field(default_factory=list)
    labels: list[Json] = field(default_factory=list)
    mended: int = 0

    def readings(self) -> Iterable[tuple[datetime, str, Json]]:
        """(instant in UTC, id, Reading as JSON object), in order of time; ids are numbered in that order from zero.

        UTC, because Python compares two times of one zone by their wall clocks, which an autumn hour turns around.
        """
        ordered = sorted(self.drafts, key=lambda draft: (draft.at.astimezone(UTC), draft.fields["code"]))
        for number, draft in enumerate(ordered):
            name = f"{self.patient}-{number:06d}"
            yield (
                draft.at.astimezone(UTC),
                name,
                {"id": name, "patient": self.patient, **draft.fields, "at": rfc3339(draft.at)},
            )


def profile(patient: str, timezone: str, care_team: str, **known: object) -> Json:
    """A Profile of the contract with what the set says. Consent to monitoring is assumed for the demo (NOTICE.md)."""
    return {
        "patient": patient,
        "version": 1,
        **known,
        "timezone": timezone,
        "care_team": care_team,
        "consent": {"monitoring": True},
    }
