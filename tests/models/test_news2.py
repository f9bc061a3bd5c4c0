"""NEWS2 against the cases that come with its tables, against the tables read band by band, and its bounds."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.detectors import news2
from models.detectors.news2 import PARTS, RISKS, Observations, Scores, score
from models.evidence import load

CASES: list[dict[str, Any]] = load("news2")["test_vectors"]
LEVELS = "ACVPU"
SIGNS = ("respiratory_rate", "spo2", "on_oxygen", "systolic_bp", "pulse", "consciousness", "temperature")


def observed(*sets: dict[str, Any]) -> Observations:
    """Sets of signs as columns; what a set does not name is missing."""
    columns = {sign: np.array([float(one.get(sign, np.nan)) for one in sets]) for sign in SIGNS}
    return Observations(**columns, scale2=np.array([one.get("spo2_scale") == 2 for one in sets]))


def of_case(case: dict[str, Any]) -> dict[str, Any]:
    given_ = dict(case["input"])
    return given_ | {"consciousness": LEVELS.index(given_["consciousness"]), "on_oxygen": float(given_["on_oxygen"])}


def test_there_are_24_cases() -> None:
    assert len(CASES) == 24


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_full_set_scores_as_its_case_says(case: dict[str, Any]) -> None:
    found, want = score(observed(of_case(case))), case["expected"]
    assert dict(zip(PARTS, found.points[:, 0].tolist(), strict=True)) == want["points"]
    assert (found.lower[0], found.upper[0], found.missing[0]) == (want["total"], want["total"], 0)
    assert bool(found.red[0]) == want["single_parameter_3"]
    assert RISKS[int(found.risk()[0])] == want["risk"]


@pytest.mark.parametrize(
    ("lower", "red", "risk"),
    [
        (0, False, "low"), (4, False, "low"), (3, True, "low_medium"), (4, True, "low_medium"), (5, False, "medium"),
        (6, True, "medium"), (7, False, "high"), (20, True, "high"),
    ],
)  # fmt: skip
def test_the_risk_begins_where_the_college_says(lower: int, red: bool, risk: str) -> None:
    """5 and 7 points, and 3 in one part; of a set that is not whole what it is at least."""
    one, none = np.array([lower]), np.zeros(1, int)
    assert RISKS[Scores(np.zeros((7, 1), int), one, one + 9, np.array([red]), none).risk()[0]] == risk


@pytest.mark.parametrize(
    ("spo2", "oxygen", "points"),
    [(92, None, 0), (83, None, 3), (87, None, 1), (93, None, -1), (93, 0, 0), (93, 1, 1), (97, None, -1), (97, 1, 3)],
)
def test_on_the_second_scale_more_than_92_needs_to_know_whether_oxygen_is_given(
    spo2: int, oxygen: int | None, points: int
) -> None:
    known = {"spo2": spo2, "spo2_scale": 2} | ({} if oxygen is None else {"on_oxygen": oxygen})
    assert score(observed(known)).points[PARTS.index("spo2"), 0] == points


def by_band(part: str, value: float) -> int:
    """The points of a value, read off the bands one by one."""
    for band in load("news2")["tables"][part]["bands"]:
        if (band["lo"] is None or value >= band["lo"]) and (band["hi"] is None or value <= band["hi"]):
            return int(band["score"])
    raise AssertionError(f"no band of {part} holds {value}")


@pytest.mark.parametrize(
    ("part", "sign"),
    [
        ("respiratory_rate", "respiratory_rate"),
        ("pulse", "pulse"),
        ("systolic_bp", "systolic_bp"),
        ("spo2_scale1", "spo2"),
    ],
)
@given(value=st.integers(0, 300))
def test_whole_signs_score_by_their_bands(part: str, sign: str, value: int) -> None:
    found = score(observed({sign: value})).points
    assert found[PARTS.index(sign), 0] == by_band(part, value)


@given(tenths=st.integers(300, 430))
def test_temperatures_score_by_their_bands(tenths: int) -> None:
    assert score(observed({"temperature": tenths / 10})).points[PARTS.index("temperature"), 0] == by_band(
        "temperature", tenths / 10
    )


def test_rounding_is_half_up_before_scoring() -> None:
    found = score(observed({"temperature": 38.04}, {"temperature": 38.05}, {"pulse": 90.5}, {"pulse": 90.4}))
    assert found.lower.tolist() == [0, 1, 1, 0]


SETS = st.fixed_dictionaries(
    {
        "respiratory_rate": st.integers(4, 40),
        "spo2": st.integers(75, 100),
        "on_oxygen": st.sampled_from([0.0, 1.0]),
        "systolic_bp": st.integers(60, 240),
        "pulse": st.integers(30, 180),
        "consciousness": st.integers(0, 4),
        "temperature": st.integers(340, 410).map(lambda tenths: tenths / 10),
        "spo2_scale": st.sampled_from([1, 2]),
    }
)


@given(full=SETS, hidden=st.sets(st.sampled_from(SIGNS)))
def test_the_bounds_hold_whatever_the_missing_parts_were(full: dict[str, Any], hidden: set[str]) -> None:
    seen = {sign: value for sign, value in full.items() if sign not in hidden}
    bounds, truth = score(observed(seen)), score(observed(full)).lower[0]
    assert bounds.lower[0] <= truth <= bounds.upper[0]


def test_nothing_known_is_anything_but_normal() -> None:
    nothing = score(observed({}))
    assert (nothing.lower[0], nothing.upper[0], nothing.missing[0]) == (0, 20, len(PARTS))


@given(sets=st.lists(SETS, min_size=2, max_size=5))
def test_a_set_scores_the_same_whoever_it_is_scored_with(sets: list[dict[str, Any]]) -> None:
    together = score(observed(*sets))
    alone = [score(observed(one)).lower[0] for one in sets]
    assert together.lower.tolist() == alone


def test_every_sign_that_ages_has_a_validity() -> None:
    assert set(news2.validity_us()) == {
        "pulse",
        "respiratory_rate",
        "spo2",
        "systolic_bp",
        "temperature",
        "consciousness",
    }
