"""What a rule is: limits to choose from, and the alerts that it gives at one of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from models.evidence import load
from models.segments import Bools, Ints
from models.times import US_PER_DAY, rfc3339
from streams.scoring.comparators.series import Series


@dataclass(frozen=True)
class Call:
    """One alert of a rule: when [us since 1970], and about what (a problem as homebeat names it)."""

    at_us: int
    problem: str


class Comparator(Protocol):
    """A published rule. `limit`: as published; `limits`: looser to stricter, to find the one that gives as many alerts,
    or finds as much, as another rule."""

    @property
    def name(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def limit(self) -> float: ...
    @property
    def limits(self) -> Sequence[float]: ...

    def calls(self, series: Series, limit: float) -> list[Call]:
        """The alerts about this patient. Only what was known by then is used."""


def joined(fires: Bools, known_at: Ints, apart_us: int | None = None) -> list[int]:
    """Times of the alerts [us]: one for each run of firings that are no further apart than this (two days and a half,
    for rules that look once a day).

    fires, known_at: (n,) in order of time.
    """
    apart = apart_us if apart_us is not None else load("comparators")["joins_days"] * US_PER_DAY + US_PER_DAY // 2
    at = known_at[fires]
    begins = np.diff(at, prepend=-(2**62)) > apart
    return [int(one) for one in at[begins]]


def alert_lines(name: str, series: Series, calls: Iterable[Call]) -> list[dict[str, Any]]:
    """The alerts as `homebeat score` reads them."""
    return [
        {
            "alert_id": f"{name}-{series.patient}-{number}", "sequence": 1, "event": "opened", "state": "open",
            "patient": series.patient, "severity": "advisory", "category": "clinical", "kind": "deviation",
            "problem": call.problem, "onset_at": rfc3339(call.at_us), "event_at": rfc3339(call.at_us),
            "decided_at": rfc3339(call.at_us), "retrospective": False, "rule": {"id": name},
        }
        for number, call in enumerate(sorted(calls, key=lambda call: (call.at_us, call.problem)))
    ]  # fmt: skip
