"""Drift: a vital whose last week lies away from the patient's own level of before.

One figure a day. The days of the last week are held against a level that was learned from the days before them, so
that a shift cannot hide in what it has taught; whitened, since one day is much like the day before; each clipped, so
that no single day fires; one day after a long break is no week. What is measured a few times a week is judged by its
last three figures. Of what streams by night two nights that both lie far away say as much as a week: an illness shows
in them before its week is over. What a device smooths over days moves little from one to the next, and its week's sum
comes late: two days that both lie far from where the one before them leads one to expect, a jump, say as much as well.

Whether a drift is told, `models.budget` says, later on the side on which the vital seldom means harm (`milder`). While
one stands far away (`opens`) nothing is learned. From a slight one the level goes on to learn, also where people are
told of it because few vitals are measured: if it stood still, levels that move for some weeks with nothing wrong would
be told. Settings, and what other statistics found at the same rate of false alerts, stand in `evidence/daily.yaml`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from models.detectors.worn import BY_DAY, JUDGED
from models.evidence import load
from models.findings import SEVERITIES, Rule
from models.segments import Bools, Ints
from models.vitals import VITALS

Floats = npt.NDArray[np.float64]

FIGURES = 7
"""Days at hand: six that are over, and the one that is gathered."""
STATE = np.dtype(
    [
        ("past", "f4", FIGURES - 1),
        ("gap", "u1", FIGURES),
        ("level", "f4"),
        ("s2", "f4"),
        ("total", "f4"),
        ("rho", "f2"),
        ("before", "f2"),
        ("week", "f2"),
        ("count", "u2"),
        ("n", "u2"),
        ("day", "u2"),
        ("week_day", "u2"),
        ("held", "u1"),
        ("sick", "u1"),
        ("marks", "u1"),
        ("open", "i1"),
    ]
)
"""past: figures of the days before this one, the oldest first, on the working scale without the rhythm of the day; gap:
days between each figure at hand and the one before it (255: that or more); held: how many are at hand, with today's;
sick: a bit for each of them (the oldest first) that teaches nothing; total, count: of today's windows; day: today,
counted from 1970; marks: of `worn`; level, s2, rho, n: what was learned of the days before, from how many; before: the
last of those, in SD from the level; open: sign of the open drift, twice that of one that is slight (0 none); week,
week_day: what the change index knows of this vital (NaN: too little), and of when."""
SLIGHT = 2
"""A drift that stands, and from which the level still learns."""
TODAY = FIGURES - 1
EVERY_DAY = (1 << FIGURES) - 1


@dataclass(frozen=True, slots=True)
class Settings:
    """As in the evidence. figured, judged, by_night (V,): vitals with a figure a day, of which a drift is told, and of
    which the night counts when they stream; milder (V,): the sign of the side on which a vital seldom means harm (0: of
    neither); night_spread (V,): share of the expected spread that the mean of a night of a stream has; rho_prior,
    rho_days (V,): day-to-day correlation that is expected, and of how many days it has the weight; week_sd (V,): as of
    `judge`; two_nights: so far
    away [SD] two nights, no further apart than two_nights_gap days, say as much as a week at `opens`; jumps (V,), jump,
    jump_rho, jump_after, jump_over: of which vitals a jump so far [SD] does, by the sign of its side (0: of none), from
    which correlation on, after how many days learned from, and how near the level a day is back [SD]."""

    figured: Bools
    judged: Bools
    by_night: Bools
    milder: Ints
    night_spread: Floats
    rho_prior: Floats
    rho_days: Floats
    week_sd: Floats
    jumps: Ints
    jump: float
    jump_rho: float
    jump_after: int
    jump_over: float
    milder_sd: float
    milder_days: int
    until_h: int
    night_least: int
    two_nights: float
    two_nights_gap: int
    stands: float
    opens: float
    week_days: int
    least_figures: int
    oldest_days: int
    clip: float
    clear: float
    clear_slight: float
    known_after: int
    known_looks: float
    memory: float
    spread_prior: Floats
    spread_memory: float
    floor_share: float
    huber: float
    rho_most: float
    anew_days: int
    rank: int
    rule: Rule


@dataclass(frozen=True, slots=True)
class Week:
    """What a week says, (n,): away: how far from the level [SD of such a week]; size: the same, or of the last two
    nights where these lie further (`two`), or of a jump that does (`jumped`); over, raised: signs of the drift that
    ends and begins (0 none); days: how long the last figures lie on that side; known: it is one, and the level is;
    firm: a drift stands that teaches nothing."""

    away: Floats
    size: Floats
    two: Bools
    jumped: Bools
    over: Ints
    raised: Ints
    days: Ints
    known: Bools
    firm: Bools


@cache
def settings() -> Settings:
    """The settings in use."""
    document = load("daily")
    s = document["drift"]
    named = {*s["vitals"], *document["change_index"]["worse"]}
    night, jump = s["night"], s["jump"]
    return Settings(
        np.array([v.name in named for v in VITALS]), np.array([v.name in s["vitals"] for v in VITALS]),
        np.array([v.name in night["vitals"] for v in VITALS]), np.array([s["milder"].get(v.name, 0) for v in VITALS]),
        np.array([s["night_spread"].get(v.name, 1.0) for v in VITALS]),
        _by_vital(s["rho_prior"]), _by_vital(s["rho_days"]), _by_vital(s["week_sd"]),
        np.array([jump["sides"].get(v.name, 0) for v in VITALS]),
        jump["from"], jump["alike"], jump["known_after"], jump["over"], s["milder_sd"], s["milder_days"],
        night["until_h"], night["least"], s["two_nights"]["from"], s["two_nights"]["gap_days"],
        s["stands"], s["opens"], s["week_days"], s["least_figures"], s["oldest_days"], s["clip"],
        s["clear"], s["clear_slight"], s["known_after"], s["known_looks"], s["memory_days"],
        _by_vital(s["spread_prior_days"]), s["spread_memory_days"], s["spread_floor_share"], s["huber"], s["rho_most"],
        s["anew_days"], SEVERITIES.index(s["severity"]),
        Rule(id="drift", version=document["meta"]["version"], source="DESIGN"),
    )  # fmt: skip


def _by_vital(named: Mapping[str, float]) -> Floats:
    """The figure of each vital, (V,): its own, or the default."""
    return np.array([named.get(v.name, named["default"]) for v in VITALS], np.float64)


def gather(
    one: npt.NDArray[np.void], y: Floats, day: Ints, spread: Floats, vital: Ints, least: Ints, frozen: Bools,
    counts: Bools,
) -> None:  # fmt: skip
    """Take windows (n,), one a row, in order of time; `one` (n,), dtype STATE, is updated in place.

    y: on the working scale, without the rhythm and the course of the day; day: from 1970; spread: SD of a day that the
    profile leads one to expect; vital: of what; least: windows that make a day's figure; frozen: something else is
    known to be wrong; counts: the window belongs to the day's figure. The others only let time pass.
    """
    moves = np.flatnonzero(counts & (day > one["day"]))
    if len(moves):
        of_moving = one[moves]
        _next_day(of_moving, day[moves], spread[moves], vital[moves], least[moves])
        one[moves] = of_moving
    one["total"] = np.where(counts, one["total"] + y, one["total"])
    one["count"] = np.where(counts, np.minimum(one["count"].astype(np.int64) + 1, 65_535), one["count"])
    ill = counts & (frozen | (firm(one["open"]) & _known(one)))
    one["sick"] = np.where(ill, one["sick"] | 1 << TODAY, one["sick"])


def _next_day(one: npt.NDArray[np.void], day: Ints, spread: Floats, vital: Ints, least: Ints) -> None:
    """A new day begins in these rows: put today's figure to the past; the oldest teaches the level."""
    s, last = settings(), one["day"].astype(np.int64)
    gone = day - last
    anew(one, (last > 0) & (gone > s.anew_days))
    shifts = one["count"] >= least
    _learn(one, shifts & (one["held"] == FIGURES), spread, vital)
    today = one["total"].astype(np.float64) / np.maximum(one["count"], 1)
    ring = np.concatenate([one["past"][:, 1:], today[:, None].astype(np.float32)], axis=1)
    one["past"] = np.where(shifts[:, None], ring, one["past"])
    gap = np.concatenate([one["gap"][:, 1:], np.zeros((len(one), 1), np.uint8)], axis=1)
    one["gap"] = np.where(shifts[:, None], gap, one["gap"])
    one["sick"] = np.where(shifts, one["sick"] >> 1, one["sick"] & EVERY_DAY >> 1)
    grows = shifts & (one["held"] > 0)
    one["held"] = np.minimum(np.maximum(one["held"], 1) + grows, FIGURES)
    one["gap"][:, TODAY] = np.minimum(np.where(last > 0, one["gap"][:, TODAY] + gone, 0), 255)
    one["total"], one["count"], one["marks"] = 0, 0, one["marks"] & ~np.uint8(JUDGED)
    one["day"] = day


def anew(one: npt.NDArray[np.void], which: Bools) -> None:
    """Forget all but an open drift, when the device is worn, and what others know of the last week, until the next."""
    for name in STATE.names or ():
        if name not in ("open", "week", "week_day", "marks"):
            one[name][which] = 0
    one["marks"][which] &= BY_DAY


def _learn(one: npt.NDArray[np.void], which: Bools, spread: Floats, vital: Ints) -> None:
    """The oldest figure leaves the week: level, spread and day-to-day correlation learn from it, unless it is sick."""
    s, n = settings(), one["n"].astype(np.float64)
    which, first = which & (one["sick"] & 1 == 0), one["n"] == 0
    y, level = one["past"][:, 0].astype(np.float64), one["past"][:, 0].astype(np.float64)
    level = np.where(first, level, one["level"])
    s2, rho = np.where(first, spread**2, one["s2"]), np.where(first, s.rho_prior[vital], one["rho"])
    z, seen = np.clip((y - level) / np.sqrt(s2), -99, 99), np.maximum(np.minimum(n, s.memory), 1.0)
    steady = which & ~first
    clipped = np.minimum(z**2, s.huber**2) * _CLIP_CORRECTION / (1 + 2 / seen)
    looks = np.minimum(s.spread_prior[vital] / _worth(rho) + n, s.spread_memory)
    moved = np.maximum(s2 * (1 + (clipped - 1) / (looks + 1)), s.floor_share * spread**2)
    a, b = np.clip(one["before"].astype(np.float64), -s.huber, s.huber), np.clip(z, -s.huber, s.huber)
    pair = steady & (one["gap"][:, 0] == 1)
    closer = rho + (a * b - rho * a**2) / (s.rho_days[vital] + np.minimum(n, s.spread_memory))
    shift = np.clip(z, -s.huber, s.huber) * np.sqrt(s2) / (np.minimum(n, s.memory) + 1)
    one["level"] = np.where(steady, level + shift, np.where(which, level, one["level"]))
    one["s2"] = np.where(steady, moved, np.where(which, s2, one["s2"]))
    one["rho"] = np.where(pair, np.clip(closer, 0.0, s.rho_most), np.where(which, rho, one["rho"]))
    one["before"] = np.where(which, z, one["before"])
    one["n"] = np.where(which, np.minimum(n + 1, 65_535), one["n"])


def _worth(rho: Floats) -> Floats:
    """Independent looks at the spread that a day is worth, (n,), where a day is like the one before."""
    worth: Floats = (1 - rho**2) / (1 + rho**2)
    return worth


def judge(
    one: npt.NDArray[np.void], by_night: Bools | None = None, jumps: Ints | None = None, week_sd: Floats | float = 1.0
) -> Week:
    """Hold the week of rows (n,) against their level; drifts in `one` open and close in place. by_night (n,): the day's
    figure is a night's of a stream; jumps (n,): the sign of the side to which it may jump (0: it does not; None:
    nobody's does); week_sd (n,): how far weeks of the vital lie apart, as a share of what noise alone would bring."""
    s, there = settings(), (one["held"] > 0) & (one["count"] > 0)
    known = _known(one) & there & (_in_week(one).sum(axis=1) > 1)
    z = np.clip((_figures(one) - one["level"][:, None]) / np.sqrt(np.maximum(one["s2"], 1e-12))[:, None], -99, 99)
    away = np.where(known, _away(one, z) / week_sd, 0.0)
    nights = _of(known, by_night, lambda: _two_nights(one, z))
    side = np.zeros(len(one), np.int64) if jumps is None else jumps
    jump = _of(there, side != 0, lambda: _jump(one, side, z))
    two, jumped = np.abs(nights) > np.abs(away), np.abs(jump) > np.maximum(np.abs(away), np.abs(nights))
    size = np.where(jumped, jump, np.where(two, nights, away))
    was, sign = np.sign(one["open"]).astype(np.int64), np.where(size >= 0, 1, -1)
    ends = _ends(one, np.where(known, size, np.nan), was, side, z)
    over = np.where((was != 0) & ends, was, 0)
    raised = np.where((known | jumped) & (np.abs(size) >= s.stands) & ((was == 0) | (over != 0)), sign, 0)
    _open(one, size, over, raised, known | jumped)
    days = _days_on_that_side(one, z * sign[:, None])
    return Week(away, size, two & ~jumped, jumped, over, raised, days, known, firm(one["open"]))


def _of(known: Bools, which: Bools | None, figure: Callable[[], Floats]) -> Floats:
    """A figure of these rows where it is known, and 0 of the others; nothing is worked out if it is nobody's."""
    if which is None or not which.any():
        return np.zeros(len(known))
    return np.where(known & which, figure(), 0.0)


def _open(one: npt.NDArray[np.void], size: Floats, over: Ints, raised: Ints, known: Bools) -> None:
    """Drifts end and begin; one that reaches `opens` teaches nothing, nor does the week in which it did."""
    stands = np.where(raised != 0, SLIGHT * raised, np.where(over != 0, 0, one["open"]))
    becomes = known & (np.abs(stands) == SLIGHT) & (size * np.sign(stands) >= settings().opens)
    one["open"] = np.where(becomes, np.sign(stands), stands)
    one["sick"] = np.where(becomes, EVERY_DAY, one["sick"])
    one["marks"] |= JUDGED


def firm(opened: npt.NDArray[np.int8]) -> Bools:
    """Which drifts teach nothing, (n,); opened (n,): `open` of STATE."""
    stands: Bools = np.abs(opened) == 1
    return stands


def milder(vital: Ints, away: Floats) -> Bools:
    """Which weeks lie on the side on which their vital seldom means harm, (n,). vital, away (n,): of which vitals, and
    how far away."""
    mild: Bools = settings().milder[vital] * away > 0
    return mild


def _known(one: npt.NDArray[np.void]) -> Bools:
    s, rho = settings(), one["rho"].astype(np.float64)
    known: Bools = (one["n"] >= s.known_after) & (one["n"] * (1 - rho) >= s.known_looks * (1 + rho))
    return known


def _figures(one: npt.NDArray[np.void]) -> Floats:
    """The figures at hand, (n, FIGURES), today's last."""
    today = one["total"].astype(np.float64) / np.maximum(one["count"], 1)
    return np.concatenate([one["past"].astype(np.float64), today[:, None]], axis=1)


def _ages(one: npt.NDArray[np.void]) -> Ints:
    """Days from each figure at hand to today, (n, FIGURES)."""
    later = np.cumsum(one["gap"][:, ::-1].astype(np.int64), axis=1)[:, ::-1]
    return np.concatenate([later[:, 1:], np.zeros((len(one), 1), np.int64)], axis=1)


def _in_week(one: npt.NDArray[np.void]) -> Bools:
    """Which of the figures at hand a week is made of, (n, FIGURES): those of its days, or the last few."""
    s, place, age = settings(), np.arange(FIGURES), _ages(one)
    lately = (age < s.week_days) | ((place >= FIGURES - s.least_figures) & (age < s.oldest_days))
    week: Bools = lately & (place >= FIGURES - one["held"].astype(np.int64)[:, None])
    return week


def _away(one: npt.NDArray[np.void], z: Floats) -> Floats:
    """The sum of the whitened days of the week, in SD of such a sum; z (n, FIGURES): days in SD of one.

    Its variance is the number of days, and what the level is uncertain by, which all of them share.
    """
    s, place = settings(), np.arange(FIGURES)
    rho, n = one["rho"].astype(np.float64), one["n"].astype(np.float64)
    first = place == FIGURES - one["held"].astype(np.int64)[:, None]
    earlier = np.concatenate([np.zeros((len(one), 1)), z[:, :-1]], axis=1)
    earlier = np.where(first, one["before"].astype(np.float64)[:, None], earlier)
    share = rho[:, None] ** np.maximum(one["gap"].astype(np.float64), 1.0)
    e = (z - share * np.clip(earlier, -s.clip, s.clip)) / np.sqrt(1 - share**2)
    week = _in_week(one)
    e = np.where(week, np.clip(e, -s.clip, s.clip), 0.0)
    m = week.sum(axis=1).astype(np.float64)
    total = np.zeros(len(one))
    for k in place.tolist():  # one by one: the same bits for any number of rows
        total += e[:, k]
    away: Floats = total / np.sqrt(np.maximum(m, 1.0) + m**2 / np.maximum(np.minimum(n, s.memory), 1.0))
    return away


def _two_nights(one: npt.NDArray[np.void], z: Floats) -> Floats:
    """How far away the last two nights both lie, in SD of a week that says as much; 0 where they lie on either side, or
    there is but one. z (n, FIGURES): nights in SD of one. What the level is uncertain by makes them wider."""
    s, rho, n = settings(), one["rho"].astype(np.float64), one["n"].astype(np.float64)
    last, before = z[:, TODAY], z[:, TODAY - 1]
    there = (one["held"] >= 2) & (one["gap"][:, TODAY] <= s.two_nights_gap) & (last * before > 0)
    wider = np.sqrt(1.0 + (1 + rho) / (1 - rho) / np.maximum(np.minimum(n, s.memory), 1.0))
    both = np.sign(last) * np.minimum(np.abs(last), np.abs(before)) / wider
    nights: Floats = np.where(there, both * s.opens / s.two_nights, 0.0)
    return nights


def _jump(one: npt.NDArray[np.void], side: Ints, z: Floats) -> Floats:
    """How far the last two figures both lie from where the one before them leads one to expect, in SD of a week that
    says as much; 0 where it is no jump to that side (n,), or where days are not that much alike. z (n, FIGURES):
    figures in SD of one."""
    s, rho = settings(), one["rho"].astype(np.float64)
    gap = np.maximum(one["gap"][:, TODAY - 1 :].astype(np.float64), 1.0)
    near, known = (gap <= s.two_nights_gap).all(axis=1), (one["held"] >= 3) & (one["n"] >= s.jump_after)
    share = rho[:, None] ** np.cumsum(gap, axis=1)
    e = (z[:, TODAY - 1 :] - share * z[:, [TODAY - 2]]) / np.sqrt(1 - share**2)
    both = (e * side[:, None]).min(axis=1)
    jumps = known & near & (rho >= s.jump_rho) & (both >= s.jump)
    return np.where(jumps, side * both * s.opens / s.jump, 0.0)


def _ends(one: npt.NDArray[np.void], size: Floats, was: Ints, side: Ints, z: Floats) -> Bools:
    """Whether what stands is over, (n,); size: NaN where the level is not known; side: to which it may jump (0: it does
    not); z (n, FIGURES): figures in SD of one.

    What a jump leaves behind says little as a week, since each day is much like the one before: of what may jump, and
    of which days are that much alike, today has to be back as well, and that is enough where the level is hardly known.
    """
    s, jumps = settings(), (side != 0) & (side == was)
    calm = size * was <= np.where(firm(one["open"]), s.clear, s.clear_slight)
    back = z[:, TODAY] * was <= s.jump_over
    hardly = jumps & (one["n"] >= s.jump_after) & (one["count"] > 0)
    ends: Bools = np.where(np.isnan(size), hardly & back, calm & (back | ~jumps | (one["rho"] < s.jump_rho)))
    return ends


def _days_on_that_side(one: npt.NDArray[np.void], z: Floats) -> Ints:
    """Days since the first of the last figures (n, FIGURES) that all lie at least half an SD away."""
    held = np.arange(FIGURES) >= FIGURES - one["held"].astype(np.int64)[:, None]
    run = np.minimum.accumulate(((z >= HALF) & held)[:, ::-1], axis=1)[:, ::-1]
    days: Ints = np.where(run, _ages(one), 0).max(axis=1, initial=0)
    return days


def rearm(one: npt.NDArray[np.void]) -> None:
    """A person ended what was told: the week begins anew, and what goes on is raised again. What was learned stays."""
    for name in ("past", "gap", "total", "count", "before", "held", "sick", "open"):
        one[name] = 0
    one["marks"], one["week"] = one["marks"] & BY_DAY, np.nan


def forget(table: npt.NDArray[np.void], rows: Ints) -> None:
    """What was learned is of before: all but what is open begins anew."""
    one = table[rows]
    anew(one, np.ones(len(one), bool))
    table[rows] = one


HALF = 0.5
_CLIP_CORRECTION = 1.0863  # as in `models.baseline`
