"""What a gene and a drug together have us watch more closely, in the words of the page. Pure."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from models.evidence import load
from models.findings import SEVERITIES
from models.profile import Profile
from models.rules import Limit, Trend, plan
from models.scope import Scope
from models.situation import Situation, situation
from models.vitals import VITALS


def watched(profile: Profile, on: date, off: frozenset[str]) -> list[dict[str, Any]]:
    """One line a pair that acts on that day: `why`, which `limits` it brings, and how `long`. off: ids left out."""
    now = situation(profile, on)
    pairs: dict[str, list[Limit | Trend]] = {}
    for rule in _rules(now, off):
        pairs.setdefault(rule.scope.pair or "", []).append(rule)
    return [
        {"why": _why(rules[0].scope, now), "limits": [_what(one) for one in rules], "long": _long(rules[0].scope, now)}
        for rules in pairs.values()
    ]


def _rules(now: Situation, off: frozenset[str]) -> Iterator[Limit | Trend]:
    """Those that hold because of a pair, each once, in the order of the vitals. No target has a part in it."""
    held = plan(now, off=off)
    seen: set[str] = set()
    for vital in sorted({*held.limits, *held.trends}):
        rules: tuple[Limit | Trend, ...] = (*held.limits.get(vital, ()), *held.trends.get(vital, ()))
        for rule in rules:
            if rule.scope.pair is not None and rule.id not in seen:
                seen.add(rule.id)
                yield rule


def _why(scope: Scope, now: Situation) -> str:
    """`CYP2D6 poor metaboliser on metoprolol`, or `CYP2D6 inhibited by paroxetine on metoprolol`; `LMNA affected`."""
    genes = [gene for gene in sorted(scope.gene) if now.genotypes.get(gene) in scope.phenotypes]
    results = [f"{gene} {_result(now.genotypes[gene])}" for gene in genes]
    converted = [gene for gene in sorted(scope.gene) if now.converted(gene) in scope.phenotypes]
    results = results or [f"{gene} inhibited by {now.inhibited[gene].words()}" for gene in converted]
    drugs = {name for taken in now.taken.values() for name in taken.names & scope.drugs}
    return " and ".join(results) + (f" on {' and '.join(sorted(drugs))}" if drugs else "")


def _result(known: str) -> str:
    """`PM` -> `poor metaboliser`; what is no phenotype of an enzyme is its own word."""
    spelled = load("design")["genomics"]["phenotypes"].get(known)
    return str(spelled[-2]).replace("_", " ") if spelled else known


def _what(rule: Limit | Trend) -> dict[str, str]:
    """The vital by its name, and the limit in words; a rule's title names its reason behind that."""
    vital = rule.vital if isinstance(rule, Limit) else rule.parts[0].vital
    return {"vital": VITALS[vital].name, "limit": rule.title.partition(" (")[0], "severity": SEVERITIES[rule.rank]}


def _long(scope: Scope, now: Situation) -> str:
    """How many days of the watch are left, counted from when what brings it about was begun the last time."""
    if not scope.drugs:
        return "for as long as the result stands"
    last = scope.drug_days[1]
    begun = scope.begun(now)
    left = [last - days for days in begun if days is not None and days <= last]
    if None in begun:
        return "for as long as it is taken: nobody knows since when"
    return "until the end of today" if max(left) == 0 else f"for {max(left)} more day{'s' * (max(left) > 1)}"
