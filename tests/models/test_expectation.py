"""What is expected of a patient follows from named modifiers that can be seen, add up, and can be switched off."""

import math
import random
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.effects import when_of
from models.expectation import Expectation, describe, expect, modifier_ids
from models.prior import from_scale, physical
from models.profile import Profile
from models.vitals import BY_NAME, VITALS
from tests.models.profiles import EXAMPLE, TODAY, documents, profile, profiles

NOTHING = expect(profile(), TODAY)
days = st.integers(-400, 400).map(lambda n: TODAY + timedelta(days=n))


def mean(known: Profile, vital: str, on: date = TODAY, **kwargs: Any) -> float:
    """The expected level of a vital, in its canonical unit."""
    i = BY_NAME[vital].index
    return from_scale(VITALS[i].scale, float(expect(known, on, **kwargs).mean[i]))


def moved(vital: str, **fields: Any) -> float:
    """By how much such a profile moves the expected level from that of an empty one, in the canonical unit."""
    return mean(profile(**fields), vital) - mean(profile(), vital)


def ids(expectation: Expectation, vital: str) -> list[str]:
    return [m.id for m in expectation.modifiers if m.vital == BY_NAME[vital].index]


def columns(expectation: Expectation) -> list[Any]:
    e = expectation
    return [e.mean, e.sd_between, e.sd_within, e.sd_meas, e.amplitude, e.acrophase_h, e.population, e.path]


@given(profiles, days)
@settings(max_examples=300, deadline=None)
def test_every_profile_gives_usable_numbers(known: Profile, on: date) -> None:
    e = expect(known, on)
    for column in columns(e):
        assert column.shape == (17,)
        assert column.dtype == np.float64
    for sd in (e.sd_between, e.sd_within, e.sd_meas):
        assert np.isfinite(sd).all()
        assert (sd > 0).all()
    for vital in VITALS:
        low, high = physical(vital.name)
        assert math.isnan(e.mean[vital.index]) or low <= e.mean[vital.index] <= high
    assert np.isfinite(e.amplitude).all()
    assert (e.amplitude >= 0).all()
    assert ((e.acrophase_h >= 0) & (e.acrophase_h < 24)).all()
    assert np.isfinite(e.path).all()


@given(profiles, days)
@settings(max_examples=300, deadline=None)
def test_the_modifiers_are_the_whole_difference_from_the_population(known: Profile, on: date) -> None:
    e = expect(known, on)
    delta, within, between, meas = np.zeros(17), np.ones(17), np.ones(17), np.ones(17)
    for m in e.modifiers:
        delta[m.vital] += m.delta_mean
        within[m.vital] *= m.sd_factor
        between[m.vital] *= m.sd_between_factor
        meas[m.vital] *= m.sd_meas_factor
    known_level = ~np.isnan(e.mean)
    np.testing.assert_allclose((e.population + delta)[known_level], e.mean[known_level], atol=1e-9)
    np.testing.assert_allclose(NOTHING.sd_within * within, e.sd_within)
    np.testing.assert_allclose(NOTHING.sd_between * between, e.sd_between)
    np.testing.assert_allclose(NOTHING.sd_meas * meas, e.sd_meas)


@given(profiles, days)
@settings(max_examples=100, deadline=None)
def test_with_every_modifier_off_the_population_remains(known: Profile, on: date) -> None:
    off = frozenset(m.id for m in expect(known, on).modifiers)
    rest = expect(known, on, off)
    # Turning everything off may bring out a modifier that the others had made needless: turn that off as well.
    bare = expect(known, on, off | {m.id for m in rest.modifiers})
    assert bare.modifiers == ()
    np.testing.assert_array_equal(bare.mean, NOTHING.mean)


@given(documents(), days, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_lists_does_not_matter(document: dict[str, Any], on: date, order: random.Random) -> None:
    shuffled = {key: order.sample(v, len(v)) if isinstance(v, list) else v for key, v in document.items()}
    one, other = (expect(Profile.model_validate(d), on) for d in (document, shuffled))
    assert one.modifiers == other.modifiers
    for a, b in zip(columns(one), columns(other), strict=True):
        np.testing.assert_array_equal(a, b)


@given(documents(), days)
@settings(max_examples=100, deadline=None)
def test_saying_it_twice_changes_nothing(document: dict[str, Any], on: date) -> None:
    lists = ("conditions", "medications", "genomics", "trajectories")
    twice = {key: v + v if key in lists else v for key, v in document.items()}
    assert expect(Profile.model_validate(document), on).modifiers == expect(Profile.model_validate(twice), on).modifiers


@given(profiles, days)
@settings(max_examples=60, deadline=None)
def test_whatever_acts_can_be_named_to_be_left_out(known: Profile, on: date) -> None:
    assert {modifier.id for modifier in expect(known, on).modifiers} <= modifier_ids()


def test_the_numbers_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        NOTHING.mean[0] = 1


def test_only_a_personal_level_means_anything_for_some_vitals() -> None:
    unknown = [vital.name for vital in VITALS if math.isnan(NOTHING.mean[vital.index])]
    assert unknown == ["skin_temperature", "body_weight", "fev1", "peak_flow", "consciousness"]
    assert mean(profile(weight_kg=71.5), "body_weight") == 71.5
    assert mean(profile(weight_kg=71.5, usual={"body_weight": 70}), "body_weight") == 70
    assert mean(profile(usual={"peak_flow": 420}), "peak_flow") == 420
    stated = expect(profile(weight_kg=71.5), TODAY)
    assert stated.sd_between[BY_NAME["body_weight"].index] == pytest.approx(3)


def test_the_contract_s_patient_is_expected_as_her_profile_says() -> None:
    e = expect(Profile.model_validate(EXAMPLE), TODAY)
    assert describe(e, BY_NAME["resting_heart_rate"].index) == [
        "woman: 1.5 /min higher",
        "Heart failure: 8 /min higher, varies 1.1 times as much",
        "metoprolol: 8 /min lower",
        "CYP2D6 poor metaboliser: 5 /min lower",
        "usual daily resting heart rate: 3.9 /min lower",
        "Heart failure, day 16 after discharge: varies 1.2 times as much",
    ]
    assert mean(Profile.model_validate(EXAMPLE), "resting_heart_rate") == pytest.approx(58, abs=0.5)
    assert "steps" in {VITALS[m.vital].name for m in e.modifiers if m.id == "heart_failure"}
    assert [phase.id for phase in e.phases] == ["vulnerable_post_discharge"]


def test_age_moves_the_level_and_makes_it_surer() -> None:
    born = {"birth_date": "1946-01-05"}  # 80 years
    assert moved("systolic_bp", **born) == pytest.approx(10, abs=0.1)
    assert moved("hrv_rmssd", **born) < 0
    i = BY_NAME["systolic_bp"].index
    assert expect(profile(**born), TODAY).sd_between[i] == pytest.approx(15)
    assert NOTHING.sd_between[i] > 15


@pytest.mark.parametrize(
    ("born", "said", "first"),
    [
        ("2018-01-01", "age taken as 18", "age 8, with levels and limits of adults"),
        ("1926-01-01", "age taken as 95", None),
        ("1960-01-01", "age 66", None),
    ],
)
def test_nobody_is_told_another_age_than_the_patient_s(born: str, said: str, first: str | None) -> None:
    found = expect(profile(birth_date=born), date(2026, 1, 5))
    assert {m.label for m in found.modifiers if m.id == "age"} == {said}
    words = [describe(found, vital.index) for vital in VITALS]
    wanted = len(VITALS) if first else 0
    assert sum("adults" in text for one in words for text in one) == wanted, "of a child it is said with every vital"
    assert first is None or all(one[0] == first for one in words)


def test_women_and_men_differ_as_cited() -> None:
    for vital, difference in (("qtc", 13), ("resting_heart_rate", 3), ("heart_rate", 3)):
        assert moved(vital, sex="female") - moved(vital, sex="male") == pytest.approx(difference)
    assert moved("qtc", sex="other") == 0


def test_a_usual_level_is_a_strong_prior() -> None:
    usual = profile(usual={"resting_heart_rate": 50})
    assert 50 < mean(usual, "resting_heart_rate") < 51
    i = BY_NAME["resting_heart_rate"].index
    assert expect(usual, TODAY).sd_between[i] < 0.5 * NOTHING.sd_between[i]
    assert mean(usual, "heart_rate") < mean(profile(), "heart_rate") - 10


@pytest.mark.parametrize(("start", "level"), [("2025-11-01", 60), ("2025-12-18", 60), ("2025-12-19", 52), (None, 60)])
def test_a_stated_level_contains_the_drugs_that_had_time_to_act(start: str | None, level: float) -> None:
    known = profile(
        usual={"resting_heart_rate": 60},
        updated="2026-01-01T00:00:00Z",
        medications=[{"code": "bisoprolol", "start": start}],
    )
    assert mean(known, "resting_heart_rate") == pytest.approx(level, abs=0.5)
    assert not expect(known, TODAY).path.any()


@pytest.mark.parametrize(
    ("start", "stop", "acts"),
    [
        (None, None, True),
        ("2026-01-05", None, True),
        ("2026-01-06", None, False),
        (None, "2026-01-05", True),
        (None, "2026-01-04", False),
    ],
)
def test_a_drug_acts_while_it_is_taken(start: str | None, stop: str | None, acts: bool) -> None:
    known = {"medications": [{"code": "metoprolol", "start": start, "stop": stop}]}
    assert moved("heart_rate", **known) == (-11 if acts else 0)


def test_what_one_drug_of_a_class_does_began_with_that_drug() -> None:
    """Another one that has been taken for years is in the usual level; what this one adds since Sunday is not."""
    qtc, told = BY_NAME["qtc"].index, "2026-01-20T00:00:00Z"
    sotalol, quetiapine = {"code": "sotalol", "start": "2026-01-18"}, {"code": "quetiapine", "start": "2019-01-01"}
    alone, both = (
        expect(profile(usual={"qtc": 420}, updated=told, medications=drugs), date(2026, 1, 20))
        for drugs in ([sotalol], [sotalol, quetiapine])
    )
    assert both.mean[qtc] == alone.mean[qtc] > 450
    assert both.settling_sd[qtc] == alone.settling_sd[qtc] > 0
    assert describe(both, qtc) == describe(alone, qtc)


def test_two_drugs_of_one_class_act_once() -> None:
    both = profile(medications=[{"code": "metoprolol"}, {"code": "bisoprolol"}, {"code": "beta_blocker"}])
    assert mean(both, "heart_rate") == mean(profile(medications=[{"code": "metoprolol"}]), "heart_rate")
    assert "bisoprolol and metoprolol: 11 /min lower" in describe(expect(both, TODAY), BY_NAME["heart_rate"].index)


def test_a_modifier_can_be_switched_off() -> None:
    known = Profile.model_validate(EXAMPLE)
    without = expect(known, TODAY, frozenset({"beta_blocker", "usual"}))
    assert {"beta_blocker", "usual"}.isdisjoint(m.id for m in without.modifiers)
    assert mean(known, "diastolic_bp", off=frozenset({"beta_blocker"})) == mean(profile(), "diastolic_bp")


GENES = {
    "genomics": [{"gene": "CYP2D6", "phenotype": "poor_metaboliser", "confirmed": True}],
    "medications": [{"code": "metoprolol"}],
}


@pytest.mark.parametrize(
    "changed",
    [
        {"consent": {"monitoring": True, "genomics": False}},
        {"medications": []},
        {"medications": [{"code": "bisoprolol"}]},
        {"genomics": [{"gene": "CYP2D6", "phenotype": "poor_metaboliser"}]},
        {"genomics": [{"gene": "CYP2D6", "phenotype": "normal_metaboliser", "confirmed": True}]},
        {"genomics": [{"gene": "CYP2D6", "phenotype": p, "confirmed": True} for p in ("PM", "UM")]},
        {"genomics": [{"gene": "ADRB1", "phenotype": "PM", "confirmed": True}]},
    ],
)
def test_a_genotype_acts_only_agreed_to_confirmed_and_with_its_drug(changed: dict[str, Any]) -> None:
    assert "CYP2D6_metoprolol" in ids(expect(profile(**GENES), TODAY), "heart_rate")
    e = expect(profile(**(GENES | changed)), TODAY)
    assert not any(m.kind == "genotype" for m in e.modifiers)


def test_a_genotype_shifts_the_drug_s_effect() -> None:
    without = GENES | {"genomics": []}
    assert moved("heart_rate", **GENES) - moved("heart_rate", **without) == pytest.approx(-5)
    citalopram = {"medications": [{"code": "citalopram"}]}
    slow = citalopram | {"genomics": [{"gene": "CYP2C19", "phenotype": "PM", "confirmed": True}]}
    assert moved("qtc", **slow) - moved("qtc", **citalopram) == pytest.approx(3.5)


@pytest.mark.parametrize("phenotype", ["PM", "IM", "NM", "UM"])
@pytest.mark.parametrize("code", ["paroxetine", {"system": "rxnorm", "code": "4493"}])
def test_a_strong_inhibitor_makes_any_metaboliser_a_poor_one(phenotype: str, code: Any) -> None:
    genes = {"genomics": [{"gene": "CYP2D6", "phenotype": phenotype, "confirmed": True}]}
    drugs = {"medications": [{"code": "metoprolol"}, {"code": code}]}
    assert moved("heart_rate", **genes, **drugs) == pytest.approx(moved("heart_rate", **GENES))
    assert moved("heart_rate", **genes, medications=[{"code": code}]) == pytest.approx(0), "without the drug, nothing"
    known = profile(**genes, **drugs)
    inhibited = "CYP2D6_phenoconversion"
    assert (inhibited in ids(expect(known, TODAY), "heart_rate")) is (phenotype != "PM")
    assert inhibited not in ids(expect(known, TODAY, frozenset({inhibited})), "heart_rate")


def test_an_inhibitor_that_was_stopped_or_meets_an_unknown_genotype_moves_nothing() -> None:
    normal = {"genomics": [{"gene": "CYP2D6", "phenotype": "NM", "confirmed": True}]}
    plain = moved("heart_rate", medications=[{"code": "metoprolol"}])
    over = [{"code": "metoprolol"}, {"code": "quinidine", "start": "2020-01-01", "stop": "2020-02-01"}]
    assert moved("heart_rate", **normal, medications=over) == pytest.approx(plain)
    taking = [{"code": "metoprolol"}, {"code": "quinidine"}]
    assert moved("heart_rate", medications=taking) == pytest.approx(plain)


@pytest.mark.parametrize(
    ("tone", "factor"),
    [
        ({"scale": "monk", "value": 8}, 1.2247),
        ({"scale": "monk", "value": 7}, 1),
        ({"scale": "ita", "value": -30.5}, 1.2247),
        ({"scale": "ita", "value": -30}, 1),
        ({"scale": "fitzpatrick", "value": 6}, 1.2247),
        (None, 1),
    ],
)
def test_dark_skin_widens_what_an_oximeter_says_and_never_shifts_it(tone: dict[str, Any] | None, factor: float) -> None:
    e, i = expect(profile(skin_tone=tone), TODAY), BY_NAME["spo2"].index
    assert e.sd_meas[i] / NOTHING.sd_meas[i] == pytest.approx(factor, abs=1e-4)
    np.testing.assert_array_equal(e.mean, NOTHING.mean)
    np.testing.assert_array_equal(np.delete(e.sd_meas, i), np.delete(NOTHING.sd_meas, i))


@given(documents(), st.text(), st.integers(1, 5), st.text())
@settings(max_examples=50, deadline=None)
def test_ethnicity_language_and_deprivation_never_change_what_is_expected(
    document: dict[str, Any], ethnicity: str, quintile: int, language: str
) -> None:
    strata = {"ethnicity": ethnicity or None, "language": language or None, "deprivation_quintile": quintile}
    plain = Profile.model_validate(document | {"strata": None})
    told = plain.model_copy(update={"strata": strata})
    assert expect(plain, TODAY).modifiers == expect(told, TODAY).modifiers


@pytest.mark.parametrize(
    ("vital", "fields", "delta"),
    [
        ("spo2", {"conditions": [{"code": "copd"}]}, -3),
        ("resting_heart_rate", {"conditions": [{"code": "copd"}]}, 8),  # cited for heart rate: the same heart
        ("glucose", {"conditions": [{"code": "diabetes_type1"}]}, 60),
        ("spo2", {"conditions": [{"code": "sickle_cell"}]}, -4.5),
        ("systolic_bp", {"conditions": [{"code": "hypertension"}, {"code": "ckd"}, {"code": "diabetes_type2"}]}, 26),
        ("systolic_bp", {"conditions": [{"code": "hypertension"}], "medications": [{"code": "ramipril"}]}, 9),
        ("systolic_bp", {"conditions": [{"code": "heart_failure"}]}, -8),
        ("systolic_bp", {"conditions": [{"code": "heart_failure"}], "medications": [{"code": "ramipril"}]}, -9),
        ("heart_rate", {"medications": [{"code": "digoxin"}]}, -2),
        ("heart_rate", {"medications": [{"code": "ivabradine"}]}, -10.9),
        (  # sinus rhythm only: what is left is the shift of the AF
            "heart_rate",
            {"conditions": [{"code": "atrial_fibrillation"}], "medications": [{"code": "ivabradine"}]},
            10,
        ),
        ("heart_rate", {"medications": [{"code": "amiodarone"}]}, -7.35),
        ("qtc", {"medications": [{"code": "methadone"}]}, 25),
        ("qtc", {"medications": [{"code": "morphine"}]}, 0),
        ("glucose", {"medications": [{"code": "prednisolone"}]}, 0),
        ("heart_rate", {"medications": [{"code": "fingolimod", "start": "2026-01-05"}]}, -8),
        ("heart_rate", {"medications": [{"code": "fingolimod", "start": "2026-01-01"}]}, 0),
        ("heart_rate", {"conditions": [{"code": "copd", "since": "2026-01-06"}]}, 0),
    ],
)
def test_a_cited_effect_acts_in_its_context(vital: str, fields: dict[str, Any], delta: float) -> None:
    assert moved(vital, **fields) == pytest.approx(delta, abs=0.01)


def test_an_effect_whose_context_nobody_has_judged_never_acts() -> None:
    assert when_of("opioid", {"vital": "glucose", "context": "at full moon"}).never
    assert not when_of("opioid", {"vital": "glucose"}).never


def test_an_average_effect_makes_the_level_less_sure() -> None:
    i = BY_NAME["systolic_bp"].index
    e = expect(profile(conditions=[{"code": "hypertension"}]), TODAY)
    assert e.sd_between[i] == pytest.approx(math.hypot(NOTHING.sd_between[i], 18 / 2))


def test_a_cited_spread_replaces_the_population_s() -> None:
    glucose, spo2 = BY_NAME["glucose"].index, BY_NAME["spo2"].index
    diabetic = expect(profile(conditions=[{"code": "diabetes_type1"}]), TODAY)
    assert diabetic.sd_within[glucose] == pytest.approx(60 / (60 + math.exp(4.60)))
    assert expect(profile(conditions=[{"code": "sickle_cell"}]), TODAY).sd_between[spo2] >= 3.9


@pytest.mark.parametrize(
    ("vital", "code"),
    [("spo2", "dapsone"), ("heart_rate", "dapsone"), ("spo2", "morphine"), ("body_temperature", "ibuprofen")],
)
def test_a_harm_that_is_watched_for_is_never_expected(vital: str, code: str) -> None:
    assert moved(vital, medications=[{"code": code}]) == 0


def test_no_list_of_drugs_makes_a_stopped_heart_normal() -> None:
    drugs = ["metoprolol", "ivabradine", "diltiazem", "digoxin", "amiodarone", "morphine", "donepezil"]
    known = profile(medications=[{"code": code} for code in drugs])
    assert mean(known, "heart_rate") > 35
    assert "bound" in ids(expect(known, TODAY), "heart_rate")


def test_pressure_dips_at_night_and_temperature_peaks_in_the_evening() -> None:
    pressure, temperature = BY_NAME["systolic_bp"].index, BY_NAME["body_temperature"].index
    assert NOTHING.amplitude[pressure] == pytest.approx(0.075 * NOTHING.mean[pressure])
    assert NOTHING.acrophase_h[pressure] == 15
    assert (NOTHING.amplitude[temperature], NOTHING.acrophase_h[temperature]) == (0.35, 19)
    assert NOTHING.amplitude[BY_NAME["resting_heart_rate"].index] == 0
