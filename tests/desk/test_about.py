"""A profile in the words of the page: what its genes and drugs do, and what is not shown."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from alerts.desk.about import in_words
from models import rules

NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)


def told(gene: str, phenotype: str, drug: str, off: frozenset[str] = frozenset(), **changes: Any) -> dict[str, Any]:
    known = {"gene": gene, "phenotype": phenotype, "confirmed": changes.pop("confirmed", True)}
    taken = [{"code": drug, "start": changes.pop("start", "2026-01-19")}, *changes.pop("others", [])]
    consent = {"monitoring": True, "genomics": changes.pop("agreed", True)}
    body = {"patient": "p-1", "version": 1, "consent": consent, "genomics": [known], "medications": taken}
    found = in_words(json.dumps(body), NOW, off=off)
    assert found is not None
    assert found["problem"] is None
    return found


PAIRS: list[tuple[str, str, str, str, list[tuple[str, str, str]], str]] = [
    (
        "CYP2D6", "poor_metaboliser", "metoprolol", "CYP2D6 poor metaboliser on metoprolol",
        [("heart_rate", "below 50 /min", "advisory"), ("heart_rate", "below 45 /min", "urgent")], "for 13 more days",
    ),
    (
        "CYP2D6", "ultrarapid_metaboliser", "codeine", "CYP2D6 ultrarapid metaboliser on codeine",
        [("respiratory_rate", "at or below 10 /min", "urgent"),
         ("spo2", "3 % or more below this patient's own level", "urgent")], "for 1 more day",
    ),
    (
        "HNF1A", "pathogenic", "glimepiride", "HNF1A affected on glimepiride",
        [("glucose", "below 80 mg/dL", "advisory"), ("glucose", "below 70 mg/dL", "urgent")], "for 27 more days",
    ),
    (
        "G6PD", "deficient", "dapsone", "G6PD deficient on dapsone",
        [("resting_heart_rate", "15 /min or more above this patient's own level", "urgent")], "for 6 more days",
    ),
    (
        "TPMT", "poor_metaboliser", "azathioprine", "TPMT poor metaboliser on azathioprine",
        [("body_temperature", "at or above 38.3 °C", "urgent"), ("body_temperature", "at or above 38 °C", "urgent")],
        "for 55 more days",
    ),
]  # fmt: skip
LATER: list[tuple[str, str, str, str, list[tuple[str, str, str]], str]] = [
    (
        "UGT1A1", "poor_metaboliser", "irinotecan", "UGT1A1 poor metaboliser on irinotecan",
        [("body_temperature", "at or above 37.8 °C", "advisory")], "for 8 more days",
    ),
    (
        "DPYD", "poor_metaboliser", "capecitabine", "DPYD poor metaboliser on capecitabine",
        [("resting_heart_rate", "12 /min or more above this patient's own level", "advisory"),
         ("body_temperature", "at or above 37.8 °C", "advisory"),
         ("body_weight", "down by 2 kg or more in 7 days", "advisory")], "for 4 more days",
    ),
]  # fmt: skip
"""Pairs that are watched from some days after the drug was begun on."""
YESTERDAY, TEN_DAYS_AGO = "2026-01-19", "2026-01-10"
BEGUN = [(*pair, YESTERDAY) for pair in PAIRS] + [(*pair, TEN_DAYS_AGO) for pair in LATER]


@pytest.mark.parametrize(("gene", "phenotype", "drug", "why", "limits", "long", "start"), BEGUN)
def test_a_pair_that_acts_is_told_with_what_is_watched_and_how_long(
    gene: str, phenotype: str, drug: str, why: str, limits: list[tuple[str, str, str]], long: str, start: str
) -> None:
    wanted = [{"vital": vital, "limit": limit, "severity": severity} for vital, limit, severity in limits]
    assert told(gene, phenotype, drug, start=start)["watched"] == [{"why": why, "limits": wanted, "long": long}]
    for silent in ({"agreed": False}, {"confirmed": False}, {"start": "2025-01-01"}):
        assert told(gene, phenotype, drug, **{"start": start} | silent)["watched"] == []
    unknown = told(gene, phenotype, drug, start=None)["watched"]
    assert [one["long"] for one in unknown] == ["for as long as it is taken: nobody knows since when"]


def test_a_gene_that_is_watched_whatever_is_taken_is_told_without_a_drug() -> None:
    wanted = [{"vital": "heart_rate", "limit": "below 45 /min", "severity": "urgent"}]
    why = {"why": "LMNA affected", "limits": wanted, "long": "for as long as the result stands"}
    assert told("LMNA", "pathogenic", "paracetamol", start=None)["watched"] == [why]


@pytest.mark.parametrize(
    ("zone", "hour", "day"),
    [("Pacific/Auckland", 12, 3), ("Europe/London", 12, 2), ("America/Los_Angeles", 4, 1), (None, 4, 2)],
)
def test_the_day_of_a_recovery_is_that_of_the_patient(zone: str | None, hour: int, day: int) -> None:
    """One in the morning in Auckland, and the evening before in Los Angeles."""
    course = {"condition": "postop_joint", "anchor": "surgery", "date": "2026-01-18"}
    body = {"patient": "p-1", "version": 1, "consent": {"monitoring": True}, "trajectories": [course]}
    found = in_words(json.dumps(body | ({"timezone": zone} if zone else {})), NOW.replace(hour=hour))
    assert found is not None
    assert [one["label"] for one in found["phases"]] == [
        f"Recovery after hip/knee replacement, day {day} after surgery"
    ]


def lines(**fields: Any) -> dict[str, str]:
    found = in_words(json.dumps({"patient": "p-1", "version": 1, "consent": {"monitoring": True}, **fields}), NOW)
    assert found is not None
    return dict(found["lines"])


@pytest.mark.parametrize(
    ("born", "wanted"),
    [
        ("2008-01-21", "17 years (levels and limits here are those of adults)"),
        ("2008-01-20", "18 years"),
        ("1950-04-02", "75 years"),
    ],
)
def test_of_a_child_the_page_says_that_all_limits_are_those_of_adults(born: str, wanted: str) -> None:
    assert lines(birth_date=born)["Age"] == wanted


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ({"vital": "spo2", "low": 88, "high": 92}, "Oxygen saturation 88 to 92 % (dr-4)"),
        ({"vital": "spo2", "high": 92}, "Oxygen saturation up to 92 % (dr-4; no limit here follows it)"),
        ({"vital": "glucose", "low": 90}, "Glucose from 90 mg/dL (dr-4; no limit here follows it)"),
    ],
)
def test_a_target_that_no_limit_follows_is_marked(target: dict[str, Any], wanted: str) -> None:
    assert lines(targets=[target | {"author": "dr-4"}])["Targets set"] == wanted


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        ({"code": "postop_joint"}, "postop joint (without a date: what is counted from one has no effect)"),
        ({"code": "postop_joint", "since": "2026-01-18"}, "postop joint"),
        ({"code": "copd"}, "copd"),
    ],
)
def test_a_recovery_of_which_nobody_says_since_when_is_marked(known: dict[str, str], wanted: str) -> None:
    assert lines(conditions=[known])["Conditions"] == wanted


def test_a_condition_that_nothing_watches_is_marked() -> None:
    body = {"patient": "p-1", "version": 1, "consent": {"monitoring": True}}
    body["conditions"] = [{"code": "heart_failure"}, {"code": {"system": "icd-10", "code": "M10"}}]
    found = in_words(json.dumps(body), NOW)
    assert found is not None
    assert dict(found["lines"])["Conditions"] == "heart failure, M10 (not known here, without effect)"


def test_who_is_watched_because_of_an_inhibitor_is_told_so() -> None:
    paroxetine = {"code": "paroxetine", "start": "2026-01-17"}
    found = told("CYP2D6", "normal_metaboliser", "metoprolol", start="2024-01-01", others=[paroxetine])["watched"]
    assert [(one["why"], one["long"], len(one["limits"])) for one in found] == [
        ("CYP2D6 inhibited by paroxetine on metoprolol", "for 11 more days", 2)
    ]


def test_every_pair_that_has_a_rule_is_told_here() -> None:
    scopes = [rule.scope for rule in rules.limits()] + [rule.scope for rule in rules.trends()]
    ruled = {scope.pair for scope in scopes if scope.pair}
    known: list[tuple[str, str, str, str | None]] = [(*one[:3], one[-1]) for one in BEGUN]
    known += [(gene, "pathogenic", "paracetamol", None) for gene in ("KCNQ1", "KCNH2", "SCN5A", "LMNA", "GCK", "CFTR")]
    for pair in sorted(ruled):
        off = frozenset(ruled - {pair})
        shown = [told(gene, result, drug, start=start, off=off)["watched"] for gene, result, drug, start in known]
        assert len([one for one in shown if one]) >= 1, f"{pair} is told of nobody"


def test_what_the_deployment_leaves_out_is_not_said_to_act() -> None:
    metoprolol = ("CYP2D6", "poor_metaboliser", "metoprolol")
    assert "CYP2D6 poor metaboliser" in {one["label"] for one in told(*metoprolol)["modifiers"]}
    found = told(*metoprolol, off=frozenset({"CYP2D6_metoprolol"}))
    assert found["watched"] == []
    assert "CYP2D6 poor metaboliser" not in {one["label"] for one in found["modifiers"]}


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, "CYP2D6 poor metaboliser"),
        ({"confirmed": False}, "CYP2D6 poor metaboliser (not confirmed, without effect)"),
        ({"agreed": False}, "withheld by the patient"),
    ],
)
def test_genes_are_shown_as_far_as_the_patient_agrees(changes: dict[str, Any], wanted: str) -> None:
    found = told("CYP2D6", "poor_metaboliser", "metoprolol", **changes)
    assert dict(found["lines"])["Genetics"] == wanted
    if changes.get("agreed") is False:
        assert "metaboliser" not in json.dumps(found)
