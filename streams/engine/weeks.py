"""What changes slowly, in the step: the days of each row, the drift of a vital, and the change index of a patient.

Days are gathered and weeks judged row by row as windows close; what they say comes together patient by patient, in log
order, so that nothing depends on how the log is cut.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from models import baseline, budget
from models.baseline import Prior
from models.detectors import change_index, drift, worn
from models.segments import Bools, Ints
from models.windows import quality_of
from streams.engine.rows import grown

Floats = npt.NDArray[np.float64]

OPEN = np.dtype("u1")
"""By patient, in pages of before: whether several vitals together are open as getting worse, and people know of it."""
LONG_SINCE = 1
"""Day on which came up what a page of before says is open: it does not say when."""


class _Columns:
    """Columns of one length."""

    __slots__: tuple[str, ...] = ()

    def take(self, which: Ints) -> Self:
        """Some of them."""
        return type(self)(*(getattr(self, name)[which] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Judged(_Columns):
    """Weeks judged as a window closed, (n,): where (position, clock, slot, row, vital, start [us], day), what the week
    says (`drift.Week`; away: NaN while too little is known to judge it), the figure of the day, and what was expected
    of it with its SD (working scale, with the rhythm of the day), days learned from; ill: something else is known to be
    wrong with the vital; firm: a drift stands that teaches nothing; quality: of the signal of the figure, NaN if that
    is not known."""

    position: Ints
    clock: Ints
    slot: Ints
    row: Ints
    vital: Ints
    start: Ints
    day: Ints
    away: Floats
    size: Floats
    two: Bools
    jumped: Bools
    over: Ints
    raised: Ints
    since_days: Ints
    figure: Floats
    expected: Floats
    sd: Floats
    learned: Ints
    ill: Bools
    firm: Bools
    quality: Floats


def joined(parts: list[Judged]) -> Judged:
    """All of them in log order, each patient's own in the order of their times."""
    columns = (np.concatenate([getattr(part, name) for part in parts]) for name in Judged.__slots__)
    every = Judged(*columns)
    return every.take(np.lexsort((every.vital, every.start, every.slot, every.clock, every.position)))


class Weeks:
    """What one partition remembers: `table` by row (`drift.STATE`) and what of it people know (`waits`, `budget.WAIT`),
    `budgets` by slot (`budget.STATE`). They grow when first asked for."""

    def __init__(self) -> None:
        self.table: npt.NDArray[np.void] = np.zeros(0, drift.STATE)
        self.waits: npt.NDArray[np.void] = np.zeros(0, budget.WAIT)
        self.budgets: npt.NDArray[np.void] = np.zeros(0, budget.STATE)

    def reach(self, rows: int, slots: int) -> None:
        """Have room for so many rows and slots."""
        if rows > len(self.table):
            self.table = grown(self.table, rows)
            self.waits = grown(self.waits, len(self.table))
        if slots > len(self.budgets):
            self.budgets = grown(self.budgets, slots)

    def drifts(self, row: Ints, z: Floats) -> Bools:
        """Whether each row has a drift open that teaches nothing, and z (n,), how far a window is from its band, lies
        on that side of it."""
        opened = self.table["open"][row]
        on_that_side: Bools = drift.firm(opened) & (opened * z > 0)
        return on_that_side

    def drop(self, rows: Ints, slot: int) -> None:
        """Forget these rows of a patient, and what was learned of them together with others."""
        mine = rows[rows < len(self.table)]
        self.table[mine], self.waits[mine] = np.zeros((), drift.STATE), np.zeros((), budget.WAIT)
        if len(mine):
            self.budgets[slot : slot + 1] = np.zeros((), budget.STATE)

    def rearm(self, row: int, high: bool, *, anew: bool) -> None:
        """A person resolved a problem of this side of a row; anew: and what it is now is its normal."""
        one, side = self.table[row : row + 1], 1 if high else -1
        if not len(one) or np.sign(one["open"][0]) not in (0, side):
            return
        if self.waits["sign"][row] == side:
            self.waits[row] = np.zeros((), budget.WAIT)
        if anew:
            one[:] = np.zeros((), drift.STATE)
        elif one["open"][0]:
            drift.rearm(one)

    def getting_worse(self, rows: Ints, vital: Ints) -> Ints:
        """Those of a patient's rows (n,), of these vitals, that bring the change index to where it is now."""
        s, there = change_index.settings(), rows < len(self.table)
        one, worse = self.table[rows[there]], s.worse[vital[there]]
        day = one["week_day"].astype(np.int64)
        fresh = day + s.fresh_days >= day.max(initial=0)
        bring: Ints = rows[there][fresh & (one["week"] * worse >= s.contributes)]
        return bring

    def rearm_together(self, slot: int, rows: Ints) -> None:
        """A person resolved what several vitals said together: they begin a new week."""
        self.budgets["together"][slot : slot + 1] = np.zeros((), budget.WAIT)
        self.table["week"][rows[rows < len(self.table)]] = np.nan

    def relearn(self, rows: Ints) -> None:
        """The profile says that the level moves: what was learned is of before."""
        drift.forget(self.table, rows[rows < len(self.table)])

    def nights_end(self, rows: Ints, day: Ints) -> None:
        """These rows are no streams any more, since so long that no night has counted for a week: what was learned is
        of nights, and what is measured by day from now on would be held against it. day (n,): of each, today."""
        last = self.table["day"][rows].astype(np.int64)
        self.relearn(rows[day - last > baseline.HABIT_DAYS])

    def packed(self, rows: Ints, slots: range) -> tuple[bytes, bytes, bytes]:
        """Of the rows and the slots of a page, all of them (table, waits, budgets); nothing where nothing is known."""
        table, waits = np.zeros(len(rows), drift.STATE), np.zeros(len(rows), budget.WAIT)
        there = rows < len(self.table)
        table[there], waits[there] = self.table[rows[there]], self.waits[rows[there]]
        return _kept(table), _kept(waits), _kept(self.budgets[slots.start : slots.stop])

    def unpack(self, first_row: int, table: bytes, waits: bytes, first_slot: int, budgets: bytes) -> None:
        """Put back what was packed of rows and slots that now begin at these, for which there is room."""
        rows, of_rows, of_slots = (
            np.frombuffer(*one) for one in ((table, drift.STATE), (waits, budget.WAIT), (budgets, budget.STATE))
        )
        self.table[first_row : first_row + len(rows)] = rows
        self.waits[first_row : first_row + len(of_rows)] = of_rows
        self.budgets[first_slot : first_slot + len(of_slots)] = of_slots

    def gather(self, one: "Gathered") -> list[Judged]:
        """Take the windows of a round, each row at most once, and judge the weeks that can be judged."""
        s, row = drift.settings(), one.row
        streamed, hour = one.streamed & s.by_night[one.vital], one.quarter * 24 // baseline.SLOTS_PER_DAY
        self._worn(one, streamed, hour)
        night, by_day = hour < s.until_h, streamed & worn.by_day(self.table[row])
        figured = s.figured[one.vital] & (~one.streamed | s.by_night[one.vital])
        counts = figured & one.learns & (~streamed | (night ^ by_day))
        concerned = np.flatnonzero(counts | (figured & streamed & ~night & worn.unjudged(self.table[row])))
        if not len(concerned):
            return []
        mine, streamed, counts, night = one.take(concerned), streamed[concerned], counts[concerned], night[concerned]
        state, by_day = self.table[mine.row], by_day[concerned]
        least = np.where(streamed, np.where(by_day, worn.settings().least, s.night_least), 1)
        found = _last_one(mine, state, streamed, least)
        spread = mine.spread * np.where(streamed & ~by_day, s.night_spread[mine.vital], 1.0)
        drift.gather(state, mine.y - mine.rhythm, mine.day, spread, mine.vital, least, mine.frozen, counts)
        over = ~night & ~by_day & worn.unjudged(state) & (state["day"] == mine.day)
        ready = np.where(streamed, over, counts)
        which = np.flatnonzero(ready & (state["count"] >= least) & mine.live)
        found += _judged(mine.take(which), state, which) if len(which) else []
        self.table[mine.row] = state
        return found

    def _worn(self, one: "Gathered", streamed: Bools, hour: Ints) -> None:
        """Note when the devices of what streams are worn."""
        s, begins = worn.settings(), one.before < one.day
        asleep = one.learns & (hour == s.asleep_h)
        which = np.flatnonzero(streamed & s.watched[one.vital] & (begins | asleep))
        if len(which):
            mine = self.table[one.row[which]]
            turned = worn.turn(mine, begins[which], one.before[which], asleep[which])
            drift.anew(mine, turned)
            self.table[one.row[which]] = mine


@dataclass(frozen=True, slots=True)
class Gathered(_Columns):
    """Windows of a round, (n,). y: on the working scale; rhythm: of the day and the course; spread: SD of a day that
    the profile leads one to expect; quarter: of the local day; streamed: windows come as a stream; learns: it is at
    rest and newer than what is known; live: young enough to be told; frozen: something else is known to be wrong;
    rated: what devices said of the signal (`windows.rated`); before: day of the window before."""

    position: Ints
    clock: Ints
    slot: Ints
    row: Ints
    vital: Ints
    start: Ints
    day: Ints
    quarter: Ints
    y: Floats
    rhythm: Floats
    spread: Floats
    streamed: Bools
    learns: Bools
    live: Bools
    frozen: Bools
    rated: Ints
    before: Ints


def _last_one(mine: Gathered, state: npt.NDArray[np.void], streamed: Bools, least: Ints) -> list[Judged]:
    """Yesterday's figures that nothing has closed: a device that is worn in bed only has its night judged as the next
    one begins, one that is worn by day only its day. An older one is of the past, and teaches."""
    over = streamed & mine.live & (state["day"] == mine.day - 1) & worn.unjudged(state) & (state["count"] >= least)
    which = np.flatnonzero(over)
    return _judged(replace(mine.take(which), day=mine.day[which] - 1), state, which) if len(which) else []


def _judged(one: Gathered, state: npt.NDArray[np.void], which: Ints) -> list[Judged]:
    """The weeks of the rows at these places of `state` that have a figure today."""
    mine = state[which]
    level, s2, n = mine["level"].astype(np.float64), mine["s2"].astype(np.float64), mine["n"].astype(np.int64)
    figure = mine["total"].astype(np.float64) / np.maximum(mine["count"], 1)
    s = drift.settings()
    nights = one.streamed & s.by_night[one.vital] & ~worn.by_day(mine)
    week = drift.judge(mine, nights, s.jumps[one.vital] * ~one.streamed, s.week_sd[one.vital])
    state[which] = mine
    away = np.where(week.known, week.away, np.nan)
    return [Judged(
        one.position, one.clock, one.slot, one.row, one.vital, one.start, one.day, away, week.size, week.two,
        week.jumped, week.over, week.raised, week.days, figure + one.rhythm, level + one.rhythm, np.sqrt(s2), n,
        one.frozen, week.firm, _quality(one, mine["count"]),
    )]  # fmt: skip


def _quality(one: Gathered, count: npt.NDArray[np.uint16]) -> Floats:
    """The signal quality of a day's figure (n,), made of so many windows. It is known where the window at hand is all
    of it: that of earlier windows, and of a night that is judged when it is over, is not kept."""
    quality: Floats = np.where((count == 1) & ~one.streamed, quality_of(one.rated), np.nan)
    return quality


def rhythm_of(prior: Prior, quarter: Ints, passing: Floats) -> Floats:
    """What the time of day and the course add by the profile alone, (n,): nothing learned can hide a drift in it."""
    angle = 2 * np.pi * ((quarter + 0.5) / baseline.SLOTS_PER_DAY - prior.acrophase_h / 24)
    rhythm: Floats = np.nan_to_num(prior.amplitude * np.cos(angle)) + passing
    return rhythm


def spread_of(prior: Prior) -> Floats:
    """SD of a figure that the profile leads one to expect, (n,)."""
    return np.nan_to_num(np.hypot(prior.sd_within, np.nan_to_num(prior.sd_meas)), nan=1.0)


def _kept(columns: npt.NDArray[np.void]) -> bytes:
    packed = columns.tobytes()
    return packed if any(packed) else b""


def known_of(table: bytes) -> bytes:
    """What people know of the drifts in a page of before: of each that is open."""
    rows = np.frombuffer(table, drift.STATE)
    waits = np.zeros(len(rows), budget.WAIT)
    _told_long_since(waits, rows["open"])
    return waits.tobytes()


def budgets_of(together: bytes) -> bytes:
    """The budgets of a page of before, which knew of several vitals together only whether they are open."""
    is_open = np.frombuffer(together, OPEN)
    budgets = np.zeros(len(is_open), budget.STATE)
    _told_long_since(budgets["together"], is_open)
    return budgets.tobytes()


def _told_long_since(waits: npt.NDArray[np.void], sign: npt.NDArray[np.integer]) -> None:
    waits["since"] = np.where(sign != 0, LONG_SINCE, 0)
    waits["sign"] = waits["told"] = sign
