"""The words of alerts about devices: what has happened, since when, what is usual, and what to do about it.

For a nurse on the phone with the patient, not for an engineer.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from alerts.explain import named
from models.phrases import counted, figure, joined, moment, phrase
from models.times import from_us

Fault = Literal["stuck", "behind", "late", "ahead", "lost"]
HOUR_S, DAY_S = 3600, 86_400
TITLE_CHARS_MAX = 100
"""Of a title that would be longer it is the device's own name that says what is missing: a title is one line."""

LASTS = phrase("it was resolved, and is still so")
SILENT_AGAIN = phrase("silent again")
"""Not "returned": of a device that reads as if its data were there again."""
BACK_AGAIN = phrase("data are coming again")
SENSOR_RIGHT_AGAIN = phrase("its readings are those of a patient again")
CLOCK_RIGHT_AGAIN = phrase("the device's clock is right again")
NAMELESS = phrase("a device without a name")


def span(seconds: float) -> str:
    """A length of time as it is said.

    >>> span(1500), span(5400), span(3 * 3600), span(50 * 3600)
    ('25 minutes', '1.5 hours', '3 hours', '2 days')
    """
    if seconds < HOUR_S:
        return counted("{n} minute", "{n} minutes", n=round(seconds / 60))
    if seconds < 2 * DAY_S:
        hours = figure(round(seconds / HOUR_S, 1), "g")
        return counted("{hours} hour", "{hours} hours", n=1 if seconds == HOUR_S else 2, hours=hours)
    return counted("{n} day", "{n} days", n=round(seconds / DAY_S))


def device_title(device: str, vitals: Sequence[str]) -> str:
    """One line for the worklist: what is missing, as long as that is short.

    >>> device_title("urn:dev:scale-2", ["body_weight"]), device_title("", 12 * ["steps"])
    ('No data from urn:dev:scale-2 (weight)', 'No data from a device without a name')
    """
    name, missing = device or NAMELESS, joined([named(vital) for vital in vitals], ", ")
    long = phrase("No data from {device} ({vitals})", device=name, vitals=missing)
    return long if vitals and len(long) <= TITLE_CHARS_MAX else phrase("No data from {device}", device=name)


def vital_title(vital: str) -> str:
    """One line for the worklist.

    >>> vital_title("spo2")
    'No oxygen saturation any more'
    """
    return phrase("No {vital} any more", vital=named(vital))


def clock_title(device: str, fault: Fault) -> str:
    """One line for the worklist.

    >>> clock_title("watch-9", "behind"), clock_title("watch-9", "late")
    ('The clock of watch-9 is wrong', 'The clock of watch-9 is behind, or what it sends is always late')
    """
    if fault == "late":
        return phrase("The clock of {device} is behind, or what it sends is always late", device=device or NAMELESS)
    return phrase("The clock of {device} is wrong", device=device or NAMELESS)


def device_silent(device: str, since_us: int, usual_s: float | None, allowed_s: float) -> str:
    """Why: nothing at all comes from a device. usual_s: longest usual pause, None while it is not known."""
    since = moment(from_us(since_us))
    return joined([
        phrase("Nothing has come from {device} since {moment}.", device=device or NAMELESS, moment=since),
        _usual(usual_s, allowed_s),
        phrase("Check that it is worn and charged, and that its phone or hub is switched on and connected."),
    ])  # fmt: skip


def vital_silent(vital: str, device: str, since_us: int, usual_s: float | None, allowed_s: float) -> str:
    """Why: one vital no longer comes from a device that still sends others."""
    return joined([
        phrase(
            "No {vital} has come from {device} since {moment}, although the device still sends other readings.",
            vital=named(vital), device=device or NAMELESS, moment=moment(from_us(since_us)),
        ),
        _usual(usual_s, allowed_s),
        phrase("Check how the device is worn and whether this measurement is switched on."),
    ])  # fmt: skip


def _usual(usual_s: float | None, allowed_s: float) -> str:
    """What is usual for this patient and device, and what was waited for."""
    waited = span(allowed_s)
    if usual_s is None:
        return phrase("It is not yet known how often it usually sends: {waited} were waited for.", waited=waited)
    return phrase(
        "The longest usual pause of late was {usual}; {waited} were waited for.", usual=span(usual_s), waited=waited
    )


def clock_wrong(device: str, fault: Fault, measured_us: int, arrived_us: int) -> str:
    """Why: what a device says of the time cannot be true."""
    when = {"measured": moment(from_us(measured_us)), "arrived": moment(from_us(arrived_us))}
    if fault == "late":
        return _always_late(device, when)
    match fault:
        case "stuck":
            what = phrase(
                "It dated a reading {measured} that arrived on {arrived}, and dates every reading the same.", **when
            )
        case "behind":
            what = phrase(
                "It dated a reading {measured} that arrived on {arrived}; before that its readings came at once.",
                **when,
            )
        case "ahead":
            what = phrase(
                "It dated a reading {measured} that arrived on {arrived}. Readings from the future are refused.", **when
            )
        case "lost":
            what = phrase(
                "It dated a reading {measured} that arrived on {arrived}: it has lost the time, as after an empty "
                "battery. Such readings are refused.",
                **when,
            )
    return joined([
        phrase("The clock of {device} is wrong.", device=device or NAMELESS),
        what,
        phrase("Set its date, time and time zone anew."),
    ])  # fmt: skip


def _always_late(device: str, when: Mapping[str, str]) -> str:
    """The same where the device's connection may be at fault as well."""
    return joined([
        phrase(
            "{device} dated a reading {measured} that arrived on {arrived}, and what it sends has been as old for "
            "hours, or for days, and never newer.",
            device=device or NAMELESS, **when,
        ),
        phrase(
            "So all that it measures counts as past, and even an emergency is told without waking anybody. Look at the "
            "date, the time and the time zone that it shows, and set them anew. If they are right, its connection "
            "takes that long: have it mended, or measure in another way."
        ),
    ])  # fmt: skip


def sensor_title(device: str) -> str:
    """One line for the worklist.

    >>> sensor_title("urn:dev:watch-9")
    'Readings of urn:dev:watch-9 cannot be right'
    """
    return phrase("Readings of {device} cannot be right", device=device or NAMELESS)


def sensor_fault(device: str, vital: str, fault: str, since_us: int) -> str:
    """Why: readings say more about a sensor than about the patient. fault: name of a `models.detectors.sensor.Fault`.

    >>> sensor_fault("watch-9", "heart_rate", "FLAT", 0)[:47]
    'The heart rate from watch-9 has stood still at '
    """
    of = {"vital": named(vital), "device": device or NAMELESS, "moment": moment(from_us(since_us))}
    return joined([
        *_what_is_wrong(fault, of),
        phrase(
            "While this lasts it counts as unknown: it is not learned from, and not held against what is usual for the "
            "patient. Limits that hold for everyone are watched as before."
        ),
    ])  # fmt: skip


def _what_is_wrong(fault: str, of: dict[str, str]) -> list[str]:
    """What is wrong with a vital's readings, and what to do about it."""
    match fault:
        case "FLAT":
            what = phrase("The {vital} from {device} has stood still at one value since {moment}.", **of)
            return [what, phrase("Check that it is worn snugly, and that the sensor is clean.")]
        case "EDGE":
            what = phrase(
                "The {vital} from {device} has stood at the end of what the device can measure since {moment}.", **of
            )
            return [what, phrase("Measure once with another device.")]
        case "JUMP":
            what = phrase("Since {moment} the {vital} from {device} jumps further than a body does.", **of)
            return [what, phrase("Check who uses the device, and how it is worn.")]
        case "BELOW":
            what = phrase("The {vital} from {device} is so low since {moment} that it was hardly worn.", **of)
            return [what, phrase("Ask whether it was worn all the time, and how the patient is.")]
        case "CADENCE":
            what = phrase("The {vital} from {device} follows the rate of steps since {moment}.", **of)
            return [what, phrase("Wear the device higher on the wrist, and tighter, when walking.")]
    raise ValueError(f"no words for a fault {fault!r}")
