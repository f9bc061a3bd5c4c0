"""A clinician's low target of the oxygen saturation, and the rules of conditions.

Who is meant to live at 88 to 92 % is well there, whatever else is known of them: what is urgent or less follows the
target down, as the limits for everyone do (`floors.with_targets`). What is an emergency by its condition stays one.
"""

from dataclasses import replace
from math import isnan

from models.findings import SEVERITIES
from models.phrases import phrase
from models.rules import Limit, Plan, Trend
from models.vitals import BY_NAME
from models.wording import limit_of

_SPO2 = BY_NAME["spo2"]
_EMERGENCY = SEVERITIES.index("emergency")


def followed(plan: Plan, low: float) -> Plan:
    """The rules of a patient with this low target [%]; NaN: there is none. A target above a limit leaves it."""
    if isnan(low):
        return plan
    limits = {vital: tuple(_follow(rule, low) for rule in held) for vital, held in plan.limits.items()}
    return replace(plan, limits=limits, passed=tuple(_passed(rule, low) for rule in plan.passed))


def _passed(rule: Limit | Trend, low: float) -> Limit | Trend:
    return _follow(rule, low) if isinstance(rule, Limit) else rule


def _follow(rule: Limit, low: float) -> Limit:
    if rule.vital != _SPO2.index or rule.high or rule.rank >= _EMERGENCY or rule.limit <= low:
        return rule
    what = limit_of(_SPO2, high=False, strict=True, limit=low)
    return replace(rule, limit=low, strict=True, title=phrase("{what} ({condition})", what=what, condition=rule.whose))
