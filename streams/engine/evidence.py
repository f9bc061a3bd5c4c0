"""What an alert is told with: its vital against the patient's own band, and which others had moved by then."""

from collections.abc import Collection

import numpy as np

from alerts.events import Evidence
from alerts.language import voice
from models.detectors import floors
from models.expectation import describe
from models.phrases import say
from models.times import rfc3339
from models.vitals import VITALS
from models.windows import HORIZON_US
from streams.engine import newcomers, outside
from streams.engine.clock import NEVER
from streams.engine.outside import Moves
from streams.engine.scales import shown
from streams.engine.signals import Band, Signal
from streams.engine.state import PartitionState

OTHERS_MAX = 3
"""Other vitals in one alert, those furthest away: a sentence that names all ten of them says nothing."""


def of_signal(state: PartitionState, signal: Signal) -> Evidence:
    """Of the vital that the signal is about."""
    seen = signal.event_us, signal.value, signal.quality, signal.band
    return _of(state, signal, signal.vital, *seen)


def of_others(state: PartitionState, moves: Moves, signal: Signal) -> list[Evidence]:
    """Of the patient's other vitals that stand outside their own bands as the signal is decided, the furthest first.
    What was measured too long before it is not known any more, and of what is about the past nothing is said. Before
    them those that the signal is about as well, wherever they stand. moves: of the stretch."""
    if signal.retrospective:
        return []
    about = [_of(state, signal, v, at_us, value, np.nan, None) for v, value, at_us in signal.beside]
    tick_us = NEVER if signal.position % 2 else signal.decided_us
    found = [
        (v, outside.stood(state.rows["outside"], state.outside, moves, row, signal.position, tick_us))
        for v, row in enumerate(state.row_of[signal.slot].tolist())
        if row >= 0 and v not in (signal.vital, *(vital for vital, _, _ in signal.beside))
    ]
    now = [(v, one) for v, one in found if one["score"] and signal.event_us - one["at"] <= HORIZON_US[v]]
    furthest = sorted(now, key=lambda pair: -abs(float(pair[1]["score"])))[:OTHERS_MAX]
    outside_now = [
        _of(state, signal, v, int(one["at"]), float(one["value"]), np.nan, _band(one)) for v, one in furthest
    ]
    return about + outside_now


def without(told: list[Evidence], names: Collection[str], *, all_of_it: bool = False) -> list[Evidence]:
    """Evidence as it is told from now on, when it may no more be said how these vitals stood beside its own. all_of_it:
    it is not about one of them, and the first goes as well."""
    first = 0 if all_of_it else 1
    return told[:first] + [one for one in told[first:] if one.vital not in names]


def _band(one: np.void) -> Band:
    expected, low, high, score, days, own = (
        float(one[name]) for name in ("expected", "low", "high", "score", "days", "own")
    )
    return Band(expected, low, high, score, baseline_days=days, own_weight=own, known=True)


def _of(
    state: PartitionState, signal: Signal, vital: int, at_us: int, value: float, quality: float, band: Band | None
) -> Evidence:
    """signal: with which it is told."""
    said = describe(state.expectation(signal.slot, at_us), vital)
    new = newcomers.said(state, signal.slot, vital, signal.position, signal.decided_us)
    modifiers = [say(one, voice(state.policy.language)) for one in [*said, *([new] if new else [])]]
    return Evidence(
        vital=VITALS[vital].name, value=shown(value), unit=VITALS[vital].unit, at=rfc3339(at_us),
        expected=shown(band.expected) if band else None, low=shown(band.low) if band else None,
        high=shown(band.high) if band else None, score=round(band.score, 2) if band else None,
        baseline_days=round(band.baseline_days, 1) if band else None,
        own_weight=round(band.own_weight, 3) if band else None,
        modifiers=modifiers, quality=None if np.isnan(quality) else round(quality, 3),
    )  # fmt: skip


def breaks_a_limit(signal: Signal) -> bool:
    """Whether a limit that holds for everyone is broken by the value."""
    if signal.kind == "limit":
        return True
    book = floors.population_floors()
    return bool(floors.beyond(book, np.array([signal.vital]), np.array([signal.value])).any())
