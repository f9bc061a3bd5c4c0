"""A folder with files to replay, and what came of it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from streams.configuration.settings import Settings
from streams.replaying.replay import run_replay

Line = dict[str, Any] | bytes


class Folder:
    """Files to replay, and what came of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.readings = folder / "readings.jsonl"
        self.profiles: Path | None = None
        self.actions: Path | None = None
        self.settings = Settings()

    def write(self, name: str, lines: Iterable[Line]) -> Path:
        path = self.folder / name
        path.write_bytes(b"\n".join(x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines))
        return path

    def replay(self, batch: int = 4096, *, readings: list[Path] | None = None, **given: Any) -> dict[str, Any]:
        files = {"profiles": self.profiles, "actions": self.actions, "summaries": None, "unknown_patients": "reject"}
        return run_replay(
            readings=readings or [self.readings], out=self.folder / "alerts.jsonl", batch=batch,
            settings=self.settings, **files | given,
        )  # fmt: skip

    @property
    def bytes(self) -> bytes:
        return (self.folder / "alerts.jsonl").read_bytes()

    @property
    def alerts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.bytes.splitlines()]
