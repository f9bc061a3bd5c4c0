"""How the suite is shared out among processes: module by module, what takes longest first.

The suite waits for brokers and browsers half of its time: with others at work meanwhile it takes half as long. A test
that measures time, or that loads the machine by itself, is marked `alone`: then no other test runs.
"""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

PROCESSES_MAX = 6
"""Each has brokers of its own: a JVM of some hundred MB."""
TOGETHER = ("tests/faults/",)
"""Folders in which something is dear to set up for all modules: one process runs them."""
APART = "tests/simulation/test_schedules.py"
"""Many that are independent: each goes to whoever is free, after all others, so that all processes end together."""
ROOM = "HOMEBEAT_TEST_ROOM"
LONGEST = ("tests/faults/", "tests/worker/", "tests/desk/", "tests/cli/")
"""What begins first: something long that begins last would be waited for."""


class Modules(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Tests that share what a module sets up stay in one process."""

    @property
    def collection_is_completed(self) -> bool:
        """Once and for all. xdist counts the processes that are there: one that comes for the last of them, which has
        crashed, would get nothing to do, and nobody an end."""
        return self.collection is not None or super().collection_is_completed

    def schedule(self) -> None:
        """Each begins with two modules, or the word that there is no more: a process keeps its last test until then."""
        super().schedule()
        for node in self.nodes:
            self._reschedule(node)

    def remove_node(self, node: object) -> str | None:
        """The test in which a process crashed: it has failed, and only what is left goes to others. xdist would give
        them the same test to crash in, and modules in which nothing is left."""
        work = self.assigned_work[node]
        crashed = next((name for tests in work.values() for name, done in tests.items() if not done), None)
        if crashed is not None:
            work[group(crashed)][crashed] = True
        for module in [module for module, tests in work.items() if all(tests.values())]:
            del work[module]
        super().remove_node(node)
        return crashed

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def processes(config: pytest.Config) -> int:
    """Three more than there are cores for a folder or for everything: while some wait for a broker or a browser, others
    compute. For single modules none beside this one."""
    single = any(".py" in argument for argument in config.args)
    return 0 if single else min(len(os.sched_getaffinity(0)) + 3, PROCESSES_MAX)


def group(nodeid: str) -> str:
    """What a test stays together with."""
    module = nodeid.partition("::")[0]
    return nodeid if module == APART else next((one for one in TOGETHER if module.startswith(one)), module)


def rank(nodeid: str) -> tuple[bool, int]:
    """Where a test stands in the order; among equals it is the order of the files."""
    places = (place for place, start in enumerate(LONGEST) if nodeid.startswith(start))
    return nodeid.startswith(APART), next(places, len(LONGEST))


class Room:
    """Where tests of all processes are at work: many at once, or one alone. Who waits to be alone lets no other in."""

    def __init__(self, folder: Path) -> None:
        self._door, self._room = folder / "door.lock", folder / "room.lock"

    @contextlib.contextmanager
    def entered(self, alone: bool) -> Iterator[None]:
        """For the block."""
        with open(self._door, "w") as door, open(self._room, "w") as room:
            fcntl.flock(door, fcntl.LOCK_EX)
            fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            fcntl.flock(door, fcntl.LOCK_UN)
            try:
                yield
            finally:  # not by closing: a process that a test left behind may have the file too
                fcntl.flock(room, fcntl.LOCK_UN)


def room() -> Room:
    """That of this run of the suite, which the first of its processes has made."""
    return Room(Path(os.environ[ROOM]))


def make_room(config: pytest.Config) -> None:
    """One for all processes of this run: those that share the work are told of it by their environment."""
    if not hasattr(config, "workerinput"):
        folder = tempfile.TemporaryDirectory(prefix="homebeat-tests-")
        config.add_cleanup(folder.cleanup)
        os.environ[ROOM] = folder.name
