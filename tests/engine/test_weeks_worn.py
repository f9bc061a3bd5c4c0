"""A drift of who takes the watch off at night: days at rest are held against each other, as nights are."""

from datetime import datetime

import numpy as np

from models.detectors import worn
from streams.engine.pages import pack_dirty, restored
from streams.engine.state import PartitionState
from tests.engine.factories import DAY_US, HOUR_US, MINUTE_US, Log, run

KNOWN, RISES = worn.settings().after_days + 30, 14
"""Days after which the level is known, and in which it rises."""


def watched(days: int, faster: float = 0, nights: range = range(0)) -> Log:
    """A heart that is streamed from eight in the morning to ten in the evening, and steps, which quicken it by a third;
    over two weeks it comes to beat so much faster. nights: days on which the watch is worn from midnight on."""
    log, random = Log(), np.random.default_rng(4)
    log.profile("p-1", timezone="UTC")
    midnight_us = log.now_us - 8 * HOUR_US
    for day in range(days):
        level = 70 + random.normal(0, 2.5) + faster * min(max((day - KNOWN) / RISES, 0), 1)
        for half in range(0 if day in nights else 16, 44):
            log.now_us = midnight_us + day * DAY_US + half * 30 * MINUTE_US
            walks, asleep = half >= 16 and half % 3 == 0, half < 16
            log.read(code="steps", value=900 * walks)
            log.read(code="heart_rate", value=round(level + random.normal(0, 2) + 22 * walks - 9 * asleep))
    log.wait(HOUR_US)
    log.tick()
    return log


def test_a_heart_that_rises_for_two_weeks_is_told_of_who_takes_the_watch_off_at_night() -> None:
    log = watched(KNOWN + RISES, faster=12)
    told = run(log)
    (found,) = [one for one in told.findings if one.kind == "drift"]
    assert (found.problem, found.event_at[11:13]) == ("heart_rate.high", "08"), "as the next day begins"
    began, at = (datetime.fromisoformat(time) for time in (told.summaries[0].start, found.event_at))
    assert KNOWN + 3 <= (at - began).days <= KNOWN + RISES
    opened = next(alert for alert in told.alerts if alert.kind == "drift")
    assert "night" not in opened.explanation


def test_a_state_put_back_from_its_pages_goes_on_with_days() -> None:
    log, state = watched(KNOWN + RISES, faster=12), PartitionState()
    cut = len(log) - 12 * 56 - 9
    before = run(Log(log.records[:cut]), state=state)
    again = run(log, state=restored(pack_dirty(state, 0).pages, 0), begin=cut)
    for name, lines in run(log).lines().items():
        assert before.lines()[name] + again.lines()[name] == lines


def test_what_was_learned_of_days_is_not_held_against_nights() -> None:
    days = KNOWN + RISES
    log, state = watched(days, nights=range(KNOWN, days)), PartitionState()
    assert not [one for one in run(log, state=state).findings if one.kind == "drift"]
    heart = state.weeks.table[state.weeks.table["day"].argmax() :][:1]
    assert not worn.by_day(heart)[0]
    assert heart["held"][0] + heart["n"][0] < RISES
