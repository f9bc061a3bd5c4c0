"""What a worker says when the clock of a machine was wrong: time stands still in its partitions."""

import logging

import pytest

from models.times import US_PER_S
from streams import limits
from streams.worker.ticker import Ahead
from tests.engine.factories import MINUTE_US, START_US
from tests.worker.gauges import gauge


async def test_a_clock_that_was_set_back_is_said_and_measured(caplog: pytest.LogCaptureFixture) -> None:
    ahead = Ahead()
    with caplog.at_level(logging.ERROR, logger="streams.worker.ticker"):
        for minute in range(3):
            ahead.look({0: START_US + 50 * MINUTE_US, 1: START_US}, START_US + minute * MINUTE_US)
    assert gauge("log_ahead_seconds") == 48 * 60
    (said,) = caplog.messages
    assert said.startswith("TIME STANDS STILL in partitions [0], 3000 s ahead of this machine's clock")


async def test_a_log_of_now_is_not_ahead(caplog: pytest.LogCaptureFixture) -> None:
    Ahead().look({0: START_US, 1: START_US + round(limits.LOG_AHEAD_S * US_PER_S)}, START_US)
    Ahead().look({0: START_US - MINUTE_US}, START_US)
    assert (gauge("log_ahead_seconds"), caplog.messages) == (0, [])
    Ahead().look({}, START_US)
    assert gauge("log_ahead_seconds") == 0
