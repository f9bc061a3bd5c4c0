"""The words of an alert: plain sentences made from its evidence, as a nurse would say them. No language model.

What is said is what was decided on: the value, the patient's own band, how old and how sure the baseline is, which
modifiers applied, data quality, and whether a limit that holds for everyone would have fired too.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from alerts.events import Evidence
from models.findings import Kind
from models.times import from_us
from models.vitals import BY_NAME

SURE, LEARNING = 0.8, 0.3
"""Share of the level that is the patient's own, above which a baseline is called that, or still learning."""


def title(vital: str, direction: str, kind: Kind, limit: str | None) -> str:
    """One line for the worklist.

    >>> title("heart_rate", "high", "deviation", None)
    'Heart rate high for this patient'
    >>> title("spo2", "low", "limit", "below 80 %")
    'Oxygen saturation below 80 %'
    """
    name = _NAMES.get(vital) or BY_NAME[vital].label.split("(")[0].strip()
    return f"{name} {limit}" if kind == "limit" and limit else f"{name} {direction} for this patient"


def ahead_title(low: float) -> str:
    """One line for the worklist.

    >>> ahead_title(70)
    'Glucose may fall below 70 mg/dL within half an hour'
    """
    return f"Glucose may fall below {low:g} mg/dL within half an hour"


def ahead(value: float, at_us: int, low: float, chance: float) -> str:
    """Why a low glucose is expected."""
    return (
        f"Measured {number(value, 'mg/dL')} on {moment(from_us(at_us))}. By how it has been falling, and how this "
        f"patient's glucose moves, a fall below {low:g} mg/dL within half an hour has a chance of {chance:.0%}."
    )


def not_ahead(value: float, at_us: int, low: float) -> str:
    """Why a low glucose is no longer expected."""
    said = f"Measured {number(value, 'mg/dL')} on {moment(from_us(at_us))}."
    return f"{said} A fall below {low:g} mg/dL within half an hour is no longer expected."


def drifted_title(vital: str, high: bool) -> str:
    """One line for the worklist.

    >>> drifted_title("resting_heart_rate", True)
    'Resting heart rate drifting up for this patient'
    """
    name = _NAMES.get(vital) or BY_NAME[vital].label.split("(")[0].strip()
    return f"{name} drifting {'up' if high else 'down'} for this patient"


def drifted(vital: str, value: float, usual: float, days: int, score: float, learned: float) -> str:
    """Why a drift is told.

    >>> drifted("resting_heart_rate", 66.1, 60.2, 5, 4.2, 45).partition(";")[0]
    'Last 66 /min, usual for this patient 60 /min (learned over 45 days). All of the last 6 days lie on that side'
    """
    unit = BY_NAME[vital].unit
    side = f"All of the last {days + 1} days lie on that side; as" if days else "As"
    return (
        f"Last {number(value, unit)}, usual for this patient {number(usual, unit)} (learned over {learned:.0f} days). "
        f"{side} a week that is {abs(score):.1f} standard deviations away; no single day need be out of the band."
    )


def together(score: float, parts: Sequence[tuple[str, bool, float]]) -> str:
    """Why a change of several vitals is told; parts: name, whether up is worse, and by how many SD of a week.

    >>> together(3.1, [("resting_heart_rate", True, 2.1), ("steps", False, 1.6)]).partition(": ")[2].partition(". ")[0]
    'resting heart rate up (2.1), steps down (1.6)'
    """
    moved = ", ".join(f"{named(name)} {'up' if up else 'down'} ({by:.1f})" for name, up, by in parts)
    return (
        f"Over the last week several vitals together moved {score:.1f} standard deviations towards getting worse: "
        f"{moved}. No one of them need be out of the patient's own band."
    )


def named(vital: str) -> str:
    """A vital inside a sentence.

    >>> named("heart_rate"), named("fev1"), named("peak_flow")
    ('heart rate', 'FEV1', 'peak expiratory flow')
    """
    name = _NAMES.get(vital) or BY_NAME[vital].label.split("(")[0].strip()
    return name if name[:2].isupper() else name[0].lower() + name[1:]


def explain(kind: Kind, evidence: Evidence, onset_us: int, population: bool, retrospective: bool) -> str:
    """Why this alert, in a few sentences."""
    sentences = [
        _measured(evidence),
        _band(evidence),
        _certainty(evidence),
        _modifiers(evidence),
        _quality(evidence),
        f"It began on {moment(from_us(onset_us))}.",
        _population(kind, population),
    ]
    if retrospective:
        sentences.insert(0, "These readings arrived late: this is about the past, not about now.")
    return " ".join(s for s in sentences if s)


_NAMES = {
    "heart_rate": "Heart rate", "spo2": "Oxygen saturation", "body_temperature": "Temperature",
    "hrv_rmssd": "Heart rate variability",
    "systolic_bp": "Systolic blood pressure", "diastolic_bp": "Diastolic blood pressure", "fev1": "FEV1", "qtc": "QTc",
    "resting_heart_rate": "Resting heart rate", "skin_temperature": "Skin temperature", "glucose": "Glucose",
    "body_weight": "Weight", "steps": "Steps", "sleep_duration": "Sleep duration",
}  # fmt: skip


def number(value: float | None, unit: str | None) -> str:
    """A value as people write it.

    >>> number(72.04, "/min"), number(36.64, "Cel"), number(None, "%")
    ('72 /min', '36.6 °C', 'no value')
    """
    if value is None:
        return "no value"
    shown = {"Cel": "°C", "mm[Hg]": "mmHg", "{steps}": "steps"}.get(unit or "", unit or "")
    digits = 0 if abs(value) >= 60 else 1
    return f"{value:.{digits}f} {shown}".rstrip()


def moment(at: datetime) -> str:
    """A time as it is said. In UTC, and says so: the patient, the team and the reader may live in three zones.

    >>> moment(datetime(2026, 1, 5, 8, 0, tzinfo=UTC))
    '5 January 2026 at 08:00 UTC'
    """
    at = at.astimezone(UTC)
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year} at {at:%H:%M} UTC"


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def _measured(e: Evidence) -> str:
    return f"Measured {number(e.value, e.unit)} on {moment(datetime.fromisoformat(e.at))}."


def _band(e: Evidence) -> str:
    if e.expected is None or e.low is None or e.high is None:
        return "There is no band of the patient's own to compare with yet."
    away = f", {abs(e.score):.1f} standard deviations away" if e.score is not None else ""
    span = f"{number(e.low, None)} to {number(e.high, e.unit)}"
    return f"Expected for this patient: {number(e.expected, e.unit)}, own band {span}{away}."


def _certainty(e: Evidence) -> str:
    if e.own_weight is None or e.baseline_days is None:
        return ""
    days = f"{e.baseline_days:.0f} day{'' if round(e.baseline_days) == 1 else 's'}"
    if e.own_weight >= SURE:
        return f"The band is the patient's own, learned over {days}."
    if e.own_weight >= LEARNING:
        return f"The band is still being learned ({days} so far, {e.own_weight:.0%} the patient's own)."
    return f"The band comes mostly from the profile ({days} of own readings so far)."


def _modifiers(e: Evidence) -> str:
    return f"Taken into account: {', '.join(e.modifiers)}." if e.modifiers else ""


def _quality(e: Evidence) -> str:
    return f"The device reported a signal quality of {e.quality:.0%}." if e.quality is not None else ""


def _population(kind: Kind, population: bool) -> str:
    if kind == "limit":
        return "This is a limit that holds for everyone."
    return "A limit for everyone would have fired too." if population else "No limit for everyone is broken."
