"""How things stand in a partition: open alerts, and patients and vitals by state.

For people who watch, never for a decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models import baseline
from models.segments import Bools, Ints
from models.vitals import VITALS
from streams.engine.state import PartitionState

WORDS = ("normal", "deviating", "unknown", "withheld")


def open_alerts(state: PartitionState) -> int:
    """Episodes that are not resolved, of patients and of sources."""
    of_patients = sum(
        not episode.closed and episode.state != "pending"
        for person in state.people
        if person
        for episode in person.known_episodes
    )
    return of_patients + state.sources.open_alerts()


def patients_by_state(state: PartitionState, rows: "Rows | None" = None) -> Mapping[str, int]:
    """Each patient once: withheld if nothing may be seen, deviating if any vital is, normal only if one is known and
    its data are not too old. A problem stays open while its data stop, so that patient goes on deviating."""
    rows, alive = rows or rows_of(state), _alive(state)
    withheld = alive & (state.patients["allowed"][: len(alive)] == 0)
    deviating = alive & ~withheld & _any(len(alive), rows.slot[rows.deviates])
    normal = alive & ~withheld & ~deviating & _any(len(alive), rows.slot[rows.known & rows.fresh])
    return _named(int(normal.sum()), int(deviating.sum()), int(withheld.sum()), int(alive.sum()))


def vitals_by_state(state: PartitionState, rows: "Rows | None" = None) -> Mapping[str, Mapping[str, int]]:
    """By vital, of the patients of whom it was ever decided, or who withhold it: how it stands now. Unknown: too little
    data, or too old, also of a vital that deviated when its data stopped."""
    rows, alive = rows or rows_of(state), _alive(state)
    allowed = state.patients["allowed"][: len(alive)][alive]
    deviating = _by_vital(rows.vital[rows.fresh & rows.deviates])
    normal = _by_vital(rows.vital[rows.fresh & rows.known & ~rows.deviates])
    seen = _by_vital(rows.vital)
    counts: dict[str, Mapping[str, int]] = {}
    for v, vital in enumerate(VITALS):
        withheld = int((allowed >> np.uint32(v) & np.uint32(1) == 0).sum())
        counts[vital.name] = _named(normal[v], deviating[v], withheld, seen[v] + withheld)
    return counts


def _by_vital(vital: Ints) -> list[int]:
    """How often each vital occurs."""
    found: list[int] = np.bincount(vital, minlength=len(VITALS)).tolist()
    return found


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in use, (n,): whose, which vital, and whether it deviates, is known, and still has data coming from
    a sensor that is not known to be at fault."""

    slot: Ints
    vital: Ints
    deviates: Bools
    known: Bools
    fresh: Bools


def rows_of(state: PartitionState) -> Rows:
    """What both counts are made from. Column by column: there may be a million rows of 216 bytes, and a worker looks at
    each checkpoint."""
    rows = state.rows[: state.row_count]
    used = np.flatnonzero(rows["slot"] >= 0)
    vital, busy = rows["vital"][used].astype(np.int64), np.flatnonzero(rows["floor"])
    deviates = rows["deviation"]["open"] > 0
    deviates[busy] |= state.floors.table["open"][rows["floor"][busy]].any(axis=(1, 2))
    known = rows["base"]["n"][used] >= baseline.settings().known_after[vital]
    fresh = state.links.fresh_rows(state.row_of, state.row_count)
    fresh[list(state.sensors.told(np.fromiter(state.sensors.watch, np.int64)))] = False
    fresh = fresh[used]
    return Rows(rows["slot"][used].astype(np.int64), vital, deviates[used], known, fresh)


def _alive(state: PartitionState) -> Bools:
    alive: Bools = state.patients["alive"][: len(state.people)] > 0
    return alive


def _named(normal: int, deviating: int, withheld: int, together: int) -> Mapping[str, int]:
    return dict(zip(WORDS, (normal, deviating, together - normal - deviating - withheld, withheld), strict=True))


def _any(n: int, slots: Ints) -> Bools:
    """Which of n slots are named."""
    named = np.zeros(n, bool)
    named[slots] = True
    return named
