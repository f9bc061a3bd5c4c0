"""A drug or an operation re-opens what was learned: its effect is neither an alarm, nor learned as slowly as a whim."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from models import baseline
from models.expectation import expect
from models.profile import Profile
from models.times import to_us
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from streams.engine.step import EngineSettings
from tests.engine.factories import DAY_US, SECRET, START_US, Log, Told, one_by_one, run

METOPROLOL: dict[str, Any] = {"medications": [{"code": "metoprolol", "start": "2026-02-04"}]}
BEFORE, AFTER = 30, 10
"""Days at one level, and at the other."""


def story(**second: Any) -> Log:
    """What comes is told on the day; `second`: what the second version of the profile adds."""
    return told_ahead(0, *[second] if second else [])


def level(log: Log, until: int | None = None) -> float:
    state = PartitionState()
    run(log if until is None else Log(log.records[:until], log.now_us), state=state)
    return float(baseline.take(state.rows["base"], np.zeros(1, np.int64)).x[0, 0])


def test_what_a_new_drug_does_is_no_alarm_and_is_learned_within_days() -> None:
    unsaid, said = story(), story(**METOPROLOL)
    assert "resting_heart_rate.low" in slow(run(unsaid)), "without a word of the drug it is one"
    assert slow(run(said)) == set()
    assert abs(level(said) - 62) < abs(level(unsaid) - 62)
    assert level(said) == pytest.approx(62, abs=2)


def test_a_drug_that_does_nothing_is_found_out_within_days() -> None:
    log = Log()
    log.profile("p-1")
    for day in range(BEFORE + AFTER):
        if day == BEFORE:
            log.profile("p-1", version=2, **METOPROLOL)
        log.read(patient="p-1", code="resting_heart_rate", value=74 + day % 3 - 1, unit="/min")
        log.wait(DAY_US)
        log.tick()
    assert slow(run(log)) == set()
    assert level(log) == pytest.approx(74, abs=2)


def test_the_same_profile_again_changes_no_byte_of_what_is_told() -> None:
    plain, again = run(story()), run(story(strata={"language": "en"}))
    assert plain.lines()["findings"] == again.lines()["findings"]


def told_ahead(days: int, *versions: dict[str, Any], every: int = 1, level: float = 62) -> Log:
    """A resting heart rate of 74 and after thirty days of another, measured `every` so many days; the second version
    of the profile comes some days ahead of that, each other one the day after the one before."""
    log, noise = Log(), np.random.default_rng(1).normal(0, 1.5, BEFORE + AFTER)
    log.profile("p-1")
    for day in range(BEFORE + AFTER):
        if 0 <= (nth := day - BEFORE + days) < len(versions):
            log.profile("p-1", version=2 + nth, **versions[nth])
        if day % every == 0:
            value = round((74 if day < BEFORE else level) + noise[day], 1)
            log.read(patient="p-1", code="resting_heart_rate", value=value, unit="/min")
        log.wait(DAY_US)
        log.tick()
    return log


def slow(told: Told) -> set[str]:
    return {found.problem for found in told.findings if found.kind in ("deviation", "drift")}


@pytest.mark.parametrize("days", [1, 3, 20])
def test_a_drug_that_is_announced_moves_the_level_on_the_day_on_which_it_is_begun(days: int) -> None:
    """Neither before that day nor never: it was prescribed in the evening, and is taken from the morning on."""
    log = told_ahead(days, METOPROLOL)
    assert slow(run(log)) == set()
    assert "resting_heart_rate.low" in slow(run(told_ahead(days, {})))
    assert level(log, until=1 + 2 * (BEFORE - 1)) == pytest.approx(74, abs=1.5)
    assert level(log) == pytest.approx(level(story(**METOPROLOL)), abs=0.7)


def test_a_drug_that_is_stopped_as_announced_gives_the_level_back() -> None:
    taken = {"medications": [{"code": "metoprolol", "start": "2025-06-01"}]}
    until = {"medications": [{"code": "metoprolol", "start": "2025-06-01", "stop": "2026-02-03"}]}
    stopped, silent = (told_ahead(9, taken, one, level=86) for one in (until, taken))
    assert slow(run(stopped)) == set()
    assert "resting_heart_rate.high" in slow(run(silent))


def test_what_was_announced_moves_a_level_once_however_many_versions_speak_of_it() -> None:
    once, often = told_ahead(3, METOPROLOL), told_ahead(3, *[METOPROLOL] * 8)
    assert level(often) == level(once)


def test_what_has_been_taken_back_before_its_day_moves_nothing() -> None:
    assert level(told_ahead(3, METOPROLOL, {"medications": []}, level=74)) == level(told_ahead(3, {}, level=74))


def test_a_vital_that_is_measured_seldom_is_moved_with_its_first_figure_after_that_day() -> None:
    """Also if a newer version of the profile has come between."""
    plain, newer = (told_ahead(2, *versions, every=4) for versions in ([METOPROLOL], [METOPROLOL] * 4))
    never = told_ahead(2, {}, every=4)
    assert level(newer) == level(plain)
    assert abs(level(plain) - 62) < abs(level(never) - 62)


def with_another(seed: int) -> Log:
    """A heart rate, streamed, on which a drug that was announced acts, and a weight that drifts up from some days
    before: each is judged at another place in the log."""
    log, random, weight = Log(), np.random.default_rng(seed), 80.0
    log.profile("p-1", timezone="UTC")
    for day in range(BEFORE + 12):
        weight += 0.25 * (day > BEFORE - 4)
        if day == BEFORE - 2:
            log.profile("p-1", version=2, timezone="UTC", **METOPROLOL)
        log.read(patient="p-1", code="body_weight", value=round(weight + random.normal(0, 0.3), 1), unit="kg")
        for _ in range(24):
            value = round(74 - 12 * (day >= BEFORE) + random.normal(0, 2), 1)
            log.read(patient="p-1", code="heart_rate", value=value, unit="/min")
            log.wait(DAY_US // 24)
        log.tick()
    return log


@pytest.mark.parametrize(
    "made",
    [
        lambda: told_ahead(0, METOPROLOL), lambda: told_ahead(3, METOPROLOL),
        lambda: told_ahead(2, METOPROLOL, {}, every=4), lambda: with_another(1), lambda: with_another(2),
    ],
)  # fmt: skip
def test_it_does_not_matter_how_the_log_is_cut(made: Callable[[], Log]) -> None:
    log = made()
    whole = run(log).lines()
    assert run(log, one_by_one(log)).lines() == whole == run(log, range(0, len(log), 60)).lines()
    assert whole["findings"] or len(log) < 200


@pytest.mark.parametrize("day", [BEFORE - 1, BEFORE, BEFORE + 1])
def test_what_is_known_of_the_vitals_on_the_day_does_not_depend_on_the_cut_either(day: int) -> None:
    log = with_another(1)
    until = next(n for n, record in enumerate(log.records) if record.arrived_us > START_US + (day + 0.9) * DAY_US)
    short, known = Log(log.records[:until], log.now_us), list[bytes]()
    cuts: Iterable[int]
    for cuts in ((), one_by_one(short), range(0, until, 24)):
        state = PartitionState()
        run(short, cuts, state=state)
        known.append(state.weeks.budgets.tobytes() + state.weeks.table[["week", "week_day", "open"]].tobytes())
    assert known[0] == known[1] == known[2]


def test_a_trajectory_that_is_announced_loosens_on_its_day_what_no_table_speaks_of() -> None:
    """Discharge after a flare of COPD: no course says how the pulse goes on."""
    discharge = {"trajectories": [{"condition": "copd", "anchor": "discharge", "date": "2026-02-04"}]}
    doubts = [doubt(told_ahead(days, discharge)) for days in (0, 3)]
    assert doubts[1] == pytest.approx(doubts[0], rel=0.2)
    assert doubts[1] > 1.3 * doubt(told_ahead(3, {}))


def doubt(log: Log) -> float:
    """How firmly the level is held at the end of the day of the announcement [SD]."""
    state = PartitionState()
    begin = next(n for n, record in enumerate(log.records) if record.arrived_us > START_US + (BEFORE + 1) * DAY_US)
    run(Log(log.records[:begin], log.now_us), state=state)
    return float(np.sqrt(baseline.take(state.rows["base"], np.zeros(1, np.int64)).p[baseline.DIAGONAL[0], 0]))


@pytest.mark.parametrize("begun", ["2026-03-29", "2026-10-25"])
@pytest.mark.parametrize("first", [time(23, 30), time(0, 30)])
def test_on_a_day_on_which_clocks_change_a_drug_is_begun_once(begun: str, first: time) -> None:
    """As on the same day a week before. The last reading before the clocks change is of the eve, or of that day."""
    on = date.fromisoformat(begun)
    moved, usual = (moved_by_metoprolol(day, first) for day in (on, on - timedelta(7)))
    assert usual < -1
    assert moved == pytest.approx(usual, abs=0.2)


def moved_by_metoprolol(on: date, first: time) -> float:
    """How far a drug that is begun on that day moves the level. Two readings a day: the first, and the other at eight;
    the last of them on that day."""
    levels, zone = [], ZoneInfo("Europe/Berlin")
    for drugs in [{"medications": [{"code": "metoprolol", "start": on.isoformat()}]}, {}]:
        times = [
            datetime.combine(on - timedelta(n), at, zone) for n in range(30, -1, -1) for at in sorted((first, time(8)))
        ]
        log = Log(now_us=to_us(times[0]))
        log.profile("p-1", None, timezone=zone.key, **drugs)
        for n, at in enumerate(one for one in times if one.date() < on or one.time() <= time(8)):
            log.now_us = to_us(at)
            log.read(patient="p-1", code="resting_heart_rate", value=74 + n % 3 - 1, unit="/min")
        log.wait(DAY_US // 6)
        log.tick()
        levels.append(level(log))
    return levels[0] - levels[1]


DARK: dict[str, Any] = {"skin_tone": {"scale": "monk", "value": 9}}


@pytest.mark.parametrize("first", [{}, DARK, None])
def test_a_skin_tone_that_is_measured_later_makes_the_oximeter_as_unsure_as_one_known_from_the_start(
    first: dict[str, Any] | None,
) -> None:
    """first: the profile of before, if any; the second one has dark skin, a third one does not."""
    assert doubted(first, DARK) == pytest.approx(doubted(DARK))
    assert doubted(DARK) > 1.2 * doubted({})
    assert doubted(first, DARK, {}) == pytest.approx(doubted({}))


def doubted(*versions: dict[str, Any] | None) -> float:
    """The doubt about the oximeter after the last of these versions, each of which was read under."""
    log, state = Log(), PartitionState()
    for version, fields in enumerate(versions, 1):
        if fields is not None:
            log.profile("p-1", None, version=version, **fields)
        log.read(patient="p-1", code="spo2", value=96, unit="%")
        log.wait(DAY_US)
    run(log, state=state, settings=EngineSettings(SECRET, monitor_unknown=True))
    return float(state.rows["prior"]["sd_meas"][0])


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
@pytest.mark.parametrize("first", [datetime(2026, 2, 3, 20, tzinfo=UTC), datetime(2026, 2, 4, 3, tzinfo=UTC)])
def test_who_is_first_seen_around_the_day_of_a_new_drug_has_its_effect_once(zone: str, first: datetime) -> None:
    """The day is that of the patient: in Greenwich it is another one at three in the morning, or in the evening."""
    assert known_since(zone, first) == pytest.approx(known_since("UTC", first), abs=0.01)


def known_since(zone: str, first: datetime) -> float:
    """The level of a patient who is first seen at this local time, and again twice two days later."""
    log = Log(now_us=to_us(first.replace(tzinfo=ZoneInfo(zone))))
    log.profile("p-1", None, timezone=zone, **METOPROLOL)
    for wait_us in (2 * DAY_US, DAY_US, DAY_US):
        log.read(patient="p-1", code="resting_heart_rate", value=60, unit="/min")
        log.wait(wait_us)
        log.tick()
    return level(log)


TOKYO: dict[str, Any] = {"timezone": "Asia/Tokyo"}


def in_tokyo(first: dict[str, Any] | None, second: dict[str, Any], code: str = "heart_rate", every_h: int = 1) -> Told:
    """Somebody in Tokyo, whose pulse is lowest at three in the morning there, and their second version of a profile."""
    log, random = Log(now_us=START_US - 8 * 3600 * 1_000_000), np.random.default_rng(3)
    if first is not None:
        log.profile("p-1", None, **first)
    for hour in range(0, 32 * 24, every_h):
        if hour == 20 * 24:
            log.profile("p-1", None, version=2, **second)
        day = 1.0 - np.cos(2 * np.pi * (hour + 9 - 3) / 24)
        level = {"heart_rate": 60 + 8 * day, "body_temperature": 36.2 + 0.25 * day}[code]
        log.read(code=code, value=round(level + random.normal(0, 0.15 if level < 40 else 3), 2))
        log.wait(every_h * DAY_US // 24)
        log.tick()
    return run(log, settings=EngineSettings(SECRET, monitor_unknown=True))


def expected_by_hour(told: Told) -> list[float]:
    """What was expected in the last day."""
    return [one.expected for one in told.summaries if one.n and one.expected is not None][-24:]


@pytest.mark.parametrize(("first", "second"), [({}, TOKYO), (None, TOKYO), (TOKYO, {})])
def test_where_a_patient_lives_may_be_told_later_and_the_rhythm_is_as_it_was(
    first: dict[str, Any] | None, second: dict[str, Any]
) -> None:
    told, known = in_tokyo(first, second), in_tokyo(TOKYO, TOKYO)
    assert slow(told) == slow(known) == set()
    np.testing.assert_allclose(expected_by_hour(told), expected_by_hour(known), atol=1.5)


def test_a_vital_that_is_measured_at_one_hour_has_not_drifted_because_that_hour_has_a_name_now() -> None:
    assert slow(in_tokyo({}, TOKYO, "body_temperature", every_h=24)) == set()


COPD: dict[str, Any] = {"birth_date": "1948-01-01", "conditions": [{"code": "copd"}], "usual": {"spo2": 90}}


def first_days(*versions: dict[str, Any] | None, code: str = "spo2", value: float = 90) -> tuple[Log, PartitionState]:
    """Versions of a profile, each with a reading, an hour apart; then some days with one a day."""
    log, state = Log(), PartitionState()
    for version, fields in enumerate(versions, 1):
        if fields is not None:
            log.profile("p-1", None, version=version, **fields)
        log.read(code=code, value=value + version % 2)
        log.wait(DAY_US // 24)
    for day in range(10):
        log.wait(DAY_US)
        log.read(code=code, value=value + day % 2)
        log.tick()
    run(log, state=state, settings=EngineSettings(SECRET, monitor_unknown=True))
    return log, state


@pytest.mark.parametrize("first", [{}, None])
def test_a_profile_that_is_completed_after_the_first_reading_counts_as_one_that_was_so_before_it(
    first: dict[str, Any] | None,
) -> None:
    """Readings of 90 % teach nobody's band: what it begins from is what it stays."""
    for code, value in (("spo2", 90.0), ("respiratory_rate", 21.0)):
        bases = [baseline.take(first_days(*said, code=code, value=value)[1].rows["base"], np.zeros(1, np.int64))
                 for said in ((COPD, COPD), (first, COPD), ({}, {}))]  # fmt: skip
        assert bases[1].x[0] == pytest.approx(bases[0].x[0], abs=0.3)
        assert bases[1].s2 == pytest.approx(bases[0].s2, rel=0.2)
        assert code != "spo2" or abs(bases[2].x[0] - bases[0].x[0]) > 0.8


def test_a_drug_of_the_first_days_moves_a_level_of_which_little_is_known_once() -> None:
    with_drug = {"medications": [{"code": "metoprolol", "start": "2026-01-05"}]}
    levels = [level(one) for one in (told_at_once({}, {}), told_at_once({}, with_drug))]
    effect = expect_of(with_drug) - expect_of({})
    assert levels[1] - levels[0] == pytest.approx(effect, abs=0.2)


def told_at_once(*versions: dict[str, Any]) -> Log:
    log = Log()
    for version, fields in enumerate(versions, 1):
        log.profile("p-1", version=version, **fields)
        if version == 1:
            log.read(code="resting_heart_rate", value=66)
            log.wait(2 * DAY_US // 24)
            log.tick()
    return log


def expect_of(fields: dict[str, Any]) -> float:
    document = {"patient": "p-1", "version": 1, "consent": {"monitoring": True}} | fields
    return float(expect(Profile.model_validate(document), date(2026, 1, 5)).mean[1])


def test_a_version_that_says_nothing_new_in_the_first_days_changes_nothing() -> None:
    once, again = (run(first_days(COPD, *more)[0]).lines() for more in ([None], [COPD]))
    assert again == once


@pytest.mark.parametrize("cut", [27, 28, 29, 30, 31])
def test_what_is_announced_is_known_after_a_restart(cut: int) -> None:
    log, state = told_ahead(3, METOPROLOL), PartitionState()
    begin = 2 * cut + 2
    run(Log(log.records[:begin], log.now_us), state=state)
    again = restored(pack_dirty(state, 0).pages, 0)
    assert run(log, state=again, begin=begin).lines() == run(log, state=state, begin=begin).lines()
