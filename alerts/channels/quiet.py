"""What quiet hours hold back until they are over. Pure bookkeeping: no clock, no asyncio.

Nobody is told in the morning of what no longer needs them: what was answered or has ended meanwhile, what another team
answers for, and what the same channel has a newer message about. What has become more or less severe is told as it is
then. Of each channel the first `each` messages are kept
whole, as many as somebody reads in the morning; of more there is one message together, which says how many wait on the
worklist. Nothing that may wait is ever sent at night for want of room.
"""

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime

from alerts.channels.post import Letter
from alerts.events import AlertEvent
from alerts.language import ENGLISH, voice
from alerts.sources import patient_of
from models.findings import Rule, Severity
from models.phrases import counted, say

Slot = tuple[str, datetime]
"""A channel, and when its quiet hours are over."""
RULE = Rule("quiet_hours", "1", "DESIGN")
QUIET_HOURS = "delivery.quiet_hours"
"""The problem of the one message about what is not told singly."""


@dataclass(frozen=True)
class Waiting:
    """One letter that waits. event: None if it is told together with others, and only who and what is kept of it."""

    delivery_id: str
    letter: Letter
    alert_id: str
    sequence: int
    care_team: str | None
    severity: Severity
    event: AlertEvent | None


class Quiet:
    """The letters of all channels that wait. each: how many of one channel are kept whole."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._slots: dict[Slot, dict[str, Waiting]] = {}
        self._whole: Counter[Slot] = Counter()
        self._of_alert: dict[str, list[tuple[Slot, str]]] = {}

    def hold(
        self, delivery_id: str, letter: Letter, event: AlertEvent, until: datetime, *, singly: bool = False
    ) -> Slot | None:
        """Keep a letter. Answers with its slot if it is the first there, and somebody has to be woken then. singly: it
        is told by itself, however many there are."""
        slot = (letter.channel, until)
        first, whole = slot not in self._slots, singly or self._whole[slot] < self._each
        kept = event if whole else None
        one = Waiting(delivery_id, letter, event.alert_id, event.sequence, event.care_team, event.severity, kept)
        self._slots.setdefault(slot, {})[delivery_id] = one
        self._whole[slot] += whole
        self._of_alert.setdefault(event.alert_id, []).append((slot, delivery_id))
        return slot if first else None

    def let_go(self, news: AlertEvent, channels: Set[str]) -> list[Waiting]:
        """What nobody needs any more after this event, about which these channels are told."""
        places = self._of_alert.get(news.alert_id, [])
        gone = [(slot, known) for slot, known in places if _needless(self._slots[slot][known], news, channels)]
        return [self._take(slot, known) for slot, known in gone]

    def outdated(self, news: AlertEvent) -> list[Waiting]:
        """What waits with another severity than the alert has since this event, which is to be told instead: with the
        old one somebody would judge the alert wrongly. It is let go, and the newer event has to be held."""
        places = self._of_alert.get(news.alert_id, [])
        old = [(slot, known) for slot, known in places if _says_otherwise(self._slots[slot][known], news)]
        return [self._take(slot, known) for slot, known in old]

    def over(self, slot: Slot) -> tuple[list[AlertEvent], list[Waiting]]:
        """The quiet hours of a channel are over: what is told of singly, and what is told of together."""
        waiting = [self._take(slot, known) for known in list(self._slots.get(slot, {}))]
        self._slots.pop(slot, None)
        self._whole.pop(slot, None)
        return [one.event for one in waiting if one.event is not None], [one for one in waiting if one.event is None]

    def clear(self) -> list[Waiting]:
        """Forget what waits; it is given back."""
        waiting = [one for slot in self._slots.values() for one in slot.values()]
        for kept in (self._slots, self._whole, self._of_alert):
            kept.clear()
        return waiting

    def _take(self, slot: Slot, known: str) -> Waiting:
        one = self._slots[slot].pop(known)
        self._whole[slot] -= one.event is not None
        places = self._of_alert[one.alert_id]
        places.remove((slot, known))
        if not places:
            del self._of_alert[one.alert_id]
        return one


def _needless(one: Waiting, news: AlertEvent, channels: Set[str]) -> bool:
    """To whom an alert was assigned has to know of it although somebody had taken it up before, and until somebody else
    has it."""
    over = news.state == "resolved" or news.event == "assigned" if one.letter.given else news.state != "open"
    gone = over or news.care_team != one.care_team or one.letter.channel in channels
    return news.sequence > one.sequence and gone


def _says_otherwise(one: Waiting, news: AlertEvent) -> bool:
    return news.sequence > one.sequence and news.severity != one.severity


def together(slot: Slot, number: int, team: str | None, language: str = ENGLISH) -> AlertEvent:
    """The one message about the rest. Nobody has to answer it: each alert has its own time to be answered.

    Its id follows from channel and time, so that a second attempt is known as one.
    """
    channel, until = slot
    at = until.isoformat(timespec="seconds")
    title = counted(
        "{n} more advisory waits on the worklist", "{n} more advisories wait on the worklist", n=number
    )  # fmt: skip
    said = counted(
        "During the quiet hours {n} more advisory came that is still open. It stands on the worklist.",
        "During the quiet hours {n} more advisories came that are still open. They stand on the worklist.", n=number,
    )  # fmt: skip
    spoken = voice(language)
    return AlertEvent(
        alert_id=f"quiet-{channel}-{until:%Y%m%dT%H%M%S%z}", sequence=1, event="opened", state="acknowledged",
        patient=patient_of("quiet_hours"), care_team=team, severity="advisory", category="technical", kind="delivery",
        problem=QUIET_HOURS, title=say(title, spoken), onset_at=at, event_at=at, arrived_at=at,
        decided_at=at, retrospective=False, evidence=[], explanation=say(said, spoken),
        population_rule_would_fire=False, rule=RULE, notify="first",
    )  # fmt: skip
