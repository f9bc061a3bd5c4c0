"""What a profile says about a day: what has begun, what is taken, which genes count, and when an effect applies."""

from typing import Any

import pytest

from models.effects import When
from models.situation import Dose, Situation, Taken, holds, situation
from tests.models.profiles import TODAY, profile

YESTERDAY, TOMORROW = "2026-01-04", "2026-01-06"
ON = TODAY.isoformat()
METOPROLOL, INHIBITOR = {"code": "metoprolol"}, {"code": "paroxetine"}
GENE = {"gene": "CYP2D6", "phenotype": "poor_metaboliser", "confirmed": True}


def today(**fields: Any) -> Situation:
    return situation(profile(**fields), TODAY)


@pytest.mark.parametrize(
    ("since", "has"), [(None, True), (YESTERDAY, True), (ON, True), (TOMORROW, False)]
)  # fmt: skip
def test_a_condition_is_there_from_its_first_day_on(since: str | None, has: bool) -> None:
    known = today(conditions=[{"code": "heart_failure", "since": since}, {"code": "gout"}])
    assert known.conditions == ({"heart_failure"} if has else set()), "what nobody knows has no rules"


@pytest.mark.parametrize(
    ("day", "has"), [(YESTERDAY, {"postop_joint"}), (ON, {"postop_joint"}), (TOMORROW, set())]
)  # fmt: skip
def test_a_course_brings_its_condition_from_its_own_day_on(day: str, has: set[str]) -> None:
    known = today(trajectories=[{"condition": "postop_joint", "anchor": "surgery", "date": day}])
    assert known.conditions == has
    assert known.courses["postop_joint"].anchor == "surgery"


def test_a_pregnancy_is_over_after_its_last_days_also_where_it_is_still_named() -> None:
    known = today(
        conditions=[{"code": "pregnancy_preeclampsia"}],
        trajectories=[{"condition": "pregnancy_preeclampsia", "anchor": "birth", "date": "2024-01-05"}],
    )
    assert known.conditions == set()


@pytest.mark.parametrize(
    ("start", "stop", "taken"),
    [
        (None, None, True), (ON, None, True), (TOMORROW, None, False), (None, ON, True), (None, YESTERDAY, False),
        (YESTERDAY, TOMORROW, True),
    ],
)  # fmt: skip
def test_a_drug_is_taken_from_its_first_to_its_last_day(start: str | None, stop: str | None, taken: bool) -> None:
    entry = {"start": start, "stop": stop}
    known = today(medications=[METOPROLOL | entry, INHIBITOR | entry])
    assert ("beta_blocker" in known.taken) is taken
    assert ("CYP2D6" in known.inhibited) is taken


def test_an_inhibitor_stands_under_the_gene_of_its_enzyme_and_converts_only_what_is_known() -> None:
    known = today(medications=[METOPROLOL, INHIBITOR | {"start": YESTERDAY}], genomics=[GENE | {"phenotype": "NM"}])
    assert known.inhibited["CYP2D6"].doses == (Dose("paroxetine", 1, recent=False),)
    assert (known.genotypes, known.converted("CYP2D6")) == ({"CYP2D6": "NM"}, "PM")
    assert today(medications=[INHIBITOR]).converted("CYP2D6") is None
    assert today(genomics=[GENE]).converted("CYP2D6") is None


@pytest.mark.parametrize(
    ("genomics", "found"),
    [
        ([GENE], {"CYP2D6": "PM"}), ([GENE | {"gene": " cyp2d6 "}], {"CYP2D6": "PM"}), ([GENE, GENE], {"CYP2D6": "PM"}),
        ([GENE | {"confirmed": False}], {}), ([GENE | {"phenotype": "purple"}], {}),
        ([GENE | {"gene": {"system": "http://loinc.org", "code": "CYP2D6"}}], {}),
        ([GENE, GENE | {"phenotype": "NM"}], {}),
        ([GENE, GENE | {"phenotype": "NM", "confirmed": False}], {"CYP2D6": "PM"}),
    ],
)  # fmt: skip
def test_only_a_confirmed_result_that_no_other_denies_counts(
    genomics: list[dict[str, Any]], found: dict[str, str]
) -> None:
    assert today(genomics=genomics).genotypes == found
    assert today(genomics=genomics, consent={"monitoring": True}).genotypes == {}, "not without consent"


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ({"vital": "spo2", "low": 88, "high": 92}, (88, 92)), ({"vital": "spo2", "low": 88}, None),
        ({"vital": "spo2", "high": 92}, None), ({"vital": "heart_rate", "low": 50, "high": 90}, None),
    ],
)  # fmt: skip
def test_a_prescribed_range_of_oxygen_has_two_ends(target: dict[str, Any], found: Any) -> None:
    assert today(targets=[target | {"author": "dr-4"}]).spo2_target == found


@pytest.mark.parametrize(
    ("start", "recent"), [("2025-12-21", False), ("2025-12-22", False), ("2025-12-23", True), (None, False)]
)  # fmt: skip
def test_a_drug_of_the_last_two_weeks_before_the_profile_was_written_is_in_no_stated_level(
    start: str | None, recent: bool
) -> None:
    medications = [METOPROLOL | {"start": start}]
    assert today(medications=medications, updated="2026-01-05T07:00:00Z").taken["beta_blocker"].recent is recent
    assert not today(medications=medications).taken["beta_blocker"].recent


def test_a_class_has_begun_with_its_first_drug_and_is_recent_if_all_of_it_is() -> None:
    old, new, unknown = Dose("atenolol", 400, False), Dose("metoprolol", 3, True), Dose("", None, False)
    assert [Taken("x", doses).days for doses in ((old, new), (new,), (old, unknown))] == [400, 3, None]
    assert [Taken("x", doses).recent for doses in ((old, new), (new,), (new, unknown))] == [False, True, False]
    assert Taken("x", (old, new, unknown)).names == {"atenolol", "metoprolol"}
    assert Taken("x", (old, new)).by(frozenset({"metoprolol"})) == Taken("x", (new,))
    assert Taken("x", (old, new)).by(frozenset({"timolol"})) == Taken("x", (old, new))


@pytest.mark.parametrize(
    ("when", "days", "applies"),
    [
        (When(), None, True), (When(never=True), None, False),
        (When(members=frozenset({"timolol"})), None, True), (When(members=frozenset({"atenolol"})), None, False),
        (When(conditions=frozenset({"copd", "ckd"})), None, True), (When(conditions=frozenset({"ckd"})), None, False),
        (When(without_conditions=frozenset({"copd"})), None, False),
        (When(without_conditions=frozenset({"ckd"})), None, True),
        (When(conditions=frozenset({"copd"}), without_conditions=frozenset({"copd"})), None, False),
        (When(without_classes=frozenset({"opioid"})), None, False),
        (When(without_classes=frozenset({"statin"})), None, True),
        (When(days=(3, 14)), 3, True), (When(days=(3, 14)), 14, True), (When(days=(3, 14)), 2, False),
        (When(days=(3, 14)), 15, False), (When(days=(3, 14)), None, False),
    ],
)  # fmt: skip
def test_an_effect_applies_when_all_of_its_rule_holds(when: When, days: int | None, applies: bool) -> None:
    """To somebody with COPD who takes timolol for so many days, and an opioid."""
    known = today(conditions=[{"code": "copd"}], medications=[{"code": "morphine"}])
    assert known.taken.keys() == {"opioid"}
    assert holds(when, known, frozenset({"timolol"}), days) is applies
