"""Pairs of a gene and a drug: what each does, for whom, and that none is forgotten."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from models import rules
from models.evidence import load
from models.expectation import expect
from models.prior import from_scale
from models.profile import Profile
from models.rules import plan
from models.situation import situation
from models.vitals import BY_NAME

TODAY = date(2026, 1, 20)


def someone(gene: str, phenotype: str, drug: str, start: str | None = "2026-01-19", **changes: Any) -> Profile:
    known = {"gene": gene, "phenotype": phenotype, "confirmed": changes.pop("confirmed", True)}
    taken = {"code": drug} | ({"start": start} if start else {})
    consent = {"monitoring": True, "genomics": changes.pop("agreed", True)}
    made = {"patient": "p-1", "version": 1, "consent": consent, "genomics": [known], "medications": [taken]}
    return Profile.model_validate(made | changes)


def held(profile: Profile, off: frozenset[str] = frozenset()) -> set[str]:
    """What pairs bring; some drugs are watched whatever the genes are."""
    found = plan(situation(profile, TODAY), off=off)
    limits = {rule.id for group in found.limits.values() for rule in group if rule.scope.pair is not None}
    return limits | {rule.id for group in found.trends.values() for rule in group if rule.scope.pair is not None}


PAIRS = [
    ("CYP2D6", "ultrarapid_metaboliser", "codeine", {"cyp2d6_um_breathing", "cyp2d6_um_oxygen"}),
    ("CYP2D6", "poor_metaboliser", "metoprolol", {"cyp2d6_pm_slow", "cyp2d6_pm_very_slow"}),
    ("HNF1A", "pathogenic", "glimepiride", {"mody_low_soon", "mody_low"}),
    ("G6PD", "deficient", "dapsone", {"g6pd_haemolysis"}),
    ("TPMT", "poor_metaboliser", "azathioprine", {"tpmt_fever", "tpmt_fever_sustained"}),
    ("NUDT15", "intermediate_metaboliser", "mercaptopurine", {"tpmt_fever", "tpmt_fever_sustained"}),
]
LATER = [
    ("UGT1A1", "poor_metaboliser", "irinotecan", {"ugt1a1_recheck"}),
    ("DPYD", "intermediate_metaboliser", "capecitabine", {"dpyd_recheck", "dpyd_pulse", "dpyd_weight"}),
]
"""Pairs that are watched from some days after the drug was begun on."""


@pytest.mark.parametrize(("gene", "phenotype", "drug", "wanted"), PAIRS)
def test_a_pair_watches_more_closely_in_the_days_after_the_drug_was_begun(
    gene: str, phenotype: str, drug: str, wanted: set[str]
) -> None:
    assert held(someone(gene, phenotype, drug)) == wanted
    assert held(someone(gene, phenotype, drug, start=None)) == wanted  # nobody knows since when: perhaps today
    assert held(someone(gene, phenotype, drug, start="2025-06-01")) == set()
    assert held(someone(gene, phenotype, "paracetamol")) == set()
    assert held(someone(gene, "normal_metaboliser", drug)) == set()


@pytest.mark.parametrize(("gene", "phenotype", "drug", "other"), [
    ("CYP2D6", "ultrarapid_metaboliser", "codeine", "oxycodone"),
    ("CYP2D6", "ultrarapid_metaboliser", "codeine", "tramadol"),
    ("CYP2D6", "poor_metaboliser", "metoprolol", "bisoprolol"),
])  # fmt: skip
def test_a_new_drug_of_a_pair_is_watched_though_another_of_its_class_is_taken_for_long(
    gene: str, phenotype: str, drug: str, other: str
) -> None:
    both = [{"code": other, "start": "2025-06-01"}, {"code": drug, "start": "2026-01-19"}]
    wanted = held(someone(gene, phenotype, drug))
    assert wanted != set()
    assert held(someone(gene, phenotype, drug, medications=both)) == wanted
    old = [both[0], both[1] | {"start": "2025-07-01"}]
    assert held(someone(gene, phenotype, drug, medications=old)) == set()


@pytest.mark.parametrize(("gene", "phenotype", "drug", "wanted"), LATER)
def test_a_pair_whose_harm_comes_days_later_is_watched_on_those_days(
    gene: str, phenotype: str, drug: str, wanted: set[str]
) -> None:
    assert held(someone(gene, phenotype, drug)) == set()
    assert held(someone(gene, phenotype, drug, start="2026-01-10")) == wanted
    assert held(someone(gene, phenotype, drug, start="2025-12-25")) == set()
    assert held(someone(gene, phenotype, drug, start=None)) == wanted
    assert held(someone(gene, "normal_metaboliser", drug, start="2026-01-10")) == set()


@pytest.mark.parametrize(("gene", "phenotype", "drug", "wanted"), PAIRS)
def test_without_consent_a_confirmed_result_or_the_setting_a_pair_does_nothing(
    gene: str, phenotype: str, drug: str, wanted: set[str]
) -> None:
    assert held(someone(gene, phenotype, drug, agreed=False)) == set()
    assert held(someone(gene, phenotype, drug, confirmed=False)) == set()
    scopes = [rule.scope for rule in rules.limits()] + [rule.scope for rule in rules.trends()]
    pairs = frozenset(scope.pair or "" for scope in scopes)
    assert held(someone(gene, phenotype, drug), off=pairs) == set()


@pytest.mark.parametrize(
    ("gene", "phenotype", "drug", "other", "start"),
    [
        ("CYP2D6", "ultrarapid_metaboliser", "codeine", "buprenorphine", "2026-01-19"),
        ("CYP2D6", "poor_metaboliser", "metoprolol", "propranolol", "2026-01-19"),
        ("CYP2D6", "poor_metaboliser", "metoprolol", "metoprolol", "2026-01-19"),  # more of it, from yesterday on
        ("DPYD", "poor_metaboliser", "capecitabine", "azathioprine", "2026-01-10"),
    ],
)
def test_a_pair_is_watched_from_when_its_own_drug_was_begun(
    gene: str, phenotype: str, drug: str, other: str, start: str
) -> None:
    """Not from when another drug of the class was, years ago."""
    both = [{"code": drug, "start": start}, {"code": other, "start": "2019-01-01"}]
    alone = held(someone(gene, phenotype, drug, start=start))
    assert held(someone(gene, phenotype, drug, medications=both)) == alone != set()


@pytest.mark.parametrize(("gene", "wanted"), [
    ("KCNQ1", {"lqt1_long"}), ("KCNH2", {"lqt2_slow", "lqt2_long"}), ("GCK", {"gck_mean", "gck_cv"}),
    ("CFTR", {"cftr_fev1"}), ("SCN5A", {"lqt3_slow", "brugada_fever", "brugada_warm"}), ("LMNA", {"lmna_slow"}),
])  # fmt: skip
def test_some_genes_are_watched_whatever_is_taken(gene: str, wanted: set[str]) -> None:
    """As long as the result stands, is confirmed, and the patient agrees."""
    for drugs in ([], [{"code": "paracetamol"}], [{"code": "codeine", "start": "2020-01-01"}]):
        assert held(someone(gene, "pathogenic", "", medications=drugs)) == wanted
        assert held(someone(gene, "Likely pathogenic", "", medications=drugs)) == wanted
        assert held(someone(gene, "pathogenic", "", medications=drugs, agreed=False)) == set()
        assert held(someone(gene, "pathogenic", "", medications=drugs, confirmed=False)) == set()
        assert held(someone(gene, "benign", "", medications=drugs)) == set()


def test_a_heart_that_a_beta_blocker_should_hold_is_watched_in_who_needs_it() -> None:
    """Exercise is what brings harm in long QT type 1 (genomics.yaml KCNQ1_LQT1): 150 /min says that it is not taken."""
    for drug in ("bisoprolol", "metoprolol", "propranolol"):
        assert held(someone("KCNQ1", "pathogenic", drug, start=None)) == {"lqt1_long", "lqt1_fast"}
    (rule,) = (one for one in rules.limits() if one.id == "lqt1_fast")
    assert (rule.limit, rule.high, rule.rest) == (150.0, True, False)


def levels(gene: str, vital: str, **changes: Any) -> tuple[float, list[str]]:
    """What is expected of a vital with a pathogenic variant, in its canonical unit, and what moves it."""
    found = expect(someone(gene, "pathogenic", "", **{"medications": []} | changes), TODAY)
    row = BY_NAME[vital]
    moved = [modifier.id for modifier in found.modifiers if modifier.vital == row.index]
    return from_scale(row.scale, float(found.mean[row.index])), moved


@pytest.mark.parametrize(("gene", "pair", "vital", "key"), [
    ("KCNQ1", "KCNQ1_LQT1", "qtc", "prior_qtc_mean"), ("KCNH2", "KCNH2_LQT2", "qtc", "prior_qtc_mean"),
    ("SCN5A", "SCN5A_LQT3", "qtc", "prior_qtc_mean"), ("GCK", "GCK_MODY", "glucose", "prior_fasting_mean"),
])  # fmt: skip
def test_a_variant_that_sets_a_level_is_expected_at_it(gene: str, pair: str, vital: str, key: str) -> None:
    """Of who has nothing else, and of who is listed with the disease too: they do not add up."""
    (entry,) = (entry for entry in load("genomics")["pairs"] if entry["id"] == pair)
    listed: dict[str, Any] = {"conditions": [{"code": "long_qt" if vital == "qtc" else "diabetes_type2"}]}
    alone: dict[str, Any] = listed if gene == "SCN5A" else {}
    for known in (alone, listed):
        level, moved = levels(gene, vital, **known)
        assert level == pytest.approx(entry["apply"][key])
        assert moved[-1] == pair
    for refused in ({"agreed": False}, {"confirmed": False}):
        assert pair not in levels(gene, vital, **alone, **refused)[1]
    off = expect(someone(gene, "pathogenic", "", medications=[], **alone), TODAY, frozenset({pair}))
    assert pair not in {modifier.id for modifier in off.modifiers}


def test_a_brugada_variant_moves_no_qt() -> None:
    assert levels("SCN5A", "qtc") == levels("SCN5A", "qtc", agreed=False)


def test_two_variants_of_one_vital_do_not_add_up() -> None:
    both = [{"gene": gene, "phenotype": "pathogenic", "confirmed": True} for gene in ("KCNQ1", "KCNH2")]
    assert levels("KCNQ1", "qtc", genomics=both)[0] == pytest.approx(480)


def test_a_level_far_from_the_population_is_held_back_and_drugs_come_on_top() -> None:
    level, moved = levels("CYB5R3", "spo2")
    assert moved == ["CYB5R3_methaemoglobinaemia", "bound"]
    assert 88 < level < 94
    assert levels("KCNQ1", "qtc", medications=[{"code": "citalopram"}])[0] > 478


SLOW = {"cyp2d6_pm_slow", "cyp2d6_pm_very_slow"}


@pytest.mark.parametrize(
    ("metoprolol", "paroxetine", "wanted"),
    [
        ("2026-01-19", "2024-01-01", SLOW),
        ("2024-01-01", "2026-01-19", SLOW),  # it is as if the dose had been raised
        ("2024-01-01", "2024-01-01", set()),
        ("2026-01-19", None, SLOW),
    ],
)
@pytest.mark.parametrize("phenotype", ["normal_metaboliser", "ultrarapid_metaboliser"])
def test_whom_an_inhibitor_makes_a_poor_metaboliser_is_watched_as_one(
    phenotype: str, metoprolol: str, paroxetine: str | None, wanted: set[str]
) -> None:
    """A slower heart is expected of both, so that both are watched for one that is too slow."""
    inhibitor = {"code": "paroxetine"} | ({"start": paroxetine} if paroxetine else {})
    drugs = [{"code": "metoprolol", "start": metoprolol}, inhibitor]
    assert held(someone("CYP2D6", phenotype, "metoprolol", medications=drugs)) == wanted
    for changed in ({"agreed": False}, {"confirmed": False}, {"medications": drugs[1:]}):
        assert held(someone("CYP2D6", phenotype, "metoprolol", **{"medications": drugs} | changed)) == set()


def test_an_inhibitor_takes_no_watch_from_who_breaks_down_codeine_fast() -> None:
    drugs = [{"code": "codeine", "start": "2026-01-19"}, {"code": "fluoxetine", "start": "2020-01-01"}]
    known = someone("CYP2D6", "ultrarapid_metaboliser", "codeine", medications=drugs)
    assert held(known) == {"cyp2d6_um_breathing", "cyp2d6_um_oxygen"}


def test_a_pair_never_takes_a_limit_away() -> None:
    """What holds for the conditions holds with the genes as well."""
    conditions = [{"code": entry["id"]} for entry in load("conditions")["conditions"]]
    begun = [(pair, "2026-01-19") for pair in PAIRS] + [(pair, "2026-01-10") for pair in LATER]
    for (gene, phenotype, drug, wanted), start in begun:
        known: dict[str, Any] = {"start": start, "conditions": conditions}
        with_it = held(someone(gene, phenotype, drug, **known))
        assert wanted <= with_it
        assert with_it - wanted == held(someone(gene, phenotype, drug, **known, agreed=False))


def test_every_pair_of_the_evidence_acts_or_is_left_out_with_a_reason() -> None:
    document = load("rules")
    design = load("design")["genomics"]
    moves = {line["of"] for line in (*design["pairs"], *design["levels"])}
    ruled = {line["pair"] for line in (*document["limits"], *document["trends"]) if "pair" in line}
    left = [id for group in document["pairs_left_out"].values() for id in group["ids"]]
    assert all(group["reason"] for group in document["pairs_left_out"].values())
    assert len(left) == len(set(left))
    assert not set(left) & (moves | ruled)
    assert set(left) | moves | ruled == {entry["id"] for entry in load("genomics")["pairs"]}


@pytest.mark.parametrize(("gene", "drug"), [("CYP2D6", "carvedilol"), ("ADRB1", "metoprolol"), ("CYP2B6", "methadone")])
def test_a_pair_without_recommendation_is_kept_and_changes_nothing(gene: str, drug: str) -> None:
    known = someone(gene, "poor_metaboliser", drug)
    assert [entry.gene for entry in known.genomics] == [gene]
    without = known.model_copy(update={"genomics": []})
    np.testing.assert_array_equal(expect(known, TODAY).mean, expect(without, TODAY).mean)
    assert held(known) == set()
