"""Which limits that advise leave the word to the rules of a condition that the patient is known to have."""

from functools import cache

from models.evidence import load


@cache
def spoken_for(rule_id: str) -> frozenset[str]:
    """The conditions (ids in conditions.yaml) whose own rules speak in place of this floor; empty for those that
    protect. Raises EvidenceError if the evidence is broken."""
    return _all().get(rule_id, frozenset())


@cache
def _all() -> dict[str, frozenset[str]]:
    return {entry["id"]: frozenset(entry["spoken_for"]) for entry in load("floors")["floors"] if "spoken_for" in entry}
