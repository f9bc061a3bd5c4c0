"""The step pauses where it may take long: at each patient, event and part of a round, and nothing hangs on it."""

from collections.abc import Iterable
from typing import Any

import pytest

from streams.engine import pieces
from streams.engine.pages import pack_dirty
from streams.engine.pieces import at_once
from streams.engine.state import PartitionState
from streams.engine.step import Effects, EngineSettings, stepping
from tests.engine.factories import DAY_US, MINUTE_US, SECRET, Log, Told

MANY = 12
SETTINGS = EngineSettings(SECRET)
"""With people who have to answer, so that time alone brings something."""
CODES = ("heart_rate", "spo2")
VALUES = {"heart_rate": 72.0, "spo2": 97.0}
PEOPLE = [f"p-{n}" for n in range(MANY)]


def enrolled(**fields: Any) -> Log:
    """Profiles of all."""
    log = Log()
    for patient in PEOPLE:
        log.profile(patient, **fields)
    return log


def measured(log: Log, patients: Iterable[str] = PEOPLE) -> Log:
    """A reading of each vital of each of them."""
    for patient in patients:
        for code in CODES:
            log.read(patient=patient, code=code, value=VALUES[code], device=f"urn:dev:{patient}")
    return log


class Run:
    """Steps over a log that grows; `pauses` of the last one."""

    def __init__(self) -> None:
        self.state, self.told, self.begin, self.pauses = PartitionState(), Told(), 0, 0

    def step(self, log: Log) -> Effects:
        self.pauses, work = 0, stepping(self.state, log.slice(self.begin), SETTINGS)
        while True:
            try:
                next(work)
            except StopIteration as end:
                effects: Effects = end.value
                self.told.take(effects, self.begin)
                self.begin = len(log)
                return effects
            self.pauses += 1

    def later(self, log: Log, us: int) -> Effects:
        """A tick, after so much time."""
        log.wait(us)
        log.tick()
        return self.step(log)


def test_a_tick_after_months_pauses_for_each_patient_and_for_each_thing_to_tell() -> None:
    log, run = measured(enrolled()), Run()
    run.step(log)
    run.later(log, 10 * MINUTE_US)
    effects = run.later(log, 300 * DAY_US)
    assert len(effects.alerts) == MANY, "each patient's device is silent"
    assert run.pauses >= 2 * MANY


def test_a_tick_at_which_nobody_has_answered_pauses_for_each_patient() -> None:
    log, run = measured(enrolled()), Run()
    run.step(log)
    run.later(log, 300 * DAY_US)
    effects = run.later(log, 2 * DAY_US)
    assert len(effects.alerts) >= MANY
    assert run.pauses >= MANY


def test_a_chunk_of_profiles_pauses_at_each() -> None:
    run = Run()
    run.step(enrolled())
    assert run.pauses == MANY


def pauses_of_weights(**fields: Any) -> int:
    """At the tick that closes everybody's window of a weight."""
    log, run = enrolled(**fields), Run()
    for patient in PEOPLE:
        log.read(patient=patient, code="body_weight", value=71.0)
    run.step(log)
    run.later(log, DAY_US)
    return run.pauses


def test_windows_for_the_rules_of_conditions_pause_one_by_one() -> None:
    assert pauses_of_weights(conditions=[{"code": "heart_failure"}]) == pauses_of_weights() + MANY


def both(at_once_rows: int, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, list[str]], dict[bytes, bytes], int]:
    """What was told, the pages, and how often the last step paused, with so many rows in one piece."""
    monkeypatch.setattr(pieces, "ROWS_AT_ONCE", at_once_rows)
    log, run = enrolled(), Run()
    for _ in range(4):
        measured(log)
        log.wait(5 * MINUTE_US)
    measured(log, PEOPLE[::3])
    run.step(log)
    run.later(log, 20 * MINUTE_US)
    return run.told.lines(), dict(pack_dirty(run.state, 0, None).pages), run.pauses


def test_rows_of_a_round_in_parts_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    told, pages, pauses = both(1024, monkeypatch)
    in_parts = both(5, monkeypatch)
    assert in_parts[:2] == (told, pages)
    assert len(told["summaries"]) >= 2 * len(CODES) * MANY
    assert in_parts[2] >= pauses + len(CODES) * MANY // 5 - 1


def test_what_is_taken_at_once_is_what_comes_in_pieces() -> None:
    log, run = measured(enrolled()), Run()
    log.wait(300 * DAY_US)
    log.tick()
    run.step(log)
    whole = Told()
    whole.take(at_once(stepping(PartitionState(), log.slice(), SETTINGS)), 0)
    assert whole.lines() == run.told.lines()
