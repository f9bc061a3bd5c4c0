"""What a step leaves on its episode: clocks that no longer run are forgotten, and messages are remembered."""

from alerts.episodes import Episode, What
from alerts.policy import JOINS, Case, Decision, key_of
from models.findings import SEVERITIES

ADVISORY = SEVERITIES.index("advisory")
ENDS: frozenset[What] = frozenset({"resolve", "new_normal"})
"""What a person does to end an alert."""
TOLD_KEPT = SPENT_KEPT = 16
"""Messages that are remembered of an episode: more than there are reasons, and more than its share of a day."""


def applied(episode: Episode, case: Case, decision: Decision) -> None:
    """The episode after a step, which has moved along the table already."""
    episode.rank, episode.incident = decision.rank, decision.incident
    episode.held = episode.held if case.what == "comment" else None
    if case.what in JOINS or case.what == "rise":
        episode.risen = case.what == "rise" or decision.rank > case.rank
    _asked(episode, case.what, decision)
    _over(episode, case)
    _put_off(episode, case.what, decision)
    _told(episode, case, decision)


def _asked(episode: Episode, what: What, decision: Decision) -> None:
    """Who has to answer, and by when."""
    episode.due_us = decision.due_us if episode.waits else None
    if what == "escalate":
        episode.rung += not episode.is_alarm
    elif what == "hand_over" or not (episode.waits or episode.closed):
        episode.rung = 0


def _over(episode: Episode, case: Case) -> None:
    """What is no longer so: a snooze, what was seen of what a person has ended, the calm before an end."""
    if episode.state != "snoozed":
        episode.snoozed_until_us = episode.snoozed_by = None
    if case.what in ENDS | {"forget"}:
        episode.sources.clear()
        episode.resolved_us = case.when.decided_us
    if episode.closed or case.what in ("worse", "raise"):
        episode.calm_until_us = episode.calm_reason = None


def _put_off(episode: Episode, what: What, decision: Decision) -> None:
    """Until when its message waits."""
    if what in ("open", "raise", "again"):
        episode.deferred_until_us = decision.deferred_until_us
    elif not episode.waits or what in ("tell", "worse", "rise", "hand_over"):
        episode.deferred_until_us = None


def _told(episode: Episode, case: Case, decision: Decision) -> None:
    """The message about it, or the alert whose message is about it as well."""
    if decision.notify is None:
        episode.told_with = (decision.told_with or episode.told_with) if episode.waits else None
        return
    episode.told_with = None
    episode.told = [*episode.told, key_of(decision.notify, decision.rank, case)][-TOLD_KEPT:]
    if decision.rank <= ADVISORY and case.what in ("open", "raise", "again", "tell"):
        episode.spent_us = [*episode.spent_us, case.when.decided_us][-SPENT_KEPT:]
