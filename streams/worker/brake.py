"""The brake: when everything is refused it is our fault, and the worker stops rather than drain the topic into rejects.

One source that fails is an alert, and the worker goes on for everyone else. Many sources that fail all at once, with
not one reading decided among them, have one thing in common: us, or how we are set up.
"""

from collections import Counter
from dataclasses import dataclass, field

from models.readings import Reason, Reject
from streams.engine.sources import source_of
from streams.engine.state import Outcome
from streams.engine.step import Effects
from streams.errors import Failed

IN_A_ROW = 1000
"""Readings refused one after the other. A burst of one device is shorter, or of one source."""
SOURCES_MIN = 3
SOURCES_KEPT = 100
"""Of the sources in a row; more say nothing new."""


class EverythingRefused(Failed):
    """Reading after reading is refused, whoever sends it."""

    def __init__(self, reasons: Counter[Reason], sources: int, example: Reject) -> None:
        listed = ", ".join(f"{reason} {n:,}" for reason, n in reasons.most_common())
        super().__init__(
            f"the last {reasons.total():,} readings were all refused ({listed}), from {sources} sources: that is no "
            f"fault of a device. For example {example.topic} partition {example.partition} offset {example.offset}: "
            f"{example.reason}, {example.detail}. What came last waits on the topic: mend the cause and start again, "
            "or set HOMEBEAT_BRAKE=off to go on and have it on rejects"
        )


@dataclass(slots=True)
class Brake:
    """Of one worker. Readings of unknown patients neither count nor end a row: who enrols them is late, not wrong."""

    reasons: Counter[Reason] = field(default_factory=Counter)
    sources: set[str] = field(default_factory=set)

    def check(self, effects: Effects) -> None:
        """Look at what a chunk brings, before anybody is told. Raises EverythingRefused."""
        if any(effects.outcomes[outcome] for outcome in Outcome if outcome != Outcome.REJECTED):
            self.reasons.clear()
            self.sources.clear()
            return
        self.reasons.update({reason: n for reason, n in effects.rejected.items() if reason != Reason.UNKNOWN_PATIENT})
        refused = [reject for reject in effects.rejects if reject.reason in effects.rejected]
        if len(self.sources) < SOURCES_KEPT:
            self.sources.update(integration_of(r) for r in refused if r.reason != Reason.UNKNOWN_PATIENT)
        if self.reasons.total() >= IN_A_ROW and len(self.sources) >= SOURCES_MIN:
            commonest, _ = self.reasons.most_common(1)[0]
            example = next((r for r in refused if r.reason == commonest), None)
            if example is not None:
                raise EverythingRefused(self.reasons, len(self.sources), example)


def integration_of(reject: Reject) -> str:
    """The source, or the integration that names sources under its own (`watch-vendor/ward-3`): whoever has one key of
    the gateway is one, however many it names, and cannot stop the workers alone."""
    source = reject.source or ""
    above, divider, _ = source.partition("/")
    return above if divider and ":" not in above else source_of(source)
