"""What the care team is told of devices: stories of days and nights, and of what must not be told."""

from datetime import datetime

import numpy as np
import pytest

from models.detectors.silence import LATEST_S
from models.times import US_PER_S, rfc3339, to_us
from streams.engine import standing
from streams.engine.links import DEVICES_PER_ROW_MAX
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from streams.engine.step import step
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, SETTINGS, START_US, Log, one_by_one, run
from tests.engine.wearing import SCALE, TEN_MINUTES_US, WATCH, change, daily, jumped, off, technical, watched, worn


def test_a_watch_that_is_taken_off_every_night_raises_nothing() -> None:
    log = watched()
    for _ in range(12):
        worn(log, 14)
        off(log, 10)
    assert run(log).alerts == []


def test_a_watch_that_charges_for_two_hours_every_night_raises_nothing() -> None:
    log = watched()
    for _ in range(8):
        worn(log, 22)
        off(log, 2)
    assert run(log).alerts == []


def test_a_watch_that_is_dead_for_a_day_is_one_alert_that_ends_with_its_data() -> None:
    log = watched()
    worn(log, 5 * 24, codes=("heart_rate", "spo2"))
    stopped = log.now_us - TEN_MINUTES_US
    off(log, 24)
    back = log.now_us
    worn(log, 2, codes=("heart_rate", "spo2"))
    told = run(log)
    assert technical(told) == [(f"silence.{WATCH}", "opened"), (f"silence.{WATCH}", "resolved")]
    opened, resolved = told.alerts
    assert (opened.kind, opened.severity, opened.category) == ("silence", "advisory", "technical")
    assert (opened.onset_at, opened.decided_at) == (rfc3339(stopped), rfc3339(stopped + 4 * HOUR_US))
    assert (resolved.decided_at, resolved.reason) == (rfc3339(back), "data are coming again")
    assert "worn and charged" in opened.explanation
    (finding,) = told.findings
    assert (finding.kind, finding.vitals, finding.direction, finding.value) == (
        "silence", ["heart_rate", "spo2"], "none", None,
    )  # fmt: skip


def test_a_watch_that_is_silent_once_more_is_not_said_to_be_back() -> None:
    log = watched()
    worn(log, 5 * 24)
    off(log, 24)
    worn(log, 1)
    off(log, 23)
    told = run(log)
    assert technical(told) == [(f"silence.{WATCH}", event) for event in ("opened", "resolved", "reopened")]
    assert told.alerts[-1].reason == "silent again"


def test_only_ticks_notice_silence() -> None:
    log = watched()
    worn(log, 5 * 24)
    for _ in range(48):
        log.wait(HOUR_US)
        log.read(patient="p-2", value=72.0)
    assert technical(run(log)) == []
    log.tick()
    assert technical(run(log)) == [(f"silence.{WATCH}", "opened")]


def test_one_vital_that_stops_is_told_once_the_device_has_sent_others_since() -> None:
    log = watched()
    worn(log, 5 * 24, codes=("heart_rate", "spo2"))
    worn(log, 12)
    told = run(log)
    assert technical(told) == [("silence.spo2", "opened")]
    assert told.alerts[0].title == "No oxygen saturation any more"
    worn(log, 1, codes=("heart_rate", "spo2"))
    assert technical(run(log))[1:] == [("silence.spo2", "resolved")]


def test_a_weekly_weight_raises_nothing_in_between() -> None:
    log = watched()
    daily(log, 70, every=7)
    assert run(log).alerts == []


def test_a_daily_weight_that_stops_is_told_after_two_mornings_not_after_one() -> None:
    log = watched()
    daily(log, 21)
    off(log, 30)
    assert technical(run(log)) == []
    off(log, 24)
    assert technical(run(log)) == [(f"silence.{SCALE}", "opened")]


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_the_night_in_which_the_clocks_change_is_a_night_like_any_other(day: str) -> None:
    log = watched(timezone="Europe/London")
    log.now_us = to_us(datetime.fromisoformat(f"{day}T07:30:00+00:00")) - 8 * DAY_US
    for _ in range(12):
        worn(log, 13)
        off(log, 11)
    assert run(log).alerts == []


def test_the_night_is_the_patients_own() -> None:
    """Taken off for ten hours from 21:00 local time is usual; from noon it is not."""
    log = watched(timezone="Asia/Tokyo")
    log.now_us = to_us(datetime.fromisoformat("2026-01-05T07:00:00+09:00"))
    for _ in range(6):
        worn(log, 14)
        off(log, 10)
    worn(log, 5)
    off(log, 10)
    told = run(log)
    assert technical(told) == [(f"silence.{WATCH}", "opened")]
    assert told.alerts[0].onset_at == "2026-01-11T02:50:00Z"


def test_a_device_that_another_one_replaces_is_not_missed() -> None:
    log = watched()
    worn(log, 4 * 24)
    worn(log, 3 * 24, device="urn:dev:watch-10")
    assert technical(run(log)) == []
    off(log, 48)
    assert technical(run(log)) == [("silence.urn:dev:watch-10", "opened")]


def test_a_device_that_was_given_back_is_not_missed() -> None:
    log = watched()
    worn(log, 4 * 24)
    log.profile(version=2, devices=[{"device": WATCH, "since": "2026-01-01", "until": "2026-01-09"}])
    off(log, 72)
    assert technical(run(log)) == []


def test_a_profile_that_gives_back_a_silent_device_ends_its_alert() -> None:
    log = watched()
    worn(log, 4 * 24)
    off(log, 72)
    log.profile(version=2, devices=[{"device": WATCH, "until": "2026-01-09"}])
    assert technical(run(log)) == [(f"silence.{WATCH}", "opened"), (f"silence.{WATCH}", "expired")]


def test_a_vital_that_is_withheld_is_not_missed() -> None:
    log = watched()
    worn(log, 4 * 24)
    log.profile(version=2, withheld=["heart_rate"])
    off(log, 72)
    assert technical(run(log)) == []


def test_a_device_that_is_read_out_once_a_day_arrives_once_a_day() -> None:
    log = watched()
    for _ in range(10):
        for k in range(144):
            log.read(device=WATCH, at_us=log.now_us - DAY_US + k * TEN_MINUTES_US)
        off(log, 24)
    assert run(log).alerts == []


def test_a_silence_that_a_person_resolved_is_told_again_after_a_day_each_time_and_not_before() -> None:
    """A nurse who cannot reach the patient closes it: the patient is as unwatched as before."""
    log = watched()
    worn(log, 4 * 24)
    off(log, 30)
    (opened,) = run(log).alerts
    for day in range(2):
        resolved_us = log.now_us
        log.act(opened.alert_id, "resolve", action_id=f"done-{day}")
        off(log, 23)
        assert technical(run(log))[-1][1] == "resolved"
        off(log, 25)
        again = run(log).alerts[-1]
        assert (again.alert_id, again.event, again.state) == (opened.alert_id, "reopened", "open")
        assert (again.onset_at, again.explanation) == (opened.onset_at, opened.explanation)
        assert again.decided_at == rfc3339(resolved_us + DAY_US)
        assert (again.notify, again.reason) == ("returned", "it was resolved, and is still so")
    worn(log, 1)
    told = technical(run(log))
    assert [event for _, event in told] == ["opened", *["resolved", "reopened"] * 2, "resolved"]
    assert run(log, one_by_one(log)[::97]).lines() == run(log).lines()


def test_what_comes_again_after_a_person_resolved_its_silence_is_not_told_of_and_may_be_silent_again() -> None:
    log = watched()
    worn(log, 4 * 24)
    off(log, 30)
    (opened,) = run(log).alerts
    log.act(opened.alert_id, "resolve")
    off(log, 2)
    worn(log, 30)
    assert [event for _, event in technical(run(log))] == ["opened", "resolved"]
    off(log, 30)
    assert [event for _, event in technical(run(log))] == ["opened", "resolved", "opened"]


def test_one_vital_that_stays_away_is_told_again_though_its_device_sends() -> None:
    log = watched()
    worn(log, 5 * 24, codes=("heart_rate", "spo2"))
    worn(log, 12)
    (opened,) = run(log).alerts
    log.act(opened.alert_id, "resolve")
    resolved_us = log.now_us
    worn(log, 18)
    off(log, 3)
    worn(log, 2.5)
    assert [event for _, event in technical(run(log))] == ["opened", "resolved"], "the device itself was back at once"
    worn(log, 1)
    again = run(log).alerts[-1]
    assert (again.alert_id, again.event) == (opened.alert_id, "reopened")
    assert again.decided_at == rfc3339(resolved_us + DAY_US)


@pytest.mark.parametrize("by_right", ["given back", "replaced"])
def test_what_is_silent_by_right_since_it_was_resolved_is_not_told_again(by_right: str) -> None:
    log = watched()
    worn(log, 4 * 24)
    off(log, 30)
    log.act(run(log).alerts[0].alert_id, "resolve")
    if by_right == "given back":
        log.profile(version=2, devices=[{"device": WATCH, "until": "2026-01-10"}])
        off(log, 72)
    else:
        worn(log, 72, device="urn:dev:watch-10")
    assert [event for _, event in technical(run(log))] == ["opened", "resolved"]


def test_that_it_was_resolved_is_known_after_a_restart_too() -> None:
    log = watched()
    worn(log, 4 * 24)
    off(log, 30)
    log.act(run(log).alerts[0].alert_id, "resolve")
    state, cut = PartitionState(), len(log)
    run(log, state=state)
    off(log, 25)
    again = restored(pack_dirty(state, 0).pages, 0)
    again.processed = cut - 1
    assert technical(run(log, state=again, begin=cut)) == [(f"silence.{WATCH}", "reopened")]


def test_a_vital_whose_data_are_too_old_is_unknown_at_that_moment_until_it_comes_again() -> None:
    log = watched()
    worn(log, 5 * 24)
    stopped = log.now_us
    off(log, 24)
    told = run(log)
    (last,) = [s for s in told.summaries if s.n == 0]
    assert (last.vital, last.state, last.mean, last.low) == ("heart_rate", "unknown", None, None)
    assert (last.start, last.period_s) == (rfc3339(stopped - TEN_MINUTES_US + 4 * HOUR_US - 5 * MINUTE_US), 900.0)
    worn(log, 2)
    assert run(log).summaries[-1].state == "normal"


def test_a_vital_that_a_profile_withholds_is_told_as_withheld() -> None:
    log = watched()
    worn(log, 4)
    log.profile(version=2, withheld=["heart_rate", "steps"])
    log.profile(version=3, withheld=["heart_rate", "steps"])
    told = [(s.vital, s.n, s.state) for s in run(log).summaries if s.n == 0]
    assert told == [("heart_rate", 0, "withheld"), ("steps", 0, "withheld")]


def test_states_of_patients_and_vitals_know_the_age_of_their_data() -> None:
    log, state = watched(), PartitionState()
    worn(log, 5 * 24)
    run(log, state=state)
    assert standing.patients_by_state(state)["normal"] == 1
    assert standing.vitals_by_state(state)["heart_rate"]["normal"] == 1
    begin = len(log)
    off(log, 24)
    run(log, state=state, begin=begin)
    assert standing.patients_by_state(state) == {"normal": 0, "deviating": 0, "unknown": 1, "withheld": 0}
    begin = len(log)
    log.profile(version=2, withheld=["heart_rate"])
    run(log, state=state, begin=begin)
    of_heart_rate = standing.vitals_by_state(state)["heart_rate"]
    assert of_heart_rate == {"normal": 0, "deviating": 0, "unknown": 0, "withheld": 1}


def test_one_device_more_than_are_watched_takes_the_place_of_one_long_silent_or_is_counted() -> None:
    log = watched()
    for n in range(DEVICES_PER_ROW_MAX + 1):
        log.read(device=f"d-{n}", id=f"r-{n}", value=72.0 + n)
    log.wait(MINUTE_US)
    log.tick()
    assert step(PartitionState(), log.slice(), SETTINGS).unwatched == 1
    off(log, 72)
    log.read(device="d-new")
    assert step(PartitionState(), log.slice(), SETTINGS).unwatched == 1


def long_story() -> Log:
    """Two devices, a night, an outage, a quiet source, a wrong clock, a profile."""
    log = watched(timezone="Europe/London")
    worn(log, 4 * 24, codes=("heart_rate", "spo2"))
    worn(log, 6)
    daily(log, 3)
    off(log, 30)
    worn(log, 3, codes=("heart_rate", "spo2"))
    jumped(log, 3, 2 * DAY_US)
    jumped(log, 2, -DAY_US)
    log.control(change("quiet", log.now_us))
    off(log, 8)
    log.control(change("flowing", log.now_us))
    off(log, 8)
    log.profile(version=2, withheld=["spo2"])
    worn(log, 2, device="urn:dev:watch-10")
    return log


@pytest.mark.parametrize("size", [3, 100])
def test_what_is_told_of_devices_does_not_depend_on_where_batches_end(size: int) -> None:
    log = long_story()
    whole = run(log)
    assert len(technical(whole)) >= 6
    assert run(log, one_by_one(log)[::size]).lines() == whole.lines()


def test_links_come_back_from_their_pages() -> None:
    log = long_story()
    whole = run(log)
    for cut in range(50, len(log), 157):
        state = PartitionState()
        first = run(part_of(log, cut), state=state)
        again = restored(pack_dirty(state, 0).pages, 0)
        again.processed = cut - 1
        second = run(log, state=again, begin=cut)
        assert first.lines()["alerts"] + second.lines()["alerts"] == whole.lines()["alerts"]


def part_of(log: Log, end: int) -> Log:
    return Log(records=log.records[:end], now_us=log.now_us, partition=log.partition)


def test_a_tick_without_work_looks_at_no_link() -> None:
    log, state = watched(), PartitionState()
    worn(log, 4 * 24)
    run(log, state=state)
    due = state.links.next_due_s
    assert due > (log.now_us // US_PER_S)
    assert len(state.links.due(due - 1)) == 0
    assert np.array_equal(state.links.due(due), [0])


@pytest.mark.timeout(30)
def test_time_that_links_cannot_tell_ends_all_the_same() -> None:
    """They know the time until the year 2105."""
    log = watched()
    worn(log, 1)
    log.now_us = (LATEST_S - 60) * US_PER_S
    log.read(code="heart_rate", device=WATCH)
    log.wait(60 * DAY_US)
    log.tick()
    assert run(log).received == 7


@pytest.mark.parametrize(("days", "every_us", "waited_d"), [(4, HOUR_US, 1.5), (2, HOUR_US, 8), (6, DAY_US, 8)])
def test_a_stream_is_not_taken_for_weekly_because_its_hub_also_brings_a_weight(
    days: int, every_us: int, waited_d: float
) -> None:
    """Four days of heart rates, hour by hour, say that nothing for a day and a half is a silence; daily ones do not."""
    log = Log()
    log.profile()
    for _ in range(days * DAY_US // every_us):
        log.read(value=72.0, device="hub")
        last_us = log.now_us
        log.wait(every_us)
        if (log.now_us - START_US) % DAY_US == 0:
            log.read(code="body_weight", value=80.0, device="hub")
    for _ in range(9):
        log.wait(DAY_US)
        log.read(code="body_weight", value=80.0, device="hub")
        log.tick()
    told = [alert for alert in run(log).alerts if alert.problem == "silence.heart_rate"]
    waited_us = to_us(datetime.fromisoformat(told[0].decided_at)) - last_us
    assert waited_d * DAY_US <= waited_us < (waited_d + 1.1) * DAY_US
