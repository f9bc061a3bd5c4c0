"""Glucose sensors: Hall 2018 (doi 10.1371/journal.pbio.2005143, CC BY 4.0), Colas 2019 (doi
10.1371/journal.pone.0225817, CC BY), Dubosson 2018 (D1NAMO, doi 10.1016/j.imu.2018.09.003, CC BY-SA 4.0).

Labels are made from the data: a run of at least fifteen minutes below 54 mg/dL should be alerted by its third sample
(`low_54`), and one below 70 mg/dL foretold before its first (`low_70`). The time zone is not published: Etc/UTC.
"""

import csv
import gzip
import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from streams.demo.people import Clock, Draft, Json, Person, profile, rfc3339, weeks_to_start

ZONE, CARE_TEAM = "Etc/UTC", "cgm-study"
SETS = {
    "hall": ("Hall2018_processed_akhil.csv.gz", []),
    "colas": ("Colas2019_processed.zip", []),
    "dubosson": ("Dubosson2018_processed.csv.gz", [{"code": "diabetes_type1"}]),
}
"""Name: file as published, and what everyone in it has."""
SAMPLE = timedelta(minutes=5)
GAP = timedelta(minutes=16)
"""A run goes on over two missing samples."""
LEAST = timedelta(minutes=15)
FORETOLD = timedelta(minutes=60)
"""An earlier alert foretells something else."""
Sample = tuple[datetime, float]


def people(folder: Path) -> Iterator[Person]:
    """Everyone of the three sets, by set and id. Raises OSError, KeyError or ValueError for files of another shape."""
    for name, (file, conditions) in SETS.items():
        samples: dict[str, list[Sample]] = {}
        for row in _rows(folder / file):
            if row["gl"] and row["gl"] != "NA":
                at = datetime.fromisoformat(row["time"])
                samples.setdefault(row["id"], []).append((at, float(row["gl"])))
        for id, of_person in sorted(samples.items()):
            yield _person(f"cgm-{name}-{id}".replace(" ", "_"), name, sorted(set(of_person)), conditions)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            inside = next(name for name in archive.namelist() if name.endswith(".csv") and not name.startswith("__"))
            with io.TextIOWrapper(archive.open(inside), encoding="utf-8", newline="") as file:
                yield from _read(file)
    else:
        with gzip.open(path, "rt", newline="", encoding="utf-8") as zipped:
            yield from _read(zipped)


def _read(file: TextIO) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(file)


def _person(patient: str, name: str, samples: list[Sample], conditions: list[Json]) -> Person:
    clock = Clock(ZoneInfo(ZONE), weeks_to_start(samples[0][0].date()))
    device = f"urn:homebeat:cgm:{name}"
    moved = [(clock.at(wall), value) for wall, value in samples]
    drafts = [Draft(at, {"device": device, "code": "glucose", "value": value, "unit": "mg/dL"}) for at, value in moved]
    known = {"conditions": conditions} if conditions else {}
    return Person(
        patient, clock.weeks, profile(patient, ZONE, CARE_TEAM, **known), drafts, list(labels(patient, moved))
    )


PROBLEMS = {"low_54": "glucose.low", "low_70": "glucose.low|glucose.low_ahead"}
"""What finds each: a run that is foretold has an alert of its own, or one about the low itself."""


def labels(patient: str, samples: list[Sample]) -> Iterator[Json]:
    """What should be found in these samples (in order of time)."""
    for event, limit in (("low_54", 54.0), ("low_70", 70.0)):
        for run in runs(samples, limit):
            first, last = run[0][0], run[-1][0]
            if last - first + SAMPLE >= LEAST:
                third = run[min(2, len(run) - 1)][0]
                start, end = (first, third) if event == "low_54" else (first - FORETOLD, first - timedelta(seconds=1))
                yield {
                    "patient": patient, "event": event, "problem": PROBLEMS[event], "start": rfc3339(start),
                    "end": rfc3339(end), "until": rfc3339(last), "event_at": rfc3339(first),
                }  # fmt: skip


def runs(samples: Iterable[Sample], limit: float) -> list[list[Sample]]:
    """Runs of samples below the limit, ended by a sample that is not, or by a gap."""
    found: list[list[Sample]] = []
    before: datetime | None = None
    for at, value in samples:
        if value < limit:
            if before is not None and at - before <= GAP:
                found[-1].append((at, value))
            else:
                found.append([(at, value)])
            before = at
        else:
            before = None
    return found
