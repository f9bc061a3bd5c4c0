"""A worker in a process of its own: its memory and its end are its own too."""

import asyncio
import contextlib
import os
import re
import sys
import time
from pathlib import Path

import aiohttp

from streams.configuration.settings import Settings
from streams.errors import Failed
from streams.kafka.embedded import free_port

HOST = "127.0.0.1"
PAUSE_S = 0.02
_PATIENTS = re.compile(r"^homebeat_state_patients (\S+)$", re.M)


def environment(settings: Settings, **own: str) -> dict[str, str]:
    """The variables of a child with these settings."""
    chosen = {
        "broker": settings.broker, "topic_prefix": settings.topic_prefix, "partitions": str(settings.partitions),
        "replication": str(settings.replication), "secret": settings.secret.get_secret_value(),
        "unknown_patients": "monitor", "notifier": "off",
    }  # fmt: skip
    ours = {f"HOMEBEAT_{name.upper()}": value for name, value in (chosen | own).items()}
    return {name: value for name, value in os.environ.items() if not name.startswith("HOMEBEAT_")} | ours


class Child:
    """One worker after the other with the same settings."""

    def __init__(self, settings: Settings, folder: str) -> None:
        self._url = f"http://{HOST}:{(port := free_port(HOST))}"
        self._environment = environment(
            settings, http_port=str(port), data_folder=folder, ticks="off", log_level="warning"
        )
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, within_s: float) -> float:
        """Seconds from the start of the process until it is ready: has its partitions, and all their state."""
        began = time.perf_counter()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "streams", "worker", stdout=asyncio.subprocess.DEVNULL, env=self._environment
        )
        async with asyncio.timeout(within_s), aiohttp.ClientSession() as session:
            while not await self._ready(session):
                if self._process.returncode is not None:
                    raise Failed(f"the worker ended with {self._process.returncode}")
                await asyncio.sleep(PAUSE_S)
        return time.perf_counter() - began

    async def _ready(self, session: aiohttp.ClientSession) -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            async with session.get(f"{self._url}/readyz") as answer:
                return answer.status == 200
        return False

    async def patients(self) -> int:
        """How many it says it holds."""
        async with aiohttp.ClientSession() as session, session.get(f"{self._url}/metrics") as answer:
            found = _PATIENTS.search(await answer.text())
        return int(float(found[1])) if found else 0

    @property
    def resident_bytes(self) -> int:
        """Resident memory of the process, as the kernel counts it."""
        if self._process is None:
            raise Failed("the worker has not been started")
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    async def kill(self) -> None:
        """SIGKILL, if it is still there."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        if self._process is not None:
            await self._process.wait()
