"""What is remembered of a patient for the rules of conditions: days and windows by vital, runs by limit, and what is
open by problem and rule."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import msgspec

from models.detectors.days import Day, Spread, Window
from models.rules import BESIDE, Limit, Trend, together


class Own(msgspec.Struct, array_like=True):
    """The same of one device: readings in a row beyond a limit, since when, the latest one and its value."""

    n: int
    since_us: int
    last_us: int
    value: float


class Run(msgspec.Struct, array_like=True):
    """A limit: readings in a row beyond it, since when, and readings back inside since it is open. own: by device, what
    another device that measures inside does not interrupt."""

    n: int = 0
    since_us: int = 0
    ok: int = 0
    own: dict[int, Own] = {}


class Held(msgspec.Struct, array_like=True):
    """A rule that is open: its rank, since when, and the last day on which it held (trends)."""

    rank: int
    since_us: int
    day: int


class Watched(msgspec.Struct, array_like=True):
    """What is remembered of one patient: days and the last two windows by vital, runs by limit, what is open by problem
    and rule; paths: by vital and day, what the course adds to the level, of vitals with rules on that; usual: their
    level when the course began (both on the working scale); spreads: of vitals with rules on that; aside: by vital, a
    window that may be of somebody else, until the next one says (`household`)."""

    days: dict[int, list[Day]] = {}
    windows: dict[int, list[Window]] = {}
    runs: dict[str, Run] = {}
    open: dict[str, dict[str, Held]] = {}
    paths: dict[int, dict[int, float]] = {}
    usual: dict[int, float] = {}
    spreads: dict[int, list[Spread]] = {}
    aside: dict[int, Window] = {}


@dataclass(frozen=True, slots=True)
class Change:
    """A problem that a rule opens or makes worse, or that none of its rules sees any more. left: how severe what goes
    on of it is, where the worst of its rules is over; retired: it is not over, but the last of its rules is not for
    this patient any more; again: a reading is beyond a limit that is open already."""

    rule: Limit | Trend
    raised: bool
    since_us: int
    left: int | None = None
    retired: bool = False
    again: bool = False


def ended(one: Watched, problem: str) -> None:
    """A person resolved the problem: what goes on is raised anew."""
    for rule in one.open.pop(problem, {}):
        one.runs.pop(rule, None)


def withheld(one: Watched, vitals: Sequence[int], names: Sequence[str]) -> None:
    """Forget what is known of these vitals, and what they said together with others, which may say it again."""
    lost = {vital for vital in vitals if vital in one.days}
    for vital in vitals:
        one.days.pop(vital, None)
        one.windows.pop(vital, None)
        one.paths.pop(vital, None)
        one.usual.pop(vital, None)
        one.spreads.pop(vital, None)
        one.aside.pop(vital, None)
    for run in [run for run in one.runs if run.partition(BESIDE)[2] in names]:
        del one.runs[run]
    starts = tuple(f"{name}." for name in names)
    gone = [name for name, held in one.open.items() if name.startswith(starts) or any(lost & together(r) for r in held)]
    for problem in gone:
        ended(one, problem)


def opened(one: Watched, rule: Limit | Trend, since_us: int, day: int) -> list[Change]:
    """Note that a rule holds; a change if its problem is new or becomes worse by it."""
    held = one.open.setdefault(rule.problem, {})
    worst = max((other.rank for other in held.values()), default=-1)
    if rule.id in held:
        held[rule.id].day = day
        return []
    held[rule.id] = Held(rule.rank, since_us, day)
    return [Change(rule, raised=True, since_us=since_us)] if rule.rank > worst else []


def closed(one: Watched, rule: Limit | Trend) -> list[Change]:
    """Note that a rule no longer holds; a change if it was the last one of its problem, or the worst."""
    held = one.open[rule.problem]
    since_us = held.pop(rule.id).since_us
    if held:
        left = max(other.rank for other in held.values())
        return [Change(rule, raised=True, since_us=since_us, left=left)] if left < rule.rank else []
    del one.open[rule.problem]
    return [Change(rule, raised=False, since_us=since_us)]


def retired(one: Watched, held_now: set[str], every: Iterable[Limit | Trend]) -> list[Change]:
    """Close what is open by rules that are no longer for the patient: the profile says something else."""
    found = list[Change]()
    for rule in every:
        if rule.id not in held_now and rule.id in one.open.get(rule.problem, {}):
            one.runs.pop(rule.id, None)
            found += [replace(change, retired=True) for change in closed(one, rule)]
    return found
