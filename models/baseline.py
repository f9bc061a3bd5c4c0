"""What is normal for this patient: a robust state-space filter per row (patient, vital), vectorised over rows.

State: level, and the first two harmonics of the day (24 h and 12 h) in the patient's local time. It starts from the
expectation of the profile and is moved by the patient's own windows, each weighed by what is already known; an artefact
moves it only as much as a value at two SD would (Huber). The spread is learned the same way. The course of a disease or
recovery is laid over it day by day (`Passing`).

Arrays have the state axis first, (5, n), and sums run over it only: the result for a row never depends on which other
rows share the call, so a batch of any size gives the same bits.
"""

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from models.evidence import load
from models.segments import Bools, Ints
from models.times import US_PER_DAY, US_PER_S
from models.vitals import VITALS

Floats = npt.NDArray[np.float64]

STATES = 5
PAIRS = tuple((i, j) for i in range(STATES) for j in range(i, STATES))
"""Upper triangle of the covariance, as it is stored."""
_PLACE = {pair: k for k, pair in enumerate(PAIRS)} | {(j, i): k for k, (i, j) in enumerate(PAIRS)}
_FULL = np.array([[_PLACE[i, j] for j in range(STATES)] for i in range(STATES)])
_ROW, _COLUMN = (np.array(side) for side in zip(*PAIRS, strict=True))
DIAGONAL = tuple(_PLACE[i, i] for i in range(STATES))
SLOTS_PER_DAY = 96
SPARSE = len(VITALS)
"""The line of settings after the vitals': a streamed vital that is in fact measured a few times a day or night."""
SPARSE_AFTER_DAYS, SPARSE_PER_DAY = 2.0, 12.0
"""Judged after two days: fewer than twelve quarter-hour windows a day are spot checks, not a stream."""
HABIT_DAYS = 7.0
"""What came longer ago counts for little in that, by a factor of e in a week: who has laid the watch aside and measures
by hand must not be watched as if it went on. A week, because habits repeat by the week."""
LONGEST_PAUSE_DAYS = 1.0
"""A pause counts for no more than that: what was laid aside for a month and is worn again is what it was."""

STREAM_LEAST = 4
"""Windows (of a quarter of an hour) that make a stream, when it has only begun."""

STATE = np.dtype(
    [
        ("first_at", "i8"),
        ("last_at", "i8"),
        ("x", "f4", STATES),
        ("p", "f4", len(PAIRS)),
        ("s2", "f4"),
        ("n", "f4"),
        ("seen", "f4"),
        ("lately", "f4"),
    ]
)
"""x, p: mean and covariance of the state on the vital's working scale; s2: within-person variance; n: windows learned;
seen: windows looked at, faded by HABIT_DAYS; lately: by how much what is expected has moved, faded by `lately_days`;
first_at, last_at: event time of the first learned and of the last seen window [us]. Kept in single precision, and
worked on in double: what is lost each time, 6e-8 of a figure, is far less than any device knows, and counts are exact
up to 16 million. Each window is rounded alone, so batches of any size still give the same bits."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How fast a baseline may move, from `evidence/detectors.yaml`.

    By line (V + 1,), the last one being SPARSE: learn_from: windows that count as one independent look; known_after:
    windows until one may judge by it.
    """

    q_level: float
    q_harmonic: float
    huber: float
    prior_n: float
    memory_n: float
    floor_share: float
    harmonic_share: float
    lately_days: float
    settled: float
    learn_from: Floats
    known_after: Floats


@dataclass(frozen=True, slots=True)
class Prior:
    """What the profile leads one to expect of each row, (n,) on the working scale; amplitude, acrophase_h: its day."""

    mean: Floats
    sd_between: Floats
    sd_within: Floats
    sd_meas: Floats
    amplitude: Floats
    acrophase_h: Floats


@dataclass(slots=True)
class Rows:
    """Filter states of n rows, taken out of the table to work on: x (5, n), p (15, n), the rest (n,)."""

    x: Floats
    p: Floats
    s2: Floats
    n: Floats
    seen: Floats
    lately: Floats
    first_at: Ints
    last_at: Ints


@dataclass(frozen=True, slots=True)
class Passing:
    """What the course of a disease or recovery adds on the day of a window, (n,) or (1,): mean, and sd of not knowing
    how far this patient follows it, on the working scale; factor of the within-person SD [1]; ill: day of a
    declared illness, from which nothing is to be learned, 1 being its first, or 0."""

    mean: Floats
    sd: Floats
    factor: Floats
    ill: Floats = field(default_factory=lambda: np.zeros(1))


STEADY = Passing(np.zeros(1), np.zeros(1), np.ones(1))
"""Of nobody who is on a course."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a window was expected to be, before it was looked at: mean and SD (n,) on the working scale.

    level_variance, noise: the parts of its variance that are not yet knowing the patient, and that are the window's own
    (spread, device, and what is not known of the day's course); known: enough of the patient's own windows have been
    seen to judge by it; settled: the level is known as well as it will be.
    """

    mean: Floats
    sd: Floats
    level_variance: Floats
    noise: Floats
    known: Bools
    settled: Bools


@cache
def settings() -> Settings:
    """The settings in use."""
    document = load("detectors")
    b = document["baseline"]
    learn_from, known_after = np.ones(len(VITALS) + 1), np.full(len(VITALS) + 1, np.inf)
    known_after[SPARSE] = document["classes"]["session"]["known_after"]
    for group in document["classes"].values():
        for vital in VITALS:
            if vital.name in group["vitals"]:
                learn_from[vital.index], known_after[vital.index] = group["learn_from"], group["known_after"]
    return Settings(
        b["q_level_per_day"], b["q_harmonic_per_day"], b["huber"],
        b["spread_prior_windows"], b["spread_memory_windows"], b["spread_floor_share"], b["harmonic_prior_share"],
        b["lately_days"], b["settled"], learn_from, known_after,
    )  # fmt: skip


@cache
def day_shape() -> Floats:
    """The observation vector by quarter of an hour of the local day, (5, 96): 1, cos, sin (24 h), cos, sin (12 h)."""
    angle = 2 * np.pi * (np.arange(SLOTS_PER_DAY) + 0.5) / SLOTS_PER_DAY
    rows = [np.ones_like(angle), np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)]
    return np.stack(rows)


def take(table: npt.NDArray[np.void], index: Ints) -> Rows:
    """Copy rows out of the table (dtype STATE)."""
    one = table[index]
    x, p = one["x"].T.astype(np.float64, order="C"), one["p"].T.astype(np.float64, order="C")
    s2, n, seen, lately = (one[name].astype(np.float64) for name in ("s2", "n", "seen", "lately"))
    return Rows(x, p, s2, n, seen, lately, one["first_at"].copy(), one["last_at"].copy())


def put(table: npt.NDArray[np.void], index: Ints, rows: Rows) -> None:
    """Write rows back."""
    table["x"][index], table["p"][index] = rows.x.T, rows.p.T
    table["s2"][index], table["n"][index] = rows.s2, rows.n
    table["seen"][index], table["lately"][index] = rows.seen, rows.lately
    table["first_at"][index], table["last_at"][index] = rows.first_at, rows.last_at


def start(prior: Prior) -> Rows:
    """Rows that know only the profile. A vital with no population level waits for its first own window (mean NaN)."""
    n, share = len(prior.mean), settings().harmonic_share
    x, p = np.zeros((STATES, n)), np.zeros((len(PAIRS), n))
    angle = 2 * np.pi * prior.acrophase_h / 24
    x[0], x[1], x[2] = prior.mean, prior.amplitude * np.cos(angle), prior.amplitude * np.sin(angle)
    p[DIAGONAL[0]] = prior.sd_between**2
    for place in DIAGONAL[1:]:
        p[place] = np.maximum(share * prior.sd_within, 0.5 * prior.amplitude) ** 2
    zero = np.zeros(n, np.int64)
    return Rows(x, p, prior.sd_within**2, np.zeros(n), np.zeros(n), np.zeros(n), zero, zero.copy())


def slot_of_day(at_us: Ints, offset_us: Ints) -> Ints:
    """Quarter of an hour of the local day, (n,); offset_us: local time minus UTC."""
    return ((at_us + offset_us) % US_PER_DAY) // (US_PER_DAY // SLOTS_PER_DAY)


def predict(
    rows: Rows, prior: Prior, at: Ints, slot: Ints, y: Floats, line: Ints, passing: Passing = STEADY
) -> Prediction:
    """Let time pass up to `at` and say what to expect then; `rows` is updated in place.

    line (n,): the settings of each row, see `line_of`; passing: the course of the day, which lies on top of the level
    and is never learned into it. A row without any level takes its first window `y` as one, and expects it.
    """
    s = settings()
    homeless = np.isnan(rows.x[0])
    rows.x[0] = np.where(homeless, y - passing.mean, rows.x[0])
    past_us = np.where(rows.last_at > 0, np.maximum(at - rows.last_at, 0), 0)
    days = past_us / US_PER_DAY
    rows.p[DIAGONAL[0]] += s.q_level * rows.s2 * days
    for place in DIAGONAL[1:]:
        rows.p[place] += s.q_harmonic * rows.s2 * days
    rows.last_at = np.maximum(rows.last_at, at)
    rows.seen = _seen(rows.seen, past_us)
    rows.lately = rows.lately * np.exp(-days / s.lately_days)
    h = day_shape()[:, slot]
    level = (h * _covariance_with(rows.p, h)).sum(axis=0)
    noise = rows.s2 * passing.factor**2 + prior.sd_meas**2 + passing.sd**2
    mean = (h * rows.x).sum(axis=0) + passing.mean
    settled = level <= s.settled * _in_the_long_run(rows.s2, noise * s.learn_from[line], days)
    return Prediction(mean, np.sqrt(level + noise), level, noise, rows.n >= s.known_after[line], settled)


def _in_the_long_run(s2: Floats, noise: Floats, days: Floats) -> Floats:
    """The variance of a level before a window (n,) that many windows like it, so many days apart, lead to."""
    drift = settings().q_level * s2 * np.maximum(days, 1 / SLOTS_PER_DAY)
    variance: Floats = drift / 2 + np.sqrt(drift**2 / 4 + drift * noise)
    return variance


def learn(
    rows: Rows, prior: Prior, prediction: Prediction, slot: Ints, y: Floats, at: Ints, line: Ints, which: Bools
) -> None:
    """Move the rows in `which` (n,) towards their window y (n,); the others keep what they know.

    A surprise beyond `huber` SD divides the whole gain, so the state moves exactly as it would at `huber` SD, also
    while little is known and the gain is large. (More noise alone would let a first artefact move it several times
    as far.)
    """
    s = settings()
    h = day_shape()[:, slot]
    ph = _covariance_with(rows.p, h)
    error = y - prediction.mean
    noise = prediction.noise * s.learn_from[line]
    surprise = np.abs(error) / prediction.sd
    total = ((h * ph).sum(axis=0) + noise) * np.maximum(1.0, surprise / s.huber)
    step = np.where(which, ph / total * error, 0.0)
    rows.x += step
    rows.lately += np.where(prediction.settled, (h * step).sum(axis=0), 0.0)
    rows.p -= np.where(which, ph[_ROW] * ph[_COLUMN] / total, 0.0)
    _learn_spread(rows, prior, prediction, error, line, which)
    rows.first_at = np.where(which & (rows.n == 0), at, rows.first_at)
    rows.n += which


def unlearn(rows: Rows, slot: Ints, which: Bools) -> None:
    """Take back what the rows in `which` (n,) have learned of late: something is wrong with these patients, and was
    before it was found. `rows` is updated in place: by what was learned at this time of day, as it would be learned."""
    if not (which & (rows.lately != 0)).any():
        return  # in nearly every round
    h = day_shape()[:, slot]
    ph = _covariance_with(rows.p, h)
    rows.x -= np.where(which, ph / (h * ph).sum(axis=0) * rows.lately, 0.0)
    rows.lately = np.where(which, 0.0, rows.lately)


def reopen(rows: Rows, shift: Floats, doubt: Floats) -> None:
    """Move each level by `shift` (n,) and hold it no more firmly than within an SD of `doubt` (n,); `rows` is updated
    in place. A firmer hold is loosened, a looser one left: telling the same twice does not loosen twice."""
    rows.x[0] += shift
    rows.lately = np.where((shift != 0) | (doubt != 0), 0.0, rows.lately)
    level = DIAGONAL[0]
    rows.p[level] = np.maximum(rows.p[level], doubt**2)


def begin_from(rows: Rows, before: Prior, after: Prior) -> None:
    """Let rows of which little is known start from another expectation than they did; `rows` is updated in place. What
    was learned of the level keeps its weight, and the rhythm of the day begins anew."""
    fresh, share = start(after), settings().prior_n / (settings().prior_n + rows.n)
    whole, now = 1 / rows.p[DIAGONAL[0]], after.sd_between**-2
    was = np.minimum(before.sd_between**-2, whole)
    level = (whole * rows.x[0] - was * before.mean + now * after.mean) / (whole - was + now)
    fresh.x[0] = np.where(np.isnan(rows.x[0]), after.mean, np.where(np.isnan(level), rows.x[0], level))
    fresh.p[DIAGONAL[0]] = 1 / (whole - was + now)
    moved = rows.s2 + share * (after.sd_within**2 - before.sd_within**2)
    rows.x, rows.p, rows.lately = fresh.x, fresh.p, fresh.lately
    rows.s2 = np.maximum(moved, settings().floor_share * after.sd_within**2)


def by_another_clock(rows: Rows, ahead_us: int) -> None:
    """Say of the rhythm of the day by a clock that is so far ahead what was learned of it by another; `rows` is updated
    in place. What is expected at any moment stays the same."""
    turn = np.eye(STATES)
    for place, times in ((1, 1), (3, 2)):
        angle = times * 2 * np.pi * ahead_us / US_PER_DAY
        cosine, sine = np.cos(angle), np.sin(angle)
        turn[place : place + 2, place : place + 2] = [[cosine, -sine], [sine, cosine]]
    rows.x[1:] = turn[1:, 1:] @ rows.x[1:]  # the level may be unknown
    rows.p = (turn @ np.moveaxis(rows.p[_FULL], 2, 0) @ turn.T)[:, _ROW, _COLUMN].T


def _learn_spread(rows: Rows, prior: Prior, prediction: Prediction, error: Floats, line: Ints, which: Bools) -> None:
    """Within-person variance from clipped squares of the errors, shrunk to the profile's while there are few.

    An error is shared out between spread, device and level in the proportion in which they were expected.
    """
    s = settings()
    clipped = np.minimum((error / prediction.sd) ** 2, s.huber**2) * _CLIP_CORRECTION
    looks = np.minimum(s.prior_n + rows.n / s.learn_from[line], s.memory_n) * s.learn_from[line]
    moved = rows.s2 * (1.0 + (clipped - 1.0) / (looks + 1.0))
    rows.s2 = np.where(which, np.maximum(moved, s.floor_share * prior.sd_within**2), rows.s2)


_CLIP_CORRECTION = 1.0863
"""1 / E[min(z^2, 4)] of a standard normal: clipping at two SD (`huber`) hides 8 % of the variance."""


def own_weight(prediction: Prediction, prior: Prior) -> Floats:
    """Share of what is expected at this time of day that is the patient's own, 0..1: how far the prior has shrunk."""
    share = settings().harmonic_share
    day = 2 * np.maximum(share * prior.sd_within, 0.5 * prior.amplitude) ** 2
    own: Floats = np.clip(1.0 - prediction.level_variance / (prior.sd_between**2 + day), 0.0, 1.0)
    return own


def line_of(rows: Rows, vital: Ints) -> Ints:
    """The line of the settings for each row: its vital's, or SPARSE where a streamed vital comes a few times a day."""
    begun = (rows.n > 0) & (rows.last_at - rows.first_at >= SPARSE_AFTER_DAYS * US_PER_DAY)
    sparse = _streamed()[vital] & begun & (rows.seen < SPARSE_PER_DAY * _days_of_habit(rows.first_at, rows.last_at))
    return np.where(sparse, SPARSE, vital)


def spared(rows: Rows, passing: Passing, day: Ints, offset_us: Ints) -> Bools:
    """Whether each row keeps what it knows because an illness is declared, (n,). day: local, from 1970; offset_us:
    local time minus UTC. Who was not known before it has no level to keep: there the recovery would be the deviation.
    """
    begun_us = (day - passing.ill + 1) * US_PER_DAY - offset_us
    known_before: Bools = (passing.ill > 0) & (rows.n > 0) & (rows.first_at < begun_us)
    return known_before


def in_stream(rows: Rows) -> Bools:
    """Whether readings of each row come as a stream so far, (n,): from the first hour on, as long as they go on."""
    streams: Bools = rows.seen >= np.maximum(STREAM_LEAST, SPARSE_PER_DAY * _days_of_habit(rows.first_at, rows.last_at))
    return streams


def ends_stream(rows: Rows, at: Ints) -> Bools:
    """Whether with a window at `at` (n,) a row is no stream any more."""
    days = _days_of_habit(rows.first_at, np.maximum(at, rows.last_at))
    fewer = _seen(rows.seen, np.maximum(at - rows.last_at, 0)) < SPARSE_PER_DAY * days
    ends: Bools = in_stream(rows) & fewer
    return ends


def faded(seen: Floats, first_at: Ints, last_at: Ints) -> Floats:
    """What is left of windows (n,) that came evenly between these times [us], as far as is known."""
    first_at = np.minimum(first_at, last_at - US_PER_S)
    left: Floats = seen * _days_of_habit(first_at, last_at) / ((last_at - first_at) / US_PER_DAY)
    return left


def _seen(before: Floats, past_us: Ints) -> Floats:
    """Windows seen, with one that comes so long after the one before, (n,)."""
    return before * _faded(np.minimum(past_us, round(LONGEST_PAUSE_DAYS * US_PER_DAY))) + 1


def _faded(past_us: Ints) -> Floats:
    """What is left of a count after that time, (n,) [1]."""
    left: Floats = np.exp(-past_us / (HABIT_DAYS * US_PER_DAY))
    return left


def _days_of_habit(first_at: Ints, last_at: Ints) -> Floats:
    """Days for which `seen` counts, (n,): those between the first window and the last, faded as it is."""
    return HABIT_DAYS * (1 - _faded(last_at - first_at))


@cache
def _streamed() -> Bools:
    """Vitals of the class `dense`, (V,)."""
    names = load("detectors")["classes"]["dense"]["vitals"]
    return np.array([vital.name in names for vital in VITALS])


def _covariance_with(p: Floats, h: Floats) -> Floats:
    """P h for each row, (5, n). Sums of five are taken one by one from the first, however many rows there are."""
    product: Floats = (p[_FULL] * h).sum(axis=1)
    return product
