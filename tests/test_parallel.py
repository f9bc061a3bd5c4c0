"""Tests that are alone are alone, and the others are not kept apart for nothing."""

import fcntl
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import parallel
from tests.progress import Progress

PEOPLE = 12


@pytest.fixture
def room(tmp_path: Path) -> parallel.Room:
    return parallel.Room(tmp_path)


def test_who_is_not_alone_meets_others(room: parallel.Room) -> None:
    met = threading.Barrier(PEOPLE)

    def work(_: int) -> int:
        with room.entered(alone=False):
            return met.wait(20)

    with ThreadPoolExecutor(PEOPLE) as pool:
        assert sorted(pool.map(work, range(PEOPLE))) == list(range(PEOPLE))


def test_who_is_alone_meets_nobody(room: parallel.Room) -> None:
    inside: list[int] = []
    seen: list[tuple[bool, int]] = []

    def work(number: int) -> None:
        alone = number % 3 == 0
        for _ in range(20):
            with room.entered(alone):
                inside.append(number)
                seen.append((alone, len(inside)))
                inside.remove(number)

    with ThreadPoolExecutor(PEOPLE) as pool:
        list(pool.map(work, range(PEOPLE)))
    assert len(seen) == 20 * PEOPLE
    assert {others for alone, others in seen if alone} == {1}


def test_who_waits_to_be_alone_comes_before_those_who_come_later(room: parallel.Room) -> None:
    order: list[str] = []

    def alone() -> None:
        with room.entered(alone=True):
            order.append("alone")

    def later() -> None:
        with room.entered(alone=False):
            order.append("later")

    with room.entered(alone=False):
        first = threading.Thread(target=alone)
        first.start()
        until_somebody_is_at_the_door(room)
        second = threading.Thread(target=later)
        second.start()
        second.join(0.3)
        assert order == []
    first.join(30)
    second.join(30)
    assert order == ["alone", "later"]


def until_somebody_is_at_the_door(room: parallel.Room) -> None:
    end = time.monotonic() + 30
    with open(room._door, "w") as door:
        while True:
            try:
                fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            fcntl.flock(door, fcntl.LOCK_UN)
            assert time.monotonic() < end, "nobody came to the door"
            time.sleep(0.01)


def test_each_test_has_its_process_and_its_place() -> None:
    schedules = [f"{parallel.APART}::test_no_schedule[{n}]" for n in range(2)]
    names = [*schedules, "tests/models/test_units.py::test_b", "tests/faults/test_names.py::test_x[y/z::a]"]
    assert sorted(names, key=parallel.rank) == [names[3], names[2], *schedules]
    assert [parallel.group(name) for name in names] == [*schedules, "tests/models/test_units.py", "tests/faults/"]


CRASH = """
import os, time
def test_first(): pass
def test_crashes():
    time.sleep(SECONDS)
    os._exit(1)
def test_last(): pass
"""
SHARED = """
from tests.parallel import Modules
def pytest_xdist_make_scheduler(config, log):
    return Modules(config, log)
"""


HOME = Path(__file__).parents[1]


def run_of(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Two processes of pytest in a folder, which know nothing of the run that this is part of."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    line = [sys.executable, "-m", "pytest", "-n", "2", *arguments]
    environment = {**ours, "PYTHONPATH": str(HOME)}
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=200)


@pytest.mark.parametrize("seconds", [0, 2], ids=["among_others", "as_the_last"])
def test_a_run_ends_also_when_a_process_crashes(tmp_path: Path, seconds: int) -> None:
    """One test fails, all others are run once."""
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "conftest.py").write_text(SHARED)
    (tmp_path / "test_a.py").write_text(CRASH.replace("SECONDS", str(seconds)))
    for number in range(4):
        (tmp_path / f"test_b{number}.py").write_text("import time\ndef test_soon(): time.sleep(0.2)")
    done = run_of(tmp_path, "--no-loadscope-reorder")
    assert done.returncode == 1, done.stdout
    assert "1 failed, 6 passed" in done.stdout


def test_the_suite_itself_is_followed() -> None:
    done = run_of(HOME, "--trace-config", "-k", "meets_nobody", __file__)
    assert done.returncode == 0, done.stdout
    assert "PLUGIN registered: <tests.progress.Progress" in done.stdout


def test_a_run_says_what_is_at_work_and_for_how_long(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    progress = Progress(pytest.TerminalReporter(pytestconfig))
    for name in ("test_quick", "test_that_hangs"):
        progress.pytest_runtest_logstart(name)
    progress.pytest_runtest_logfinish("test_quick")
    assert progress.line(1120.0) == "2 min: 1 tests done, 0 failed; at work: test_that_hangs (120 s)"
