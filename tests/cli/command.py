"""The installed `homebeat` command, run as a person or an orchestrator would run it."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WITHIN_S = 60.0
NOBODY = "127.0.0.1:1"
"""A port below 1024 on which no broker listens: connecting is refused at once."""


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The last line on stdout, which must be one JSON object."""
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found

    @property
    def complaint(self) -> str:
        """The one line on stderr; fails when there are more, or none."""
        (line,) = self.err.splitlines()
        return line


@dataclass(frozen=True)
class Homebeat:
    """Runs the command in a folder of its own, with no HOMEBEAT_ variables but those given."""

    folder: Path
    settings: dict[str, str]
    within_s: float = WITHIN_S

    def __call__(self, *arguments: str | Path, **settings: str) -> Result:
        return self.fed(b"", *arguments, **settings)

    def fed(self, stdin: bytes, *arguments: str | Path, **settings: str) -> Result:
        done = subprocess.run(
            self.line(*arguments),
            input=stdin,
            capture_output=True,
            timeout=self.within_s,
            cwd=self.folder,
            env=self.environment(**settings),
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *arguments: str | Path, **settings: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self.line(*arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environment(**settings),
        )

    def line(self, *arguments: str | Path) -> list[str]:
        command = shutil.which("homebeat", path=str(Path(sys.executable).parent))
        if command is None:
            raise RuntimeError("homebeat is not installed beside this Python: pip install -e '.[test]'")
        return [command, *map(str, arguments)]

    def environment(self, **settings: str) -> dict[str, str]:
        ours = {f"HOMEBEAT_{name.upper()}": value for name, value in {**self.settings, **settings}.items()}
        return {name: value for name, value in os.environ.items() if not name.startswith("HOMEBEAT_")} | ours
