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


@settings(max_examples=60, deadline=None)
@given(profiles, profiles)
def test_to_go_back_moves_the_level_back(one: Profile, other: Profile) -> None:
    there, back = change(one, other, TODAY), change(other, one, TODAY)
    shift = np.zeros(17) if there is None else there.shift
    again = np.zeros(17) if back is None else back.shift
    np.testing.assert_allclose(shift, -again, atol=1e-9)
