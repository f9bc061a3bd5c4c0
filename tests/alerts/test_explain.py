"""The words of an alert say what was decided on, and the examples in the documentation hold."""

import doctest
import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import msgspec
import pytest

import alerts
import models
from alerts.events import Evidence
from alerts.explain import explain, grounded, title
from models.vitals import BY_NAME, VITALS
from models.wording import limit_of
from tests.alerts.scripts import evidence, us


def modules_of(package: ModuleType) -> list[str]:
    return [found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]


@pytest.mark.parametrize("name", ["models", "alerts", *modules_of(models), *modules_of(alerts)])
def test_examples_in_the_documentation_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_examples_are_found_at_all() -> None:
    modules = [importlib.import_module(name) for name in [*modules_of(models), *modules_of(alerts)]]
    assert sum(doctest.testmod(module).attempted for module in modules) >= 10


def words(
    kind: Any = "deviation", *, population: bool = False, retrospective: bool = False, others: Sequence[Evidence] = (),
    **fields: Any,
) -> str:  # fmt: skip
    first = msgspec.structs.replace(evidence(0), **fields)
    return explain(kind, first, others, us(-30), population, retrospective)


def other(vital: str, value: float, low: float, high: float, unit: str = "/min") -> Evidence:
    """Another vital that stands outside its own band."""
    band = {"low": low, "high": high, "score": 4.0 if value > high else -4.0}
    return msgspec.structs.replace(evidence(0), vital=vital, value=value, unit=unit, **band)


def test_an_alert_says_value_band_certainty_onset_and_what_a_limit_would_have_said() -> None:
    assert words() == (
        "Measured 82 % on 5 January 2026 at 08:00 UTC. "
        "Expected for this patient: 96 %, own band 93 to 100 %, 4.2 standard deviations away. "
        "The band is the patient's own, learned over 12 days. It began on 5 January 2026 at 07:30 UTC. "
        "No limit for everyone is broken."
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"population": True}, "A limit for everyone would have fired too."),
        ({"kind": "limit", "population": True}, "This is a limit that holds for everyone."),
        ({"retrospective": True}, "These readings arrived late: this is about the past, not about now."),
        ({"own_weight": 0.5}, "The band is still being learned (12 days so far, 50% the patient's own)."),
        (
            {"own_weight": 0.1, "baseline_days": 1.2},
            "The band comes mostly from the profile (1 day of own readings so far).",
        ),
        ({"expected": None, "low": None, "high": None}, "There is no band of the patient's own to compare with yet."),
        (
            {"modifiers": ["metoprolol: 11 /min lower", "age 75"]},
            "Taken into account: metoprolol: 11 /min lower, age 75.",
        ),
        ({"quality": 0.5}, "The device reported a signal quality of 50%."),
        (
            {"others": [other("heart_rate", 96.2, 61.4, 78.0), other("body_temperature", 35.1, 36.2, 37.1, "Cel")]},
            "At the same time: heart rate 96 /min, above this patient's own band (61 to 78); "
            "temperature 35.1 °C, below this patient's own band (36.2 to 37.1).",
        ),
        (
            {"others": [other("systolic_bp", 141.4, 110.2, 141.1, "mm[Hg]")]},
            "At the same time: systolic blood pressure 141.4 mmHg, above this patient's own band (110.2 to 141.1).",
        ),
        ({"value": None}, "Measured no value on"),
        ({"unit": "Cel", "value": 39.14}, "Measured 39.1 °C on"),
    ],
)
def test_what_matters_is_said_and_else_is_not(fields: dict[str, Any], said: str) -> None:
    assert said in words(**fields)
    assert said not in words()


ACCOUNTED = "Taken into account: metoprolol: 11 /min lower."
BAND = (
    "Expected for this patient: 96 %, own band 93 to 100 %, 4.2 standard deviations away. "
    "The band is the patient's own, learned over 12 days."
)
QUALITY = "The device reported a signal quality of 50%."
OTHER = "At the same time: heart rate 96 /min, above this patient's own band (61 to 78)."


@pytest.mark.parametrize(
    ("kind", "population", "said"),
    [
        ("drift", False, f"It drifts. {ACCOUNTED} {QUALITY} {OTHER} No limit for everyone is broken."),
        ("drift", True, f"It drifts. {ACCOUNTED} {QUALITY} {OTHER} A limit for everyone would have fired too."),
        (
            "condition",
            False,
            f"It drifts. {BAND} {ACCOUNTED} {QUALITY} {OTHER} No limit for everyone is broken.",
        ),
        (
            "change_index",
            False,
            f"It drifts. The latest figure is of oxygen saturation: 82 %. {QUALITY} {OTHER} No limit for everyone is "
            "broken by it.",
        ),
    ],
)
def test_an_alert_with_words_of_its_own_says_what_the_others_say_too(kind: Any, population: bool, said: str) -> None:
    """What was taken into account for several vitals is among the words of the index: there it is said of each."""
    first = msgspec.structs.replace(evidence(0), modifiers=["metoprolol: 11 /min lower"], quality=0.5)
    assert grounded("It drifts.", kind, first, [other("heart_rate", 96.2, 61.4, 78.0)], population) == said


@pytest.mark.parametrize(
    ("limit", "value", "title_said", "said"),
    [(1, 2.0, "New confusion or worse", "Responds to voice"), (3, 4.0, "Responds to pain or worse", "Unresponsive")],
)
def test_a_level_of_consciousness_is_told_by_its_name(limit: float, value: float, title_said: str, said: str) -> None:
    """'At or above 1' and 'measured 2.0 1' is nothing that a nurse could tell anybody."""
    found = Evidence(
        vital="consciousness", value=value, unit="1", at="2026-01-05T08:00:00Z", expected=None, low=None, high=None,
        score=None, baseline_days=None, own_weight=None, modifiers=[], quality=None,
    )  # fmt: skip
    told = title("consciousness", "high", "limit", limit_of(BY_NAME["consciousness"], True, False, limit))
    assert told == f"Level of consciousness: {title_said}"
    assert explain("limit", found, [], us(0), True, False) == (
        f"Found on 5 January 2026 at 08:00 UTC: {said}. It began on 5 January 2026 at 08:00 UTC. This is a limit that "
        "holds for everyone."
    )


def test_a_value_just_beyond_a_limit_is_not_rounded_to_its_other_side() -> None:
    """'Oxygen saturation below 80 %. Measured 80 %.'"""
    first = msgspec.structs.replace(evidence(0), value=79.6)
    assert explain("limit", first, [], us(0), True, False).startswith("Measured 79.6 % on ")


@pytest.mark.parametrize("vital", [vital.name for vital in VITALS])
def test_every_vital_has_a_title_that_people_read(vital: str) -> None:
    for direction in ("high", "low"):
        said = title(vital, direction, "deviation", None)
        assert said.endswith(f" {direction} for this patient")
        assert "_" not in said
        assert said[0].isupper()
    assert title(vital, "low", "limit", "below 3 %").endswith(" below 3 %")
