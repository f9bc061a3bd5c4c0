"""A new version of a profile moves what was learned only where something acts on the body."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from models.changes import change
from models.evidence import load
from models.expectation import expect
from models.profile import Profile
from models.vitals import BY_NAME
from tests.models.profiles import EXAMPLE, TODAY, profile, profiles

RATE = BY_NAME["resting_heart_rate"].index
METOPROLOL: dict[str, Any] = {"medications": [{"code": "metoprolol", "start": "2026-01-04"}]}
SURGERY = {"trajectories": [{"condition": "postop_general", "anchor": "surgery", "date": "2026-01-04"}]}


def test_the_same_again_changes_nothing() -> None:
    known = Profile.model_validate(EXAMPLE)
    assert change(known, known.model_copy(update={"version": 5}), TODAY) is None


def test_a_drug_that_is_begun_moves_the_level_and_leaves_as_much_doubt() -> None:
    found = change(profile(), profile(**METOPROLOL), TODAY)
    assert found is not None
    moved = expect(profile(**METOPROLOL), TODAY).mean[RATE] - expect(profile(), TODAY).mean[RATE]
    assert found.shift[RATE] == pytest.approx(moved)
    assert moved < -5
    assert found.doubt[RATE] == pytest.approx(-load("design")["reopening"]["share"] * moved)
    assert found.shift[BY_NAME["spo2"].index] == found.doubt[BY_NAME["spo2"].index] == 0


def test_a_drug_that_is_switched_off_by_setting_moves_nothing() -> None:
    assert change(profile(), profile(**METOPROLOL), TODAY, frozenset({"beta_blocker"})) is None


@pytest.mark.parametrize("fields", [{"conditions": [{"code": "copd"}]}, {"birth_date": "1950-01-01"}, {"sex": "male"}])
def test_what_is_only_written_down_now_changes_nobody(fields: dict[str, Any]) -> None:
    assert change(profile(), profile(**fields), TODAY) is None


def test_an_operation_loosens_every_level_once() -> None:
    after = profile(**SURGERY)
    found = change(profile(), after, TODAY)
    assert found is not None
    wanted = load("design")["reopening"]["event_share"] * np.nan_to_num(expect(after, TODAY).sd_between)
    assert (found.doubt >= wanted).all()
    assert change(after, after, TODAY) is None


GENE = {"genomics": [{"gene": "CYP2D6", "phenotype": "PM", "confirmed": True}]}


def test_a_gene_that_is_known_now_changes_nobody_who_takes_the_drug_already() -> None:
    assert change(profile(**METOPROLOL), profile(**METOPROLOL, **GENE), TODAY) is None
    assert change(profile(**METOPROLOL, **GENE), profile(**METOPROLOL), TODAY) is None


@pytest.mark.parametrize("dates", [{"start": "2024-01-01"}, {"start": "2024-01-01", "stop": "2025-06-01"}])
def test_what_is_said_now_of_a_drug_of_long_ago_changes_nobody(dates: dict[str, str]) -> None:
    told = {"medications": [{"code": "metoprolol"} | dates]}
    assert change(profile(), profile(**told), TODAY) is None
    assert change(profile(medications=[{"code": "metoprolol"}]), profile(**told), TODAY) is None


def test_a_drug_that_is_stopped_moves_the_level_back() -> None:
    begun = change(profile(), profile(**METOPROLOL), TODAY)
    stopped = profile(medications=[{"code": "metoprolol", "start": "2025-06-01", "stop": "2026-01-03"}])
    for after in (profile(), stopped):
        ended = change(profile(**METOPROLOL), after, TODAY)
        assert begun is not None
        assert ended is not None
        np.testing.assert_allclose(ended.shift, -begun.shift, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(profiles, profiles)
def test_without_another_drug_or_course_nothing_moves(one: Profile, other: Profile) -> None:
    same = {"medications": one.medications, "trajectories": one.trajectories}
    assert change(one, other.model_copy(update=same), TODAY) is None
