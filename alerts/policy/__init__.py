"""The policy: what becomes of each step of an episode before anybody is told. `pipeline.PIPELINE` is the order of it.

`case` is what a stage looks at, and `settings` what a deployment may choose.
Each stage is a pure function of the case and of what was said before it, answers with a reason, and the reasons are
kept on the AlertEvent (`policy`). A stage can raise a severity, hold an episode back (below urgent), make a message
wait (advisories) or unnecessary; none can drop an episode, and none touches what is urgent but to make it louder.

| stage | says |
|---|---|
| `group` | which incident it belongs to, and how severe it is with the others |
| `inhibit` | whether a known cause explains it: then it is pending, and nobody is told |
| `snooze` | whether somebody asked for quiet, until when |
| `outage` | whether something else of the patient fell silent at the same time, and was told: then its message waits |
| `budget` | whether this patient's advisories of the day are spent: then its message waits |
| `route` | which team, on which rung of its chain, has to answer by when |
| `notify` | whether a message is sent: once for each reason |
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alerts.policy.case import Case, Decision, When
    from alerts.policy.group import JOINS, left_untold, rise_with
    from alerts.policy.inhibit import cause_of, protects, same_change_us, told_as, told_with
    from alerts.policy.notify import key_of
    from alerts.policy.pipeline import PIPELINE, decide
    from alerts.policy.settings import Chain, PolicySettings

__all__ = [
    "JOINS",
    "PIPELINE",
    "Case",
    "Chain",
    "Decision",
    "PolicySettings",
    "When",
    "cause_of",
    "decide",
    "key_of",
    "left_untold",
    "protects",
    "rise_with",
    "same_change_us",
    "told_as",
    "told_with",
]

_HOMES = {
    "Chain": "settings", "JOINS": "group", "PIPELINE": "pipeline", "PolicySettings": "settings", "cause_of": "inhibit",
    "decide": "pipeline", "key_of": "notify", "left_untold": "group", "rise_with": "group",
    "protects": "inhibit", "same_change_us": "inhibit", "told_as": "inhibit", "told_with": "inhibit",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: whoever reads the settings of the policy needs none of its arithmetic."""
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module(f"alerts.policy.{_HOMES.get(name, 'case')}"), name)
