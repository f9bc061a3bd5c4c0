"""Snooze: bounded, authored, of one episode, by one team. An emergency has none, and what gets worse ends it."""

from alerts.episodes import MOST_SNOOZED_US, NotAllowed
from alerts.events import Action
from alerts.explain import moment
from alerts.policy.case import Case, Decision
from models.findings import SEVERITIES
from models.times import from_us, rfc3339, to_us

STAGE = "snooze"


def snooze(case: Case, so_far: Decision) -> Decision:
    """Say how a snooze bears on this step."""
    episode = case.episode
    if case.what == "snooze":
        return so_far.says(STAGE, "snoozed", "until the time that was asked for, by whoever answers for it")
    if episode.state != "snoozed" or episode.snoozed_until_us is None:
        return so_far
    whose = f"{episode.snoozed_by or 'somebody'} until {moment(from_us(episode.snoozed_until_us))}"
    match case.what:
        case "wake":
            return so_far.says(STAGE, "over", f"it was snoozed by {whose}")
        case "worse":
            return so_far.says(STAGE, "ended", f"{SEVERITIES[so_far.rank]} is worse than what was snoozed by {whose}")
        case "hand_over":
            return so_far.says(STAGE, "ended", f"another team had snoozed it: {whose}")
    return so_far


def check(action: Action, decided_us: int) -> int:
    """The end of a snooze that is asked for [us]. Raises NotAllowed."""
    if action.until is None or not action.reason:
        raise NotAllowed("snooze needs `until` and `reason`")
    until_us = to_us(action.until)
    if not 0 < until_us - decided_us <= MOST_SNOOZED_US:
        raise NotAllowed(f"a snooze ends in the future, 24 h ahead at most: {rfc3339(until_us)}")
    return until_us
