"""Snooze: bounded, authored, of one episode, by one team. An emergency has none, and what gets worse ends it; so does a
limit as severe as what was snoozed, where that was what the patient's own band says: who put it off did not know."""

from alerts.episodes import MOST_SNOOZED_US, NotAllowed
from alerts.events import Action
from alerts.explain import SEVERITY_WORDS
from alerts.policy.case import Case, Decision
from alerts.policy.inhibit import PERSONAL
from models.findings import SEVERITIES
from models.phrases import moment, phrase
from models.times import from_us, rfc3339, to_us

STAGE = "snooze"


def snooze(case: Case, so_far: Decision) -> Decision:
    """Say how a snooze bears on this step."""
    episode = case.episode
    if case.what == "snooze":
        return so_far.says(STAGE, "snoozed", phrase("until the time that was asked for, by whoever answers for it"))
    if episode.state != "snoozed" or episode.snoozed_until_us is None:
        return so_far
    until = moment(from_us(episode.snoozed_until_us))
    whose = {"who": episode.snoozed_by or phrase("somebody"), "until": until}
    match case.what:
        case "wake":
            return so_far.says(STAGE, "over", phrase("it was snoozed by {who} until {until}", **whose))
        case "worse" if so_far.rank <= episode.rank and not PERSONAL & {*episode.sources}:
            further = phrase("it is further beyond the limit than what {who} had snoozed until {until}", **whose)
            return so_far.says(STAGE, "ended", further)
        case "worse" if so_far.rank <= episode.rank:
            ended = phrase(
                "a limit is broken, and {who} had snoozed until {until} what is unusual for this patient", **whose
            )
            return so_far.says(STAGE, "ended", ended)
        case "worse":
            worse = SEVERITY_WORDS[SEVERITIES[so_far.rank]]
            ended = phrase("{severity} is worse than what was snoozed by {who} until {until}", severity=worse, **whose)
            return so_far.says(STAGE, "ended", ended)
        case "hand_over":
            return so_far.says(STAGE, "ended", phrase("another team had snoozed it: {who} until {until}", **whose))
    return so_far


def check(action: Action, decided_us: int) -> int:
    """The end of a snooze that is asked for [us]. Raises NotAllowed."""
    if action.until is None or not (action.reason or "").strip():
        raise NotAllowed("snooze needs `until` and `reason`")
    until_us = to_us(action.until)
    if not 0 < until_us - decided_us <= MOST_SNOOZED_US:
        raise NotAllowed(f"a snooze ends in the future, 24 h ahead at most: {rfc3339(until_us)}")
    return until_us
