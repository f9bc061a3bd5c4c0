"""A new version of a profile moves what was learned only where something acts on the body."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from models.changes import change, turned, turns
from models.evidence import load
from models.expectation import expect
from models.profile import Profile
from models.vitals import BY_NAME
from tests.models.profiles import EXAMPLE, TODAY, profile, profiles

RATE = BY_NAME["resting_heart_rate"].index
METOPROLOL: dict[str, Any] = {"medications": [{"code": "metoprolol", "start": "2026-01-04"}]}
SURGERY = {"trajectories": [{"condition": "postop_major_abdominal", "anchor": "surgery", "date": "2026-01-04"}]}


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


@pytest.mark.parametrize("fields", [METOPROLOL, SURGERY])
def test_what_turns_on_a_day_is_what_a_version_of_that_day_would_change(fields: dict[str, Any]) -> None:
    known, on = profile(**fields), date(2026, 1, 4)
    found, wanted = turned(known, on), change(profile(), known, on)
    assert turns(known) == (on,)
    assert found is not None
    assert wanted is not None
    np.testing.assert_array_equal(found.shift, wanted.shift)
    np.testing.assert_array_equal(found.doubt, wanted.doubt)


def test_a_drug_that_ends_as_announced_takes_back_what_it_did() -> None:
    known = profile(medications=[{"code": "metoprolol", "start": "2025-01-04", "stop": "2026-01-04"}])
    begun, ended = turned(profile(**METOPROLOL), date(2026, 1, 4)), turned(known, date(2026, 1, 5))
    assert turns(known) == (date(2025, 1, 4), date(2026, 1, 5))
    assert begun is not None
    assert ended is not None
    assert ended.shift[RATE] == pytest.approx(-begun.shift[RATE])
    assert turned(known, date(2026, 1, 4)) is None


@pytest.mark.parametrize("fields", [{"conditions": [{"code": "copd"}]}, {"birth_date": "1950-01-01"}, {"sex": "male"}])
def test_what_is_only_written_down_now_changes_nobody(fields: dict[str, Any]) -> None:
    assert change(profile(), profile(**fields), TODAY) is None


def test_an_operation_loosens_once_every_level_of_which_its_course_says_nothing() -> None:
    """What the course says is laid over the level day by day: the level itself stays, and as firm as it was."""
    after = profile(**SURGERY)
    found, told = change(profile(), after, TODAY), expect(after, TODAY)
    assert found is not None
    wanted = load("design")["reopening"]["event_share"] * np.nan_to_num(told.sd_between)
    np.testing.assert_allclose(found.doubt, np.where(told.path == 0, wanted, 0.0))
    assert found.doubt[RATE] == 0
    assert told.path[RATE] > 10
    assert not found.shift.any()
    assert change(after, after, TODAY) is None


def test_a_course_of_long_ago_that_is_written_down_now_goes_from_the_level_before_it_is_laid_over_it() -> None:
    """Its path has been learned: what is expected on this day stays the same."""
    begun = TODAY - timedelta(days=40)
    after = profile(trajectories=[{"condition": "postop_cardiac", "anchor": "surgery", "date": begun.isoformat()}])
    found, path = change(profile(), after, TODAY), expect(after, TODAY).path
    assert found is not None
    assert path[RATE] > 5
    np.testing.assert_allclose(found.shift, -path)
    assert change(after, profile(), TODAY) is None


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


@pytest.mark.parametrize("known_before", [True, False])
def test_a_drug_that_was_taken_years_ago_too_is_given_back_when_it_is_stopped(known_before: bool) -> None:
    """A course of tablets now and then: what is on record of the last one does not hide the end of this one."""
    past, now = {"code": "metoprolol", "start": "2024-03-01", "stop": "2024-03-07"}, METOPROLOL["medications"]
    begun, ending = change(profile(), profile(**METOPROLOL), TODAY), now[0] | {"stop": "2026-01-19"}
    before, after = profile(medications=[past, *now] if known_before else now), profile(medications=[past, ending])
    found = [change(before, after, date(2026, 1, 20)), turned(after, date(2026, 1, 20))]
    found += [change(before, profile(medications=[past]), date(2026, 1, 20))] if known_before else []
    assert begun is not None
    for ended in found:
        assert ended is not None
        np.testing.assert_allclose(ended.shift, -begun.shift, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(profiles, profiles)
def test_without_another_drug_or_course_nothing_moves(one: Profile, other: Profile) -> None:
    same = {"medications": one.medications, "trajectories": one.trajectories, "conditions": one.conditions}
    assert change(one, other.model_copy(update=same), TODAY) is None
