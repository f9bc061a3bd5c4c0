"""A course runs from its anchor: the expected path, and how unsteady people are on it."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from models.evidence import load
from models.expectation import describe, expect
from models.prior import from_scale
from models.profile import Profile
from models.rules import plan
from models.situation import situation
from models.trajectory import anchored, ill, moving_until, phase
from models.vitals import BY_NAME, VITALS
from tests.models.profiles import TODAY, profile


def after(days: int) -> date:
    return TODAY + timedelta(days=days)


def course(condition: str, anchor: str, **fields: Any) -> Profile:
    return profile(trajectories=[{"condition": condition, "anchor": anchor, "date": TODAY.isoformat()}], **fields)


def path(known: Profile, vital: str, day: int) -> float:
    """The passing part of the expected level on that day since TODAY, in the canonical unit."""
    e, i = expect(known, after(day)), BY_NAME[vital].index
    scale = VITALS[i].scale
    return from_scale(scale, float(e.mean[i])) - from_scale(scale, float(e.mean[i] - e.path[i]))


@pytest.mark.parametrize(
    ("condition", "anchor", "day", "expected"),
    [
        ("heart_failure", "discharge", 0, "vulnerable_post_discharge"),
        ("heart_failure", "discharge", 30, "vulnerable_post_discharge"),
        ("heart_failure", "discharge", 31, "early_stable"),
        ("heart_failure", "discharge", 5000, "stable"),
        ("heart_failure", "discharge", -1, None),
        ("heart_failure", "surgery", 1, None),
        ("postop_major_abdominal", "surgery", 0, "pod0_2"),
        ("postop_major_abdominal", "surgery", 91, None),
        ("chemo_neutropenia", "cycle_day1", 0, "infusion"),
        ("chemo_neutropenia", "cycle_day1", 6, "nadir"),  # the seventh day of the cycle
        ("chemo_neutropenia", "cycle_day1", 14, "recovery"),
        ("covid_ari", "symptom_onset", 6, "deterioration_window"),  # began after 'acute', which still runs
        ("pregnancy_preeclampsia", "gestation", 139, "first_half"),
        ("pregnancy_preeclampsia", "gestation", 140, "second_half"),
        ("diabetes_type1", "exercise_end", 0, "post_exercise"),
        ("no_such_condition", "surgery", 0, None),
    ],
)
def test_the_phase_is_that_of_the_day(condition: str, anchor: str, day: int, expected: str | None) -> None:
    found = phase(condition, anchor, TODAY, after(day))
    assert (found and found.id) == expected


def test_a_phase_says_where_the_patient_is_in_words() -> None:
    found = phase("chemo_neutropenia", "cycle_day1", TODAY, after(7))
    assert found is not None
    assert (found.day, found.label) == (8, "Cytotoxic chemotherapy / febrile neutropenia risk, day 8 of the cycle")
    assert "fever = emergency" in found.expected


def test_a_pregnancy_is_counted_in_whole_weeks() -> None:
    """20 weeks and 6 days are week 20, as people who look after pregnancies say it."""
    found = [phase("pregnancy_preeclampsia", "gestation", TODAY, after(day)) for day in (139, 140, 146, 147)]
    assert [one.label.rsplit(", ", 1)[1] for one in found if one] == [
        f"week {week} of pregnancy" for week in (19, 20, 20, 21)
    ]


def test_every_phase_of_the_evidence_can_be_reached() -> None:
    for entry in load("conditions")["conditions"]:
        rows = [row for row in entry["phases"] if "anchor" in row]
        anchors = {row["anchor"] for row in rows}
        met = {phase(entry["id"], a, TODAY, after(d)) for a in anchors for d in range(-60, 400)} - {None}
        assert {found.id for found in met if found} == {row["id"] for row in rows}


def test_an_unsteady_phase_widens_what_its_condition_moves_and_only_then() -> None:
    known, i = course("heart_failure", "discharge"), BY_NAME["body_weight"].index
    early, late = expect(known, after(10)), expect(known, after(100))
    assert early.sd_within[i] == pytest.approx(1.2 * late.sd_within[i])
    assert "Heart failure, day 10 after discharge: varies 1.2 times as much" in describe(early, i)
    assert early.sd_within[BY_NAME["glucose"].index] == late.sd_within[BY_NAME["glucose"].index]


def test_the_heart_settles_after_an_operation_as_cited() -> None:
    known = course("postop_major_abdominal", "surgery")
    falling = [path(known, "resting_heart_rate", day) for day in (1, 4, 7, 14, 28)]
    cited = [14 * 2.718281828 ** (-(day - 1) / 6) for day in (1, 4, 7, 14, 28)]  # trajectory_model rhr_delta
    assert falling == pytest.approx(cited, abs=0.6)
    assert path(known, "resting_heart_rate", -1) == 0
    assert path(known, "resting_heart_rate", 60) == 0


def test_steps_come_back_after_an_operation_as_cited() -> None:
    known, usual = course("postop_major_abdominal", "surgery"), expect(profile(), TODAY)
    i = BY_NAME["steps"].index
    share = {day: float(expect(known, after(day)).mean[i] - usual.mean[i]) for day in (1, 28, 91)}
    assert share[1] == pytest.approx(-1.5)
    assert from_scale("ln", share[28]) == pytest.approx(0.64, abs=0.01)  # open abdominal surgery
    assert share[91] == 0


def test_an_old_operation_moves_nothing() -> None:
    known = profile(conditions=[{"code": "postop_cardiac", "since": "2019-03-01"}, {"code": "covid_ari"}])
    assert expect(known, TODAY).modifiers == ()


def test_a_recovery_without_a_trajectory_runs_from_its_date() -> None:
    known = profile(conditions=[{"code": "postop_cardiac", "since": TODAY.isoformat()}])
    assert path(known, "resting_heart_rate", 0) == pytest.approx(18)


def test_an_expected_fever_ends_so_that_a_failure_to_improve_shows() -> None:
    known = course("covid_ari", "symptom_onset")
    assert path(known, "body_temperature", 1) == pytest.approx(1.0)
    assert path(known, "body_temperature", 8) == 0
    assert path(known, "resting_heart_rate", 12) == 0  # the relative bradycardia is not expected either


def test_pregnancy_follows_the_medians_of_its_week_and_ends_with_the_birth() -> None:
    pregnant = course("pregnancy_preeclampsia", "gestation", sex="female", birth_date="1995-01-01")
    for week, median in ((12, 114), (40, 121)):
        e = expect(pregnant, after(7 * week))
        assert e.mean[BY_NAME["systolic_bp"].index] == pytest.approx(median)
    resting, spot = (path(pregnant, vital, 200) for vital in ("resting_heart_rate", "heart_rate"))
    assert resting == pytest.approx(spot)
    assert spot > 10
    both = profile(
        trajectories=[
            {"condition": "pregnancy_preeclampsia", "anchor": "gestation", "date": TODAY.isoformat()},
            {"condition": "pregnancy_preeclampsia", "anchor": "birth", "date": after(260).isoformat()},
        ]
    )
    assert [at.anchor for at in anchored(both, after(259))] == ["gestation"]
    assert [at.anchor for at in anchored(both, after(265))] == ["birth"]
    assert expect(both, after(265)).mean[BY_NAME["systolic_bp"].index] == pytest.approx(121)
    assert path(both, "systolic_bp", 300) == 0


@pytest.mark.parametrize("listed", [True, False])
def test_six_weeks_after_a_birth_the_rules_of_pregnancy_are_over(listed: bool) -> None:
    """Until the next one begins; whether or not the list of problems was put in order."""
    events = [("gestation", -280), ("birth", 0), ("gestation", 700)]
    known = profile(
        conditions=[{"code": "pregnancy_preeclampsia"}] if listed else [],
        trajectories=[
            {"condition": "pregnancy_preeclampsia", "anchor": anchor, "date": after(day).isoformat()}
            for anchor, day in events
        ],
    )
    assert [day for day in (-10, 0, 42, 43, 699, 700, 900) if "pe_htn" in held(known, after(day))] == [
        -10, 0, 42, 700, 900,
    ]  # fmt: skip


def test_a_cycle_that_nobody_wrote_down_does_not_end_the_watch_for_fever() -> None:
    assert "fn_single" in held(course("chemo_neutropenia", "cycle_day1"), after(60))


def test_a_new_cycle_replaces_the_last() -> None:
    cycles = [{"condition": "chemo_neutropenia", "anchor": "cycle_day1", "date": after(d).isoformat()} for d in (0, 21)]
    at = anchored(profile(trajectories=cycles), after(22))
    assert [(c.condition, c.days) for c in at] == [("chemo_neutropenia", 1)]


def test_who_leaves_hospital_recovers_all_the_same() -> None:
    """Nothing is counted from the discharge: it ends neither what is expected nor what is watched."""
    operated = [{"condition": "postop_major_abdominal", "anchor": "surgery", "date": TODAY.isoformat()}]
    home = [{"condition": "postop_major_abdominal", "anchor": "discharge", "date": after(5).isoformat()}]
    known, left = profile(trajectories=operated), profile(trajectories=operated + home)
    for day in (4, 5, 8, 40):
        assert anchored(left, after(day)) == anchored(known, after(day))
        np.testing.assert_array_equal(expect(left, after(day)).mean, expect(known, after(day)).mean)
    assert "po_temp" in held(left, after(8))


def test_an_event_of_which_nothing_is_known_does_not_hide_since_when_an_infection_lasts() -> None:
    ill = {"conditions": [{"code": "covid_ari", "since": TODAY.isoformat()}]}
    tested = [{"condition": "covid_ari", "anchor": "positive_test", "date": after(1).isoformat()}]
    assert anchored(profile(**ill, trajectories=tested), after(2)) == anchored(profile(**ill), after(2))
    assert [at.anchor for at in anchored(profile(trajectories=tested), after(2))] == ["positive_test"]


def test_an_anchor_is_understood_however_it_is_written() -> None:
    for written in ("surgery", " Surgery", "SURGERY"):
        assert path(course("postop_cardiac", written), "resting_heart_rate", 0) == pytest.approx(18)
    assert phase_names(course("covid_ari", "Symptom onset"), 1) == ["acute"]


def held(known: Profile, on: date) -> set[str]:
    """The limits that are watched on that day."""
    return {rule.id for group in plan(situation(known, on), False).limits.values() for rule in group}


def phase_names(known: Profile, day: int) -> list[str]:
    return [one.id for one in expect(known, after(day)).phases]


def test_a_course_also_holds_where_only_a_personal_level_is_known() -> None:
    known = course("postop_cardiac", "surgery")
    assert expect(known, after(1)).path[BY_NAME["body_weight"].index] == pytest.approx(3)
    weighed = course("postop_cardiac", "surgery", weight_kg=80.0)
    assert expect(weighed, after(1)).mean[BY_NAME["body_weight"].index] == pytest.approx(83)


@pytest.mark.parametrize(
    ("condition", "anchor"),
    [
        ("postop_major_abdominal", "surgery"),
        ("postop_cardiac", "surgery"),
        ("covid_ari", "symptom_onset"),
        ("chemo_neutropenia", "cycle_day1"),
        ("heart_failure", "discharge"),
        ("pregnancy_preeclampsia", "gestation"),
        ("pregnancy_preeclampsia", "birth"),
    ],
)
def test_a_course_says_until_when_it_moves_anything(condition: str, anchor: str) -> None:
    known = course(condition, anchor)
    last = moving_until(known)
    assert last is not None
    moved = {day for day in range(-5, 400) if moves(known, after(day))}
    assert max(moved) <= (last - TODAY).days <= max(moved) + 1, "one day more at most: where a path ends at zero"


def moves(known: Profile, on: date) -> bool:
    e = expect(known, on)
    return bool(e.path.any() or (e.path_factor != 1).any() or ill(known, on))


def test_the_days_of_a_declared_illness_are_counted_from_its_own_beginning_only() -> None:
    """Days 0 to 12 since symptoms began (design.yaml declared_illness), whatever else is dated; the latest counts."""
    onset, again = ({"condition": "covid_ari", "anchor": "symptom_onset", "date": after(d).isoformat()} for d in (0, 9))
    other = {"condition": "postop_cardiac", "anchor": "surgery", "date": after(2).isoformat()}
    days = range(-2, 25)
    assert [ill(profile(trajectories=[onset, other]), after(d)) for d in days] == [0, 0, *range(1, 14), *[0] * 12]
    assert [ill(profile(trajectories=[onset, again]), after(d)) for d in days] == [
        0, 0, *range(1, 10), *range(1, 14), 0, 0, 0,
    ]  # fmt: skip
    assert not any(ill(course("covid_ari", "positive_test"), after(d)) for d in days)


def test_who_is_on_no_course_has_none_that_moves_anything() -> None:
    assert moving_until(profile(conditions=[{"code": "copd"}, {"code": "covid_ari"}])) is None
    assert moving_until(course("copd", "discharge")) is None


def test_without_its_course_an_expectation_is_that_of_before() -> None:
    """A course is laid over the level; its doubt is the course's own, and goes with it."""
    known, never = expect(course("postop_major_abdominal", "surgery"), after(2)), expect(profile(), after(2))
    for name in ("mean", "sd_between", "sd_within", "sd_meas"):
        np.testing.assert_allclose(getattr(known.settled(), name), getattr(never, name), rtol=1e-12, err_msg=name)
    heart = BY_NAME["resting_heart_rate"].index
    assert known.path_sd[heart] == pytest.approx(known.path[heart] / 2)
    assert not known.settled().path.any()


def test_what_a_new_drug_does_is_unsure_while_it_settles() -> None:
    """As unsure as it is large on its first day, and sure after generic_settle_days; one of unknown age has."""
    known, old = (profile(medications=[{"code": "metoprolol"} | more]) for more in ({"start": TODAY.isoformat()}, {}))
    heart = BY_NAME["resting_heart_rate"].index
    effect = expect(known, TODAY).mean[heart] - expect(profile(), TODAY).mean[heart]
    assert effect < -5
    unsure = [float(expect(known, after(day)).settling_sd[heart]) for day in (0, 7, 14)]
    assert unsure == pytest.approx([-effect, -effect / 2, 0])
    assert moving_until(known) == after(13)
    assert not expect(old, TODAY).settling_sd.any()
    assert moving_until(old) is None
