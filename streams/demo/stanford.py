"""Stanford: wrist wearables around an onset of COVID-19 (Mishra et al. 2020, doi 10.1038/s41551-020-00640-6, MIT).

Files: labels.csv and one CSV.gz a person with a row a minute: `t, hr_mean, hr_n, steps`. The time zone is not
published: the times are taken as Etc/UTC. Age and sex are not published and stay unknown.
"""

import csv
import gzip
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from streams.demo.people import Clock, Draft, Json, Person, profile, rfc3339, weeks_to_start

Row = dict[str, str]
ZONE = "Etc/UTC"
CARE_TEAM = "covid-study"
DEVICE = "urn:homebeat:covid:wrist"
DAYS_BEFORE, DAYS_AFTER = 28, 10
LABEL_BEFORE, LABEL_AFTER = timedelta(days=3), timedelta(days=8)
"""An alert on days -3 to +7 of the onset is a hit: the window ends when day +7 does."""
PEOPLE = 4
MINUTES = 60
REST_MINUTES = 12
"""At rest is who has taken no step for twelve minutes (Bogu & Snyder 2021), the rule that homebeat uses itself."""


@dataclass(frozen=True)
class Candidate:
    """Someone with a symptom date, and the rows of the days around it."""

    name: str
    onset: date
    rows: list[Row]

    @property
    def beats(self) -> int:
        """Minutes with a heart rate."""
        return sum(bool(row["hr_mean"]) for row in self.rows)

    @property
    def complete(self) -> bool:
        """A heart rate on every day of the window."""
        days = {row["t"][:10] for row in self.rows if row["hr_mean"]}
        return len(days) == DAYS_BEFORE + 1 + DAYS_AFTER


def people(folder: Path) -> list[Person]:
    """Four people, by patient id, chosen by completeness and size alone, before any detector was run.

    Of those with a symptom date and a heart rate on every day from 28 before to 10 after it, the four with the fewest
    rows, which keeps the bundle small.
    """
    complete = sorted((c for c in _candidates(folder) if c.complete), key=lambda c: (c.beats, c.name))
    return [_person(candidate) for candidate in sorted(complete[:PEOPLE], key=lambda c: c.name)]


def _candidates(folder: Path) -> Iterator[Candidate]:
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        labels = [row for row in csv.DictReader(file) if row["symptom_date"]]
    for label in labels:
        onset = date.fromisoformat(label["symptom_date"])
        rows = _rows(folder / f"{label['participant']}.csv.gz", onset)
        yield Candidate(label["participant"], onset, rows)


def _rows(path: Path, onset: date) -> list[Row]:
    first, last = onset - timedelta(days=DAYS_BEFORE), onset + timedelta(days=DAYS_AFTER)
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if first <= date.fromisoformat(row["t"][:10]) <= last]


def _person(candidate: Candidate) -> Person:
    patient = f"covid-{candidate.name}"
    weeks = weeks_to_start(candidate.onset - timedelta(days=DAYS_BEFORE))
    clock = Clock(ZoneInfo(ZONE), weeks)
    taken = [*heart_rate(candidate.rows), *steps_of(candidate.rows)]
    drafts = [Draft(clock.at(wall), fields) for wall, fields in taken]
    onset = clock.at(datetime.combine(candidate.onset, time()))
    window = {"patient": patient, "start": rfc3339(onset - LABEL_BEFORE), "end": rfc3339(onset + LABEL_AFTER)}
    return Person(patient, weeks, profile(patient, ZONE, CARE_TEAM), drafts, [window], clock.mended)


def heart_rate(rows: Iterable[Row]) -> Iterator[tuple[datetime, Json]]:
    """One reading a minute, with the activity that the steps of the last minutes show, where they are known."""
    rows = list(rows)
    steps = {datetime.fromisoformat(row["t"]): float(row["steps"]) for row in rows if row["steps"]}
    for row in rows:
        if row["hr_mean"]:
            at = datetime.fromisoformat(row["t"])
            fields: Json = {"device": DEVICE, "code": "8867-4", "value": float(row["hr_mean"]), "unit": "/min"}
            activity = _activity([steps.get(at - timedelta(minutes=back)) for back in range(REST_MINUTES)])
            yield at, fields | ({"context": {"activity": activity}} if activity else {})


def _activity(steps: Sequence[float | None]) -> str | None:
    """active after a step, rest after none, None where neither can be said."""
    if any(steps):
        return "active"
    return None if None in steps else "rest"


def steps_of(rows: Iterable[Row]) -> Iterator[tuple[datetime, Json]]:
    """One series an hour, a sample a minute; null where the set has no row (never zero: not worn is not still)."""
    hours: dict[datetime, list[int | None]] = {}
    for row in rows:
        if row["steps"]:
            minute = datetime.fromisoformat(row["t"])
            samples = hours.setdefault(minute.replace(minute=0), [None] * MINUTES)
            samples[minute.minute] = int(float(row["steps"]))
    for hour, samples in hours.items():
        yield hour, {"device": DEVICE, "code": "steps", "values": samples, "period": 60, "unit": "{steps}"}
