"""Safety floors: limits that hold for everyone, judged on each raw reading as it comes.

The limits, their persistence and their sources are data (`evidence/floors.yaml`); here they are arrays, and whether one
reading breaks them is asked. What comes of it, reading by reading, is `crossings`.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.findings import SEVERITIES, Rule
from models.segments import Bools, Ints
from models.times import US_PER_S
from models.vitals import BY_NAME, VITALS
from models.wording import limit_of

Floats = npt.NDArray[np.float64]

SLOTS = 8
"""Rules of one vital: slots 0-3 are low limits, 4-7 high ones. Checked when the evidence is loaded."""
SIDES = {"low": slice(0, 4), "high": slice(4, 8)}
MOST_COUNTED = 30_000
"""Counts of a run stop here (they are kept in 16 bits); every rule asks for far fewer."""


@dataclass(frozen=True, slots=True)
class Floors:
    """The rules as arrays, one line for each limit set (the vitals', then patients with targets of their own).

    limit (k, 8), NaN where there is no rule; strict (k, 8); persist_us, repeat, rank (k, 8); enough (k, 8): so many
    readings of a run need not persist; rest (k, 8): judged at rest only; spot (k, 8): begun by spot readings only;
    habit (k, 8): advice that may be this patient's habit, so that the baseline goes on learning; own_within (k, 8): how
    near the patient's own level must be to the limit to keep it quiet, NaN: never; near_low, near_high (k,): values
    inside break no rule; rules (k x 8): the rule, or None.
    """

    limit: Floats
    strict: Bools
    persist_us: Ints
    repeat: Ints
    rank: Ints
    enough: Ints
    rest: Bools
    spot: Bools
    habit: Bools
    own_within: Floats
    near_low: Floats
    near_high: Floats
    rules: tuple[tuple[Rule | None, ...], ...]
    spot_gap_us: int
    relayed_us: int
    clear_n: int
    clear_us: int


@cache
def population_floors() -> Floors:
    """The floors of `evidence/floors.yaml`; line v is the limit set of vital v."""
    document, shape = load("floors"), (len(VITALS), SLOTS)
    limit, own_within = np.full(shape, np.nan), np.full(shape, np.nan)
    persist, repeat, rank = np.zeros(shape, np.int64), np.ones(shape, np.int64), np.zeros(shape, np.int64)
    enough = np.full(shape, MOST_COUNTED + 1)
    strict, rest, spot, habit = (np.zeros(shape, bool) for _ in range(4))
    rules: list[list[Rule | None]] = [[None] * SLOTS for _ in VITALS]
    for entry in document["floors"]:
        at = BY_NAME[entry["vital"]].index, _free_slot(entry, limit)
        limit[at], strict[at] = entry["limit"], entry["op"] in ("<", ">")
        persist[at], repeat[at] = entry["persist_s"] * US_PER_S, entry.get("repeat", 1)
        enough[at], own_within[at] = entry.get("readings", MOST_COUNTED + 1), entry.get("own_within", np.nan)
        rank[at], rest[at] = SEVERITIES.index(entry["severity"]), entry["rest"]
        spot[at], habit[at] = entry.get("spot", False), entry.get("habit", False)
        rules[at[0]][at[1]] = Rule(id=entry["id"], version=document["meta"]["version"], source=entry["src"][0])
    meta = document["meta"]
    return Floors(
        limit, strict, persist, repeat, rank, enough, rest, spot, habit, own_within, *_near(limit),
        tuple(map(tuple, rules)), meta["spot_gap_s"] * US_PER_S,
        meta["relayed_s"] * US_PER_S, meta["clear"]["readings"],
        meta["clear"]["for_s"] * US_PER_S,
    )  # fmt: skip


def _free_slot(entry: dict[str, Any], limit: Floats) -> int:
    """The next slot on the rule's side; an error if the vital has more rules than slots."""
    side = SIDES["low" if entry["op"].startswith("<") else "high"]
    for slot in range(side.start, side.stop):
        if np.isnan(limit[BY_NAME[entry["vital"]].index, slot]):
            return slot
    most = side.stop - side.start
    raise ValueError(f"evidence/floors.yaml: {entry['id']}: {entry['vital']} has more than {most} rules on one side")


def _near(limit: Floats) -> tuple[Floats, Floats]:
    """Per line: the highest low limit and the lowest high limit (infinite where there is none)."""
    low = np.where(np.isnan(limit[:, SIDES["low"]]), -np.inf, limit[:, SIDES["low"]]).max(axis=1)
    high = np.where(np.isnan(limit[:, SIDES["high"]]), np.inf, limit[:, SIDES["high"]]).min(axis=1)
    return low, high


def with_targets(floors: Floors, vital: int, low: Floats) -> Floors:
    """The floors with a line more for each low target (k,) that a clinician set for a patient.

    Only the rules marked `target: low` follow it: the outermost takes the target, the others the deeper of the two.
    What is an emergency for everyone stays one. The new lines are len(VITALS) + 0..k-1.
    """
    limits = np.repeat(floors.limit[vital][None], len(low), axis=0)
    follows = _follow_target()[vital]
    outermost = follows & (floors.limit[vital] == np.nanmax(np.where(follows, floors.limit[vital], np.nan)))
    limits = np.where(outermost, low[:, None], np.where(follows, np.fmin(limits, low[:, None]), limits))
    strict = np.repeat((floors.strict[vital] | follows)[None], len(low), axis=0)
    limit = np.concatenate([floors.limit, limits])
    columns = {name: getattr(floors, name) for name in _SAME}
    more = {name: np.repeat(column[vital][None], len(low), axis=0) for name, column in columns.items()}
    same: dict[str, Any] = {name: np.concatenate([column, more[name]]) for name, column in columns.items()}
    near_low, near_high = _near(limit)
    return replace(
        floors, limit=limit, strict=np.concatenate([floors.strict, strict]), near_low=near_low, near_high=near_high,
        rules=floors.rules + (floors.rules[vital],) * len(low), **same,
    )  # fmt: skip


_SAME = ("persist_us", "repeat", "rank", "enough", "rest", "spot", "habit", "own_within")
"""What a target leaves as it is."""


@cache
def _follow_target() -> Bools:
    """Which rules follow a clinician's low target, (V, 8)."""
    follows, limit = np.zeros((len(VITALS), SLOTS), bool), np.full((len(VITALS), SLOTS), np.nan)
    for entry in load("floors")["floors"]:
        at = BY_NAME[entry["vital"]].index, _free_slot(entry, limit)
        limit[at], follows[at] = entry["limit"], entry.get("target") == "low"
    return follows


def applicable(floors: Floors, line: Ints, value: Floats, at_rest: Bools, spot: Bools | None = None) -> Bools:
    """Whether each reading breaks a rule that applies to it, (n,): some hold at rest only, some for spot readings, if
    it is said which are."""
    broken = beyond(floors, line, value) & (at_rest[:, None] | ~floors.rest[line])
    if spot is not None:
        broken &= spot[:, None] | ~floors.spot[line]
    applies: Bools = np.any(broken, axis=1)
    return applies


def abnormal(floors: Floors, line: Ints, value: Floats) -> Bools:
    """Whether each reading breaks a rule that cannot be the patient's habit, (n,): nothing is learned from it."""
    breaks: Bools = np.any(beyond(floors, line, value) & ~floors.habit[line], axis=1)
    return breaks


def in_words(floors: Floors, line: int, slot: int) -> str:
    """The limit of a rule, as it is read out.

    >>> in_words(population_floors(), BY_NAME["spo2"].index, 0)
    'below 80 %'
    """
    high = slot >= SIDES["high"].start
    vital = VITALS[line] if line < len(VITALS) else BY_NAME["spo2"]
    return limit_of(vital, high, bool(floors.strict[line, slot]), float(floors.limit[line, slot]))


def near(floors: Floors, line: Ints, value: Floats) -> Bools:
    """Which readings could break a rule; value (n,) in canonical units, line (n,): limit set of each."""
    low: Bools = value <= floors.near_low[line]
    return low | (value >= floors.near_high[line])


def beyond(floors: Floors, line: Ints, value: Floats) -> Bools:
    """Which rules each reading breaks, (n, 8)."""
    limit, strict, v = floors.limit[line], floors.strict[line], value[:, None]
    low = np.where(strict[:, :4], v < limit[:, :4], v <= limit[:, :4])
    high = np.where(strict[:, 4:], v > limit[:, 4:], v >= limit[:, 4:])
    return np.concatenate([low, high], axis=1)
