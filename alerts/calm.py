"""What is well again has to stay so for a while before its alert ends; and what hovers about its limit, for longer.

A breathing rate about 25 is beyond the limit, well, and beyond it again many times a day. Told as over and as returned
each time, it is the alert that people learn to overlook. So the calm that ends an urgent alert is four times as long
with each return within a day (`incidents.yaml`, hovers), and what returns before its alert has ended is no news. An
emergency is held no longer than before, nor is what nobody has answered though everybody was asked.

Who has taken an alert up knows of its limit, and not of every value: what is clearly further beyond it than the
furthest that they can have seen is told at once, as what gets worse. Only problems of which that can be said are held.
"""

from collections.abc import Sequence
from functools import cache

from alerts.episodes import EVERYBODY, Episode
from alerts.explain import number
from alerts.policy import When
from alerts.raised import Cleared, Raised, listed, own_words
from alerts.technical import span
from models import evidence
from models.findings import SEVERITIES
from models.phrases import counted, phrase
from models.times import US_PER_S

URGENT, EMERGENCY = SEVERITIES.index("urgent"), SEVERITIES.index("emergency")
HOUR_US = 3600 * US_PER_S
RETURNS_KEPT = 8
"""More than it takes to reach the longest calm from a minute."""
TIMES_BITS = 2
"""With each return within a day the calm is so many bits longer: four times."""


def begin(episode: Episode, cleared: Cleared, when: When) -> None:
    """Its readings are well again, and may only be resting."""
    lasts_us, lately = held_us(episode, when), _lately(episode, when.decided_us)
    episode.calm_until_us = when.decided_us + lasts_us
    if lasts_us == when.policy.calm_us:
        n = lasts_us // 60_000_000
        calm = counted(
            "{reason}, and for {n} minutes since", "{reason}, and for {n} minutes since", n=n, reason=cleared.reason
        )
    else:
        calm = counted(
            "{reason}, and for {span} since: it had come back once within a day",
            "{reason}, and for {span} since: it had come back {n} times within a day",
            n=lately, reason=cleared.reason, span=span(lasts_us / US_PER_S),
        )  # fmt: skip
    episode.calm_reason = when.say(calm)


def held_us(episode: Episode, when: When) -> int:
    """How long it has to be well."""
    calm_us, asked = when.policy.calm_us, episode.waits and episode.rung >= EVERYBODY
    if asked or episode.rank != URGENT or episode.problem not in steps():
        return calm_us
    return max(calm_us, min(calm_us << TIMES_BITS * _lately(episode, when.decided_us), _longest_us()))


def _lately(episode: Episode, now_us: int) -> int:
    return sum(now_us - at < _within_us() for at in episode.returns_us)


def returned(episode: Episode, at_us: int) -> None:
    """It was well for as long as is usually believed, and is there again; whether people are told of it or not."""
    episode.returns_us = [*episode.returns_us, at_us][-RETURNS_KEPT:]


def relapsed(episode: Episode, raised: Raised, when: When) -> None:
    """It was well for less time than it takes to be believed: nobody was told of an end, and nobody is of a return."""
    if episode.resolved_us is not None and raised.event_us - episode.resolved_us >= when.policy.calm_us:
        returned(episode, when.decided_us)
    episode.calm_until_us = episode.calm_reason = episode.resolved_us = None
    episode.event_us, episode.evidence = raised.event_us, listed(raised)
    episode.said = own_words(raised, when)


def news(episodes: Sequence[Episode], problem: str, value: float, rank: int) -> bool:
    """Whether a reading beyond a limit that is open already is further beyond it than who has taken the alert up can
    know. Of an alert that still waits it is kept how far it went: whoever takes it up sees that."""
    live = next((e for e in episodes if e.problem == problem and not e.retrospective and not e.closed), None)
    if live is None:
        return False
    saw(live, value)
    return _further(live, value, rank)


def saw(episode: Episode, value: float | None) -> None:
    """A value of an alert: while it waits, whoever takes it up sees how far it went."""
    known = _known(episode)
    if episode.waits and value is not None and (known is None or _beyond(episode, value, known) > 0):
        episode.furthest = value


def is_further(episode: Episode, raised: Raised) -> bool:
    """Whether a value is clearly further beyond its limit than those of which people know who have taken it up."""
    return _further(episode, value_of(raised), raised.rank)


def further(episode: Episode, raised: Raised) -> str | None:
    """That in words, of an episode that is not yet described by it; None where it is not so."""
    if not is_further(episode, raised) or raised.rank > episode.rank or raised.evidence is None:
        return None
    unit = raised.evidence.unit
    return phrase(
        "further beyond the limit: {value}, after {before}",
        value=number(raised.evidence.value, unit), before=number(_known(episode), unit),
    )  # fmt: skip


def _further(episode: Episode, value: float | None, rank: int) -> bool:
    known, step = _known(episode), steps().get(episode.problem)
    if known is None or step is None or value is None or episode.retrospective:
        return False
    taken = episode.state in ("acknowledged", "snoozed") and rank >= max(URGENT, episode.rank)
    return taken and _beyond(episode, value, known) >= step


def value_of(raised: Raised) -> float | None:
    """What was measured, if anything was."""
    return None if raised.evidence is None else raised.evidence.value


def _known(episode: Episode) -> float | None:
    """The furthest value of which people know. Of pages of before: that of the alert."""
    if episode.furthest is None and episode.evidence:
        return episode.evidence[0].value
    return episode.furthest


def _beyond(episode: Episode, value: float, known: float) -> float:
    """How much further out a value lies; what is less than any device shows is nothing."""
    return round((value - known) * (1 if episode.problem.endswith(".high") else -1), 6)


@cache
def steps() -> dict[str, float]:
    """By problem: how much further is clearly further, in the unit of its vital. Source: incidents.yaml."""
    return {problem: float(step) for problem, step in evidence.load("incidents")["hovers"]["further"].items()}


@cache
def _within_us() -> int:
    return int(evidence.load("incidents")["hovers"]["within_h"] * HOUR_US)


@cache
def _longest_us() -> int:
    return int(evidence.load("incidents")["hovers"]["calm_most_h"] * HOUR_US)
