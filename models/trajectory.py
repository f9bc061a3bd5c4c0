"""Where a patient is in the course of a disease or recovery, and what that course leads one to expect.

A course is counted in days from an anchor (surgery, discharge, onset of symptoms, ...). Of several anchors of one
condition the latest that has come governs: a birth ends the pregnancy, a new chemotherapy cycle replaces the last. An
event from which the evidence counts nothing of that condition ends none: who leaves hospital recovers all the same.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np

from models import terminology
from models.effects import of_condition
from models.evidence import load
from models.phrases import figure, phrase
from models.profile import Profile
from models.profile_fields import coded
from models.vitals import BY_NAME
from models.wording import unbracketed

DAYS_PER_WEEK = 7
HOURS_PER_DAY = 24
LONGEST_DAYS = 36_500
"""Of a course that the evidence gives no end."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a course. `day` is counted as the field counts it; sd_mult widens the within-person SD [1]."""

    condition: str
    id: str
    label: str
    day: int
    expected: str
    sd_mult: float
    source: str


@dataclass(frozen=True, slots=True)
class Anchored:
    """A condition counted from an event. `days` since the anchor's own day, negative before it."""

    condition: str
    anchor: str
    days: int

    @property
    def day(self) -> int:
        """The day as the field counts it: surgery is on day 0, chemotherapy on day 1."""
        return self.days + int(load("design")["anchors"]["first_day"].get(self.anchor, 0))

    def words(self) -> str:
        """In a nurse's words: 'Heart failure, day 16 after discharge'."""
        anchors = load("design")["anchors"]
        known = anchors["words"].get(self.anchor)
        since = phrase(known) if known else phrase("after {event}", event=phrase(self.anchor.replace("_", " ")))
        parts = {"condition": condition_words(self.condition), "since": since}
        if self.anchor in anchors["weeks"]:
            return phrase("{condition}, week {week} {since}", week=figure(self.day // DAYS_PER_WEEK), **parts)
        return phrase("{condition}, day {day} {since}", day=figure(self.day), **parts)


@dataclass(frozen=True, slots=True)
class PathLevel:
    """A level that the course itself prescribes for one vital (row in VITALS), in canonical units."""

    condition: str
    vital: int
    level: float
    source: str


def phase(condition: str, anchor: str, anchor_date: date, on: date) -> Phase | None:
    """The phase of conditions.yaml that holds on that day, or None between phases and for what is not known.

    Where phases overlap, the one that began last, and of those the shortest: the most particular about this day.
    """
    return phase_of(Anchored(condition, anchor, (on - anchor_date).days))


def phase_of(at: Anchored) -> Phase | None:
    """The phase that holds at this point of a course, as `phase`."""
    held = [row for row in _phases(at.condition) if row.get("anchor") == at.anchor and _holds(row, at.day)]
    if not held:
        return None
    row = max(held, key=lambda row: (_span(row)[0], -_span(row)[1]))
    return Phase(
        condition=at.condition,
        id=row["id"],
        label=at.words(),
        day=at.day,
        expected=row["expected"],
        sd_mult=float(row.get("sd_mult", 1.0)),
        source=" ".join(row["src"]),
    )


def is_over(at: Anchored) -> bool:
    """Whether the patient has the condition no more: the last phase after the event that ends it has passed."""
    ends = [_span(row)[1] for row in _phases(at.condition) if row.get("anchor") == at.anchor]
    return at.anchor in load("design")["anchors"]["last"] and bool(ends) and at.day > max(ends)


def anchored(profile: Profile, on: date) -> tuple[Anchored, ...]:
    """Each condition of the profile that is counted from an event, with the event that governs it on that day.

    From `trajectories`; for a condition that only makes sense as a course (a recovery, an infection) and has none, from
    the day since which it is known.
    """
    return tuple(_governing(condition, dates, on) for condition, dates in sorted(_events(profile).items()))


def ill(profile: Profile, on: date) -> int:
    """The day of a declared illness from which nothing is to be learned, 1 being its first; 0: there is none."""
    spans = ((at.days, _declared(at.condition, at.anchor)) for at in anchored(profile, on))
    return max((day - span[0] + 1 for day, span in spans if span is not None and span[0] <= day <= span[1]), default=0)


def _declared(condition: str, anchor: str) -> tuple[int, int] | None:
    """First and last day of the illness that is declared by this, since the anchor's own day."""
    known = load("design")["declared_illness"]["courses"].get(condition)
    return (known["days"][0], known["days"][1]) if known is not None and known["anchor"] == anchor else None


def moving_until(profile: Profile) -> date | None:
    """The last day on which a course of this profile moves what is expected or keeps it from being learned, or a drug
    settles; None without."""
    settle = int(load("medications")["meta"]["generic_settle_days"]) - 1
    ends = [
        day + timedelta(last)
        for condition, dates in _events(profile).items()
        for day, anchor in dates
        if (last := _last_day(condition, anchor)) is not None
    ]
    ends += [one.start + timedelta(settle) for one in profile.medications if one.start]
    return max(ends, default=None)


@cache
def _last_day(condition: str, anchor: str) -> int | None:
    """The last day since the anchor on which this course moves a level or a spread, or is an illness."""
    first = int(load("design")["anchors"]["first_day"].get(anchor, 0))
    courses = [effect.course for effect in of_condition(condition) if effect.course is not None]
    days = [course.points[-1][0] - first for course in courses if course.anchor == anchor]
    days += [path.last for path in _paths(condition, anchor)]
    rows = [row for row in _phases(condition) if row.get("anchor") == anchor and row.get("sd_mult", 1.0) != 1.0]
    days += [_span(row)[1] - first for row in rows]
    days += [span[1]] if (span := _declared(condition, anchor)) is not None else []
    return int(min(max(days), LONGEST_DAYS)) if days else None


def _events(profile: Profile) -> dict[str, list[tuple[date, str]]]:
    """The days 0 of every condition of the profile that is counted from one, with their anchors. Those from which the
    evidence counts; for a condition without such an event, whatever else the profile dates."""
    counted: dict[str, list[tuple[date, str]]] = {}
    other: dict[str, list[tuple[date, str]]] = {}
    for entry in profile.trajectories:
        condition, anchor = terminology.condition_id(*coded(entry.condition)), terminology.word(entry.anchor)
        if condition is not None:
            kind = counted if anchor in terminology.anchors(condition) else other
            kind.setdefault(condition, []).append((entry.date, anchor))
    since: dict[str, list[tuple[date, str]]] = {}
    for known in profile.conditions:
        condition = terminology.condition_id(*coded(known.code))
        if condition is not None and is_course(condition) and known.since is not None:
            since.setdefault(condition, []).append((known.since, _main_anchor()[condition]))
    return other | since | counted


def _governing(condition: str, events: Iterable[tuple[date, str]], on: date) -> Anchored:
    """The latest event up to that day; before the first one, the first (an operation that is planned)."""
    ordered = sorted(events)
    come = [event for event in ordered if event[0] <= on]
    day, anchor = come[-1] if come else ordered[0]
    return Anchored(condition, anchor, (on - day).days)


def path_levels(at: Anchored) -> tuple[PathLevel, ...]:
    """The levels that the course prescribes on this day: in pregnancy and after birth, the medians by date."""
    held = [path for path in _paths(at.condition, at.anchor) if path.first <= at.days <= path.last]
    return tuple(
        PathLevel(at.condition, path.vital, float(np.interp(at.days, path.days, path.medians)), path.source)
        for path in held
    )


@dataclass(frozen=True, slots=True)
class _Path:
    """Medians of one vital by day since the anchor, valid from `first` to `last`."""

    vital: int
    first: float
    last: float
    days: tuple[float, ...]
    medians: tuple[float, ...]
    source: str


@cache
def _paths(condition: str, anchor: str) -> tuple[_Path, ...]:
    paths: list[_Path] = []
    spans = [_span(row) for row in _phases(condition) if row.get("anchor") == anchor]
    if anchor in load("design")["anchors"]["weeks"] and spans:
        first, last = min(span[0] for span in spans), max(span[1] for span in spans)
        weekly = [shift for shift in _entry(condition)["shifts"] if "trajectory" in shift]
        paths += [_path(row["vital"], (first, last), row["trajectory"], row["src"]) for row in weekly]
    for row in _phases(condition):
        if row.get("anchor") == anchor and "trajectory" in row:
            paths += [_path(vital, _span(row), points, row["src"]) for vital, points in row["trajectory"].items()]
    return tuple(paths)


def _path(vital: str, span: tuple[float, float], points: list[dict[str, float]], src: list[str]) -> _Path:
    days = tuple(float(p["day"] if "day" in p else p["week"] * DAYS_PER_WEEK) for p in points)
    return _Path(BY_NAME[vital].index, *span, days, tuple(float(p["median"]) for p in points), " ".join(src))


@cache
def _entry(condition: str) -> dict[str, Any]:
    found = [entry for entry in load("conditions")["conditions"] if entry["id"] == condition]
    return found[0] if found else {"phases": [], "shifts": [], "label": condition}


def _phases(condition: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _entry(condition)["phases"]
    return rows


def _span(row: dict[str, Any]) -> tuple[float, float]:
    """First and last day of a phase. Dates have no hours: a phase of hours holds on the days that it touches."""
    if "hours" in row:
        return row["hours"][0] // HOURS_PER_DAY, row["hours"][1] // HOURS_PER_DAY
    first, last = row["days"] if "days" in row else [week * DAYS_PER_WEEK for week in row["weeks"]]
    return first, math.inf if last is None else last


def _holds(row: dict[str, Any], day: int) -> bool:
    first, last = _span(row)
    return first <= day <= last


def condition_words(condition: str) -> str:
    """The condition's label without what it has in brackets."""
    label: str = _entry(condition)["label"]
    return phrase(unbracketed(label))


def is_course(condition: str | None) -> bool:
    """Whether a condition (id in conditions.yaml) only makes sense as a course: a recovery, an infection."""
    return condition in _main_anchor()


@cache
def _main_anchor() -> dict[str, str]:
    return {line["of"]: line["anchor"] for line in load("design")["courses"] if line.get("main", True)}
