"""The list of stages, and what they say together. The package's docstring says what each of them is for."""

from collections.abc import Callable

from alerts.policy.budget import budget
from alerts.policy.case import Case, Decision
from alerts.policy.group import group
from alerts.policy.inhibit import inhibit
from alerts.policy.notify import notify
from alerts.policy.outage import outage
from alerts.policy.route import route
from alerts.policy.snooze import snooze

Stage = Callable[[Case, Decision], Decision]
PIPELINE: tuple[Stage, ...] = (group, inhibit, snooze, outage, budget, route, notify)


def decide(case: Case) -> Decision:
    """What all stages say together; after one that holds the episode back, the others are not asked."""
    decision = Decision(case.rank, case.episode.incident)
    for stage in PIPELINE:
        decision = stage(case, decision)
        if decision.held is not None:
            break
    return decision
