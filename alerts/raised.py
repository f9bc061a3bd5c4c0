"""What a detector begins to see, or no longer does, and an episode as it is described by that: what it is about, since
when, and the evidence. How severe it is, and who is told, is not decided here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.episodes import Episode, alert_id, day_of, make_room
from alerts.events import Evidence
from alerts.policy import When
from models.findings import Kind, Rule
from models.phrases import phrase

TECHNICAL: frozenset[Kind] = frozenset({"silence", "sensor", "source", "delivery"})
"""Kinds that say something about devices and systems, not about the patient's body."""
RETURNED = phrase("returned")
WELL = phrase("back to normal for this patient")
OUTSIDE = phrase("no longer so, though not yet back in the patient's own band")
UNSURE = phrase("no longer so; what is normal for this patient is not known")
BETTER = frozenset({WELL, OUTSIDE, UNSURE})
"""Why an alert ends by its readings. A limit that is no longer broken does not say that this is normal for anybody."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A problem that a detector has begun to see, or sees worse.

    evidence: None where nothing was measured; then `said` are the words of the alert. others: vitals that had moved at
    the same time. returned: why it is there again, if its alert had ended. same_as: problems that are the same change,
    seen in another way.
    """

    problem: str
    vital: str
    title: str
    kind: Kind
    rank: int
    rule: Rule
    onset_us: int
    event_us: int
    retrospective: bool
    evidence: Evidence | None
    population: bool
    said: str | None = None
    others: Sequence[Evidence] = ()
    returned: str = RETURNED
    same_as: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Cleared:
    """A problem that a detector no longer sees. evidence, said: as of Raised; what is None leaves the alert's own."""

    problem: str
    kind: Kind
    event_us: int
    evidence: Evidence | None
    reason: str = WELL
    said: str | None = None


def added(episodes: list[Episode], raised: Raised, when: When) -> Episode:
    """A new episode, pending until the policy has had its say, and room for it."""
    episode = Episode(
        alert_id=alert_id(when.patient, raised.problem, raised.onset_us, raised.retrospective, when.life),
        problem=raised.problem, vital=raised.vital, title=when.say(raised.title), kind=raised.kind,
        category="technical" if raised.kind in TECHNICAL else "clinical", state="pending", rank=raised.rank,
        sequence=0, onset_us=raised.onset_us, event_us=raised.event_us,
        retrospective=raised.retrospective, rule=raised.rule, evidence=listed(raised),
        population=raised.population, sources=[raised.kind], ranks={raised.kind: raised.rank},
        said=own_words(raised, when), day=day_of(raised.onset_us), team=when.care_team,
    )  # fmt: skip
    make_room(episodes)
    episodes.append(episode)
    return episode


def described(episode: Episode, raised: Raised, when: When) -> None:
    """The episode now looks as the new finding says; its severity is the policy's to set."""
    episode.kind, episode.rule = raised.kind, raised.rule
    episode.title, episode.event_us = when.say(raised.title), raised.event_us
    episode.evidence, episode.population = listed(raised), raised.population
    episode.said = own_words(raised, when)


def listed(raised: Raised) -> list[Evidence]:
    """The evidence of an alert: its own vital first."""
    return [] if raised.evidence is None else [raised.evidence, *raised.others]


def own_words(raised: Raised, when: When) -> str | None:
    """What is said in place of a measurement."""
    return None if raised.said is None else when.say(raised.said)
