"""What the desk may know, handed down from the edge, and the errors it raises."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alerts.language import ENGLISH

if TYPE_CHECKING:
    from alerts.teams import Directory

STATIC = Path(__file__).parent / "static"
"""The page: plain files."""


STILL_AFTER_S = 180.0
"""Workers tell of every minute, and a restart of one takes less than two."""


class DeskError(Exception):
    """The desk cannot do it; the text is one line for the person at the keyboard."""


class PortTaken(DeskError):
    """Another process listens there already."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"port {port} on {host} is taken: stop the other process or choose another port")
        self.host = host
        self.port = port


class NotPublished(DeskError):
    """The stream did not take the action: nothing is known to have changed."""


@dataclass(frozen=True)
class DeskConfig:
    """Everything the desk may know. port 0 takes any free one; banner: a line above the page, or none."""

    bootstrap: str
    prefix: str
    database_url: str
    accounts_url: str
    secret: bytes = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8460
    banner: str | None = None
    language: str = ENGLISH
    """In which alerts are told, for what reads them aloud."""
    keep_days: float = 90.0
    keep_windows: int = 30_000
    chart_points: int = 2_000
    worklist_rows: int = 500
    allowed_hosts: tuple[str, ...] = ()
    still_after_s: float | None = STILL_AFTER_S
    """So long no worker may have told of a minute before the page says that nobody decides; None for never."""
    kafka: Mapping[str, Any] = field(default_factory=dict)
    """Further options of aiokafka's clients, such as TLS and SASL."""
    link_key: bytes = field(default=b"", repr=False)
    """What seals the links in messages; without it they are not served."""
    off: frozenset[str] = frozenset()
    """Modifiers and gene pairs that this deployment leaves out: the page does not say that they act."""
    directory: "Directory | None" = None
    """The care teams, where the desk has their file: to whom an alert can be assigned, beside those with accounts."""

    @property
    def client(self) -> dict[str, Any]:
        """What every client of aiokafka is made with."""
        own = {"bootstrap_servers": self.bootstrap, "client_id": "homebeat-desk", "request_timeout_ms": 10_000}
        return {**own, **self.kafka}

    def topic(self, name: str) -> str:
        return f"{self.prefix}{name}"
