"""What the evidence must be before anybody is decided about by it: asked when a process starts.

Every file is read, also what is first needed in a week: whether it is as its form has it, and every figure cites a
source (`models.evidence`). Then they are held against one another: names that nothing answers to (`checked_names`),
figures that cannot be (`checked_figures`), and effects that apply twice or never.
"""

from collections.abc import Iterator
from typing import Any

from models import checked_figures, checked_names, rules
from models.effects import fits
from models.evidence import EvidenceError, load, names, sound, version
from models.readings import Refused
from models.units import convert
from models.vitals import BY_NAME

IN_UNITS = ("delta", "mean_delta", "sd_within_abs", "sd_between")
"""Figures of an effect that are in the unit beside them."""


def checked() -> None:
    """Raises EvidenceError with the first thing that is wrong."""
    for name in names():
        sound(name)
        version(name)
    checked_names.checked()
    rules.checked()
    checked_figures.checked()
    for file, owner, row in _rows():
        _in_its_unit(file, owner, row)
    for line in load("design")["applies"]:
        _about_one_effect(line)
    for line in load("design")["courses"]:
        _about_a_shift(line)


def _rows() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for file, kind, effects in (("conditions", "conditions", "shifts"), ("medications", "classes", "effects")):
        yield from ((file, entry["id"], row) for entry in load(file)[kind] for row in entry[effects])


def _in_its_unit(file: str, owner: str, row: dict[str, Any]) -> None:
    vital = BY_NAME.get(row["vital"])
    if vital is None or not row.keys() & IN_UNITS or "unit" not in row:
        return
    try:
        same = convert(vital.index, 1.0, row["unit"]) == 1.0
    except Refused:
        same = False
    if not same:
        raise EvidenceError(file, f"{owner}: {row['vital']} is in {vital.unit!r}, the effect in {row['unit']!r}")


def _about_one_effect(line: dict[str, Any]) -> None:
    found = sum(fits(line, owner, row) for _, owner, row in _rows())
    if found != 1:
        raise EvidenceError("design", f"a line of applies fits {found} effects: {line['of']} {line['vital']}")


def _about_a_shift(line: dict[str, Any]) -> None:
    entry = next((one for one in load("conditions")["conditions"] if one["id"] == line["of"]), None)
    vitals = {row["vital"] for row in entry["shifts"]} if entry else set()
    anchors = {row.get("anchor") for row in entry["phases"]} if entry else set()
    if line["vital"] not in vitals or line["anchor"] not in anchors:
        raise EvidenceError("design", f"a course is about nothing: {line['of']} {line['vital']} {line['anchor']}")
