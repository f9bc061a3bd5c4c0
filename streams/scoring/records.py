"""Alerts and labels as they are scored, from AlertEvents and from lines `{"patient", "start", "end", "problem"?}`."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, get_args

from alerts.episodes import REPEAT
from alerts.events import Category
from alerts.language import languages, voice
from alerts.sources import PATIENT_PREFIX
from models.times import to_us

Json = Mapping[str, Any]
Span = tuple[int, int]
"""First and last instant of an observation [us since 1970]."""

T = TypeVar("T")
CATEGORIES = get_args(Category)
ANY_OF = "|"
"""A label may name several problems, any of which finds it: `systolic_bp|diastolic_bp`."""

EVENT_TIMES = ("onset_at", "event_at", "decided_at")


class BadRecord(ValueError):
    """An alert or a label that cannot be scored; the text says what it lacks."""


@dataclass(frozen=True)
class Alert:
    """One time that an alert came up. `at_us`: when the reading that brought it was measured [us since 1970]."""

    patient: str
    at_us: int
    problem: str = ""
    category: str = "clinical"
    retrospective: bool = False
    kind: str = "deviation"
    record: Json = field(default_factory=dict, compare=False, repr=False)

    @property
    def counts(self) -> bool:
        """A clinical alert about now: it can find a label, and is a burden. The others are counted apart."""
        return self.category == "clinical" and not self.retrospective

    @property
    def detector(self) -> str:
        """`floor`: a limit for everyone; `rule`: of a condition, or a prediction; else `personal`."""
        return {"limit": "floor", "condition": "rule", "early_warning": "rule"}.get(self.kind, "personal")


@dataclass(frozen=True)
class Label:
    """Something happened in [start_us, end_us], both ends included. Without problems any alert finds it.

    A problem is matched by itself and by what it heads: `heart_rate` by `heart_rate.high`, not by `heart_rate_x`.
    until_us: till then an alert is explained by what happened (the end, if nothing is said); event_us: what it led to;
    category: of the alerts that should find it; no_alert: nothing should.
    """

    patient: str
    start_us: int
    end_us: int
    problems: tuple[str, ...] = ()
    until_us: int = 0
    event_us: int | None = None
    category: str = "clinical"
    no_alert: bool = False
    record: Json = field(default_factory=dict, compare=False, repr=False)

    @property
    def sought(self) -> bool:
        """Whether a clinical alert should find it."""
        return not self.no_alert and self.category == "clinical"

    def explains(self, alert: Alert) -> bool:
        """Whether the alert, about whatever, comes while it lasts."""
        return alert.patient == self.patient and self.start_us <= alert.at_us <= self.until_us

    def about(self, alert: Alert) -> bool:
        """Whether the alert is of the label's patient and problem."""
        return alert.patient == self.patient and (not self.problems or is_about(self.problems, alert))

    def stood_at(self, alert: "Standing") -> bool:
        """Whether an alert about it (of the same patient) stood open at some time of it."""
        about = not self.problems or is_about(self.problems, alert)
        return about and alert.start_us <= self.end_us and alert.end_us >= self.start_us

    def found_by(self, alert: Alert) -> bool:
        """Whether the alert is a hit."""
        return self.start_us <= alert.at_us <= self.end_us and self.about(alert)


def is_about(problems: Iterable[str], alert: "Alert | Standing") -> bool:
    """Whether the alert's problem is one of these, or below one."""
    return any(alert.problem == problem or alert.problem.startswith(problem + ".") for problem in problems)


def opened(events: Iterable[Json]) -> list[Alert]:
    """What came up in these AlertEvents: alerts opened, opened again, or told again because they had become worse or
    were still there a day later. An event that was delivered twice is one event. Raises BadRecord."""
    once: dict[object, Alert] = {}
    for number, event in enumerate(events):
        if comes_up(event):
            once.setdefault(_identity(event, number), _alert(event))
    return list(once.values())


def of_patients(events: Iterable[Json]) -> list[Json]:
    """The events about patients. A source that is quiet or fails stands in the place of one in its alerts, and is
    nobody who was observed."""
    return [event for event in events if not _patient(event).startswith(PATIENT_PREFIX)]


NEWS = (
    "now {severity}", "further beyond the limit: {value}, after {before}", str(REPEAT),
    "repeat: still beyond a limit: {title}",
)  # fmt: skip
"""The reasons for which an alert that is open is told again, as `alerts.ledger` gives them."""


@cache
def _is_news() -> re.Pattern[str]:
    """These reasons in every language in which they may have been told: a file of alerts does not say in which."""
    voices = [voice(language) for language in languages()]
    said = {spoken.template(reason, None, 1) if spoken else reason for spoken in voices for reason in NEWS}
    return re.compile("|".join(_BLANK.sub(".+", re.escape(reason)) for reason in sorted(said)))


_BLANK = re.compile(r"\\\{\w+\\\}")
"""Where something stands in a template, once that is escaped."""


def comes_up(event: Json) -> bool:
    """Whether the event asks something of the team that was not asked before. An escalation asks somebody else the
    same, that nobody answered is no alert about a patient, and a comment ("now on antibiotics") is of the team."""
    name, reason = event.get("event", "opened"), str(event.get("reason") or "")
    if event.get("kind") == "delivery":
        return False
    ours = name == "updated" and not event.get("by")
    return name in ("opened", "reopened") or (ours and bool(_is_news().match(reason)))


def _identity(event: Json, number: int) -> tuple[object, int]:
    """What an event and each repeat of it have in common; number: of one that says no alert. Raises BadRecord."""
    alert, sequence = event.get("alert_id", number), event.get("sequence", 0)
    if not isinstance(alert, str | int) or not isinstance(sequence, int):
        raise BadRecord(f"alert_id must be text and sequence a whole number in {_shown(event)}")
    return alert, sequence


def _alert(event: Json) -> Alert:
    at_us = _us(event, "event_at" if "event_at" in event else "onset_at")
    category, retrospective = str(event.get("category", "clinical")), bool(event.get("retrospective", False))
    kind = str(event.get("kind", "deviation"))
    return Alert(_patient(event), at_us, str(event.get("problem", "")), category, retrospective, kind, event)


def worklist(events: Iterable[Json]) -> list[tuple[str, int]]:
    """(patient, time [us]) of everything that came up on the worklist, but for mere information."""
    once: dict[object, tuple[str, int]] = {}
    for number, event in enumerate(events):
        if comes_up(event) and event.get("severity") != "info":
            at = next(name for name in ("decided_at", "event_at", "onset_at") if name in event or name == "onset_at")
            once.setdefault(_identity(event, number), (_patient(event), _us(event, at)))
    return list(once.values())


@dataclass(frozen=True)
class Standing:
    """A clinical alert about now, from where it was opened until it was resolved or expired [us since 1970]."""

    problem: str
    start_us: int
    end_us: int


def standing(events: Iterable[Json], of: Mapping[str, Span]) -> dict[str, list[Standing]]:
    """By patient: the times at which an alert stood open, whatever was done about it. What nobody ended stands until
    the end of the observation, if it says how its alerts ended at all."""
    lives: dict[tuple[str, object], list[tuple[int, str, Json]]] = {}
    for number, event in enumerate(events):
        if event.get("category", "clinical") == "clinical" and not event.get("retrospective"):
            at_us = _us(event, next((name for name in ("event_at", "onset_at") if name in event), "event_at"))
            alert, sequence = _identity(event, number)
            life = lives.setdefault((_patient(event), alert), [])
            life.append((sequence, str(event.get("event", "opened")), {**event, "_at": at_us}))
    found: dict[str, list[Standing]] = {}
    for (patient, _), life in lives.items():
        if patient in of:
            found.setdefault(patient, []).extend(_stood(sorted(life, key=lambda step: step[0]), of[patient][1]))
    return found


def _stood(life: list[tuple[int, str, Json]], last_us: int) -> Iterable[Standing]:
    """The stretches of one alert. An alert of which only the opening is told stands for that instant."""
    begun, problem = None, str(life[0][2].get("problem", ""))
    for _, name, event in life:
        at_us = int(event["_at"])
        if name in ("opened", "reopened") and begun is None:
            begun = at_us
        elif name in ("resolved", "expired") and begun is not None:
            yield Standing(problem, begun, max(begun, at_us))
            begun = None
    if begun is not None:
        told = any("decided_at" in event and name != "opened" for _, name, event in life)
        yield Standing(problem, begun, max(begun, last_us) if told else begun)


def label(line: Json) -> Label:
    """The label of one line. Raises BadRecord: a word that is taken for another would change figures unseen."""
    problems = tuple(filter(None, (_said(line, "problem", str) or "").split(ANY_OF)))
    start_us, end_us = _us(line, "start"), _us(line, "end")
    if end_us < start_us:
        raise BadRecord(f"a label of {_patient(line)} ends before it starts: {line['start']} to {line['end']}")
    until_us = max(end_us, _us(line, "until")) if line.get("until") else end_us
    event_us = _us(line, "event_at") if line.get("event_at") else None
    category, no_alert = _said(line, "category", str) or "clinical", bool(_said(line, "no_alert", bool))
    if category not in CATEGORIES:
        raise BadRecord(f"category is none of {', '.join(CATEGORIES)} in {_shown(line)}")
    return Label(_patient(line), start_us, end_us, problems, until_us, event_us, category, no_alert, line)


def _said(line: Json, name: str, kind: type[T]) -> T | None:
    """What a label says in a field that it need not have. Raises BadRecord for a value of another kind."""
    found = line.get(name)
    if found is None or isinstance(found, kind):
        return found
    raise BadRecord(f"{name} must be {KINDS[kind]} in {_shown(line)}")


KINDS: dict[type, str] = {str: 'one text ("a|b" for any of several)', bool: "true or false"}


def spans(events: Iterable[Json], labels: Iterable[Label], observed: Mapping[str, Span]) -> dict[str, Span]:
    """How long each patient was observed: as given, else from the first to the last that is known of the patient."""
    times: dict[str, list[int]] = {}
    for event in events:
        at_us = [_us(event, name) for name in EVENT_TIMES if name in event]
        times.setdefault(_patient(event), []).extend(at_us)
    for known in labels:
        times.setdefault(known.patient, []).extend((known.start_us, known.end_us))
    return {patient: (min(at_us), max(at_us)) for patient, at_us in times.items() if at_us} | dict(observed)


def value(record: Json, path: str) -> str | None:
    """The value at a path with dots for inner fields, as text; None if there is none."""
    found: Any = record
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return None if found is None else str(found)


def _patient(record: Json) -> str:
    if not isinstance(record.get("patient"), str):
        raise BadRecord(f"no patient in {_shown(record)}")
    return str(record["patient"])


def _us(record: Json, name: str) -> int:
    try:
        return to_us(datetime.fromisoformat(record[name]))
    except (KeyError, TypeError, ValueError):
        raise BadRecord(f"{name} is no time with an offset (RFC 3339) in {_shown(record)}") from None


def _shown(record: Json) -> str:
    return json.dumps(record, default=str)[:200]
