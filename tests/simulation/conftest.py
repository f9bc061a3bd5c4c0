"""Begins the schedules when the suite begins, if they are part of it and other tests come first."""

import pytest

from tests.simulation.ahead import Ahead

AHEAD = pytest.StashKey[Ahead]()
MODULE = "tests/simulation/test_schedules.py"


def pytest_collection_finish(session: pytest.Session) -> None:
    """All tests are known."""
    mine = [place for place, item in enumerate(session.items) if item.nodeid.startswith(MODULE)]
    if mine and mine[0] > 0 and not session.config.option.collectonly:
        from tests.simulation.test_schedules import SEEDS, wrong_with

        session.config.stash[AHEAD] = Ahead(wrong_with, SEEDS)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The end, whatever it is."""
    if AHEAD in config.stash:
        config.stash[AHEAD].close()
