"""LifeSnaps: healthy adults with a wristband, one figure a day (Yfantidou et al. 2022, doi 10.1038/s41597-022-01764-x).

No label: whatever a detector says about them is a false alert. The time zone is not published: days are taken as
Etc/UTC. A night's figures are stamped with seven in the morning, a day's with half past eleven at night, when known.
One person is published twice (3 is the first 114 days of 54): who says the same as another is left out.
"""

import csv
import gzip
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from streams.demo.people import Clock, Draft, Json, Person, profile, weeks_to_start

Row = dict[str, str]
ZONE, CARE_TEAM, DEVICE = "Etc/UTC", "lifesnaps-study", "urn:homebeat:lifesnaps:band"
MORNING, NIGHT = time(7), time(23, 30)
MS_PER_MIN = 60_000
COLUMNS: dict[str, tuple[str, str, time, Callable[[float], float]]] = {
    "resting_hr": ("40443-4", "/min", NIGHT, lambda value: round(value, 2)),
    "rmssd": ("hrv_rmssd", "ms", MORNING, lambda value: round(value, 2)),
    "spo2": ("59408-5", "%", MORNING, lambda value: round(value, 1)),
    "full_sleep_breathing_rate": ("9279-1", "/min", MORNING, lambda value: round(value, 2)),
    "nightly_temperature": ("skin_temperature", "Cel", MORNING, lambda value: round(value, 3)),
    "sleep_duration": ("93832-4", "min", MORNING, lambda value: round(value / MS_PER_MIN, 1)),
    "steps": ("55423-8", "{steps}", NIGHT, lambda value: round(value)),
}
"""Column as published: code, unit, when it is known, and the value in that unit."""
SAME, ENOUGH = 0.5, 50
"""Share of a person's figures, of so many at least, that nobody shares with somebody else by chance."""


def people(folder: Path) -> Iterator[Person]:
    """Everyone who has a figure, by id. Raises OSError, KeyError or ValueError for a file of another shape."""
    with gzip.open(folder / "daily.csv.gz", "rt", newline="", encoding="utf-8") as file:
        rows: dict[str, list[Row]] = {}
        for row in csv.DictReader(file):
            rows.setdefault(row["id"], []).append(row)
    for id, of_person in sorted(_once(rows).items()):
        person = _person(id, sorted(of_person, key=lambda row: row["date"]))
        if person.drafts:
            yield person


def _once(rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Everyone once: of two who say the same, the one of whom there is more."""
    said = {id: _said(of_person) for id, of_person in rows.items()}
    kept = dict[str, list[Row]]()
    for id in sorted(rows, key=lambda id: (-len(said[id]), id)):
        mine = said[id]
        if not any(len(mine) >= ENOUGH and len(mine & said[other]) >= SAME * len(mine) for other in kept):
            kept[id] = rows[id]
    return kept


def _said(rows: list[Row]) -> set[tuple[str, str, str]]:
    """Day, column and figure of all that is said."""
    return {(row["date"], column, row[column]) for row in rows for column in COLUMNS if row[column]}


def _person(id: str, rows: list[Row]) -> Person:
    patient, sex = f"lifesnaps-{id}", next((row["gender"].lower() for row in rows if row["gender"]), "unknown")
    clock = Clock(ZoneInfo(ZONE), weeks_to_start(date.fromisoformat(rows[0]["date"])))
    drafts = [Draft(clock.at(wall), fields) for row in rows for wall, fields in _figures(row)]
    return Person(patient, clock.weeks, profile(patient, ZONE, CARE_TEAM, sex=sex), drafts)


def _figures(row: Row) -> Iterator[tuple[datetime, Json]]:
    for column, (code, unit, known, convert) in COLUMNS.items():
        if row[column] and float(row[column]) > 0:
            context = {"context": {"activity": "sleep"}} if known == MORNING else {}
            value = convert(float(row[column]))
            wall = datetime.combine(date.fromisoformat(row["date"]), known)
            yield wall, {"device": DEVICE, "code": code, "value": value, "unit": unit, **context}
