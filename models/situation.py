"""What holds for a patient on a given day, in the words of the evidence: age, conditions, drugs taken, genotypes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from models import terminology
from models.effects import When
from models.evidence import load
from models.phrases import joined, phrase
from models.profile import Medication, Profile
from models.profile_fields import coded
from models.trajectory import Anchored, anchored, is_over


@dataclass(frozen=True, slots=True)
class Dose:
    """An entry of the profile that is taken: the drug (empty if it names only a class); days: since it was begun, None
    if unknown; recent: begun so lately that a stated level does not contain it yet."""

    drug: str
    days: int | None
    recent: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """A drug class that is taken, by one or more drugs."""

    class_id: str
    doses: tuple[Dose, ...]

    @property
    def names(self) -> frozenset[str]:
        """The drugs, none if the profile names only the class."""
        return frozenset(dose.drug for dose in self.doses if dose.drug)

    @property
    def days(self) -> int | None:
        """Since the first of them was begun; None if nobody knows."""
        known = [dose.days for dose in self.doses if dose.days is not None]
        return max(known) if len(known) == len(self.doses) else None

    @property
    def recent(self) -> bool:
        """Whether all of them were begun so lately that a stated level contains none."""
        return all(dose.recent for dose in self.doses)

    def by(self, drugs: frozenset[str]) -> "Taken":
        """What of it these drugs are: what one of them does began with that one. All of it, if none of them is."""
        mine = tuple(dose for dose in self.doses if dose.drug in drugs)
        return Taken(self.class_id, mine or self.doses)

    def words(self) -> str:
        """The drugs' names, else what the class is called."""
        if self.names:
            return joined(map(phrase, sorted(self.names)), phrase(" and "))
        known = load("design")["class_words"]["words"]
        return phrase(known.get(self.class_id, self.class_id.replace("_", " ")))


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that an effect's rule may ask about. age: kept within the ages on which the evidence was fitted;
    years: as it is. genotypes: gene to PM, IM, NM or UM, or to deficient or affected, confirmed and agreed to."""

    age: float | None
    years: float | None
    sex: str | None
    conditions: frozenset[str]
    courses: Mapping[str, Anchored]
    taken: Mapping[str, Taken]
    genotypes: Mapping[str, str]
    inhibited: Mapping[str, Taken]
    """Gene to the strong inhibitors of its enzyme that are taken."""
    spo2_target: tuple[float, float] | None = None
    """The prescribed range of oxygen saturation [%], where both ends are."""

    def converted(self, gene: str) -> str | None:
        """What an inhibitor makes of a known genotype, whatever it is by itself."""
        return _becomes()[gene] if gene in self.genotypes and gene in self.inhibited else None


def situation(profile: Profile, on: date) -> Situation:
    """What the profile says about that day."""
    courses = {at.condition: at for at in anchored(profile, on)}
    listed = [(terminology.condition_id(*coded(entry.code)), entry.since) for entry in profile.conditions]
    begun = {name for name, since in listed if name and (since is None or since <= on)}
    begun |= {name for name, at in courses.items() if at.days >= 0}
    years = None if profile.birth_date is None else (on - profile.birth_date).days / 365.25
    return Situation(
        age=_held(years),
        years=years,
        sex=profile.sex if profile.sex in ("female", "male") else None,
        conditions=frozenset(name for name in begun if name not in courses or not is_over(courses[name])),
        courses=courses,
        taken=_taken(profile, on),
        genotypes=_genotypes(profile),
        inhibited=_inhibited(profile, on),
        spo2_target=_prescribed(profile),
    )


def holds(when: When, now: Situation, drugs: frozenset[str], days: int | None) -> bool:
    """Whether an effect applies to a patient who takes these drugs of its class, the first since `days`."""
    if when.never or (when.members and not when.members & drugs):
        return False
    if (when.conditions and not when.conditions & now.conditions) or when.without_conditions & now.conditions:
        return False
    if when.without_classes & now.taken.keys():
        return False
    return when.days is None or (days is not None and when.days[0] <= days <= when.days[1])


def _prescribed(profile: Profile) -> tuple[float, float] | None:
    ranges = ((target.low, target.high) for target in profile.targets if target.vital == "spo2")
    return next(((low, high) for low, high in ranges if low is not None and high is not None), None)


def _held(years: float | None) -> float | None:
    ages = load("design")["population"]["age_range"]
    return None if years is None else float(min(max(years, ages["min"]), ages["max"]))


def _taken(profile: Profile, on: date) -> dict[str, Taken]:
    """The drug classes taken on that day. Two drugs of one class are one entry: their effect is applied once."""
    active: dict[str, list[tuple[Medication, str]]] = {}
    for entry in profile.medications:
        known = terminology.drug(*coded(entry.code)) if _active(entry, on) else None
        for class_id in known.classes if known else ():
            active.setdefault(class_id, []).append((entry, known.name if known else ""))
    return {class_id: _class(class_id, entries, profile, on) for class_id, entries in sorted(active.items())}


def _inhibited(profile: Profile, on: date) -> dict[str, Taken]:
    """The strong inhibitors taken on that day, by the gene of the enzyme."""
    taken: dict[str, Taken] = {}
    for line in load("design")["genomics"]["phenoconversion"]:
        names = {drug["name"] for drug in line["drugs"]}
        known = [(entry, terminology.drug(*coded(entry.code))) for entry in profile.medications if _active(entry, on)]
        found = [(entry, drug.name) for entry, drug in known if drug and drug.name in names]
        if found:
            taken[line["gene"]] = _class(line["gene"], found, profile, on)
    return taken


@cache
def _becomes() -> dict[str, str]:
    return {line["gene"]: line["becomes"] for line in load("design")["genomics"]["phenoconversion"]}


def _active(entry: Medication, on: date) -> bool:
    return (entry.start is None or entry.start <= on) and (entry.stop is None or on <= entry.stop)


def _class(class_id: str, entries: list[tuple[Medication, str]], profile: Profile, on: date) -> Taken:
    settled = profile.updated.date() - timedelta(days=_settle_days()) if profile.updated else None
    return Taken(class_id, tuple(_dose(name, entry.start, settled, on) for entry, name in entries))


def _dose(drug: str, start: date | None, settled: date | None, on: date) -> Dose:
    days = None if start is None else (on - start).days
    return Dose(drug, days, recent=start is not None and settled is not None and start > settled)


def _settle_days() -> int:
    """How long before the profile was written a drug must have begun for a stated level to contain it [days]."""
    return int(load("medications")["meta"]["generic_settle_days"])


def _genotypes(profile: Profile) -> dict[str, str]:
    """Only with consent for genomics, only clinically confirmed. Two results that disagree are as good as none."""
    if not profile.consent.genomics:
        return {}
    results: dict[str, set[str | None]] = {}
    for entry in profile.genomics:
        gene, system = coded(entry.gene)
        if entry.confirmed and system is None:
            results.setdefault(gene.strip().upper(), set()).add(terminology.phenotype(entry.phenotype))
    return {gene: only for gene, found in results.items() if len(found) == 1 and (only := found.pop()) is not None}
