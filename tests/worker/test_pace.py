"""A worker that cannot keep up says so, and not a hundred times."""

import logging

import pytest

from streams import limits, metrics
from streams.pace import Pace

MANY = limits.BEHIND_RECORDS + 1


def behind() -> float:
    return next(sample.value for family in metrics.partitions_behind.collect() for sample in family.samples)


async def test_being_behind_is_said_once_a_minute_at_most(caplog: pytest.LogCaptureFixture) -> None:
    pace = Pace()
    with caplog.at_level(logging.WARNING, logger="streams.pace"):
        for _ in range(5):
            pace.note(0, MANY)
            pace.note(1, MANY)
        assert len(caplog.records) == 1
        pace._said_s -= limits.BEHIND_SAID_EVERY_S
        pace.note(2, 3)
    assert len(caplog.records) == 2
    assert str(2 * MANY) in caplog.messages[1]
    assert "[0, 1]" in caplog.messages[1]


async def test_who_has_caught_up_is_no_longer_behind() -> None:
    pace = Pace()
    pace.note(0, MANY)
    assert behind() == 1
    pace.note(0, limits.BEHIND_RECORDS)
    assert behind() == 0


async def test_partitions_that_went_to_others_are_not_complained_of(caplog: pytest.LogCaptureFixture) -> None:
    pace = Pace()
    pace.note(0, MANY)
    pace.forget()
    assert behind() == 0
    pace._said_s = float("-inf")
    caplog.clear()
    pace.note(1, 0)
    assert caplog.messages == []
