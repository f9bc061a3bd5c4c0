"""Every figure that can decide about a patient can be traced to a source."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from models import evidence
from models.evidence import STATUSES, EvidenceError, load, source_status

NAMES = sorted(Path(entry.name).stem for entry in files(evidence).iterdir() if entry.name.endswith(".yaml"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of evidence of the test's own, with the one source SEEN in its register."""
    (tmp_path / "sources.yaml").write_text("sources: {SEEN: {cite: a paper, status: verified}}")
    monkeypatch.setattr(evidence, "files", lambda package: tmp_path)
    load.cache_clear()
    yield tmp_path
    load.cache_clear()


@pytest.mark.parametrize("name", NAMES)
def test_every_file_cites_registered_sources_only(name: str) -> None:
    assert load(name)


def test_a_source_has_a_status() -> None:
    assert source_status("QUER2020") == "verified"
    assert source_status("METHODS_K") in STATUSES
    with pytest.raises(EvidenceError, match="NOBODY1999"):
        source_status("NOBODY1999")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("fever: [{limit: 38, src: [SEEN, GUESS]}]", r"fever\[0\]\.src cites 'GUESS'"),
        ("fever: {limit_src: [GUESS]}", r"fever\.limit_src cites 'GUESS'"),
        ("fever: {limit: 38, src: []}", "at least one source"),
        ("fever: {limit: 38, src: SEEN}", "must be a list"),
    ],
)
def test_a_figure_without_a_known_source_stops_the_whole_file(folder: Path, text: str, where: str) -> None:
    (folder / "made_up.yaml").write_text(text)
    with pytest.raises(EvidenceError, match=where) as refused:
        load("made_up")
    assert refused.value.file == "made_up"


def test_a_known_source_is_accepted(folder: Path) -> None:
    (folder / "made_up.yaml").write_text("fever: {limit: 38, src: [SEEN]}")
    assert load("made_up") == {"fever": {"limit": 38, "src": ["SEEN"]}}


@pytest.mark.parametrize("register", ["sources: {SEEN: {cite: a paper}}", "sources: [SEEN]", "[]", "{", "x: 1"])
def test_a_broken_register_is_an_evidence_error(folder: Path, register: str) -> None:
    (folder / "sources.yaml").write_text(register)
    with pytest.raises(EvidenceError):
        load("sources")


@pytest.mark.parametrize("name", ["../secrets", "no_such_file", "", "A"])
def test_only_the_package_s_own_files_are_read(name: str) -> None:
    with pytest.raises(EvidenceError):
        load(name)
