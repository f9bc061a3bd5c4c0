"""Each file of the evidence has a form: what cannot stand there is refused with its place, and no process starts."""

import copy
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import evidence
from models.evidence import EvidenceError, load, names
from models.forms import amiss, forms

DECIDING = sorted(forms())
DECIDES_NOTHING = frozenset({"cohort", "comparators", "sources"})
TOLD_ONLY = {
    "vitals": ("reference", "measurement_error", "activity_effect", "altitude_effect", "site_offset_to_oral",
               "schedule", "weekly", "derived_vitals", "circadian", "plausible"),
    "news2": ("test_vectors", "performance", "escalation", "codes", "score_range", "schema_version"),
    "equity": ("pulse_oximetry", "wrist_ppg", "blood_pressure_cuff", "glucose"),
    "sensors": ("measured",), "conditions": ("trajectory_model",), "genomics": ("dosing",),
}  # fmt: skip
"""What people read and no code does; of `circadian` and `plausible` some figures are words by right."""
Path = tuple[Any, ...]
SAMPLED = settings(max_examples=150, deadline=None)


def leaves(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value that holds no other, and the way to it."""
    if isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(child, (*path, key))
    else:
        yield path, node


def mappings(node: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every mapping, and the way to it."""
    if isinstance(node, dict):
        yield path, node
    if isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from mappings(child, (*path, key))


def at(node: Any, path: Path) -> Any:
    for step in path:
        node = node[step]
    return node


def changed(name: str, path: Path, value: Any) -> dict[str, Any]:
    """The file with another value at one place."""
    document = copy.deepcopy(load(name))
    at(document, path[:-1])[path[-1]] = value
    return document


@cache
def figures(name: str) -> list[Path]:
    """The places of all numbers that decide."""
    said = TOLD_ONLY.get(name, ())
    found = (path for path, value in leaves(load(name)) if _is_number(value))
    return [path for path in found if not any(step in said for step in path)]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def test_every_file_has_a_form_or_decides_about_nobody() -> None:
    assert set(names()) == set(DECIDING) | DECIDES_NOTHING
    assert not set(DECIDING) & DECIDES_NOTHING


@pytest.mark.parametrize("name", DECIDING)
def test_the_evidence_in_use_is_as_its_form_has_it(name: str) -> None:
    assert amiss(name, load(name)) is None


@pytest.mark.parametrize("name", DECIDING)
def test_a_key_that_nobody_reads_is_refused(name: str) -> None:
    wrong = amiss(name, load(name) | {"seveirty": "urgent"})
    assert wrong == "seveirty: is no key that belongs here"


@SAMPLED
@given(st.sampled_from(DECIDING), st.data())
def test_no_figure_that_decides_may_be_a_word_or_nothing_or_beyond_all_numbers(name: str, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(figures(name)))
    wrong = data.draw(st.sampled_from(["abc", [], {}, float("nan"), float("inf"), -float("inf"), 1e12, True]))
    assert amiss(name, changed(name, path, wrong)) is not None


Change = Callable[[Any], object]


def _set(path: Path, value: Any) -> Change:
    return lambda document: at(document, path[:-1]).__setitem__(path[-1], value)


def _drop(path: Path) -> Change:
    return lambda document: at(document, path[:-1]).__delitem__(path[-1])


def _index(name: str, section: str, wanted: str) -> int:
    return next(n for n, entry in enumerate(load(name)[section]) if entry["id"] == wanted)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("floors", _set(("floors", 0, "limit"), "30"), "floors[0] (hr_low_critical).limit: input should be a valid"),
        ("floors", _drop(("floors", 0, "src")), "floors[0] (hr_low_critical).src: is missing"),
        ("floors", _set(("floors", 0, "severity"), "emergncy"), "floors[0] (hr_low_critical).severity: input should"),
        ("floors", _set(("floors", 0, "op"), "=>"), "floors[0] (hr_low_critical).op: input should be '<', '<=', '>'"),
        ("floors", _set(("floors", 0, "persist_s"), -1), "floors[0] (hr_low_critical).persist_s: input should be gr"),
        ("floors", _set(("floors", 0, "persists"), 60), "floors[0] (hr_low_critical).persists: is no key that belon"),
        ("floors", _set(("floors",), []), "floors: list should have at least 1 item"),
        ("rules", _drop(("limits", _index("rules", "limits", "clozapine_fever"), "severity")), "(clozapine_fever)"),
        ("rules", _set(("trends", 0, "measure"), "rises"), "trends[0] (hf_wt_24h).measure: input should be 'any'"),
        ("cadence", _set(("silence", "outage"), 0), "silence.outage: input should be greater than 0, is 0"),
        ("daily", _set(("drift", "milder", "spo2"), 2), "drift.milder.spo2: input should be less than or equal"),
        ("detectors", _set(("classes", "dense", "z_off"), 9.0), "classes.dense: value error, z_off lies below z_on"),
        ("detectors", _drop(("glucose_forecast", "features", 0)), "glucose_forecast: value error, hidden has a row"),
        ("vitals", _set(("vitals", "spo2", "plausible", "min"), 101), "vitals.spo2.plausible: value error, min 101"),
        ("vitals", _drop(("vitals", "spo2", "engine_prior", "sd_within")), "vitals.spo2.engine_prior: value error,"),
        ("conditions", _set(("conditions", 0, "shifts", 0, "sd_mult"), 0), "conditions[0] (heart_failure).shifts[0]."),
        ("equity", _drop(("fairness_report", "gate", "figures", 0, "difference")), "fairness_report.gate.figures[0]"),
        ("news2", _set(("tables", "pulse", "bands", 0, "score"), 4), "tables.pulse.bands[0].score: input should be"),
        ("incidents", _set(("rise", "to"), "worse"), "rise.to: input should be 'info', 'advisory', 'urgent' or 'eme"),
        ("sensors", _drop(("vitals", "glucose", "edge", "at")), "vitals.glucose.edge.at: is missing"),
        ("design", _set(("moving", "doubt", "share"), 1.5), "moving.doubt.share: input should be less than or equal"),
        ("medications", _set(("classes", 0, "members"), []), "classes[0] (beta_blocker).members: list should have a"),
        ("genomics", _drop(("pairs", 0, "apply", "src")), ".apply.src: is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(name: str, change: Change, said: str) -> None:
    document = copy.deepcopy(load(name))
    change(document)
    assert said in (amiss(name, document) or "")


def _covers(name: str, path: Path) -> bool:
    """Whether nothing above this mapping cites a source, so that its own is needed."""
    document = load(name)
    above = [at(document, path[:n]) for n in range(len(path))]
    begun = [
        str(path[n]).startswith(key.removesuffix("_src"))
        for n, node in enumerate(above) if isinstance(node, dict)
        for key in node if str(key).endswith("_src")
    ]  # fmt: skip
    return not any(isinstance(node, dict) and "src" in node for node in above) and not any(begun)


def _own_figures(entry: dict[str, Any]) -> bool:
    return any(_is_number(value) for key, value in entry.items() if key not in evidence.OF_FILES)


NEEDED = [
    (name, path) for name in names() if name != "sources"
    for path, entry in mappings(load(name)) if "src" in entry and _own_figures(entry) and _covers(name, path)
]  # fmt: skip


@SAMPLED
@given(st.sampled_from(NEEDED))
def test_a_figure_that_loses_its_source_stops_the_file(place: tuple[str, Path]) -> None:
    name, path = place
    document = copy.deepcopy(load(name))
    del at(document, path)["src"]
    assert amiss(name, document) or next(evidence._unsourced(document, "", covered=False), None)


def test_a_source_stands_for_what_is_below_it_and_beside_it_only() -> None:
    def unsourced(document: Any) -> list[str]:
        return list(evidence._unsourced(document, "", covered=False))

    assert unsourced({"a": {"src": ["X"], "b": [{"c": 1}]}, "d": 2, "meta": {"schema_version": 1}}) == ["d"]
    assert unsourced({"limit": 1, "limit_src": ["X"], "persist_s": [2]}) == ["persist_s[0]"]
    assert unsourced({"on": True, "off": None, "said": "one"}) == []
    assert unsourced({"ucum_accepted": [{"unit": "K", "mul": 1, "add": -273.15}]}) == []


def test_a_file_that_is_not_as_its_form_has_it_is_not_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = copy.deepcopy(load("floors"))
    broken["floors"][1]["limit"] = "low"
    monkeypatch.setattr(evidence, "load", lambda _: broken)
    with pytest.raises(EvidenceError, match=r"^floors.yaml: floors\[1\] \(hr_low_red\)\.limit: .* is low$"):
        evidence.sound("floors")
    broken["floors"][1]["limit"], broken["more"] = 40, {"limit": 5}
    with pytest.raises(EvidenceError, match="more: is no key that belongs here"):
        evidence.sound("floors")


def test_a_figure_without_a_source_is_not_sound_in_a_file_without_a_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "load", lambda _: {"meta": {"schema_version": 1}, "joins_days": 2})
    with pytest.raises(EvidenceError, match=r"^comparators\.yaml: joins_days cites no source"):
        evidence.sound("comparators")
