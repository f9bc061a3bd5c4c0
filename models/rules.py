"""The alert rules of conditions, as data: what conditions.yaml says, and how rules.yaml reads it for a machine.

A rule is a limit on single readings, or a trend over days. `plan` gives those that hold for a patient on a day.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from models.evidence import EvidenceError, load
from models.findings import SEVERITIES, Rule
from models.situation import Situation
from models.times import US_PER_S
from models.trajectory import condition_words
from models.vitals import BY_NAME, VITALS

Measure = Literal["rise", "slope", "mean", "delta", "delta_mean", "share", "stalled"]
UNITS = {"Cel": "°C", "mm[Hg]": "mmHg", "1": ""}


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a rule is for. of: with one of these conditions; course: (anchor, first, last day) or None; without: taking
    none of these drug classes; target: only with a prescribed range of oxygen saturation."""

    of: tuple[str, ...]
    course: tuple[str, int, int] | None = None
    without: frozenset[str] = frozenset()
    target: bool = False

    def holds(self, now: Situation, has_target: bool) -> str | None:
        """The condition for which it holds now, or None."""
        if self.without & now.taken.keys() or (self.target and not has_target):
            return None
        return next((c for c in self.of if c in now.conditions and self._on_course(now, c)), None)

    def _on_course(self, now: Situation, condition: str) -> bool:
        if self.course is None:
            return True
        at, (anchor, first, last) = now.courses.get(condition), self.course
        return at is not None and at.anchor == anchor and first <= at.day <= last


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit on single readings of a vital (row in VITALS), in canonical units; `persist_us`, or at once where the
    reading stands alone; `repeat`: readings in a row."""

    id: str
    vital: int
    high: bool
    strict: bool
    limit: float
    persist_us: int
    repeat: int
    rest: bool
    rank: int
    rule: Rule
    problem: str
    title: str
    scope: Scope

    def broken(self, value: float) -> bool:
        """Whether a reading is beyond the limit."""
        if value == self.limit:
            return not self.strict
        return (value > self.limit) == self.high


@dataclass(frozen=True, slots=True)
class Part:
    """One measure on the days of a vital; true at or beyond `value` upwards (`up`) or downwards."""

    vital: int
    measure: Measure
    up: bool
    value: float
    days: int = 1
    least: int = 1
    k: int = 1
    n: int = 1
    windows: bool = False
    confirm: int = 1
    of_best: bool = False
    fall: float = 0.0
    above: float = 0.0
    fall_alone: float = 0.0


@dataclass(frozen=True, slots=True)
class Trend:
    """A rule on days: at least so many of its parts within so many days."""

    id: str
    parts: tuple[Part, ...]
    at_least: int
    within_d: int
    rank: int
    rule: Rule
    problem: str
    title: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules that hold for a patient on a day, by vital; a trend is listed under each vital of its parts."""

    limits: Mapping[int, tuple[Limit, ...]]
    trends: Mapping[int, tuple[Trend, ...]]


NOTHING = Plan({}, {})


def plan(now: Situation, has_target: bool) -> Plan:
    """The rules that hold in this situation. has_target: a range of oxygen saturation is prescribed."""
    held: dict[int, tuple[Limit, ...]] = {}
    for limit in limits():
        if limit.scope.holds(now, has_target):
            held[limit.vital] = (*held.get(limit.vital, ()), limit)
    trended: dict[int, tuple[Trend, ...]] = {}
    for trend in trends():
        if trend.scope.holds(now, has_target):
            for vital in sorted({part.vital for part in trend.parts}):
                trended[vital] = (*trended.get(vital, ()), trend)
    return Plan(held, trended) if held or trended else NOTHING


def concerned() -> frozenset[str]:
    """The conditions that have any rule."""
    scopes = [limit.scope for limit in limits()] + [trend.scope for trend in trends()]
    return frozenset(condition for scope in scopes for condition in scope.of)


@cache
def limits() -> tuple[Limit, ...]:
    """All limits, in the order of the file. Raises EvidenceError if one has no counterpart in conditions.yaml."""
    return tuple(_limit(line, _cited(line)) for line in load("rules")["limits"])


@cache
def on_paths() -> frozenset[int]:
    """The vitals of which a rule asks how they follow the path of a course."""
    return frozenset(part.vital for trend in trends() for part in trend.parts if part.measure == "stalled")


@cache
def trends() -> tuple[Trend, ...]:
    """All trends, in the order of the file. Raises EvidenceError if one has no counterpart in conditions.yaml."""
    return tuple(_trend(line, _cited(line)) for line in load("rules")["trends"])


def checked() -> None:
    """Read every rule. Raises EvidenceError if one is broken, or an alert of conditions.yaml is forgotten."""
    limits()
    trends()
    if unread():
        raise EvidenceError("rules", f"neither judged nor left out, or not in conditions.yaml: {sorted(unread())}")


def unread() -> set[str]:
    """Ids of conditions.yaml that rules.yaml neither reads nor leaves out with a reason, and the other way round."""
    document = load("rules")
    read = {line["id"] for line in (*document["limits"], *document["trends"])}
    left = {id for group in document["left_out"].values() for id in group["ids"]}
    return (read | left) ^ set(_alerts())


@cache
def _alerts() -> dict[str, dict[str, Any]]:
    conditions = load("conditions")["conditions"]
    return {row["id"]: row for entry in conditions for row in (*entry["alerts"], *entry.get("extra_alerts", []))}


def _cited(line: dict[str, Any]) -> dict[str, Any]:
    found = _alerts().get(line["id"])
    if found is None:
        raise EvidenceError("rules", f"conditions.yaml has no alert {line['id']}")
    return found


def _of(line: dict[str, Any]) -> tuple[str, ...]:
    return tuple(line["of"]) if isinstance(line["of"], list) else (line["of"],)


def _scope(line: dict[str, Any]) -> Scope:
    days = line.get("days_of") or (line["days"] if isinstance(line.get("days"), list) else None)
    course = (str(days[0]), int(days[1]), int(days[2])) if days else None
    return Scope(_of(line), course, frozenset(line.get("without_classes", ())), line.get("target", False))


def _rule(line: dict[str, Any], cited: dict[str, Any]) -> Rule:
    return Rule(id=line.get("as", line["id"]), version=load("rules")["meta"]["version"], source=cited["src"][0])


def _limit(line: dict[str, Any], cited: dict[str, Any]) -> Limit:
    vital, op = BY_NAME[line.get("vital", cited["vital"])], cited["op"]
    high, value = op.startswith(">"), float(line.get("limit", cited["value"]))
    if not vital.low <= value <= vital.high:
        raise EvidenceError("rules", f"{line['id']}: {value} is not a possible {vital.name}")
    word = {">": "above", ">=": "at or above", "<": "below", "<=": "at or below"}[op]
    unit = UNITS.get(vital.unit, vital.unit)
    label = (line.get("label") or condition_words(_of(line)[0])).lower()
    return Limit(
        id=line.get("as", line["id"]), vital=vital.index, high=high, strict=op in ("<", ">"), limit=value,
        persist_us=line.get("persist_s", 0) * US_PER_S, repeat=line.get("repeat", 1), rest=line.get("rest", False),
        rank=SEVERITIES.index(cited["severity"]), rule=_rule(line, cited),
        problem=f"{vital.name}.{'high' if high else 'low'}",
        title=f"{word} {value:g} {unit}".rstrip() + f" ({label})", scope=_scope(line),
    )  # fmt: skip


def _trend(line: dict[str, Any], cited: dict[str, Any]) -> Trend:
    whole = line["measure"] == "any"
    parts = tuple(_parts(line, cited, whole))
    first = parts[0]
    label = line.get("label") or condition_words(_of(line)[0])
    titled = f"{label}: {line['title']}" if "title" in line else f"{_words(first)} ({label.lower()})"
    side = f"{VITALS[first.vital].name}.{'high' if first.up else 'low'}"
    return Trend(
        id=line.get("as", line["id"]), parts=parts, at_least=line.get("at_least", 1), within_d=line.get("within_d", 1),
        rank=SEVERITIES.index(cited["severity"]), rule=_rule(line, cited), problem=line.get("problem", side),
        title=titled, scope=_scope(line),
    )  # fmt: skip


def _parts(line: dict[str, Any], cited: dict[str, Any], whole: bool) -> Iterator[Part]:
    given = line["parts"] if whole else [{**cited, **line, "value": line.get("value", cited.get("value"))}]
    for row in given:
        least = row.get("least", 1)
        days = row["days"] if isinstance(row.get("days"), int) else 1
        yield Part(
            vital=BY_NAME[row["vital"]].index, measure=row["measure"], up=row["op"].startswith(">"),
            value=float(row["value"]), days=days, least=least, k=row.get("k", 1), n=row.get("n", 1),
            windows=row.get("windows", False), confirm=row.get("confirm", 1), of_best=row.get("of_best", False),
            fall=float(row.get("fall", 0)), above=float(row.get("above", 0)),
            fall_alone=float(row.get("fall_alone", 0)),
        )  # fmt: skip


def _words(part: Part) -> str:
    """What a trend says, for the worklist, without the vital's name."""
    vital, amount = VITALS[part.vital], f"{abs(part.value):g}"
    unit = UNITS.get(vital.unit, vital.unit)
    way, edge = ("up", "above") if part.up else ("down", "below")
    days = "a day" if part.days == 1 else f"{part.days} days"
    return {
        "rise": f"{way} by {amount} {unit} or more in {days}",
        "slope": f"{way} by {amount} {unit} or more a day over {days}",
        "mean": f"{edge} {amount} {unit} on average of {days}",
        "delta": f"{amount} {unit} or more {edge} this patient's own level",
        "delta_mean": f"{amount} {unit} or more {edge} this patient's own level over {days}",
        "share": f"below {part.value:.0%} of the patient's {'best' if part.of_best else 'usual'}",
    }[part.measure]
