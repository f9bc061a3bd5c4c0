"""Runs of readings beyond a safety floor (`floors`), and the problems that they raise and clear.

A row is one (patient, vital). Readings of one row are judged in log order, one round at a time, so that a batch of any
size gives the same answer; rows that are nowhere near a limit never enter a round.

A row has two lanes. Lane 0 takes readings in event order. Lane 1 takes what comes late (older than the newest reading
seen), so that a backfill can neither reset nor complete a run of live readings. What was overtaken and yet is live is
told as now, so it is open in lane 0 alone: the readings after it clear it, and what comes later is told anew.

A run of readings in their order is also followed by device (`device_runs`).
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from models.detectors import device_runs
from models.detectors.device_runs import DEVICES_MAX, NOW, OF_DEVICE
from models.detectors.floors import MOST_COUNTED, SIDES, SLOTS, Floats, Floors, beyond
from models.segments import Bools, Ints, starts
from models.times import US_PER_S

LANES = 2
PAST = slice(1, 2)
"""The lane of late readings."""
LOW, HIGH = 0, 1
RAISE, CLEAR, EARLIER, AGAIN, EASED = 1, 0, 2, 3, 4
EARLIER_STEP_US = np.array([1, 900 * US_PER_S])
"""By lane: by how much the beginning must move to be told. A history may come newest first; told reading by reading it
would fill the record."""

STATE = np.dtype(
    [
        ("run_n", "i2", (LANES, SLOTS)),
        ("since", "i8", (LANES, SLOTS)),
        ("open", "u1", (LANES, SLOTS)),
        ("ok_n", "i2", (LANES, 2)),
        ("ok_since", "i8", (LANES, 2)),
        ("busy", "u1"),
        ("eased_n", "u1", 2),
        ("eased_s", "u2", 2),
        ("of_device", OF_DEVICE, DEVICES_MAX),
    ],
    align=True,
)
"""What one row remembers. Times in us; `busy` says that a run or an open problem needs the next reading; ok_n,
ok_since: readings back inside every limit of a side; eased_n, eased_s: of lane 0, inside the worst that are open, since
when [s, modulo EASED_S]. These two lie where pages of before have holes, which are zero."""
EASED_S = 1 << 16


@dataclass(frozen=True, slots=True)
class Judged:
    """Readings to be judged, in log order: arrays of shape (n,).

    row: index into the states; line: limit set; value in canonical units; at: event time [us]; at_rest; lane; apart:
    nothing of this row and lane for `spot_gap_us` before it; spot: and nothing else that it could persist on; live:
    what it raises is told as now; same: measured in the second of the one before, so that it confirms nothing (nor does
    what another device relays, which is found out here); device: hash of its name.
    """

    row: Ints
    line: Ints
    value: Floats
    at: Ints
    at_rest: Bools
    lane: Ints
    apart: Bools
    spot: Bools
    live: Bools
    same: Bools
    device: npt.NDArray[np.uint64]

    def take(self, index: Ints) -> "Judged":
        """The readings at these indices."""
        return Judged(*(getattr(self, name)[index] for name in Judged.__slots__))


@dataclass(frozen=True, slots=True)
class Crossings:
    """Problems raised and cleared, in no particular order: arrays of the same length.

    reading: index into the judged readings; row: index into the states; side 0 low, 1 high; what RAISE, CLEAR,
    EARLIER (an open problem began before what was seen first), AGAIN (a live reading breaks a rule that is open) or
    EASED (the worst rules are over, and this one is left); rank of the severity; slot of the rule; since: event time at
    which the run began [us]; lane.
    """

    reading: Ints
    row: Ints
    side: Ints
    what: Ints
    rank: Ints
    slot: Ints
    since: Ints
    lane: Ints

    def of(self, judged: Ints) -> "Crossings":
        """The same, with `reading` counted among all samples; judged: the index of each judged one."""
        return replace(self, reading=judged[self.reading]) if len(self.reading) else self


NO_CROSSINGS = Crossings(*(np.empty(0, np.int64) for _ in range(8)))


def judge(floors: Floors, states: npt.NDArray[np.void], readings: Judged, broken: Bools) -> Crossings:
    """Judge readings in log order, round by round; `states` (the rows') is updated in place.

    broken (n,): the reading breaks a rule that applies to it. A reading of a row without a run or an open problem that
    breaks no rule changes nothing, so the rounds step over it.
    """
    order = np.argsort(readings.row, kind="stable")
    row = readings.row[order]
    begin = np.flatnonzero(starts(row))
    end = np.append(begin[1:], len(row))
    following = _next_true(broken[order])
    found: list[tuple[Ints, ...]] = []
    at = begin
    while len(at):
        at = np.where(states["busy"][row[at]] > 0, at, following[at])
        there = at < end
        at, end = at[there], end[there]
        if len(at):
            found += _round(floors, states, order[at], readings.take(order[at]))
        at = at + 1
        there = at < end
        at, end = at[there], end[there]
    if not found:
        return NO_CROSSINGS
    return Crossings(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _next_true(flags: Bools) -> Ints:
    """Index of the next true flag at or after each place; len(flags) where there is none (of any row)."""
    n = len(flags)
    places = np.where(flags, np.arange(n), n)
    return np.minimum.accumulate(places[::-1])[::-1] if n else places


def _round(floors: Floors, states: npt.NDArray[np.void], index: Ints, one: Judged) -> list[tuple[Ints, ...]]:
    """One reading a row: extend or break runs, open and clear."""
    at = one.row, one.lane
    judged = one.at_rest[:, None] | ~floors.rest[one.line]
    before, since_before = states["open"][at].astype(bool), states["since"][at]
    begins = one.spot[:, None] | ~floors.spot[one.line]
    broken = beyond(floors, one.line, one.value) & judged & (begins | before)
    counted = replace(one, same=one.same | device_runs.relayed(floors, states, one))
    run_n, since = _runs(floors, states["run_n"][at], since_before, counted, judged, broken)
    device_runs.follow(floors, states, one, judged, broken, run_n, since)
    long_enough = (one.at[:, None] - since >= floors.persist_us[one.line]) | one.spot[:, None]
    long_enough |= run_n >= floors.enough[one.line]
    lasts = broken & (run_n >= floors.repeat[one.line]) & long_enough
    after = before | (lasts & ~_overtaken(one)[:, None])
    known = _known(states, one, _Known(before, after, since_before, since), broken, lasts & begins)
    raised = _raised(floors, index, one, known.now_since, known.was, known.now)
    raised += _earlier(index, one, known.since, known.now_since, known.was)
    raised += _again(floors, index, one, since, before & broken, before, after)
    cleared = _cleared(floors, states, index, one, judged, broken, after, since)
    states["run_n"][at], states["since"][at], states["open"][at] = run_n, since, after
    _open_now(states, one, known)
    states["busy"][one.row] = is_busy(states[one.row])
    return raised + cleared


def is_busy(states: npt.NDArray[np.void]) -> Bools:
    """Whether rows (n,), dtype STATE, need their next reading."""
    runs = (states["run_n"] > 0) | (states["open"] > 0)
    every = np.concatenate([runs, states["of_device"]["n"] > 0], axis=1)
    busy: Bools = np.any(every, axis=(1, 2))
    return busy


def _runs(floors: Floors, n: Ints, since: Ints, one: Judged, judged: Bools, broken: Bools) -> tuple[Ints, Ints]:
    """Length and beginning of each rule's run of readings beyond its limit. One that stands apart begins a new run."""
    n, at = n.astype(np.int64), one.at[:, None]
    begins = broken & ((n == 0) | (one.apart[:, None] & (floors.repeat[one.line] == 1)))
    longer = np.where(begins, 1, np.minimum(n + ~one.same[:, None], MOST_COUNTED))
    n = np.where(judged, np.where(broken, longer, 0), n)
    return n, np.where(begins, at, np.where(broken, np.minimum(since, at), since))


@dataclass(frozen=True, slots=True)
class _Known:
    """Rules of which people know before and after each reading, (n, 8), and since when what they know of runs."""

    was: Bools
    now: Bools
    since: Ints
    now_since: Ints


def _known(states: npt.NDArray[np.void], one: Judged, lane: _Known, broken: Bools, lasts: Bools) -> _Known:
    """What people know: of the lane itself, and of live readings that were overtaken what is open now. These leave the
    lane of the past as it was, so that what happened before them is told as history. lasts (n, 8): the run is long
    enough."""
    overtaken = _overtaken(one)[:, None]
    if not overtaken.any():
        return lane
    is_open, since = states["open"][one.row, NOW] > 0, states["since"][one.row, NOW]
    begun = np.where(broken & (~is_open | (lane.now_since < since)), lane.now_since, since)
    return _Known(
        np.where(overtaken, is_open, lane.was), np.where(overtaken, is_open | lasts, lane.now),
        np.where(overtaken, since, lane.since), np.where(overtaken, begun, lane.now_since),
    )  # fmt: skip


def _open_now(states: npt.NDArray[np.void], one: Judged, known: _Known) -> None:
    """What live readings raise that were overtaken is open among those in their order, which clear it."""
    which = np.flatnonzero(_overtaken(one))
    if not len(which):
        return
    at, now, begun = (one.row[which], NOW), known.now[which], known.now_since[which]
    runs = known.was[which] | (states["run_n"][at] > 0)
    since = np.where(runs, np.minimum(states["since"][at], begun), begun)
    states["since"][at] = np.where(now, since, states["since"][at])
    states["open"][at] = now


def _overtaken(one: Judged) -> Bools:
    late: Bools = one.live & (one.lane != NOW)
    return late


def _raised(
    floors: Floors, index: Ints, one: Judged, since: Ints, before: Bools, after: Bools
) -> list[tuple[Ints, ...]]:
    """A side is raised when its worst open rule becomes worse than it was."""
    found: list[tuple[Ints, ...]] = []
    if not (after & ~before).any():
        return found
    rank = floors.rank[one.line] + 1
    for side, slots in enumerate(SIDES.values()):
        was = np.where(before[:, slots], rank[:, slots], 0).max(axis=1)
        now = np.where(after[:, slots], rank[:, slots], 0)
        hit = np.flatnonzero(now.max(axis=1) > was)
        if len(hit):
            worst = now[hit].argmax(axis=1) + slots.start
            begun = np.where(after[hit, slots], since[hit, slots], np.iinfo(np.int64).max).min(axis=1)
            same = np.ones(len(hit), np.int64)
            columns = same * side, same * RAISE, now[hit].max(axis=1) - 1, worst, begun, one.lane[hit]
            found.append((index[hit], one.row[hit], *columns))
    return found


def _again(
    floors: Floors, index: Ints, one: Judged, since: Ints, still: Bools, before: Bools, after: Bools
) -> list[tuple[Ints, ...]]:
    """A live reading breaks a rule that was open before, and nothing worse: the worst of those. still (n, 8)."""
    still = still & (one.lane == 0)[:, None]
    if not still.any():
        return []
    found: list[tuple[Ints, ...]] = []
    rank = floors.rank[one.line] + 1
    for side, slots in enumerate(SIDES.values()):
        was, now, broken = (np.where(flags[:, slots], rank[:, slots], 0) for flags in (before, after, still))
        hit = np.flatnonzero((broken.max(axis=1) > 0) & (now.max(axis=1) == was.max(axis=1)))
        if len(hit):
            slot, same = broken[hit].argmax(axis=1) + slots.start, np.ones(len(hit), np.int64)
            columns = same * side, same * AGAIN, broken[hit].max(axis=1) - 1, slot, since[hit, slot], one.lane[hit]
            found.append((index[hit], one.row[hit], *columns))
    return found


def _earlier(index: Ints, one: Judged, since_before: Ints, since: Ints, before: Bools) -> list[tuple[Ints, ...]]:
    """An open problem began earlier, when a reading comes that was measured before the one that was seen first."""
    if not (before & (since < since_before)).any():
        return []
    found: list[tuple[Ints, ...]] = []
    never, step = np.iinfo(np.int64).max, EARLIER_STEP_US[one.lane]
    for side, slots in enumerate(SIDES.values()):
        was, now = (np.where(before[:, slots], s[:, slots], never) for s in (since_before, since))
        hit = np.flatnonzero(now.min(axis=1) // step < was.min(axis=1) // step)
        if len(hit):
            same, slot = np.ones(len(hit), np.int64), now[hit].argmin(axis=1) + slots.start
            columns = same * side, same * EARLIER, same * 0, slot, now[hit].min(axis=1), one.lane[hit]
            found.append((index[hit], one.row[hit], *columns))
    return found


def _cleared(
    floors: Floors, states: npt.NDArray[np.void], index: Ints, one: Judged, judged: Bools, broken: Bools, after: Bools,
    since: Ints,
) -> list[tuple[Ints, ...]]:  # fmt: skip
    """A side is cleared after enough readings back inside, over long enough; `after` is updated in place.

    A reading that an open rule does not apply to (a moving heart) says nothing about it: it neither counts nor resets.
    Nor does one in its order of a device beside which another one has lately measured beyond the limit.
    """
    found: list[tuple[Ints, ...]] = []
    if not after.any():
        states["ok_n"][one.row, one.lane] = 0
        return found
    beside = device_runs.beside(states, one, after & (one.lane == NOW)[:, None])
    for side, slots in enumerate(SIDES.values()):
        at = one.row, one.lane, side
        if not after[:, slots].any():
            states["ok_n"][at], states["eased_n"][one.row[one.lane == NOW], side] = 0, 0
            continue
        is_open, bad = after[:, slots].any(axis=1), broken[:, slots].any(axis=1)
        ok = (judged | ~after)[:, slots].all(axis=1) & ~bad & ~beside[:, slots].any(axis=1)
        n = states["ok_n"][at].astype(np.int64)
        begun = np.where(is_open & ok & (n == 0), one.at, states["ok_since"][at])
        n = np.where(is_open & ~bad, np.minimum(n + ok, MOST_COUNTED), 0)
        done = is_open & ok & (n >= floors.clear_n) & (one.at - begun >= floors.clear_us)
        states["ok_n"][at], states["ok_since"][at] = np.where(done, 0, n), begun
        after[:, slots] &= ~done[:, None]
        hit = np.flatnonzero(done)
        if len(hit):
            zero = np.zeros(len(hit), np.int64)
            found.append((index[hit], one.row[hit], zero + side, zero + CLEAR, zero, zero, begun[hit], one.lane[hit]))
        found += _eased(floors, states, index, one, judged, broken, after, since, beside, side)
    return found


def _eased(
    floors: Floors, states: npt.NDArray[np.void], index: Ints, one: Judged, judged: Bools, broken: Bools, after: Bools,
    since: Ints, beside: Bools, side: int,
) -> list[tuple[Ints, ...]]:  # fmt: skip
    """The worst limits of a side are over in the same way where milder ones go on, so that the next crossing of the
    worst is news. Of readings in their order, and not while another device still measures beyond the worst: its next
    reading would be told as a new crisis each time. `after` is updated in place."""
    slots, now = SIDES["high" if side == HIGH else "low"], one.lane == NOW
    rank = floors.rank[one.line][:, slots] + 1
    worst = np.where(after[:, slots], rank, 0).max(axis=1)
    is_worst = rank >= worst[:, None]
    left = after[:, slots] & ~is_worst
    bad = (broken[:, slots] & is_worst).any(axis=1) | (worst == 0)
    ok = now & ~bad & (judged[:, slots] | ~(after[:, slots] & is_worst)).all(axis=1)
    ok &= ~(beside[:, slots] & is_worst).any(axis=1)
    n, at_s = states["eased_n"][one.row, side].astype(np.int64), one.at // US_PER_S
    begun_s = np.where(ok & (n == 0), at_s % EASED_S, states["eased_s"][one.row, side])
    n = np.where(now & bad, 0, np.minimum(n + ok, floors.clear_n))
    long_enough = (at_s - begun_s) % EASED_S >= floors.clear_us // US_PER_S
    done = ok & (n >= floors.clear_n) & long_enough & left.any(axis=1)
    states["eased_n"][one.row, side], states["eased_s"][one.row, side] = np.where(done, 0, n), begun_s
    after[:, slots] &= ~(done[:, None] & is_worst)
    hit = np.flatnonzero(done)
    if not len(hit):
        return []
    slot = np.where(left, rank, 0)[hit].argmax(axis=1) + slots.start
    same, severity = np.ones(len(hit), np.int64), floors.rank[one.line[hit], slot]
    return [(index[hit], one.row[hit], same * side, same * EASED, severity, slot, since[hit, slot], one.lane[hit])]
