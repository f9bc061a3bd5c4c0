"""Which cited effects move this patient's expectation: by conditions, drugs, genes and the course of a disease."""

from collections.abc import Iterator
from typing import Any

from models.draft import Kind, Move
from models.effects import Effect, of_class, of_condition
from models.evidence import load
from models.situation import Situation, Taken, holds
from models.trajectory import condition_words
from models.vitals import BY_NAME

_ANY_DRUG: frozenset[str] = frozenset()


def of_conditions(now: Situation) -> Iterator[Move]:
    """The standing shifts of the patient's conditions (those of a recovery or infection are its course's)."""
    for condition in sorted(now.conditions):
        for effect in of_condition(condition):
            if effect.course is None and holds(effect.when, now, _all_drugs(now), None):
                yield _move(effect, now, condition, condition_words(condition), "condition")


def of_courses(now: Situation) -> Iterator[Move]:
    """The shifts that run with the days since an anchor, at their share of today."""
    for condition, at in now.courses.items():
        for effect in of_condition(condition):
            course = effect.course
            if course is None or course.anchor != at.anchor or not holds(effect.when, now, _all_drugs(now), None):
                continue
            share = course.share(at.day)
            if share > 0:
                yield _move(effect, now, condition, at.words(), "course", share)


def of_drugs(now: Situation, recent: bool) -> Iterator[Move]:
    """The effects of the drug classes taken: those begun too lately for a stated level, or the others."""
    for taken in now.taken.values():
        if taken.recent is recent:
            for effect in of_class(taken.class_id):
                if holds(effect.when, now, taken.names, taken.days):
                    yield _move(effect, now, taken.class_id, taken.words(), "medication")


def of_genotypes(now: Situation, recent: bool) -> Iterator[Move]:
    """What a genotype adds to the effect of a drug that is taken, against that of a normal metaboliser."""
    design = load("design")["genomics"]
    known = {entry["id"]: entry for entry in load("genomics")["pairs"]}
    for line in design["pairs"]:
        entry = known[line["of"]]
        phenotype = now.genotypes.get(entry["gene"])
        if phenotype is not None and any(taken.recent is recent for taken in _taken_of(now, line)):
            shifts = entry["apply"][line["shift"]]
            amount = float(shifts[phenotype] - shifts[design["reference"]])
            label = f"{entry['gene']} {design['phenotypes'][phenotype][-2].replace('_', ' ')}"
            yield from _genetic(line, entry, amount, label)


def _genetic(line: dict[str, Any], entry: dict[str, Any], amount: float, label: str) -> Iterator[Move]:
    for name in line["vitals"]:
        effect = Effect(entry["id"], BY_NAME[name].index, "raw", (amount, amount), " ".join(entry["apply"]["src"]))
        yield Move(effect, amount, entry["id"], label, "genotype")


def _taken_of(now: Situation, line: dict[str, Any]) -> list[Taken]:
    """The classes through which one of the pair's drugs is taken."""
    return [taken for taken in now.taken.values() if taken.names & set(line["drugs"])]


def _all_drugs(now: Situation) -> frozenset[str]:
    return _ANY_DRUG.union(*(taken.names for taken in now.taken.values()))


def _move(effect: Effect, now: Situation, id: str, label: str, kind: Kind, share: float = 1.0) -> Move:
    women, men = effect.amount
    amount = women if now.sex == "female" else men if now.sex == "male" else (women + men) / 2
    return Move(effect, amount, id, label, kind, share)
