"""Acute deviation against the plain-Python oracle: how long is long enough, how bad is worse, and when it is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from models.detectors import deviation
from models.detectors.crossings import CLEAR, RAISE
from models.detectors.deviation import ADVISORY, EASED, STATE, URGENT, watch
from models.evidence import load
from models.segments import rounds
from models.vitals import BY_NAME, VITALS
from tests.models.splits import cuts

HOUR_US = 3_600_000_000
START = 1_767_600_000_000_000
DOCUMENT = load("detectors")
CLASS: dict[str, dict[str, Any]] = {v: c for c in DOCUMENT["classes"].values() for v in c["vitals"]}

Change = tuple[str, int, int]
"""raise, ease or clear; sign; rank (0 when it clears)."""


@dataclass(frozen=True)
class Window:
    """One window of a row: SD from its prediction, its start, and whether it may be judged by."""

    row: int
    vital: str
    z: float
    at: int
    usable: bool = True


@dataclass
class Watcher:
    """What `evidence/detectors.yaml` asks for, one window at a time."""

    vital: str
    run: int = 0
    run_urgent: int = 0
    sign: int = 0
    last_at: int = 0
    calm: int = 0
    inside: int = 0
    open_rank: int | None = None
    open_sign: int = 0

    def window(self, z: float, at: int, usable: bool) -> list[Change]:
        wanted = CLASS.get(self.vital)
        if not usable or wanted is None or self.vital in DOCUMENT["silent_vitals"]:
            return []
        sign, size = (1 if z >= 0 else -1), abs(z)
        if sign != self.sign or at - self.last_at > wanted["max_gap_h"] * HOUR_US or self.run == 0:
            self.run = self.run_urgent = 0
        self.run = self.run + 1 if size >= wanted["z_on"] else 0
        self.run_urgent = self.run_urgent + 1 if size >= wanted["z_urgent"] else 0
        self.calm = self.calm + 1 if size <= wanted["z_off"] else 0
        well = z * self.open_sign <= wanted["z_urgent"] - wanted["z_on"] + wanted["z_off"] and size < wanted["z_urgent"]
        self.inside = self.inside + 1 if well and self.open_rank == URGENT else 0
        self.sign, self.last_at = sign, at
        return self._changes(wanted)

    def _changes(self, wanted: dict[str, Any]) -> list[Change]:
        found: list[Change] = []
        fires = self.run >= wanted["windows_on"]
        turned = fires and self.sign != self.open_sign
        if self.open_rank is not None and (turned or self.calm >= wanted["windows_off"]):
            found.append(("clear", self.open_sign, 0))
            self.open_rank = None
        elif self.inside >= wanted["windows_off"]:
            found.append(("ease", self.open_sign, ADVISORY))
            self.open_rank = ADVISORY
        rank = URGENT if self.run_urgent >= wanted["windows_on"] else ADVISORY
        if fires and (self.open_rank is None or rank > self.open_rank):
            found.append(("raise", self.sign, rank))
            self.open_rank, self.open_sign = rank, self.sign
        return found


def table(rows: int = 1) -> npt.NDArray[np.void]:
    return np.zeros(rows, STATE)


def run(states: npt.NDArray[np.void], windows: Sequence[Window]) -> list[list[Change]]:
    """Changes by window; no row twice in a call, as the engine does it."""
    found: list[list[Change]] = [[] for _ in windows]
    for index in rounds(np.array([w.row for w in windows], np.int64)):
        some = [windows[i] for i in index]
        row, z, at, usable = (np.array([getattr(w, name) for w in some]) for name in ("row", "z", "at", "usable"))
        vital = np.array([BY_NAME[w.vital].index for w in some])
        c = watch(states, row, vital, z.astype(float), at, usable)
        for k, i in enumerate(c.index.tolist()):
            word = {RAISE: "raise", CLEAR: "clear", EASED: "ease"}[int(c.what[k])]
            found[index[i]].append((word, int(c.sign[k]), int(c.rank[k])))
    return found


def by_hand(windows: Sequence[Window]) -> list[list[Change]]:
    watchers: dict[int, Watcher] = {}
    return [watchers.setdefault(w.row, Watcher(w.vital)).window(w.z, w.at, w.usable) for w in windows]


@st.composite
def logs(draw: st.DrawFn) -> list[Window]:
    """Runs of similar windows, so that persistence is reached often; z crowds around the thresholds."""
    vitals = draw(st.lists(st.sampled_from([v.name for v in VITALS]), min_size=1, max_size=3))
    marks = [0.0, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 4.5, 5.0, 7.0]
    at, windows = START, []
    for _ in range(draw(st.integers(1, 10))):
        row, length = draw(st.integers(0, len(vitals) - 1)), draw(st.integers(1, 5))
        sign, hours = draw(st.sampled_from([1, -1])), draw(st.sampled_from([0.25, 1, 2, 2.5, 24, 84, 85, 240, 241]))
        for _ in range(length):
            at += round(hours * HOUR_US)
            z = sign * (draw(st.sampled_from(marks)) + draw(st.sampled_from([0.0, 0.0, 1e-9, -1e-9])))
            windows.append(Window(row, vitals[row], z, at, draw(st.sampled_from([True] * 9 + [False]))))
    return windows


@hypothesis_settings(max_examples=150)
@given(logs(), st.data())
def test_the_watch_is_the_oracle_in_batches_of_any_size(windows: list[Window], data: st.DataObject) -> None:
    want = by_hand(windows)
    states, got = table(3), []
    for part in data.draw(cuts(len(windows))):
        got += run(states, windows[part])
    assert got == want


@given(logs(), st.sampled_from([0.0, 3.5, -9.0, float("nan")]), st.sampled_from(VITALS))
def test_a_window_that_cannot_be_judged_changes_nothing(windows: list[Window], z: float, vital: Any) -> None:
    states = table(3)
    run(states, windows)
    before = states.tobytes()
    assert run(states, [Window(0, vital.name, z, windows[-1].at + HOUR_US, usable=False)]) == [[]]
    assert states.tobytes() == before


def stream(vital: str, zs: Sequence[float], hours: float) -> list[Window]:
    return [Window(0, vital, z, START + round(k * hours * HOUR_US)) for k, z in enumerate(zs)]


def told(vital: str, zs: Sequence[float], hours: float) -> list[tuple[int, Change]]:
    """Changes with the number of the window they came with."""
    return [(i, change) for i, found in enumerate(run(table(), stream(vital, zs, hours))) for change in found]


UP, DOWN = ("raise", 1, ADVISORY), ("raise", -1, ADVISORY)


@pytest.mark.parametrize("name", [n for n in CLASS if n not in DOCUMENT["silent_vitals"]])
def test_one_window_is_never_enough_and_the_last_wanted_one_is(name: str) -> None:
    wanted = CLASS[name]
    hot, hours = [wanted["z_on"]] * wanted["windows_on"], wanted["max_gap_h"]
    assert wanted["windows_on"] > 1
    assert told(name, hot[1:], hours) == []
    assert told(name, hot, hours) == [(len(hot) - 1, UP)]
    assert told(name, [-z for z in hot], hours) == [(len(hot) - 1, DOWN)]
    assert told(name, [z - 1e-9 for z in hot], hours) == []
    assert told(name, hot, hours + 0.01) == [], "windows further apart are not running"


@pytest.mark.parametrize("name", DOCUMENT["silent_vitals"])
def test_silent_vitals_say_nothing(name: str) -> None:
    assert told(name, [30.0] * 10, 1) == []


def test_urgent_wants_the_same_patience_and_is_raised_once_more() -> None:
    zs = [3.5] * 4 + [6.0] * 4 + [3.5] * 2 + [6.0] * 4
    assert told("heart_rate", zs, 0.25) == [(3, UP), (7, ("raise", 1, URGENT))]
    assert told("heart_rate", [6.0] * 4, 0.25) == [(3, ("raise", 1, URGENT))]


def test_what_was_urgent_and_is_milder_for_as_long_as_clears_is_urgent_anew() -> None:
    zs, milder = [6.0] * 4, ("ease", 1, ADVISORY)
    assert told("heart_rate", zs + [4.1] * 9 + zs, 0.25) == [(3, ("raise", 1, URGENT))], "too near to be over"
    assert told("heart_rate", zs + [4.0] * 3 + zs, 0.25) == [(3, ("raise", 1, URGENT))], "too short"
    found = told("heart_rate", zs + [4.0] * 4 + zs, 0.25)
    assert found == [(3, ("raise", 1, URGENT)), (7, milder), (11, ("raise", 1, URGENT))]


def test_it_clears_only_well_inside_the_band() -> None:
    between, inside = [2.5] * 8, [1.9] * 4
    assert told("heart_rate", [3.5] * 4 + between, 0.25) == [(3, UP)]
    assert told("heart_rate", [3.5] * 4 + inside[1:] + between + inside, 0.25) == [(3, UP), (18, ("clear", 1, 0))]


def test_what_turns_round_is_closed_before_its_opposite_opens() -> None:
    found = told("resting_heart_rate", [3.0, 3.0, -3.0, -3.0], 24)
    assert found == [(1, UP), (3, ("clear", 1, 0)), (3, DOWN)]


def test_the_onset_is_the_first_window_of_the_run() -> None:
    states, windows = table(), stream("heart_rate", [0, 3.5, 0, 3.5, 3.5, 3.5, 3.5, 6, 6, 6, 6], 0.25)
    for w in windows:
        row, vital = np.zeros(1, np.int64), np.array([BY_NAME[w.vital].index])
        c = watch(states, row, vital, np.array([w.z]), np.array([w.at]), np.array([True]))
        assert c.since.tolist() in ([], [windows[3].at])
    assert states["open"][0] == URGENT + 1


def test_settings_are_those_of_the_evidence() -> None:
    s = deviation.settings()
    assert s.rule.id == "acute_deviation"
    for name, wanted in CLASS.items():
        at = BY_NAME[name].index
        assert (s.z_on[at], s.z_off[at], s.z_urgent[at]) == (wanted["z_on"], wanted["z_off"], wanted["z_urgent"])
        assert wanted["z_off"] < wanted["z_on"] < wanted["z_urgent"]
