"""TIHM: 24 people with dementia at home (Palermo et al. 2023, doi 10.1038/s41597-023-02519-y, CC BY 4.0).

Files: Physiology.csv, Aggregated_Sleep.csv, Demographics.csv, Labels.csv. Times have no zone; the study ran in the
United Kingdom in summer time. Readings are in local time; the labels' times can only be UTC: read so, 204 of 209 come
within three hours after a reading of their kind (median 18 min), read as local time most come half an hour before it.

What has no vital of ours is left out: muscle mass, body water, and of the labels those of agitation and body water.
Sleep windows: only the night's (18:00 to 12:00); the day's (from 12:00) are left out.
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from streams.demo.people import START, Clock, Draft, Json, Person, profile, rfc3339, weeks_to_start

Row = dict[str, str]
ZONE = "Europe/London"
CARE_TEAM = "tihm-home"
DEMENTIA = {"code": {"system": "http://snomed.info/sct", "code": "52448006"}}
NIGHT_HOUR = 18
NIGHT = timedelta(hours=18)
LABEL_LOOKS_BACK = timedelta(hours=12)
"""Every label of blood pressure, pulse or weight has a reading of its kind in the 12 h before it."""

# device_type as published -> (code, unit, device). The unit beats/min of the set is no UCUM unit: it becomes /min.
PHYSIOLOGY = {
    "Systolic blood pressure": ("8480-6", "mm[Hg]", "bp-cuff"),
    "Diastolic blood pressure": ("8462-4", "mm[Hg]", "bp-cuff"),
    "Heart rate": ("8867-4", "/min", "bp-cuff"),
    "Body Temperature": ("8310-5", "Cel", "thermometer"),
    "Skin Temperature": ("skin_temperature", "Cel", "thermometer"),
    "Body weight": ("29463-7", "kg", "scale"),
}
SLEEP = {"mean_RR": "9279-1", "mean_HR": "40443-4"}
PROBLEMS = {
    "Blood pressure": "systolic_bp|diastolic_bp",
    "Pulse": "heart_rate",
    "Weight": "body_weight",
    "Body temperature": "body_temperature",
}
BAND_MIDPOINTS = {"(70, 80]": 75, "(80, 90]": 85, "(90, 110]": 100}


def people(folder: Path, looks_back: timedelta = LABEL_LOOKS_BACK) -> list[Person]:
    """Everyone of the set who has a reading, by patient id. looks_back: from the start of a label to the time at which
    staff checked it. Raises KeyError for an age band that is not known."""
    physiology, sleep = _by_patient(folder / "Physiology.csv"), _by_patient(folder / "Aggregated_Sleep.csv")
    labels = _by_patient(folder / "Labels.csv")
    demographics = sorted(_rows(folder / "Demographics.csv"), key=lambda row: row["patient_id"])
    everyone = (
        _person(row, physiology[row["patient_id"]], sleep[row["patient_id"]], labels[row["patient_id"]], looks_back)
        for row in demographics
    )
    return [person for person in everyone if person.drafts]


def _person(about: Row, physiology: list[Row], sleep: list[Row], labels: list[Row], looks_back: timedelta) -> Person:
    patient = f"tihm-{about['patient_id']}"
    taken = [*_measured(physiology), *_nights(sleep)]
    weeks = weeks_to_start(
        min((wall for wall, _ in taken), default=datetime.combine(START, datetime.min.time())).date()
    )
    clock = Clock(ZoneInfo(ZONE), weeks)
    drafts = [Draft(clock.at(wall), fields) for wall, fields in taken]
    windows = list(_windows(patient, labels, clock.at, looks_back))
    return Person(patient, weeks, _profile(patient, about), drafts, windows, clock.mended)


def _profile(patient: str, about: Row) -> Json:
    born = date(START.year - BAND_MIDPOINTS[about["age"]], 1, 1)
    return profile(
        patient, ZONE, CARE_TEAM, birth_date=born.isoformat(), sex=about["sex"].lower(), conditions=[DEMENTIA]
    )


def _measured(rows: Iterable[Row]) -> Iterator[tuple[datetime, Json]]:
    for row in rows:
        if row["device_type"] in PHYSIOLOGY and row["value"]:
            code, unit, device = PHYSIOLOGY[row["device_type"]]
            named = {"device": f"urn:homebeat:tihm:{device}", "code": code, "value": float(row["value"]), "unit": unit}
            yield datetime.fromisoformat(row["date"]), named


def _nights(rows: Iterable[Row]) -> Iterator[tuple[datetime, Json]]:
    """A night's mean is known when its window ends, so it is stamped there: earlier would tell the future."""
    for row in rows:
        start = datetime.fromisoformat(row["window_start"])
        if start.hour == NIGHT_HOUR:
            for column, code in SLEEP.items():
                if row[column]:
                    yield start + NIGHT, _night(code, float(row[column]))


def _night(code: str, value: float) -> Json:
    device, context = "urn:homebeat:tihm:sleep-mat", {"activity": "sleep"}
    return {"device": device, "code": code, "value": round(value, 2), "unit": "/min", "context": context}


def _windows(
    patient: str, rows: Iterable[Row], at: Callable[[datetime], datetime], looks_back: timedelta
) -> Iterator[Json]:
    for row in rows:
        if row["type"] in PROBLEMS:
            published = datetime.fromisoformat(row["date"]).replace(tzinfo=UTC)
            end = at(published.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None))
            start = (end.astimezone(UTC) - looks_back).astimezone(end.tzinfo)
            yield {"patient": patient, "start": rfc3339(start), "end": rfc3339(end), "problem": PROBLEMS[row["type"]]}


def _rows(path: Path) -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _by_patient(path: Path) -> defaultdict[str, list[Row]]:
    grouped: defaultdict[str, list[Row]] = defaultdict(list)
    for row in _rows(path):
        grouped[row["patient_id"]].append(row)
    return grouped
