"""How things stand in a partition: open alerts, and patients by state. For people who watch, never for a decision."""

from collections.abc import Mapping

import numpy as np

from models import baseline
from streams.engine.state import PartitionState

WORDS = ("normal", "deviating", "unknown", "withheld")


def open_alerts(state: PartitionState) -> int:
    """Episodes that are not resolved, of patients and of sources."""
    of_patients = sum(episode.state != "resolved" for person in state.people if person for episode in person.episodes)
    return of_patients + state.sources.open_alerts()


def patients_by_state(state: PartitionState) -> Mapping[str, int]:
    """Each patient once: withheld if nothing may be seen, deviating if any vital is, normal only if one is known."""
    alive = state.patients["alive"][: len(state.people)] > 0
    rows = state.rows[: state.row_count]
    rows = rows[rows["slot"] >= 0]
    deviates = (rows["deviation"]["open"] > 0) | rows["floor"]["open"].any(axis=(1, 2))
    known = rows["base"]["n"] >= baseline.settings().known_after[rows["vital"]]
    withheld = alive & (state.patients["allowed"][: len(alive)] == 0)
    deviating = alive & ~withheld & _any(len(alive), rows["slot"][deviates])
    normal = alive & ~withheld & ~deviating & _any(len(alive), rows["slot"][known])
    counts = int(normal.sum()), int(deviating.sum()), 0, int(withheld.sum())
    found = dict(zip(WORDS, counts, strict=True))
    return {**found, "unknown": int(alive.sum()) - sum(counts)}


def _any(n: int, slots: "np.ndarray[tuple[int], np.dtype[np.int32]]") -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Which of n slots are named."""
    named = np.zeros(n, bool)
    named[slots] = True
    return named
