"""Whom a rule of a condition is for: each thing that may limit it, on both sides of its bounds."""

from typing import Any

import pytest

from models.scope import DRUGS, Scope
from models.situation import Dose, Situation, Taken
from models.trajectory import Anchored

Held = str | None
PAIR, JOINT, PREGNANT = "cyp2d6_metoprolol", "postop_joint", "pregnancy_preeclampsia"


def now(**fields: Any) -> Situation:
    """A patient of 70 of whom nothing is known but these fields."""
    known: dict[str, Any] = {"age": 70.0, "years": 70.0, "sex": None, "conditions": frozenset(), "courses": {},
                             "taken": {}, "genotypes": {}, "inhibited": {}}  # fmt: skip
    return Situation(**known | fields)


def ill(*conditions: str, **fields: Any) -> Situation:
    return now(conditions=frozenset(conditions), **fields)


def taking(class_id: str, *doses: tuple[str, int | None]) -> dict[str, Taken]:
    return {class_id: Taken(class_id, tuple(Dose(drug, days, recent=False) for drug, days in doses))}


def after(days: int, anchor: str = "surgery", *conditions: str) -> Situation:
    """So many days after an operation on a joint."""
    return ill(*(conditions or (JOINT,)), courses={JOINT: Anchored(JOINT, anchor, days)})


def told(scope: Scope, known: Situation, target_low: float = 92.0) -> tuple[Held, Held]:
    return scope.holds(known, target_low), scope.passed(known, target_low)


LUNGS = Scope(("copd", "asthma"))
RECOVERS = Scope((JOINT,), course=("surgery", 1, 14))
WITHOUT = Scope(("copd",), without=frozenset({"beta_blocker", "opioid"}))
OVER_65 = Scope(("copd",), over_age=65)
PRESCRIBED = Scope(("copd",), within=(88.0, 92.0))
WITH_CLASS = Scope(("copd",), classes=frozenset({"opioid"}))
BEGUN = Scope(("copd",), classes=frozenset({"opioid"}), drugs=frozenset({"morphine"}), drug_days=(2, 14))
TOGETHER = Scope((), classes=frozenset({"opioid", "beta_blocker"}))
BY_DRUG = Scope((), classes=frozenset({"opioid"}), drugs=frozenset({"morphine"}), drug_days=(2, 14))
GENE = {"gene": frozenset({"CYP2D6"}), "phenotypes": frozenset({"PM"})}
BY_PAIR = Scope((), pair=PAIR, drugs=frozenset({"metoprolol"}), drug_days=(0, 30), **GENE)  # type: ignore[arg-type]
BY_GENE = Scope((), pair=PAIR, **GENE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scope", "known", "held"),
    [
        (LUNGS, ill("asthma"), "asthma"), (LUNGS, ill("asthma", "copd"), "copd"), (LUNGS, ill("ckd"), None),
        (WITHOUT, ill("copd"), "copd"), (WITHOUT, ill("copd", taken=taking("opioid", ("morphine", 3))), None),
        (WITHOUT, ill("copd", taken=taking("statin", ("", None))), "copd"),
        (OVER_65, ill("copd", age=65.0), "copd"), (OVER_65, ill("copd", age=64.9), None),
        (OVER_65, ill("copd", age=None), None),
        (PRESCRIBED, ill("copd", spo2_target=(88.0, 92.0)), "copd"), (PRESCRIBED, ill("copd"), None),
        (PRESCRIBED, ill("copd", spo2_target=(89.0, 91.0)), "copd"),
        (PRESCRIBED, ill("copd", spo2_target=(87.0, 92.0)), None),
        (PRESCRIBED, ill("copd", spo2_target=(88.0, 93.0)), None),
        (WITH_CLASS, ill("copd"), None), (WITH_CLASS, ill("copd", taken=taking("opioid", ("", None))), "copd"),
        (WITH_CLASS, now(taken=taking("opioid", ("", None))), None),
    ],
)  # fmt: skip
def test_a_rule_of_a_condition_is_for_whom_all_of_it_holds(scope: Scope, known: Situation, held: Held) -> None:
    assert told(scope, known) == (held, None), "what never was is not over"


@pytest.mark.parametrize(("low", "held"), [(92.0, "copd"), (91.9, None), (float("nan"), None), (96.0, "copd")])
def test_a_rule_for_a_prescribed_range_asks_where_that_begins(low: float, held: Held) -> None:
    assert told(Scope(("copd",), target=92.0), ill("copd"), low) == (held, None)


@pytest.mark.parametrize(
    ("known", "holds", "passed"),
    [
        (after(0), None, None), (after(1), JOINT, None), (after(14), JOINT, None), (after(15), None, JOINT),
        (after(5, "discharge"), None, None), (after(15, "discharge"), None, None),
        (after(5, "surgery", "copd"), None, None), (ill(JOINT), None, None),
    ],
)  # fmt: skip
def test_a_rule_of_a_course_is_for_its_days_and_over_after_them(known: Situation, holds: Held, passed: Held) -> None:
    assert told(RECOVERS, known) == (holds, passed)


@pytest.mark.parametrize(("years", "passed"), [(70, JOINT), (71, None)])
def test_a_rule_of_a_course_that_is_over_is_over_for_whom_it_was_meant_only(years: int, passed: Held) -> None:
    scope = Scope((JOINT,), course=("surgery", 1, 14), over_age=years)
    assert told(scope, after(15)) == (None, passed)


@pytest.mark.parametrize(
    ("condition", "days", "holds", "passed"),
    [
        ("copd", 5_000, None, PREGNANT), ("copd", 5, None, None), (PREGNANT, 5, PREGNANT, None),
        (PREGNANT, 5_000, PREGNANT, None),
    ],
)  # fmt: skip
def test_a_rule_of_a_whole_course_is_over_with_it(condition: str, days: int, holds: Held, passed: Held) -> None:
    """Not while the condition is there all the same."""
    known = ill(condition, courses={PREGNANT: Anchored(PREGNANT, "birth", days)})
    assert told(Scope((PREGNANT,)), known) == (holds, passed)


@pytest.mark.parametrize(
    ("doses", "holds", "passed"),
    [
        ([("morphine", 1)], None, None), ([("morphine", 2)], "copd", None), ([("morphine", 14)], "copd", None),
        ([("morphine", 15)], None, "copd"), ([("morphine", None)], None, None), ([("codeine", 5)], None, None),
        ([("morphine", 15), ("morphine", 3)], "copd", "copd"), ([], None, None),
    ],
)  # fmt: skip
def test_beside_a_condition_it_has_to_be_known_when_a_drug_was_begun(
    doses: list[tuple[str, int | None]], holds: Held, passed: Held
) -> None:
    assert told(BEGUN, ill("copd", taken=taking("opioid", *doses))) == (holds, passed)
    assert told(BEGUN, ill("ckd", taken=taking("opioid", *doses))) == (None, None)


@pytest.mark.parametrize(
    ("taken", "holds", "passed"),
    [
        (taking("opioid", ("morphine", 1)), None, None), (taking("opioid", ("morphine", 2)), DRUGS, None),
        (taking("opioid", ("morphine", 14)), DRUGS, None), (taking("opioid", ("morphine", 15)), None, DRUGS),
        (taking("opioid", ("morphine", None)), DRUGS, None), (taking("opioid", ("codeine", 5)), None, None),
        (taking("sedative", ("morphine", 5)), None, None),
    ],
)  # fmt: skip
def test_a_rule_of_a_drug_holds_from_its_beginning_or_if_nobody_knows_when(
    taken: dict[str, Taken], holds: Held, passed: Held
) -> None:
    assert told(BY_DRUG, now(taken=taken)) == (holds, passed)


def test_a_rule_of_classes_asks_for_all_of_them() -> None:
    opioid, blocker = taking("opioid", ("", 3)), taking("beta_blocker", ("", None))
    assert told(TOGETHER, now(taken=opioid | blocker)) == (DRUGS, None)
    assert told(TOGETHER, now(taken=opioid | blocker | taking("statin", ("", 1)))) == (DRUGS, None)
    assert told(TOGETHER, now(taken=opioid)) == told(TOGETHER, now()) == (None, None)


def test_a_pair_asks_for_the_gene_and_the_drug_or_for_what_an_inhibitor_makes_of_the_gene() -> None:
    begun, long_ago = taking("beta_blocker", ("metoprolol", 30)), taking("beta_blocker", ("metoprolol", 31))
    inhibited = {"CYP2D6": Taken("CYP2D6", (Dose("paroxetine", 3, recent=False),))}
    poor, normal = {"CYP2D6": "PM"}, {"CYP2D6": "NM"}
    assert told(BY_PAIR, now(genotypes=poor, taken=begun)) == (PAIR, None)
    assert told(BY_PAIR, now(genotypes=poor, taken=long_ago)) == (None, PAIR)
    assert told(BY_PAIR, now(genotypes=poor)) == told(BY_PAIR, now(taken=begun)) == (None, None)
    assert told(BY_PAIR, now(genotypes=normal, taken=begun)) == (None, None)
    assert told(BY_PAIR, now(genotypes=normal, taken=long_ago, inhibited=inhibited)) == (PAIR, PAIR)
    assert told(BY_PAIR, now(taken=begun, inhibited=inhibited)) == (None, None), "nobody knows the gene"
    assert told(BY_PAIR, now(genotypes=normal, inhibited=inhibited)) == (None, None), "the drug is not taken"
    assert told(BY_GENE, now(genotypes=poor)) == (PAIR, None)
    assert told(BY_GENE, now(genotypes=normal)) == (None, None)
