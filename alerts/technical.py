"""The words of alerts about devices: what has happened, since when, what is usual, and what to do about it.

For a nurse on the phone with the patient, not for an engineer.
"""

from typing import Literal

from alerts.explain import moment, named
from models.times import from_us

Fault = Literal["stuck", "behind", "ahead"]
HOUR_S, DAY_S = 3600, 86_400

BACK_AGAIN = "data are coming again"
CLOCK_RIGHT_AGAIN = "the device's clock is right again"
_WORN = "Check that it is worn and charged, and that its phone or hub is switched on and connected."


def span(seconds: float) -> str:
    """A length of time as it is said.

    >>> span(1500), span(5400), span(3 * 3600), span(50 * 3600)
    ('25 minutes', '1.5 hours', '3 hours', '2 days')
    """
    if seconds < HOUR_S:
        n, unit = round(seconds / 60), "minute"
    elif seconds < 2 * DAY_S:
        return f"{round(seconds / HOUR_S, 1):g} hour{'' if seconds == HOUR_S else 's'}"
    else:
        n, unit = round(seconds / DAY_S), "day"
    return f"{n} {unit}{'' if n == 1 else 's'}"


def device_title(device: str) -> str:
    """One line for the worklist.

    >>> device_title("urn:dev:watch-9"), device_title("")
    ('No data from urn:dev:watch-9', 'No data from a device without a name')
    """
    return f"No data from {device or 'a device without a name'}"


def vital_title(vital: str) -> str:
    """One line for the worklist.

    >>> vital_title("spo2")
    'No oxygen saturation any more'
    """
    return f"No {named(vital)} any more"


def clock_title(device: str) -> str:
    """One line for the worklist."""
    return f"The clock of {device or 'a device without a name'} is wrong"


def device_silent(device: str, since_us: int, usual_s: float | None, allowed_s: float) -> str:
    """Why: nothing at all comes from a device. usual_s: longest usual pause, None while it is not known."""
    named_device = device or "a device without a name"
    return (
        f"Nothing has come from {named_device} since {moment(from_us(since_us))}. {_usual(usual_s, allowed_s)} {_WORN}"
    )


def vital_silent(vital: str, device: str, since_us: int, usual_s: float | None, allowed_s: float) -> str:
    """Why: one vital no longer comes from a device that still sends others."""
    sentences = [
        f"No {named(vital)} has come from {device or 'a device without a name'} since {moment(from_us(since_us))},",
        "although the device still sends other readings.",
        _usual(usual_s, allowed_s),
        "Check how the device is worn and whether this measurement is switched on.",
    ]
    return " ".join(sentences)


def _usual(usual_s: float | None, allowed_s: float) -> str:
    """What is usual for this patient and device, and what was waited for."""
    if usual_s is None:
        return f"It is not yet known how often it usually sends: {span(allowed_s)} were waited for."
    return f"The longest usual pause of late was {span(usual_s)}; {span(allowed_s)} were waited for."


def clock_wrong(device: str, fault: Fault, measured_us: int, arrived_us: int) -> str:
    """Why: what a device says of the time cannot be true."""
    said = f"It dated a reading {moment(from_us(measured_us))} that arrived on {moment(from_us(arrived_us))}"
    what = {
        "stuck": f"{said}, and dates every reading the same.",
        "behind": f"{said}; before that its readings came at once.",
        "ahead": f"{said}. Readings from the future are refused.",
    }[fault]
    return f"The clock of {device or 'a device without a name'} is wrong. {what} Set its date, time and time zone anew."
