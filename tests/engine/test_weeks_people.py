"""Slow changes, and what people say to them: it is over, it is normal now, this vital is nobody's business."""

from typing import Any

import numpy as np
import pytest

from streams.engine.state import PartitionState
from tests.engine.factories import DAY_US, Log, run
from tests.engine.slow import ALL, HEART, ILL, QUIET, STILL, Vitals, life, lived


@pytest.mark.parametrize(("what", "again"), [("resolve", True), ("new_normal", False)])
def test_what_goes_on_after_a_person_ended_it_is_raised_again_unless_it_is_normal_now(what: str, again: bool) -> None:
    log = life(HEART)
    alert = next(alert for alert in run(log).alerts if alert.problem == "resting_heart_rate.high")
    log.act(alert.alert_id, what, reason="seen")
    random = np.random.default_rng(4)
    for _ in range(12):
        log.read(patient="p-1", code="resting_heart_rate", value=round(67 + random.normal(0, 2.6), 2), unit="/min")
        log.wait(DAY_US)
        log.tick()
    after = [alert for alert in run(log).alerts if alert.event in ("opened", "reopened")][1:]
    assert bool([alert for alert in after if alert.problem == "resting_heart_rate.high"]) == again


SLIGHTER: Vitals = {name: (level, 0.9 * shift, unit, sd) for name, (level, shift, unit, sd) in ALL.items()}
"""Each so little that none of them drifts by itself, also when weeks have passed."""


@pytest.mark.parametrize(("what", "again"), [("resolve", True), ("new_normal", False)])
def test_what_several_vitals_say_together_is_told_again_unless_it_is_normal_now(what: str, again: bool) -> None:
    log = life(SLIGHTER)
    opened = next(alert for alert in run(log).alerts if alert.problem == "change_index")
    log.act(opened.alert_id, what, reason="seen")
    begin = len(log)
    lived(log, SLIGHTER, range(QUIET + ILL, QUIET + ILL + 20))
    since = [alert for alert in run(log).alerts if alert.problem == "change_index" and alert.event == "reopened"]
    assert bool(since) == again
    assert run(log, [begin - 1, begin]).lines() == run(log).lines()


def test_a_new_normal_of_several_vitals_leaves_alone_those_with_which_nothing_is_wrong() -> None:
    vitals, learned = SLIGHTER | {"systolic_bp": STILL["systolic_bp"]}, list[Any]()
    log = life(vitals)
    opened = next(alert for alert in run(log).alerts if alert.problem == "change_index")
    for what in ("resolve", "new_normal"):
        acted, state = Log([*log.records], log.now_us), PartitionState()
        acted.act(opened.alert_id, what, reason="seen")
        run(acted, state=state)
        learned.append(state.rows["base"]["n"][: state.row_count] > 0)
    anew = {list(vitals)[row] for row in np.flatnonzero(learned[0] & ~learned[1]).tolist()}
    assert anew
    assert anew <= set(ALL)


def test_who_withdraws_consent_for_a_vital_leaves_none_of_its_weeks_behind() -> None:
    log, state = life(HEART), PartitionState()
    log.profile("p-1", version=2, withheld=["resting_heart_rate"])
    run(log, state=state)
    assert not state.weeks.table.view(np.uint8).any()


@pytest.mark.parametrize("lost", ["body_weight", "resting_heart_rate"])
def test_who_withdraws_consent_for_one_of_several_vitals_has_it_named_by_no_alert_about_them(lost: str) -> None:
    """The alert ends, and what the others say without it is another alert."""
    log = life(ALL)
    opened = next(alert for alert in run(log).alerts if alert.problem == "change_index")
    named_as = {"body_weight": "weight", "resting_heart_rate": "resting heart rate"}[lost]
    assert named_as in opened.explanation
    begin = len(log)
    log.profile("p-1", version=2, withheld=[lost])
    log.act(opened.alert_id, "comment", reason="what was it?")
    since = [alert for alert in run(log).alerts if alert.problem == "change_index"][-2:]
    assert [(alert.event, alert.state) for alert in since] == [("expired", "resolved"), ("updated", "resolved")]
    assert len(run(log, [begin]).alerts) == len(run(log).alerts)
    for alert in since:
        assert alert.explanation.startswith("It was about several vitals together, and consent to one of them was")
        assert named_as not in alert.explanation
        assert lost not in {one.vital for one in alert.evidence}


def test_what_the_other_vitals_say_without_the_one_that_is_withdrawn_is_told_again() -> None:
    more: Vitals = {
        "resting_heart_rate": (60, 2.8, "/min", 2.6), "respiratory_rate": (15, 0.9, "/min", 0.9),
        "skin_temperature": (34, 0.5, "Cel", 0.4), "hrv_rmssd": (40, -4.5, "ms", 5),
        "body_weight": (80, 0.5, "kg", 0.5),
    }  # fmt: skip
    log, until = life(ALL | more, QUIET + 8), QUIET + 15
    log.profile("p-1", version=2, withheld=["body_weight"])
    others = {name: one for name, one in (ALL | more).items() if name != "body_weight"}
    lived(log, others, range(QUIET + 8, until))
    *_, ended, again = [alert for alert in run(log).alerts if alert.problem == "change_index"]
    assert (ended.event, again.event, again.alert_id) == ("expired", "reopened", ended.alert_id)
    assert "respiratory rate up" in again.explanation
    assert "weight" not in again.explanation
