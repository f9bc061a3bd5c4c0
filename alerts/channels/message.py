"""The words of a message to a person. What is not marked safe gets nothing by which a patient could be told."""

from dataclasses import dataclass

from alerts.events import AlertEvent, Notice

LEADS: dict[Notice, str] = {
    "first": "New", "worse": "Worse", "escalated": "Not answered yet", "resolved": "Over", "repeat": "Still there",
    "returned": "Back again", "woken": "Snooze over", "handed_over": "Handed over to you",
}  # fmt: skip


@dataclass(frozen=True)
class Message:
    """Subject and text, plain."""

    subject: str
    text: str


def message_of(event: AlertEvent, *, safe: bool, desk: str | None, link: str | None) -> Message:
    """safe: the channel may carry the patient's id and readings; desk: where more is seen; link: acknowledges."""
    lead = LEADS.get(event.notify or "first", "New")
    about = event.title if safe else f"{event.category} alert"
    lines = [f"{lead}: {about}", f"Severity: {event.severity}"]
    if safe:
        lines += [f"Patient: {event.patient}", "", event.explanation]
    if event.reason and safe:
        lines.append(f"Reason: {event.reason}")
    if event.deadline and event.state == "open":
        lines += ["", f"Please answer by {event.deadline}; then the next one is asked."]
    if link and event.state == "open":
        lines.append(f"I have it: {link}")
    if desk:
        lines.append(f"More: {desk}")
    return Message(f"[{event.severity}] {lead}: {about}", "\n".join(lines) + "\n")
