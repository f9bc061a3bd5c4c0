"""Outage: devices of one patient that fall silent together are one message.

Who goes away leaves a watch, a cuff and an oximeter behind; each is missed when its own habit says so, a day or two
apart, and each was a message, for one telephone call. What ended within a day of something silent that a message has
told of is on the worklist at once, and its own message waits: it is told if it still stands then, and nobody has taken
it up. Silence is never urgent; were it, it would not wait.
"""

from functools import cache

from alerts.episodes import Episode
from alerts.policy.case import Case, Decision
from alerts.policy.group import URGENT
from models import evidence
from models.phrases import phrase, stamp
from models.times import US_PER_S, rfc3339

STAGE = "outage"
STANDS = frozenset({"open", "escalated", "acknowledged", "snoozed"})


def outage(case: Case, so_far: Decision) -> Decision:
    """Let the message wait where another one says the same of the patient."""
    episode = case.episode
    calls = case.what in ("open", "raise") and so_far.rank < URGENT and so_far.silent is None
    if episode.kind != "silence" or episode.retrospective or not calls:
        return so_far
    told = next((one for one in case.others if _speaks_for(one, episode)), None)
    if told is None:
        return so_far
    until = case.when.decided_us + _waits_us()
    reason = phrase(
        "told with {title}, as its data ended at about the same time: the message waits until {until}",
        title=told.title, until=stamp(rfc3339(until)),
    )  # fmt: skip
    return so_far.says(STAGE, "deferred", reason, silent=reason, deferred_until_us=until)


def _speaks_for(one: Episode, episode: Episode) -> bool:
    told = one is not episode and one.kind == "silence" and one.state in STANDS and bool(one.told)
    return told and not one.retrospective and abs(one.onset_us - episode.onset_us) <= _within_us()


@cache
def _within_us() -> int:
    return int(evidence.load("incidents")["outage"]["within_h"] * 3600 * US_PER_S)


@cache
def _waits_us() -> int:
    return int(evidence.load("incidents")["outage"]["waits_h"] * 3600 * US_PER_S)
