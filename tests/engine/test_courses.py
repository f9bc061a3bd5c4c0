"""The path of a recovery or an illness moves from day to day: who is on it is not told of, and who leaves it is."""

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from models import baseline
from models.expectation import expect
from models.profile import Profile
from models.times import to_us
from models.trajectory import anchored
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from streams.engine.step import step
from tests.engine.factories import DAY_US, HOUR_US, SETTINGS, START_US, Log, Told, one_by_one, run
from tests.engine.known import FIRST_DAY

BEFORE, AFTER, LEVEL = 30, 30, 64.0
SURGERY = date(2026, 1, 5) + timedelta(days=BEFORE)


def heart_after_surgery(day: int) -> float:
    """What the evidence expects over the usual level: conditions.yaml, trajectory_model of postop_major_abdominal."""
    return 14 * math.exp(-(max(day, 1) - 1) / 6) if day >= 0 else 0.0


def recovering(anchor: str = "surgery", condition: str = "postop_major_abdominal") -> dict[str, Any]:
    return {"trajectories": [{"condition": condition, "anchor": anchor, "date": SURGERY.isoformat()}]}


def nights(log: Log, levels: list[float], *, seed: int = 1, code: str = "resting_heart_rate", sd: float = 2.0) -> Log:
    for value in np.round(np.array(levels) + np.random.default_rng(seed).normal(0, sd, len(levels)), 2).tolist():
        log.read(code=code, value=value)
        log.wait(DAY_US)
        log.tick()
    return log


def story(course: list[float], *, told: bool = True, seed: int = 1, **fields: Any) -> Log:
    """Thirty nights at the usual level, then an operation and these steps above it."""
    log = Log()
    log.profile(**fields)
    nights(log, [LEVEL] * BEFORE, seed=seed)
    if told:
        log.profile(version=2, **recovering(), **fields)
    return nights(log, [LEVEL + step for step in course], seed=seed + 100)


ON_PATH = [heart_after_surgery(day) for day in range(AFTER)]


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_a_declared_illness_does_not_become_the_normal(seed: int) -> None:
    """Ten days of 5 /min, too little to be a deviation by itself: the band is where it was, by a tenth of its width."""
    log = Log()
    log.profile()
    nights(log, [LEVEL] * BEFORE, seed=seed)
    log.profile(version=2, **recovering("symptom_onset", "covid_ari"))
    nights(log, [LEVEL + 5] * 10 + [LEVEL] * 5, seed=seed + 100)
    bands = [s for s in run(log).summaries if s.n and s.vital == "resting_heart_rate" and s.expected is not None]
    before, after = bands[-16], bands[-1]
    assert None not in (before.expected, before.high, before.low, after.expected)
    assert abs(after.expected - before.expected) < 0.1 * (before.high - before.low)  # type: ignore[operator]


def test_who_is_first_seen_ill_is_not_held_to_the_level_of_the_illness() -> None:
    log = Log()
    log.profile(**recovering("symptom_onset", "covid_ari"))
    log.wait((BEFORE + 1) * DAY_US)
    nights(log, [82.0 - 1.5 * min(night, 10) for night in range(14)])
    known = [s.expected for s in run(log).summaries if s.n and s.expected is not None]
    assert known[-1] < 75
    assert not any(alert.problem == "resting_heart_rate.low" for alert in run(log).alerts)


@pytest.mark.parametrize(("zone", "hours"), [("UTC", -3), ("Asia/Tokyo", -12), ("Pacific/Honolulu", 7)])
def test_who_is_first_seen_on_the_morning_of_falling_ill_was_not_known_before(zone: str, hours: int) -> None:
    """Five in the morning by the patient's clock: in Tokyo that is the day before in UTC, and what the first nights of
    the illness taught was held until it was over."""
    log = Log()
    log.profile(timezone=zone, **recovering("symptom_onset", "covid_ari"))
    log.wait(BEFORE * DAY_US + hours * HOUR_US)
    nights(log, [82.0 - 1.5 * min(night, 10) for night in range(14)])
    known = [s.expected for s in run(log).summaries if s.n and s.expected is not None]
    assert known[-1] < 75


def found(told: Told) -> set[str]:
    return {f"{finding.rule.id} {finding.problem}" for finding in told.findings}


def expected(told: Told) -> list[float]:
    """Of every night since the operation."""
    nightly = [s.expected for s in told.summaries if s.n and s.vital == "resting_heart_rate"]
    return [value for value in nightly if value is not None][BEFORE - baseline_known() :]


def baseline_known() -> int:
    """Nights without a band: until one is known."""
    return int(baseline.settings().known_after[1])


def level(state: PartitionState, row: int = 0) -> float:
    return float(baseline.take(state.rows["base"], np.array([row])).x[0, 0])


@pytest.mark.parametrize("seed", range(3))
def test_a_recovery_on_its_path_is_no_alert(seed: int) -> None:
    assert found(run(story(ON_PATH, seed=seed))) == set()
    unsaid = found(run(story(ON_PATH, seed=seed, told=False)))
    assert "acute_deviation resting_heart_rate.high" in unsaid, "without a word of the operation it is one"


def test_what_is_expected_follows_the_path_from_day_to_day() -> None:
    """The level was learned before; nothing but the days moves what is expected."""
    log = Log()
    log.profile()
    nights(log, [LEVEL] * BEFORE, sd=0.3)
    log.profile(version=2, **recovering())
    nights(log, [LEVEL + step for step in ON_PATH], sd=0.3)
    np.testing.assert_allclose(expected(run(log)), LEVEL + np.array(ON_PATH), atol=1.0)


def test_a_recovery_leaves_the_usual_level_where_it_was() -> None:
    state = PartitionState()
    run(story(ON_PATH), state=state)
    assert level(state) == pytest.approx(LEVEL, abs=1.5)


STALLED = "po_stalled postop.stalled"


@pytest.mark.parametrize("seed", range(3))
def test_a_recovery_that_stalls_is_told_once_in_words(seed: int) -> None:
    stuck = [heart_after_surgery(min(day, 2)) for day in range(AFTER)]
    told = run(story(stuck, seed=seed))
    alerts = [alert for alert in told.alerts if alert.problem == "postop.stalled"]
    assert [alert.event for alert in alerts] == ["opened"]
    assert alerts[0].kind == "condition"
    assert alerts[0].severity == "advisory"
    assert (
        alerts[0].title
        == "Recovery after an operation: the resting heart rate has not come down as it should have by now"
    )
    day = (to_us(datetime.fromisoformat(alerts[0].onset_at)) - START_US) // DAY_US - BEFORE
    assert 6 <= day <= 14


def test_a_recovery_that_goes_on_after_a_stall_ends_its_alert() -> None:
    course = [heart_after_surgery(min(day, 2)) for day in range(16)] + [2.0] * 14
    told = run(story(course))
    assert [a.event for a in told.alerts if a.problem == "postop.stalled"] == ["opened", "resolved"]


def test_a_heart_that_hardly_rose_is_not_called_stalled_for_not_falling() -> None:
    assert found(run(story([2.0] * AFTER))) == set()


RISING = [LEVEL + 14 + 0.2 * day for day in range(AFTER)]


@pytest.mark.parametrize(("levels", "wanted"), [([LEVEL + step for step in ON_PATH[1:]], False), (RISING, True)])
def test_a_stall_is_found_of_somebody_who_was_never_seen_before_the_operation(
    levels: list[float], wanted: bool
) -> None:
    """No usual level is known; that nothing falls is seen all the same."""
    log = Log()
    log.profile(trajectories=[recovering()["trajectories"][0] | {"date": "2026-01-04"}])
    nights(log, levels, sd=1.0)
    assert (STALLED in found(run(log))) is wanted


def test_who_is_on_no_course_is_never_stalled() -> None:
    stuck = [heart_after_surgery(min(day, 2)) for day in range(AFTER)]
    assert STALLED not in found(run(story(stuck, told=False)))


def fever(day: int) -> float:
    """covid_ari of design.yaml courses: a degree for three days, gone after a week."""
    return float(np.interp(day, [0, 3, 7], [1.0, 1.0, 0.0]))


@pytest.mark.parametrize(("stays", "wanted"), [(7, False), (1, True)])
def test_an_expected_fever_is_none_and_one_that_does_not_go_is_told_of(stays: int, wanted: bool) -> None:
    """Body temperature under the floors' limits, so that only the own band can tell."""
    log = Log()
    log.profile()
    nights(log, [36.1] * BEFORE, code="body_temperature", sd=0.15)
    log.profile(version=2, **recovering("symptom_onset", "covid_ari"))
    course = [fever(day) if stays == 7 else fever(min(day, stays)) for day in range(14)]
    told = run(nights(log, [36.1 + step for step in course], code="body_temperature", sd=0.15, seed=2))
    assert ("acute_deviation body_temperature.high" in found(told)) is wanted


def test_it_does_not_matter_how_the_log_is_cut_or_where_it_was_stored() -> None:
    log = story([heart_after_surgery(min(day, 2)) for day in range(14)], timezone="Pacific/Auckland")
    whole = run(log)
    assert STALLED in found(whole)
    assert run(log, one_by_one(log)).lines() == whole.lines()
    state, told = PartitionState(), Told()
    for begin in range(0, len(log), 20):
        told.take(step(state, log.slice(begin, begin + 20), SETTINGS), begin)
        state = restored(pack_dirty(state, 0).pages, 0)
    assert told.lines() == whole.lines()


@pytest.mark.parametrize(("zone", "days"), [("Pacific/Auckland", 1), ("America/Los_Angeles", 0)])
def test_the_day_of_a_course_is_the_patients(zone: str, days: int) -> None:
    """At 20:00 UTC it is tomorrow in Auckland, and still today in Los Angeles."""
    at = to_us(datetime(2026, 1, 7, 20, tzinfo=UTC))
    state, log = PartitionState(), Log()
    log.profile(timezone=zone, trajectories=[{"condition": "postop_joint", "anchor": "surgery", "date": "2026-01-07"}])
    log.now_us = at
    log.read(code="heart_rate", value=70)
    run(log, state=state)
    day = (at + {"Pacific/Auckland": 13, "America/Los_Angeles": -8}[zone] * HOUR_US) // DAY_US
    passing = state.courses.passing(state, np.zeros(1, np.int64), np.zeros(1, np.int64), np.array([day]))
    assert passing.mean[0] == pytest.approx(8 * np.interp(days, [0, 7], [1, 0.6]))


def test_a_late_night_is_held_against_the_path_of_its_own_day() -> None:
    """A watch that was off for a week sends its nights all at once, when the path has nearly come down."""
    log = Log()
    log.profile()
    nights(log, [LEVEL] * BEFORE)
    log.profile(version=2, **recovering())
    begin = log.now_us
    log.wait(9 * DAY_US)
    for day in range(9):
        log.read(code="resting_heart_rate", value=LEVEL + heart_after_surgery(day), at_us=begin + day * DAY_US)
    log.wait(DAY_US)
    log.tick()
    assert found(run(log)) == set()


def test_days_of_many_patients_do_not_mix() -> None:
    """Each on another day of another course, and one on none."""
    log, courses = Log(), ("postop_major_abdominal", "postop_joint", "postop_cardiac")
    for n in range(6):
        begun = (date(2026, 1, 5) - timedelta(days=n)).isoformat()
        course = [{"condition": courses[n % 3], "anchor": "surgery", "date": begun}] if n else []
        log.profile(f"p-{n}", trajectories=course)
        log.read(patient=f"p-{n}", code="resting_heart_rate", value=70)
    state = PartitionState()
    run(log, state=state)
    first = START_US // DAY_US
    slot, day = np.repeat(np.arange(6), 4), np.tile(first + np.array([0, 1, 2, 5]), 6)
    vital = np.ones(24, np.int64)
    together = state.courses.passing(state, slot, vital, day).mean
    alone = [state.courses.passing(state, slot[k : k + 1], vital[:1], day[k : k + 1]).mean[0] for k in range(24)]
    assert together.tolist() == alone
    assert (together[:4] == 0).all()
    assert len(set(together[4:].round(6).tolist())) > 15


def test_a_weight_that_rises_as_it_should_in_pregnancy_is_no_news() -> None:
    """0.4 kg a week, from the twentieth week on; twice that is."""
    for a_week, wanted in ((0.4, set()), (0.9, {"body_weight.high"})):
        log = Log()
        begun = str(FIRST_DAY - timedelta(days=140))
        log.profile(trajectories=[{"condition": "pregnancy_preeclampsia", "anchor": "gestation", "date": begun}])
        for day in range(70):
            log.read(code="body_weight", value=round(70 + a_week * day / 7 + day % 3 * 0.2, 1))
            log.wait(DAY_US)
        assert {alert.problem for alert in run(log).alerts} == wanted, a_week


def test_when_a_pregnancy_is_known_since_is_not_when_it_began() -> None:
    known = {"code": "pregnancy_preeclampsia", "since": str(FIRST_DAY - timedelta(days=140))}
    profile = Profile.model_validate(
        {"patient": "p-1", "version": 1, "consent": {"monitoring": True}, "conditions": [known]}
    )
    assert [modifier for modifier in expect(profile, FIRST_DAY).modifiers if modifier.kind == "course"] == []
    assert anchored(profile, FIRST_DAY) == ()
