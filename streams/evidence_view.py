"""`homebeat evidence`: any figure in use, found by its id, with its sources and how far each of them was checked."""

from collections.abc import Iterator
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
    """Everything with this id, and the sources cited in it. Raises WrongSettings when nothing has the id."""
    found = [entry for entry in entries() if entry.id == wanted]
    if not found and wanted in evidence.names():
        found = [Entry(wanted, wanted, "", evidence.load(wanted))]
    if not found:
        raise WrongSettings(f"no evidence has the id {wanted!r}: {_meant(wanted)}")
    register = evidence.load("sources")["sources"]
    cited = sorted({source for entry in found for source in _cited(entry.content)})
    return {
        "id": wanted,
        "entries": [
            {"file": f"{e.file}.yaml", "version": evidence.version(e.file), "path": e.path, "content": e.content}
            for e in found
        ],
        "sources": {source: register[source] for source in cited},
    }


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
