"""What is told about sources: an integration or a site that goes quiet, or whose readings are suddenly refused.

A source changes its state by a control record that goes to every partition of the log (`SourceChange`). Everything that
an alert says follows from that record alone, so it is the same alert wherever it is raised.
"""

from typing import Literal

import msgspec

from alerts.episodes import Episode
from alerts.policy import PolicySettings, When
from alerts.raised import Cleared, Raised
from alerts.technical import LASTS
from models.findings import SEVERITIES, Kind, Rule
from models.phrases import counted, figure, joined, moment, phrase
from models.readings import Instant
from models.times import US_PER_S, from_us, to_us

INGEST = "ingest"
"""Stands for all sources together."""
PATIENT_PREFIX = "source:"
DETAIL_CHARS_MAX = 200
"""Of the example in a change: it goes to every partition."""

SourceState = Literal["quiet", "flowing", "failing", "healthy", "undelivered", "delivering"]
Trouble = Literal["quiet", "failing", "undelivered"]
"""The last two states, and the last trouble, are those of a channel by which people are told."""
TROUBLE_OF: dict[SourceState, Trouble] = {
    "quiet": "quiet", "flowing": "quiet", "failing": "failing", "healthy": "failing",
    "undelivered": "undelivered", "delivering": "undelivered",
}  # fmt: skip
RULES = {trouble: Rule(f"{trouble}_source", "1", "DESIGN") for trouble in ("quiet", "failing", "undelivered")}
URGENT = SEVERITIES.index("urgent")
"""Patients are not watched meanwhile: somebody should look within the hour."""


class Example(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """One refused reading, named by its place in the log: its bytes are on `rejects`, for whoever may read them."""

    reason: str
    detail: str
    partition: int
    offset: int
    arrived: Instant


class SourceChange(msgspec.Struct, kw_only=True, frozen=True):
    """A source is in another state from here on.

    since: when it began; of `flowing` and `healthy`: when that began which is over. at: the end of the minute in which
    it was seen. counts: of readings and patients, by name; reasons of refusal under their own.
    """

    source: str
    state: SourceState
    since: Instant
    at: Instant
    counts: dict[str, int] = {}
    example: Example | None = None


def patient_of(source: str) -> str:
    """What stands for the patient in the alerts and actions about a source."""
    return PATIENT_PREFIX + source


def when(change: SourceChange, policy: PolicySettings) -> When:
    """All times are the change's own."""
    return When(patient_of(change.source), None, to_us(change.at), to_us(change.at), policy=policy)


def raised(change: SourceChange) -> Raised:
    """A source is in trouble."""
    trouble = TROUBLE_OF[change.state]
    return Raised(
        problem=f"source.{trouble}", vital="", title=_title(trouble, change.source), kind=kind_of(trouble),
        rank=URGENT, rule=RULES[trouble], onset_us=to_us(change.since), event_us=to_us(change.at), retrospective=False,
        evidence=None, population=False, said=_SAID[trouble](change),
    )  # fmt: skip


def lasting(alert: Episode, at_us: int) -> Raised:
    """A person has ended the alert, and the source is in trouble as before."""
    return Raised(
        problem=alert.problem, vital="", title=alert.title, kind=alert.kind, rank=URGENT, rule=alert.rule,
        onset_us=alert.onset_us, event_us=at_us, retrospective=False, evidence=None, population=False, said=alert.said,
        returned=LASTS,
    )  # fmt: skip


def cleared(change: SourceChange) -> Cleared:
    """The trouble is over."""
    trouble = TROUBLE_OF[change.state]
    times = {"since": moment(change.since), "until": moment(change.at)}
    match trouble:
        case "quiet":
            reason = phrase("readings come again")
            said = phrase("After {since} no reading had come. Since {until} readings come again.", **times)
        case "failing":
            reason = phrase("its readings are decided again")
            said = phrase(
                "From {since} on readings had been refused. Since {until} its readings are decided again.", **times
            )
        case "undelivered":
            reason = phrase("messages get through again")
            said = phrase(
                "From {since} on messages had not got through. Since {until} messages get through again.", **times
            )
    return Cleared(f"source.{trouble}", kind_of(trouble), to_us(change.at), None, reason, said)


def kind_of(trouble: Trouble) -> Kind:
    """A channel that fails is about delivery."""
    return "delivery" if trouble == "undelivered" else "source"


def _title(trouble: Trouble, source: str) -> str:
    name = phrase("any source") if source == INGEST else source
    match trouble:
        case "quiet":
            return phrase("No readings from {source}", source=name)
        case "failing":
            return phrase("Readings of {source} are refused", source=name)
        case "undelivered":
            return phrase("Messages do not get through: {source}", source=name)


def _quiet(change: SourceChange) -> str:
    waited = span(to_us(change.at) - to_us(change.since))
    said = [
        phrase(
            "The last reading arrived on {moment}; in the {waited} since there was none.",
            moment=moment(change.since), waited=waited,
        )
    ]  # fmt: skip
    if patients := change.counts.get("patients"):
        said.append(
            counted(
                "It had brought readings of {patients} patients within a day.",
                "It had brought readings of {patients} patients within a day.",
                n=patients,
                patients=figure(patients, ","),
            )
        )
    said.append(phrase("While this lasts, silence of its patients is not told one by one: nobody sees how they are."))
    return joined(said)


def _failing(change: SourceChange) -> str:
    refused, received = change.counts.get("rejected", 0), change.counts.get("received", 0)
    reasons = sorted(
        (-n, name) for name, n in change.counts.items() if name not in ("received", "rejected", "patients")
    )
    listed = joined((joined([name, figure(-n, ",")]) for n, name in reasons), ", ")
    said = [
        phrase(
            "Of its last {received} readings {refused} were refused ({reasons}), since {moment}.",
            received=figure(received, ","), refused=figure(refused, ","), reasons=listed, moment=moment(change.since),
        )
    ]  # fmt: skip
    if example := change.example:
        said.append(
            phrase(
                "For example partition {partition}, offset {offset}: {reason}, {detail}.",
                partition=example.partition, offset=example.offset, reason=example.reason, detail=example.detail,
            )
        )  # fmt: skip
    said.append(
        phrase("The readings are on the rejects topic; once the cause is mended, homebeat redrive puts them back.")
    )
    return joined(said)


def _undelivered(change: SourceChange) -> str:
    return phrase(
        "{failed} messages in a row have not got through, since {moment}. Whoever is reached in another way is told "
        "that way. Each failure is on the deliveries topic with its cause; homebeat check asks the channel.",
        failed=change.counts.get("failed", 0), moment=moment(change.since),
    )  # fmt: skip


_SAID = {"quiet": _quiet, "failing": _failing, "undelivered": _undelivered}


def span(us: int) -> str:
    """A length of time as people say it.

    >>> span(600_000_000), span(90 * 60_000_000), span(86_400_000_000)
    ('10 minutes', '90 minutes', '24 hours')
    """
    minutes = round(us / (60 * US_PER_S))
    if minutes < 120:
        return counted("{n} minute", "{n} minutes", n=minutes)
    return counted("{n} hour", "{n} hours", n=round(minutes / 60))


def example_at(reason: str, detail: str, partition: int, offset: int, arrived_us: int) -> Example:
    """An example, its words cut to what may travel."""
    return Example(
        reason=reason, detail=detail[:DETAIL_CHARS_MAX], partition=partition, offset=offset, arrived=from_us(arrived_us)
    )
