"""Which cited effects move this patient's expectation: by conditions, drugs, genes and the course of a disease."""

from collections.abc import Iterator
from typing import Any

from models.draft import Kind, Move
from models.effects import Effect, of_class, of_condition
from models.evidence import load
from models.phrases import phrase
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
    """The effects of the drug classes taken: those begun too lately for a stated level, or the others. What only some
    drugs of a class do has begun with them."""
    for taken in now.taken.values():
        for effect in of_class(taken.class_id):
            mine = taken.by(effect.when.members)
            if mine.recent is recent and holds(effect.when, now, mine.names, mine.days):
                yield _move(effect, now, taken.class_id, mine.words(), "medication", unsettled=_unsettled(mine))


def of_genotypes(now: Situation, recent: bool) -> Iterator[Move]:
    """What a genotype adds to the effect of a drug that is taken, against that of a normal metaboliser."""
    design = load("design")["genomics"]
    known = {entry["id"]: entry for entry in load("genomics")["pairs"]}
    for line in design["pairs"]:
        entry = known[line["of"]]
        phenotype, lately = now.genotypes.get(entry["gene"]), {taken.recent for taken in _taken_of(now, line)}
        shifts, source = entry["apply"][line["shift"]], " ".join(entry["apply"]["src"])
        if phenotype is not None and phenotype in shifts and lately:
            if recent in lately:
                amount = float(shifts[phenotype] - shifts[design["reference"]])
                called = phrase(design["phenotypes"][phenotype][-2].replace("_", " "))
                label = phrase("{gene} {phenotype}", gene=entry["gene"], phenotype=called)
                yield from _genetic(line, entry["id"], amount, label, source)
            if recent is (True in lately or _lately_inhibited(now, entry["gene"])):
                yield from _converted(now, line, entry["gene"], shifts, phenotype)


def of_variants(now: Situation) -> Iterator[Move]:
    """The levels that a variant sets whatever is taken, one of a vital."""
    known, set_already = {entry["id"]: entry["apply"] for entry in load("genomics")["pairs"]}, set[str]()
    for line in load("design")["genomics"]["levels"]:
        meant = now.genotypes.get(line["gene"]) == "affected" and set(line.get("conditions", ())) <= now.conditions
        if meant and line["vital"] not in set_already:
            set_already.add(line["vital"])
            apply, source = known[line["of"]], " ".join(line["src"])
            level, within = float(apply[line["level"]]), apply.get(line.get("within"))
            effect = Effect(line["of"], BY_NAME[line["vital"]].index, "level", (level, level), source, sd_within=within)
            yield Move(effect, level, line["of"], phrase("{gene} variant", gene=line["gene"]), "genotype")


def _lately_inhibited(now: Situation, gene: str) -> bool:
    """Whether an inhibitor was begun lately: what it adds is as recent as the later of the two drugs."""
    return gene in now.inhibited and now.inhibited[gene].recent


def _converted(
    now: Situation, line: dict[str, Any], gene: str, shifts: dict[str, float], phenotype: str
) -> Iterator[Move]:
    """What a strong inhibitor of the enzyme adds to that, whatever the genes say."""
    for entry in load("design")["genomics"]["phenoconversion"]:
        if entry["gene"] == gene and gene in now.inhibited:
            amount = float(shifts[entry["becomes"]] - shifts[phenotype])
            label = phrase("{gene} inhibited by {drug}", gene=gene, drug=now.inhibited[gene].words())
            source = " ".join(entry["src"])
            yield from _genetic(line, f"{gene}_phenoconversion", amount, label, source)


def _genetic(line: dict[str, Any], id: str, amount: float, label: str, source: str) -> Iterator[Move]:
    if amount:
        for name in line["vitals"]:
            effect = Effect(id, BY_NAME[name].index, "raw", (amount, amount), source)
            yield Move(effect, amount, id, label, "genotype")


def _taken_of(now: Situation, line: dict[str, Any]) -> list[Taken]:
    """The pair's drugs as they are taken, by class."""
    drugs = frozenset(line["drugs"])
    return [taken.by(drugs) for taken in now.taken.values() if taken.names & drugs]


def _all_drugs(now: Situation) -> frozenset[str]:
    return _ANY_DRUG.union(*(taken.names for taken in now.taken.values()))


def _unsettled(taken: Taken) -> float:
    """The share of a drug's effect that may not have come yet: all on its first day, none after the days in which drugs
    settle (medications.yaml)."""
    settle = load("medications")["meta"]["generic_settle_days"]
    new = taken.days is not None and 0 <= taken.days < settle
    return load("design")["reopening"]["share"] * (1 - (taken.days or 0) / settle) if new else 0.0


def _move(
    effect: Effect, now: Situation, id: str, label: str, kind: Kind, share: float = 1.0, unsettled: float = 0.0
) -> Move:
    women, men = effect.amount
    amount = women if now.sex == "female" else men if now.sex == "male" else (women + men) / 2
    return Move(effect, amount, id, label, kind, share, unsettled)
