"""Somebody else on the scale: a weight that jumps further in a day than bodies do counts once it is repeated.

vitals.yaml asks for a repeat, and to look for another person of the household, before anybody is alerted. Until then
such a weighing is kept beside the days, so that neither it nor the return from it is a gain or a loss of the patient.
One that is repeated counts with the first: it may be the patient, or a new scale.
"""

from dataclasses import dataclass
from functools import cache
from math import isnan

from msgspec import structs

from models.detectors.days import Day, Window
from models.evidence import load
from models.vitals import BY_NAME


@dataclass(frozen=True, slots=True)
class Settings:
    """jump: how far a weight of anybody's moves in a day at most [kg]; share: and as a share of it [1], if that is
    less."""

    vital: int
    jump: float
    share: float


@cache
def settings() -> Settings:
    """The settings in use."""
    document = load("rules")["meta"]["household"]
    return Settings(BY_NAME[document["vital"]].index, document["jump"], document["share"])


def own(window: Window, last: Day) -> Window | None:
    """What of a window is the patient's; None where it jumps so far in a day as no body does, and is not repeated at
    once. Of two people one after the other, the one who is nearer to the last day."""
    if window.n == 2 and window.high - window.low > _most(last.mean):
        value = min(window.low, window.high, key=lambda one: abs(one - last.mean))
        window = structs.replace(
            window, value=value, delta=window.delta + value - window.value, n=1, low=value, high=value
        )
    apart = window.high - window.low > _most(last.mean)
    jumps = abs(window.value - last.mean) > _most(last.mean) * max(window.day - last.day, 1)
    return None if apart or (jumps and window.n < 2) else window


def repeats(aside: Window, window: Window, last: Day) -> bool:
    """Whether a window says the same as the one before it, which jumped from the last day, and not as that day."""
    same = max(aside.high, window.high) - min(aside.low, window.low) <= _most(aside.value)
    return same and abs(window.value - aside.value) < abs(window.value - last.mean)


def least(window: Window, up: bool) -> Window:
    """A window as what all of its readings say at least, upwards or downwards: only so do they confirm each other."""
    value = window.low if up else window.high
    return window if isnan(value) else structs.replace(window, value=value)


def _most(weight: float) -> float:
    return min(settings().jump, settings().share * weight)
