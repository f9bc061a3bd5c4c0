"""`homebeat evidence`: any figure in use, found by its id, with its sources and how far each of them was checked."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from models import evidence, terminology
from models.checked import checked
from streams.errors import Failed, WrongSettings, broken_evidence

MAPPINGS_BY_ID = {("vitals", "vitals"), ("sources", "sources")}
"""Sections whose keys are the ids; everywhere else an entry says its own `id`."""


@dataclass(frozen=True)
class Entry:
    """One piece of evidence: its id, where it stands (file and path), and its content."""

    id: str
    file: str
    path: str
    content: Any


def require_sound() -> None:
    """Raises Failed if the evidence is broken: nobody may be decided about by it."""
    try:
        checked()
    except evidence.EvidenceError as wrong:
        raise Failed(broken_evidence(wrong)) from None


def entries() -> list[Entry]:
    """All evidence with an id, in the order of files and lines. Raises models.evidence.EvidenceError when broken."""
    return [entry for file in evidence.names() for entry in _entries(file)]


def look_up(wanted: str) -> dict[str, Any]:
    """Everything with this id, what other lines do with it, and the sources cited there.

    Raises WrongSettings when nothing has the id.
    """
    found = [entry for entry in entries() if entry.id == wanted]
    if not found and wanted in evidence.names():
        found = [Entry(wanted, wanted, "", evidence.load(wanted))]
    if not found:
        raise WrongSettings(f"no evidence has the id {wanted!r}: {_meant(wanted)}")
    used = [entry for file in evidence.names() for entry in _about(wanted, evidence.load(file), file, "")]
    register = evidence.load("sources")["sources"]
    cited = sorted({source for entry in found + used for source in _cited(entry.content)})
    return {
        "id": wanted,
        "entries": [_shown(entry) for entry in found],
        "used": [_shown(entry) for entry in used],
        "sources": {source: register[source] for source in cited},
    }


def _shown(entry: Entry) -> dict[str, Any]:
    version = evidence.version(entry.file)
    return {"file": f"{entry.file}.yaml", "version": version, "path": entry.path, "content": entry.content}


NAMED_AS = ("of", "pair", "classes", "ids")
"""How a line says which entry it is about: of which it uses a figure, whom it is for, or what it leaves out."""


def _about(wanted: str, node: object, file: str, path: str) -> Iterator[Entry]:
    """What is done with an entry of another file: the lines that use it, or leave it out and say why."""
    if isinstance(node, dict):
        named = [name for key in NAMED_AS if key in node for name in _listed(node[key])]
        if wanted in named:
            yield Entry(wanted, file, path, node)
            return
        children: Iterable[tuple[object, object]] = ((f".{key}" if path else key, child) for key, child in node.items())
    else:
        children = ((f"[{n}]", child) for n, child in enumerate(node)) if isinstance(node, list) else ()
    for step, child in children:
        yield from _about(wanted, child, file, f"{path}{step}")


def _listed(named: object) -> list[object]:
    return named if isinstance(named, list) else [named]


def _meant(wanted: str) -> str:
    """What to ask for instead: the classes of a drug, what is written nearly so, else the list of all."""
    drug = terminology.drug(wanted)
    if drug is not None:
        return f"it is a drug of {' and '.join(drug.classes)}"
    near = get_close_matches(terminology.word(wanted), [*evidence.names(), *(entry.id for entry in entries())], 1)
    return f"{near[0]} was probably meant" if near else "`homebeat evidence` lists them"


def summary() -> dict[str, Any]:
    """Ids and version by file, and how many sources stand at each status."""
    by_file: dict[str, list[str]] = {file: [] for file in evidence.names()}
    for entry in entries():
        by_file[entry.file].append(entry.id)
    statuses = [source["status"] for source in evidence.load("sources")["sources"].values()]
    return {
        "evidence": by_file,
        "versions": {file: evidence.version(file) for file in by_file},
        "sources_by_status": {s: statuses.count(s) for s in sorted(set(statuses))},
    }


def _entries(file: str) -> Iterator[Entry]:
    for section, content in evidence.load(file).items():
        if (file, section) in MAPPINGS_BY_ID:
            yield from (Entry(id, file, f"{section}.{id}", inner) for id, inner in content.items())
        yield from _with_own_id(content, file, section)


def _with_own_id(node: object, file: str, path: str) -> Iterator[Entry]:
    if isinstance(node, dict):
        if isinstance(node.get("id"), str):
            yield Entry(node["id"], file, path, node)
        for key, child in node.items():
            yield from _with_own_id(child, file, f"{path}.{key}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _with_own_id(child, file, f"{path}[{index}]")


def _cited(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, child in node.items():
            if key == "src" or str(key).endswith("_src"):
                yield from child
            else:
                yield from _cited(child)
    elif isinstance(node, list):
        for child in node:
            yield from _cited(child)
