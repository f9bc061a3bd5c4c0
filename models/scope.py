"""Whom a rule of a condition is for: the conditions, the days of a course, the drugs, the genes."""

from dataclasses import dataclass

from models.situation import Situation
from models.trajectory import LONGEST_DAYS, Anchored, is_over

DRUGS = "drugs"
"""In place of a condition, of a rule that is about drugs."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a rule is for. of: with one of these conditions; course: (anchor, first, last day) or None; without:
    taking none of these drug classes; target: only with a prescribed range of oxygen saturation that begins there
    [%] or above; within: only with one that lies in these bounds [%]; over_age: only from it. pair: of a gene and a
    drug (id in genomics.yaml), in place of conditions; `gene` with one of these phenotypes, by itself or by an
    inhibitor, one of the drugs (or the inhibitor) begun so many days ago, or nobody knows when; without drugs it is
    about the gene alone. classes: of drugs (ids in medications.yaml), all of which are taken, beside one of the
    conditions or in their place; then one of the drugs was begun so many days ago, if any are named (beside a
    condition it has to be known when)."""

    of: tuple[str, ...]
    course: tuple[str, int, int] | None = None
    without: frozenset[str] = frozenset()
    target: float | None = None
    over_age: int | None = None
    pair: str | None = None
    gene: frozenset[str] = frozenset()
    phenotypes: frozenset[str] = frozenset()
    drugs: frozenset[str] = frozenset()
    drug_days: tuple[int, int] = (0, LONGEST_DAYS)
    classes: frozenset[str] = frozenset()
    within: tuple[float, float] | None = None

    def holds(self, now: Situation, target_low: float) -> str | None:
        """The condition (pair, or `DRUGS`) for which it holds now, or None."""
        if not self.of:
            first, last = self.drug_days
            held = any(since is None or first <= since <= last for since in self.begun(now))
            return (self.pair or DRUGS) if held else None
        named = next((c for c in self.of if c in now.conditions and self._on_course(now, c)), None)
        return named if named is not None and self._meant_for(now, target_low) else None

    def passed(self, now: Situation, target_low: float) -> str | None:
        """The same, where it does not hold since its days are over, and for nothing else."""
        if not self.of:
            over = any(since is not None and since > self.drug_days[1] for since in self.begun(now))
            return (self.pair or DRUGS) if over else None
        if self.drugs:
            over = self._begun_within(now, self.drug_days[1] + 1, LONGEST_DAYS)
            return next((c for c in self.of if c in now.conditions), None) if over else None
        named = next((c for c in self.of if c in now.courses and self._is_behind(now, now.courses[c])), None)
        return named if named is not None and self._meant_for(now, target_low) else None

    def ahead(self, now: Situation) -> bool:
        """Whether its days are yet to come, in a course or with a drug that has begun: what it will ask about has to be
        remembered from now on."""
        if self.course is None:
            return any(since is not None and since < self.drug_days[0] for since in self.begun(now))
        begun = (now.courses[c] for c in self.of if c in now.conditions and c in now.courses)
        return any(at.anchor == self.course[0] and at.day < self.course[1] for at in begun)

    def _begun_within(self, now: Situation, first: int, last: int) -> bool:
        return any(since is not None and first <= since <= last for since in self.begun(now))

    def _meant_for(self, now: Situation, target_low: float) -> bool:
        if not self.classes <= now.taken.keys() or self.without & now.taken.keys():
            return False
        if self.drugs and not self._begun_within(now, *self.drug_days):
            return False
        if not (self.target is None or target_low >= self.target):
            return False
        if self.within is not None and not _lies_in(now.spo2_target, self.within):
            return False
        return self.over_age is None or (now.age is not None and now.age >= self.over_age)

    def _is_behind(self, now: Situation, at: Anchored) -> bool:
        if self.course is None:
            return at.condition not in now.conditions and is_over(at)
        return at.anchor == self.course[0] and at.day > self.course[2]

    def begun(self, now: Situation) -> list[int | None]:
        """Days since the drugs were begun; of a pair also the inhibitor where one makes the genotype what it has to be,
        and nothing where it is not. Not known to be otherwise is not enough: it must be known, confirmed and agreed to.
        """
        if not self.classes <= now.taken.keys():
            return []
        if self.pair is None and not self.drugs:
            return [None]
        doses = [dose for taken in now.taken.values() for dose in taken.doses if dose.drug in self.drugs]
        drugs: list[int | None] = [dose.days for dose in doses] if self.drugs else [None]
        if not drugs:
            return []
        if self.pair is None or any(now.genotypes.get(gene) in self.phenotypes for gene in self.gene):
            return drugs
        by = [now.inhibited[gene] for gene in sorted(self.gene) if now.converted(gene) in self.phenotypes]
        return drugs + [dose.days for taken in by for dose in taken.doses] if by else []

    def _on_course(self, now: Situation, condition: str) -> bool:
        if self.course is None:
            return True
        at, (anchor, first, last) = now.courses.get(condition), self.course
        return at is not None and at.anchor == anchor and first <= at.day <= last


def _lies_in(prescribed: tuple[float, float] | None, bounds: tuple[float, float]) -> bool:
    return prescribed is not None and bounds[0] <= prescribed[0] and prescribed[1] <= bounds[1]
