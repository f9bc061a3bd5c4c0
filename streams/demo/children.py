"""The demo's processes: this program again, as worker and as desk. They end with the demo, however it ends."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from streams.errors import Failed
from streams.kafka.embedded import dies_with_parent, end_child

READY_WITHIN_S = 60.0
PAUSE_S = 0.1
LAST_LINES = 5


class Child:
    """One `homebeat` process. Its output goes to a file in the data folder."""

    def __init__(self, name: str, port: int, folder: Path, environment: Mapping[str, str]) -> None:
        self.name, self.url, self.log = name, f"http://127.0.0.1:{port}", folder / f"{name}.log"
        self._environment = {**environment, "HOMEBEAT_HTTP_PORT": str(port)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it shares nothing with us but the environment given."""
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streams", self.name],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=self._environment,
                start_new_session=True,
                preexec_fn=dies_with_parent(os.getpid()),
            )

    def stop(self) -> None:
        """Ask it to wind up, and end it if it does not."""
        process, self._process = self._process, None
        if process is not None:
            end_child(process, within_s=10.0)

    def check(self) -> None:
        """Raise Failed, with its last words, if it has ended."""
        if self._process is not None and self._process.poll() is not None:
            words = self.log.read_text(errors="replace").strip().splitlines()[-LAST_LINES:]
            raise Failed(f"the demo's {self.name} ended: {' / '.join(words) or 'without a word'} (see {self.log})")

    async def ready(self, http: aiohttp.ClientSession) -> None:
        """Return when it says that it is ready."""
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                while not await self._answers(http):
                    self.check()
                    await asyncio.sleep(PAUSE_S)
        except TimeoutError:
            raise Failed(f"the demo's {self.name} was not ready within {READY_WITHIN_S:g} s (see {self.log})") from None

    async def _answers(self, http: aiohttp.ClientSession) -> bool:
        try:
            async with http.get(f"{self.url}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with these settings and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOMEBEAT_")}
    return {**kept, "PYTHONUNBUFFERED": "1", **{f"HOMEBEAT_{name.upper()}": value for name, value in settings.items()}}
