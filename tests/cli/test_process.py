"""Starting and stopping: a signal ends a server cleanly, once; whatever does not end is cut off and said to be."""

import asyncio
import gc
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from streams.errors import Failed
from streams.serving.process import bulk_collector, until_stopped
from tests.cli.command import Homebeat

WITHIN_S = 30.0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_first_signal_asks_and_the_server_winds_up(number: signal.Signals) -> None:
    wound_up = False

    async def server(stop: asyncio.Event) -> None:
        nonlocal wound_up
        os.kill(os.getpid(), number)
        await stop.wait()
        wound_up = True

    await until_stopped(server)
    assert wound_up


async def test_second_signal_cuts_off() -> None:
    async def server(stop: asyncio.Event) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    with pytest.raises(Failed, match="told twice"):
        await until_stopped(server)


async def test_server_that_does_not_end_is_cut_off() -> None:
    cancelled = asyncio.Event()

    async def server(stop: asyncio.Event) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(Failed, match=r"did not stop within 0\.05 s"):
        await until_stopped(server, stop_within_s=0.05)
    assert cancelled.is_set()


async def test_what_a_server_raises_is_raised() -> None:
    async def server(stop: asyncio.Event) -> None:
        raise Failed("the broker went away")

    with pytest.raises(Failed, match="the broker went away"):
        await until_stopped(server)


async def test_server_that_ends_by_itself_is_done() -> None:
    async def server(stop: asyncio.Event) -> None:
        assert not stop.is_set()

    await until_stopped(server)


async def test_signals_are_as_before_afterwards() -> None:
    async def server(stop: asyncio.Event) -> None:
        return

    before = signal.getsignal(signal.SIGTERM)
    await until_stopped(server)
    assert signal.getsignal(signal.SIGTERM) == before


def serving(process: "subprocess.Popen[bytes]") -> int:
    """The port that the process says it serves at."""
    assert process.stderr is not None
    ends = monotonic() + WITHIN_S
    while monotonic() < ends:
        line = process.stderr.readline().decode()
        if not line:
            break
        if found := re.search(r"metrics and health at http://127\.0\.0\.1:(\d+)", line):
            return int(found[1])
    raise AssertionError(f"it did not start; exit code {process.poll()}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_server_exits_0(embedded: Homebeat, number: signal.Signals) -> None:
    embedded.fed(b"", "send", "-")  # makes the topics
    process = embedded.start("notifier", webhook_urls="http://127.0.0.1:1/", http_port="0", secret="s" * 16)
    try:
        serving(process)
        process.send_signal(number)
        assert process.wait(WITHIN_S) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read().decode()
    finally:
        process.kill()
        process.communicate()


def test_taken_port_is_one_line_and_exit_1(embedded: Homebeat) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answered = embedded("notifier", "--port", str(port), webhook_urls="http://127.0.0.1:1/", secret="s" * 16)
    assert answered.code == 1
    assert answered.complaint == (
        f"homebeat: port {port} on 127.0.0.1 is taken by another process: stop it or set HOMEBEAT_HTTP_PORT"
    )


def test_reader_that_went_away_is_no_fault_of_ours(homebeat: Homebeat, tmp_path: Path) -> None:
    process = homebeat.start("evidence", "--json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read().decode()
    assert process.wait(WITHIN_S) == 1
    assert said == ""


HEAP = """
import sys
from collections.abc import Iterator
from pathlib import Path
from streams.serving.process import steady_heap

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

if sys.argv[1] == "steady":
    steady_heap()
bytes(8 * 2**20)  # such a block, freed, is why glibc keeps the next ones in its heap
began, small = resident(), []
for _ in range(20):  # checkpoints: pages of some hundred KiB, and what outlives them in between
    pages = []
    for k in range(200):
        pages.append(bytes(2**18 + k))
        small.append(bytes(1000 + k))
    del pages
print(resident() - began - sum(map(len, small)) / 2**20)
"""


def test_what_a_checkpoint_needed_goes_back_to_the_system() -> None:
    left = {kind: _heap_left(kind) for kind in ("steady", "usual")}
    assert left["steady"] < 5 < 25 < left["usual"], f"{left} MiB of the 50 of a checkpoint"


def _heap_left(kind: str) -> float:
    return float(subprocess.run([sys.executable, "-c", HEAP, kind], capture_output=True, check=True).stdout)


@pytest.fixture
def usual() -> Iterator[tuple[int, int, int]]:
    """What Python begins with; whoever ran here before may have left something else."""
    before, python = gc.get_threshold(), (700, 10, 10)
    gc.set_threshold(*python)
    yield python
    gc.set_threshold(*before)


def test_what_is_set_aside_stays_so_after_many_records_within(usual: tuple[int, int, int]) -> None:
    with bulk_collector():
        set_aside, seldom = gc.get_freeze_count(), gc.get_threshold()
        assert set_aside > 0
        with bulk_collector():
            assert gc.get_threshold() == seldom
        assert 0 < gc.get_freeze_count() <= set_aside  # fewer, where a thread lets go of one meanwhile
        assert gc.get_threshold() == seldom
    assert gc.get_threshold() == usual != seldom
