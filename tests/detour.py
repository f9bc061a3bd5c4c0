"""The network between one client and the brokers, as a relay in this process that can be cut, silenced and restored."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Mapping
from enum import Enum
from typing import Any

WITHIN_S = 10.0
PIECE_BYTES = 256 * 1024


class Way(Enum):
    """What becomes of bytes and connections."""

    OPEN = "they go through"
    CUT = "connections break, and new ones are broken at once"
    SILENT = "nothing comes through and nobody is told: a cable pulled, a firewall that drops"


class Detour:
    """Relays ports to ports from a thread of its own: `start`, then `cut`, `silence` and `restore`, then `stop`."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._way = Way.OPEN
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="detour", daemon=True)
        self._open = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._servers: list[asyncio.Server] = []

    def start(self, ports: Mapping[int, int]) -> None:
        """ports: where to listen -> where it leads."""
        self._thread.start()
        self._run(self._listen(ports))

    def stop(self) -> None:
        if self._thread.is_alive():
            self._run(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(WITHIN_S)

    def cut(self) -> None:
        """Break every connection, and each that is tried."""
        self._run(self._go(Way.CUT))

    def silence(self) -> None:
        """Keep every connection, and let nothing through."""
        self._run(self._go(Way.SILENT))

    def restore(self) -> None:
        """Let everything through. What was held back by a silence is lost with its connections."""
        self._run(self._go(Way.OPEN))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(WITHIN_S)

    async def _listen(self, ports: Mapping[int, int]) -> None:
        self._open.set()
        for here, there in ports.items():
            self._servers.append(await asyncio.start_server(self._to(there), self._host, here))

    async def _close(self) -> None:
        await self._go(Way.CUT)
        for server in self._servers:
            server.close()

    async def _go(self, way: Way) -> None:
        before, self._way = self._way, way
        if way is Way.CUT or before is Way.SILENT:  # after a silence the peers have long given up what was under way
            for writer in list(self._writers):
                writer.transport.abort()
        if way is Way.OPEN:
            self._open.set()
        else:
            self._open.clear()

    def _to(self, port: int) -> Any:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writers.add(writer)
            try:
                await self._relay(port, reader, writer)
            finally:
                self._writers.discard(writer)
                writer.transport.abort()

        return connected

    async def _relay(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._way is Way.CUT:
            return
        await self._open.wait()
        with contextlib.suppress(OSError):
            onward_reader, onward = await asyncio.open_connection(self._host, port)
            self._writers.add(onward)
            try:
                await _first_to_end(self._pass_on(reader, onward), self._pass_on(onward_reader, writer))
            finally:
                self._writers.discard(onward)
                onward.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE_BYTES):
                await self._open.wait()
                writer.write(piece)
                await writer.drain()


async def _first_to_end(*ways: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.create_task(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
