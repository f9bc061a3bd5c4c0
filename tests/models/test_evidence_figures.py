"""The figures themselves: each has a source, a known unit, a place in the physical range, and a rule for its use."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from models.effects import fits, of_class, of_condition
from models.evidence import load
from models.prior import prior, rhythm
from models.units import convert
from models.vitals import BY_NAME, VITALS

CONDITIONS = load("conditions")["conditions"]
CLASSES = load("medications")["classes"]
DESIGN = load("design")
SHIFTS = [(entry["id"], row) for entry in CONDITIONS for row in entry["shifts"]]
EFFECTS = [(entry["id"], row) for entry in CLASSES for row in entry["effects"]]
PHASES = [(entry["id"], row) for entry in CONDITIONS for row in entry["phases"]]
ALERTS = [(e["id"], row) for e in CONDITIONS for row in (*e["alerts"], *e.get("extra_alerts", []))]
UNKNOWN_VITALS = {"af_burden", "activity_hr_slope"}
"""In the evidence, and not in the contract's list of vitals."""

NAMED = re.compile(r"\b[a-z][a-z0-9_]*\b")


def test_every_figure_has_a_source() -> None:
    assert [(owner, row) for owner, row in SHIFTS + EFFECTS + PHASES + ALERTS if not row.get("src")] == []


@pytest.mark.parametrize("vital", VITALS, ids=lambda vital: vital.name)
def test_every_prior_has_a_source_and_lies_in_the_physical_range(vital: Any) -> None:
    assert prior().source[vital.index]
    assert vital.low < vital.high
    assert convert(vital.index, 1.0, vital.unit) == 1.0


def test_every_choice_of_the_design_has_a_source_and_a_reason() -> None:
    def choices(node: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if isinstance(node, dict):
            if "src" in node:
                yield path, node
            for key, child in node.items():
                yield from choices(child, f"{path}.{key}")
        elif isinstance(node, list):
            for n, child in enumerate(node):
                yield from choices(child, f"{path}[{n}]")

    missing = [path for path, node in choices(DESIGN, "design") if not node.get("reason")]
    assert [path for path in missing if not re.search(r"genomics\.pairs|skin_tone\.dark", path)] == []


def test_every_effect_is_on_a_known_vital_in_its_unit() -> None:
    for owner, row in SHIFTS + EFFECTS:
        vital = BY_NAME.get(row["vital"])
        if vital is None:
            assert row["vital"] in UNKNOWN_VITALS
        elif {"delta", "mean_delta"} & row.keys():
            assert convert(vital.index, 1.0, row["unit"]) == 1.0, f"{owner} {row}"


def test_a_step_of_the_logarithm_is_only_for_a_vital_on_that_scale() -> None:
    steps = [row["vital"] for _, row in SHIFTS + EFFECTS if {"delta_ln", "mean_delta_ln"} & row.keys()]
    assert steps
    assert {BY_NAME[vital].scale for vital in steps} <= {"ln", "ln1p"}


def test_every_limit_lies_in_the_physical_range() -> None:
    for owner, row in ALERTS:
        if row["kind"] != "absolute" or row["vital"] in UNKNOWN_VITALS:
            continue
        for side in [row, row["or"]] if "or" in row else [row]:
            vital, value = BY_NAME[side["vital"]], side["value"]
            for limit in value.values() if isinstance(value, dict) else [value]:
                assert vital.low < convert(vital.index, limit, row["unit"]) < vital.high, f"{owner}.{row['id']}"


def test_every_effect_with_a_context_has_a_rule_for_its_use() -> None:
    limited = [(owner, row) for owner, row in SHIFTS + EFFECTS if "context" in row]
    assert [e for e in limited if not any(fits(line, *e) for line in DESIGN["applies"])] == []


@pytest.mark.parametrize("line", DESIGN["applies"], ids=lambda line: f"{line['of']}.{line['vital']}")
def test_every_rule_is_about_one_effect_and_knows_its_names(line: dict[str, Any]) -> None:
    fitting = [row for owner, row in SHIFTS + EFFECTS if fits(line, owner, row)]
    assert len(fitting) == 1, f"{len(fitting)} effects"
    ids = {entry["id"] for entry in CONDITIONS}
    assert {*line.get("conditions", []), *line.get("without_conditions", [])} <= ids
    assert set(line.get("without_classes", [])) <= {entry["id"] for entry in CLASSES}
    drugs = {member["name"] for entry in CLASSES if entry["id"] == line["of"] for member in entry["members"]}
    assert set(line.get("members", [])) <= drugs


@pytest.mark.parametrize("line", DESIGN["courses"], ids=lambda line: f"{line['of']}.{line['vital']}")
def test_every_course_is_about_a_shift_and_comes_to_an_end(line: dict[str, Any]) -> None:
    assert [row for owner, row in SHIFTS if owner == line["of"] and row["vital"] == line["vital"]]
    assert line["anchor"] in {row.get("anchor") for owner, row in PHASES if owner == line["of"]}
    days, shares = zip(*line["points"], strict=True)
    assert list(days) == sorted(set(days))
    mine = [one for one in DESIGN["courses"] if (one["of"], one["vital"]) == (line["of"], line["vital"])]
    assert max(share for one in mine for _, share in one["points"]) == 1, "the cited figure is the peak of one of them"
    assert min(shares) >= 0
    assert shares[-1] == 0, "an expected shift must end, or a failure to improve never shows"


def test_a_recovery_is_expected_only_on_its_course() -> None:
    for condition in {line["of"] for line in DESIGN["courses"]}:
        assert all(effect.course or effect.when.never for effect in of_condition(condition)), condition


def test_every_genotype_pair_in_use_resolves() -> None:
    pairs = {entry["id"]: entry for entry in load("genomics")["pairs"]}
    drugs = {member["name"] for entry in CLASSES for member in entry["members"]}
    for line in DESIGN["genomics"]["pairs"]:
        shifts = pairs[line["of"]]["apply"][line["shift"]]
        assert shifts.keys() == DESIGN["genomics"]["phenotypes"].keys()
        assert set(line["vitals"]) <= BY_NAME.keys()
        assert set(line["drugs"]) <= drugs | {"escitalopram"}
        assert set(line["drugs"]) <= set(NAMED.findall(pairs[line["of"]]["with"]["drug"]))


def test_ids_are_unique_and_names_resolve() -> None:
    for rows in (CONDITIONS, CLASSES, load("genomics")["pairs"]):
        ids = [row["id"] for row in rows]
        assert len(ids) == len(set(ids))
    classes = {entry["id"] for entry in CLASSES}
    pairs = {entry["id"] for entry in load("genomics")["pairs"]}
    assert DESIGN["class_words"]["words"].keys() <= classes
    assert {pair for entry in CLASSES for pair in entry.get("genomics", [])} <= pairs
    anchors = {row["anchor"] for _, row in PHASES if "anchor" in row}
    assert DESIGN["anchors"]["words"].keys() | set(DESIGN["anchors"]["weeks"]) <= anchors
    assert set(DESIGN["icd10_categories"]["codes"].values()) <= {entry["id"] for entry in CONDITIONS}


@pytest.mark.parametrize("name", ["vitals", "conditions", "medications", "genomics", "equity", "news2", "design"])
def test_no_text_lost_its_end_to_a_stray_key(name: str) -> None:
    def keys(node: Any) -> Iterator[str]:
        children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, child in children:
            if isinstance(node, dict) and child is None:
                yield str(key)
            yield from keys(child)

    assert [key for key in keys(load(name)) if " " in key] == []


def test_no_effect_moves_a_level_beyond_belief() -> None:
    """A typing error in the evidence (a factor of ten, a wrong sign of the unit) is larger than any cited effect."""
    start = prior()
    for effects in (*map(of_condition, (e["id"] for e in CONDITIONS)), *map(of_class, (e["id"] for e in CLASSES))):
        for effect in effects:
            if effect.form == "raw" and VITALS[effect.vital].scale == "raw" and not effect.when.never:
                sd = (start.sd_between[effect.vital] ** 2 + start.sd_within[effect.vital] ** 2) ** 0.5
                assert abs(effect.amount[0]) <= 3.5 * sd, f"{effect.owner} {VITALS[effect.vital].name}"


def test_the_rhythm_of_every_vital_was_decided() -> None:
    skipped = set(DESIGN["circadian"]["skipped"]["vitals"])
    for vital in VITALS:
        size = rhythm().amount[vital.index] + rhythm().share[vital.index]
        assert bool(size > 0) is (vital.name not in skipped), vital.name
