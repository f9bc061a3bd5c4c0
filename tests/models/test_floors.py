"""Each safety floor of `evidence/floors.yaml` on its own, and the limits that a clinician moved."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.detectors import floors
from models.detectors.floors import population_floors, with_targets
from models.evidence import load, source_status
from models.findings import SEVERITIES
from models.units import convert
from models.vitals import BY_NAME, VITALS
from tests.models.floor_oracle import BEYOND, FLOORS, META, SIDES, S
from tests.models.judging import GAP_US, START, One, opened, run, table

SPO2 = BY_NAME["spo2"].index
by_id = pytest.mark.parametrize("rule", FLOORS, ids=lambda rule: rule["id"])


def beyond(rule: dict[str, Any]) -> float:
    """A value just beyond the limit, or at it where that is enough."""
    step = {"<": -0.1, ">": 0.1}.get(rule["op"], 0.0)
    return float(rule["limit"] + step)


def inside(rule: dict[str, Any]) -> float:
    """The nearest value that the rule does not mean: the limit itself where it is strict."""
    step = {"<=": 0.1, ">=": -0.1}.get(rule["op"], 0.0)
    return float(rule["limit"] + step)


@by_id
def test_each_floor_fires_on_a_spot_reading_beyond_it(rule: dict[str, Any]) -> None:
    states, found = table(), []
    for k in range(rule.get("repeat", 1)):
        assert rule["id"] not in opened(states, rule["vital"])
        at = START + k * 2 * GAP_US
        found += run(states, [One(0, rule["vital"], beyond(rule), at, spot=True)])[0]
    assert rule["id"] in opened(states, rule["vital"])
    ranks = [severity for word, side, severity, *_ in found if (word, side) == ("raise", SIDES[rule["op"]])]
    assert max(ranks) >= SEVERITIES.index(rule["severity"])


@by_id
def test_no_floor_fires_inside_its_limit(rule: dict[str, Any]) -> None:
    states = table()
    for k in range(3):
        run(states, [One(0, rule["vital"], inside(rule), START + k * 2 * GAP_US, spot=True)])
    assert rule["id"] not in opened(states, rule["vital"])


@by_id
def test_a_streamed_floor_waits_for_its_persistence(rule: dict[str, Any]) -> None:
    states, wait = table(), rule["persist_s"]
    for count, at in enumerate([0, max(wait - 1, 0), wait], start=1):
        run(states, [One(0, rule["vital"], beyond(rule), START + at * S)])
        long_enough = at >= wait and count >= rule.get("repeat", 1) and not rule.get("spot")
        assert (rule["id"] in opened(states, rule["vital"])) == long_enough


@by_id
def test_only_rest_rules_spare_a_moving_patient(rule: dict[str, Any]) -> None:
    states = table()
    for k in range(3):
        run(states, [One(0, rule["vital"], beyond(rule), START + k * 2 * GAP_US, rest=False, spot=True)])
    assert (rule["id"] in opened(states, rule["vital"])) == (not rule["rest"])


@by_id
def test_each_floor_has_its_unit_its_sources_and_a_limit_that_a_sensor_can_pass(rule: dict[str, Any]) -> None:
    vital = BY_NAME[rule["vital"]]
    assert convert(vital.index, 1.0, rule["unit"]) == 1.0
    assert vital.low <= beyond(rule) <= vital.high
    assert vital.low < inside(rule) < vital.high or vital.categorical
    assert all(source_status(source) for source in rule["src"] + rule["persist_src"])
    spoken = [r for r in population_floors().rules[vital.index] if r and r.id == rule["id"]]
    assert [(r.source, r.version) for r in spoken] == [(rule["src"][0], META["version"])]


def test_ids_of_floors_are_unique() -> None:
    assert len({rule["id"] for rule in FLOORS}) == len(FLOORS)


LIMITS = [82.0, 95.0, *(float(rule["limit"]) for rule in FLOORS)]


@given(st.sampled_from(LIMITS) | st.floats(0, 600), st.integers(0, len(VITALS) + 1))
def test_what_is_not_near_breaks_nothing(value: float, line: int) -> None:
    book, lines, values = (
        with_targets(population_floors(), SPO2, np.array(LIMITS[:2])),
        np.array([line]),
        np.array([value]),
    )
    assert floors.near(book, lines, values)[0] or not floors.beyond(book, lines, values).any()


def test_what_may_be_a_habit_is_advisory_and_the_baseline_learns_from_it() -> None:
    for rule in FLOORS:
        if rule.get("habit") or "own_within" in rule:
            assert rule["severity"] == "advisory", rule["id"]
    book, sbp = population_floors(), BY_NAME["systolic_bp"].index
    assert floors.abnormal(book, np.array([sbp] * 3), np.array([165.0, 190.0, 85.0])).tolist() == [False, True, True]


TARGET_RULES = {rule["id"] for rule in FLOORS if rule.get("target") == "low"}


def broken_ids(book: floors.Floors, line: int, value: float) -> set[str]:
    flags = floors.beyond(book, np.array([line]), np.array([value]))[0]
    return {rule.id for rule, on in zip(book.rules[line], flags, strict=True) if rule and on}


@given(st.lists(st.integers(70, 100), min_size=1, max_size=4), st.integers(500, 1000).map(lambda n: n / 10))
def test_a_target_moves_only_the_rules_that_are_marked_for_it(lows: list[int], value: float) -> None:
    book = with_targets(population_floors(), SPO2, np.array(lows, float))
    marked = [rule for rule in FLOORS if rule["id"] in TARGET_RULES]
    outermost = max(rule["limit"] for rule in marked)
    for k, low in enumerate(lows):
        got = broken_ids(book, len(VITALS) + k, value)
        for rule in (r for r in FLOORS if r["vital"] == "spo2"):
            limit = low if rule["limit"] == outermost else min(rule["limit"], low)
            want = value < limit if rule["id"] in TARGET_RULES else BEYOND[rule["op"]](value, rule["limit"])
            assert (rule["id"] in got) == want, rule["id"]


@given(st.integers(70, 100), st.integers(500, 1000).map(lambda n: n / 10))
def test_no_target_takes_an_emergency_away(low: int, value: float) -> None:
    book = with_targets(population_floors(), SPO2, np.array([low], float))
    emergencies = {rule["id"] for rule in FLOORS if rule["severity"] == "emergency"}
    own, all_ = broken_ids(book, len(VITALS), value), broken_ids(population_floors(), SPO2, value)
    assert own & emergencies == all_ & emergencies


def test_no_rule_marked_for_targets_is_an_emergency() -> None:
    assert not [rule for rule in FLOORS if "target" in rule and rule["severity"] == "emergency"]


def test_the_other_patients_keep_their_limits() -> None:
    own = with_targets(population_floors(), SPO2, np.array([88.0]))
    for name in ("limit", "strict", "persist_us", "repeat", "rank", "rest", "near_low", "near_high"):
        np.testing.assert_array_equal(getattr(own, name)[: len(VITALS)], getattr(population_floors(), name))


def test_limits_are_read_out_as_they_are() -> None:
    book = with_targets(population_floors(), SPO2, np.array([88.0]))
    slot = {rule.id: k for k, rule in enumerate(book.rules[SPO2]) if rule}
    assert floors.in_words(book, SPO2, slot["spo2_red"]) == "at or below 91 %"
    assert floors.in_words(book, len(VITALS), slot["spo2_red"]) == "below 88 %"
    assert floors.in_words(book, BY_NAME["systolic_bp"].index, 4) == "above 180 mmHg"
    assert floors.in_words(book, BY_NAME["body_temperature"].index, 4) == "at or above 39.1 °C"


def test_a_vital_with_more_rules_than_places_is_refused() -> None:
    entry = next(rule for rule in load("floors")["floors"] if rule["vital"] == "spo2")
    with pytest.raises(ValueError, match="spo2 has more than 4 rules on one side"):
        floors._free_slot(entry, population_floors().limit)
