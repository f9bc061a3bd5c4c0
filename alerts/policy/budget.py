"""Budget: one patient may cause so many messages about advisories in a day. The next one waits, and is seen waiting.

It stands on the worklist at once, says until when its message waits, and is told then if it is still there. Nothing
urgent is ever counted or held. That nobody has answered is not held either: it is all that is left to say.
"""

from alerts.policy.case import Case, Decision
from models.findings import SEVERITIES
from models.phrases import figure, phrase, stamp
from models.times import US_PER_S, rfc3339

STAGE = "budget"
DAY_US = 86_400 * US_PER_S
ADVISORY = SEVERITIES.index("advisory")
SPENDS = frozenset({"open", "raise", "again"})


def budget(case: Case, so_far: Decision) -> Decision:
    """Defer an advisory beyond the day's share."""
    episode = case.episode
    calls = case.what in SPENDS and so_far.rank <= ADVISORY and so_far.silent is None
    if not calls or episode.retrospective or episode.is_alarm:
        return so_far
    now, share = case.when.decided_us, case.when.policy.advisories_per_day
    spent = sorted(at for one in case.others for at in one.spent_us if now - at < DAY_US)
    if len(spent) < share:
        within = phrase(
            "{told} of {share} advisories of this patient within a day",
            told=figure(len(spent) + 1),
            share=figure(share),
        )
        return so_far.says(STAGE, "within", within)
    until = spent[-share] + DAY_US
    reason = phrase(
        "{share} advisories of this patient were told within a day: the message waits until {until}",
        share=figure(share), until=stamp(rfc3339(until)),
    )  # fmt: skip
    return so_far.says(STAGE, "deferred", reason, silent=reason, deferred_until_us=until)
