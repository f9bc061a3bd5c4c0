"""Runs of readings beyond a safety floor, against the plain-Python oracle and story by story."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.detectors.crossings import STATE
from models.detectors.floors import MOST_COUNTED
from models.findings import SEVERITIES
from tests.models.floor_oracle import FLOORS, META, Crossing, Lane, S
from tests.models.judging import GAP_US, START, One, opened, run, table
from tests.models.splits import cuts

CLEAR_US = META["clear"]["for_s"] * S
EARLIER_STEP_US = (1, 900 * S)
WITH_FLOORS = sorted({rule["vital"] for rule in FLOORS})


def by_hand(readings: list[One]) -> list[list[Crossing]]:
    rows: dict[int, list[Lane]] = {}
    found = []
    for r in readings:
        rules = [rule for rule in FLOORS if rule["vital"] == r.vital]
        lanes = rows.setdefault(r.row, [Lane(rules, step, lane == 0) for lane, step in enumerate(EARLIER_STEP_US)])
        now = lanes[0] if r.lane and r.live else None
        told = lanes[r.lane].reading(
            r.value, r.at, rest=r.rest, spot=r.spot, apart=r.apart, same=r.same, now=now, device=r.device
        )
        found.append(sorted(told, key=str))
    return found


@st.composite
def logs(draw: st.DrawFn) -> list[One]:
    """Up to three rows, in runs of like values that crowd around their limits; late readings may go back in time. What
    one device measures, another may contradict."""
    vitals = draw(st.lists(st.sampled_from(WITH_FLOORS), min_size=1, max_size=3))
    latest: dict[tuple[int, int], int] = {}
    readings = []
    for _ in range(draw(st.integers(1, 12))):
        row = draw(st.integers(0, len(vitals) - 1))
        limits = [rule["limit"] for rule in FLOORS if rule["vital"] == vitals[row]]
        value = draw(st.sampled_from(limits)) + draw(st.sampled_from([-30, -1, 0, 0, 1, 30]))
        lane = draw(st.sampled_from([0, 0, 0, 1]))
        for _ in range(draw(st.integers(1, 4))):
            before = latest.get((row, lane), START - GAP_US)
            step = draw(st.sampled_from([0, 30, 60, 300, 301, 600, 900, 1800, 1801, 3600, 7200]))
            at = before + (step if lane == 0 else draw(st.sampled_from([step, -step]))) * S
            latest[row, lane] = at
            rest = draw(st.sampled_from([True, True, False]))
            live, apart = lane == 0 or draw(st.booleans()), at - before > GAP_US
            spot = apart and (lane == 0 or not live or draw(st.booleans()))
            same, device = abs(at - before) < S, draw(st.sampled_from([1, 1, 2, 3]))
            shown = value if device == 1 else draw(st.sampled_from([value, *limits]))
            readings.append(One(row, vitals[row], shown, at, rest, lane, spot, live, apart, same, device))
    return readings


@settings(max_examples=150)
@given(logs(), st.data())
def test_floors_are_the_oracle_in_batches_of_any_size(readings: list[One], data: st.DataObject) -> None:
    want = by_hand(readings)
    assert run(table(3), readings) == want
    states, got = table(3), []
    for part in data.draw(cuts(len(readings))):
        got += run(states, readings[part])
    assert got == want


@given(logs())
def test_a_row_that_is_not_busy_has_nothing_to_remember(readings: list[One]) -> None:
    """`busy` is what lets the rounds step over readings: it must never be off while something runs."""
    states = table(3)
    for reading in readings:
        run(states, [reading])
        one = states[reading.row]
        runs = one["run_n"].any() or one["of_device"]["n"].any()
        assert bool(one["busy"]) == bool(runs or one["open"].any())


def streamed(values: list[float], step_s: int = 300, **same: Any) -> list[One]:
    return [One(0, "spo2", value, START + k * step_s * S, **same) for k, value in enumerate(values)]


def words(found: list[list[Crossing]]) -> list[tuple[int, str, str | None]]:
    """What is told of each reading, but that it breaks an open rule once more."""
    told = [(i, word, name) for i, crossings in enumerate(found) for word, _, _, name, _ in crossings]
    return [one for one in told if one[1] != "again"]


def test_one_contrary_reading_begins_the_wait_anew() -> None:
    assert words(run(table(), streamed([97, 87, 87, 97, 87, 87, 87]))) == [(6, "raise", "spo2_low")]


def test_what_another_device_measures_does_not_begin_the_wait_anew() -> None:
    """An oximeter says 87 % every five minutes, and in between a watch says 97 %; then it is the oximeter that does."""
    oximeter, watch = streamed([87, 87, 87]), streamed([97, 97], device=2)
    watch = [replace(one, at=one.at + 60 * S) for one in watch]
    both = sorted([*oximeter, *watch], key=lambda one: one.at)
    assert words(run(table(), both)) == [(4, "raise", "spo2_low")]
    both[2] = replace(both[2], value=97)
    assert words(run(table(), both)) == []


def test_a_device_that_was_laid_aside_does_not_go_on_with_its_run() -> None:
    watch = streamed([97] * 8, device=2)
    oximeter = [One(0, "spo2", 87, START + k * (GAP_US + S) + 60 * S) for k in range(2)]
    assert words(run(table(), sorted([*watch, *oximeter], key=lambda one: one.at))) == []


def test_a_second_cuff_within_the_limits_is_the_second_opinion() -> None:
    cuffs = [One(0, "systolic_bp", value, START + k * 120 * S, device=k % 2) for k, value in enumerate([185, 130, 185])]
    assert "sbp_crisis" not in [name for _, _, name in words(run(table(), cuffs))]


@pytest.mark.parametrize(("value", "device", "step_s", "crisis"), [
    (185, 2, 2, False), (185, 2, 59, False), (185, 2, -40, False), (186, 2, 40, True), (185, 1, 40, True),
    (185, 2, 60, True),
])  # fmt: skip
def test_one_measurement_that_two_apps_relay_does_not_confirm_itself(
    value: float, device: int, step_s: int, crisis: bool
) -> None:
    """One app may tell it in whole minutes. Another value, or the same device again, is another measurement."""
    cuff = [One(0, "systolic_bp", 185, START), One(0, "systolic_bp", value, START + step_s * S, device=device)]
    assert ("sbp_crisis" in [name for _, _, name in words(run(table(), cuff))]) == crisis


def test_a_cuff_confirms_itself_though_another_app_relays_what_it_measures() -> None:
    cuff = [One(0, "systolic_bp", 185, START + k * 45 * S, device=k % 2 + 1) for k in range(3)]
    assert [(i, name) for i, _, name in words(run(table(), cuff))][-1] == (2, "sbp_crisis")


def test_samples_that_two_apps_relay_are_counted_once() -> None:
    """Below 54 mg/dL the third of a run is an emergency."""
    sensor = [One(0, "glucose", value, START + k * 300 * S) for k, value in enumerate([90, 52, 51, 50])]
    again = [replace(one, at=one.at + 5 * S, device=2) for one in sensor]
    both = [one for pair in zip(sensor, again, strict=True) for one in pair]
    for readings in (sensor, both):
        told = words(run(table(), readings))
        assert [(readings[i].at - START) // S for i, _, name in told if name == "glucose_level2_low"] == [900]


def test_more_devices_than_are_followed_are_judged_together() -> None:
    """Also where all of them are beyond the limit; what has not been heard of for longest makes room."""
    many = [One(0, "spo2", 87, START + k * 60 * S, device=k % 5 + 1) for k in range(11)]
    assert words(run(table(), many)) == [(10, "raise", "spo2_low")]


def test_a_problem_that_grows_worse_is_raised_once_more_and_one_that_grows_milder_is_not() -> None:
    found = run(table(), streamed([87, 87, 87, 79, 79, 87, 79]))
    assert words(found) == [(2, "raise", "spo2_low"), (3, "raise", "spo2_critical")]
    assert found[3][0][4] == START, "it began when the first of the open rules did"


def test_two_readings_ten_minutes_apart_back_inside_clear() -> None:
    assert words(run(table(), streamed([79, 97, 97, 97], CLEAR_US // S // 2))) == [
        (0, "raise", "spo2_critical"),
        (3, "clear", None),
    ]
    assert words(run(table(), streamed([79, 97, 87, 97, 97]))) == [(0, "raise", "spo2_critical")]


def test_a_milder_limit_does_not_keep_a_worse_one_open() -> None:
    """Back at 165, a crisis is over and the next one is news."""
    values, step_s = [185, 185, 165, 165, 165, 150, 150, 185, 185], CLEAR_US // S
    cuff = [One(0, "systolic_bp", value, START + k * step_s * S) for k, value in enumerate(values)]
    assert words(run(table(), cuff)) == [
        (0, "raise", "sbp_high_advisory"), (1, "raise", "sbp_crisis"),
        (3, "eased", "sbp_high_advisory"), (6, "clear", None), (7, "raise", "sbp_high_advisory"),
        (8, "raise", "sbp_crisis"),
    ]  # fmt: skip


def test_one_device_does_not_end_the_worst_limit_while_another_is_beyond_it() -> None:
    """An oximeter that says 80 % every quarter of an hour is no new crisis each time because a watch says 87 %."""
    watch = [One(0, "spo2", 87, START + k * 60 * S, device=1) for k in range(83)]
    oximeter = [One(0, "spo2", 80, START + (k * 15 + 11) * 60 * S + S, device=2) for k in range(3)]
    both = sorted(watch + oximeter, key=lambda one: one.at)
    assert [(word, rule) for _, word, rule in words(run(table(), both)) if word in ("raise", "eased")] == [
        ("raise", "spo2_low"), ("raise", "spo2_very_low"), ("eased", "spo2_low"),
    ]  # fmt: skip


def test_what_is_kept_of_the_worst_limit_lies_in_the_holes_of_before() -> None:
    """A page of before is read as one in which nothing has been counted."""
    old = {name: one for name, one in (STATE.fields or {}).items() if not name.startswith("eased")}
    before = np.dtype([(name, one[0]) for name, one in old.items()], align=True)
    assert before.itemsize == STATE.itemsize
    assert {name: one[1] for name, one in (before.fields or {}).items()} == {name: one[1] for name, one in old.items()}


def test_exercise_neither_clears_nor_confirms_a_heart_that_raced_at_rest() -> None:
    """A rate of 190 on a run is not a rate back inside the limit for rest."""
    resting = One(0, "heart_rate", 185, START)
    running = [One(0, "heart_rate", 190, START + k * CLEAR_US, rest=False) for k in (1, 2, 3)]
    calm = [One(0, "heart_rate", 70, START + k * CLEAR_US) for k in (4, 5)]
    found = words(run(table(), [resting, *running, *calm]))
    assert found == [(0, "raise", "hr_high_critical"), (5, "clear", None)]


def test_late_readings_neither_reset_nor_complete_a_live_run() -> None:
    live = streamed([87, 87, 87])
    late_good = One(0, "spo2", 97, live[1].at - 60 * S, lane=1)
    late_bad = One(0, "spo2", 87, live[1].at - 120 * S, lane=1)
    assert words(run(table(), [*live[:2], late_good, live[2]])) == [(3, "raise", "spo2_low")]
    assert words(run(table(), [*live[:2], late_bad, late_bad])) == []


def test_late_readings_make_a_run_in_whatever_order_they_come() -> None:
    late = [One(0, "spo2", 87, START + at * S, lane=1) for at in (300, 0, 600)]
    assert run(table(), late)[2] == [("raise", 0, SEVERITIES.index("urgent"), "spo2_low", START)]


def test_moving_about_does_not_interrupt_a_run_at_rest() -> None:
    """At rest, on a walk, at rest again: the walk says nothing either way about the rate at rest."""
    log = [One(0, "heart_rate", 140, START + k * 600 * S, rest=k != 1) for k in range(4)]
    assert words(run(table(), log)) == [(3, "raise", "hr_high_red")]


def test_late_readings_do_not_clear_a_live_problem() -> None:
    late = [One(0, "spo2", 97, START - k * CLEAR_US, lane=1) for k in (4, 3, 2, 1)]
    assert words(run(table(), [*streamed([79]), *late])) == [(0, "raise", "spo2_critical")]


def test_an_earlier_reading_of_a_run_puts_its_beginning_right() -> None:
    """Live at once; late, a quarter of an hour at a time, since a history may come newest first."""
    live = [One(0, "spo2", value, START + at * S) for value, at in ((79, 40), (79, 60), (79, 20), (97, 80), (79, 0))]
    found = [
        (i, what, name, since // S - START // S)
        for i, f in enumerate(run(table(), live))
        for what, *_, name, since in f
        if what != "again"
    ]
    assert found == [
        (0, "raise", "spo2_critical", 40), (2, "earlier", "spo2_critical", 20), (4, "earlier", "spo2_critical", 0),
    ]  # fmt: skip
    late = [One(0, "spo2", 79, START + 3600 * S - k * 60 * S, lane=1) for k in range(40)]
    assert words(run(table(), late)) == [(0, "raise", "spo2_critical"), *(
        (k, "earlier", "spo2_critical") for k in (1, 16, 31)
    )]  # fmt: skip


def test_a_crisis_of_blood_pressure_wants_a_second_reading() -> None:
    cuff = [
        One(0, "systolic_bp", value, START + k * 60 * S, spot=k == 0) for k, value in enumerate([190, 170, 190, 190])
    ]
    assert words(run(table(), cuff)) == [(0, "raise", "sbp_high_advisory"), (3, "raise", "sbp_crisis")]


def test_a_reading_that_is_relayed_twice_is_not_the_second_of_a_run() -> None:
    """Two apps send what one cuff measured; ten minutes of glucose are not over with two samples that came twice."""
    cuff = [
        One(0, "systolic_bp", 190, START + at * S, same=again) for at, again in ((0, False), (0, True), (60, False))
    ]
    assert [i for i, _, rule in words(run(table(), cuff)) if rule == "sbp_crisis"] == [2]
    sensor = [One(0, "glucose", 50, START + k // 2 * 299 * S, same=bool(k % 2)) for k in range(6)]
    assert [i for i, _, rule in words(run(table(), sensor)) if rule == "glucose_level2_low"] == [4]


CGM_STEPS_S = st.sampled_from([60, 240, 285, 299, 300, 301, 330, 600, 899, 900, 930])


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([53.9, 53, 48, 54, 60]), max_size=12), CGM_STEPS_S, st.lists(st.booleans(), max_size=12)
)
def test_on_every_prefix_level_2_is_told_by_the_third_sample_of_a_run(
    values: list[float], step_s: int, missing: list[bool]
) -> None:
    """A run of samples below 54 mg/dL that follow each other, at any sampling, is told at its third at the latest."""
    states, at, run_n = table(), START, 0
    for k, value in enumerate(values):
        at += step_s * S * (2 if k < len(missing) and missing[k] else 1)
        run_n = run_n + 1 if value < 54 else 0
        run(states, [One(0, "glucose", value, at)])
        assert "glucose_level2_low" in opened(states, "glucose") or run_n < 3


@pytest.mark.parametrize(("step_s", "sample"), [(300, 2), (299, 2), (900, 1)])
def test_level_2_low_glucose_is_told_in_time_at_the_samplings_in_use(step_s: int, sample: int) -> None:
    states = table()
    for k in range(3):
        run(states, [One(0, "glucose", 50, START + k * step_s * S)])
        assert ("glucose_level2_low" in opened(states, "glucose")) == (k >= sample)


def test_a_stream_does_not_begin_a_limit_for_spot_readings_but_goes_on_with_it() -> None:
    """A sleeper's 49 /min on a stream is left to the own band; once a spot reading has told, the stream clears it."""
    beat = [One(0, "heart_rate", 49, START + k * 60 * S) for k in range(30)]
    assert words(run(table(), beat)) == []
    later = [One(0, "heart_rate", value, START + k * 600 * S, spot=k == 0) for k, value in enumerate([49, 49, 60, 60])]
    assert words(run(table(), later)) == [(0, "raise", "hr_low_advisory"), (3, "clear", None)]


def test_a_live_reading_beyond_an_open_limit_is_noticed_again_and_a_late_one_is_not() -> None:
    daily = [One(0, "systolic_bp", 165, START + k * 86_400 * S, spot=True) for k in range(3)]
    found = run(table(), daily)
    assert [[word for word, *_ in f] for f in found] == [["raise"], ["again"], ["again"]]
    assert found[2] == [("again", 1, SEVERITIES.index("advisory"), "sbp_high_advisory", daily[2].at)]
    late = [One(0, "systolic_bp", 165, START - k * 86_400 * S, lane=1, spot=True) for k in range(3)]
    assert "again" not in {word for f in run(table(), late) for word, *_ in f}


def test_counts_stop_before_they_overflow() -> None:
    states = table()
    run(states, streamed([79]))
    states["run_n"][0, 0, :4] = MOST_COUNTED
    run(states, streamed([79, 79]))
    assert states["run_n"][0, 0].max() == MOST_COUNTED
