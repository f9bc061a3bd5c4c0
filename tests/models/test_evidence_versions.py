"""A version of the evidence stands for one content: decisions name it, so what decides otherwise has another."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.evidence import EvidenceError, load, names, version
from models.forms.form import WORDS
from streams.evidence_view import look_up, summary

KEPT: dict[str, dict[str, str]] = yaml.safe_load(Path(__file__).with_name("evidence_versions.yaml").read_text())


def decides(node: Any) -> Any:
    """Without the words about it, which may be put better at any time."""
    if isinstance(node, dict):
        kept = {str(k): v for k, v in node.items() if not (str(k).endswith(WORDS) and isinstance(v, str))}
        return {key: decides(child) for key, child in kept.items()}
    return [decides(child) for child in node] if isinstance(node, list) else node


def digest(document: dict[str, Any]) -> str:
    meta = {key: value for key, value in document["meta"].items() if key != "version"}
    text = json.dumps(decides(document | {"meta": meta}), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", names())
def test_what_decides_otherwise_has_another_version(name: str) -> None:
    now = {"version": version(name), "digest": digest(load(name))}
    assert KEPT[name] == now, (
        f"{name}.yaml decides otherwise than its version {KEPT[name]['version']} did: give it another meta.version, "
        f"and say in tests/models/evidence_versions.yaml: {name}: {now}"
    )


def test_another_figure_is_seen_and_another_reason_is_not() -> None:
    floors = load("floors")
    first, *others = floors["floors"]
    assert digest(floors | {"floors": [first | {"limit": 31}, *others]}) != digest(floors)
    assert digest(floors | {"floors": [first | {"reason": "put better"}, *others]}) == digest(floors)


def test_homebeat_evidence_says_the_version_of_each_file_and_of_what_was_asked_for() -> None:
    assert summary()["versions"] == {name: version(name) for name in names()}
    assert [(e["file"], e["version"]) for e in look_up("hr_low_red")["entries"]] == [("floors.yaml", version("floors"))]


def test_homebeat_evidence_says_what_is_done_with_an_entry_or_why_nothing_is() -> None:
    used = {
        (line["file"], line["content"].get("id") or line["content"].get("level"))
        for line in look_up("GCK_MODY")["used"]
    }
    assert used == {("design.yaml", "prior_fasting_mean"), ("rules.yaml", "gck_mean"), ("rules.yaml", "gck_cv")}
    (left,) = look_up("TTR_amyloid")["used"]
    assert left["path"] == "pairs_left_out.not_a_vital"
    assert left["content"]["reason"]
    assert look_up("GCK_MODY")["sources"].keys() >= {"CHAKERA2015", "DESIGN"}


@pytest.mark.parametrize("pair", [entry["id"] for entry in load("genomics")["pairs"]])
def test_of_every_pair_of_genes_something_is_said(pair: str) -> None:
    assert look_up(pair)["used"]


def test_a_file_without_a_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.evidence.load", lambda name: {"meta": {"schema_version": 1}})
    with pytest.raises(EvidenceError, match=r"floors.yaml: says no meta.version"):
        version("floors")
