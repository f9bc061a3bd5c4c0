"""The episode ledger: what is raised, cleared and done becomes steps in the lives of a patient's episodes.

Pure: the caller owns the list of episodes, gives everything in log order, and publishes what comes back.
"""

from dataclasses import dataclass

from alerts.episodes import (
    BEGAN_EARLIER,
    MOST_SNOOZED_US,
    REPEAT,
    REPEAT_AFTER_US,
    Episode,
    NotAllowed,
    advance,
    alert_id,
    begins_next,
    day_of,
    find,
    make_room,
)
from alerts.events import Action, AlertEvent, EventName, Evidence
from alerts.explain import explain
from models.findings import SEVERITIES, Kind, Rule
from models.times import rfc3339, to_us

FIRST_SEQUENCE = 1
TECHNICAL: frozenset[Kind] = frozenset({"silence", "sensor", "source", "delivery"})
"""Kinds that say something about devices and systems, not about the patient's body."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A problem that a detector has begun to see, or sees worse.

    evidence: None where nothing was measured; then `said` are the words of the alert.
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


@dataclass(frozen=True, slots=True)
class Cleared:
    """A problem that a detector no longer sees. evidence, said: as of Raised; what is None leaves the alert's own."""

    problem: str
    kind: Kind
    event_us: int
    evidence: Evidence | None
    reason: str = "back to normal for this patient"
    said: str | None = None


@dataclass(frozen=True, slots=True)
class When:
    """Whose, and at which log times: arrival and decision [us]. life: how often the patient was forgotten before."""

    patient: str
    care_team: str | None
    arrived_us: int
    decided_us: int
    life: int = 0


def on_raised(episodes: list[Episode], raised: Raised, when: When) -> AlertEvent | None:
    """A new episode, a return, a turn for the worse, an earlier beginning; or nothing that is not known already."""
    episode = find(episodes, raised.problem, raised.retrospective, raised.onset_us)
    if episode is None:
        episode = _opened(episodes, raised, when)
        return _event(episode, "opened", when, None, None)
    known = raised.kind in episode.sources
    if not known:
        episode.sources.append(raised.kind)
    returns = episode.state == "resolved"
    worse = raised.rank > episode.rank
    if raised.retrospective and returns and not worse:
        return None
    earlier = raised.onset_us < episode.onset_us
    episode.onset_us = min(episode.onset_us, raised.onset_us)
    if returns or worse:
        _describe(episode, raised)
        event = advance(episode, "raise" if returns else "worse")
        return _event(episode, event, when, None, "returned" if returns else f"now {SEVERITIES[raised.rank]}")
    return _event(episode, advance(episode, "earlier"), when, None, BEGAN_EARLIER) if earlier else None


def may_repeat(episodes: list[Episode], problem: str, event_us: int) -> bool:
    """Whether a reading beyond a limit that is open already may be news: nobody was told of a limit (it was the
    patient's habit until now), or a day ago, and the alert is still open. What was acknowledged or snoozed waits."""
    live = [e for e in episodes if e.problem == problem and not e.retrospective and e.state != "resolved"]
    told = [e for e in live if "limit" in e.sources]
    return not told or any(_repeats(e, event_us) for e in told)


def _repeats(episode: Episode, event_us: int) -> bool:
    return episode.state == "open" and event_us - episode.event_us >= REPEAT_AFTER_US


def on_again(episodes: list[Episode], raised: Raised, when: When) -> AlertEvent | None:
    """A limit that is open already is broken again: told once more after a day, and raised if it never was."""
    episode = find(episodes, raised.problem, raised.retrospective, raised.onset_us)
    if episode is None or episode.state == "resolved" or raised.kind not in episode.sources:
        return on_raised(episodes, raised, when)
    if not _repeats(episode, raised.event_us):
        return None
    episode.event_us, episode.population = raised.event_us, raised.population
    episode.evidence = _listed(raised.evidence)
    return _event(episode, advance(episode, "again"), when, None, REPEAT)


def on_earlier(
    episodes: list[Episode], problem: str, retrospective: bool, onset_us: int, when: When
) -> AlertEvent | None:
    """A reading of the same run, measured before the one that was seen first: the onset is put right, nothing else."""
    episode = begins_next(episodes, problem, retrospective, onset_us)
    if episode is None:
        return None
    episode.onset_us = onset_us
    return _event(episode, advance(episode, "earlier"), when, None, BEGAN_EARLIER)


def stands(episodes: list[Episode], problem: str) -> bool:
    """Whether an alert about this problem is unresolved now."""
    return any(e.problem == problem and not e.retrospective and e.state != "resolved" for e in episodes)


def on_cleared(episodes: list[Episode], cleared: Cleared, when: When) -> AlertEvent | None:
    """The episode is resolved when the last detector that saw its problem no longer does."""
    for episode in episodes:
        if episode.problem != cleared.problem or episode.retrospective or cleared.kind not in episode.sources:
            continue
        episode.sources.remove(cleared.kind)
        if episode.sources or episode.state == "resolved":
            return None
        episode.event_us = episode.resolved_us = cleared.event_us
        episode.evidence = [cleared.evidence] if cleared.evidence else episode.evidence
        episode.said = cleared.said or episode.said
        return _event(episode, advance(episode, "clear"), when, None, cleared.reason)
    return None


def on_action(episodes: list[Episode], action: Action, when: When) -> tuple[Episode, AlertEvent]:
    """What a member of the care team did. Raises NotAllowed, and then nothing has changed."""
    episode = next((e for e in episodes if e.alert_id == action.alert_id), None)
    if episode is None:
        raise NotAllowed(f"patient {action.patient} has no alert {action.alert_id}")
    _check(action, when)
    event = advance(episode, action.type)
    if action.type in ("resolve", "new_normal"):
        episode.sources.clear()
        episode.resolved_us = when.decided_us
    if action.type == "snooze" and action.until:
        episode.snoozed_until_us = to_us(action.until)
    return episode, _event(episode, event, when, action.by, _said(action))


def _said(action: Action) -> str | None:
    """The reason of an action in words; to whom, for an assignment."""
    if action.type != "assign":
        return action.reason
    return f"to {action.to}" + (f": {action.reason}" if action.reason else "")


def on_tick(episodes: list[Episode], when: When) -> list[AlertEvent]:
    """Snoozes that are over."""
    due = [e for e in episodes if e.state == "snoozed" and (e.snoozed_until_us or 0) <= when.decided_us]
    for episode in due:
        episode.snoozed_until_us = None
    return [_event(e, advance(e, "wake"), when, None, "the snooze is over") for e in due]


def on_forgotten(episodes: list[Episode], when: When, reason: str) -> list[AlertEvent]:
    """What these episodes are about is no longer ours to watch: those that are open expire."""
    due = [e for e in episodes if e.state != "resolved"]
    for episode in due:
        episode.sources.clear()
        episode.resolved_us = when.decided_us
    return [_event(e, advance(e, "forget"), when, None, reason) for e in due]


def _check(action: Action, when: When) -> None:
    """What the table cannot say: fields that an action needs."""
    if action.type == "assign" and not action.to:
        raise NotAllowed("assign needs `to`")
    if action.type != "snooze":
        return
    if action.until is None or not action.reason:
        raise NotAllowed("snooze needs `until` and `reason`")
    if not 0 < to_us(action.until) - when.decided_us <= MOST_SNOOZED_US:
        raise NotAllowed("a snooze ends in the future, 24 h ahead at most")


def _opened(episodes: list[Episode], raised: Raised, when: When) -> Episode:
    """A new episode, and room for it."""
    episode = Episode(
        alert_id=alert_id(when.patient, raised.problem, raised.onset_us, raised.retrospective, when.life),
        problem=raised.problem, vital=raised.vital, title=raised.title, kind=raised.kind,
        category="technical" if raised.kind in TECHNICAL else "clinical", state="open", rank=raised.rank,
        sequence=FIRST_SEQUENCE, onset_us=raised.onset_us, event_us=raised.event_us,
        retrospective=raised.retrospective, rule=raised.rule, evidence=_listed(raised.evidence),
        population=raised.population, sources=[raised.kind], said=raised.said,
        day=day_of(raised.onset_us),
    )  # fmt: skip
    make_room(episodes)
    episodes.append(episode)
    return episode


def _listed(evidence: Evidence | None) -> list[Evidence]:
    return [] if evidence is None else [evidence]


def _describe(episode: Episode, raised: Raised) -> None:
    """The episode now looks as the new finding says."""
    episode.rank, episode.kind, episode.rule = raised.rank, raised.kind, raised.rule
    episode.title, episode.event_us = raised.title, raised.event_us
    episode.evidence, episode.population = _listed(raised.evidence), raised.population
    episode.said = raised.said


def _event(episode: Episode, event: EventName, when: When, by: str | None, reason: str | None) -> AlertEvent:
    """The record for `alerts`."""
    return AlertEvent(
        alert_id=episode.alert_id, sequence=episode.sequence, event=event, state=episode.state, patient=when.patient,
        care_team=when.care_team, severity=SEVERITIES[episode.rank], category=episode.category, kind=episode.kind,
        problem=episode.problem, title=episode.title, onset_at=rfc3339(episode.onset_us),
        event_at=rfc3339(episode.event_us), arrived_at=rfc3339(when.arrived_us), decided_at=rfc3339(when.decided_us),
        retrospective=episode.retrospective, evidence=list(episode.evidence),
        explanation=_words(episode),
        population_rule_would_fire=episode.population, rule=episode.rule, by=by, reason=reason,
    )  # fmt: skip


def _words(episode: Episode) -> str:
    """Why this alert: its own words, or what its evidence says."""
    if episode.said is not None or not episode.evidence:
        return episode.said or episode.title
    return explain(episode.kind, episode.evidence[-1], episode.onset_us, episode.population, episode.retrospective)
