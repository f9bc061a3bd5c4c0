"""Episodes: findings about one problem of one patient, and their life from open to resolved.

The life cycle is one table, `TRANSITIONS`: (state, what happens) -> (new state, event told). What is not in it is not
allowed and changes nothing. An episode's id follows from patient, problem and onset in event time, so whoever computes
it again, after a crash or in a replay, gets the same id and the same sequence.
"""

import hashlib
from typing import Literal

import msgspec

from alerts.events import Category, EventName, Evidence, State
from models.findings import SEVERITIES, Kind, Rule
from models.times import US_PER_S

What = Literal[
    "raise", "worse", "clear", "acknowledge", "assign", "resolve", "comment", "new_normal", "snooze", "wake", "forget"
]

TRANSITIONS: dict[tuple[State, What], tuple[State, EventName]] = {
    ("open", "worse"): ("open", "updated"),
    ("acknowledged", "worse"): ("open", "updated"),
    ("snoozed", "worse"): ("open", "updated"),
    ("resolved", "raise"): ("open", "reopened"),
    ("open", "clear"): ("resolved", "resolved"),
    ("acknowledged", "clear"): ("resolved", "resolved"),
    ("snoozed", "clear"): ("resolved", "resolved"),
    ("open", "acknowledge"): ("acknowledged", "acknowledged"),
    ("snoozed", "acknowledge"): ("acknowledged", "acknowledged"),
    ("open", "assign"): ("open", "assigned"),
    ("acknowledged", "assign"): ("acknowledged", "assigned"),
    ("snoozed", "assign"): ("snoozed", "assigned"),
    ("open", "resolve"): ("resolved", "resolved"),
    ("acknowledged", "resolve"): ("resolved", "resolved"),
    ("snoozed", "resolve"): ("resolved", "resolved"),
    ("open", "new_normal"): ("resolved", "resolved"),
    ("acknowledged", "new_normal"): ("resolved", "resolved"),
    ("snoozed", "new_normal"): ("resolved", "resolved"),
    ("open", "comment"): ("open", "updated"),
    ("acknowledged", "comment"): ("acknowledged", "updated"),
    ("snoozed", "comment"): ("snoozed", "updated"),
    ("resolved", "comment"): ("resolved", "updated"),
    ("open", "snooze"): ("snoozed", "snoozed"),
    ("acknowledged", "snooze"): ("snoozed", "snoozed"),
    ("snoozed", "wake"): ("open", "updated"),
    ("open", "forget"): ("resolved", "expired"),
    ("acknowledged", "forget"): ("resolved", "expired"),
    ("snoozed", "forget"): ("resolved", "expired"),
}

REOPEN_WITHIN_US = 24 * 3600 * US_PER_S
"""A problem that returns within a day is the same episode: a new one each time would count as many illnesses."""
MOST_SNOOZED_US = 24 * 3600 * US_PER_S
"""CONTRACT 2: a snooze lasts 24 h at most."""


class Episode(msgspec.Struct, kw_only=True):
    """One problem of one patient. Times in us; `sources` are the kinds of detector that still see it.

    resolved_us: when it was last resolved: by its readings in event time, by a person in log time. said: the words of
    an alert that no measurement explains (a source, a device); of the others the words follow from the evidence.
    """

    alert_id: str
    problem: str
    vital: str
    title: str
    kind: Kind
    category: Category
    state: State
    rank: int
    sequence: int
    onset_us: int
    event_us: int
    retrospective: bool
    rule: Rule
    evidence: list[Evidence]
    population: bool
    sources: list[str]
    snoozed_until_us: int | None = None
    resolved_us: int | None = None
    said: str | None = None


class NotAllowed(Exception):
    """What was asked for is not in the table for the episode's state. Nothing has changed."""


def alert_id(patient: str, problem: str, onset_us: int, retrospective: bool) -> str:
    """The id of an episode.

    >>> alert_id("p-17", "heart_rate.high", 0, False)
    'a-9abd73d05d085af6'
    """
    parts = [patient, problem, str(onset_us), "retrospective" if retrospective else "live"]
    return "a-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def advance(episode: Episode, what: What) -> EventName:
    """Move an episode along the table and number the step. Raises NotAllowed."""
    step = TRANSITIONS.get((episode.state, what))
    if step is None:
        raise NotAllowed(f"{what} is not possible while the alert is {episode.state}")
    if what == "snooze" and SEVERITIES[episode.rank] == "emergency":
        raise NotAllowed("an emergency cannot be snoozed")
    episode.state, event = step
    episode.sequence += 1
    return event


def find(episodes: list[Episode], problem: str, retrospective: bool, onset_us: int) -> Episode | None:
    """The episode a finding belongs to: the unresolved one of its problem, or one resolved less than a day before."""
    for episode in reversed(episodes):
        same = episode.problem == problem and episode.retrospective == retrospective
        if same and (_continues(episode, onset_us) or (episode.state != "resolved" and not retrospective)):
            return episode
    return None


def _continues(episode: Episode, onset_us: int) -> bool:
    """Whether what begins then is the same episode: within a day of its last event or of its end. The same onset always
    is, because it would have the same id."""
    ended_us = episode.event_us if episode.retrospective or episode.resolved_us is None else episode.resolved_us
    near = (abs(onset_us - us) <= REOPEN_WITHIN_US for us in (episode.event_us, ended_us))
    return onset_us == episode.onset_us or any(near)


def snoozed_until(episodes: list[Episode]) -> list[int]:
    """When the snoozes end."""
    return [e.snoozed_until_us for e in episodes if e.state == "snoozed" and e.snoozed_until_us is not None]


def next_wake_us(episodes: list[Episode]) -> int | None:
    """When the first snooze is over."""
    return min(snoozed_until(episodes), default=None)
