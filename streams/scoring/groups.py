"""`--by FIELD`: which alerts, labels and patients belong to each value of a field.

A field of patients (of their profiles; else of the labels, where every patient has one value) splits the patients. Any
other field is of the alerts or labels: each value is scored on its own over all patients. `age_band`, `skin_tone`,
`device` and `condition` are read from the profiles; who has two conditions or devices is in both groups.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from streams.scoring.people import DERIVED
from streams.scoring.records import ANY_OF, Alert, Json, Label, Span, is_about, value

UNKNOWN = "unknown"
"""Patients of whom the field is not known are a group of their own."""

Values = dict[str, frozenset[str]]


@dataclass(frozen=True)
class Group:
    """What one scorecard is about."""

    alerts: Sequence[Alert]
    labels: Sequence[Label]
    patients: Sequence[str]


def groups(by: str, whole: Group, profiles: Iterable[Json], of: Mapping[str, Span]) -> dict[str, Group]:
    """The groups by value of `by`, in order. of: when each patient was observed. LookupError when no alert, label or
    profile has the field."""
    values = _of_patients(by, whole, list(profiles), of)
    found = _of_records(by, whole) if values is None else _split(whole, values)
    return dict(sorted(found.items()))


def _of_patients(by: str, whole: Group, profiles: Sequence[Json], of: Mapping[str, Span]) -> Values | None:
    """The values of each patient, or None if `by` is no field of patients."""
    if by == "patient":
        return {patient: frozenset({patient}) for patient in whole.patients}
    said = _said(by, profiles, of)
    if said:
        return said
    if by == "care_team":
        return _once(by, whole.alerts)
    if by == "problem" or any(value(alert.record, by) is not None for alert in whole.alerts):
        return None
    return _once(by, whole.labels)


def _said(by: str, profiles: Sequence[Json], of: Mapping[str, Span]) -> Values:
    """What the profiles say; of several versions the last that says it."""
    found: Values = {}
    for profile in profiles:
        patient = str(profile.get("patient"))
        if by in DERIVED:
            values = DERIVED[by](profile, of.get(patient))
        else:
            one = value(profile, by)
            values = frozenset() if one is None else frozenset({one})
        if values:
            found[patient] = values
    return found


def _once(by: str, records: Sequence[Alert] | Sequence[Label]) -> Values | None:
    """The value of each patient, if none has two and any has one."""
    pairs = {(known.patient, found) for known in records if (found := value(known.record, by)) is not None}
    of = {patient: frozenset({found}) for patient, found in pairs}
    return of if of and len(of) == len(pairs) else None


def _split(whole: Group, of: Values) -> dict[str, Group]:
    values = {patient: of.get(patient, frozenset({UNKNOWN})) for patient in whole.patients}
    return {
        chosen: Group(
            [alert for alert in whole.alerts if chosen in values[alert.patient]],
            [label for label in whole.labels if chosen in values[label.patient]],
            [patient for patient in whole.patients if chosen in values[patient]],
        )
        for chosen in frozenset[str]().union(*values.values())
    }


def _of_records(by: str, whole: Group) -> dict[str, Group]:
    """Where only alerts or only labels have the field, the others are taken whole."""
    alerts = {found for alert in whole.alerts if (found := value(alert.record, by)) is not None}
    labels = {found for label in whole.labels if (found := value(label.record, by)) is not None}
    if not alerts | labels:
        raise LookupError(f"--by {by}: no alert, label or profile has this field")
    if by == "problem" and labels:
        return {problem: _of_problem(problem, whole) for problem in labels}
    return {
        chosen: Group(
            [alert for alert in whole.alerts if not alerts or value(alert.record, by) == chosen],
            [label for label in whole.labels if not labels or value(label.record, by) == chosen],
            whole.patients,
        )
        for chosen in alerts | labels
    }


def _of_problem(problem: str, whole: Group) -> Group:
    """The labels that name this problem, and the alerts that are about it."""
    problems = problem.split(ANY_OF)
    about = [alert for alert in whole.alerts if is_about(problems, alert)]
    return Group(about, [label for label in whole.labels if value(label.record, "problem") == problem], whole.patients)
