"""What a patient agrees to have shown: from when on the windows of a vital stay, and in words what is withdrawn. Pure.

Two say so, and the order in which they are read changes nothing. A profile says it of now: at once, whether or not a
worker runs. The worker says it among the vitals themselves, by a window that is `withheld` and holds no reading, at the
place in the log from which it acted: that is still there when the profiles' topic has only the newest version left, and
no longer the null of who was forgotten. What began before is neither shown nor kept.

The alerts of that time stay as they were told, with the values in their evidence, and so does the audit: they are the
record of what the team was told and of what it did about it, which answers for patient and team alike and which nobody
may change afterwards. The retention of their topics ends them.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from alerts.explain import called
from models.readings import VitalSummary
from models.vitals import BY_NAME, VITALS

EVER = -math.inf
NEVER = math.inf


class Consent(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a profile says of it. begins_s: readings from before are not agreed to; told_s: when the record was written
    that says so, None if that is not known; forgotten: the profile itself was withdrawn. In seconds since 1970."""

    monitoring: bool = True
    withheld: frozenset[str] = frozenset()
    begins_s: float | None = None
    told_s: float | None = None
    forgotten: bool = False

    def closes(self, vital: str) -> bool:
        """Whether nothing of this vital may be shown as of now. Who was forgotten may be watched as a stranger."""
        return not self.forgotten and (not self.monitoring or vital in self.withheld)

    def from_s(self, vital: str) -> float:
        """From which start on the windows of a vital may be kept. What came after a withdrawal was agreed to by a
        version that is not read yet: until it is, it is kept and not shown."""
        if self.forgotten or self.closes(vital):
            return NEVER if self.told_s is None else _window_of(self.told_s, vital)
        return EVER if self.begins_s is None else _window_of(self.begins_s, vital)


class Withdrawal(msgspec.Struct, frozen=True):
    """What is not shown, in words. vital: None is everything; since_s: from when on, if that is known."""

    vital: str | None
    since_s: float | None
    words: str


def is_withdrawal(one: VitalSummary) -> bool:
    """Whether this window is the worker's word that a vital may no longer be decided."""
    return one.state == "withheld" and one.n == 0


def withdrawals(consent: Consent | None, told: Mapping[str, float]) -> list[Withdrawal]:
    """What is withdrawn as of now. told: when the worker last said so, by vital.

    A later version of the profile may say again what an earlier one said first: the worker's word is of the first.
    """
    if consent is None:
        return []
    if consent.forgotten or not consent.monitoring:
        since_s = _earlier(max(told.values(), default=None), consent.told_s)
        what = "The profile" if consent.forgotten else "Consent to monitoring"
        words = f"{what} was withdrawn{dated(' on', since_s)}. Readings are no longer shown."
        return [Withdrawal(None, since_s, words)]
    names = [one.name for one in VITALS if one.name in consent.withheld]
    since = {name: _earlier(told.get(name), consent.told_s) for name in names}
    return [
        Withdrawal(
            name,
            one,
            f"{called(name)}: withheld by the patient{dated(' since', one)}. Earlier readings are not shown either.",
        )
        for name, one in since.items()
    ]


def _day(time_s: float) -> str:
    """`5 January 2026`, of UTC: what the worker says is to the vital's window, which may be a day of that."""
    on = datetime.fromtimestamp(time_s, UTC)
    return f"{on.day} {on:%B %Y}"


def dated(before: str, time_s: float | None) -> str:
    """` on 5 January 2026`, or nothing when that is not known."""
    return "" if time_s is None else f"{before} {_day(time_s)}"


def _earlier(one: float | None, other: float | None) -> float | None:
    return min((time_s for time_s in (one, other) if time_s is not None), default=None)


def _window_of(time_s: float, vital: str) -> float:
    """When the window begins in which this time lies: none of its readings were decided before, as it was open."""
    width_s = float(BY_NAME[vital].window_s) if vital in BY_NAME else 0.0
    return time_s - time_s % width_s if width_s else time_s
