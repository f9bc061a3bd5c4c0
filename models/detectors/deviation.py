"""Acute deviation: a vital away from the patient's own band, long enough to be worth a person's time.

One window is never enough: heavy tails quadruple the false alerts of single points and leave persistence alone
(alarm_burden section 6). Hysteresis: it clears only well inside the band. Whether people are told is up to the
patient's own limit (`models.budget_acute`). Settings in `evidence/detectors.yaml`.
"""

from dataclasses import dataclass, replace
from functools import cache
from math import inf

import numpy as np
import numpy.typing as npt

from models import budget_acute
from models.detectors.crossings import CLEAR, RAISE
from models.evidence import load
from models.findings import SEVERITIES, Rule
from models.segments import Bools, Ints
from models.times import US_PER_S
from models.vitals import VITALS

Floats = npt.NDArray[np.float64]
ADVISORY, URGENT = SEVERITIES.index("advisory"), SEVERITIES.index("urgent")
MOST_COUNTED = 30_000
WITHHELD, EASED = 4, 5
"""What has come up is below the patient's own limit; what was urgent is over and something milder goes on: beside RAISE
and CLEAR."""
NOTHING = -1
MOST_OWN = 255
"""Windows in a row beyond the own limit are counted in eight bits; a few are asked for."""

STATE = np.dtype(
    [
        ("n", "i2"),
        ("n_urgent", "i2"),
        ("sign", "i1"),
        ("open", "u1"),
        ("open_sign", "i1"),
        ("withheld", "u1"),
        ("ok_n", "i2"),
        ("n_own", "u1"),
        ("last", "i1"),
        ("wide", "f4"),
        ("since", "i8"),
        ("last_at", "i8"),
    ],
    align=True,
)
"""n, n_urgent, n_own: windows in a row beyond z_on, z_urgent and the own limit (n_urgent below 0: so many well inside
z_urgent, while what is open is urgent); sign of the run; open: rank + 1 of the open problem (0 none); withheld: people
do not know of it; ok_n: windows in a row well inside; since, last_at: beginning of the run and the last judged window
[us]; last, wide: see `budget_acute.learned`. What the budget keeps lies where pages of before have holes, which are
zero: then nothing is withheld and nothing learned yet."""


@dataclass(frozen=True, slots=True)
class Settings:
    """By line, (V + 1,): the vitals, then `baseline.SPARSE`."""

    z_on: Floats
    windows_on: Ints
    z_urgent: Floats
    z_off: Floats
    windows_off: Ints
    max_gap_us: Ints
    judged: Bools
    rule: Rule
    lasts_windows: Ints
    milder_lasts: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Problems raised, withheld, eased and cleared, arrays of the same length: index into the windows, what, sign,
    rank, since [us], the patient's own limit [SD], and after how many windows in a row what is withheld is told."""

    index: Ints
    what: Ints
    sign: Ints
    rank: Ints
    since: Ints
    own: Floats
    lasts: Ints


@cache
def settings() -> Settings:
    """The settings in use."""
    document = load("detectors")
    group = {name: g for g in document["classes"].values() for name in g["vitals"]}
    by_vital = [group.get(v.name, next(iter(document["classes"].values()))) for v in VITALS]
    by_vital.append(document["classes"]["session"])
    silent = document["silent_vitals"]
    return Settings(
        np.array([g["z_on"] for g in by_vital], float),
        np.array([g["windows_on"] for g in by_vital]),
        np.array([g["z_urgent"] for g in by_vital], float),
        np.array([g["z_off"] for g in by_vital], float),
        np.array([g["windows_off"] for g in by_vital]),
        np.array([g["max_gap_h"] * 3600 * US_PER_S for g in by_vital]),
        np.array([*(v.name in group and v.name not in silent for v in VITALS), True]),
        Rule(id="acute_deviation", version=document["meta"]["version"], source=document["meta"]["src"][0]),
        np.array([g.get("told", {}).get("lasts", document["budget"]["lasts"]) * g["windows_on"] for g in by_vital]),
        document["budget"]["milder_lasts"],
    )


def watch(
    states: npt.NDArray[np.void], row: Ints, line: Ints, z: Floats, at: Ints, usable: Bools, per_month: float = inf,
    more: Floats | None = None,
) -> Changes:  # fmt: skip
    """Judge one window a row; `states` is updated in place.

    row (n,): each at most once; line (n,): its settings, see `baseline.line_of`; z (n,): the window in SD of its
    prediction; at (n,): its start [us]; usable (n,): taken at rest and against a band that is one; per_month, more:
    see `budget_acute.limits`.
    """
    s = settings()
    usable = usable & s.judged[line]
    hot = usable & (np.abs(z) >= s.z_on[line])
    # A window inside the band of a row with neither a run nor a problem changes nothing: usually that is all of them.
    concerned = np.flatnonzero(hot | (usable & ((states["n"][row] > 0) | (states["open"][row] > 0))))
    if not len(concerned):
        return _NONE
    of = np.zeros(len(concerned)) if more is None else more[concerned]
    found = _judge(states, row[concerned], line[concerned], z[concerned], at[concerned], per_month, of)
    return replace(found, index=concerned[found.index])


def learn(
    states: npt.NDArray[np.void], row: Ints, line: Ints, z: Floats, n: Floats, usable: Bools, well: Bools
) -> None:
    """Learn how far away pairs of windows lie; `states` is updated in place. n (n,): windows learned from; well (n,):
    nothing is known to be wrong; the others as of `watch`."""
    seen = np.flatnonzero(usable & budget_acute.settings().kept[line])
    if not len(seen):
        return
    of, taught = row[seen], well[seen]
    old = states[of]
    wide = budget_acute.learned(old["wide"].astype(float), old["last"].astype(np.int64), z[seen], line[seen], n[seen])
    states["wide"][of] = np.where(taught, wide, old["wide"])
    states["last"][of] = budget_acute.in_steps(z[seen])


def rearm(one: npt.NDArray[np.void]) -> None:
    """A person resolved the problem: rows (n,) begin anew, and keep what was learned of them."""
    learned = one["last"].copy(), one["wide"].copy()
    one[:] = np.zeros((), one.dtype)
    one["last"], one["wide"] = learned


def _judge(
    states: npt.NDArray[np.void], row: Ints, line: Ints, z: Floats, at: Ints, per_month: float, more: Floats
) -> Changes:
    """Judge windows that count, one a row."""
    s, old = settings(), states[row]
    size, sign = np.abs(z), np.where(z >= 0, 1, -1)
    hot = size >= s.z_on[line]
    goes_on = (sign == old["sign"]) & (at - old["last_at"] <= s.max_gap_us[line]) & (old["n"] > 0)
    n = np.where(hot, np.where(goes_on, np.minimum(old["n"] + 1, MOST_COUNTED), 1), 0)
    n_urgent = _urgent(old, line, z, goes_on)
    own = budget_acute.limits(old["wide"].astype(float), line, per_month, more)
    n_own = np.where(size >= own, np.where(goes_on, np.minimum(old["n_own"].astype(np.int64) + 1, MOST_OWN), 1), 0)
    since = np.where(hot, np.where(goes_on, np.minimum(old["since"], at), at), old["since"])
    rank = np.where(n_urgent >= s.windows_on[line], URGENT, ADVISORY)
    fires = hot & (n >= s.windows_on[line])
    turned = fires & (old["open"] > 0) & (old["open_sign"] != sign)
    ok_n = np.where(size <= s.z_off[line], np.minimum(old["ok_n"] + 1, MOST_COUNTED), 0)
    over = ((old["open"] > 0) & (ok_n >= s.windows_off[line])) | turned
    eased = ~over & (n_urgent <= -s.windows_off[line])
    is_open = np.where(over, 0, np.where(eased, ADVISORY + 1, old["open"]))
    raised, untold = fires & (rank + 1 > is_open), ~over & (old["withheld"] > 0)
    lasts = s.lasts_windows[line] * np.where(more > 0, s.milder_lasts, 1)
    # urgent is beyond every own limit; a run in a page of before the budget has no n_own
    reaches = (n_own >= s.windows_on[line]) | (rank == URGENT) | (n >= lasts)
    tells, notes = fires & reaches & (raised | untold), raised & ~reaches
    new = {
        "n": n, "n_urgent": n_urgent, "sign": sign, "open": np.where(raised, rank + 1, is_open),
        "open_sign": np.where(raised, sign, old["open_sign"]), "ok_n": ok_n, "since": since, "last_at": at,
        "n_own": n_own, "withheld": ~tells & (notes | untold),
    }  # fmt: skip
    for name, column in new.items():
        states[name][row] = column
    what = np.where(tells, RAISE, np.where(notes, WITHHELD, np.where(eased, EASED, NOTHING)))
    return _changes(over & (old["withheld"] == 0), what, old["open_sign"], sign, rank, since, own, lasts)


def _urgent(old: npt.NDArray[np.void], line: Ints, z: Floats, goes_on: Bools) -> Ints:
    """Windows in a row beyond z_urgent; below 0, while what is open is urgent, those that are inside it by as much as
    what clears lies inside what raises."""
    s, size, n = settings(), np.abs(z), old["n_urgent"].astype(np.int64)
    inside = z * old["open_sign"] <= s.z_urgent[line] - (s.z_on[line] - s.z_off[line])
    calm = np.where(inside & (old["open"] == URGENT + 1), np.maximum(np.minimum(n, 0) - 1, -MOST_COUNTED), 0)
    run = np.where(goes_on, np.minimum(np.maximum(n, 0) + 1, MOST_COUNTED), 1)
    return np.where(size >= s.z_urgent[line], run, calm)


def _changes(
    over: Bools, what: Ints, open_sign: Ints, sign: Ints, rank: Ints, since: Ints, own: Floats, lasts: Ints
) -> Changes:
    """Clears first, so that a problem which turned round is closed before its opposite opens."""
    off, on = np.flatnonzero(over), np.flatnonzero(what != NOTHING)
    if not len(off) + len(on):
        return _NONE
    return Changes(
        np.concatenate([off, on]),
        np.concatenate([np.full(len(off), CLEAR), what[on]]),
        np.concatenate([open_sign[off], np.where(what == EASED, open_sign, sign)[on]]).astype(np.int64),
        np.concatenate([np.zeros(len(off), np.int64), rank[on]]),
        np.concatenate([since[off], since[on]]),
        np.concatenate([own[off], own[on]]),
        np.concatenate([lasts[off], lasts[on]]),
    )


_EMPTY = np.empty(0, np.int64)
_NONE = Changes(_EMPTY, _EMPTY, _EMPTY, _EMPTY, _EMPTY, np.empty(0), _EMPTY)
