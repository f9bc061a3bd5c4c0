"""A cohort of synthetic patients in a folder: readings, profiles, labels, and a README that says they are synthetic."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.evidence import load
from streams.cohort.patient import Patient, patient
from streams.cohort.sampling import DAY_S
from streams.cohort.writing import LABELS, PROFILES, READINGS, README, write_lines, write_readings
from streams.errors import Failed, WrongSettings

READINGS_MAX = 60_000_000
"""All readings are sorted by arrival in memory, about 60 bytes each: beyond this 8 GiB would not do."""
BY_PLAN = 16
"""Readings a patient-day that no sensor streams, about: to refuse at once what would not fit."""

HEADING = "# A synthetic cohort"
Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, out of how many."""


def simulate(
    out: Path, *, patients: int, days: int, seed: int, kind: str, cadence: str, progress: Progress
) -> dict[str, Any]:
    """Write a cohort to `out` (made when missing) and say what is in it.

    The same patients, days, seed, kind and cadence give the same bytes. Raises WrongSettings for a cohort that would
    not fit into memory, or would be written over what is not the same one; Failed when the folder cannot be written.
    """
    asked = {"patients": patients, "days": days, "seed": seed, "cohort": kind, "cadence": cadence}
    _refuse_to_write_over(out, asked)
    expected = round(patients * days * a_day(kind, cadence))
    if expected > READINGS_MAX:
        raise WrongSettings(
            f"about {expected:,} readings are more than {READINGS_MAX:,}: take fewer patients, fewer days or a sparser "
            "--cadence"
        )
    made: list[Patient] = []
    for number in range(patients):
        made.append(patient(seed, number, days, kind, cadence))
        progress("patients", number + 1, patients)
    try:
        return _written(out, made, asked, progress)
    except OSError as wrong:
        raise Failed(f"{out} cannot be written: {wrong.strerror or wrong}") from None


def _refuse_to_write_over(out: Path, asked: dict[str, Any]) -> None:
    """A cohort takes minutes to make and to replay: it gives way to itself only, also when it was not made whole."""
    there = [name for name in (READINGS, PROFILES, LABELS, README) if (out / name).exists()]
    if there and _made_by(asked) not in _what_it_says(out / README):
        raise WrongSettings(
            f"{out} holds {', '.join(there)} already, and not of this cohort: name another --out, or delete them"
        )


def _what_it_says(readme: Path) -> str:
    try:
        return readme.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _made_by(asked: dict[str, Any]) -> str:
    return "Made by `homebeat simulate " + " ".join(f"--{name} {value}" for name, value in asked.items()) + "`"


def a_day(kind: str, cadence: str) -> float:
    """Readings a patient-day, about: a sensor of glucose alone brings many times what is measured by hand."""
    known = load("cohort")
    every, sensed = known["measuring"]["cadences"][cadence], known["conditions"]["glucose_streamed"]
    everybody = known["kinds"][kind].get("everyone_has") in sensed
    share = 1.0 if everybody else sum(known["conditions"]["shares"][condition] for condition in sensed)
    heart = DAY_S / every["heart_rate_s"] if every["heart_rate_s"] else 0.0
    return BY_PLAN + heart + share * DAY_S / float(every["glucose_s"])


def _written(out: Path, made: list[Patient], asked: dict[str, Any], progress: Progress) -> dict[str, Any]:
    out.mkdir(parents=True, exist_ok=True)
    (out / README).write_text(f"{HEADING}\n\nNot whole: still being made, or given up. {_made_by(asked)}.\n", "utf-8")
    total = sum(len(one.readings.vital) for one in made)
    done = 0

    def wrote(more: int) -> None:
        nonlocal done
        done += more
        progress("readings", done, total)

    readings = write_readings(out / READINGS, made, wrote)
    profiles = write_lines(out / PROFILES, (profile for one in made for profile in one.profiles))
    labels = [label for one in made for label in one.labels]
    result = {
        "synthetic": True,
        **asked,
        "readings": readings,
        "profiles": profiles,
        "labels": write_lines(out / LABELS, labels),
        "events": dict(sorted(Counter(label["event"] for label in labels).items())),
    }
    (out / README).write_text(_readme(result, asked), encoding="utf-8")
    return result


def _readme(result: dict[str, Any], asked: dict[str, Any]) -> str:
    """What the folder holds, for who finds it a year later."""
    events = "\n".join(f"- {name}: {count}" for name, count in result["events"].items()) or "- none"
    return f"""{HEADING}

Nobody in here is a person. {_made_by(asked)}: the same command gives the same bytes.
Every patient, device and care team has `synthetic` in its name.

- `{READINGS}`: {result["readings"]:,} readings in order of arrival
- `{PROFILES}`: {result["profiles"]:,} profile versions
- `{LABELS}`: {result["labels"]:,} planted events. An alert from `start` to `end` finds it; until `until` an alert is
  explained by it; `no_alert`: there is nothing that should be found; `category`: who should find it.

Planted:
{events}

How it is made, and from which figures: evidence/cohort.yaml (version {load("cohort")["meta"]["schema_version"]}).
"""
