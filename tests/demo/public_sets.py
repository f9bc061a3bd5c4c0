"""Tiny files in the shape of the two public sets, with made-up values."""

import csv
import gzip
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from io import StringIO
from pathlib import Path

ONSET = date(2024, 5, 8)
MEASURED = ("mean_HR", "HR_var", "mean_RR", "RR_var", "WASO", "SOL", "TIB", "TST", "SE", "snoring_counts", "agitation")


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """One CSV file; gzipped when its name says so."""
    text = StringIO()
    csv.writer(text).writerows([header, *rows])
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def tihm(folder: Path) -> Path:
    """One person: a cuff, an impossible skin temperature, body water, a night and a day of sleep, four labels."""
    folder.mkdir()
    physiology = [
        ("aa01", "2019-06-28 13:42:09", "Systolic blood pressure", "165.0", "mm[Hg]"),
        ("aa01", "2019-06-28 13:42:09", "Heart rate", "61.0", "beats/min"),
        ("aa01", "2019-06-26 09:00:00", "Skin Temperature", "74.127", "Cel"),
        ("aa01", "2019-06-26 09:00:00", "Total body water", "50.0", "%"),
    ]
    nights = [
        ("aa01", f"2019-06-27 {hour}:00:00", "57.515384", 9, "17.346153", 2, 0, 0, 400, 380, 95, 0, 1)
        for hour in (12, 18)
    ]
    labels = [("aa01", "2019-06-28 12:50:00", kind) for kind in ("Blood pressure", "Pulse", "Agitation", "Body water")]
    write(folder / "Physiology.csv", ("patient_id", "date", "device_type", "value", "unit"), physiology)
    write(folder / "Aggregated_Sleep.csv", ("patient_id", "window_start", *MEASURED), nights)
    write(
        folder / "Demographics.csv",
        ("patient_id", "age", "sex"),
        [("aa01", "(80, 90]", "Female"), ("zz99", "(70, 80]", "Male")],
    )
    write(folder / "Labels.csv", ("patient_id", "date", "type"), labels)
    return folder


def stanford(folder: Path, *, people: int = 6) -> Path:
    """People A0, A1, ... with ever more rows a day; the last has a day without, and one more has no symptom date."""
    folder.mkdir()
    header = ("participant", "condition", "symptom_date", "diagnosis_date")
    labels = [(f"A{i}", "COVID-19", ONSET.isoformat(), "") for i in range(people)] + [("NONE", "COVID-19", "", "")]
    write(folder / "labels.csv", header, labels)
    for i in range(people):
        missing = ONSET - timedelta(days=5) if i == people - 1 else None
        write(folder / f"A{i}.csv.gz", ("t", "hr_mean", "hr_n", "steps"), _minutes(i + 2, missing))
    return folder


def _minutes(a_day: int, missing: date | None) -> Iterable[Sequence[object]]:
    for day in range(-30, 13):
        when = ONSET + timedelta(days=day)
        start = datetime.combine(when, time(8))
        for minute in range(a_day):
            beats = "" if when == missing else 60 + minute
            yield (start + timedelta(minutes=minute)).isoformat(), beats, 5, ("", "", "7.0")[minute % 3]
