"""What a detector says: the Finding record (CONTRACT 2)."""

from typing import Literal

import msgspec

Severity = Literal["emergency", "urgent", "advisory", "info"]
Kind = Literal[
    "limit",
    "deviation",
    "drift",
    "change_index",
    "condition",
    "early_warning",
    "silence",
    "sensor",
    "source",
    "delivery",
]
SEVERITIES: tuple[Severity, ...] = ("info", "advisory", "urgent", "emergency")
"""In rising order: the index is the rank."""


class Rule(msgspec.Struct, frozen=True, gc=False):
    """Which rule spoke, in which version, on whose authority (an id of `evidence/sources.yaml`, or DESIGN)."""

    id: str
    version: str
    source: str


class Finding(msgspec.Struct, kw_only=True, gc=False):
    """A departure of one patient's vitals from a limit or from the patient's own band. Times are RFC 3339. reason: why
    nobody is told of it, if that needs one."""

    patient: str
    finding_id: str
    problem: str
    kind: Kind
    severity: Severity
    vitals: list[str]
    direction: Literal["high", "low", "both", "none"]
    event_at: str
    arrived_at: str
    value: float | None
    unit: str | None
    expected: float | None
    low: float | None
    high: float | None
    score: float | None
    rule: Rule
    retrospective: bool
    reason: str | None = None
