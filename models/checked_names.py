"""Names in the evidence that have to be known: vitals, conditions, classes of drugs, drugs, genes, anchors of courses.

A name that nothing answers to is worse than a crash: what is said of a misspelt vital or drug is said of nobody.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from models.evidence import EvidenceError, load
from models.terminology import gene_known
from models.vitals import BY_NAME

NOT_VITALS = frozenset({"activity_hr_slope"})
"""Said of a drug, and of nothing that is measured: shown, and without effect."""
BY_VITAL = {
    "daily": ("drift.milder", "drift.jump.sides", "drift.night_spread", "drift.rho_prior", "drift.rho_days",
              "drift.spread_prior_days", "change_index.worse"),
    "design": ("population.personal_only.sd_between", "population.personal_only.units", "stated.sd_between"),
    "sensors": ("vitals",),
}  # fmt: skip
"""Mappings whose keys are vitals, by file."""
OTHERWISE = "default"
"""What holds for the vitals that such a mapping does not name."""
LISTS = ("vitals", "others", "silent_vitals")
SIDES = ("high", "low")


def checked() -> None:
    """Raises EvidenceError with the first name that nothing answers to, or that two things have."""
    for file in ("floors", "rules", "conditions", "medications", "genomics"):
        _once(file)
    for file in ("floors", "rules", "conditions", "medications", "genomics", "design", "detectors", "daily",
                 "cadence", "sensors", "incidents"):  # fmt: skip
        _vitals_of(file, load(file), file)
    for file, places in BY_VITAL.items():
        for place in places:
            _all_known(file, place, set(_at(load(file), place)) - {OTHERWISE}, _vitals())
    _problems()
    _groups()
    _whom()
    _drugs()


def _vitals() -> set[str]:
    return set(load("vitals")["vitals"])


def _conditions() -> set[str]:
    return {entry["id"] for entry in load("conditions")["conditions"]}


def _classes() -> dict[str, set[str]]:
    """The drugs of each class."""
    return {entry["id"]: {one["name"] for one in entry["members"]} for entry in load("medications")["classes"]}


def _at(document: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    at = document
    for step in place.split("."):
        at = at[step]
    return at


def _all_known(file: str, where: str, names: Iterable[str], known: Iterable[str]) -> None:
    if missing := sorted(set(names) - set(known)):
        raise EvidenceError(file, f"{where}: nothing is called {', '.join(missing)}")


def _once(file: str) -> None:
    """No two entries of one list have the same id; a rule may be told `as` another."""
    for section, entries in load(file).items():
        if isinstance(entries, list) and entries and isinstance(entries[0], dict):
            often = Counter(entry.get("as", entry.get("id")) for entry in entries if "id" in entry)
            if twice := [one for one, times in often.items() if times > 1]:
                raise EvidenceError(file, f"{section}: two entries have the id {twice[0]}")


def _vitals_of(file: str, node: object, where: str) -> None:
    """Every `vital`, and every list of vitals, below the node."""
    for place, key, value in _mappings(node, where):
        if key == "vital":
            _all_known(file, place, {value}, _vitals() | NOT_VITALS)
        elif key in LISTS and isinstance(value, list):
            _all_known(file, place, value, _vitals())


def _mappings(node: object, where: str) -> Iterator[tuple[str, str, Any]]:
    if isinstance(node, dict):
        where = f"{where} ({node['id']})" if "id" in node else where
        for key, value in node.items():
            yield f"{where}.{key}", str(key), value
            yield from _mappings(value, f"{where}.{key}")
    elif isinstance(node, list):
        for place, value in enumerate(node):
            yield from _mappings(value, f"{where}[{place}]")


def _problems() -> None:
    """Of a side of a vital; and each vital belongs to no more than one organ system."""
    for problem in load("incidents")["hovers"]["further"]:
        vital, _, side = problem.rpartition(".")
        if vital not in BY_NAME or side not in SIDES:
            raise EvidenceError("incidents", f"hovers.further: {problem} is no side of a vital")
    _each_once("incidents", "organ_systems", load("incidents")["organ_systems"].values(), whole=False)


def _groups() -> None:
    """Each vital of the record comes in one group, and its windows are judged in one way, or not at all."""
    _each_once("cadence", "groups", (entry["vitals"] for entry in load("cadence")["groups"]), whole=True)
    judged = [entry["vitals"] for entry in load("detectors")["classes"].values()]
    _each_once("detectors", "classes", judged, whole=False)
    if left := sorted(set(BY_NAME) - set().union(*judged) - set(load("detectors")["silent_vitals"])):
        raise EvidenceError("detectors", f"neither classes nor silent_vitals name {left[0]}")


def _each_once(file: str, where: str, lists: Iterable[list[str]], *, whole: bool) -> None:
    often = Counter(vital for vitals in lists for vital in vitals)
    _all_known(file, where, often, _vitals())
    for vital in sorted(BY_NAME):
        if often[vital] > 1 or (whole and not often[vital]):
            raise EvidenceError(file, f"{where}: {vital} is named {often[vital]} times, not once")


def _whom() -> None:
    """The conditions, classes and anchors of which floors, rules and choices speak."""
    for floor in load("floors")["floors"]:
        _all_known("floors", f"{floor['id']}.spoken_for", floor.get("spoken_for", ()), _conditions())
    for section in ("limits", "trends"):
        for line in load("rules")[section]:
            _whom_a_rule_means(line)
    design = load("design")
    for line in design["applies"]:
        _to_whom_an_effect_applies(line)
    _all_known("design", "not_judged", {design["not_judged"]["condition"]}, _conditions())
    _all_known("design", "icd10_categories", design["icd10_categories"]["codes"].values(), _conditions())
    _all_known("design", "declared_illness", design["declared_illness"]["courses"], _conditions())
    _all_known("design", "class_words", design["class_words"]["words"], _classes())


def _whom_a_rule_means(line: Mapping[str, Any]) -> None:
    of = line.get("of", [])
    of = [of] if isinstance(of, str) else of
    _all_known("rules", f"{line['id']}.of", of, _conditions())
    for key in ("classes", "without_classes"):
        _all_known("rules", f"{line['id']}.{key}", line.get(key, ()), _classes())
    _all_known("rules", f"{line['id']}.drugs", line.get("drugs", ()), set().union(*_classes().values()))
    _genes_known("rules", f"{line['id']}.gene", line.get("gene", ()))
    course = line.get("days_of") or (line["days"] if isinstance(line.get("days"), list) else None)
    if course:
        _all_known("rules", f"{line['id']}: days of a course", {course[0]}, _anchors(of))


def _anchors(of: Iterable[str]) -> set[str]:
    entries = [entry for entry in load("conditions")["conditions"] if entry["id"] in of]
    return {phase["anchor"] for entry in entries for phase in entry["phases"] if "anchor" in phase}


def _to_whom_an_effect_applies(line: Mapping[str, Any]) -> None:
    where = f"applies, {line['of']} {line['vital']}"
    _all_known("design", where, {line["of"]}, _conditions() | set(_classes()))
    for key in ("conditions", "without_conditions"):
        _all_known("design", f"{where}.{key}", line.get(key, ()), _conditions())
    _all_known("design", f"{where}.without_classes", line.get("without_classes", ()), _classes())
    _all_known("design", f"{where}.members", line.get("members", ()), _classes().get(line["of"], set()))


def _drugs() -> None:
    """Pairs of genes and drugs, from both sides."""
    pairs = {entry["id"] for entry in load("genomics")["pairs"]}
    for entry in load("medications")["classes"]:
        _all_known("medications", f"{entry['id']}.genomics", entry.get("genomics", ()), pairs)
    for line in load("design")["genomics"]["pairs"]:
        _all_known("design", "genomics.pairs", {line["of"]}, pairs)
        _all_known("design", f"genomics.pairs, {line['of']}", line["drugs"], set().union(*_classes().values()))
    for line in load("design")["genomics"]["levels"]:
        _all_known("design", "genomics.levels", {line["of"]}, pairs)
        _all_known("design", f"genomics.levels, {line['of']}.conditions", line.get("conditions", ()), _conditions())
    for part in ("levels", "phenoconversion"):
        genes = [line["gene"] for line in load("design")["genomics"][part]]
        _genes_known("design", f"genomics.{part}", genes)


def _genes_known(file: str, where: str, genes: Iterable[str]) -> None:
    _all_known(file, where, genes, filter(gene_known, genes))
