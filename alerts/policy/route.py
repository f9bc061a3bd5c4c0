"""Route: which team has to answer, on which rung of its chain, and by when. Who that is now, the notifier looks up."""

from alerts.episodes import STARTS_CLOCK, UNARMED
from alerts.policy.case import Case, Decision
from alerts.policy.settings import OPS
from models.findings import SEVERITIES
from models.phrases import figure, phrase, stamp
from models.times import rfc3339

STAGE = "route"
KEEPS_CLOCK = frozenset({"earlier", "again", "join", "tell", "comment", "assign"})
"""Steps that leave the time to answer as it is."""
REMIND_US, REMIND_DOUBLINGS = 3_600_000_000, 5
"""An alarm that nobody answers is repeated to everyone after an hour, then after twice as long each time, and in the
end once in 32 hours: over the 28 people of the bundle, for whom nobody answers, an hourly one was nine tenths of all
events."""


def route(case: Case, so_far: Decision) -> Decision:
    """Set the time by which somebody has to answer."""
    episode = case.episode
    if case.what in KEEPS_CLOCK:
        return _keeps(case, so_far)
    if (episode.state, case.what) not in STARTS_CLOCK:
        return so_far
    within = case.when.chain.answer_within_us[so_far.rank]
    if episode.is_alarm and within is not None:
        within = _reminder_us(case, so_far)
    begins = so_far.deferred_until_us or case.when.decided_us
    due = None if within is None else begins + within
    return so_far.says(STAGE, "team", _asked(case, due), due_us=due)


def _rung(case: Case) -> int:
    """The rung that is asked after the step. Another team is asked from its first, also where all of the former were:
    its chain was not. What gets worse keeps its rung: where everybody was asked already, everybody is, once more."""
    if case.what == "hand_over":
        return 0
    return case.episode.rung + (case.what == "escalate" and not case.episode.is_alarm)


def _reminder_us(case: Case, so_far: Decision) -> int | None:
    """How long an alarm waits before it is repeated; one about advisories is not."""
    if so_far.rank <= SEVERITIES.index("advisory"):
        return None
    repeated = sum(key.startswith("escalated") for key in case.episode.told) + (case.what == "escalate")
    return REMIND_US << min(repeated, REMIND_DOUBLINGS)


def _keeps(case: Case, so_far: Decision) -> Decision:
    return so_far.says(STAGE, "team", _asked(case, case.episode.due_us), due_us=case.episode.due_us)


def _asked(case: Case, due_us: int | None) -> str:
    if due_us is None or due_us == UNARMED:
        return _who(case)
    return phrase("{who}, to be answered by {due}", who=_who(case), due=stamp(rfc3339(due_us)))


def _who(case: Case) -> str:
    team, rungs = case.when.care_team or OPS, case.when.chain.rungs
    rung = _rung(case)
    if rung >= rungs or case.episode.is_alarm:
        return phrase("everybody of {team}, and ops", team=team)
    return phrase("{team}, rung {rung} of {rungs}", team=team, rung=figure(rung + 1), rungs=figure(rungs))
