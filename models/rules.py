"""The alert rules of conditions, as data: what conditions.yaml says, and how rules.yaml reads it for a machine.

A rule is a limit on single readings, or a trend over days. `plan` gives those that hold for a patient on a day.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import nan
from typing import Any, Literal

from models.evidence import EvidenceError, load
from models.findings import SEVERITIES, Rule
from models.phrases import counted, figure, inside, joined, phrase
from models.scope import Scope
from models.situation import Situation
from models.times import US_PER_S
from models.trajectory import LONGEST_DAYS, condition_words
from models.vitals import BY_NAME, VITALS
from models.wording import UNITS, in_sentence, limit_of

Measure = Literal[
    "rise", "slope", "mean", "delta", "delta_mean", "moved", "share", "stalled", "swing", "below", "cv", "of_path",
    "again", "score", "together", "level", "ratio",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit on single readings of a vital (row in VITALS), in canonical units; `persist_us`, or at once where the
    reading stands alone; `repeat`: readings in a row; `usual_from`: only for who is not known to live below that;
    `on_oxygen`: of readings while it is given; `whose`: the condition, as its title says it."""

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
    usual_from: float | None = None
    on_oxygen: bool = False
    whose: str = ""

    def broken(self, value: float) -> bool:
        """Whether a reading is beyond the limit."""
        if value == self.limit:
            return not self.strict
        return (value > self.limit) == self.high


@dataclass(frozen=True, slots=True)
class Part:
    """One measure on the days of a vital; true at or beyond `value` upwards (`up`) or downwards, beyond it only if
    `strict`. others: vitals that are feared to move the other way; least_sd: by vital; weight: of a day in a
    running mean [1]; windows: the last; session: so many readings of one window confirm each other as well; seldom:
    who measures so seldom that nothing can confirm it is judged by the one; until: what has to be reached for it to
    be over, `value` if nothing is said."""

    vital: int
    measure: Measure
    up: bool
    value: float
    days: int = 1
    least: int = 1
    k: int = 1
    n: int = 1
    windows: int = 0
    confirm: int = 1
    of_best: bool = False
    fall: float = 0.0
    above: float = 0.0
    fall_alone: float = 0.0
    limit: int = 0
    others: tuple[int, ...] = ()
    least_sd: tuple[float, ...] = ()
    weight: float = 0.0
    strict: bool = False
    session: bool = False
    seldom: bool = False
    until: float | None = None

    @property
    def of_spread(self) -> bool:
        """Whether it is about how the windows of days are spread."""
        return self.measure in ("swing", "below", "cv")


@dataclass(frozen=True, slots=True)
class Trend:
    """A rule on days: at least so many of its parts within so many days. at_once: the readings of several vitals, no
    further apart than `apart_us`, that make it by themselves, before their windows are closed."""

    id: str
    parts: tuple[Part, ...]
    at_least: int
    within_d: int
    rank: int
    rule: Rule
    problem: str
    title: str
    scope: Scope
    at_once: tuple[Limit, ...] = ()
    apart_us: int = 0

    @property
    def vitals(self) -> list[int]:
        """All that its parts ask about."""
        return sorted({vital for part in self.parts for vital in (part.vital, *part.others)})

    def while_open(self) -> "Trend":
        """The rule as it is asked while its problem is open: hysteresis, where the evidence says where that is over."""
        if all(part.until is None for part in self.parts):
            return self
        parts = (part if part.until is None else replace(part, value=part.until) for part in self.parts)
        return replace(self, parts=tuple(parts))


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules that hold for a patient on a day, by vital; a trend is listed under each vital of its parts. since: for
    trends that belong to a course, its days so far, by id. passed: rules of which nothing but the days are over: they
    open nothing, and what they have opened goes on, for a day of the calendar makes nobody well. ahead: the vitals of
    trends whose days are yet to come, to be remembered until then."""

    limits: Mapping[int, tuple[Limit, ...]]
    trends: Mapping[int, tuple[Trend, ...]]
    since: Mapping[str, int]
    passed: tuple[Limit | Trend, ...] = ()
    ahead: frozenset[int] = frozenset()


NOTHING = Plan({}, {}, {})
BESIDE = "/"
"""In the name of what is remembered of a vital for a trend that readings make at once: before the vital."""


def plan(now: Situation, target_low: float = nan, off: frozenset[str] = frozenset()) -> Plan:
    """The rules that hold in this situation. target_low: where the prescribed range of oxygen saturation begins [%],
    NaN if there is none; off: pairs of a gene and a drug that are left out."""
    held: dict[int, tuple[Limit, ...]] = {}
    trended: dict[int, tuple[Trend, ...]] = {}
    since: dict[str, int] = {}
    passed, ahead = list[Limit | Trend](), set[int]()
    for rule in _every():
        holds = rule.scope.holds(now, target_low)
        named = holds or rule.scope.passed(now, target_low)
        if rule.scope.pair in off:
            continue
        if named is None:
            ahead |= {*rule.vitals} if isinstance(rule, Trend) and rule.scope.ahead(now) else set()
            continue
        if rule.scope.course is not None:
            since[rule.id] = now.courses[named].days
        if holds is None:
            passed.append(rule)
        elif isinstance(rule, Limit):
            held[rule.vital] = (*held.get(rule.vital, ()), rule)
        else:
            trended |= {vital: (*trended.get(vital, ()), rule) for vital in rule.vitals}
    known = held or trended or passed or ahead
    return Plan(held, trended, since, tuple(passed), frozenset(ahead)) if known else NOTHING


@cache
def _every() -> tuple[Limit | Trend, ...]:
    return (*limits(), *trends())


def concerned() -> frozenset[str]:
    """The conditions that have any rule."""
    scopes = [limit.scope for limit in limits()] + [trend.scope for trend in trends()]
    return frozenset(condition for scope in scopes for condition in scope.of)


@cache
def genes() -> frozenset[str]:
    """The genes that have any rule."""
    scopes = [limit.scope for limit in limits()] + [trend.scope for trend in trends()]
    return frozenset(gene for scope in scopes for gene in scope.gene)


@cache
def classes() -> frozenset[frozenset[str]]:
    """The drug classes that have any rule without a condition, together with those that it needs as well."""
    scopes = [limit.scope for limit in limits()] + [trend.scope for trend in trends()]
    return frozenset(scope.classes for scope in scopes if scope.classes and not scope.of)


@cache
def limits() -> tuple[Limit, ...]:
    """All limits, in the order of the file. Raises EvidenceError if one has no counterpart in conditions.yaml."""
    return tuple(_limit(line, _cited(line)) for line in load("rules")["limits"])


@cache
def on_paths() -> frozenset[int]:
    """The vitals of which a rule asks how they follow the path of a course."""
    return frozenset(part.vital for trend in trends() for part in trend.parts if part.measure in ("stalled", "of_path"))


@cache
def at_any_time() -> frozenset[int]:
    """The vitals of which a rule asks about all hours, not only those at rest."""
    parts = (part for trend in trends() for part in trend.parts)
    return frozenset(part.vital for part in parts if part.measure in ("below", "cv"))


@cache
def trends() -> tuple[Trend, ...]:
    """All trends, in the order of the file. Raises EvidenceError if one has no counterpart in conditions.yaml."""
    return tuple(_trend(line, _cited(line)) for line in load("rules")["trends"])


@cache
def together(rule_id: str) -> frozenset[int]:
    """The vitals that a trend asks about together; none of what asks about one."""
    asked = next((trend.vitals for trend in trends() if trend.id == rule_id), [])
    return frozenset(asked if len(asked) > 1 else ())


def checked() -> None:
    """Read every rule. Raises EvidenceError if one is broken, or an alert of conditions.yaml is forgotten."""
    limits()
    trends()
    if unread():
        raise EvidenceError("rules", f"neither judged nor left out, or not in conditions.yaml: {sorted(unread())}")


def unread() -> set[str]:
    """Ids of conditions.yaml that rules.yaml neither reads nor leaves out with a reason, and the other way round."""
    document = load("rules")
    read = {line["id"] for line in (*document["limits"], *document["trends"]) if not _own(line)}
    left = {id for group in document["left_out"].values() for id in group["ids"]}
    return (read | left) ^ set(_alerts())


@cache
def _alerts() -> dict[str, dict[str, Any]]:
    conditions = load("conditions")["conditions"]
    return {row["id"]: row for entry in conditions for row in (*entry["alerts"], *entry.get("extra_alerts", []))}


def _own(line: dict[str, Any]) -> bool:
    """Whether a line says all of a rule itself, and conditions.yaml nothing."""
    return "of" not in line


def _cited(line: dict[str, Any]) -> dict[str, Any]:
    if "pair" in line and line["pair"] not in {entry["id"] for entry in load("genomics")["pairs"]}:
        raise EvidenceError("rules", f"genomics.yaml has no pair {line['pair']}")
    if missing := set(line.get("classes", ())) - {entry["id"] for entry in load("medications")["classes"]}:
        raise EvidenceError("rules", f"medications.yaml has no classes {sorted(missing)}")
    if _own(line):
        return line
    found = _alerts().get(line["id"])
    if found is None:
        raise EvidenceError("rules", f"conditions.yaml has no alert {line['id']}")
    return found


def _of(line: dict[str, Any]) -> tuple[str, ...]:
    if _own(line):
        return ()
    return tuple(line["of"]) if isinstance(line["of"], list) else (line["of"],)


def _scope(line: dict[str, Any], cited: dict[str, Any]) -> Scope:
    days = line.get("days_of") or (line["days"] if isinstance(line.get("days"), list) else None)
    course = (str(days[0]), int(days[1]), int(days[2])) if days else None
    first, last = line.get("drug_days", (0, LONGEST_DAYS))
    target = float(cited["value"]) if line.get("target") else None
    return Scope(
        _of(line), course, frozenset(line.get("without_classes", ())), target, line.get("over_age"), line.get("pair"),
        frozenset(line.get("gene", ())), frozenset(line.get("phenotypes", ())),
        frozenset(line.get("drugs", ())), (first, last), frozenset(line.get("classes", ())),
        tuple(line["within"]) if "within" in line else None,
    )  # fmt: skip


def _rule(line: dict[str, Any], cited: dict[str, Any]) -> Rule:
    return Rule(id=line.get("as", line["id"]), version=load("rules")["meta"]["version"], source=cited["src"][0])


def _limit(line: dict[str, Any], cited: dict[str, Any]) -> Limit:
    vital, op = BY_NAME[line.get("vital", cited["vital"])], line.get("op", cited["op"])
    high, value = op.startswith(">"), float(line.get("limit", cited["value"]))
    if not vital.low <= value <= vital.high:
        raise EvidenceError("rules", f"{line['id']}: {value} is not a possible {vital.name}")
    limit = limit_of(vital, high, op in ("<", ">"), value)
    return Limit(
        id=line.get("as", line["id"]), vital=vital.index, high=high, strict=op in ("<", ">"), limit=value,
        persist_us=line.get("persist_s", 0) * US_PER_S, repeat=line.get("repeat", 1), rest=line.get("rest", False),
        rank=SEVERITIES.index(line.get("severity", cited["severity"])), rule=_rule(line, cited),
        problem=f"{vital.name}.{'high' if high else 'low'}",
        title=phrase("{what} ({condition})", what=limit, condition=_inside(line)), scope=_scope(line, cited),
        usual_from=line.get("usual_from"), on_oxygen=line.get("on_oxygen", False), whose=_inside(line),
    )  # fmt: skip


def _trend(line: dict[str, Any], cited: dict[str, Any]) -> Trend:
    whole = line["measure"] == "any"
    parts = tuple(_parts(line, cited, whole))
    first = parts[0]
    titled = (
        phrase("{condition}: {what}", condition=_label(line), what=phrase(line["title"])) if "title" in line
        else phrase("{what} ({condition})", what=_words(first), condition=_inside(line))
    )  # fmt: skip
    side = f"{VITALS[first.vital].name}.{'high' if first.up else 'low'}"
    moment = line.get("at_once", {"of": [], "apart_s": 0})
    return Trend(
        id=line.get("as", line["id"]), parts=parts, at_least=line.get("at_least", 1), within_d=line.get("within_d", 1),
        rank=SEVERITIES.index(line.get("severity", cited["severity"])), rule=_rule(line, cited),
        problem=line.get("problem", side), title=titled, scope=_scope(line, cited),
        at_once=tuple(_moment(line, cited, row) for row in moment["of"]), apart_us=moment["apart_s"] * US_PER_S,
    )  # fmt: skip


def _moment(line: dict[str, Any], cited: dict[str, Any], row: dict[str, Any]) -> Limit:
    """One of the readings that make a trend at once. Never told by itself: its name is its trend and vital."""
    name = line.get("as", line["id"])
    return _limit({**line, "as": name + BESIDE + row["vital"], **row}, {**cited, **row})


def _parts(line: dict[str, Any], cited: dict[str, Any], whole: bool) -> Iterator[Part]:
    given = line["parts"] if whole else [{**cited, **line, "value": line.get("value", cited.get("value"))}]
    for row in given:
        least = row.get("least", 1)
        days = row["days"] if isinstance(row.get("days"), int) else 1
        yield Part(
            vital=BY_NAME[row["vital"]].index, measure=row["measure"], up=row["op"].startswith(">"),
            value=float(row["value"]), days=days, least=least, k=row.get("k", 1), n=row.get("n", 1),
            windows=row.get("windows", 0), confirm=row.get("confirm", 1), of_best=row.get("of_best", False),
            fall=float(row.get("fall", 0)), above=float(row.get("above", 0)),
            fall_alone=float(row.get("fall_alone", 0)), limit=row.get("limit", 0), weight=float(row.get("weight", 0)),
            others=tuple(BY_NAME[name].index for name in row.get("others", ())),
            least_sd=tuple(map(float, row.get("least_sd", ()))), strict=row["op"] in ("<", ">"),
            session=row.get("session", False), seldom=row.get("seldom", False), until=row.get("until"),
        )  # fmt: skip


def _label(line: dict[str, Any]) -> str:
    """What the condition is called."""
    return phrase(line["label"]) if "label" in line else condition_words(_of(line)[0])


def _inside(line: dict[str, Any]) -> str:
    label = _label(line)
    return inside(label, in_sentence(label))


def _words(part: Part) -> str:
    """What a trend says, for the worklist, without the vital's name."""
    unit = VITALS[part.vital].unit
    amount, days = joined([figure(abs(part.value), ".3g"), UNITS.get(unit, unit)]), _days(part.days)
    match part.measure, part.up:
        case "rise", True if part.strict:
            return phrase("up by more than {amount} in {days}", amount=amount, days=days)
        case "rise", True:
            return phrase("up by {amount} or more in {days}", amount=amount, days=days)
        case "rise", False:
            return phrase("down by {amount} or more in {days}", amount=amount, days=days)
        case "slope", True:
            return phrase("up by {amount} or more a day over {days}", amount=amount, days=days)
        case "slope", False:
            return phrase("down by {amount} or more a day over {days}", amount=amount, days=days)
        case "mean", True:
            return phrase("above {amount} on average of {days}", amount=amount, days=days)
        case "mean", False:
            return phrase("below {amount} on average of {days}", amount=amount, days=days)
        case "delta" | "moved", True:
            return phrase("{amount} or more above this patient's own level", amount=amount)
        case "delta" | "moved", False:
            return phrase("{amount} or more below this patient's own level", amount=amount)
        case "delta_mean", True:
            return phrase("{amount} or more above this patient's own level over {days}", amount=amount, days=days)
        case "delta_mean", False:
            return phrase("{amount} or more below this patient's own level over {days}", amount=amount, days=days)
        case "share", _ if part.of_best:
            return phrase("below {share} of the patient's best", share=figure(part.value, ".0%"))
        case "share", _:
            return phrase("below {share} of the patient's usual", share=figure(part.value, ".0%"))
    raise EvidenceError("rules", f"a rule that measures {part.measure} needs a title")


def _days(days: int) -> str:
    return counted("a day", "{n} days", n=days)
