"""Rules of conditions that are about drugs and genes."""

from datetime import timedelta
from typing import Any

import pytest

from streams.engine.step import EngineSettings
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, SECRET, Log, run
from tests.engine.known import FIRST_DAY, dose, someone, told


def test_a_drug_that_is_begun_this_morning_is_watched_this_morning_wherever_that_is() -> None:
    log = someone(
        consent={"monitoring": True, "genomics": True}, timezone="Pacific/Auckland",
        genomics=[{"gene": "CYP2D6", "phenotype": "ultrarapid_metaboliser", "confirmed": True}],
        medications=[{"code": "codeine", "start": (FIRST_DAY + timedelta(days=1)).isoformat()}],
    )  # fmt: skip
    log.wait(12 * HOUR_US)  # nine in the morning there, eight in the evening of the day before in UTC
    log.read(code="respiratory_rate", value=9.5)
    assert told(log) == [("opened", "condition", "respiratory_rate.low", "urgent")]


@pytest.mark.parametrize(
    ("drugs", "code", "calm", "beyond", "inside", "minutes", "severity"),
    [
        ([("morphine", 400)], "respiratory_rate", 14, 8, 9, 3, "emergency"),
        ([("morphine", 400)], "spo2", 97, 85, 86, 3, "emergency"),
        ([("donepezil", 400), ("bisoprolol", 400)], "heart_rate", 62, 44, 45, 5, "urgent"),
        ([("clozapine", 56)], "heart_rate", 80, 121, 120, 10, "urgent"),
        ([("clozapine", 56)], "body_temperature", 36.6, 38.0, 37.9, 0, "urgent"),
        ([("ivabradine", 400)], "heart_rate", 62, 49, 50, 30, "advisory"),
        ([("digoxin", 400)], "heart_rate", 62, 49, 50, 30, "advisory"),
        ([("fingolimod", 1)], "heart_rate", 62, 44, 45, 5, "urgent"),
    ],
)
def test_what_a_drug_does_harm_by_is_watched_closer_while_it_is_taken(
    drugs: list[tuple[str, int]], code: str, calm: float, beyond: float, inside: float, minutes: int, severity: str
) -> None:
    """At the limit for as long as medications.yaml says; not beside it, not sooner, not without one of the drugs."""
    every = [dose(drug, days) for drug, days in drugs]

    def worst(value: float, minutes: int, medications: list[dict[str, str]]) -> str | None:
        log = someone(medications=medications)
        for minute in range(30 + minutes + 1):
            log.read(code=code, value=calm if minute < 30 else value)
            log.wait(MINUTE_US)
        return max((severity for _, kind, _, severity in told(log) if kind == "condition"), default=None)

    assert worst(beyond, minutes, every) == severity
    assert worst(inside, minutes, every) is None
    assert minutes == 0 or worst(beyond, minutes - 1, every) is None
    assert worst(beyond, minutes, every[:-1]) is None
    later = [one | {"start": str(FIRST_DAY - timedelta(days=57))} for one in every]
    assert (worst(beyond, minutes, later) is None) is not {"clozapine", "fingolimod"}.isdisjoint(dict(drugs))


@pytest.mark.parametrize(
    ("condition", "drug", "code", "calm", "beyond", "inside"),
    [
        ("autoimmune_flare", "prednisone", "body_temperature", 36.6, 38.0, 37.9),
        ("long_qt", "citalopram", "heart_rate", 62, 44, 45),
    ],
)
def test_some_rules_of_a_condition_are_for_who_takes_a_drug_as_well(
    condition: str, drug: str, code: str, calm: float, beyond: float, inside: float
) -> None:
    def rules_of(value: float, *conditions: str, **fields: Any) -> list[str]:
        log = someone(*conditions, **fields)
        for minute in range(40):
            log.read(code=code, value=calm if minute < 30 else value)
            log.wait(MINUTE_US)
        return [severity for _, kind, _, severity in told(log) if kind == "condition"]

    taken = {"medications": [dose(drug, 400)]}
    assert rules_of(beyond, condition, **taken) == ["urgent"]
    assert rules_of(inside, condition, **taken) == []
    assert rules_of(beyond, condition) == []
    assert rules_of(beyond, **taken) == []


@pytest.mark.parametrize(("agreed", "off", "wanted"), [
    (True, frozenset(), ["urgent"]), (False, frozenset(), []), (True, frozenset({"CYP2D6_codeine_tramadol"}), []),
])  # fmt: skip
def test_an_ultrarapid_metaboliser_on_codeine_is_watched_for_slow_breathing(
    agreed: bool, off: frozenset[str], wanted: list[str]
) -> None:
    log = someone(
        consent={"monitoring": True, "genomics": agreed},
        genomics=[{"gene": "CYP2D6", "phenotype": "ultrarapid_metaboliser", "confirmed": True}],
        medications=[{"code": "codeine", "start": FIRST_DAY.isoformat()}],
    )
    log.read(code="respiratory_rate", value=9.5)
    found = run(log, settings=EngineSettings(SECRET, off=off)).alerts
    assert [alert.severity for alert in found if alert.rule.id == "cyp2d6_um_breathing"] == wanted


def test_a_modifier_is_left_out_by_setting() -> None:
    """Without the drug's own lowering, the band of somebody on a beta blocker starts where everybody's does."""
    log = someone(medications=[{"code": "metoprolol"}])
    for _ in range(6):
        log.read(code="resting_heart_rate", value=58.0)
        log.wait(DAY_US)
    log.tick()
    with_it, without = run(log), run(log, settings=EngineSettings(SECRET, off=frozenset({"beta_blocker"})))
    expected = [next(s.expected for s in told.summaries if s.expected is not None) for told in (with_it, without)]
    assert expected[0] < expected[1]


@pytest.mark.parametrize(("fields", "code", "value", "title"), [
    ({"genomics": [{"gene": "LMNA", "phenotype": "pathogenic", "confirmed": True}]}, "heart_rate", 43.0,
     "Heart rate below 45 /min (LMNA variant)"),
    ({"trajectories": [{"condition": "covid_ari", "anchor": "symptom_onset", "date": str(FIRST_DAY)}]},
     "respiratory_rate", 25.0,
     "Respiratory rate at or above 25 /min (COVID-19 / acute respiratory infection recovery)"),
    ({"conditions": [{"code": "heart_failure"}]}, "heart_rate", 125.0, "Heart rate above 120 /min (heart failure)"),
])  # fmt: skip
def test_genes_and_diseases_are_written_as_people_write_them(
    fields: dict[str, Any], code: str, value: float, title: str
) -> None:
    log = Log()
    log.profile(**{"consent": {"monitoring": True, "genomics": True}} | fields)
    log.read(code=code, value=value, context={"activity": "rest"})
    assert title in [alert.title for alert in run(log).alerts]


def variant(gene: str, **fields: Any) -> Log:
    """Somebody with a pathogenic variant and no condition."""
    known = [{"gene": gene, "phenotype": "pathogenic", "confirmed": True}]
    return someone(consent={"monitoring": True, "genomics": True}, genomics=known, **fields)


def rules_of(log: Log) -> set[str]:
    return {alert.rule.id for alert in run(log).alerts if alert.kind == "condition"}


@pytest.mark.parametrize(("blown", "usual", "wanted"), [
    ([3.0, 2.7, 2.7], None, {"cftr_fev1"}), ([3.0, 2.71, 2.7], None, set()), ([3.0, 2.7, 2.71], None, set()),
    ([2.7, 2.7, 2.7], None, set()), ([2.7, 2.7, 2.7], 3.0, {"cftr_fev1"}),
])  # fmt: skip
def test_a_tenth_of_the_best_breath_that_is_lost_twice_is_told_of_a_cftr_variant(
    blown: list[float], usual: float | None, wanted: set[str]
) -> None:
    log = variant("CFTR", usual={"fev1": usual} if usual else {})
    for litres in blown:
        log.read(code="fev1", value=litres, unit="L")
        log.wait(DAY_US)
    log.tick()
    assert rules_of(log) == wanted


@pytest.mark.parametrize(("level", "wanted"), [(175.0, set()), (185.0, {"gck_mean"})])
def test_glucose_that_stays_above_what_a_gck_variant_explains_is_told(level: float, wanted: set[str]) -> None:
    log = variant("GCK")
    for _ in range(14):
        for _ in range(2):
            log.read(code="glucose", value=level, unit="mg/dL")
            log.wait(DAY_US // 2)
    log.tick()
    assert rules_of(log) == wanted


@pytest.mark.parametrize(("drug", "rates", "wanted"), [
    ("metoprolol", [150, 150], {"lqt1_fast"}), ("metoprolol", [150, 149], set()), ("metoprolol", [149, 149], set()),
    ("ramipril", [150, 150], set()),
])  # fmt: skip
def test_a_heart_that_races_in_movement_is_told_of_a_kcnq1_variant_on_a_beta_blocker(
    drug: str, rates: list[int], wanted: set[str]
) -> None:
    log = variant("KCNQ1", medications=[dose(drug, 400)])
    for rate in rates:
        log.read(code="heart_rate", value=rate, context={"activity": "exercise"})
        log.wait(MINUTE_US)
    assert rules_of(log) == wanted
