"""From the codes people write in a profile to the ids of the evidence files.

A profile names a condition, drug or gene by its evidence id, by a drug's name, or as {system, code} in ICD-10, SNOMED
CT or RxNorm. What is not recognised has no effect: to refuse the profile for it would leave the patient unmonitored.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from models.evidence import load

_SYSTEMS = {
    "http://snomed.info/sct": "snomed",
    "urn:oid:2.16.840.1.113883.6.96": "snomed",
    "snomed ct": "snomed",
    "snomed": "snomed",
    "http://hl7.org/fhir/sid/icd-10": "icd10",
    "http://hl7.org/fhir/sid/icd-10-cm": "icd10",
    "urn:oid:2.16.840.1.113883.6.3": "icd10",
    "urn:oid:2.16.840.1.113883.6.90": "icd10",
    "icd-10": "icd10",
    "icd-10-cm": "icd10",
    "icd10": "icd10",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "rxnorm",
    "urn:oid:2.16.840.1.113883.6.88": "rxnorm",
    "rxnorm": "rxnorm",
}
"""The names under which FHIR, HL7 v3 and people write the three code systems (HL7 terminology, as of FHIR R4)."""


class Drug(NamedTuple):
    """A drug of the evidence: its classes (none for one that only inhibits an enzyme), and its name (empty when the
    profile names only the class)."""

    classes: tuple[str, ...]
    name: str


def condition_id(code: str, system: str | None = None) -> str | None:
    """The id in conditions.yaml, or None. `system` None means that `code` is such an id.

    An ICD-10 code also matches where it is a finer subdivision of a listed one (I50.22 is I50.2), or where all that is
    listed below it is one condition.
    """
    if system is None:
        name = code.strip().lower()
        return name if name in _conditions() else None
    kind = _SYSTEMS.get(system.strip().lower())
    if kind == "icd10":
        return _icd10(code)
    return _snomed().get(code.strip()) if kind == "snomed" else None


def drug(code: str, system: str | None = None) -> Drug | None:
    """The classes (ids in medications.yaml) of a class id, a drug's name or an RxNorm ingredient, or None."""
    if system is None:
        return _drugs().get(code.strip().lower())
    if _SYSTEMS.get(system.strip().lower()) != "rxnorm":
        return None
    name = _rxnorm().get(code.strip())
    return _drugs()[name] if name else None


def word(written: str) -> str:
    """An anchor or a phenotype as the evidence writes it: ' Poor metaboliser' is poor_metaboliser."""
    return written.strip().lower().replace(" ", "_")


def phenotype(written: str) -> str | None:
    """PM, IM, NM, UM, deficient or affected (design.yaml genomics), or None for any other result."""
    return _phenotypes().get(word(written))


def gene_acts(code: str) -> bool:
    """Whether a result for this gene (HGNC symbol) moves or watches a vital, so that its phenotype matters."""
    return code.strip().upper() in _acting()


@cache
def anchors(condition: str) -> frozenset[str]:
    """The events from which a phase or a shift of this condition is counted."""
    phases = [row for entry in load("conditions")["conditions"] if entry["id"] == condition for row in entry["phases"]]
    courses = [line for line in load("design")["courses"] if line["of"] == condition]
    return frozenset(row["anchor"] for row in (*phases, *courses) if "anchor" in row)


def gene_known(code: str, system: str | None = None) -> bool:
    """Whether genomics.yaml says anything about this gene (HGNC symbol). It may still move no vital."""
    return system is None and code.strip().upper() in _genes()


@cache
def _conditions() -> frozenset[str]:
    return frozenset(entry["id"] for entry in load("conditions")["conditions"])


@cache
def _snomed() -> dict[str, str]:
    entries = load("conditions")["conditions"]
    return {term["code"]: entry["id"] for entry in entries for term in entry.get("snomed", [])}


@cache
def _icd10_listed() -> tuple[tuple[str, str], ...]:
    listed = [(code, entry["id"]) for entry in load("conditions")["conditions"] for code in entry["icd10"]]
    listed += load("design")["icd10_categories"]["codes"].items()
    return tuple((code.replace(".", ""), name) for code, name in listed)


def _icd10(code: str) -> str | None:
    plain = code.strip().upper().replace(".", "")
    if len(plain) < 3:
        return None
    finest = max(
        (entry for entry in _icd10_listed() if plain.startswith(entry[0])), key=lambda e: len(e[0]), default=None
    )
    if finest is not None:
        return finest[1]
    below = {name for listed, name in _icd10_listed() if listed.startswith(plain)}
    return below.pop() if len(below) == 1 else None


def _inhibitors() -> Iterator[tuple[str, str]]:
    """(drug name, RxNorm ingredient) of those that act through what they do to an enzyme."""
    for entry in load("design")["genomics"]["phenoconversion"]:
        yield from ((drug["name"], drug["rxnorm"]) for drug in entry["drugs"])


def _members() -> Iterator[tuple[str, str, str | None]]:
    """(class id, drug name, RxNorm ingredient); 'albuterol/salbutamol' is two names of one drug."""
    for entry in load("medications")["classes"]:
        for member in entry["members"]:
            for name in member["name"].split("/"):
                yield entry["id"], name, member["rxnorm"]


@cache
def _drugs() -> dict[str, Drug]:
    found: dict[str, list[str]] = {}
    for class_id, name, _ in _members():
        found.setdefault(name, []).append(class_id)
    for name, _ in _inhibitors():
        found.setdefault(name, [])
    drugs = {name: Drug(tuple(classes), name) for name, classes in found.items()}
    return drugs | {
        entry["id"]: Drug((entry["id"],), "") for entry in load("medications")["classes"] if entry["id"] not in drugs
    }


@cache
def _rxnorm() -> dict[str, str]:
    return {code: name for name, code in _inhibitors()} | {code: name for _, name, code in _members() if code}


@cache
def _phenotypes() -> dict[str, str]:
    genomics = load("design")["genomics"]
    listed = {**genomics["phenotypes"], **genomics["results"]}
    return {written: phenotype for phenotype, words in listed.items() for written in words}


@cache
def _acting() -> frozenset[str]:
    ruled = [gene for line in (*load("rules")["limits"], *load("rules")["trends"]) for gene in line.get("gene", ())]
    genes, design = {entry["id"]: entry["gene"] for entry in load("genomics")["pairs"]}, load("design")["genomics"]
    moved = [genes[line["of"]] for line in design["pairs"]] + [line["gene"] for line in design["levels"]]
    return frozenset(ruled + moved)


@cache
def _genes() -> frozenset[str]:
    written = [re.sub(r"\(.*?\)|variants", " ", entry["gene"]) for entry in load("genomics")["pairs"]]
    return frozenset(token.upper() for text in written for token in re.split(r"[\s/]+", text) if token)
