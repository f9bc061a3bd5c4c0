"""Rules of conditions: limits on single readings, and trends over days, judged one reading or window at a time.

Few patients come this far, so this is plain Python. What is remembered is small and stored with the patient's page.
A rule opens its problem when it begins to hold; the problem closes when none of its rules has held for a while
(rules.yaml meta.clear).
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from math import isnan, nan
from statistics import fmean, median
from typing import Any

from models.detectors import household, measures
from models.detectors.days import Day, Window, noted
from models.detectors.device_runs import DEVICES_MAX
from models.detectors.floors import population_floors
from models.detectors.watched import Change, Own, Run, Watched, closed, opened
from models.evidence import load
from models.prior import to_scale
from models.rules import Limit, Part, Trend, on_paths
from models.times import US_PER_DAY
from models.vitals import VITALS
from models.windows import LATENESS_US


@cache
def _clear() -> dict[str, Any]:
    return dict(load("rules")["meta"]["clear"])


@cache
def _confirm_us() -> int:
    """Two windows further apart do not confirm each other [us]."""
    return int(load("rules")["meta"]["confirm_within_h"]) * 3_600_000_000


@cache
def _sessions_us() -> int:
    """Sessions of a share further apart than this for each are not consecutive [us]."""
    return int(load("rules")["meta"]["sessions_within_d"]) * US_PER_DAY


@cache
def spot_gap_us() -> int:
    """Time without a reading after which one stands alone [us]."""
    return int(load("rules")["meta"]["spot_gap_s"]) * 1_000_000


def on_reading(
    one: Watched, rules: Iterable[Limit], at_us: int, value: float, *, spot: bool, resting: bool,
    usual: Callable[[int], float | None] = lambda vital: None, behind_us: int = -1, device: int = 0, oxygen: int = -1,
) -> list[Change]:  # fmt: skip
    """A live reading. usual: the level of a vital that the patient states; behind_us: how long before the newest of its
    vital it was measured, negative if after it; device: hash of its name; oxygen: 1 while it is given, 0 on air, -1
    where nobody says, which says nothing to a rule about oxygen."""
    found = list[Change]()
    for rule in rules:
        if (rule.rest and not resting) or (rule.on_oxygen and oxygen < 0):
            continue
        seen = nan if rule.on_oxygen and not oxygen else value
        if _concerns(one, rule, usual) and counts(one, rule, seen, behind_us):
            found += _reading(one, rule, at_us, seen, spot, device)
    return found


def counts(one: Watched, rule: Limit, value: float, behind_us: int) -> bool:
    """Whether a reading is judged: one that comes out of order can begin or continue what it would have in its place,
    and never end what came after it. Where a single reading is enough, it may be as old as what is live; where a second
    one confirms, it is not of the same instant, as what comes by two ways is."""
    if behind_us < 0:
        return True
    beyond = rule.broken(value) and rule.id not in one.open.get(rule.problem, {})
    at_once = rule.repeat == 1 and not rule.persist_us
    return beyond and (at_once or 0 < behind_us <= LATENESS_US[rule.vital])


def _concerns(one: Watched, rule: Limit, usual: Callable[[int], float | None]) -> bool:
    """Whether the own level lies where a limit is meant for. Not known, it is; and what is open is not let go because
    the level has followed it."""
    if rule.usual_from is None or rule.id in one.open.get(rule.problem, {}):
        return True
    level = usual(rule.vital)
    if level is None:
        days = one.days.get(rule.vital, ())[:-1]
        level = median(day.mean for day in days) if len(days) >= measures.LEAST_BEFORE else None
    return level is None or level >= rule.usual_from


def _reading(one: Watched, rule: Limit, at_us: int, value: float, spot: bool, device: int) -> list[Change]:
    is_open = rule.id in one.open.get(rule.problem, {})
    if not rule.broken(value):
        return _inside(one, rule, at_us, device, is_open)
    lasts = goes_on(one, rule, at_us, value, spot, device)
    if is_open:
        return [Change(rule, raised=True, since_us=one.runs[rule.id].since_us, again=True)]
    return opened(one, rule, one.runs[rule.id].since_us, 0) if lasts else []


def goes_on(one: Watched, rule: Limit, at_us: int, value: float, spot: bool, device: int) -> bool:
    """A reading beyond the limit is added to its run; whether that is as long as the limit asks for."""
    run = one.runs.get(rule.id, Run())
    own = _lately(rule, run, at_us)
    alone = spot and rule.repeat == 1
    again = run.n > 0 and _relayed(own, device, at_us, value)
    run = Run(1 if alone else run.n + (not again), at_us if alone or not run.n else min(run.since_us, at_us))
    own[device] = mine = _gone_on(own.get(device), at_us, value)
    run.own = dict(sorted(own.items(), key=lambda pair: pair[1].last_us)[-DEVICES_MAX:])
    run.n, run.since_us = max(run.n, mine.n), run.since_us if alone else min(run.since_us, mine.since_us)
    one.runs[rule.id] = run
    lasted = alone or at_us - run.since_us >= rule.persist_us  # two spot checks that confirm each other span a time
    return run.n >= rule.repeat and lasted


def _lately(rule: Limit, run: Run, at_us: int) -> dict[int, Own]:
    return {name: o for name, o in run.own.items() if at_us - o.last_us <= rule.persist_us + spot_gap_us()}


def ends(one: Watched, rule: Limit, at_us: int, device: int) -> None:
    """A reading within the limit ends the run of its device, and that of all together."""
    _inside(one, rule, at_us, device, False)


def _inside(one: Watched, rule: Limit, at_us: int, device: int, is_open: bool) -> list[Change]:
    """A reading within the limit. While another device is beyond it, it does not say that the problem is over."""
    run = one.runs.get(rule.id, Run())
    own = {name: o for name, o in _lately(rule, run, at_us).items() if name != device}
    one.runs[rule.id] = run = Run(0, 0, run.ok + (not own) if is_open else 0, own)
    if is_open and run.ok < _clear()["readings"]:
        return []
    if is_open or not own:
        del one.runs[rule.id]
    return closed(one, rule) if is_open else []


def _relayed(own: Mapping[int, Own], device: int, at_us: int, value: float) -> bool:
    """Whether another device has just measured the same, as when two apps relay one measurement."""
    near_us = population_floors().relayed_us
    return any(o.value == value and abs(at_us - o.last_us) < near_us for name, o in own.items() if name != device)


def _gone_on(own: Own | None, at_us: int, value: float) -> Own:
    """The run of a device with one reading more."""
    if own is None:
        return Own(1, at_us, at_us, value)
    return Own(own.n + 1, min(own.since_us, at_us), max(own.last_us, at_us), value)


def on_window(
    one: Watched, rules: Iterable[Trend], vital: int, window: Window, best: float | None = None, path: float = 0.0,
    since: Mapping[str, int] | None = None,
) -> list[Change]:  # fmt: skip
    """A window of a vital has closed, later than all before it. best: the level that the patient states as usual or
    best; path: what the course of the day adds to the level, on the vital's working scale; since: the day on which the
    course of a rule began."""
    rules = tuple(rules)
    own = _own(one, vital, window)
    if own is None:
        return []
    window = own
    _note(one, vital, window)
    _note_spread(one, rules, vital, window)
    if vital in on_paths():
        _note_path(one, vital, window, path)
    found = list[Change]()
    for rule in rules:
        held = one.open.get(rule.problem, {}).get(rule.id)
        asked = rule if held is None else rule.while_open()
        if _holds(one, asked, window.day, best, (since or {}).get(rule.id, 0)):
            found += opened(one, rule, window.at_us, window.day)
        elif held is not None and window.day - held.day >= _lets_go_after(one, rule):
            found += closed(one, rule)
    return found


def _own(one: Watched, vital: int, window: Window) -> Window | None:
    """What of a window is the patient's, None where it may be somebody else's: then it is put aside until the next one,
    which may repeat it and bring it back among the days."""
    aside, days = one.aside.pop(vital, None), one.days.get(vital, [])
    if vital != household.settings().vital or not days:
        return window
    if aside is not None and household.repeats(aside, window, days[-1]):
        _note(one, vital, aside)
        return window
    own = household.own(window, days[-1])
    if own is None:
        one.aside[vital] = window
    return own


def _lets_go_after(one: Watched, rule: Trend) -> int:
    """Days without it after which a problem is over. Too little to judge it by does not say that the patient is well:
    then as many as the rule looks back on."""
    parts = [part for part in rule.parts if part.measure in measures.FIGURES and one.days.get(part.vital)]
    unknown = [part.days for part in parts if isnan(measures.figure(part, one.days[part.vital]))]
    return max(int(_clear()["days"]), *unknown, 0)


def _note(one: Watched, vital: int, window: Window) -> None:
    days, known = one.days.setdefault(vital, []), not isnan(window.delta)
    if not days or days[-1].day != window.day:
        days.append(Day(window.day, 0, 0.0, 0, 0.0, 0.0))
        oldest = window.day - load("rules")["meta"]["series_days"]
        one.days[vital] = days = [day for day in days if day.day >= oldest]
    today = days[-1]
    today.mean += window.n / (today.n + window.n) * (window.value - today.mean)
    today.n += window.n
    if known:
        today.deltas += 1
        today.delta += (window.delta - today.delta) / today.deltas
    today.last = window.value
    one.windows[vital] = [*one.windows.get(vital, []), window][-2:]


def _note_spread(one: Watched, rules: Iterable[Trend], vital: int, window: Window) -> None:
    asked = [part for rule in rules for part in rule.parts if part.vital == vital and part.of_spread]
    if asked:
        limits = tuple(sorted({part.limit for part in asked if part.limit}))
        one.spreads[vital] = noted(one.spreads.get(vital, []), window, limits, max(part.days for part in asked))


def _note_path(one: Watched, vital: int, window: Window, path: float) -> None:
    """A day without a path ends what was known of the course before."""
    if path == 0:
        one.paths.pop(vital, None)
        one.usual.pop(vital, None)
    else:
        if vital not in one.paths and not isnan(window.delta):
            one.usual[vital] = to_scale(VITALS[vital].scale, window.value - window.delta) - path
        oldest, known = one.days[vital][0].day, one.paths.get(vital, {})
        one.paths[vital] = {day: known[day] for day in known if day >= oldest} | {window.day: path}


def _holds(one: Watched, rule: Trend, today: int, best: float | None, since: int) -> bool:
    if rule.within_d == 1 and len(rule.parts) == 1:
        return _part(one, rule.parts[0], today, best, since, over=False)
    backs = range(rule.within_d)
    held = sum(any(_part(one, p, today - back, best, since, over=back > 0) for back in backs) for p in rule.parts)
    return held >= rule.at_least


def _part(one: Watched, part: Part, today: int, best: float | None, since: int, *, over: bool) -> bool:
    """Whether a part holds, as of the end of a day that is in the series; over: that day is."""
    if part.measure == "score":
        return measures.score(one.days, part, today)
    if part.measure == "together":
        return measures.together(one.days, part, today)
    days = [day for day in one.days.get(part.vital, ()) if day.day <= today]
    if not days or today - days[-1].day > 0:
        return False
    if part.of_spread:
        return _beyond(part, measures.of_spread(one.spreads.get(part.vital, ()), part, today))
    if part.windows:
        return _in_windows(one, part, today, best)
    if part.measure in ("share", "of_path") and not over:
        days = _whole(days)
    if part.measure in ("delta", "share"):
        return _on_days(days, part, best)
    if part.measure == "rise":
        return _rises(one, part, days)
    return _of_course(one, part, days, since)


def _whole(days: list[Day]) -> list[Day]:
    """The days without the one that is gathered, while it has fewer readings than usual: what is walked by noon is no
    day of few steps, and a night is none at all."""
    usual = median(day.n for day in days)
    return days if days[-1].n >= usual else days[:-1]


def _of_course(one: Watched, part: Part, days: list[Day], since: int) -> bool:
    if part.measure == "again":
        return measures.again(days, since, part)
    paths, usual = one.paths.get(part.vital, {}), one.usual.get(part.vital, nan)
    if part.measure == "of_path":
        return measures.of_path(days, paths, usual, part)
    if part.measure == "stalled":
        known = [day for day in days if day.day > since]
        return all(_stalled(known[: len(known) - back], paths, usual, part) for back in range(part.k))
    return _beyond(part, measures.figure(part, days))


def _beyond(part: Part, figure: float) -> bool:
    """False for NaN. What is less than any device shows is nothing: 82.1 - 80.1 kg is not quite 2."""
    over = round((figure - part.value) * (1 if part.up else -1), 9)
    return over > 0 if part.strict else over >= 0


def _rises(one: Watched, part: Part, days: list[Day]) -> bool:
    """The last value, or the windows that confirm each other, against the level so many days before (of more than one
    day: the median of that day and its neighbours, so that one odd weighing is not what is compared with)."""
    windows = one.windows.get(part.vital, [])[-part.confirm :]
    if part.session and windows and windows[-1].n >= part.confirm:  # repeated at once, as who gained weight is asked to
        windows = [household.least(windows[-1], part.up)] * part.confirm
    apart = len(windows) < part.confirm or windows[-1].at_us - windows[0].at_us > _confirm_us()
    if part.confirm == 1 or not windows or windows[-1].day != days[-1].day or (part.seldom and apart):
        first, values = days[-1].day, [days[-1].last]
    elif apart:
        return False
    else:
        first, values = windows[0].day, [window.value for window in windows]
    around = 0 if part.days == 1 else 1
    before = [day.mean for day in days if day.day < first and abs(first - part.days - day.day) <= around]
    if not before:
        return False
    base = median(before)
    return all(_beyond(part, value - base) for value in values)


def _stalled(days: list[Day], paths: dict[int, float], usual: float, part: Part) -> bool:
    """Whether what should have fallen since the first days of the course has not, as of the end of the last day.
    usual: the level when it began, NaN if it was not known."""
    course = [day for day in days if day.day in paths]
    lately = [day for day in course if day.day > days[-1].day - part.days]
    if len(lately) < part.least or lately[0].day <= course[measures.FIRST_DAYS - 1].day:
        return False
    path = fmean(paths[day.day] for day in lately)
    expected = fmean(paths[day.day] for day in course[: measures.FIRST_DAYS]) - path
    value = fmean(day.mean for day in lately)
    fell = fmean(day.mean for day in course[: measures.FIRST_DAYS]) - value
    if isnan(usual):  # what is above the usual level may be the usual level
        return expected >= part.fall_alone and fell <= 0
    return expected >= part.fall and fell <= part.value * expected and value - path - usual >= part.above


def _in_windows(one: Watched, part: Part, today: int, best: float | None) -> bool:
    """The last window, or the last two, the later one today."""
    windows = one.windows.get(part.vital, [])[-part.windows :]
    if len(windows) < part.windows or windows[-1].day != today:
        return False
    apart = windows[-1].at_us - windows[0].at_us
    if part.measure == "delta":
        return apart <= _confirm_us() and all(_beyond(part, window.delta) for window in windows)
    if part.measure in ("level", "ratio"):
        over = measures.latest(one.days.get(part.others[0], ()), today) if part.measure == "ratio" else 1.0
        return apart <= _confirm_us() and all(_beyond(part, window.value / over) for window in windows)
    reference = _reference(one.days[part.vital], part, best)
    near = reference > 0 and apart <= _sessions_us() * part.windows
    return near and all(_beyond(part, window.value / reference) for window in windows)


def _on_days(days: list[Day], part: Part, best: float | None) -> bool:
    """k of the last n days with a value."""
    last = [day for day in days[-part.n :] if day.day > days[-1].day - 2 * part.n]
    if part.measure == "delta":
        return sum(_beyond(part, day.delta) for day in last if day.deltas) >= part.k
    reference = _reference(days, part, best)
    return sum(_beyond(part, day.mean / reference) for day in last) >= part.k if reference > 0 else False


def _reference(days: list[Day], part: Part, best: float | None) -> float:
    """The best or usual level; 0 while it is not known."""
    if part.of_best:
        return max([day.mean for day in days] + ([best] if best else []))
    return median(day.mean for day in days) if len(days) >= max(measures.LEAST_BEFORE, 2 * part.k) else 0.0
