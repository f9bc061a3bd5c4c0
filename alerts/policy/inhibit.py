"""Inhibit: a known cause mutes its effects. What is held back stays pending, and opens when the cause has gone first;
what had ended and returns meanwhile stays ended, and is there again then.

One illness is counted once: an advisory that only sees in another way what an alert is told of already (several vitals
together, one of which drifts; or one of them, after several together) joins that alert. It is told by itself when it
gets worse, when a person ends that alert, and when it still stands a week after that one's readings are well again.

A sensor that is known to be off or broken mutes what the patient's own band says of its own vital, never a limit that
protects, and nothing urgent. What was foretold is muted by its coming.
"""

from collections.abc import Sequence
from functools import cache

from alerts.episodes import Episode
from alerts.policy.case import Case, Decision
from models import evidence
from models.detectors import forecast
from models.findings import SEVERITIES, Kind
from models.phrases import phrase
from models.times import US_PER_S

STAGE = "inhibit"
EFFECTS: dict[str, str] = {forecast.PROBLEM: forecast.FORETELLS}
"""Problem -> the problem that makes it old news."""
PERSONAL: frozenset[Kind] = frozenset({"deviation", "drift", "change_index", "early_warning"})
"""What a broken sensor can imitate. A limit is not among them: it has to be looked at even if the sensor is wrong."""
CHANGES: frozenset[Kind] = frozenset({"deviation", "drift", "change_index"})
"""What sees a change of the patient's own, each in its way."""
URGENT = SEVERITIES.index("urgent")
LIVE = frozenset({"open", "escalated", "acknowledged", "snoozed"})


def inhibit(case: Case, so_far: Decision) -> Decision:
    """Hold the episode back while its cause is there."""
    if case.what not in ("open", "raise") or case.episode.retrospective:
        return so_far
    if (cause := cause_of(case.episode, so_far.rank, case.others)) is not None:
        held = phrase("held back while there is: {title}", title=cause.title)
        return so_far.says(STAGE, "held", held, held=held)
    if case.episode.held is not None:
        released = phrase("it was {held}; that is over, and this is not", held=case.episode.held)
        return so_far.says(STAGE, "released", released)
    return so_far


def cause_of(episode: Episode, rank: int, others: Sequence[Episode]) -> Episode | None:
    """What explains this episode, if anything does."""
    if rank < URGENT and (told := told_with(episode, others)) is not None:
        return told
    present = [one for one in others if one is not episode and not one.closed and not one.retrospective]
    known = EFFECTS.get(episode.problem)
    for one in present:
        if known is not None and one.problem == known and one.state != "pending":
            return one
        if _blind(one, episode) and rank < URGENT:
            return one
    return None


def told_with(episode: Episode, others: Sequence[Episode]) -> Episode | None:
    """The alert that tells of the same change: also when its own readings are well again, for an illness goes as it
    came, one vital after another."""
    known = (one for one in others if one.alert_id == episode.told_with and episode.kind in CHANGES)
    return next((one for one in known if one.state in LIVE or one.state == "resolved"), None)


def told_as(episodes: Sequence[Episode], problems: Sequence[str], event_us: int) -> Episode | None:
    """The alert that already tells of a change, under one of these problems."""
    for one in episodes:
        known = one.problem in problems and one.kind in CHANGES and one.state in LIVE and not one.retrospective
        if known and one.calm_until_us is None and abs(event_us - one.event_us) <= same_change_us():
            return one
    return None


@cache
def same_change_us() -> int:
    """How near each other two sights of one change lie [us]. Source: incidents.yaml."""
    return int(evidence.load("incidents")["same_change_within_h"]["value"] * 3600 * US_PER_S)


def protects(episode: Episode, kind: Kind, rank: int) -> bool:
    """Whether what is held back, acknowledged or snoozed is now also seen by a detector that nothing holds back. Who
    knows that a heart is fast for this patient does not know that it is too fast for anyone; nor that it is so again,
    where a limit had become milder meanwhile and only the patient's own band was still as severe."""
    if kind in PERSONAL:
        return False
    if episode.held is not None:
        return episode.kind in PERSONAL
    others = [one for one in episode.sources if one not in PERSONAL]
    milder = all(episode.ranks.get(one, rank) < rank for one in others)
    severe = rank >= max(URGENT, episode.rank) and not episode.retrospective
    return episode.state in ("acknowledged", "snoozed") and len(others) < len(episode.sources) and milder and severe


def _blind(sensor: Episode, episode: Episode) -> bool:
    return sensor.kind == "sensor" and sensor.vital != "" and sensor.vital == episode.vital and episode.kind in PERSONAL
