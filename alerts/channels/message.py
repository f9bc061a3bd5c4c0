"""The words of a message to a person. What is not marked safe gets nothing by which a patient could be told."""

from dataclasses import dataclass
from datetime import datetime

from alerts.channels.quiet import QUIET_HOURS
from alerts.episodes import UNANSWERED
from alerts.events import AlertEvent, Category, Notice
from alerts.explain import SEVERITY_WORDS
from alerts.language import ENGLISH, voice
from alerts.unanswered import asks_everybody
from models.phrases import moment, phrase, say

LEADS: dict[Notice, str] = {
    "first": phrase("New"), "worse": phrase("Worse"), "escalated": phrase("Not answered yet"),
    "resolved": phrase("Over"), "repeat": phrase("Still there"), "returned": phrase("Again"),
    "woken": phrase("Snooze over"), "handed_over": phrase("Handed over to you"),
    "taken": phrase("Taken"),
}  # fmt: skip
GIVEN = phrase("Assigned to you")
UNSAFE: dict[Category, str] = {"clinical": phrase("clinical alert"), "technical": phrase("technical alert")}
UNSAFE_UNANSWERED = phrase("an alert that nobody has answered")
"""Of the alarm at the end of a chain: it is about a patient, and nobody may take it for a fault of some device."""


@dataclass(frozen=True)
class Message:
    """Subject and text, plain."""

    subject: str
    text: str


def message_of(
    event: AlertEvent, *, safe: bool, desk: str | None, link: str | None, language: str = ENGLISH
) -> Message:
    """safe: the channel may carry the patient's id and readings; desk: where more is seen; link: acknowledges;
    language: that of the deployment, in which the event has been told."""
    about = {
        "lead": GIVEN if event.event == "assigned" else LEADS.get(event.notify or "first", LEADS["first"]),
        "about": _about(event, safe),
    }
    severity, spoken = SEVERITY_WORDS[event.severity], voice(language)
    lines: list[str] = [phrase("{lead}: {about}", **about), phrase("Severity: {severity}", severity=severity)]
    if event.notify == "taken":
        lines.append(_taken(event))
    if safe:
        lines += [phrase("Patient: {patient}", patient=event.patient), "", event.explanation]
    if event.reason and safe:
        lines.append(phrase("Reason: {reason}", reason=event.reason))
    if event.deadline and event.state == "open":
        lines += ["", _asks(event, _at(event.deadline))]
    if link and event.state == "open":
        lines.append(phrase("I have it: {link}", link=link))
    if desk:
        lines.append(phrase("More: {link}", link=desk))
    subject = phrase("[{severity}] {lead}: {about}", severity=severity, **about)
    return Message(_one_line(say(subject, spoken)), "\n".join(say(line, spoken) for line in lines) + "\n")


def _one_line(text: str) -> str:
    """A header of a mail is one line: a title with a name that is not ours may have more, and must be told."""
    return " ".join(text.split())


def _about(event: AlertEvent, safe: bool) -> str:
    """What it is about, as far as the channel may carry it. How many wait after quiet hours names no patient."""
    if safe or event.problem == QUIET_HOURS:
        return event.title
    return UNSAFE_UNANSWERED if event.problem == UNANSWERED else UNSAFE[event.category]


def _asks(event: AlertEvent, by: str) -> str:
    if asks_everybody(event):
        return phrase("Please answer by {deadline}; then everybody is asked again.", deadline=by)
    return phrase("Please answer by {deadline}; then the next one is asked.", deadline=by)


def _at(rfc3339: str) -> str:
    """For a person who is woken: no seconds, and none of the form that programs read."""
    return moment(datetime.fromisoformat(rfc3339))


def _taken(event: AlertEvent) -> str:
    """Who has it now, for whoever was asked before."""
    if event.until is not None:
        return phrase("{who} has snoozed it until {until}.", who=event.by, until=_at(event.until))
    return phrase("{who} has it. Nothing is asked of you any more.", who=event.by)
