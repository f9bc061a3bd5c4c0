"""Episodes: findings about one problem of one patient, and their life from open to resolved.

The life cycle is one table, `TRANSITIONS`: (phase, what happens) -> (new phase, event told). What is not in it is not
allowed and changes nothing. An episode's id follows from patient, problem and the day of its onset in event time:
whoever computes it again, after a crash or in a replay, gets the same id and the same sequence, and so does whoever
gets the readings in a slightly different order, and sees another one of them first.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal

import msgspec

from alerts.events import Category, EventName, Evidence, State
from alerts.policy.settings import RUNGS_MAX
from models.findings import SEVERITIES, Kind, Rule
from models.phrases import phrase
from models.times import US_PER_S

Phase = Literal[
    "pending", "open", "escalated", "acknowledged", "snoozed", "resolved", "expired", "retrospective"
]  # fmt: skip
PUBLIC: dict[Phase, State] = {
    "pending": "open", "open": "open", "escalated": "open", "retrospective": "open", "acknowledged": "acknowledged",
    "snoozed": "snoozed", "resolved": "resolved", "expired": "resolved",
}  # fmt: skip
"""What a phase is called outside (CONTRACT 2). Nothing is told of an episode that is pending."""

What = Literal[
    "open", "raise", "worse", "recall", "earlier", "again", "join", "clear", "acknowledge", "assign", "resolve",
    "comment", "new_normal", "snooze", "wake", "tell", "escalate", "hand_over", "forget", "rise",
]  # fmt: skip
"""recall: readings that came late make an episode about the past, or make it worse; join: the same change is seen in
another way; clear: it has stayed away for long enough; tell: its message has waited long enough; escalate: nobody has
answered; hand_over: another team answers now; rise: its incident has become more severe than it is by itself."""

TRANSITIONS: dict[tuple[Phase, What], tuple[Phase, EventName]] = {
    ("pending", "open"): ("open", "opened"),
    ("pending", "recall"): ("retrospective", "opened"),
    ("resolved", "raise"): ("open", "reopened"),
    ("expired", "raise"): ("open", "reopened"),
    ("resolved", "recall"): ("retrospective", "reopened"),
    ("expired", "recall"): ("retrospective", "reopened"),
    ("open", "worse"): ("open", "updated"),
    ("escalated", "worse"): ("escalated", "updated"),
    ("acknowledged", "worse"): ("open", "updated"),
    ("snoozed", "worse"): ("open", "updated"),
    ("acknowledged", "recall"): ("retrospective", "updated"),
    ("retrospective", "recall"): ("retrospective", "updated"),
    ("open", "earlier"): ("open", "updated"),
    ("escalated", "earlier"): ("escalated", "updated"),
    ("acknowledged", "earlier"): ("acknowledged", "updated"),
    ("snoozed", "earlier"): ("snoozed", "updated"),
    ("retrospective", "earlier"): ("retrospective", "updated"),
    ("open", "again"): ("open", "updated"),
    ("escalated", "again"): ("escalated", "updated"),
    ("open", "join"): ("open", "updated"),
    ("escalated", "join"): ("escalated", "updated"),
    ("acknowledged", "join"): ("acknowledged", "updated"),
    ("snoozed", "join"): ("snoozed", "updated"),
    ("open", "clear"): ("resolved", "resolved"),
    ("escalated", "clear"): ("resolved", "resolved"),
    ("acknowledged", "clear"): ("resolved", "resolved"),
    ("snoozed", "clear"): ("resolved", "resolved"),
    ("open", "acknowledge"): ("acknowledged", "acknowledged"),
    ("escalated", "acknowledge"): ("acknowledged", "acknowledged"),
    ("snoozed", "acknowledge"): ("acknowledged", "acknowledged"),
    ("retrospective", "acknowledge"): ("acknowledged", "acknowledged"),
    ("open", "assign"): ("open", "assigned"),
    ("escalated", "assign"): ("escalated", "assigned"),
    ("acknowledged", "assign"): ("acknowledged", "assigned"),
    ("snoozed", "assign"): ("snoozed", "assigned"),
    ("retrospective", "assign"): ("retrospective", "assigned"),
    ("open", "resolve"): ("resolved", "resolved"),
    ("escalated", "resolve"): ("resolved", "resolved"),
    ("acknowledged", "resolve"): ("resolved", "resolved"),
    ("snoozed", "resolve"): ("resolved", "resolved"),
    ("retrospective", "resolve"): ("resolved", "resolved"),
    ("open", "new_normal"): ("resolved", "resolved"),
    ("escalated", "new_normal"): ("resolved", "resolved"),
    ("acknowledged", "new_normal"): ("resolved", "resolved"),
    ("snoozed", "new_normal"): ("resolved", "resolved"),
    ("retrospective", "new_normal"): ("resolved", "resolved"),
    ("open", "comment"): ("open", "updated"),
    ("escalated", "comment"): ("escalated", "updated"),
    ("acknowledged", "comment"): ("acknowledged", "updated"),
    ("snoozed", "comment"): ("snoozed", "updated"),
    ("resolved", "comment"): ("resolved", "updated"),
    ("expired", "comment"): ("expired", "updated"),
    ("retrospective", "comment"): ("retrospective", "updated"),
    ("open", "snooze"): ("snoozed", "snoozed"),
    ("escalated", "snooze"): ("snoozed", "snoozed"),
    ("acknowledged", "snooze"): ("snoozed", "snoozed"),
    ("snoozed", "wake"): ("open", "updated"),
    ("open", "tell"): ("open", "updated"),
    ("escalated", "tell"): ("escalated", "updated"),
    ("open", "escalate"): ("escalated", "escalated"),
    ("escalated", "escalate"): ("escalated", "escalated"),
    ("open", "hand_over"): ("open", "updated"),
    ("escalated", "hand_over"): ("open", "updated"),
    ("snoozed", "hand_over"): ("open", "updated"),
    ("open", "rise"): ("open", "updated"),
    ("escalated", "rise"): ("escalated", "updated"),
    ("open", "forget"): ("expired", "expired"),
    ("escalated", "forget"): ("expired", "expired"),
    ("acknowledged", "forget"): ("expired", "expired"),
    ("snoozed", "forget"): ("expired", "expired"),
    ("retrospective", "forget"): ("expired", "expired"),
}
STARTS_CLOCK = frozenset(
    (phase, what)
    for (phase, what), (after, _) in TRANSITIONS.items()
    if after in ("open", "escalated") and what in ("open", "raise", "worse", "rise", "wake", "escalate", "hand_over")
)
"""Steps after which somebody has to answer within a time that begins with them."""

REOPEN_WITHIN_US = 24 * 3600 * US_PER_S
"""A problem that returns within a day is the same episode: a new one each time would count as many illnesses."""
DAY_US = 24 * 3600 * US_PER_S
NOON_US = 12 * 3600 * US_PER_S
"""The day of an id begins at noon UTC, as the astronomers' does: a night is in one day."""
HAS_COME = phrase("what was foretold has come")
"""Why a forecast was resolved. One alert is enough for one problem, so nobody is told of this end by a message."""
EPISODES_KEPT = 48
"""Episodes remembered for one patient, but the last of each problem, live and retrospective, always: also if all vitals
in both directions and all devices should be in trouble at once. Beyond it the earliest resolved (or retrospective) one
goes, and the next of its problem stands for it and all before."""
REPEAT_AFTER_US = 24 * 3600 * US_PER_S
"""A problem that is still there a day later, and that nobody has taken up, is told once more: once a day at most."""
REPEAT = phrase("repeat: still beyond the limit")
"""Why an alert was updated when its limit was broken again on another day."""
BEGAN_EARLIER = phrase("began earlier than first seen")
"""Why an alert was updated when only its onset was put right. Nobody is told of it by a message."""
MOST_SNOOZED_US = 24 * 3600 * US_PER_S
"""CONTRACT 2: a snooze lasts 24 h at most."""
UNARMED = -1
UNANSWERED = "delivery.unanswered"
"""The problem of the alarm at the end of a chain, see `alerts.unanswered`."""
EVERYBODY = RUNGS_MAX
"""The rung of an episode of which the whole chain was asked: beyond the longest chain there can be, so that its end
stays the end also where more rungs are set later."""


class Episode(msgspec.Struct, kw_only=True):
    """One problem of one patient. Times in us; `sources` are the kinds of detector that still see it, `ranks` how
    severe each of them sees it (of pages of before not known).

    resolved_us: when it was last resolved: by its readings in event time, by a person in log time. said: the words of
    an alert that no measurement explains (a source, a device); of the others the words follow from the evidence. day:
    the one that the id was made from; the onset may turn out to lie before it, and of what returned lies later.
    stands_for_older: it is the earliest one remembered of its problem, and there have been earlier ones.

    rung: of the chain, that is asked (EVERYBODY: all of it was). due_us: when the next one is (UNARMED: nobody has said
    yet; None: never). calm_until_us, calm_reason: its readings are well again, and it is
    resolved then. deferred_until_us: its message waits until then, or it is held back until then. told: what messages
    have said since it was opened; spent_us: when messages told of it as an advisory. held: why it is pending, or,
    ended, why it is not there again. team: that answers ("": not known).
    risen: its severity is that of its incident; its own finding is an advisory. told_with: the alert whose message was
    about it as well, while none of its own has been sent that says how severe it is. asked_since: the sequence with
    which it began to wait for an answer (0: it does not wait). returns_us: when it was lately there again after it had
    been well for a while; furthest: the value furthest beyond its limit of which people know (see `calm`).
    """

    alert_id: str
    problem: str
    vital: str
    title: str
    kind: Kind
    category: Category
    state: Phase
    rank: int
    sequence: int
    onset_us: int
    event_us: int
    retrospective: bool
    rule: Rule
    evidence: list[Evidence]
    population: bool
    sources: list[str]
    snoozed_until_us: int | None = None
    resolved_us: int | None = None
    said: str | None = None
    day: int = -1
    stands_for_older: bool = False
    rung: int = 0
    due_us: int | None = UNARMED
    calm_until_us: int | None = None
    calm_reason: str | None = None
    deferred_until_us: int | None = None
    snoozed_by: str | None = None
    incident: str | None = None
    held: str | None = None
    team: str | None = ""
    told: list[str] = []
    spent_us: list[int] = []
    risen: bool = False
    told_with: str | None = None
    asked_since: int = 0
    ranks: dict[str, int] = {}
    returns_us: list[int] = []
    furthest: float | None = None

    def __post_init__(self) -> None:
        """Pages of before 0.2 had one word for what waits now and what is about the past, and later ones the number of
        rungs that was set for what everybody was asked about."""
        if self.retrospective and self.state == "open":
            self.state = "retrospective"
        if self.state in ("open", "escalated") and self.rung and self.due_us is None and not self.is_alarm:
            self.rung = EVERYBODY

    @property
    def is_alarm(self) -> bool:
        """Whether it says that nobody answers: it has no chain of its own, everybody is told."""
        return self.problem == UNANSWERED

    @property
    def waits(self) -> bool:
        """Whether somebody is asked about it, and has not answered."""
        return self.state in ("open", "escalated")

    @property
    def closed(self) -> bool:
        """Whether nobody has to look at it any more."""
        return self.state in ("resolved", "expired")


class NotAllowed(Exception):
    """What was asked for is not in the table for the episode's state. Nothing has changed."""


def day_of(onset_us: int) -> int:
    """The day from which an episode that begins then has its id."""
    return (onset_us - NOON_US) // DAY_US


def alert_id(patient: str, problem: str, onset_us: int, retrospective: bool, life: int = 0) -> str:
    """The id of an episode. life: how often the patient had been forgotten before; what begins then is another episode,
    also on the same day.

    Two of one problem never have the same id, see `find`. Readings shuffled within their lateness give the same one,
    but for an episode whose first readings lie on both sides of noon: then the one that arrived first decides.

    >>> alert_id("p-17", "heart_rate.high", 0, False)
    'a-bbb947e3cea23fae'
    """
    parts = [patient, problem, str(day_of(onset_us)), "retrospective" if retrospective else "live"]
    if life:
        parts.append(str(life))
    return "a-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def advance(episode: Episode, what: What) -> EventName:
    """Move an episode along the table and number the step. Raises NotAllowed."""
    step = TRANSITIONS.get((episode.state, what))
    if step is None:
        raise NotAllowed(f"{what} is not possible while the alert is {episode.state}")
    if what == "snooze" and SEVERITIES[episode.rank] == "emergency":
        raise NotAllowed("an emergency cannot be snoozed")
    if what == "snooze" and episode.retrospective:
        raise NotAllowed("what is about the past calls nobody, and cannot be snoozed")
    episode.state, event = step
    episode.sequence += 1
    return event


def find(episodes: list[Episode], problem: str, retrospective: bool, onset_us: int) -> Episode | None:
    """The episode a finding belongs to: the unresolved one of its problem, or one resolved less than a day before.

    What is about the past belongs to the episode of its day: history may come in any order.
    """
    for episode in reversed(episodes):
        if episode.problem == problem and episode.retrospective == retrospective and _continues(episode, onset_us):
            return episode
    return None


def _continues(episode: Episode, onset_us: int) -> bool:
    """Whether what begins then is the same episode: of the same day it always is, because it would have the same id."""
    day = day_of(onset_us)
    if day == episode.day or (episode.stands_for_older and day < episode.day):
        return True
    if episode.retrospective:
        return False
    ended_us = episode.event_us if episode.resolved_us is None else episode.resolved_us
    near = (abs(onset_us - us) <= REOPEN_WITHIN_US for us in (episode.event_us, ended_us))
    return not episode.closed or episode.held is not None or any(near)


def ended_by_hand(episodes: Sequence[Episode], problem: str, before_us: int) -> Episode | None:
    """The alert about a problem that a detector sees at this time and has seen all along, if a person has ended it a
    day before, or more: an alert that its readings have ended is not seen."""
    latest = next((e for e in reversed(episodes) if e.problem == problem and not e.retrospective), None)
    if latest is None or latest.state != "resolved" or latest.held is not None or latest.resolved_us is None:
        return None
    return latest if latest.resolved_us + REPEAT_AFTER_US <= before_us else None


def may_repeat(episodes: list[Episode], problem: str, event_us: int) -> bool:
    """Whether a reading beyond a limit that is open already may be news: nobody was told of a limit (it was the
    patient's habit until now), or a day ago, and the alert is still open. What was acknowledged or snoozed waits."""
    live = [e for e in episodes if e.problem == problem and not e.retrospective and not e.closed]
    told = [e for e in live if "limit" in e.sources]
    return not told or any(repeats(e, event_us) for e in told)


def repeats(episode: Episode, event_us: int) -> bool:
    """Whether a limit that is still broken is told once more: a day later, while nobody has taken it up."""
    return episode.state in ("open", "escalated") and event_us - episode.event_us >= REPEAT_AFTER_US


def begins_next(episodes: list[Episode], problem: str, retrospective: bool, onset_us: int) -> Episode | None:
    """The unresolved episode of a problem that begins within a day after that time, and soonest after it."""
    after = [
        e
        for e in episodes
        if e.problem == problem
        and e.retrospective == retrospective
        and not e.closed
        and onset_us < e.onset_us <= onset_us + REOPEN_WITHIN_US
    ]
    return min(after, key=lambda e: e.onset_us, default=None)


def seen(episode: Episode, kind: str, rank: int) -> None:
    """A detector sees it, as severe as that or less severe than before."""
    if kind not in episode.sources:
        episode.sources.append(kind)
        episode.ranks.pop(kind, None)
    episode.ranks[kind] = max(rank, episode.ranks.get(kind, rank))


def unseen(episode: Episode, kind: str) -> None:
    """A detector sees it no longer."""
    episode.sources.remove(kind)
    episode.ranks.pop(kind, None)
    ease(episode)


def eased(episodes: list[Episode], problem: str, kind: str, rank: int) -> None:
    """The worst that a detector saw of a problem is over, and something milder, of this rank, goes on. Of an alert of
    pages of before nobody knows how severe the others see it: as then, it is what the limit says, for one message too
    many is better than an emergency that nobody is told of."""
    for episode in episodes:
        if episode.problem == problem and not episode.retrospective and kind in episode.sources:
            unknown = dict.fromkeys(episode.sources, rank) if kind == "limit" else {}
            episode.ranks = unknown | episode.ranks | {kind: rank}
            ease(episode)


def ease(episode: Episode) -> None:
    """Once acknowledged, it is as severe as what goes on of it: whoever has acknowledged the worst does not know of the
    next time, which is told as worse than that."""
    known = [episode.ranks[kind] for kind in episode.sources if kind in episode.ranks]
    if episode.state == "acknowledged" and not episode.risen and known and len(known) == len(episode.sources):
        episode.rank = min(episode.rank, max(known))


def make_room(episodes: list[Episode]) -> None:
    """Forget the earliest episodes until there is room for one more.

    Of each problem the earliest goes first, and the next one stands for it: an episode that was forgotten would
    otherwise be opened once more, under the same id.
    """
    while len(episodes) >= EPISODES_KEPT:
        groups: dict[tuple[str, bool], list[Episode]] = {}
        for episode in episodes:
            groups.setdefault((episode.problem, episode.retrospective), []).append(episode)
        chains = [sorted(group, key=lambda e: e.day) for group in groups.values() if len(group) > 1]
        free = [one for one in chains if (one[0].closed and one[0].held is None) or one[0].retrospective]
        if not free:
            return
        oldest, following, *_ = min(free, key=lambda chain: chain[0].day)
        following.stands_for_older = True
        episodes[:] = [episode for episode in episodes if episode is not oldest]


def next_due_us(episode: Episode) -> int | None:
    """When time alone will move this episode; None: never. UNARMED: at the next tick."""
    if episode.held is not None:
        return episode.deferred_until_us
    if episode.calm_until_us is not None:
        return episode.calm_until_us
    if episode.state == "snoozed":
        return episode.snoozed_until_us
    if episode.state not in ("open", "escalated"):
        return None
    dues = (episode.due_us, episode.deferred_until_us)
    return min((us for us in dues if us is not None), default=None)


def next_wake_us(episodes: Sequence[Episode]) -> int | None:
    """When time alone will move the first of these episodes."""
    return min((us for e in episodes if (us := next_due_us(e)) is not None), default=None)
