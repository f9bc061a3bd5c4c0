"""A cohort's files: the same cohort gives the same bytes (no time stamp in the gzip header, one order of lines)."""

import gzip
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from models.segments import Ints
from models.vitals import VITALS
from streams.cohort.patient import Patient, Readings
from streams.cohort.people import Json
from streams.cohort.sampling import ACTIVITIES

READINGS, PROFILES, LABELS, README = "readings.jsonl.gz", "profiles.jsonl", "labels.jsonl", "README.md"
LINES_AT_ONCE = 50_000
LEVEL = 4
"""Of gzip: twice as quick as the default for a tenth more bytes."""
_FLEET = {"body_weight": "scale", "body_temperature": "thermometer", "spo2": "oximeter", "glucose": "meter"}
_CUFF = frozenset({"systolic_bp", "diastolic_bp"})


def write_readings(path: Path, patients: Sequence[Patient], progress: Callable[[int], None]) -> int:
    """All readings in order of arrival; returns how many lines. `progress` hears how many more are written."""
    who = np.repeat(np.arange(len(patients)), [len(p.readings.vital) for p in patients])
    every = Readings(
        *(np.concatenate([getattr(p.readings, known.name) for p in patients]) for known in fields(Readings))
    )
    order = np.lexsort((every.number, who, every.arrived_s))
    with path.open("wb") as raw, gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as file:
        for first in range(0, len(order), LINES_AT_ONCE):
            chosen = order[first : first + LINES_AT_ONCE]
            file.write(_lines(patients, who[chosen], chosen, every))
            progress(len(chosen))
    return len(order)


def _lines(patients: Sequence[Patient], who: Ints, chosen: Ints, every: Readings) -> bytes:
    """One JSON line a reading; written by hand, because a million go through here."""
    at, arrived = (np.datetime_as_string(s[chosen].astype("M8[s]")).tolist() for s in (every.at_s, every.arrived_s))
    columns = zip(
        who.tolist(), every.number[chosen].tolist(), every.vital[chosen].tolist(), every.value[chosen].tolist(),
        at, arrived, every.quality[chosen].tolist(), every.activity[chosen].tolist(), strict=True,
    )  # fmt: skip
    devices = [_devices(patient) for patient in patients]
    names = [patient.person.patient for patient in patients]
    return "".join(
        f'{{"id":"r-{p}-{number:06d}","patient":"{names[p]}","device":"{devices[p][v]}",{_CODES[v]},"value":{value},'
        f'"at":"{a}Z","arrived":"{b}Z"{"" if q != q else f",{QUALITY}{q}"}{_CONTEXTS[doing]}}}\n'
        for p, number, v, value, a, b, q, doing in columns
    ).encode()


QUALITY = '"quality":'
_CODES = [f'"code":"{vital.loinc[0] if vital.loinc else vital.name}","unit":"{vital.unit}"' for vital in VITALS]
_CONTEXTS = ["" if name == "unknown" else f',"context":{{"activity":"{name}"}}' for name in ACTIVITIES]


def _devices(patient: Patient) -> list[str]:
    """The device of each vital (row in VITALS)."""
    fleet = patient.person.fleet
    return [fleet["cuff" if v.name in _CUFF else _FLEET.get(v.name, "watch")] for v in VITALS]


def write_lines(path: Path, documents: Iterable[Json]) -> int:
    """JSON lines, keys sorted; returns how many."""
    lines = [json.dumps(document, sort_keys=True, separators=(",", ":")) + "\n" for document in documents]
    path.write_text("".join(lines), encoding="utf-8")
    return len(lines)
