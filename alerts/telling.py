"""From a step of an episode to the record on `alerts`."""

from alerts.episodes import PUBLIC, Episode
from alerts.events import AlertEvent, Answer, EventName
from alerts.explain import explain, grounded
from alerts.policy import Decision, When
from models.findings import SEVERITIES
from models.times import rfc3339


def event_of(
    episode: Episode, event: EventName, when: When, decision: Decision, by: str | None, reason: str | None
) -> AlertEvent:
    """The record, of the episode as it is after the step."""
    return AlertEvent(
        alert_id=episode.alert_id, sequence=episode.sequence, event=event, state=PUBLIC[episode.state],
        patient=when.patient, care_team=when.care_team, severity=SEVERITIES[episode.rank], category=episode.category,
        kind=episode.kind, problem=episode.problem, title=episode.title, onset_at=rfc3339(episode.onset_us),
        event_at=rfc3339(episode.event_us), arrived_at=rfc3339(when.arrived_us), decided_at=rfc3339(when.decided_us),
        retrospective=episode.retrospective, evidence=list(episode.evidence), explanation=when.say(_words(episode)),
        population_rule_would_fire=episode.population, rule=episode.rule, by=by, rung=episode.rung,
        reason=None if reason is None else when.say(reason),
        deadline=_instant(episode.due_us), until=_instant(episode.snoozed_until_us or episode.deferred_until_us),
        incident=episode.incident, notify=decision.notify, asked_since=episode.asked_since,
        policy=[Answer(one.stage, one.answer, when.say(one.reason)) for one in decision.answers],
    )  # fmt: skip


def _instant(us: int | None) -> str | None:
    return None if us is None or us < 0 else rfc3339(us)


def _words(episode: Episode) -> str:
    """Why this alert: its own words, and what its evidence says."""
    if not episode.evidence:
        return episode.said or episode.title
    first, *others = episode.evidence
    if episode.said is not None:
        return grounded(episode.said, episode.kind, first, others, episode.population)
    return explain(episode.kind, first, others, episode.onset_us, episode.population, episode.retrospective)
