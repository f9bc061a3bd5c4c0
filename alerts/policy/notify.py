"""Notify: a message goes out once for each reason, and never about what was not told before."""

from functools import cache

from alerts.episodes import What
from alerts.events import Notice
from alerts.policy.case import Case, Decision
from models import evidence
from models.findings import SEVERITIES
from models.phrases import phrase
from models.times import US_PER_S

STAGE = "notify"
SAYS: dict[What, Notice] = {
    "open": "first", "raise": "returned", "worse": "worse", "again": "repeat", "wake": "woken", "tell": "first",
    "hand_over": "handed_over", "escalate": "escalated", "clear": "resolved", "resolve": "resolved",
    "new_normal": "resolved", "rise": "worse", "acknowledge": "taken", "snooze": "taken",
}  # fmt: skip
"""What a message about each step says. What the team itself did otherwise, it sees on the desk."""
BY_THE_TEAM = phrase("done by the team, which sees it on the desk")
NOTICE_WORDS: dict[Notice, str] = {
    "first": phrase("first"), "worse": phrase("worse"), "escalated": phrase("escalated"), "repeat": phrase("repeat"),
    "resolved": phrase("resolved"), "returned": phrase("returned"), "woken": phrase("woken"),
    "handed_over": phrase("handed_over"), "taken": phrase("taken"),
}  # fmt: skip
URGENT = SEVERITIES.index("urgent")


def notify(case: Case, so_far: Decision) -> Decision:
    """Whether a message is sent, and which."""
    notice = SAYS.get(case.what)
    why = so_far.silent or case.quiet or _quiet(case, so_far, notice)
    if notice is None or why is not None:
        return so_far.says(STAGE, "quiet", why or BY_THE_TEAM)
    return so_far.says(STAGE, "told", NOTICE_WORDS[notice], notify=notice)


def _quiet(case: Case, so_far: Decision, notice: Notice | None) -> str | None:
    """Why nobody needs this message, or None."""
    episode = case.episode
    if episode.retrospective:
        return phrase("it is about the past: it is on the worklist, and is not paged as if it were now")
    if SEVERITIES[so_far.rank] == "info" and case.what != "clear":
        return phrase("it is mere information")
    if notice == "taken" and (so_far.rank < URGENT or not episode.waits):
        return BY_THE_TEAM
    if notice in ("resolved", "taken") and not episode.told:
        return phrase("nobody was told that it began")
    if notice == "returned" and not episode.is_alarm and so_far.rank < URGENT and _lately(case):
        return phrase("an advisory that comes back within a day is on the worklist, and is not told again")
    if notice is not None and key_of(notice, so_far.rank, case) in episode.told:
        return phrase("told already")
    return None


def key_of(notice: Notice, rank: int, case: Case) -> str:
    """What must not be told twice: the reason, and what makes it another one."""
    match notice:
        case "worse" if not case.episode.is_alarm and case.episode.waits:  # else somebody has answered: it is news
            return f"worse {rank}"
        case "escalated":
            return f"escalated {case.episode.rung + 1} {case.when.decided_us}"
        case "first" if case.what != "tell":
            return notice
    return f"{notice} {case.when.decided_us}"


def _lately(case: Case) -> bool:
    return any(case.when.decided_us - at < _returns_us() for at in case.episode.spent_us)


@cache
def _returns_us() -> int:
    return int(evidence.load("incidents")["returns_quietly_within_h"]["value"] * 3600 * US_PER_S)
