"""Everyone of the Stanford set (Mishra et al. 2020, doi 10.1038/s41551-020-00640-6, MIT), minute by minute.

A label is days -3 to +7 of the first symptoms. Who has no date of symptoms has no label, and is observed all the same.
"""

import csv
import gzip
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from streams.demo.people import Clock, Draft, Json, Person, profile, rfc3339, weeks_to_start
from streams.demo.stanford import CARE_TEAM, LABEL_AFTER, LABEL_BEFORE, ZONE, Row, heart_rate, steps_of


def people(folder: Path) -> Iterator[Person]:
    """Everyone, by participant. Raises OSError, KeyError or ValueError for files of another shape."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        labels = sorted(csv.DictReader(file), key=lambda row: row["participant"])
    for label in labels:
        with gzip.open(folder / f"{label['participant']}.csv.gz", "rt", newline="", encoding="utf-8") as rows:
            yield _person(label, list(csv.DictReader(rows)))


def _person(about: Row, rows: list[Row]) -> Person:
    patient = f"covid-{about['participant']}"
    clock = Clock(ZoneInfo(ZONE), weeks_to_start(date.fromisoformat(rows[0]["t"][:10])))
    taken = [*heart_rate(rows), *steps_of(rows)]
    drafts = [Draft(clock.at(wall), fields) for wall, fields in taken]
    windows = [_window(patient, clock, about["symptom_date"])] if about["symptom_date"] else []
    return Person(patient, clock.weeks, profile(patient, ZONE, CARE_TEAM), drafts, windows, clock.mended)


def _window(patient: str, clock: Clock, onset: str) -> Json:
    day = clock.at(datetime.combine(date.fromisoformat(onset), time()))
    begin, end = rfc3339(day - LABEL_BEFORE), rfc3339(day + LABEL_AFTER)
    return {"patient": patient, "start": begin, "end": end, "event": "onset", "event_at": rfc3339(day)}
