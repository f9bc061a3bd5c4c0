"""The forms of the evidence: what may stand in each of its files, so that a figure that cannot be stops the start.

`form` is what they are made of. By what they speak of: `vitals` (each vital, and people in general), `limits` (floors,
and how the alerts of conditions are judged), `profiles` (conditions, drugs, genes), `design` (what was decided beside
the evidence), `detecting` (windows and days against the own level), `devices` (cadence, sensors), `alerting`
(incidents, equity, NEWS2). The cohort's and the comparators' figures decide about nobody, and have none.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError

from models.forms.form import Form


@cache
def forms() -> Mapping[str, type[Form]]:
    """By the name of the file. Made when they are first asked for: `--help` waits for none of them."""
    from models.forms import alerting, design, detecting, devices, limits, profiles, vitals

    return {
        "cadence": devices.Cadence, "conditions": profiles.Conditions, "daily": detecting.Daily,
        "design": design.Design, "detectors": detecting.Detectors, "equity": alerting.Equity,
        "floors": limits.Floors, "genomics": profiles.Genomics, "incidents": alerting.Incidents,
        "medications": profiles.Medications, "news2": alerting.News2, "rules": limits.Rules,
        "sensors": devices.Sensors, "vitals": vitals.Vitals,
    }  # fmt: skip


def amiss(name: str, document: Mapping[str, Any]) -> str | None:
    """The first thing in a file that its form does not have, and where; None if it is as it should be."""
    form = forms().get(name)
    if form is None:
        return None
    try:
        form.model_validate(document)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False)[0]
        return f"{_where(document, first['loc'])}: {_said(first['msg'], first['type'], first['input'])}"
    return None


def _where(document: object, path: tuple[int | str, ...]) -> str:
    """The way to it, with the id of what has one: floors[3] (hr_high_critical).limit"""
    where, at = "", document
    for step in path:
        at = _inside(at, step)
        if at is None and isinstance(step, str) and where and not _is_key(step):
            continue  # which member of a union it was not: no place in the file
        where += f"[{step}]" if isinstance(step, int) else f".{step}" if where else str(step)
        if isinstance(step, int) and isinstance(at, Mapping) and "id" in at:
            where += f" ({at['id']})"
    return where


def _inside(at: object, step: int | str) -> object:
    try:
        return at[step]  # type: ignore[index]
    except (KeyError, IndexError, TypeError):
        return None


def _is_key(step: str) -> bool:
    return step.replace("_", "").isalnum() and step.islower()


def _said(message: str, kind: str, given: object) -> str:
    if kind in ("missing", "extra_forbidden"):
        return {"missing": "is missing", "extra_forbidden": "is no key that belongs here"}[kind]
    text = str(given)
    return f"{message[:1].lower()}{message[1:]}, is {text if len(text) <= 60 else text[:57] + '...'}"
