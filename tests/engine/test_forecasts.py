"""Low glucose foretold, from a real sensor's course: what the team is told, when, and how often."""

import csv
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from alerts.episodes import HAS_COME
from models.times import US_PER_S, to_us
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from streams.notifier.configuration import silent_because
from tests.engine.factories import HOUR_US, MINUTE_US, Log, Told, one_by_one, run

AHEAD, LOW = "glucose.low_ahead", "glucose.low"
STEP_US = 5 * MINUTE_US


def course() -> list[tuple[int, float]]:
    """Event time [us] and mg/dL, of tests/vectors/cgm (source and licence there)."""
    file = Path(__file__).parent.parent / "vectors" / "cgm" / "hall2018.csv"
    with file.open() as lines:
        return [(to_us(datetime.fromisoformat(str(r["time"]))), float(r["mg_dl"])) for r in csv.DictReader(lines)]


def worn(samples: list[tuple[int, float]], patient: str = "p-1") -> Log:
    log = Log(now_us=samples[0][0] - STEP_US)
    log.profile(patient)
    for at, value in samples:
        log.now_us = at
        log.read(patient=patient, code="glucose", value=value, device="cgm-1")
    return log


def steps(told: Told, problem: str) -> list[tuple[str, str | None]]:
    return [(a.event, a.reason) for a in told.alerts if a.problem == problem]


def falling(begin_us: int = 1_767_600_000 * US_PER_S) -> list[tuple[int, float]]:
    values = [130.0] * 6 + [130.0 - 3 * n for n in range(1, 20)]
    return [(begin_us + k * STEP_US, value) for k, value in enumerate(values)]


def test_a_real_fall_is_foretold_and_the_forecast_ends_without_a_message_when_it_has_come() -> None:
    samples = course()[76:]  # after a dip to 72 mg/dL at noon, which was foretold too
    told = run(worn(samples))
    low_at = next(at for at, value in samples if value < 70)
    ahead = [a for a in told.alerts if a.problem == AHEAD]
    assert (ahead[0].event, ahead[0].kind, ahead[0].severity) == ("opened", "condition", "urgent")
    assert ahead[0].title == "Glucose may fall below 70 mg/dL within half an hour"
    assert "has a chance of" in ahead[0].explanation
    assert low_at - HOUR_US < to_us(datetime.fromisoformat(ahead[0].event_at)) <= low_at - 10 * MINUTE_US
    events = [(a.problem, a.event) for a in told.alerts]
    opened = events.index((LOW, "opened"))
    assert events[opened - 1] == (AHEAD, "resolved"), "one problem, one alert"
    assert told.alerts[opened - 1].reason == HAS_COME
    assert silent_because(told.alerts[opened - 1]) is not None


def test_a_forecast_says_band_modifiers_quality_and_what_a_limit_for_everyone_would_have_said() -> None:
    log = Log()
    log.profile(conditions=[{"code": "diabetes_type1"}], birth_date="1950-04-02")
    for at, value in falling():
        log.now_us = at
        log.read(code="glucose", value=value, device="cgm-1", quality=0.8)
    (opened,) = run(log).alerts
    (evidence,) = opened.evidence
    _, rest = opened.explanation.split(" There is no band of the patient's own to compare with yet. ")
    assert evidence.modifiers
    assert rest == (
        f"Taken into account: {', '.join(evidence.modifiers)}. The device reported a signal quality of 80%. "
        "No limit for everyone is broken."
    )


def test_a_forecast_is_the_same_in_batches_of_any_size() -> None:
    log = worn(course())
    assert run(log).lines() == run(log, one_by_one(log)).lines()


@pytest.mark.parametrize("cut", [10, 100, 118, 122, 126, 140])
def test_a_forecast_goes_on_after_a_restart(cut: int) -> None:
    samples, state = course(), PartitionState()
    before = run(worn(samples[: cut - 1]), state=state)
    state = restored(pack_dirty(state, 0).pages, 0)
    after, whole = run(worn(samples), state=state, begin=cut), run(worn(samples))
    assert before.alerts + after.alerts == whole.alerts


def test_a_patient_without_a_glucose_sensor_pays_nothing() -> None:
    log, state = Log(), PartitionState()
    log.profile()
    log.read(code="heart_rate", value=72.0)
    run(log, state=state)
    assert len(state.forecasts.table) == 0


def test_what_a_person_ended_is_foretold_anew_if_it_goes_on() -> None:
    samples = falling()
    log = worn(samples)
    told = run(log)
    assert steps(told, AHEAD) == [("opened", None)]
    log.act(told.alerts[0].alert_id, type="resolve")
    for value in (72.0, 71.0):
        log.wait(STEP_US)
        log.read(code="glucose", value=value, device="cgm-1")
    assert [event for event, _ in steps(run(log), AHEAD)] == ["opened", "resolved", "reopened"]


def test_a_sample_from_before_the_newest_foretells_nothing_and_is_left_out() -> None:
    samples, plain, disturbed = falling(), PartitionState(), PartitionState()
    run(worn(samples), state=plain)
    log = worn(samples[:8])
    log.read(code="glucose", value=55.0, at_us=samples[3][0] + MINUTE_US, device="cgm-2")
    log.read(code="glucose", value=55.0, at_us=samples[0][0] - 9 * HOUR_US, device="cgm-2")
    for at, value in samples[8:]:
        log.now_us = at
        log.read(code="glucose", value=value, device="cgm-1")
    run(log, state=disturbed)
    assert np.array_equal(plain.forecasts.table, disturbed.forecasts.table)


def test_who_is_forgotten_or_withholds_glucose_leaves_no_filter_behind() -> None:
    for leave in ("forget", "withhold"):
        log, state = worn(falling()), PartitionState()
        if leave == "forget":
            log.forget()
        else:
            log.profile(version=2, withheld=["glucose"])
        run(log, state=state)
        assert not state.forecasts.table.view(np.uint8).any()
