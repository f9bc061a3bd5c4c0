"""Nobody has answered: the end of a chain is an alarm of its own, to the whole team and to ops.

One for each patient, whatever number of alerts has been left: its `sources` are the ids of those that it has told of.
It ends when the last of them is answered, and while it is open it is repeated (`policy.route.REMIND_US`). Who says of
it "I have it" has them: else it would be quiet, and the alerts below would still be nobody's.

An alert that gets worse after the end of its chain is asked about anew: everybody, with the time to answer of what it
is by then. The alarm stands meanwhile, and tells everybody once more when that time is over.
"""

from alerts.episodes import EVERYBODY, UNANSWERED, Episode, alert_id, day_of, find, make_room
from alerts.events import AlertEvent
from alerts.policy import When
from alerts.policy.settings import OPS
from models.findings import Rule
from models.phrases import counted, figure, phrase

RULE = Rule("unanswered", "1", "DESIGN")
SETTLED = phrase("nothing waits any more: it was answered, is over, or another team was asked")

WITH_IT = phrase("with the alarm that nobody had answered")
"""Why an alert is acknowledged by whoever has acknowledged the alarm about it."""
TAKEN = phrase("who has it was told already")
"""Why nobody is told that an alarm is over which somebody has acknowledged."""


def asks_everybody(event: AlertEvent) -> bool:
    """Whether the whole chain was asked before: there is nobody left to be the next."""
    return event.problem == UNANSWERED or event.rung >= EVERYBODY


def unanswered(episodes: list[Episode]) -> list[Episode]:
    """Alerts of which the whole chain was told, and that nobody has taken up. The episode says so by itself: by the
    number of rungs that is set today, an alarm would end for alerts that nobody was asked about anew."""
    return [e for e in episodes if not e.is_alarm and e.state in ("open", "escalated") and e.rung >= EVERYBODY]


def untold(left: list[Episode], alarm: Episode | None) -> list[Episode]:
    """Those that the alarm has not told of (None: none stands). What is asked about anew is told of once more, when its
    time is over."""
    over = [e for e in left if e.due_us is None]
    if alarm is not None:
        alarm.sources = [e.alert_id for e in over if e.alert_id in alarm.sources]
    return [e for e in over if alarm is None or e.alert_id not in alarm.sources]


def told_by(alarm: Episode, episodes: list[Episode]) -> list[Episode]:
    """What this alarm has told of, and nobody has taken up since; what it has not told of is still to be answered.
    Nothing, if it is no such alarm."""
    return [e for e in unanswered(episodes) if alarm.is_alarm and e.alert_id in alarm.sources]


def alarm_of(episodes: list[Episode], when: When) -> Episode:
    """The patient's alarm: the one that stands or has just ended, or a new one that is pending."""
    known = find(episodes, UNANSWERED, False, when.decided_us)
    if known is not None:
        return known
    alarm = Episode(
        alert_id=alert_id(when.patient, UNANSWERED, when.decided_us, False, when.life), problem=UNANSWERED, vital="",
        title="", kind="delivery", category="technical", state="pending", rank=0, sequence=0,
        onset_us=when.decided_us, event_us=when.decided_us, retrospective=False, rule=RULE, evidence=[],
        population=False, sources=[], day=day_of(when.decided_us), team=when.care_team,
    )  # fmt: skip
    make_room(episodes)
    episodes.append(alarm)
    return alarm


def describe(alarm: Episode, left: list[Episode], when: When) -> None:
    """What the alarm says now."""
    alarm.sources = [e.alert_id for e in left if e.due_us is None]
    alarm.event_us, alarm.rung = when.decided_us, when.chain.rungs
    worst = max(left, key=lambda e: e.rank)
    title = phrase("Nobody has answered: {title}", title=worst.title)
    if len(left) > 1:
        title = counted(
            "Nobody has answered: {title} and {n} more", "Nobody has answered: {title} and {n} more",
            n=len(left) - 1, title=worst.title,
        )  # fmt: skip
    said = phrase(
        "Each of the {rungs} on the chain of {team} was asked in turn, and nobody has acknowledged: {titles}. "
        "Everybody of the team, and ops, is asked now: somebody has to look at the patient, and somebody at why nobody "
        "was reached.",
        rungs=figure(when.chain.rungs),
        team=when.care_team or OPS,
        titles="; ".join(e.title for e in left),
    )
    alarm.title, alarm.said = when.say(title), when.say(said)
