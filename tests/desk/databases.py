"""Where a desk of the tests keeps things: its cache, and its accounts."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Databases:
    """Two addresses; on PostgreSQL they may be one."""

    cache: str
    accounts: str

    @property
    def backend(self) -> str:
        return self.cache.partition(":")[0]


def in_folder(folder: Path) -> Databases:
    """SQLite, in files of this folder."""
    return Databases(f"sqlite:///{folder / 'desk.sqlite'}", f"sqlite:///{folder / 'accounts.sqlite'}")
