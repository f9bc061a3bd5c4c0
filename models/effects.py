"""The cited effects of conditions and drugs on vitals, each with the rule that says when it applies.

An effect comes from conditions.yaml or medications.yaml; `applies` and `courses` of design.yaml say when it holds and
how it runs over the days. An effect whose context limits it and that design.yaml does not mention never acts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np

from models.evidence import EvidenceError, load
from models.vitals import BY_NAME

Form = Literal["none", "raw", "ln", "percent", "level"]
"""What the amount is: nothing (only the spread changes), canonical units, a step of the logarithm, percent, or the mean
itself."""


@dataclass(frozen=True, slots=True)
class When:
    """All of it must hold. `members`: one of these drugs is taken; `days` since the drug was started."""

    never: bool = False
    members: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()
    without_conditions: frozenset[str] = frozenset()
    without_classes: frozenset[str] = frozenset()
    days: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """The share of an effect that is expected on a day since its anchor: (day, share), linear between, zero outside."""

    anchor: str
    points: tuple[tuple[float, float], ...]

    def share(self, day: float) -> float:
        """The share [1] on that day."""
        days, shares = zip(*self.points, strict=True)
        return float(np.interp(day, days, shares, left=0.0, right=0.0))


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect of a condition or drug class (`owner`) on one vital (row in VITALS).

    `amount` holds for women and men; sd_mult multiplies the within-person SD, sd_within replaces it [canonical unit],
    sd_between replaces the between-person SD.
    """

    owner: str
    vital: int
    form: Form
    amount: tuple[float, float]
    source: str
    when: When = When()
    sd_mult: float = 1.0
    sd_within: float | None = None
    sd_between: float | None = None
    course: Course | None = None


@cache
def of_condition(condition: str) -> tuple[Effect, ...]:
    """What this condition (id in conditions.yaml) moves."""
    return _table("conditions")[condition]


@cache
def of_class(class_id: str) -> tuple[Effect, ...]:
    """What this drug class (id in medications.yaml) moves."""
    return _table("classes")[class_id]


def vitals_of(condition: str) -> frozenset[int]:
    """The vitals that the condition is known to move, in level or in spread."""
    return frozenset(effect.vital for effect in of_condition(condition))


@cache
def _table(kind: Literal["conditions", "classes"]) -> Mapping[str, tuple[Effect, ...]]:
    """Every effect by its owner; raises EvidenceError if a line of design.yaml fits nothing, or two fit one effect."""
    file, rows = ("conditions", "shifts") if kind == "conditions" else ("medications", "effects")
    return {entry["id"]: tuple(_mirrored(list(_effects(entry["id"], entry[rows])))) for entry in load(file)[kind]}


def _effects(owner: str, rows: list[dict[str, Any]]) -> Iterator[Effect]:
    for row in rows:
        effect = _effect(owner, row) if row["vital"] in BY_NAME else None
        if effect is not None:
            yield from (replace(effect, course=course) for course in _courses(owner, row["vital"]))


def _effect(owner: str, row: dict[str, Any]) -> Effect | None:
    """The effect of a row, or None if it moves nothing that is kept (a remark, a slope, no net effect)."""
    form, amount = _amount(row)
    spread = {key: float(row[old]) for key, old in _SPREADS.items() if old in row}
    if form == "none" and not spread:
        return None
    return Effect(
        owner=owner,
        vital=BY_NAME[row["vital"]].index,
        form=form,
        amount=amount,
        source=" ".join(row["src"]),
        when=when_of(owner, row),
        course=None,
        **spread,
    )


_SPREADS = {"sd_mult": "sd_mult", "sd_within": "sd_within_abs", "sd_between": "sd_between"}
_FORMS: tuple[tuple[str, Form], ...] = (
    ("delta", "raw"),
    ("mean_delta", "raw"),
    ("delta_ln", "ln"),
    ("mean_delta_ln", "ln"),
    ("delta_pct", "percent"),
    ("mean_delta_pct", "percent"),
    ("mean", "level"),
)


def _amount(row: dict[str, Any]) -> tuple[Form, tuple[float, float]]:
    for key, form in _FORMS:
        if row.get(key):  # a cited effect of zero moves nothing
            value = row[key]
            women, men = value if isinstance(value, list) else (value, value)
            return form, (float(women), float(men))
    return "none", (0.0, 0.0)


def when_of(owner: str, row: dict[str, Any]) -> When:
    """When a row of the evidence applies. With a context that design.yaml does not mention, it never does."""
    lines = [line for line in load("design")["applies"] if fits(line, owner, row)]
    if len(lines) > 1:
        raise EvidenceError("design", f"two lines of applies fit {owner} {row['vital']}")
    if not lines:
        return When(never="context" in row)
    line = lines[0]
    sets = {
        key: frozenset(line[key])
        for key in ("members", "conditions", "without_conditions", "without_classes")
        if key in line
    }
    return When(never=line.get("never", False), days=tuple(line["days"]) if "days" in line else None, **sets)


def fits(line: dict[str, Any], owner: str, row: dict[str, Any]) -> bool:
    """Whether a line of `applies` is about this row."""
    same = line["of"] == owner and line["vital"] == row["vital"]
    return same and all(row.get(key) == value for key, value in line.get("match", {}).items())


def _courses(owner: str, vital: str) -> list[Course] | list[None]:
    """The courses of an effect, one for each event from which it is counted; None for one that holds on any day."""
    lines = [line for line in load("design")["courses"] if line["of"] == owner and line["vital"] == vital]
    found = [Course(line["anchor"], tuple((float(d), float(share)) for d, share in line["points"])) for line in lines]
    return found or [None]


def _mirrored(effects: list[Effect]) -> list[Effect]:
    """With each effect on one of two vitals of the same organ also on the other, if that has no figure of its own."""
    first, second = (BY_NAME[name].index for name in load("design")["moving"]["mirror"]["vitals"])
    for here, there in ((first, second), (second, first)):
        moving = [effect for effect in effects if effect.vital == here and effect.form != "none"]
        if not any(effect.vital == there for effect in effects):
            effects = effects + [replace(e, vital=there, sd_mult=1.0, sd_within=None, sd_between=None) for e in moving]
    return effects
