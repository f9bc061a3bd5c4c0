"""The cited clinical figures, as data: one YAML file a subject, and `sources.yaml`, the register they all cite.

`load("vitals")` gives the content of `vitals.yaml`. A file is refused as a whole if anything in it cites a source that
the register does not know: a figure that nobody can trace must not decide about a patient. Whoever decides asks before
that whether every file is sound: as its form has it (`models.forms`), and every figure with a source.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

STATUSES = frozenset({"verified", "verified_secondary", "partial", "from_knowledge", "derived", "design"})
"""How far a source was checked. The meaning of each is at the head of `sources.yaml`."""

ENDING = ".yaml"
REGISTER = "sources"
"""What the others cite."""
OF_FILES = frozenset({"schema_version"})
"""Numbers of the files themselves."""
FACTORS = "ucum_accepted"
"""What one unit is in another is UCUM's own, and the tests hold it against UCUM's table."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
# The C loader reads the same YAML some fifteen times faster; PyYAML built without libyaml does not have it.
_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class EvidenceError(Exception):
    """The evidence itself is broken: the process must not start. `file` and `source` say where to look."""

    def __init__(self, file: str, detail: str, source: str | None = None) -> None:
        super().__init__(f"{file}.yaml: {detail}")
        self.file = file
        self.source = source


@cache
def load(name: str) -> dict[str, Any]:
    """The content of `<name>.yaml`, read once a process; callers share the dict and must not change it.

    Raises EvidenceError if the file is missing or not a mapping, or cites a source that is not in `sources.yaml`.
    """
    document = _parse(name)
    if name == REGISTER:
        _check_register(document)
        return document
    register = load(REGISTER)["sources"]
    for where, cited in _citations(document, ""):
        _check_citation(name, where, cited, register)
    return document


def names() -> list[str]:
    """All evidence files of this installation, without their ending."""
    found = (resource.name for resource in files(__name__).iterdir())
    return sorted(name.removesuffix(ENDING) for name in found if name.endswith(ENDING))


def sound(name: str) -> None:
    """Raises EvidenceError with the first thing that cannot stand in the file, or the first figure without a source."""
    from models.forms import amiss  # making all forms takes longer than most commands

    document = load(name)
    if name == REGISTER:
        return
    if wrong := amiss(name, document):
        raise EvidenceError(name, wrong)
    if (unsourced := next(_unsourced(document, "", covered=False), None)) is not None:
        raise EvidenceError(name, f"{unsourced} cites no source, nor does anything that it is part of")


def version(name: str) -> str:
    """The version of a file: a decision names the one by which it was made. Raises EvidenceError if it says none."""
    said = load(name).get("meta", {}).get("version")
    if not isinstance(said, str) or not said:
        raise EvidenceError(name, "says no meta.version")
    return said


def source_status(source: str) -> str:
    """How far the source was checked, one of STATUSES. Raises EvidenceError for an id that is not registered."""
    entry = load("sources")["sources"].get(source)
    if entry is None:
        raise EvidenceError("sources", f"no source has the id {source!r}", source)
    return str(entry["status"])


def _parse(name: str) -> dict[str, Any]:
    if not _NAME.fullmatch(name):
        raise EvidenceError(name, "not the name of an evidence file")
    try:
        text = files(__name__).joinpath(f"{name}{ENDING}").read_text("utf-8")
        document = yaml.load(text, Loader=_LOADER)
    except (OSError, yaml.YAMLError) as error:
        raise EvidenceError(name, f"cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise EvidenceError(name, "is not a mapping")
    return document


def _check_register(document: dict[str, Any]) -> None:
    register = document.get("sources")
    if not isinstance(register, dict):
        raise EvidenceError("sources", "has no mapping 'sources'")
    for source, entry in register.items():
        if not isinstance(entry, dict) or entry.get("status") not in STATUSES:
            raise EvidenceError("sources", f"source {source!r} has no status of {sorted(STATUSES)}", source)


def _check_citation(name: str, where: str, cited: object, register: dict[str, Any]) -> None:
    if not isinstance(cited, list) or not cited:
        raise EvidenceError(name, f"{where} must be a list with at least one source id, is {cited!r}")
    for source in cited:
        if source not in register:
            raise EvidenceError(name, f"{where} cites {source!r}, which sources.yaml does not know", str(source))


def _citations(node: object, where: str) -> Iterator[tuple[str, object]]:
    """Every `src` or `..._src` below the node, with the path that leads to it."""
    if isinstance(node, dict):
        for key, child in node.items():
            path = f"{where}.{key}" if where else str(key)
            if key == "src" or str(key).endswith("_src"):
                yield path, child
            else:
                yield from _citations(child, path)
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _citations(child, f"{where}[{index}]")


def _unsourced(node: object, where: str, *, covered: bool) -> Iterator[str]:
    """The place of every number of which nothing on the way to it says where it comes from: no `src`, and no
    `..._src` beside it for keys that begin so."""
    if isinstance(node, dict):
        covered = covered or "src" in node
        begun = tuple(str(key).removesuffix("_src") for key in node if str(key).endswith("_src"))
        for key, child in node.items():
            if key not in OF_FILES and key != FACTORS:
                path = f"{where}.{key}" if where else str(key)
                yield from _unsourced(child, path, covered=covered or str(key).startswith(begun))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _unsourced(child, f"{where}[{index}]", covered=covered)
    elif isinstance(node, int | float) and not isinstance(node, bool) and not covered:
        yield where
