"""The policy: what becomes of each step of an episode before anybody is told. Read `PIPELINE` from top to bottom.

Each stage is a pure function of the case and of what was said before it, answers with a reason, and the reasons are
kept on the AlertEvent (`policy`). A stage can raise a severity, hold an episode back (below urgent), make a message
wait (advisories) or unnecessary; none can drop an episode, and none touches what is urgent but to make it louder.

| stage | says |
|---|---|
| `group` | which incident it belongs to, and how severe it is with the others |
| `inhibit` | whether a known cause explains it: then it is pending, and nobody is told |
| `snooze` | whether somebody asked for quiet, until when |
| `budget` | whether this patient's advisories of the day are spent: then its message waits |
| `route` | which team, on which rung of its chain, has to answer by when |
| `notify` | whether a message is sent: once for each reason |
"""

from collections.abc import Callable

from alerts.policy.budget import budget
from alerts.policy.case import Case, Decision, When
from alerts.policy.group import JOINS, group, rise_with
from alerts.policy.inhibit import cause_of, inhibit
from alerts.policy.notify import key_of, notify
from alerts.policy.route import route
from alerts.policy.settings import PolicySettings
from alerts.policy.snooze import snooze

__all__ = [
    "JOINS",
    "PIPELINE",
    "Case",
    "Decision",
    "PolicySettings",
    "When",
    "cause_of",
    "decide",
    "key_of",
    "rise_with",
]

Stage = Callable[[Case, Decision], Decision]
PIPELINE: tuple[Stage, ...] = (group, inhibit, snooze, budget, route, notify)


def decide(case: Case) -> Decision:
    """What all stages say together; after one that holds the episode back, the others are not asked."""
    decision = Decision(case.rank, case.episode.incident)
    for stage in PIPELINE:
        decision = stage(case, decision)
        if decision.held is not None:
            break
    return decision
