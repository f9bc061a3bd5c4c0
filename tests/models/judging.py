"""Readings judged against the safety floors, and told as the oracle tells them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.detectors.crossings import AGAIN, CLEAR, EARLIER, EASED, LANES, RAISE, STATE, Judged, judge
from models.detectors.floors import Floors, applicable, population_floors
from models.vitals import BY_NAME
from tests.models.floor_oracle import META, Crossing, S

START = 1_767_600_000 * S
GAP_US = META["spot_gap_s"] * S


@dataclass(frozen=True)
class One:
    """One reading of a row, which is a patient's vital."""

    row: int
    vital: str
    value: float
    at: int
    rest: bool = True
    lane: int = 0
    spot: bool = False
    live: bool = False
    apart: bool = False
    same: bool = False
    device: int = 1


def table(rows: int = 1) -> npt.NDArray[np.void]:
    return np.zeros(rows, STATE)


def run(states: npt.NDArray[np.void], readings: list[One], book: Floors | None = None) -> list[list[Crossing]]:
    """Crossings by reading."""
    book = book or population_floors()
    line = np.array([BY_NAME[r.vital].index for r in readings], np.int64)
    row, value, at, rest, lane, spot, live, apart, same, device = (
        np.array([getattr(r, name) for r in readings], kind)
        for name, kind in (
            ("row", "i8"), ("value", "f8"), ("at", "i8"), ("rest", "?"), ("lane", "i8"), ("spot", "?"), ("live", "?"),
            ("apart", "?"), ("same", "?"), ("device", "u8"),
        )
    )  # fmt: skip
    broken = applicable(book, line, value, rest, spot)
    c = judge(book, states, Judged(row, line, value, at, rest, lane, apart | spot, spot, live, same, device), broken)
    found: list[list[Crossing]] = [[] for _ in readings]
    for k, i in enumerate(c.reading.tolist()):
        assert (c.row[k], c.lane[k]) == (readings[i].row, readings[i].lane)
        rule = book.rules[line[i]][c.slot[k]]
        name = rule.id if rule and c.what[k] != CLEAR else None
        word = {RAISE: "raise", CLEAR: "clear", EARLIER: "earlier", AGAIN: "again", EASED: "eased"}[int(c.what[k])]
        found[i].append((word, int(c.side[k]), int(c.rank[k]), name, int(c.since[k])))
    return [sorted(f, key=str) for f in found]


def opened(states: npt.NDArray[np.void], vital: str) -> set[str]:
    """Ids of the rules that are open in row 0."""
    names = population_floors().rules[BY_NAME[vital].index]
    return {
        rule.id for lane in range(LANES) for rule, on in zip(names, states["open"][0, lane], strict=True) if rule and on
    }
